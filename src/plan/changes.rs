//! What the proposed functionConfig would change, as a difference to read.

use super::rootless;
use crate::config::Config;
use crate::krm::List;
use crate::report::difference::changes;
use crate::report::html::Proposal;
use crate::report::plan::Plan;

/// The configuration of a plan with what it changes; nothing is changed where the filter refuses the input.
pub(super) fn proposal(list: &List<'_>, plan: &Plan<'_>, config: &Config) -> Proposal {
    let (config, after) = rootless::tried(list, plan, config);
    Proposal { config, changes: after.map(|after| changes(list, &after)).unwrap_or_default() }
}
