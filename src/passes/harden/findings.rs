//! What hardening has to say: what was changed, and what is left for a person.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{CONTEXT, Places, Report, Rule};
use crate::config::Workloads;
use crate::harden::Patch;
use crate::krm::{Error, Field, Finding, Item, Severity};
use crate::kube::pod::PodKind;
use crate::pod_security::{Level, Violation};
use crate::yaml::path::{Path, Segment};
use crate::yaml::tree::View;

/// How many resources a message names.
const NAMED: usize = 3;

/// Entries of `users` that can never be used, since an earlier one has the same pattern and says something else.
pub(super) fn contradicting_users(workloads: &Workloads, report: &mut Report) {
    for (place, user) in workloads.users.iter().enumerate() {
        let first = workloads.users[..place].iter().find(|earlier| earlier.image == user.image);
        let Some(first) = first.filter(|first| *first != user) else { continue };
        let id =
            |user: i64, group: Option<i64>| group.map_or_else(|| user.to_string(), |group| format!("{user}:{group}"));
        let message = format!(
            "`workloads.users` says of \"{}\" first {} and then {}; the first entry counts, so remove one",
            user.image.as_str(),
            id(first.run_as_user, first.run_as_group),
            id(user.run_as_user, user.run_as_group)
        );
        let field = Field { path: format!("spec.workloads.users[{place}]"), current_value: None, proposed_value: None };
        report.add(Finding::new(Rule::UsersContradict, Severity::Warning, message).with_field(field));
    }
}

/// One result for a changed resource.
pub(super) fn hardened(
    item: &Item<'_>,
    root: View<'_>,
    level: Level,
    patch: &Patch,
    places: &Places<'_>,
    report: &mut Report,
) {
    let fields: Vec<&str> = patch.fields().into_iter().collect();
    let mut message = format!("hardened towards {level}: {}", fields.join(", "));
    let namespace = if item.namespace().is_empty() { String::new() } else { format!(" -n {}", item.namespace()) };
    if matches!(item.kind(), "Pod" | "Job") {
        message.push_str(&format!(
            "; one that exists cannot be changed in this, so before applying: kubectl delete {} {}{namespace}",
            item.kind().to_lowercase(),
            item.name()
        ));
    }
    let finding = Finding::new(Rule::HardenPods, Severity::Info, message).with_field(field(patch, places));
    report.add_about(item, root, finding);
}

/// The changed mapping where there is one, else what all changed ones have in common.
fn field(patch: &Patch, places: &Places<'_>) -> Field {
    let mut changed = changed(patch, places);
    let path = common(&changed.iter().map(|(path, _)| path).collect::<Vec<_>>()).to_string();
    let proposed_value = if let [(_, value)] = &mut changed[..] { value.take() } else { None };
    Field { path, current_value: None, proposed_value }
}

/// What all changed mappings of a patch have in common.
pub(super) fn field_path(patch: &Patch, places: &Places<'_>) -> Path {
    common(&changed(patch, places).iter().map(|(path, _)| path).collect::<Vec<_>>())
}

fn changed(patch: &Patch, places: &Places<'_>) -> Vec<(Path, Option<Value>)> {
    let mut changed = Vec::new();
    if !patch.pod.is_empty() {
        changed.push((places.pod.join(CONTEXT), Some(Value::Object(patch.pod.clone()))));
    }
    for (slot, entries) in &patch.containers {
        changed.push(((places.container)(*slot).join(CONTEXT), Some(Value::Object(entries.clone()))));
    }
    for slot in &patch.drop_all_as_well {
        changed.push(((places.container)(*slot).join(CONTEXT).join("capabilities").join("drop"), None));
    }
    changed
}

/// The longest path that all these begin with.
pub(super) fn common(paths: &[&Path]) -> Path {
    let Some((first, rest)) = paths.split_first() else { return Path::default() };
    let shared = |at: usize, segment: &Segment| rest.iter().all(|path| path.segments().get(at) == Some(segment));
    let segments = first.segments().iter().enumerate().take_while(|(at, segment)| shared(*at, segment));
    segments.fold(Path::default(), |path, (_, segment)| match segment {
        Segment::Key(key) => path.join(key.as_str()),
        Segment::Index(index) => path.join(*index),
    })
}

/// A user that is new to the data of a volume.
pub(super) fn users(item: &Item<'_>, patch: &Patch, kind: &PodKind, report: &mut Report) -> Result<(), Error> {
    if patch.users_of_volumes.is_empty() {
        return Ok(());
    }
    let group = patch.pod.get("fsGroup");
    let owner = match group {
        Some(group) => format!(
            "the pod got fsGroup {group} with fsGroupChangePolicy OnRootMismatch, which gives them to its group where the volume \
             can be changed so"
        ),
        None => "the pod's own fsGroup stays as it is".to_owned(),
    };
    let message = format!(
        "{} a user from `workloads.users` and {} a PersistentVolumeClaim: files that another user wrote there must be readable \
         and writable by it ({owner}); look at the volume before the pod restarts",
        containers(&patch.users_of_volumes, "gets", "get"),
        if patch.users_of_volumes.len() == 1 { "mounts" } else { "mount" },
    );
    let path = Path::of(kind.spec_path()).join(CONTEXT).join("fsGroup").to_string();
    let field = Field { path, current_value: None, proposed_value: group.cloned() };
    report.add_for(item, Finding::new(Rule::HardenUserAndVolume, Severity::Warning, message).with_field(field))
}

fn containers(names: &[String], one: &str, several: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    match &quoted[..] {
        [name] => format!("container {name} {one}"),
        names => format!("containers {} {several}", names.join(", ")),
    }
}

/// The containers that nobody knows a user of.
pub(super) fn unknown_users(patch: &Patch) -> Option<String> {
    if patch.unknown_users.is_empty() {
        return None;
    }
    let names: Vec<String> = patch
        .unknown_users
        .iter()
        .map(|unknown| {
            let root = if unknown.is_root { ", which `workloads.users` says runs as root" } else { "" };
            format!("\"{}\" (image \"{}\"{root})", unknown.container, unknown.image)
        })
        .collect();
    let word = if names.len() == 1 { "container" } else { "containers" };
    Some(format!(
        "`runAsNonRoot` was not set for {word} {}: no numeric user other than root is known, and an image that runs as root \
         would not start with it; add the image and its user to `workloads.users`, or set `workloads.assumeNonRoot`",
        names.join(", ")
    ))
}

/// What stands between a pod and the level by its own words.
pub(super) fn undecided(
    item: &Item<'_>,
    level: Level,
    violations: &[Violation],
    patch: &Patch,
    report: &mut Report,
) -> Result<(), Error> {
    for violation in violations {
        let said = crate::pod_security::aggregate(std::slice::from_ref(violation));
        let unknown = unknown_users(patch).filter(|_| violation.check == "runAsNonRoot");
        let (rule, message) = match unknown {
            Some(message) => (Rule::HardenUserUnknown, message),
            None => {
                let message = format!(
                    "stays short of {level} by what it states itself: {said}. A person must decide: {}",
                    violation.mend
                );
                (Rule::HardenNeedsDecision, message)
            }
        };
        let mut finding = Finding::new(rule, Severity::Warning, message);
        finding.tags.extend([
            ("psa-level", level.to_string()),
            ("psa-version", "latest".to_owned()),
            ("psa-check", violation.check.to_owned()),
            ("psa-reason", violation.reason.to_owned()),
            ("psa-detail", violation.detail.clone()),
        ]);
        report.add_for(item, finding)?;
    }
    Ok(())
}

/// An agent of the node that must keep what it has.
pub(super) fn left_alone(item: &Item<'_>, level: Level, report: &mut Report) -> Result<(), Error> {
    let message = format!("left alone: a node agent of Istio needs what {level} forbids");
    report.add_for(item, Finding::new(Rule::HardenLeftAlone, Severity::Info, message))
}

/// A resource that cannot be edited.
pub(super) fn not_possible(item: &Item<'_>, root: View<'_>, why: &str, report: &mut Report) {
    let message = format!("left as it is: {why}");
    report.add_about(item, root, Finding::new(Rule::HardenNotPossible, Severity::Warning, message));
}

/// A resource that the API server would refuse.
pub(super) fn undecodable(item: &Item<'_>, root: View<'_>, why: &str, report: &mut Report) {
    report.add_about(item, root, Finding::new(Rule::Undecodable, Severity::Error, why));
}

/// One finding for all pods whose own part is done.
pub(super) fn short_by_injection(short: &BTreeMap<String, Vec<String>>, level: Level, report: &mut Report) {
    let mut pods: Vec<&String> = short.values().flatten().collect();
    pods.sort();
    pods.dedup();
    if pods.is_empty() {
        return;
    }
    let reasons: Vec<String> = short.iter().map(|(reason, pods)| format!("{reason} ({})", pods.len())).collect();
    let mut named: Vec<&str> = pods.iter().take(NAMED).map(|pod| pod.as_str()).collect();
    let more = format!("{} more", pods.len().saturating_sub(NAMED));
    if pods.len() > NAMED {
        named.push(&more);
    }
    let mend = if short.keys().all(|reason| reason == super::injector::REASON) {
        "Injected containers take their profile from the pod: set `securityContext.seccompProfile` of the pod"
    } else {
        "Set `istio.mode: cni`, which takes the privileges of istio-init to the node"
    };
    let message = format!(
        "{} meet{} {level} alone and not as admitted, by what Istio's injector adds: {}. {mend}: {}",
        if pods.len() == 1 { "1 pod".to_owned() } else { format!("{} pods", pods.len()) },
        if pods.len() == 1 { "s" } else { "" },
        reasons.join(", "),
        named.join(", ")
    );
    report.add(Finding::new(Rule::HardenInjected, Severity::Warning, message));
}
