//! Back to `istio-init`: the objects that the installations of istio-cni and ztunnel made are removed.

use super::{Plan, Report, cni};
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
    let rootful = installs.iter().filter(|install| install.redirection() == Redirection::IstioInit);
    let unused = rootful.filter(|_| !plan.existing.owned.is_empty());
    for item in unused.filter_map(|install| list.items().get(install.injector)) {
        let message =
            "pods were already injected with istio-init, and istio-cni was in the input without use; it is removed";
        let mut finding = Finding::new(Rule::IstioHalfDone, Severity::Warning, message);
        finding.resource_ref = Some(item.reference());
        report.add(finding);
    }
    let mut gone = plan.existing.owned.clone();
    gone.extend(plan.existing_ztunnel.owned.iter().copied());
    cni::remove(list, &gone, report)
}
