//! Reads recorded renders, and applies settings to them as data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};
use unroot::istio::facts::{FactsLookup, facts_for};
use unroot::istio::mode_settings::{Desired, Document, Setting};
use unroot::istio::objects::cni::{CniInstall, InstallLabels, RecommendedLabels};
use unroot::istio::platform::Platform;

use super::at;

/// What tells objects apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) group: String,
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
}

pub(crate) type Docs = BTreeMap<Key, Value>;

/// The folder of the shared data.
pub(crate) fn shared() -> PathBuf {
    let given = std::env::var_os("UNROOT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    Path::new(env!("CARGO_MANIFEST_DIR")).join(given)
}

/// Whether the renders are there. A gate without them would prove nothing, so there it is a failure.
pub(crate) fn at_hand() -> bool {
    let found = shared().join("istio").is_dir();
    assert!(found || std::env::var("CI").as_deref() != Ok("true"), "no recorded renders in {}", shared().display());
    if !found {
        eprintln!("skipped: no recorded renders in {}", shared().display());
    }
    found
}

/// The objects of a file.
pub(crate) fn read(file: &Path) -> Docs {
    read_text(&std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display())))
}

/// The objects of a stream.
pub(crate) fn read_text(text: &str) -> Docs {
    let mut docs = Docs::new();
    for document in serde_yaml::Deserializer::from_str(text) {
        let value = Value::deserialize(document).unwrap_or_else(|error| panic!("{error}\n{text}"));
        if value.is_object() {
            let before = docs.insert(key_of(&value), value);
            assert!(before.is_none(), "twice: {before:?}");
        }
    }
    docs
}

pub(crate) fn key_of(value: &Value) -> Key {
    let api_version = value["apiVersion"].as_str().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Key {
        group: api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: text(&value["kind"]),
        namespace: text(&value["metadata"]["namespace"]),
        name: text(&value["metadata"]["name"]),
    }
}

/// What a render without istio-cni says of the install.
pub(crate) fn install_of(docs: &Docs, platform: Platform, namespace: &str) -> CniInstall {
    let istiod = docs.iter().find(|(key, _)| key.kind == "Deployment" && key.name.starts_with("istiod")).unwrap().1;
    let image = istiod["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
    let (hub, tag) = image.rsplit_once("/pilot:").unwrap();
    let FactsLookup::Known(facts) = facts_for(&tag.parse().unwrap()) else { panic!("{tag}") };
    let labels = &istiod["metadata"]["labels"];
    let label = |name: &str| labels[name].as_str().map(str::to_owned);
    let values = injector_values(docs);
    let secrets = values["global"]["imagePullSecrets"].as_array().cloned().unwrap_or_default();
    CniInstall {
        facts,
        ambient: None,
        platform: platform.effect(facts).unwrap(),
        hub: hub.to_owned(),
        tag: tag.to_owned(),
        variant: None,
        image_pull_policy: values["global"]["imagePullPolicy"]
            .as_str()
            .filter(|word| !word.is_empty())
            .map(str::to_owned),
        image_pull_secrets: secrets.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        namespace: namespace.to_owned(),
        bin_dir: None,
        conf_dir: None,
        labels: InstallLabels {
            release: label("release").unwrap(),
            revision: label("istio.io/rev").filter(|revision| revision != "default"),
            owning_resource: label("install.operator.istio.io/owning-resource").unwrap(),
            recommended: label("app.kubernetes.io/managed-by").map(|managed_by| RecommendedLabels {
                managed_by,
                version: label("app.kubernetes.io/version").unwrap(),
                chart_version: label("helm.sh/chart")
                    .and_then(|chart| chart.strip_prefix("istiod-").map(str::to_owned)),
            }),
        },
        log_level: values["global"]["logging"]["level"].as_str().map(str::to_owned),
        log_as_json: values["global"]["logAsJson"] == true,
        native_nftables: values["global"]["nativeNftables"] == true,
        network_policy: values["global"]["networkPolicy"]["enabled"] == true,
    }
}

fn injector_values(docs: &Docs) -> Value {
    let injector =
        docs.iter().find(|(key, _)| key.kind == "ConfigMap" && key.name.starts_with("istio-sidecar-injector"));
    serde_yaml::from_str(injector.unwrap().1["data"]["values"].as_str().unwrap()).unwrap()
}

/// Applies settings to the documents that they are for; the number of changes.
pub(crate) fn apply(docs: &mut Docs, settings: &[Setting]) -> usize {
    let mut changes = 0;
    for setting in settings {
        let mut seen = false;
        for (key, doc) in docs.iter_mut() {
            if let Some(place) = place_of(setting.document, key, doc) {
                seen = true;
                changes += usize::from(apply_at(doc, place, setting));
            }
        }
        assert!(seen, "nothing to apply {setting:?} to");
    }
    changes
}

/// Where in an object a document is.
#[derive(Clone, Copy)]
enum Place {
    Text(&'static str),
    Data,
    Object,
    /// Of its container.
    Container,
    /// A list of the pod or of its container, and the key that tells its elements apart.
    Elements(&'static [&'static str], &'static str),
}

const ENV: Place = Place::Elements(&["containers", "0", "env"], "name");

fn place_of(document: Document, key: &Key, doc: &Value) -> Option<Place> {
    let named = |kind: &str, name: &str| {
        key.kind == kind && key.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest == "-canary")
    };
    let (found, place) = match document {
        Document::InjectorValues => (named("ConfigMap", "istio-sidecar-injector"), Place::Text("values")),
        Document::InjectorConfig => (named("ConfigMap", "istio-sidecar-injector"), Place::Text("config")),
        Document::MergedValues => (named("ConfigMap", "values"), Place::Text("merged-values")),
        Document::OriginalValues => (named("ConfigMap", "values"), Place::Text("original-values")),
        Document::IstiodEnv => (named("Deployment", "istiod"), ENV),
        Document::MeshConfig => (named("ConfigMap", "istio"), Place::Text("mesh")),
        Document::GatewayDeployment | Document::GatewayEnv => {
            let container = at(doc, &["spec", "template", "spec"])["containers"][0]["name"].as_str();
            let place = if document == Document::GatewayEnv { ENV } else { Place::Object };
            (key.kind == "Deployment" && container == Some("istio-proxy"), place)
        }
        Document::CniVariables => (named("ConfigMap", "istio-cni-config"), Place::Data),
        Document::CniNetworkConfig => (named("ConfigMap", "istio-cni-config"), Place::Text("cni_network_config")),
        Document::CniDaemonSet => (named("DaemonSet", "istio-cni-node"), Place::Object),
        Document::CniContainer => (named("DaemonSet", "istio-cni-node"), Place::Container),
        Document::CniEnv => (named("DaemonSet", "istio-cni-node"), ENV),
        Document::CniMounts => {
            let mounts = Place::Elements(&["containers", "0", "volumeMounts"], "mountPath");
            (named("DaemonSet", "istio-cni-node"), mounts)
        }
        Document::CniVolumes => (named("DaemonSet", "istio-cni-node"), Place::Elements(&["volumes"], "name")),
        Document::ZtunnelDaemonSet => (named("DaemonSet", "ztunnel"), Place::Object),
        Document::ZtunnelEnv => (named("DaemonSet", "ztunnel"), ENV),
    };
    found.then_some(place)
}

fn apply_at(doc: &mut Value, place: Place, setting: &Setting) -> bool {
    match place {
        Place::Object => change(doc, setting),
        Place::Text(key) => {
            let mut data: Value = serde_yaml::from_str(doc["data"][key].as_str().unwrap()).unwrap();
            let changed = change(&mut data, setting);
            doc["data"][key] = json!(data.to_string());
            changed
        }
        Place::Data => change(&mut doc["data"], setting),
        Place::Container => change(&mut doc["spec"]["template"]["spec"]["containers"][0], setting),
        Place::Elements(path, key) => {
            let pod = &mut doc["spec"]["template"]["spec"];
            let list = path.iter().fold(pod, |value, key| match key.parse::<usize>() {
                Ok(index) => &mut value[index],
                Err(_) => &mut value[*key],
            });
            let list = list.as_array_mut().unwrap();
            let [name] = setting.path[..] else { panic!("{setting:?}") };
            let found = list.iter().position(|element| element[key] == name);
            let is_variable = path.ends_with(&["env"]);
            let present = found.map(|index| {
                let mut element = list[index].clone();
                element.as_object_mut().unwrap().remove(key);
                if is_variable { element["value"].clone() } else { element }
            });
            match setting.change(present.as_ref()).cloned() {
                Some(Desired::Set(value)) => {
                    let mut element = if is_variable { json!({"value": value}) } else { value };
                    element[key] = json!(name);
                    match found {
                        Some(index) => {
                            list[index].as_object_mut().unwrap().extend(element.as_object().unwrap().clone())
                        }
                        None => list.push(element),
                    }
                    true
                }
                Some(Desired::Remove { .. }) => {
                    list.remove(found.unwrap());
                    true
                }
                None => false,
            }
        }
    }
}

fn change(root: &mut Value, setting: &Setting) -> bool {
    let (last, parents) = setting.path.split_last().unwrap();
    let present = parents.iter().try_fold(&*root, |value, key| value.get(key)).and_then(|value| value.get(last));
    let Some(desired) = setting.change(present) else { return false };
    let desired = desired.clone();
    let mut map = &mut *root;
    for key in parents {
        if map.get(key).is_none_or(Value::is_null) {
            map[key] = Value::Object(Map::new());
        }
        map = &mut map[key];
    }
    match &desired {
        Desired::Set(value) => map[last] = value.clone(),
        Desired::Remove { around } => {
            map.as_object_mut().unwrap().remove(*last);
            let mut parents = parents;
            for _ in 0..*around {
                let Some((last, above)) = parents.split_last() else { break };
                let map = above.iter().fold(&mut *root, |value, key| &mut value[*key]);
                if map[*last].as_object().is_some_and(|map| !map.is_empty()) {
                    break;
                }
                map.as_object_mut().unwrap().remove(*last);
                parents = above;
            }
        }
    }
    true
}

/// The same objects with every flag of the mode off, which is what a platform's sidecar mode looks like.
pub(crate) fn without_flags(docs: &Docs) -> Docs {
    let mut docs = docs.clone();
    edit_values(&mut docs, |data| {
        for pointer in ["/istio_cni/enabled", "/pilot/cni/enabled", "/cni/enabled"] {
            if let Some(flag) = data.pointer_mut(pointer) {
                *flag = json!(false);
            }
        }
    });
    docs
}

/// Removes the echoes of `cni.chained`; the number of documents that had one.
pub(crate) fn remove_chained(docs: &mut Docs) -> usize {
    let mut count = 0;
    edit_values(docs, |data| {
        for pointer in ["/pilot/cni", "/cni"] {
            let Some(map) = data.pointer_mut(pointer).and_then(Value::as_object_mut) else { continue };
            count += usize::from(map.remove("chained").is_some());
        }
        let left_empty = data["cni"].as_object().is_some_and(Map::is_empty);
        if left_empty {
            data.as_object_mut().unwrap().remove("cni");
        }
    });
    count
}

fn edit_values(docs: &mut Docs, mut edit: impl FnMut(&mut Value)) {
    for doc in docs.values_mut().filter(|doc| doc["kind"] == "ConfigMap") {
        for text in ["values", "merged-values", "original-values"] {
            if let Some(json) = doc["data"][text].as_str() {
                let mut data: Value = serde_yaml::from_str(json).unwrap();
                edit(&mut data);
                doc["data"][text] = json!(data.to_string());
            }
        }
    }
}

/// The same objects without the variant that the profile `ambient` brings: a rewrite keeps the user's.
pub(crate) fn without_variant(docs: &Docs) -> Docs {
    fn images(value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(images),
            Value::Array(items) => items.iter_mut().for_each(images),
            Value::String(text) if text.ends_with("-distroless") => *text = text.replace("-distroless", ""),
            _ => {}
        }
    }
    let mut docs = docs.clone();
    docs.values_mut().for_each(images);
    edit_values(&mut docs, |data| {
        if let Some(variant) = data.pointer_mut("/global/variant") {
            *variant = json!("");
        }
    });
    for doc in docs.values_mut().filter(|doc| doc["kind"] == "ConfigMap") {
        if let Some(text) = doc["data"]["mesh"].as_str() {
            let mut mesh: Value = serde_yaml::from_str(text).unwrap();
            mesh["defaultConfig"].as_object_mut().unwrap().remove("image");
            doc["data"]["mesh"] = json!(serde_yaml::to_string(&mesh).unwrap());
        }
    }
    docs
}
