//! A policy in two: what ztunnel enforces at the pod, and the whole of it at the waypoint.
//!
//! The waypoint sees the client and its requests; ztunnel behind it sees the waypoint in the place of the client. So the part
//! for ztunnel lets the waypoint through, and refuses to everybody else what it can tell without HTTP. What comes past the
//! waypoint (to the pod's own address, from a gateway or a sidecar) meets only that part, which therefore lets in no more than
//! the whole policy does.
//!
//! ```yaml
//! # ALLOW: the rules that it can enforce, and the waypoint
//! rules:
//! - from: [{source: {principals: [cluster.local/ns/a/sa/client]}}]
//! - from: [{source: {principals: [cluster.local/ns/a/sa/waypoint]}}]
//! # DENY of a method: of any, except to the waypoint
//! rules:
//! - from: [{source: {notPrincipals: [cluster.local/ns/a/sa/waypoint]}}]
//! ```

use serde_json::{Map, Value, json};

use super::ztunnel::{OPERATION, SOURCE, WHEN};
use super::{Action, Rule, says_something};

/// The rules that ztunnel enforces for pods behind a waypoint of this identity; None where they are as they were.
#[must_use]
pub fn rules_at_ztunnel(action: Action, rules: &[Value], waypoint: &str) -> Option<Vec<Value>> {
    match action {
        Action::Allow => {
            let kept: Vec<Value> = rules.iter().filter(|rule| is_of_ztunnel(rule)).cloned().collect();
            let open = admits(&kept, waypoint);
            // A policy without rules lets nobody in, and another one lets the waypoint in where one shall.
            if rules.is_empty() || (open && kept.len() == rules.len()) {
                return None;
            }
            let waypoint = (!open).then(|| json!({"from": [{"source": {"principals": [waypoint]}}]}));
            Some(kept.into_iter().chain(waypoint).collect())
        }
        Action::Deny => {
            let closed: Vec<Value> = rules.iter().map(|rule| except_waypoint(rule, waypoint)).collect();
            (closed != rules).then_some(closed)
        }
        Action::Audit | Action::Custom => None,
    }
}

/// The rules of a DENY that closes the way past the waypoint to what a CUSTOM policy asks somebody else about.
#[must_use]
pub fn closing_rules(rules: &[Value], waypoint: &str) -> Vec<Value> {
    rules.iter().map(|rule| except_waypoint(rule, waypoint)).collect()
}

/// A rule without attributes of HTTP.
#[must_use]
pub fn is_of_ztunnel(rule: &Value) -> bool {
    serde_json::from_value::<Rule>(rule.clone()).is_ok_and(|rule| rule.http_attributes().is_empty())
}

/// One of the rules of an ALLOW matches every connection of this identity.
#[must_use]
pub fn admits(rules: &[Value], identity: &str) -> bool {
    rules.iter().any(|rule| lets_in(rule, identity))
}

/// The rule of an ALLOW matches every connection of this identity.
fn lets_in(rule: &Value, identity: &str) -> bool {
    let Ok(rule) = serde_json::from_value::<Rule>(rule.clone()) else { return false };
    let names_it = |source: &Map<String, Value>| {
        source.len() == 1
            && source.get("principals").and_then(Value::as_array).is_some_and(|list| {
                list.iter().filter_map(Value::as_str).any(|principal| principal == identity || principal == "*")
            })
    };
    rule.to.is_empty()
        && rule.when.is_empty()
        && (rule.from.is_empty() || rule.from.iter().any(|from| names_it(&from.source)))
}

/// What of a rule of a DENY can be told without HTTP, and not to the waypoint. A clause of which nothing is left goes: it
/// then matches always, which refuses more.
fn except_waypoint(rule: &Value, waypoint: &str) -> Value {
    let elements = |key: &str| rule.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut out = Map::new();
    let sources = without_http(&elements("from"), "source", SOURCE).unwrap_or_else(|| vec![Map::new()]);
    let from: Vec<Value> = sources
        .into_iter()
        .map(|mut source| {
            let mut except: Vec<Value> =
                source.get("notPrincipals").and_then(Value::as_array).cloned().unwrap_or_default();
            if !except.iter().any(|principal| principal.as_str() == Some(waypoint)) {
                except.push(Value::from(waypoint));
            }
            source.insert("notPrincipals".to_owned(), Value::Array(except));
            json!({"source": source})
        })
        .collect();
    out.insert("from".to_owned(), Value::Array(from));
    if let Some(operations) = without_http(&elements("to"), "operation", OPERATION) {
        let to = operations.into_iter().map(|operation| json!({"operation": operation})).collect();
        out.insert("to".to_owned(), Value::Array(to));
    }
    let is_known =
        |condition: &Value| condition.get("key").and_then(Value::as_str).is_some_and(|key| WHEN.contains(&key));
    let when: Vec<Value> = elements("when").into_iter().filter(is_known).collect();
    if !when.is_empty() {
        out.insert("when".to_owned(), Value::Array(when));
    }
    Value::Object(out)
}

/// The elements of a clause without fields of HTTP; None where one of them has none left, so that all would match.
fn without_http(elements: &[Value], key: &str, known: &[&str]) -> Option<Vec<Map<String, Value>>> {
    let fields = |element: &Value| {
        let fields = element.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        let known = fields.into_iter().filter(|(name, value)| known.contains(&name.as_str()) && says_something(value));
        Some(known.collect::<Map<_, _>>()).filter(|fields| !fields.is_empty())
    };
    elements.iter().map(fields).collect::<Option<Vec<_>>>().filter(|elements| !elements.is_empty())
}

/// Why the waypoint would not read the policy as a sidecar at the pod does; None where it does.
///
/// `destination.port` is the Service's port there and not the pod's; addresses and the SNI are those of the tunnel.
#[must_use]
pub fn unlike_at_waypoint(rule: &Rule, same_ports: bool) -> Option<String> {
    let has = |element: &Map<String, Value>, names: &[&str]| {
        names.iter().find(|name| element.get(**name).is_some_and(says_something)).map(|name| (*name).to_owned())
    };
    let port = "the Service's ports are others than its pods', and a waypoint sees those of the Service";
    let address = "a waypoint does not see the address that the pod's own proxy saw";
    for from in &rule.from {
        if let Some(name) = has(&from.source, &["ipBlocks", "notIpBlocks"]) {
            return Some(format!("`{name}`: {address}"));
        }
    }
    for to in &rule.to {
        if let Some(name) = has(&to.operation, &["ports", "notPorts"]).filter(|_| !same_ports) {
            return Some(format!("`{name}`: {port}"));
        }
    }
    rule.when.iter().find_map(|condition| match condition.key.as_str() {
        "destination.port" if !same_ports => Some(format!("`{}`: {port}", condition.key)),
        "source.ip" | "destination.ip" => Some(format!("`{}`: {address}", condition.key)),
        "connection.sni" => Some(format!("`{}`: a waypoint does not see the TLS of the client", condition.key)),
        key if key.starts_with("experimental.") => {
            Some(format!("`{key}`: it is about a filter of the pod's own proxy"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAYPOINT: &str = "td/ns/a/sa/waypoint";

    #[test]
    fn ztunnel_gets_what_it_can_enforce_and_the_waypoint() {
        let client = json!({"from": [{"source": {"principals": ["td/ns/a/sa/c"]}}]});
        let waypoint = json!({"from": [{"source": {"principals": [WAYPOINT]}}]});
        let except = json!({"from": [{"source": {"notPrincipals": [WAYPOINT]}}]});
        let get = json!({"to": [{"operation": {"methods": ["GET"]}}]});
        for (action, rules, expected) in [
            (Action::Allow, json!([client, get]), Some(json!([client, waypoint]))),
            (Action::Allow, json!([get]), Some(json!([waypoint]))),
            (Action::Allow, json!([client]), Some(json!([client, waypoint]))),
            (Action::Allow, json!([client, waypoint]), None),
            (Action::Allow, json!([{}]), None),
            (Action::Allow, json!([{}, get]), Some(json!([{}]))),
            (Action::Allow, json!([]), None),
            (Action::Deny, json!([get]), Some(json!([except]))),
            (Action::Deny, json!([{}]), Some(json!([except]))),
            (Action::Deny, json!([except]), None),
            (
                Action::Deny,
                json!([{"from": [{"source": {"namespaces": ["b"], "requestPrincipals": ["*"]}}],
                        "to": [{"operation": {"ports": ["80"], "methods": ["GET"]}}],
                        "when": [{"key": "request.headers[x]", "values": ["y"]}, {"key": "destination.port", "values": ["80"]}]}]),
                Some(json!([{"from": [{"source": {"namespaces": ["b"], "notPrincipals": [WAYPOINT]}}],
                        "to": [{"operation": {"ports": ["80"]}}],
                        "when": [{"key": "destination.port", "values": ["80"]}]}])),
            ),
            // One element has nothing left: the whole clause goes.
            (
                Action::Deny,
                json!([{"to": [{"operation": {"ports": ["80"]}}, {"operation": {"methods": ["GET"]}}]}]),
                Some(json!([except])),
            ),
            (Action::Custom, json!([get]), None),
        ] {
            let rules = rules.as_array().unwrap();
            let found = rules_at_ztunnel(action, rules, WAYPOINT).map(Value::Array);
            assert_eq!(found, expected, "{action:?} {rules:?}");
        }
    }

    #[test]
    fn what_a_waypoint_reads_otherwise_is_named() {
        for (rule, same_ports, expected) in [
            (json!({"to": [{"operation": {"ports": ["80"]}}]}), true, None),
            (json!({"to": [{"operation": {"ports": ["80"]}}]}), false, Some("`ports`")),
            (json!({"when": [{"key": "destination.port", "notValues": ["80"]}]}), false, Some("`destination.port`")),
            (json!({"from": [{"source": {"notIpBlocks": ["10.0.0.0/8"]}}]}), true, Some("`notIpBlocks`")),
            (json!({"when": [{"key": "source.ip", "values": ["10.0.0.1"]}]}), true, Some("`source.ip`")),
            (json!({"when": [{"key": "connection.sni", "values": ["a"]}]}), true, Some("`connection.sni`")),
            (json!({"when": [{"key": "request.headers[x]", "values": ["a"]}]}), false, None),
        ] {
            let parsed: Rule = serde_json::from_value(rule.clone()).unwrap();
            let found = unlike_at_waypoint(&parsed, same_ports);
            let name = found.as_ref().map(|why| why.split(':').next().unwrap());
            assert_eq!(name, expected, "{rule}");
        }
    }
}
