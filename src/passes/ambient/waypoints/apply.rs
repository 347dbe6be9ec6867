//! Makes a plan true: waypoints, labels of Services, copies for the waypoint, and what stays for ztunnel.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::plan::{Plan, Target, closing_name, copy_name};
use super::{Report, Rule, Waypoints, info};
use crate::istio::members::{Members, REVISION};
use crate::istio::policy::split::{closing_rules, rules_at_ztunnel};
use crate::istio::policy::ztunnel::Enforcement;
use crate::istio::policy::{Action, ztunnel::FailsOpen};
use crate::istio::services::{GATEWAY_API, INGRESS_USE_WAYPOINT, USE_WAYPOINT, WAYPOINT_CLASS, WAYPOINT_FOR};
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::passes::ambient::mark::{self, ADDED, MARK};
use crate::passes::ambient::namespaces::LabelChange;
use crate::passes::ambient::policies::{Found, is_policy};
use crate::yaml::de;
use crate::yaml::edit::Edits;

/// The mark of a policy that is split: the name of its copy follows.
pub(super) const SPLIT: &str = "split:";

/// Notes the policies that an earlier run has split.
pub(super) fn already_split(list: &List<'_>, members: &Members, waypoints: &mut Waypoints) -> Result<(), Error> {
    for (place, item) in list.items().iter().enumerate() {
        if !is_policy(item) || !mark::may_have(item) {
            continue;
        }
        let parsed = item.parse_leniently()?;
        let Some(copy) = parsed.root().and_then(mark::of).and_then(|mark| mark.strip_prefix(SPLIT)) else { continue };
        let there = list
            .items()
            .iter()
            .any(|other| is_policy(other) && other.name() == copy && members.name_of(other) == members.name_of(item));
        if there {
            let message = format!("is split: ztunnel enforces this part, and the waypoint the whole of it, as {copy}");
            waypoints.split.insert(place, message);
        }
    }
    Ok(())
}

/// A policy with the Services for which it is split.
struct Split {
    found: Found,
    services: BTreeSet<String>,
    waypoint: String,
}

pub(super) fn apply(
    list: &mut List<'_>,
    members: &Members,
    plan: &Plan,
    waypoints: &mut Waypoints,
    report: &mut Report,
) -> Result<(), Error> {
    let mut policies: BTreeMap<usize, Split> = BTreeMap::new();
    let mut authentications: BTreeMap<usize, (String, BTreeSet<String>)> = BTreeMap::new();
    let mut new = BTreeSet::new();
    for (place, target) in &plan.services {
        send_through(list, *place, target, report)?;
        if target.is_new && new.insert(target.namespace.clone()) {
            add_waypoint(list, members, *place, target, report)?;
        }
        for (policy, found) in &target.policies {
            let split = policies.entry(*policy).or_insert_with(|| Split {
                found: found.clone(),
                services: BTreeSet::new(),
                waypoint: members.planes.principal(&target.namespace, &target.waypoint),
            });
            split.services.insert(target.service.clone());
        }
        for authentication in &target.authentications {
            let entry =
                authentications.entry(*authentication).or_insert_with(|| (target.namespace.clone(), BTreeSet::new()));
            entry.1.insert(target.service.clone());
        }
    }
    for (place, split) in &policies {
        split_policy(list, *place, split, waypoints, report)?;
    }
    for (place, (_, services)) in &authentications {
        let Some(item) = list.items().get(*place) else { continue };
        let name = item.name().to_owned();
        add_copy(list, *place, services, &copy_name(&name), report)?;
        if let Some(item) = list.items().get(*place) {
            let message = format!(
                "{} checks tokens at the waypoint; what comes past it (to a pod's own address, from a sidecar, from outside the \
                 mesh) brings tokens that nobody checks",
                copy_name(&name)
            );
            report.add_for(item, Finding::new(Rule::PolicyPastWaypoint, Severity::Warning, message))?;
        }
    }
    Ok(())
}

fn send_through(list: &mut List<'_>, place: usize, target: &Target, report: &mut Report) -> Result<(), Error> {
    let Some(item) = list.items_mut().get_mut(place) else { return Ok(()) };
    let mut set = vec![(USE_WAYPOINT, target.waypoint.clone())];
    if target.ingress {
        set.push((INGRESS_USE_WAYPOINT, "true".to_owned()));
    }
    {
        let parsed = item.parse()?;
        let labels = parsed.root().and_then(|root| root.find(&["metadata", "labels"]));
        set.retain(|(key, value)| {
            labels.and_then(|labels| labels.get(key)).is_none_or(|now| now.scalar_text() != value)
        });
    }
    let keys = set.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(",");
    let why = ": its policies need a waypoint";
    let change = LabelChange { path: &["metadata", "labels"], set, remove: Vec::new() };
    if change.apply(item, Rule::WaypointAdded, why, report)? {
        mark::set(item, &keys)?;
    }
    Ok(())
}

fn add_waypoint(
    list: &mut List<'_>,
    members: &Members,
    like: usize,
    target: &Target,
    report: &mut Report,
) -> Result<(), Error> {
    let mut labels = Map::from_iter([(WAYPOINT_FOR.to_owned(), json!("service"))]);
    if let Some(revision) = members.planes.revisions.first().filter(|_| !members.planes.revisions.contains("default")) {
        labels.insert(REVISION.to_owned(), json!(revision));
        labels.sort_keys();
    }
    let object = json!({
        "apiVersion": format!("{GATEWAY_API}/v1"),
        "kind": "Gateway",
        "metadata": {
            "annotations": {MARK: ADDED},
            "labels": labels,
            "name": target.waypoint,
            "namespace": target.namespace,
        },
        "spec": {
            "gatewayClassName": WAYPOINT_CLASS,
            "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}],
        },
    });
    let file = folder(list, like)? + &format!("gateway_{}.yaml", target.waypoint);
    list.append(object, like, &file)?;
    if let Some(item) = list.items().last() {
        report.add_for(item, info(Rule::WaypointAdded, "added: istiod makes the waypoint's pods from it"))?;
    }
    Ok(())
}

/// The folder of a resource's file.
fn folder(list: &List<'_>, place: usize) -> Result<String, Error> {
    let Some(item) = list.items().get(place) else { return Ok(String::new()) };
    let parsed = item.parse_leniently()?;
    let file = parsed.root().and_then(Item::file);
    Ok(file.and_then(|file| file.path.rsplit_once('/').map(|(folder, _)| format!("{folder}/"))).unwrap_or_default())
}

fn split_policy(
    list: &mut List<'_>,
    place: usize,
    split: &Split,
    waypoints: &mut Waypoints,
    report: &mut Report,
) -> Result<(), Error> {
    let Split { found, services, waypoint } = split;
    let Some(item) = list.items().get(place) else { return Ok(()) };
    let name = item.name().to_owned();
    let copy = copy_name(&name);
    add_copy(list, place, services, &copy, report)?;
    if found.spec.action == Action::Custom {
        add_closing(list, place, split, report)?;
    }
    if let Some(rules) = rules_at_ztunnel(found.spec.action, &found.rules, waypoint) {
        replace_rules(list, place, &found.rules, rules)?;
    }
    let Some(item) = list.items_mut().get_mut(place) else { return Ok(()) };
    mark::set(item, &format!("{SPLIT}{copy}"))?;
    let services = services.iter().cloned().collect::<Vec<_>>().join(", ");
    let stays = match found.spec.action {
        Action::Allow => "ztunnel enforces the rules without HTTP, and lets the waypoint in",
        Action::Deny => "ztunnel refuses what it can tell without HTTP, except to the waypoint",
        Action::Custom => {
            "ztunnel refuses what the policy is about, except to the waypoint, where the provider is asked"
        }
        Action::Audit => "only what goes through the waypoint is logged",
    };
    let message = format!("is split for Service {services}: the waypoint enforces the whole of it, as {copy}; {stays}");
    report.add_for(item, info(Rule::PolicySplit, message.clone()))?;
    let past = "past the waypoint (to a pod's own address, from a sidecar, from outside the mesh)";
    let warning = match found.spec.at_ztunnel() {
        Enforcement::Whole => None,
        Enforcement::FailsOpen { why: FailsOpen::Action(Action::Audit) } => Some(format!("{past} nothing is logged")),
        _ if found.spec.action == Action::Allow => {
            Some(format!("{past} only its rules without HTTP let anybody in, so that more is refused there"))
        }
        _ => Some(format!("{past} more is refused than it says, since HTTP cannot be told there")),
    };
    if let Some(warning) = warning {
        report.add_for(item, Finding::new(Rule::PolicyPastWaypoint, Severity::Warning, warning))?;
    }
    waypoints.split.insert(place, message);
    Ok(())
}

/// Adds a copy of a policy that is attached to Services.
fn add_copy(
    list: &mut List<'_>,
    place: usize,
    services: &BTreeSet<String>,
    name: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let Some(item) = list.items().get(place) else { return Ok(()) };
    let mut spec: Map<String, Value> = {
        let parsed = item.parse()?;
        let view = parsed.root().and_then(|root| root.get("spec")).filter(|spec| !spec.is_null());
        view.map(de::from_view).transpose().map_err(|error| item.decode_error(&error))?.unwrap_or_default()
    };
    spec.remove("selector");
    let targets = services.iter().map(|service| json!({"group": "", "kind": "Service", "name": service})).collect();
    spec.insert("targetRefs".to_owned(), Value::Array(targets));
    spec.sort_keys();
    let of = format!("{} {}", item.kind(), item.name());
    add_policy(list, place, name, spec, &format!("the whole of {of}, for the waypoint"), report)
}

/// Adds the policy that refuses to everybody but the waypoint what somebody else decides about there.
fn add_closing(list: &mut List<'_>, place: usize, split: &Split, report: &mut Report) -> Result<(), Error> {
    let Some(item) = list.items().get(place) else { return Ok(()) };
    let name = item.name().to_owned();
    let mut spec = Map::from_iter([
        ("action".to_owned(), json!("DENY")),
        ("rules".to_owned(), Value::Array(closing_rules(&split.found.rules, &split.waypoint))),
    ]);
    if let Some(labels) = split.found.spec.labels() {
        spec.insert("selector".to_owned(), json!({"matchLabels": labels}));
    }
    let why = format!("closes the way past the waypoint to what {name} is about");
    add_policy(list, place, &closing_name(&name), spec, &why, report)
}

fn add_policy(
    list: &mut List<'_>,
    like: usize,
    name: &str,
    spec: Map<String, Value>,
    why: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let Some(item) = list.items().get(like) else { return Ok(()) };
    let mut metadata =
        Map::from_iter([("annotations".to_owned(), json!({MARK: ADDED})), ("name".to_owned(), json!(name))]);
    if !item.namespace().is_empty() {
        metadata.insert("namespace".to_owned(), json!(item.namespace()));
    }
    let kind = item.kind().to_owned();
    let object = json!({"apiVersion": item.api_version(), "kind": kind, "metadata": metadata, "spec": spec});
    let file = folder(list, like)? + &format!("{}_{name}.yaml", kind.to_lowercase());
    list.append(object, like, &file)?;
    if let Some(item) = list.items().last() {
        report.add_for(item, info(Rule::PolicySplit, format!("added: {why}")))?;
    }
    Ok(())
}

/// Puts other rules into a policy: new ones behind those that stay, else all of them anew.
pub(super) fn replace_rules(list: &mut List<'_>, place: usize, now: &[Value], rules: Vec<Value>) -> Result<(), Error> {
    let Some(item) = list.items_mut().get_mut(place) else { return Ok(()) };
    let path = crate::yaml::path::Path::of(&["spec", "rules"]);
    if !now.is_empty() && rules.len() == now.len() + 1 && rules.starts_with(now) {
        return edit(item, |root, edits| match rules.last() {
            Some(last) => edits.append_below(root, &path, last),
            None => Ok(()),
        });
    }
    if rules.len() + 1 == now.len() && now.starts_with(&rules) && !rules.is_empty() {
        return edit(item, |root, edits| edits.remove_below(root, &path, rules.len()));
    }
    // In two steps, since a collection in block style has no place for another value.
    edit(item, |root, edits| edits.remove(root, &["spec"], &["rules"]))?;
    edit(item, |root, edits| edits.set(root, &["spec"], &[("rules", Value::Array(rules))]))
}

fn edit(
    item: &mut Item<'_>,
    change: impl FnOnce(crate::yaml::tree::View<'_>, &mut Edits) -> Result<(), crate::yaml::edit::EditError>,
) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let mut edits = Edits::default();
        change(root, &mut edits).map_err(|error| item.edit_error(&error))?;
        edits
    };
    item.apply(edits)
}
