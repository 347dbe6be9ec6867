//! Policies: AuthorizationPolicy, PeerAuthentication, RequestAuthentication and NetworkPolicy that are gone, protect fewer
//! pods, or say less.
//!
//! Of two renders only the pods that both hold are certain, so a policy that is gone together with all pods that it was
//! for is no loss, and one that is there under another name neither.

mod policy;
mod strength;

use std::collections::{BTreeMap, BTreeSet};

use super::{Key, Side, difference, shown};
use crate::istio::members::ControlPlanes;
use crate::krm::{Error, Finding, Severity};
use crate::report::Located;
use crate::rules::Rule;
use policy::{Kind, Policy};
use strength::Change;

/// The policies of a render, and where those of the whole mesh are.
struct Policies<'i> {
    all: BTreeMap<(Kind, &'i str, &'i str), Policy<'i>>,
    root: String,
}

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) -> Result<(), Error> {
    let before = read(old)?;
    let after = read(new)?;
    let namespaces = new.namespaces();
    for (name, policy) in &before.all {
        match after.all.get(name) {
            Some(now) => of_both(old, new, (policy, &before), (now, &after), found),
            None => {
                let is_renamed = after.all.iter().any(|(other, now)| {
                    (other.0, other.1) == (name.0, name.1) && !before.all.contains_key(other) && now.spec == policy.spec
                });
                if !is_renamed {
                    let lost = lost(old, new, policy, &before, namespaces.contains(policy.namespace));
                    found.extend(lost.map(|finding| old.about(policy.item, finding)));
                }
            }
        }
    }
    for (name, policy) in after.all.iter().filter(|(name, _)| !before.all.contains_key(name)) {
        let is_renamed = before.all.iter().any(|(other, was)| {
            (other.0, other.1) == (name.0, name.1) && !after.all.contains_key(other) && was.spec == policy.spec
        });
        if !is_renamed {
            found.extend(added(old, new, policy, &before, &after).map(|finding| new.about(policy.item, finding)));
        }
    }
    Ok(())
}

fn read<'i>(side: &'i Side<'_>) -> Result<Policies<'i>, Error> {
    let mut all = BTreeMap::new();
    for item in side.list.items() {
        if let Some(policy) = Policy::of(item)? {
            all.insert((policy.kind, policy.namespace, item.name()), policy);
        }
    }
    let planes = ControlPlanes::of(&side.list)?;
    let root = planes.map(|planes| planes.root).filter(|root| !root.is_empty());
    Ok(Policies { all, root: root.unwrap_or_else(|| "istio-system".to_owned()) })
}

/// The pods of a render that a policy is for.
fn pods_of<'a>(side: &'a Side<'_>, policy: &Policy<'_>, root: &str) -> BTreeSet<&'a Key> {
    let everywhere = policy.kind != Kind::Network && policy.namespace == root;
    side.pods_in(None)
        .filter(|(key, pod, verdict)| {
            (everywhere || key.2 == policy.namespace) && verdict.judged.is_ok() && policy.selects(&pod.labels)
        })
        .map(|(key, _, _)| key)
        .collect()
}

fn lost(
    old: &Side<'_>,
    new: &Side<'_>,
    policy: &Policy<'_>,
    policies: &Policies<'_>,
    has_namespace: bool,
) -> Option<Finding> {
    if !has_namespace {
        return None; // Nothing is left that it could be for.
    }
    let then = pods_of(old, policy, &policies.root);
    let now: BTreeSet<&Key> = pods_of(new, policy, &policies.root)
        .into_iter()
        .chain(then.iter().copied().filter(|key| new.places.contains_key(*key)))
        .collect();
    let is = "absent";
    let was = policy.says();
    let message = match strength::of_absence(policy) {
        Change::Weaker(_) if now.is_empty() && !then.is_empty() => {
            let message = format!("the policy is gone, and so are the pods that it was for: {}", shown(then));
            return Some(difference(Rule::PolicyLost, Severity::Info, message, &was, is));
        }
        Change::Weaker(why) if now.is_empty() => format!("the policy is gone: {why}. Bring it back"),
        Change::Weaker(why) => {
            format!("the policy is gone, and {} without it: {why}. Bring it back", stand(&now))
        }
        Change::Unclear(why) => {
            let message = format!("the policy is gone: {why}");
            return Some(difference(Rule::PolicyLost, Severity::Warning, message, &was, is));
        }
        Change::Stricter(why) => {
            let message = format!("the policy is gone: {why}");
            return Some(difference(Rule::SaferThanBefore, Severity::Info, message, &was, is));
        }
    };
    Some(difference(Rule::PolicyLost, Severity::Error, message, &was, is))
}

fn stand(pods: &BTreeSet<&Key>) -> String {
    format!("{} {}", shown(pods.iter().copied()), if pods.len() == 1 { "stands" } else { "stand" })
}

fn of_both(
    old: &Side<'_>,
    new: &Side<'_>,
    (policy, before): (&Policy<'_>, &Policies<'_>),
    (now, after): (&Policy<'_>, &Policies<'_>),
    found: &mut Vec<Located>,
) {
    let mut say = |rule, severity, message: String| {
        found.push(new.about(now.item, difference(rule, severity, message, &policy.says(), &now.says())));
    };
    for change in strength::compare(policy, now) {
        match change {
            Change::Weaker(why) => say(Rule::PolicyWeaker, Severity::Error, why),
            Change::Unclear(why) => say(Rule::PolicyChanged, Severity::Warning, why),
            Change::Stricter(why) => say(Rule::SaferThanBefore, Severity::Info, why),
        }
    }
    let then = pods_of(old, policy, &before.root);
    let covered = pods_of(new, now, &after.root);
    let dropped: BTreeSet<&Key> =
        then.iter().copied().filter(|key| new.places.contains_key(*key) && !covered.contains(key)).collect();
    if !dropped.is_empty() && !matches!(strength::of_absence(policy), Change::Stricter(_)) {
        let message = format!(
            "it was for {} and is not any more; its selector must match the labels of these pods",
            shown(dropped)
        );
        say(Rule::PolicyWeaker, Severity::Error, message);
    } else if policy.target() != now.target() && (then.is_empty() || covered.is_empty() || !policy.has_selector()) {
        let message = "it selects others than it did, and the renders do not show which pods these are; compare its \
                       selector or targetRefs by hand";
        say(Rule::PolicyChanged, Severity::Warning, message.to_owned());
    }
}

/// A policy that was not there: most only refuse more, but some make an exception.
fn added(
    old: &Side<'_>,
    new: &Side<'_>,
    policy: &Policy<'_>,
    before: &Policies<'_>,
    after: &Policies<'_>,
) -> Option<Finding> {
    let (was, is) = ("absent", policy.says());
    if policy.kind == Kind::PeerAuthentication {
        // The mode of a namespace, or of the mesh, that held there.
        let strict = before.all.values().any(|other| {
            other.kind == policy.kind
                && (other.namespace == policy.namespace || other.namespace == before.root)
                && !other.has_selector()
                && strength::is_strict(other)
        });
        return strength::exception(policy, strict).map(|why| {
            let message = format!("the policy is new and makes an exception: {why}. Take it away");
            difference(Rule::NewExemption, Severity::Error, message, was, &is)
        });
    }
    // Those that allow add up: one more lets more in where others refuse what they do not name.
    let opened: BTreeSet<&Key> = pods_of(new, policy, &after.root)
        .into_iter()
        .filter(|_| strength::allows(policy))
        .filter(|key| {
            old.places.contains_key(*key)
                && before
                    .all
                    .values()
                    .any(|other| strength::isolates(other, policy) && pods_of(old, other, &before.root).contains(key))
        })
        .collect();
    (!opened.is_empty()).then(|| {
        let message = format!("the policy is new and lets more in to {}; compare it with the others", shown(opened));
        difference(Rule::PolicyChanged, Severity::Warning, message, was, &is)
    })
}
