//! Back to `istio-init`: the objects that istio-cni's installation made are removed.

use super::{Plan, Report};
use crate::istio::install::Install;
use crate::istio::mode_settings::Redirection;
use crate::krm::{Error, Finding, List, Severity};
use crate::rules::Rule;

/// True where something was removed.
pub(super) fn run(
    list: &mut List<'_>,
    installs: &[Install],
    plan: &Plan<'_>,
    report: &mut Report,
) -> Result<bool, Error> {
    if plan.existing.owned.is_empty() {
        return Ok(false);
    }
    let rootful = installs.iter().filter(|install| install.redirection() == Redirection::IstioInit);
    for item in rootful.filter_map(|install| list.items().get(install.injector)) {
        let message =
            "pods were already injected with istio-init, and istio-cni was in the input without use; it is removed";
        let mut finding = Finding::new(Rule::IstioHalfDone, Severity::Warning, message);
        finding.resource_ref = Some(item.reference());
        report.add(finding);
    }
    for item in plan.existing.owned.iter().filter_map(|index| list.items().get(*index)) {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { continue };
        let namespace = if item.namespace().is_empty() { String::new() } else { format!(" -n {}", item.namespace()) };
        let message = format!(
            "removed; apply deletes nothing, so when the pods of the mesh have restarted: kubectl delete {} {}{namespace}",
            item.kind().to_lowercase(),
            item.name()
        );
        report.add_about(item, root, Finding::new(Rule::IstioObjectRemoved, Severity::Info, message));
    }
    list.remove(&plan.existing.owned)?;
    Ok(true)
}
