//! The passes, in the one order in which they run. Each reads the list, decides, edits items and reports.

mod istio_mode;
mod namespace_labels;
mod report;
mod user_namespaces;

use crate::config::Config;
use crate::krm::{Error, Finding, List};

use report::Report;

/// A pass over the list.
type Pass = fn(&mut List<'_>, &Config, &mut Report) -> Result<(), Error>;

/// All passes, in order: labels come last, since what they judge is what the others leave.
const PASSES: &[Pass] = &[istio_mode::run, namespace_labels::run, user_namespaces::run];

/// Runs all passes.
///
/// # Errors
/// Where a resource that must be looked into cannot be used; the list is then half done and must not be written.
pub fn run(list: &mut List<'_>, config: &Config) -> Result<Vec<Finding>, Error> {
    let mut report = Report::default();
    for pass in PASSES {
        pass(list, config, &mut report)?;
    }
    Ok(report.findings)
}
