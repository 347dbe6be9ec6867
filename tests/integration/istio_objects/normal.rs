//! What Kubernetes and Istio take for the same, brought to one form: defaults dropped, texts parsed, sets sorted.

use serde_json::{Map, Value};

/// Lists whose items are told apart by a key.
const MAP_KEYS: &[(&str, &str)] = &[
    ("containers", "name"),
    ("initContainers", "name"),
    ("env", "name"),
    ("volumes", "name"),
    ("volumeMounts", "mountPath"),
    ("webhooks", "name"),
    ("imagePullSecrets", "name"),
];
/// Lists whose order means nothing.
const SETS: &[&str] = &[
    "rules",
    "verbs",
    "resources",
    "apiGroups",
    "resourceNames",
    "subjects",
    "tolerations",
    "add",
    "drop",
    "exclude_namespaces",
    "matchExpressions",
    "sources",
    "envFrom",
    "serviceScopeConfigs",
    "extensionProviders",
    "apiVersions",
    "operations",
];
/// Keys of a ConfigMap whose text is data.
const TEXTS: &[&str] = &[
    "values",
    "mesh",
    "meshNetworks",
    "config",
    "merged-values",
    "original-values",
    "cni_network_config",
    "AMBIENT_ENABLEMENT_SELECTOR",
];

/// The normal form of an object.
pub(crate) fn normal(value: &Value) -> Value {
    normal_at(value, "", "")
}

/// Paths at which two normal forms differ.
pub(crate) fn differences(found: &Value, wanted: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    walk(Some(found), Some(wanted), String::new(), &mut lines);
    lines
}

fn walk(found: Option<&Value>, wanted: Option<&Value>, path: String, lines: &mut Vec<String>) {
    match (found, wanted) {
        (Some(Value::Object(found)), Some(Value::Object(wanted))) => {
            for key in found.keys().chain(wanted.keys().filter(|key| !found.contains_key(*key))) {
                walk(found.get(key), wanted.get(key), format!("{path}.{key}"), lines);
            }
        }
        (found, wanted) if found != wanted => {
            let show = |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
            lines.push(format!("{path}: got {}, want {}", show(found), show(wanted)));
        }
        _ => {}
    }
}

fn normal_at(value: &Value, field: &str, parent: &str) -> Value {
    match value {
        Value::Object(map) => normal_map(map, field, parent),
        Value::Array(items) => normal_list(items.iter().map(|item| normal_at(item, "", field)).collect(), field),
        scalar => scalar.clone(),
    }
}

fn normal_map(map: &Map<String, Value>, field: &str, parent: &str) -> Value {
    let mut out = Map::new();
    for (key, value) in map {
        let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        let text = value.as_str();
        let default = match (parent, field, key.as_str()) {
            (_, _, "annotations" | "labels" | "proxyMetadata") => empty,
            (_, "resourceFieldRef", "divisor") => matches!(text, Some("0" | "1")),
            (_, "fieldRef", "apiVersion") => text == Some("v1"),
            ("ports", _, "protocol") => text == Some("TCP"),
            (_, "updateStrategy", "type") => text == Some("RollingUpdate"),
            (_, "hostPath", "type") => text == Some(""),
            _ => false,
        };
        if default {
            continue;
        }
        let parsed = text.filter(|_| field == "data" && TEXTS.contains(&key.as_str())).map(|text| {
            serde_yaml::from_str::<Value>(text).unwrap_or_else(|error| panic!("{key} is unreadable: {error}"))
        });
        let normal = match parsed {
            Some(parsed) if parsed.is_object() || parsed.is_array() => normal_at(&parsed, key, field),
            _ => normal_at(value, key, field),
        };
        out.insert(key.clone(), normal);
    }
    Value::Object(out)
}

fn normal_list(mut items: Vec<Value>, field: &str) -> Value {
    if let Some((_, key)) = MAP_KEYS.iter().find(|(list, _)| *list == field) {
        let named: Option<Vec<String>> =
            items.iter().map(|item| item.get(*key).and_then(Value::as_str).map(|name| format!("[{name}]"))).collect();
        if let Some(names) = named {
            let count = names.len();
            let map: Map<String, Value> = names.into_iter().zip(items.clone()).collect();
            if map.len() == count {
                return Value::Object(map);
            }
        }
    }
    if SETS.contains(&field) {
        items.sort_by_key(Value::to_string);
    }
    Value::Array(items)
}
