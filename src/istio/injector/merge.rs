//! Strategic merge patches of pods: how a rendered template, and a user's own container, come on top of a pod.
//!
//! Maps merge key by key, `null` deletes. A list of objects with a merge key merges element by element, any other list is
//! replaced. What only the patch has goes in front of what only the original has.
//!
//! Source of facts: k8s.io/apimachinery `pkg/util/strategicpatch/patch.go`, the `patchMergeKey` tags of k8s.io/api
//! `core/v1/types.go`.

use serde_json::{Map, Value as Json};

/// Merges `patch`, a pod, onto `pod`.
pub(super) fn merge_pod(pod: &mut Json, patch: Json) {
    merge_into(pod, patch, Place::Pod);
}

/// Where in a pod a value stands, as far as lists there have merge keys.
#[derive(Clone, Copy)]
enum Place {
    Pod,
    Metadata,
    Spec,
    Container,
    Other,
}

/// How a list merges.
enum ListMerge {
    ByKey(&'static str),
    /// A list of words: what is not there yet is added.
    Words,
    Replace,
}

impl Place {
    fn member(self, name: &str) -> Self {
        match (self, name) {
            (Self::Pod, "metadata") => Self::Metadata,
            (Self::Pod, "spec") => Self::Spec,
            (Self::Spec, "containers" | "initContainers" | "ephemeralContainers") => Self::Container,
            _ => Self::Other,
        }
    }

    fn list(self, name: &str) -> ListMerge {
        ListMerge::ByKey(match (self, name) {
            (Self::Metadata, "ownerReferences") => "uid",
            (Self::Metadata, "finalizers") => return ListMerge::Words,
            (
                Self::Spec,
                "containers"
                | "initContainers"
                | "ephemeralContainers"
                | "volumes"
                | "imagePullSecrets"
                | "resourceClaims"
                | "schedulingGates",
            ) => "name",
            (Self::Spec, "hostAliases") => "ip",
            (Self::Spec, "topologySpreadConstraints") => "topologyKey",
            (Self::Container, "ports") => "containerPort",
            (Self::Container, "env") => "name",
            (Self::Container, "volumeMounts") => "mountPath",
            (Self::Container, "volumeDevices") => "devicePath",
            _ => return ListMerge::Replace,
        })
    }
}

fn merge_into(original: &mut Json, patch: Json, place: Place) {
    match (original, patch) {
        (Json::Object(original), Json::Object(patch)) => merge_members(original, patch, place),
        (original, patch) => *original = without_nulls(patch),
    }
}

fn merge_members(original: &mut Map<String, Json>, patch: Map<String, Json>, place: Place) {
    for (name, value) in patch {
        if value.is_null() {
            original.remove(&name);
            continue;
        }
        match (original.get_mut(&name), value) {
            (Some(Json::Array(items)), Json::Array(patches)) => match place.list(&name) {
                ListMerge::ByKey(key) => merge_lists(items, patches, key, place.member(&name)),
                ListMerge::Words => {
                    items.extend(patches.into_iter().filter(|word| !items.contains(word)).collect::<Vec<_>>())
                }
                ListMerge::Replace => *items = patches,
            },
            (Some(known), value) => merge_into(known, value, place.member(&name)),
            (None, value) => {
                original.insert(name, without_nulls(value));
            }
        }
    }
}

/// Merges a list of objects by their key. The order keeps both lists' own orders; where nothing decides, elements of the patch
/// come first.
fn merge_lists(original: &mut Vec<Json>, patches: Vec<Json>, key: &str, place: Place) {
    let order: Vec<Json> = original.iter().map(|item| item[key].clone()).collect();
    let mut kept = std::mem::take(original);
    let mut merged: Vec<Json> = Vec::with_capacity(patches.len());
    for patch in patches {
        let id = patch[key].clone();
        if let Some(again) = merged.iter_mut().find(|item| item[key] == id) {
            merge_into(again, patch, place);
        } else if let Some(at) = kept.iter().position(|item| item[key] == id) {
            let mut item = kept.remove(at);
            merge_into(&mut item, patch, place);
            merged.push(item);
        } else {
            merged.push(without_nulls(patch));
        }
    }
    let place_of = |item: &Json| order.iter().position(|id| *id == item[key]);
    let mut kept = kept.into_iter().peekable();
    for item in merged {
        let at = place_of(&item);
        while let Some(next) = kept.next_if(|next| matches!((place_of(next), at), (Some(next), Some(at)) if next < at))
        {
            original.push(next);
        }
        original.push(item);
    }
    original.extend(kept);
}

/// A value that is new has nothing for its nulls to delete.
fn without_nulls(mut value: Json) -> Json {
    remove_nulls(&mut value);
    value
}

fn remove_nulls(value: &mut Json) {
    match value {
        Json::Object(members) => {
            if members.values().any(Json::is_null) {
                members.retain(|_, value| !value.is_null());
            }
            members.values_mut().for_each(remove_nulls);
        }
        Json::Array(items) => items.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_merge_as_strategic_merge_patches_do() {
        let mut pod = serde_json::json!({
            "metadata": {"labels": {"a": "1"}, "finalizers": ["x"]},
            "spec": {
                "containers": [
                    {"name": "app", "image": "i", "ports": [{"containerPort": 80}], "env": [{"name": "E", "value": "1"}],
                     "securityContext": {"capabilities": {"add": ["CHOWN"]}, "runAsUser": 1}},
                    {"name": "other"},
                ],
                "tolerations": [{"key": "k"}],
                "volumes": [{"name": "v", "emptyDir": {}}],
            },
        });
        let patch = serde_json::json!({
            "metadata": {"labels": {"b": "2"}, "finalizers": ["y", "x"], "annotations": null},
            "spec": {
                "containers": [
                    {"name": "istio-proxy", "image": "p"},
                    {"name": "app", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}], "image": null,
                     "env": [{"name": "E", "value": "2"}], "securityContext": {"capabilities": {"add": [], "drop": ["ALL"]}}},
                ],
                "tolerations": [],
                "volumes": [{"name": "w", "secret": null, "emptyDir": {"medium": null}}],
            },
        });
        merge_pod(&mut pod, patch);
        let expected = serde_json::json!({
            "metadata": {"labels": {"a": "1", "b": "2"}, "finalizers": ["x", "y"]},
            "spec": {
                "containers": [
                    {"name": "istio-proxy", "image": "p"},
                    {"name": "app", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}],
                     "env": [{"name": "E", "value": "2"}],
                     "securityContext": {"capabilities": {"add": [], "drop": ["ALL"]}, "runAsUser": 1}},
                    {"name": "other"},
                ],
                "tolerations": [],
                "volumes": [{"name": "w", "emptyDir": {}}, {"name": "v", "emptyDir": {}}],
            },
        });
        assert_eq!(pod, expected);
    }

    #[test]
    fn what_stands_before_a_patched_element_stays_before_it() {
        let names =
            |names: &[&str]| -> Vec<Json> { names.iter().map(|name| serde_json::json!({"name": name})).collect() };
        let mut list = names(&["a", "b", "c"]);
        merge_lists(&mut list, names(&["new", "b"]), "name", Place::Other);
        assert_eq!(list, names(&["new", "a", "b", "c"]));
        let mut list = names(&["a", "b", "c"]);
        merge_lists(&mut list, names(&["c", "new"]), "name", Place::Other);
        assert_eq!(list, names(&["a", "b", "c", "new"]));
    }
}
