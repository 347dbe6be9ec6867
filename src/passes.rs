//! The passes, in the one order in which they run. Each reads the list, decides, edits items and reports.

mod accepted;
mod ambient;
mod harden;
mod istio_mode;
mod label_findings;
mod namespace_labels;
mod profile_text;
mod report;
mod strictest;
mod user_namespaces;

use crate::config::Config;
use crate::istio::injector::Release;
use crate::krm::{Error, Finding, List};

use report::Report;

/// A pass over the list.
type Pass = fn(&mut List<'_>, &Config, &mut Report) -> Result<(), Error>;

/// All passes, in order: labels come behind what changes pods, and what the labels would do comes last.
const PASSES: &[Pass] = &[
    istio_mode::run,
    ambient::run,
    harden::run,
    namespace_labels::run,
    user_namespaces::run,
    harden::generated_findings,
    label_findings::run,
];

/// Runs all passes.
///
/// # Errors
/// Where a resource that must be looked into cannot be used; the list is then half done and must not be written.
pub fn run(list: &mut List<'_>, config: &Config) -> Result<Vec<Finding>, Error> {
    let mut report = Report::default();
    for pass in PASSES {
        pass(list, config, &mut report)?;
    }
    Ok(accepted::apply(report.findings, &config.accepted))
}

/// The release of Istio that a configuration names, for lists that do not show it.
#[must_use]
pub fn release(config: &Config) -> Option<Release> {
    let version = config.istio.as_ref()?.version.as_ref()?.as_str();
    Release::of_tag(version).or_else(|| Release::of_tag(&format!("{version}.0")))
}
