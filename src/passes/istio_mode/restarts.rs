//! What must restart: a pod keeps the init container that it was created with.

use super::Report;
use crate::istio::mode_settings::Redirection;
use crate::krm::{Error, Finding, List, ResourceRef, Severity};
use crate::kube::names::is_profile;
use crate::rules::Rule;

/// One result for each namespace of the mesh, with its command.
pub(super) fn report(list: &List<'_>, redirection: Redirection, report: &mut Report) -> Result<(), Error> {
    let daemon_set =
        list.items().iter().find(|item| item.is("apps/v1", "DaemonSet") && item.name() == "istio-cni-node");
    let first = match (redirection, daemon_set) {
        (Redirection::IstioCni, Some(item)) => format!(
            "when istio-cni runs on all nodes (kubectl rollout status daemonset/istio-cni-node -n {})",
            item.namespace()
        ),
        _ => "when istiod has the new injector settings".to_owned(),
    };
    let mut any = false;
    for item in list.items().iter().filter(|item| !item.is_local_config()) {
        let name = if item.is("v1", "Namespace") {
            let parsed = item.parse()?;
            let Some(labels) = parsed.root().and_then(|root| root.find(&["metadata", "labels"])) else { continue };
            let injected = labels.get("istio-injection").map(|value| value.scalar_text());
            if injected != Some("enabled") && (injected.is_some() || labels.get("istio.io/rev").is_none()) {
                continue;
            }
            item.name()
        } else if is_profile(item) {
            item.name()
        } else {
            continue;
        };
        let message = format!(
            "pods keep their init container until they restart; {first}: kubectl rollout restart \
             deployment,statefulset,daemonset -n {name}"
        );
        let mut finding = Finding::new(Rule::RestartNeeded, Severity::Info, message);
        finding.resource_ref = Some(ResourceRef {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            name: name.to_owned(),
            namespace: String::new(),
        });
        report.add(finding);
        any = true;
    }
    if !any {
        let message = format!(
            "pods keep their init container until they restart; {first}, for each namespace of the mesh (kubectl get \
             namespaces -l istio-injection=enabled): kubectl rollout restart deployment,statefulset,daemonset -n NAMESPACE"
        );
        report.add(Finding::new(Rule::RestartNeeded, Severity::Info, message));
    }
    Ok(())
}
