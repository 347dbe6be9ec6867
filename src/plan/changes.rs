//! What the proposed functionConfig would change, as a difference to read.

use std::collections::BTreeMap;

use super::rootless;
use crate::config::Config;
use crate::krm::{List, ResourceRef};
use crate::report::html::{Change, ChangeKind, Proposal};
use crate::report::plan::Plan;

/// The configuration of a plan with what it changes; nothing is changed where the filter refuses the input.
pub(super) fn proposal(list: &List<'_>, plan: &Plan<'_>, config: &Config) -> Proposal {
    let (config, after) = rootless::tried(list, plan, config);
    Proposal { config, changes: after.map(|after| changes(list, &after)).unwrap_or_default() }
}

/// The resources that differ, in the order of the list.
fn changes(before: &List<'_>, after: &List<'_>) -> Vec<Change> {
    let mut old: BTreeMap<ResourceRef, Vec<&str>> = BTreeMap::new();
    for item in before.items() {
        old.entry(item.reference()).or_default().push(item.text());
    }
    // Equal references stand in the same order on both sides.
    old.values_mut().for_each(|texts| texts.reverse());
    let mut changes = Vec::new();
    for item in after.items() {
        let resource = item.reference();
        match old.get_mut(&resource).and_then(Vec::pop) {
            Some(text) if text == item.text() => {}
            Some(text) => changes.push(Change::new(resource, ChangeKind::Changed, text, item.text())),
            None => changes.push(Change::new(resource, ChangeKind::Added, "", item.text())),
        }
    }
    for (resource, texts) in old {
        changes.extend(texts.into_iter().map(|text| Change::new(resource.clone(), ChangeKind::Removed, text, "")));
    }
    changes
}
