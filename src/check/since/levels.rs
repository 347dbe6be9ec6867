//! Levels: what namespaces, the cluster's defaults and Kubeflow's profile controller ask of pods, and what pods meet.

use std::collections::BTreeSet;

use super::{Key, Side, difference, shown};
use crate::admission::Origin;
use crate::krm::{Error, Finding, Severity};
use crate::kube::profile_labels;
use crate::pod_security::{Level, LevelVersion, Mode, Policy};
use crate::report::Located;
use crate::rules::Rule;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) -> Result<(), Error> {
    let known = old.namespaces();
    for name in new.namespaces() {
        if known.contains(name) {
            of_labels(old, new, name, found);
            of_pods(old, new, name, found);
        } else {
            of_new_namespace(new, name, found);
        }
    }
    let configured = [old, new].map(|side| side.cluster.configured().policy);
    let hint = "; give both renders the PodSecurityConfiguration of their cluster";
    for finding in asked("the cluster's default", hint, configured[0], configured[1]) {
        let kind = "PodSecurityConfiguration";
        found.push(new.about_absent("pod-security.admission.config.k8s.io/v1", kind, "", finding));
    }
    of_user_namespaces(old, new, found)
}

/// What is asked less, or more, in each mode.
fn asked(who: &str, mend: &str, old: Policy, new: Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    for mode in Mode::ALL {
        let (before, after) = (old.mode(mode), new.mode(mode));
        let follows = mode == Mode::Warn && (before, after) == (old.enforce, new.enforce);
        if before == after || follows {
            continue;
        }
        let (was, is) = (before.to_string(), after.to_string());
        let finding = if before.level > after.level {
            // Only `enforce` keeps a pod out.
            let severity = if mode == Mode::Enforce { Severity::Error } else { Severity::Warning };
            let message = format!("{who} for {mode} was {was} and is {is}; set `{}` again{mend}", mode.level_label());
            difference(Rule::LevelLowered, severity, message, &was, &is)
        } else if before.level == after.level && is_older(after, before) {
            let message = format!(
                "{who} for {mode} was {was} and is {is}, so that older policies judge; set `{}` again{mend}",
                mode.version_label()
            );
            difference(Rule::LevelLowered, Severity::Warning, message, &was, &is)
        } else {
            let message = format!("{who} for {mode} was {was} and is {is}");
            difference(Rule::SaferThanBefore, Severity::Info, message, &was, &is)
        };
        findings.push(finding);
    }
    findings
}

/// A level that forbids nothing has no older policies.
fn is_older(after: LevelVersion, before: LevelVersion) -> bool {
    after.level != Level::Privileged && after.version < before.version
}

fn of_labels(old: &Side<'_>, new: &Side<'_>, name: &str, found: &mut Vec<Located>) {
    let of_profile = |side: &Side<'_>| side.cluster.namespace(name).is_some_and(|it| it.origin == Origin::Profile);
    if of_profile(old) && of_profile(new) {
        return; // The one text that labels them all is compared once.
    }
    let [before, after] = [old, new].map(|side| side.cluster.policy(name).0);
    let is_gone = old.cluster.namespace(name).is_some() && new.cluster.namespace(name).is_none();
    let mend = if is_gone { ", since the Namespace is not in the render any more" } else { "" };
    found.extend(asked("the level", mend, before, after).into_iter().map(|it| new.about_namespace(name, it)));
}

/// A new namespace that asks less than the cluster does of one that says nothing.
fn of_new_namespace(new: &Side<'_>, name: &str, found: &mut Vec<Located>) {
    let default = new.cluster.configured().policy.enforce;
    let own = new.cluster.policy(name).0.enforce;
    if own.level < default.level {
        let message = format!(
            "the namespace is new and enforces {own}, less than the cluster's default {default}; take its label away"
        );
        let finding = difference(Rule::NewExemption, Severity::Error, message, &default.to_string(), &own.to_string());
        found.push(new.about_namespace(name, finding));
    }
}

/// The level that all pods of a namespace meet.
fn met(side: &Side<'_>, name: &str) -> Option<Level> {
    side.pods_in(Some(name)).filter_map(|(_, _, verdict)| Some(verdict.judged.as_ref().ok()?.meets)).min()
}

fn of_pods(old: &Side<'_>, new: &Side<'_>, name: &str, found: &mut Vec<Located>) {
    let (Some(before), Some(after)) = (met(old, name), met(new, name)) else { return };
    let (was, is) = (before.as_str(), after.as_str());
    if before > after {
        let short: BTreeSet<&Key> = new
            .pods_in(Some(name))
            .filter(|(_, _, verdict)| verdict.judged.as_ref().is_ok_and(|judged| judged.meets < before))
            .map(|(key, _, _)| key)
            .collect();
        let message = format!("all its pods met {was}, and now only {is}, because of {}", shown(short));
        let finding = difference(Rule::PodLevelLowered, Severity::Error, message, was, is);
        found.push(new.about_namespace(name, finding));
    } else if before < after && !new.pods_in(Some(name)).any(|(_, pod, _)| pod.is_doubtful) {
        let message = format!("all its pods meet {is}; it was {was}");
        found.push(new.about_namespace(name, difference(Rule::SaferThanBefore, Severity::Info, message, was, is)));
    }
}

/// What Kubeflow's profile controller asks of the pods of users.
fn of_user_namespaces(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) -> Result<(), Error> {
    let [before, after] = [profile_labels::source(&old.list)?, profile_labels::source(&new.list)?];
    let Some(before) = before else { return Ok(()) };
    let none = profile_labels::labels_from_code();
    let labels = after.as_ref().map_or(&none, |source| &source.labels);
    let policies = [(old, &before.labels), (new, labels)].map(|(side, labels)| side.cluster.policy_of_labels(labels));
    for finding in asked("the level of user namespaces", "", policies[0], policies[1]) {
        let place = match &after {
            Some(source) => new.list.items().get(source.place).map(|item| new.about(item, finding)),
            None => old.list.items().get(before.place).map(|item| old.about(item, finding)),
        };
        found.extend(place);
    }
    Ok(())
}
