//! The mesh: how pods are redirected, and who has left it.
//!
//! A pod that went from a sidecar to ambient is in the mesh as before; what becomes of its policies there is for the
//! filter to say (`passes/ambient`).

use super::{Side, difference};
use crate::istio::members::{Reach, Texts, stands};
use crate::istio::mode_settings::Redirection;
use crate::krm::{Error, Finding, Severity};
use crate::kube::profile_labels;
use crate::report::Located;
use crate::rules::Rule;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) -> Result<(), Error> {
    redirections(old, new, found);
    let known = old.namespaces();
    for (name, after) in new.cluster.namespaces().filter(|(name, _)| known.contains(name)) {
        let none = Texts::new();
        let before = old.cluster.namespace(name).map_or(&none, |namespace| &namespace.labels);
        let finding = reach(stands(before), stands(&after.labels));
        found.extend(finding.map(|finding| new.about_namespace(name, finding)));
    }
    let sources = [profile_labels::source(&old.list)?, profile_labels::source(&new.list)?];
    if let [Some(before), Some(after)] = &sources
        && let Some(finding) = reach(stands(&before.labels), stands(&after.labels))
    {
        found.extend(new.list.items().get(after.place).map(|item| new.about(item, finding)));
    }
    pods(old, new, found);
    Ok(())
}

fn redirections(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) {
    for (revision, now) in new.cluster.redirections() {
        let mut same = old.cluster.redirections().filter(|(name, _)| *name == revision).peekable();
        // A revision that is new takes the pods of those that were there.
        let before: Vec<Redirection> = match same.peek() {
            Some(_) => same.map(|(_, redirection)| redirection).collect(),
            None => old.cluster.redirections().map(|(_, redirection)| redirection).collect(),
        };
        if before.is_empty() || before.contains(&now) {
            continue;
        }
        let finding = match now {
            Redirection::IstioInit => difference(
                Rule::RootfulAgain,
                Severity::Error,
                format!(
                    "revision {revision} of Istio redirects pods by the init container istio-init, which is root; it was \
                     istio-cni. Set `istio.mode: cni`"
                ),
                "istio-cni",
                "istio-init",
            ),
            Redirection::IstioCni => difference(
                Rule::SaferThanBefore,
                Severity::Info,
                format!("revision {revision} of Istio redirects pods by istio-cni; it was istio-init, which is root"),
                "istio-init",
                "istio-cni",
            ),
        };
        let is_injector = |item: &&crate::krm::Item<'_>| {
            let name = item.name().strip_prefix(crate::istio::install::INJECTOR);
            let named = if revision == "default" { String::new() } else { format!("-{revision}") };
            item.is("v1", "ConfigMap") && name == Some(named.as_str())
        };
        found.push(match new.list.items().iter().find(is_injector) {
            Some(item) => new.about(item, finding),
            None => Located { finding, input: new.inputs_before, line: None },
        });
    }
}

fn word(reach: Reach) -> &'static str {
    match reach {
        Reach::Ambient => "ambient",
        Reach::Sidecar => "injected",
        Reach::None => "not in the mesh",
    }
}

/// What has become of a namespace by its labels.
fn reach(before: Reach, after: Reach) -> Option<Finding> {
    let (was, is) = (word(before), word(after));
    match (before, after) {
        (Reach::Ambient | Reach::Sidecar, Reach::None) => {
            let message = format!(
                "its labels have it {is}; it was {was}. Give it `istio-injection`, `istio.io/rev` or \
                 `istio.io/dataplane-mode` again"
            );
            Some(difference(Rule::OutOfMesh, Severity::Error, message, was, is))
        }
        (Reach::None, Reach::Ambient | Reach::Sidecar) => {
            let message = format!("its labels have it {is}; it was {was}");
            Some(difference(Rule::SaferThanBefore, Severity::Info, message, was, is))
        }
        _ => None,
    }
}

fn pods(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) {
    const IN: &str = "in the mesh";
    const OUT: &str = "not in the mesh";
    for (key, pod, verdict) in new.pods_in(None).filter(|(_, _, verdict)| verdict.judged.is_ok()) {
        let before = old.pod(key).filter(|(_, verdict)| verdict.judged.is_ok());
        let finding = match before.map(|(before, _)| before.is_member) {
            Some(true) if !pod.is_member => {
                let message = "its pods were in the mesh and are not any more: they have neither a sidecar nor ztunnel, so \
                               that no policy of Istio holds for them; see the labels of the pod and its namespace";
                difference(Rule::OutOfMesh, Severity::Error, message.to_owned(), IN, OUT)
            }
            Some(false) if pod.is_member => {
                let message = "its pods are in the mesh; they were not".to_owned();
                difference(Rule::SaferThanBefore, Severity::Info, message, OUT, IN)
            }
            None if pod.opts_out && in_mesh(new, &key.namespace) => {
                let message = "it is new and keeps its pods out of the mesh that their namespace is in; take away \
                               `sidecar.istio.io/inject` or `istio.io/dataplane-mode`";
                difference(Rule::NewExemption, Severity::Error, message.to_owned(), "absent", OUT)
            }
            _ => continue,
        };
        found.push(new.about_pod(verdict, finding));
    }
}

fn in_mesh(side: &Side<'_>, namespace: &str) -> bool {
    side.cluster.namespace(namespace).is_some_and(|namespace| stands(&namespace.labels) != Reach::None)
}
