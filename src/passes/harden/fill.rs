//! Security contexts in texts and custom resources, filled in where they say nothing.

use serde_json::{Map, Value, json};

use crate::yaml::resolve::Scalar;
use crate::yaml::tree::View;

/// What of `wanted` a mapping does not say yet.
pub(super) fn unsaid(existing: Option<View<'_>>, wanted: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, value) in wanted {
        let old = existing.and_then(|map| map.get(key)).filter(|old| !old.is_null());
        match (old, value) {
            (None, _) => {
                patch.insert(key.clone(), value.clone());
            }
            (Some(old), Value::Object(inner)) if old.is_mapping() => {
                let inner = unsaid(Some(old), inner);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            // It says the same, or otherwise.
            _ => {}
        }
    }
    patch
}

/// A container's security context that meets restricted, beside what stands there already. `user` is the user and group
/// that its image is known to start with.
pub(super) fn container_context(existing: Option<View<'_>>, user: Option<(i64, Option<i64>)>) -> Map<String, Value> {
    let mut wanted = Map::from_iter([
        ("allowPrivilegeEscalation".to_owned(), Value::Bool(false)),
        ("capabilities".to_owned(), json!({"drop": ["ALL"]})),
        ("seccompProfile".to_owned(), json!({"type": "RuntimeDefault"})),
    ]);
    wanted.extend(user_fields(existing, user));
    crate::harden::sort(&mut wanted);
    unsaid(existing, &wanted)
}

/// A pod's security context that meets restricted.
pub(super) fn pod_context(existing: Option<View<'_>>, user: Option<(i64, Option<i64>)>) -> Map<String, Value> {
    let mut wanted = user_fields(existing, user);
    wanted.insert("seccompProfile".to_owned(), json!({"type": "RuntimeDefault"}));
    unsaid(existing, &wanted)
}

/// `runAsNonRoot` with its user, unless root is what stands there.
fn user_fields(existing: Option<View<'_>>, user: Option<(i64, Option<i64>)>) -> Map<String, Value> {
    let mut wanted = Map::new();
    let said = |key: &str| existing.and_then(|map| map.get(key)).and_then(|value| value.scalar());
    let is_root = said("runAsUser") == Some(Scalar::Int(0)) || said("runAsNonRoot") == Some(Scalar::Bool(false));
    let Some((user, group)) = user.filter(|_| !is_root) else { return wanted };
    if let Some(group) = group {
        wanted.insert("runAsGroup".to_owned(), Value::from(group));
    }
    wanted.insert("runAsNonRoot".to_owned(), Value::Bool(true));
    wanted.insert("runAsUser".to_owned(), Value::from(user));
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::tree::Tree;

    #[test]
    fn only_what_is_not_said_is_filled_in() {
        for (text, expected) in [
            (
                "{}",
                json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"},
                    "runAsNonRoot": true, "runAsUser": 5}),
            ),
            (
                "{runAsUser: 0, capabilities: {drop: [ALL]}, seccompProfile: {type: Unconfined}}",
                json!({"allowPrivilegeEscalation": false}),
            ),
            (
                "{runAsUser: 7, allowPrivilegeEscalation: true, capabilities: {add: [A]}, seccompProfile: null}",
                json!({"capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}, "runAsNonRoot": true}),
            ),
        ] {
            let tree = Tree::parse(text).unwrap();
            let patch = container_context(tree.root(text), Some((5, None)));
            assert_eq!(Value::Object(patch), expected, "{text}");
        }
    }
}
