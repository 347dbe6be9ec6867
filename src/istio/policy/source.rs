//! Whether the rules of a policy match an identity, by what they say of the source.
//!
//! Source of facts: the meaning of `*` in `pilot/pkg/security/authz/matcher` and in `src/rbac.rs` of ztunnel.

use serde_json::{Map, Value};

use super::Rule;

/// An identity, `TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, with its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'i> {
    /// The whole of it.
    pub principal: &'i str,
    /// Its namespace.
    pub namespace: &'i str,
    /// Its ServiceAccount.
    pub account: &'i str,
}

impl Rule {
    /// It tells clients apart by their identity or address.
    #[must_use]
    pub fn is_about_source(&self) -> bool {
        !self.from.is_empty() || self.when.iter().any(|condition| condition.key.starts_with("source."))
    }

    /// What it says of the source is true of an identity, whatever its address. `here` is the policy's namespace.
    #[must_use]
    pub fn may_match_source(&self, identity: Identity<'_>, here: &str) -> bool {
        let from = self.from.is_empty() || self.from.iter().any(|from| element(&from.source, identity, here));
        from && self.when.iter().all(|condition| {
            let text = match condition.key.as_str() {
                "source.principal" => identity.principal,
                "source.namespace" => identity.namespace,
                _ => return true,
            };
            let any = |values: &[String]| values.iter().any(|value| matches(value, text));
            (condition.values.is_empty() || any(&condition.values)) && !any(&condition.not_values)
        })
    }
}

fn element(source: &Map<String, Value>, identity: Identity<'_>, here: &str) -> bool {
    source.iter().all(|(key, value)| {
        let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let account = |word: &str| match word.split_once('/') {
            Some((namespace, account)) => namespace == identity.namespace && account == identity.account,
            None => here == identity.namespace && word == identity.account,
        };
        let any = |text: &str| words.iter().any(|word| matches(word, text));
        match key.as_str() {
            _ if words.is_empty() => true,
            "principals" => any(identity.principal),
            "notPrincipals" => !any(identity.principal),
            "namespaces" => any(identity.namespace),
            "notNamespaces" => !any(identity.namespace),
            "serviceAccounts" => words.iter().any(|word| account(word)),
            "notServiceAccounts" => !words.iter().any(|word| account(word)),
            _ => true,
        }
    })
}

/// `*` is anything at all, at an end it stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern, pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        ("*", _, _) => !text.is_empty(),
        (_, Some(end), _) => text.ends_with(end),
        (_, _, Some(begin)) => text.starts_with(begin),
        _ => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_match_an_identity_by_what_they_say_of_it() {
        let waypoint = Identity { principal: "td/ns/a/sa/waypoint", namespace: "a", account: "waypoint" };
        for (rule, expected) in [
            (json!({}), true),
            (json!({"to": [{"operation": {"ports": ["80"]}}]}), true),
            (json!({"from": [{"source": {"principals": ["td/ns/a/sa/waypoint"]}}]}), true),
            (json!({"from": [{"source": {"principals": ["td/ns/a/*"]}}]}), true),
            (json!({"from": [{"source": {"principals": ["*/sa/client"]}}]}), false),
            (json!({"from": [{"source": {"principals": ["*"], "namespaces": ["b"]}}]}), false),
            (json!({"from": [{"source": {"notPrincipals": ["td/ns/b/sa/client"]}}]}), true),
            (json!({"from": [{"source": {"notNamespaces": ["a"]}}]}), false),
            (json!({"from": [{"source": {"serviceAccounts": ["waypoint"]}}]}), true),
            (json!({"from": [{"source": {"serviceAccounts": ["b/waypoint"]}}]}), false),
            (json!({"from": [{"source": {"notServiceAccounts": ["a/waypoint"]}}]}), false),
            (json!({"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]}), true),
            (json!({"when": [{"key": "source.namespace", "values": ["b"]}]}), false),
            (json!({"when": [{"key": "source.principal", "notValues": ["*"]}]}), false),
            (json!({"from": [{"source": {"namespaces": ["b"]}}, {"source": {"namespaces": ["a"]}}]}), true),
        ] {
            let parsed: Rule = serde_json::from_value(rule.clone()).unwrap();
            assert_eq!(parsed.may_match_source(waypoint, "a"), expected, "{rule}");
        }
    }
}
