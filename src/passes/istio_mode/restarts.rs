//! What must restart: a pod keeps the init container and the sidecar that it was created with.

use super::{Plan, Report};
use crate::config::DataplaneMode;
use crate::krm::{Error, Finding, List, ResourceRef, Severity};
use crate::kube::names::is_profile;
use crate::rules::Rule;

/// One result for each namespace of the mesh, with its command.
///
/// `redirected`: pods that keep their sidecars get another init container.
pub(super) fn report(list: &List<'_>, plan: &Plan<'_>, redirected: bool, report: &mut Report) -> Result<(), Error> {
    let running = |name: &str| {
        let agent = list.items().iter().find(|item| item.is("apps/v1", "DaemonSet") && item.name() == name);
        agent.map(|item| format!("kubectl rollout status daemonset/{name} -n {}", item.namespace()))
    };
    let kept = match (plan.mode, &plan.ztunnel_namespace) {
        (DataplaneMode::Ambient, _) => "their sidecar",
        (_, Some(_)) => "the way in and out that they were created with",
        (_, None) => "their init container",
    };
    let first = match (plan.mode, running("istio-cni-node")) {
        (DataplaneMode::Ambient, Some(cni)) => {
            let ztunnel = running("ztunnel").map(|ztunnel| format!(" and {ztunnel}")).unwrap_or_default();
            format!("when istio-cni and ztunnel run on all nodes ({cni}{ztunnel})")
        }
        (DataplaneMode::Cni, Some(cni)) => format!("when istio-cni runs on all nodes ({cni})"),
        _ => "when istiod has the new injector settings".to_owned(),
    };
    let mut any = false;
    for item in list.items().iter().filter(|item| !item.is_local_config()) {
        let name = if item.is("v1", "Namespace") {
            let parsed = item.parse()?;
            let Some(labels) = parsed.root().and_then(|root| root.find(&["metadata", "labels"])) else { continue };
            let injected = labels.get("istio-injection").map(|value| value.scalar_text());
            let in_ambient = labels.get("istio.io/dataplane-mode").map(|value| value.scalar_text()) == Some("ambient");
            let has_sidecars =
                injected == Some("enabled") || (injected.is_none() && labels.get("istio.io/rev").is_some());
            if !has_sidecars && !in_ambient {
                continue;
            }
            item.name()
        } else if is_profile(item) {
            item.name()
        } else {
            continue;
        };
        let ambient = &plan.istio.ambient;
        let moves = if is_profile(item) { ambient.user_namespaces } else { ambient.moves(name) };
        let kept = match (plan.mode, moves, redirected) {
            (DataplaneMode::Ambient, false, false) => {
                any = true;
                continue;
            }
            (DataplaneMode::Ambient, false, true) => "their init container",
            _ => kept,
        };
        let message = format!(
            "pods keep {kept} until they restart; {first}: kubectl rollout restart \
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
            "pods keep {kept} until they restart; {first}, for each namespace of the mesh (kubectl get \
             namespaces -l istio-injection=enabled): kubectl rollout restart deployment,statefulset,daemonset -n NAMESPACE"
        );
        report.add(Finding::new(Rule::RestartNeeded, Severity::Info, message));
    }
    Ok(())
}
