//! Puts settings into a Deployment or DaemonSet, in place: variables, mounts and volumes by their names, the rest by path.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Report;
use super::control_plane::{Change, changes, put, say};
use crate::istio::mode_settings::{Desired, Setting};
use crate::krm::{Error, Item};
use crate::yaml::de;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// Where in a workload settings apply.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Anywhere, by the path from its root.
    Root,
    /// Anywhere in the container.
    Container,
    /// The container's variables, by name.
    Env,
    /// The container's `volumeMounts`, by `mountPath`.
    Mounts,
    /// The pod's volumes, by name.
    Volumes,
}

impl Part {
    /// The list of elements that are told apart by a key, and that key.
    fn elements(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Root | Self::Container => None,
            Self::Env => Some(("env", "name")),
            Self::Mounts => Some(("volumeMounts", "mountPath")),
            Self::Volumes => Some(("volumes", "name")),
        }
    }
}

const POD: [&str; 3] = ["spec", "template", "spec"];

/// Makes a workload have settings; a workload without the container is left as it is.
pub(super) fn edit(
    item: &mut Item<'_>,
    container: &str,
    groups: &[(Part, Vec<&Setting>)],
    report: &mut Report,
) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let Some(pod) = root.find(&POD) else { return Ok(()) };
        let Some((place, container)) = container_of(pod, container) else { return Ok(()) };
        let mut edits = Edits::default();
        let mut said = Vec::new();
        for (part, settings) in groups {
            let (view, path) = match part {
                Part::Root => (root, Path::default()),
                Part::Volumes => (pod, Path::of(&POD)),
                _ => (container, Path::of(&POD).join("containers").join(place)),
            };
            let changes = changes(settings, |path| current(view, *part, path));
            let changes: Vec<Change<'_>> =
                changes.into_iter().filter(|change| !is_from_elsewhere(view, *part, change)).collect();
            make(view, *part, &changes, &mut edits).map_err(|error| item.edit_error(&error))?;
            let path = part.elements().map_or(path.clone(), |(list, _)| path.join(list));
            said.push((path, changes));
        }
        said.retain(|(_, changes)| !changes.is_empty());
        say(item, root, &said, report);
        edits
    };
    item.apply(edits)
}

/// A container by its name, with its place.
fn container_of<'t>(pod: View<'t>, name: &str) -> Option<(usize, View<'t>)> {
    let containers = pod.get("containers")?;
    containers
        .items()
        .enumerate()
        .find(|(_, container)| container.get("name").is_some_and(|word| word.as_str() == Some(name)))
}

fn element<'t>(view: View<'t>, (list, key): (&str, &str), name: &str) -> Option<View<'t>> {
    view.get(list)?.items().find(|item| item.get(key).is_some_and(|word| word.as_str() == Some(name)))
}

/// What is at a setting's path: of a variable its value as the text that the process sees, of a mount or a volume all but
/// its name.
fn current(view: View<'_>, part: Part, path: &[&str]) -> Option<Value> {
    let Some(elements) = part.elements() else {
        return view.find(path).map(|value| de::from_view(value).unwrap_or(Value::Null));
    };
    let found = element(view, elements, path.first()?)?;
    if part == Part::Env {
        return Some(found.get("value").map_or_else(|| Value::from(""), |value| value.scalar_text().into()));
    }
    let mut value: Map<String, Value> = de::from_view(found).ok()?;
    value.shift_remove(elements.1);
    Some(Value::Object(value))
}

/// A variable that is taken from elsewhere is the user's choice, whatever it comes to.
fn is_from_elsewhere(view: View<'_>, part: Part, change: &Change<'_>) -> bool {
    let (Part::Env, Some(elements), Some(name)) = (part, part.elements(), change.path.first()) else { return false };
    element(view, elements, name).is_some_and(|variable| variable.get("valueFrom").is_some())
}

fn make(view: View<'_>, part: Part, changes: &[Change<'_>], edits: &mut Edits) -> Result<(), EditError> {
    match part.elements() {
        Some(elements) => make_elements(view, elements, part, changes, edits),
        None => make_paths(view, changes, edits),
    }
}

fn make_elements(
    view: View<'_>,
    (list, key): (&str, &str),
    part: Part,
    changes: &[Change<'_>],
    edits: &mut Edits,
) -> Result<(), EditError> {
    let mut removed = Vec::new();
    let mut made = Vec::new();
    let is_there = view.get(list).is_some_and(|list| list.items().next().is_some());
    for change in changes {
        let Some(name) = change.path.first() else { continue };
        let Desired::Set(value) = change.desired else {
            removed.push(*name);
            continue;
        };
        let entries: Vec<(&str, Value)> = match value {
            Value::Object(map) if part != Part::Env => {
                map.iter().map(|(key, value)| (key.as_str(), value.clone())).collect()
            }
            value => vec![("value", value.clone())],
        };
        if is_there {
            edits.set_element(view, &[list], (key, name), &entries)?;
            continue;
        }
        let mut element = Map::from_iter([(key.to_owned(), Value::from(*name))]);
        element.extend(entries.into_iter().map(|(key, value)| (key.to_owned(), value)));
        made.push(Value::Object(element));
    }
    if !made.is_empty() {
        edits.set(view, &[], &[(list, Value::Array(made))])?;
    }
    edits.remove_elements(view, &[list], (key, &removed))
}

fn make_paths(view: View<'_>, changes: &[Change<'_>], edits: &mut Edits) -> Result<(), EditError> {
    let mut patch = Map::new();
    let mut removed: BTreeMap<&[&str], Vec<&str>> = BTreeMap::new();
    for change in changes {
        let Some((last, parents)) = change.path.split_last() else { continue };
        match change.desired {
            Desired::Set(value) => put(&mut patch, change.path, value.clone()),
            Desired::Remove { .. } => removed.entry(parents).or_default().push(last),
        }
    }
    for (parents, keys) in removed {
        edits.remove(view, parents, &keys)?;
    }
    edits.merge(view, &patch)
}
