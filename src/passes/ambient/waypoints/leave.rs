//! Out of ambient: what is marked as ours goes, and split policies become whole again.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::apply::{SPLIT, replace_rules};
use super::{Report, Rule, info};
use crate::istio::policy::Action;
use crate::krm::{Error, Finding, List, Severity};
use crate::passes::ambient::mark::{self, ADDED};
use crate::passes::ambient::namespaces::LabelChange;
use crate::passes::ambient::policies::is_policy;
use crate::yaml::de;

/// Kinds of which this pass adds objects.
const KINDS: [&str; 3] = ["Gateway", "AuthorizationPolicy", "RequestAuthentication"];

pub(in crate::passes::ambient) fn leave(list: &mut List<'_>, report: &mut Report) -> Result<(), Error> {
    let mut added = BTreeSet::new();
    let mut split = BTreeMap::new();
    let mut services = BTreeMap::new();
    for (place, item) in list.items().iter().enumerate().filter(|(_, item)| mark::may_have(item)) {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { continue };
        match mark::of(root) {
            Some(ADDED) if KINDS.contains(&item.kind()) => _ = added.insert(place),
            Some(word) if is_policy(item) => {
                if let Some(copy) = word.strip_prefix(SPLIT) {
                    split.insert(place, copy.to_owned());
                }
            }
            Some(keys) if item.is("v1", "Service") => _ = services.insert(place, keys.to_owned()),
            _ => {}
        }
    }
    for (place, copy) in split {
        put_together(list, place, &copy, &added, report)?;
    }
    for (place, keys) in services {
        let Some(item) = list.items_mut().get_mut(place) else { continue };
        let change = LabelChange { path: &["metadata", "labels"], set: Vec::new(), remove: keys.split(',').collect() };
        change.apply(item, Rule::WaypointAdded, ", with its waypoint", report)?;
        mark::clear(item)?;
    }
    for item in added.iter().filter_map(|place| list.items().get(*place)) {
        let kind = if item.kind() == "Gateway" { "gateway.gateway.networking.k8s.io" } else { item.kind() };
        let namespace = if item.namespace().is_empty() { String::new() } else { format!(" -n {}", item.namespace()) };
        let message = format!(
            "removed; apply deletes nothing, so when the pods of the namespace have their sidecars: kubectl delete {} \
             {}{namespace}",
            kind.to_lowercase(),
            item.name()
        );
        report.add_for(item, info(Rule::PolicySplit, message))?;
    }
    list.remove(&added)
}

/// Gives a policy the rules of its copy again, unless somebody has changed it since.
fn put_together(
    list: &mut List<'_>,
    place: usize,
    copy: &str,
    added: &BTreeSet<usize>,
    report: &mut Report,
) -> Result<(), Error> {
    let namespace = list.items().get(place).map(|item| item.namespace().to_owned()).unwrap_or_default();
    let found = added
        .iter()
        .filter_map(|place| list.items().get(*place))
        .find(|item| is_policy(item) && item.name() == copy && item.namespace() == namespace);
    let whole = found.map(rules_of).transpose()?;
    let (Some(item), Some((whole, _))) = (list.items().get(place), whole) else {
        let Some(item) = list.items().get(place) else { return Ok(()) };
        let message = format!(
            "was split, and {copy}, which holds the whole of it, is not in the input: it keeps the rules that ztunnel had; add \
             the others by hand"
        );
        return report.add_for(item, Finding::new(Rule::PolicySplit, Severity::Warning, message));
    };
    let (now, action) = rules_of(item)?;
    if !is_part_of(&now, &whole, action, &namespace) {
        let message = format!(
            "was split, and its rules have been changed since: they stay; compare them with those of {copy}, which goes"
        );
        report.add_for(item, Finding::new(Rule::PolicySplit, Severity::Warning, message))?;
    } else if now != whole {
        report.add_for(item, info(Rule::PolicySplit, "has all its rules again"))?;
        replace_rules(list, place, &now, whole)?;
    }
    match list.items_mut().get_mut(place) {
        Some(item) => mark::clear(item),
        None => Ok(()),
    }
}

fn rules_of(item: &crate::krm::Item<'_>) -> Result<(Vec<Value>, Action), Error> {
    let parsed = item.parse()?;
    let spec = parsed.root().and_then(|root| root.get("spec"));
    let decode = |error| item.decode_error(&error);
    let rules = spec.and_then(|spec| spec.get("rules")).filter(|rules| !rules.is_null());
    let action = spec.and_then(|spec| spec.get("action")).filter(|action| !action.is_null());
    Ok((
        rules.map(de::from_view::<Vec<Value>>).transpose().map_err(decode)?.unwrap_or_default(),
        action.map(de::from_view::<Action>).transpose().map_err(decode)?.unwrap_or_default(),
    ))
}

/// The rules are what this pass made of the whole: the waypoint, which they name, tells how.
fn is_part_of(now: &[Value], whole: &[Value], action: Action, namespace: &str) -> bool {
    if now == whole {
        return true;
    }
    let key = if action == Action::Deny { "notPrincipals" } else { "principals" };
    let principals = now.iter().rev().filter_map(|rule| {
        let sources = rule.get("from")?.as_array()?;
        sources.last()?.get("source")?.get(key)?.as_array()?.last()?.as_str()
    });
    let here = format!("/ns/{}/sa/", if namespace.is_empty() { "default" } else { namespace });
    let mut waypoints: Vec<&str> = principals.filter(|principal| principal.contains(&here)).collect();
    waypoints.dedup();
    // Rules that let everybody in do not name it.
    waypoints.push("");
    waypoints
        .iter()
        .any(|waypoint| crate::istio::policy::split::rules_at_ztunnel(action, whole, waypoint).as_deref() == Some(now))
}
