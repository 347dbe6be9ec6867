//! Namespaces: enrolled by a label in the place of the one that has their pods injected.
//!
//! The label of injection is removed and not set to `disabled`, so that the word of a namespace that was never injected
//! stays different from it. The way back has pods injected by the default revision, or by the one that the mark names.

use serde_json::Value;

use super::{Report, mark, say};
use crate::config::Istio;
use crate::istio::members::{DATAPLANE_MODE, INJECTION, Member, Members, Namespace, REVISION, Reach};
use crate::krm::{Error, Field, Finding, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

const LABELS: [&str; 2] = ["metadata", "labels"];

/// Labels that are set and that go.
pub(super) struct LabelChange<'c> {
    pub(super) path: &'c [&'c str],
    pub(super) set: Vec<(&'c str, String)>,
    pub(super) remove: Vec<&'c str>,
}

impl LabelChange<'_> {
    /// Makes the change, and says of it what there is to say; false where everything stands so.
    pub(super) fn apply(&self, item: &mut Item<'_>, rule: Rule, why: &str, report: &mut Report) -> Result<bool, Error> {
        let removed: Vec<&str> = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { return Ok(false) };
            let labels = root.find(self.path);
            let current = |key: &str| labels.and_then(|labels| labels.get(key)).map(|value| value.scalar_text());
            let set: Vec<&(&str, String)> =
                self.set.iter().filter(|(key, value)| current(key) != Some(value.as_str())).collect();
            let removed: Vec<&str> = self.remove.iter().copied().filter(|key| current(key).is_some()).collect();
            if set.is_empty() && removed.is_empty() {
                return Ok(false);
            }
            let map = |pairs: Vec<(&str, &str)>| {
                let map: serde_json::Map<String, Value> =
                    pairs.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
                (!map.is_empty()).then_some(Value::Object(map))
            };
            let before = set.iter().map(|(key, _)| *key).chain(removed.iter().copied());
            let field = Field {
                path: Path::of(self.path).to_string(),
                current_value: map(before.filter_map(|key| Some((key, current(key)?))).collect()),
                proposed_value: map(set.iter().map(|(key, value)| (*key, value.as_str())).collect()),
            };
            let words = set.iter().map(|(key, value)| format!("set {key}={value}"));
            let words: Vec<String> = words.chain(removed.iter().map(|key| format!("removed {key}"))).collect();
            let message = format!("{}{why}", words.join(", "));
            report.add_about(item, root, Finding::new(rule, Severity::Info, message).with_field(field));
            removed
        };
        self.edit(item, |labels, edits, root| {
            let missing: Vec<(&str, Value)> = self
                .set
                .iter()
                .filter(|(key, value)| {
                    labels.and_then(|labels| labels.get(key)).is_none_or(|now| now.scalar_text() != value)
                })
                .map(|(key, value)| (*key, Value::from(value.as_str())))
                .collect();
            if missing.is_empty() { Ok(()) } else { edits.set(root, self.path, &missing) }
        })?;
        // In a second step: both changes may be about one line.
        self.edit(item, |labels, edits, root| match self.path.split_last() {
            // A mapping of which nothing is left was made for what goes now.
            Some((last, parents)) if labels.is_some_and(|labels| is_all_of(labels, &removed)) => {
                edits.remove(root, parents, &[last])
            }
            _ => edits.remove(root, self.path, &removed),
        })?;
        Ok(true)
    }

    fn edit(
        &self,
        item: &mut Item<'_>,
        change: impl FnOnce(Option<View<'_>>, &mut Edits, View<'_>) -> Result<(), EditError>,
    ) -> Result<(), Error> {
        let edits = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { return Ok(()) };
            let mut edits = Edits::default();
            change(root.find(self.path), &mut edits, root).map_err(|error| item.edit_error(&error))?;
            edits
        };
        item.apply(edits)
    }
}

fn is_all_of(labels: View<'_>, keys: &[&str]) -> bool {
    !keys.is_empty() && labels.entries().all(|(key, _)| keys.contains(&key.scalar_text()))
}

pub(super) fn enrol(list: &mut List<'_>, members: &Members, istio: &Istio, report: &mut Report) -> Result<(), Error> {
    for (name, namespace) in in_list(members) {
        let Some(item) = namespace.place.and_then(|place| list.items_mut().get_mut(place)) else { continue };
        match (namespace.is_injected(), namespace.after) {
            (true, Reach::Ambient) => {
                let change = LabelChange {
                    path: &LABELS,
                    set: vec![(DATAPLANE_MODE, "ambient".to_owned())],
                    remove: vec![INJECTION, REVISION],
                };
                let memory = memory(members, namespace);
                change.apply(item, Rule::AmbientNamespace, ": its pods are enrolled when they restart", report)?;
                if let Some(memory) = memory {
                    mark::set(item, &memory)?;
                }
            }
            (true, Reach::Sidecar) if namespace.labels.contains_key(DATAPLANE_MODE) || members.planes.owns(name) => {
                let why = match namespace.labels.get(DATAPLANE_MODE).map(String::as_str) {
                    _ if members.planes.owns(name) => {
                        "keeps its sidecars: it is Istio's own namespace, which is never enrolled".to_owned()
                    }
                    Some("none") => format!("keeps its sidecars: its label {DATAPLANE_MODE} is \"none\""),
                    word => format!(
                        "keeps its sidecars, since it is not one of `ambient.namespaces`; its label {DATAPLANE_MODE} \
                         (\"{}\") has no effect on injected pods",
                        word.unwrap_or_default()
                    ),
                };
                say(item, Rule::AmbientNamespaceKept, Severity::Info, why, report)?;
            }
            (true, Reach::Sidecar) => {
                let key = if namespace.is_user { "ambient.userNamespaces" } else { "ambient.namespaces" };
                let message = format!("keeps its sidecars under istio-cni, as `{key}` says");
                say(item, Rule::AmbientNamespaceKept, Severity::Info, message, report)?;
            }
            _ => {}
        }
    }
    unmatched(members, istio, report);
    Ok(())
}

/// Patterns that name no namespace of the mesh.
fn unmatched(members: &Members, istio: &Istio, report: &mut Report) {
    for glob in istio.ambient.namespaces.iter().flatten() {
        let candidates = || members.namespaces.iter().filter(|(name, _)| glob.matches(name));
        let in_mesh = |namespace: &Namespace| namespace.before != Reach::None;
        let by_pods = || {
            members
                .workloads
                .iter()
                .any(|workload| glob.matches(&workload.namespace) && workload.member == Member::Ambient)
        };
        if candidates().any(|(name, namespace)| in_mesh(namespace) && !namespace.is_user && !members.planes.owns(name))
            || by_pods()
        {
            continue;
        }
        let why = match candidates().next() {
            Some((name, _)) if members.planes.owns(name) => format!("\"{name}\" is Istio's own and never enrolled"),
            Some((name, namespace)) if namespace.is_user => {
                format!("\"{name}\" is a user's namespace, for which `ambient.userNamespaces` decides")
            }
            Some((name, _)) => format!("\"{name}\" is not in the mesh: it has no label {INJECTION} or {REVISION}"),
            None => "the input holds no such Namespace".to_owned(),
        };
        let message = format!("`ambient.namespaces` has \"{}\", which enrols nothing: {why}", glob.as_str());
        report.add(Finding::new(Rule::AmbientNamespacesUnmatched, Severity::Warning, message));
    }
}

/// The labels that the way back cannot find out: those of another revision than the only one, or both at once.
fn memory(members: &Members, namespace: &Namespace) -> Option<String> {
    let label = |key: &str| namespace.labels.get(key).map(|value| format!("{key}={value}"));
    let labels: Vec<String> = [INJECTION, REVISION].into_iter().filter_map(label).collect();
    (labels != usual(members)).then(|| labels.join(","))
}

/// The label of a namespace of this mesh, where one revision does all.
fn usual(members: &Members) -> Vec<String> {
    let mut revisions = members.planes.revisions.iter();
    match (revisions.next(), revisions.next()) {
        (Some(only), None) if only != "default" => vec![format!("{REVISION}={only}")],
        _ => vec![format!("{INJECTION}=enabled")],
    }
}

pub(super) fn leave(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    for (_, namespace) in in_list(members) {
        if namespace.before != Reach::Ambient || namespace.after != Reach::Sidecar {
            continue;
        }
        let Some(item) = namespace.place.and_then(|place| list.items_mut().get_mut(place)) else { continue };
        let marked = {
            let parsed = item.parse()?;
            parsed.root().and_then(mark::of).map(str::to_owned)
        };
        let labels = match &marked {
            Some(memory) => memory.split(',').map(str::to_owned).collect(),
            None => usual(members),
        };
        let set = labels.iter().filter_map(|label| label.split_once('='));
        let change = LabelChange {
            path: &LABELS,
            set: set.map(|(key, value)| (key, value.to_owned())).collect(),
            remove: vec![DATAPLANE_MODE],
        };
        change.apply(item, Rule::AmbientNamespace, ": its pods are injected when they restart", report)?;
        if marked.is_some() {
            mark::clear(item)?;
        }
    }
    Ok(())
}

/// The Namespace objects, in the order of the list.
fn in_list(members: &Members) -> Vec<(&str, &Namespace)> {
    let mut namespaces: Vec<(&str, &Namespace)> =
        members.namespaces.iter().map(|(name, namespace)| (name.as_str(), namespace)).collect();
    namespaces.sort_by_key(|(_, namespace)| namespace.place);
    namespaces
}
