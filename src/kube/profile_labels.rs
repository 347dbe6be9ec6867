//! The ConfigMap from which Kubeflow's profile controller labels user namespaces.
//!
//! `namespace-labels-data` up to Kubeflow 26.03, `profiles-namespace-labels-data` from 26.03.1 on (kubeflow/manifests
//! `applications/profiles`, kubeflow/dashboard `components/profile-controller/manifests`), with a hash in the output of
//! kustomize, and any name that the controller's Deployment mounts at its default path.

use std::collections::BTreeMap;

use super::names::previous_names;
use crate::krm::{Error, Item, List};
use crate::yaml::embedded::Embedded;
use crate::yaml::path::Path;
use crate::yaml::tree::{Tree, View};

/// The label by which the profile controller marks namespaces of users.
pub const PART_OF: (&str, &str) = ("app.kubernetes.io/part-of", "kubeflow-profile");

/// The key of its `data`.
pub const KEY: &str = "namespace-labels.yaml";

/// Where the controller looks by default: its flag `-namespace-labels-path`.
const MOUNT_PATH: &str = "/etc/profile-controller";

/// The letters of kustomize's hashes.
const HASH_LETTERS: &[u8] = b"2456789bcdfghkmt";

/// True for the name under which a release ships it, with or without kustomize's hash.
#[must_use]
pub fn is_default_name(name: &str) -> bool {
    let name = name.strip_prefix("profiles-").unwrap_or(name);
    match name.strip_prefix("namespace-labels-data") {
        Some("") => true,
        Some(rest) => rest.strip_prefix('-').is_some_and(is_hash),
        None => false,
    }
}

fn is_hash(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| HASH_LETTERS.contains(&byte))
}

/// A ConfigMap that a Deployment mounts where the controller reads its labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    /// The ConfigMap's name, as the Deployment has it.
    pub name: String,
    namespace: String,
}

impl Mount {
    /// True where a ConfigMap of this namespace can be the mounted one.
    #[must_use]
    pub fn is_in(&self, namespace: &str) -> bool {
        self.namespace == namespace || self.namespace.is_empty() || namespace.is_empty()
    }
}

/// The ConfigMaps that Deployments of the list mount at the controller's default path.
///
/// # Errors
/// Where such a Deployment cannot be read.
pub fn mounted_names(list: &List<'_>) -> Result<Vec<Mount>, Error> {
    let mut mounts = Vec::new();
    for item in list.items() {
        if item.kind() != "Deployment" || item.is_local_config() || !item.text().contains(MOUNT_PATH) {
            continue;
        }
        let parsed = item.parse()?;
        let Some(pod) = parsed.root().and_then(|root| root.find(&["spec", "template", "spec"])) else { continue };
        for name in config_maps_at(pod, MOUNT_PATH) {
            mounts.push(Mount { name, namespace: item.namespace().to_owned() });
        }
    }
    Ok(mounts)
}

/// The ConfigMap of a list, and what comes of it.
#[derive(Clone, Debug)]
pub struct LabelSource {
    /// The place of the ConfigMap in the list.
    pub place: usize,
    /// The labels of a new namespace.
    pub labels: BTreeMap<String, String>,
}

/// The labels that the controller gives to a new namespace, by the ConfigMap of the list; None where it holds none.
///
/// `istio-injection: enabled` comes from the controller's code; an empty value in the text takes a label away, any other
/// is set where the label is not there yet.
///
/// # Errors
/// Where the text is no map of strings: the controller would not start.
pub fn source(list: &List<'_>) -> Result<Option<LabelSource>, Error> {
    let mounted = mounted_names(list)?;
    for (place, item) in list.items().iter().enumerate() {
        if !item.is("v1", "ConfigMap") || item.is_local_config() || !item.text().contains(KEY) {
            continue;
        }
        let parsed = item.parse_to_read()?;
        let Some(root) = parsed.root() else { continue };
        let Some(value) = root.find(&["data", KEY]) else { continue };
        let is_mounted = mounted.iter().any(|mount| {
            mount.is_in(item.namespace()) && (mount.name == item.name() || previous_names(root).contains(&mount.name))
        });
        if is_default_name(item.name()) || is_mounted {
            return Ok(Some(LabelSource { place, labels: labels_in(item, value)? }));
        }
    }
    Ok(None)
}

/// The labels of a new namespace without the ConfigMap.
#[must_use]
pub fn labels_from_code() -> BTreeMap<String, String> {
    BTreeMap::from([("istio-injection".to_owned(), "enabled".to_owned())])
}

fn labels_in(item: &Item<'_>, value: View<'_>) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |message: &str, line: usize| {
        item.error_at(message.to_owned(), line).at_field(Path::of(&["data", KEY]).to_string())
    };
    let mut labels = labels_from_code();
    let Some(embedded) = Embedded::of(value) else {
        return Err(wrong("must be a text; the profile controller reads a map of strings there", value.line()));
    };
    let text = embedded.text();
    let tree = Tree::parse(text).map_err(|error| {
        wrong(&format!("the text is not valid YAML: {}", error.message), embedded.outer_line(error.line))
    })?;
    let Some(map) = tree.root(text).filter(|map| !map.is_null()) else { return Ok(labels) };
    if !map.is_mapping() || map.entries().any(|(_, value)| value.scalar().is_none()) {
        return Err(wrong("the text must be a map of strings", embedded.outer_line(map.line())));
    }
    for (key, value) in map.entries() {
        match (key.scalar_text(), value.scalar_text()) {
            (key, "") => {
                labels.remove(key);
            }
            _ if value.is_null() => {
                labels.remove(key.scalar_text());
            }
            (key, value) => {
                labels.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
    }
    Ok(labels)
}

fn config_maps_at(pod: View<'_>, path: &str) -> Vec<String> {
    let text = |view: View<'_>, keys: &[&str]| view.find(keys).map(|value| value.scalar_text().to_owned());
    let volumes: Vec<String> = pod
        .get("containers")
        .into_iter()
        .flat_map(|containers| containers.items())
        .filter_map(|container| container.get("volumeMounts"))
        .flat_map(|mounts| mounts.items())
        .filter(|mount| text(*mount, &["mountPath"]).is_some_and(|at| at.trim_end_matches('/') == path))
        .filter_map(|mount| text(mount, &["name"]))
        .collect();
    pod.get("volumes")
        .into_iter()
        .flat_map(|all| all.items())
        .filter(|volume| text(*volume, &["name"]).is_some_and(|name| volumes.contains(&name)))
        .flat_map(|volume| {
            let projected = volume.find(&["projected", "sources"]).into_iter().flat_map(|sources| sources.items());
            let sources: Vec<View<'_>> = std::iter::once(volume).chain(projected).collect();
            sources.into_iter().filter_map(|source| text(source, &["configMap", "name"])).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_s_name_is_known() {
        for (name, known) in [
            ("namespace-labels-data", true),
            ("namespace-labels-data-4df5t8mdgf", true),
            ("profiles-namespace-labels-data", true),
            ("profiles-namespace-labels-data-2k29b64d74", true),
            ("namespace-labels-data-backup", false),
            ("namespace-labels-data-2k29b64d7", false),
            ("namespace-labels-data-2k29b64d7a", false),
            ("namespace-labels-data-2k29b64d7-", false),
            ("my-namespace-labels-data", false),
            ("profiles-namespace-labels-data-4df5t8mdgf2", false),
        ] {
            assert_eq!(is_default_name(name), known, "{name}");
        }
    }
}
