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
use strength::{Change, Traffic};

/// Kind, namespace and name.
type Name = (Kind, String, String);

/// The policies of a render.
struct Policies<'i> {
    all: BTreeMap<Name, Policy<'i>>,
    /// The pods that each is for.
    pods: BTreeMap<Name, BTreeSet<&'i Key>>,
    /// The namespace of those that are for the whole mesh.
    root: String,
}

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) -> Result<(), Error> {
    let before = Policies::read(old)?;
    let after = Policies::read(new)?;
    let namespaces = new.namespaces();
    let words = |name: &Name, policy: &Policy<'_>| (name.0, name.1.clone(), policy.spec.to_string());
    let [gone, fresh] = [(&before, &after), (&after, &before)].map(|(these, others)| {
        let only = these.all.iter().filter(|(name, _)| !others.all.contains_key(*name));
        only.map(|(name, policy)| words(name, policy)).collect::<BTreeSet<_>>()
    });
    for (name, policy) in &before.all {
        if let Some(now) = after.all.get(name) {
            of_both(new, name, (policy, &before), (now, &after), found);
        } else if namespaces.contains(policy.namespace) && !fresh.contains(&words(name, policy)) {
            // Where its namespace is gone too, nothing is left that it could be for.
            found.push(old.about(policy.item, lost(new, name, policy, &before)));
        }
    }
    let isolated = before.isolated();
    let strict = before.strict();
    for (name, policy) in after.all.iter().filter(|(name, _)| !before.all.contains_key(*name)) {
        if !gone.contains(&words(name, policy)) {
            let finding = added(old, policy, after.pods_of(name), &before, &isolated, &strict);
            found.extend(finding.map(|finding| new.about(policy.item, finding)));
        }
    }
    Ok(())
}

impl<'i> Policies<'i> {
    fn read(side: &'i Side<'_>) -> Result<Self, Error> {
        let mut all = BTreeMap::new();
        for item in side.list.items() {
            if let Some(policy) = Policy::of(item)? {
                all.insert((policy.kind, policy.namespace.to_owned(), item.name().to_owned()), policy);
            }
        }
        let planes = ControlPlanes::of(&side.list)?;
        let root = planes.map(|planes| planes.root).filter(|root| !root.is_empty());
        let root = root.unwrap_or_else(|| "istio-system".to_owned());
        let pods = all.iter().map(|(name, policy): (&Name, &Policy<'i>)| {
            let everywhere = policy.kind != Kind::Network && policy.namespace == root;
            let selects = policy.selects();
            let pods = side
                .pods_in((!everywhere).then_some(policy.namespace))
                .filter(|(_, pod, verdict)| verdict.judged.is_ok() && selects(&pod.labels));
            (name.clone(), pods.map(|(key, _, _)| key).collect())
        });
        Ok(Self { pods: pods.collect(), all, root })
    }

    fn pods_of(&self, name: &Name) -> &BTreeSet<&'i Key> {
        static NONE: BTreeSet<&Key> = BTreeSet::new();
        self.pods.get(name).unwrap_or(&NONE)
    }

    /// The namespaces in which mutual TLS is asked for where no pod or port says otherwise.
    fn strict(&self) -> BTreeSet<&str> {
        let peers = self.all.values().filter(|policy| policy.kind == Kind::PeerAuthentication);
        peers
            .filter(|policy| !policy.has_selector() && strength::is_strict(policy))
            .map(|policy| policy.namespace)
            .collect()
    }

    /// The pods to which only that comes that a policy lets in, by the way that it is limited.
    fn isolated(&self) -> BTreeSet<(Traffic, &'i Key)> {
        let each = self.all.iter().flat_map(|(name, policy)| {
            let limited = strength::limits(policy);
            self.pods_of(name).iter().flat_map(move |key| limited.clone().into_iter().map(move |way| (way, *key)))
        });
        each.collect()
    }
}

fn lost(new: &Side<'_>, name: &Name, policy: &Policy<'_>, before: &Policies<'_>) -> Finding {
    let then = before.pods_of(name);
    let selects = policy.selects();
    let everywhere = policy.kind != Kind::Network && policy.namespace == before.root;
    let now: BTreeSet<&Key> = new
        .pods_in((!everywhere).then_some(policy.namespace))
        .filter(|(key, pod, _)| then.contains(key) || selects(&pod.labels))
        .map(|(key, _, _)| key)
        .collect();
    let (rule, severity, why) = match strength::of_absence(policy) {
        Change::Weaker(_) if now.is_empty() && !then.is_empty() => {
            let pods = shown(then.iter().copied());
            (Rule::PolicyLost, Severity::Info, format!("and so are the pods that it was for: {pods}"))
        }
        Change::Weaker(why) if now.is_empty() => (Rule::PolicyLost, Severity::Error, format!("{why}; bring it back")),
        Change::Weaker(why) => {
            let pods = shown(now.iter().copied());
            (Rule::PolicyLost, Severity::Error, format!("{why}, and {pods} would need it; bring it back"))
        }
        Change::Unclear(why) => (Rule::PolicyLost, Severity::Warning, why),
        Change::Stricter(why) => (Rule::SaferThanBefore, Severity::Info, why),
    };
    difference(rule, severity, format!("the policy is gone: {why}"), &policy.says(), "absent")
}

fn of_both(
    new: &Side<'_>,
    name: &Name,
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
    let (then, covered) = (before.pods_of(name), after.pods_of(name));
    let stands = |key: &Key| new.pod(key).is_some_and(|(_, verdict)| verdict.judged.is_ok());
    let dropped: BTreeSet<&Key> = then.iter().copied().filter(|key| stands(key) && !covered.contains(key)).collect();
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
    policy: &Policy<'_>,
    pods: &BTreeSet<&Key>,
    before: &Policies<'_>,
    isolated: &BTreeSet<(Traffic, &Key)>,
    strict: &BTreeSet<&str>,
) -> Option<Finding> {
    let (was, is) = ("absent", policy.says());
    if policy.kind == Kind::PeerAuthentication {
        // The mode of a namespace, or of the mesh, that held there.
        let strict = [policy.namespace, before.root.as_str()].iter().any(|place| strict.contains(place));
        return strength::exception(policy, strict).map(|why| {
            let message = format!("the policy is new and makes an exception: {why}. Take it away");
            difference(Rule::NewExemption, Severity::Error, message, was, &is)
        });
    }
    // Those that allow add up: one more lets more in where others refuse what they do not name.
    let ways = strength::opens(policy);
    let opened: BTreeSet<&Key> = pods
        .iter()
        .filter_map(|key| old.places.get_key_value(*key))
        .map(|(key, _)| key)
        .filter(|key| ways.iter().any(|way| isolated.contains(&(*way, *key))))
        .collect();
    (!opened.is_empty()).then(|| {
        let message = format!("the policy is new and lets more in to {}; compare it with the others", shown(opened));
        difference(Rule::PolicyChanged, Severity::Warning, message, was, &is)
    })
}
