//! Which of two forms of a policy protects more, where that can be told.
//!
//! Source: Istio's API (`security/v1beta1/authorization_policy.proto`, `peer_authentication.proto`,
//! `request_authentication.proto`) and the Kubernetes API (`networking/v1` NetworkPolicy). What allows adds up, so a rule
//! more lets more in; of what refuses, a rule less does. A rule that was replaced by another is for a person to compare.

use std::collections::BTreeSet;

use super::policy::{Kind, Policy};

/// What has become of a policy.
pub(super) enum Change {
    /// It protects less.
    Weaker(String),
    /// It protects otherwise.
    Unclear(String),
    /// It protects more.
    Stricter(String),
}

/// `action` of an AuthorizationPolicy.
pub(super) fn action<'p>(policy: &'p Policy<'_>) -> &'p str {
    match policy.word(&["action"]) {
        "" => "ALLOW",
        action => action,
    }
}

/// `policyTypes` of a NetworkPolicy, with their default.
pub(super) fn directions(policy: &Policy<'_>) -> Vec<&'static str> {
    let stated = policy.elements(&["policyTypes"]);
    let has = |name: &str, default: bool| {
        if stated.is_empty() { default } else { stated.contains(&format!("\"{name}\"")) }
    };
    let egress = has("Egress", policy.get(&["egress"]).is_some());
    [("Ingress", has("Ingress", true)), ("Egress", egress)].into_iter().filter(|it| it.1).map(|it| it.0).collect()
}

/// What it means that a policy is not there any more.
pub(super) fn of_absence(policy: &Policy<'_>) -> Change {
    match policy.kind {
        Kind::Authorization if action(policy) == "AUDIT" => {
            Change::Unclear("what it had logged is not logged any more".to_owned())
        }
        Kind::Authorization => Change::Weaker(format!("it was {}", policy.says())),
        Kind::PeerAuthentication if !is_strict(policy) => Change::Stricter(
            "it asked for mutual TLS nowhere, so what holds for its namespace or the mesh holds".to_owned(),
        ),
        Kind::PeerAuthentication => Change::Weaker("it asked for mutual TLS (STRICT)".to_owned()),
        Kind::RequestAuthentication if policy.elements(&["jwtRules"]).is_empty() => {
            Change::Stricter("it had no rules".to_owned())
        }
        Kind::RequestAuthentication => Change::Weaker("no token is validated by it any more".to_owned()),
        Kind::Network => Change::Weaker(format!("it limited {}", policy.says())),
    }
}

/// All that is otherwise.
pub(super) fn compare(old: &Policy<'_>, new: &Policy<'_>) -> Vec<Change> {
    match old.kind {
        Kind::Authorization => authorization(old, new),
        Kind::PeerAuthentication => peers(old, new),
        Kind::RequestAuthentication => requests(old, new),
        Kind::Network => network(old, new),
    }
}

fn authorization(old: &Policy<'_>, new: &Policy<'_>) -> Vec<Change> {
    let (was, is) = (action(old), action(new));
    if was != is {
        let message = format!("`action` was {was} and is {is}");
        // What only logs refuses nothing.
        return vec![if was == "AUDIT" { Change::Stricter(message) } else { Change::Weaker(message) }];
    }
    let (before, after) = (old.elements(&["rules"]), new.elements(&["rules"]));
    let mut changes: Vec<Change> = if is == "ALLOW" {
        allowed("rules", &before, &after).into_iter().collect()
    } else {
        refused(is, &before, &after).into_iter().collect()
    };
    if old.get(&["provider"]) != new.get(&["provider"]) {
        changes.push(Change::Unclear("another `provider` decides; compare what it lets in".to_owned()));
    }
    changes
}

/// Rules of which one must match for somebody to come in.
fn allowed(field: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<Change> {
    let more = after.difference(before).count();
    let fewer = before.difference(after).count();
    let all = |rules: &BTreeSet<String>| rules.contains("{}");
    match (more, fewer) {
        (0, 0) => None,
        _ if all(before) && all(after) => None,
        _ if all(after) => Some(Change::Weaker(format!("`{field}` have one that lets everything in"))),
        (0, _) => Some(Change::Stricter(format!("`{field}` let less in"))),
        _ if all(before) => Some(Change::Stricter(format!("`{field}` do not let everything in any more"))),
        (_, 0) => Some(Change::Weaker(format!("`{field}` let more in: {more} more than before"))),
        _ => Some(Change::Unclear(format!(
            "`{field}` have changed ({more} new, {fewer} gone), and it cannot be told whether they let more in; compare \
             them by hand"
        ))),
    }
}

/// Rules of which one that matches refuses, logs, or asks somebody.
fn refused(action: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> Option<Change> {
    let more = after.difference(before).count();
    let fewer = before.difference(after).count();
    match (more, fewer) {
        (0, 0) => None,
        (_, 0) => Some(Change::Stricter(format!("`rules` of {action} match more"))),
        _ if after.contains("{}") => Some(Change::Stricter(format!("`rules` of {action} match everything"))),
        (0, _) if action == "AUDIT" => Some(Change::Unclear("`rules` log less".to_owned())),
        (0, _) => Some(Change::Weaker(format!("`rules` of {action} match less: {fewer} fewer than before"))),
        _ => Some(Change::Unclear(format!(
            "`rules` of {action} have changed ({more} new, {fewer} gone), and it cannot be told whether they match less; \
             compare them by hand"
        ))),
    }
}

/// How much a mode asks for; what is not set, and what nobody knows, takes what holds around it.
fn rank(mode: &str) -> u8 {
    match mode {
        "DISABLE" => 0,
        "PERMISSIVE" => 1,
        "STRICT" => 3,
        _ => 2,
    }
}

/// The mode of the policy as a whole, as "", and of each port that has its own.
fn modes<'p>(policy: &'p Policy<'_>, ports: &[String]) -> Vec<&'p str> {
    let whole = policy.word(&["mtls", "mode"]);
    let of_port = |port: &String| match policy.word(&["portLevelMtls", port, "mode"]) {
        "" | "UNSET" => whole,
        mode => mode,
    };
    [whole].into_iter().chain(ports.iter().map(of_port)).collect()
}

fn ports(policy: &Policy<'_>) -> Vec<String> {
    let ports = policy.get(&["portLevelMtls"]).and_then(serde_json::Value::as_object);
    ports.into_iter().flatten().map(|(port, _)| port.clone()).collect()
}

fn peers(old: &Policy<'_>, new: &Policy<'_>) -> Vec<Change> {
    let all: Vec<String> = ports(old).into_iter().chain(ports(new)).collect::<BTreeSet<_>>().into_iter().collect();
    let places =
        std::iter::once("`mtls.mode`".to_owned()).chain(all.iter().map(|port| format!("the mode of port {port}")));
    let word = |mode: &str| if mode.is_empty() { "UNSET".to_owned() } else { mode.to_owned() };
    let mut changes = Vec::new();
    for ((place, was), is) in places.zip(modes(old, &all)).zip(modes(new, &all)) {
        let message = format!("{place} was {} and is {}", word(was), word(is));
        match rank(is).cmp(&rank(was)) {
            std::cmp::Ordering::Less => changes.push(Change::Weaker(message)),
            std::cmp::Ordering::Greater => changes.push(Change::Stricter(message)),
            std::cmp::Ordering::Equal => {}
        }
    }
    changes
}

/// It asks for mutual TLS somewhere.
pub(super) fn is_strict(policy: &Policy<'_>) -> bool {
    modes(policy, &ports(policy)).contains(&"STRICT")
}

/// What a new PeerAuthentication lets in that was not let in before it.
pub(super) fn exception(policy: &Policy<'_>, was_strict: bool) -> Option<String> {
    let weakest = modes(policy, &ports(policy)).into_iter().min_by_key(|mode| rank(mode))?;
    match weakest {
        "DISABLE" => Some("it turns mutual TLS off (DISABLE)".to_owned()),
        "PERMISSIVE" if was_strict => Some("it lets plain text in (PERMISSIVE) where STRICT held".to_owned()),
        _ => None,
    }
}

fn requests(old: &Policy<'_>, new: &Policy<'_>) -> Vec<Change> {
    let (before, after) = (old.elements(&["jwtRules"]), new.elements(&["jwtRules"]));
    if before == after {
        return Vec::new();
    }
    vec![match (before.is_empty(), after.is_empty()) {
        (false, true) => Change::Weaker("`jwtRules` are gone, so that no token is validated".to_owned()),
        (true, _) => Change::Stricter("`jwtRules` validate tokens".to_owned()),
        _ => Change::Unclear("`jwtRules` have changed; compare which issuers and keys they trust by hand".to_owned()),
    }]
}

fn network(old: &Policy<'_>, new: &Policy<'_>) -> Vec<Change> {
    let (before, after) = (directions(old), directions(new));
    let mut changes = Vec::new();
    for (direction, field) in [("Ingress", "ingress"), ("Egress", "egress")] {
        match (before.contains(&direction), after.contains(&direction)) {
            (true, false) => changes.push(Change::Weaker(format!("`policyTypes` do not limit {direction} any more"))),
            (false, true) => changes.push(Change::Stricter(format!("`policyTypes` limit {direction}"))),
            (true, true) => changes.extend(allowed(field, &old.elements(&[field]), &new.elements(&[field]))),
            (false, false) => {}
        }
    }
    changes
}

/// What a policy limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Traffic {
    /// Requests, by Istio.
    Requests,
    /// Connections to a pod.
    Ingress,
    /// Connections from it.
    Egress,
}

/// Of what only that passes which a policy of this kind allows.
pub(super) fn limits(policy: &Policy<'_>) -> Vec<Traffic> {
    match policy.kind {
        Kind::Authorization if action(policy) == "ALLOW" => vec![Traffic::Requests],
        Kind::Network => directions(policy).into_iter().map(traffic).collect(),
        Kind::Authorization | Kind::PeerAuthentication | Kind::RequestAuthentication => Vec::new(),
    }
}

/// Of what it lets something pass.
pub(super) fn opens(policy: &Policy<'_>) -> Vec<Traffic> {
    let field = |way: &Traffic| match way {
        Traffic::Requests => "rules",
        Traffic::Ingress => "ingress",
        Traffic::Egress => "egress",
    };
    limits(policy).into_iter().filter(|way| policy.get(&[field(way)]).is_some()).collect()
}

fn traffic(direction: &str) -> Traffic {
    if direction == "Egress" { Traffic::Egress } else { Traffic::Ingress }
}
