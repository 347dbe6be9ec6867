//! What of a policy ztunnel enforces.
//!
//! | policy | at ztunnel |
//! | --- | --- |
//! | `targetRefs` | not sent |
//! | ALLOW | rules with an HTTP attribute are left out, so that it lets less in |
//! | DENY | HTTP attributes are left out of the rules, so that it refuses more; an element of which nothing is left is passed over, and a rule with a clause of nothing but such elements **never matches** |
//! | CUSTOM, AUDIT | not sent: nobody enforces it |
//!
//! Source of facts: `convertAuthorizationPolicy` and `handleRule` in
//! `pilot/pkg/serviceregistry/kube/controller/ambient/authorization.go` of istio 1.28, and `Authorization::matches` in
//! `src/rbac.rs` of ztunnel: an empty match is passed over since the first release. That a DENY of HTTP attributes alone has no
//! effect is istio issue 61126; istiod's own status message said the opposite until then.

use super::{Action, AuthorizationPolicy, Rule, says_something};

/// The fields of a source that ztunnel knows.
pub const SOURCE: &[&str] = &[
    "principals",
    "notPrincipals",
    "namespaces",
    "notNamespaces",
    "serviceAccounts",
    "notServiceAccounts",
    "ipBlocks",
    "notIpBlocks",
];
/// The fields of an operation that ztunnel knows.
pub const OPERATION: &[&str] = &["ports", "notPorts"];
/// The conditions that ztunnel knows.
pub const WHEN: &[&str] = &["source.ip", "source.namespace", "source.principal", "destination.ip", "destination.port"];

/// What becomes of a policy that selects pods of ambient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// ztunnel enforces it whole.
    Whole,
    /// More is refused than it says.
    DeniesMore {
        /// The HTTP attributes, sorted.
        attributes: Vec<String>,
    },
    /// Something is let in that it refuses.
    FailsOpen {
        /// Why.
        why: FailsOpen,
    },
}

/// Why a policy lets something in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailsOpen {
    /// ztunnel gets no such policy.
    Action(Action),
    /// Rules of a DENY that can match nothing any more, counted from 0, and their HTTP attributes.
    Rules {
        /// Their places.
        places: Vec<usize>,
        /// The HTTP attributes, sorted.
        attributes: Vec<String>,
    },
}

impl AuthorizationPolicy {
    /// What ztunnel makes of it, for pods that it selects. Not for policies with `targetRefs`.
    #[must_use]
    pub fn at_ztunnel(&self) -> Enforcement {
        let mut attributes: Vec<String> = self.rules.iter().flat_map(Rule::http_attributes).collect();
        attributes.sort();
        attributes.dedup();
        match self.action {
            Action::Custom | Action::Audit if self.rules.is_empty() => Enforcement::Whole,
            Action::Custom | Action::Audit => Enforcement::FailsOpen { why: FailsOpen::Action(self.action) },
            _ if attributes.is_empty() => Enforcement::Whole,
            Action::Allow => Enforcement::DeniesMore { attributes },
            Action::Deny => {
                let lost: Vec<usize> =
                    (0..self.rules.len()).filter(|place| loses_a_match(&self.rules[*place])).collect();
                if lost.is_empty() {
                    return Enforcement::DeniesMore { attributes };
                }
                let mut attributes: Vec<String> =
                    lost.iter().flat_map(|place| self.rules[*place].http_attributes()).collect();
                attributes.sort();
                attributes.dedup();
                Enforcement::FailsOpen { why: FailsOpen::Rules { places: lost, attributes } }
            }
        }
    }
}

/// A rule of a DENY of which an element goes: what only that element matched is no longer refused.
fn loses_a_match(rule: &Rule) -> bool {
    let known = |element: &serde_json::Map<String, serde_json::Value>, known: &[&str]| {
        element.iter().any(|(key, value)| known.contains(&key.as_str()) && says_something(value))
    };
    rule.from.iter().any(|from| !known(&from.source, SOURCE))
        || rule.to.iter().any(|to| !known(&to.operation, OPERATION))
        || rule.when.iter().any(|condition| !WHEN.contains(&condition.key.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ztunnel(spec: serde_json::Value) -> String {
        let policy: AuthorizationPolicy = serde_json::from_value(spec).unwrap();
        match policy.at_ztunnel() {
            Enforcement::Whole => "whole".to_owned(),
            Enforcement::DeniesMore { attributes } => format!("denies more: {}", attributes.join(" ")),
            Enforcement::FailsOpen { why: FailsOpen::Action(action) } => format!("open: {}", action.as_str()),
            Enforcement::FailsOpen { why: FailsOpen::Rules { places, attributes } } => {
                format!("open: {places:?} {}", attributes.join(" "))
            }
        }
    }

    #[test]
    fn what_is_left_of_a_policy() {
        use serde_json::json;
        let who = json!([{"source": {"principals": ["a"]}}]);
        for (spec, expected) in [
            (json!({}), "whole"),
            (json!({"rules": [{}]}), "whole"),
            (json!({"action": "DENY", "rules": [{"from": who, "to": [{"operation": {"ports": ["80"]}}]}]}), "whole"),
            (json!({"rules": [{"when": [{"key": "source.namespace", "values": ["a"]}]}]}), "whole"),
            (
                json!({"rules": [{"to": [{"operation": {"methods": ["GET"], "paths": []}}]}, {}]}),
                "denies more: methods",
            ),
            (
                json!({"rules": [{"from": [{"source": {"requestPrincipals": ["*"]}}]}]}),
                "denies more: requestPrincipals",
            ),
            (
                json!({"rules": [{"from": who, "when": [{"key": "request.headers[x]", "values": ["a"]}]}]}),
                "denies more: request.headers[x]",
            ),
            (json!({"rules": [{"when": [{"key": "connection.sni", "values": ["a"]}]}]}), "denies more: connection.sni"),
            // A field that nobody knows is not ztunnel's.
            (json!({"rules": [{"to": [{"operation": {"queries": ["a"]}}]}]}), "denies more: queries"),
            (
                json!({"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["80"], "methods": ["GET"]}}]}]}),
                "denies more: methods",
            ),
            (
                json!({"action": "DENY", "rules": [{"from": [{"source": {"principals": ["a"], "remoteIpBlocks": ["10.0.0.0/8"]}}]}]}),
                "denies more: remoteIpBlocks",
            ),
            // Nothing is left of a clause, so the rule never matches.
            (json!({"action": "DENY", "rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]}), "open: [0] methods"),
            (
                json!({"action": "DENY", "rules": [{"from": who}, {"from": who, "to": [{"operation": {"paths": ["/a"]}}]}]}),
                "open: [1] paths",
            ),
            (
                json!({"action": "DENY", "rules": [{"from": [{"source": {"notRequestPrincipals": ["*"]}}]}]}),
                "open: [0] notRequestPrincipals",
            ),
            (
                json!({"action": "DENY", "rules": [{"from": who, "when": [{"key": "request.headers[x]", "values": ["a"]}]}]}),
                "open: [0] request.headers[x]",
            ),
            // Something is left of it, but not of the one element.
            (
                json!({"action": "DENY", "rules": [{"to": [{"operation": {"ports": ["80"]}}, {"operation": {"methods": ["GET"]}}]}]}),
                "open: [0] methods",
            ),
            (json!({"action": "CUSTOM", "provider": {"name": "x"}, "rules": [{}]}), "open: CUSTOM"),
            (json!({"action": "CUSTOM", "provider": {"name": "x"}}), "whole"),
            (json!({"action": "AUDIT", "rules": [{}]}), "open: AUDIT"),
        ] {
            assert_eq!(at_ztunnel(spec.clone()), expected, "{spec}");
        }
    }

    #[test]
    fn a_policy_that_no_api_server_takes_does_not_decode() {
        for spec in [
            serde_json::json!({"action": "PERMIT"}),
            serde_json::json!({"rules": {}}),
            serde_json::json!({"rules": [{"from": [{"source": []}]}]}),
            serde_json::json!({"selector": {"matchLabels": {"a": 1}}}),
        ] {
            assert!(serde_json::from_value::<AuthorizationPolicy>(spec.clone()).is_err(), "{spec}");
        }
    }
}
