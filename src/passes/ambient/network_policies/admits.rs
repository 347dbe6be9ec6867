//! Whom a NetworkPolicy lets in on the port of HBONE.

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{PORT, is_in_cluster};

/// Which way traffic goes, seen from the pods of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    /// Its key in `spec`.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// One of the ports is, or covers, that of HBONE.
pub(super) fn lets_in_hbone(ports: &[NetworkPolicyPort]) -> bool {
    ports.iter().any(|port| {
        let tcp = port.protocol.as_deref().is_none_or(|protocol| protocol == "TCP");
        tcp && match &port.port {
            None => true,
            Some(IntOrString::Int(first)) => (*first..=port.end_port.unwrap_or(*first)).contains(&PORT),
            Some(IntOrString::String(_)) => false,
        }
    })
}

/// A policy has a direction by its types, else by what it says.
pub(super) fn is_for(policy: &NetworkPolicy, direction: Direction) -> bool {
    let Some(spec) = &policy.spec else { return direction == Direction::Ingress };
    match &spec.policy_types {
        Some(types) if !types.is_empty() => types.iter().any(|word| word.eq_ignore_ascii_case(direction.as_str())),
        _ => direction == Direction::Ingress || spec.egress.is_some(),
    }
}

fn ingress(policy: &NetworkPolicy) -> impl Iterator<Item = &NetworkPolicyIngressRule> {
    policy.spec.iter().flat_map(|spec| spec.ingress.iter().flatten())
}

fn passes_hbone(rule: &NetworkPolicyIngressRule) -> bool {
    rule.ports.as_deref().is_none_or(|ports| ports.is_empty() || lets_in_hbone(ports))
}

/// Somebody in the cluster gets in on it.
pub(super) fn admits_hbone(policy: &NetworkPolicy) -> bool {
    ingress(policy).any(|rule| {
        let peers = rule.from.as_deref().unwrap_or_default();
        passes_hbone(rule) && (peers.is_empty() || peers.iter().any(is_in_cluster))
    })
}

/// Everybody gets in on it.
pub(super) fn admits_hbone_from_all(policy: &NetworkPolicy) -> bool {
    ingress(policy).any(|rule| passes_hbone(rule) && rule.from.as_deref().unwrap_or_default().is_empty())
}

/// It has a rule for everybody, on some ports only, and that of HBONE is none of them.
pub(super) fn limited_without_peers(policy: &NetworkPolicy) -> bool {
    ingress(policy).any(|rule| !passes_hbone(rule) && !rule.from.iter().flatten().any(is_in_cluster))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(serde_json::json!({"metadata": {"name": "a"}, "spec": spec})).unwrap()
    }

    #[test]
    fn ports_cover_the_port_of_hbone_or_not() {
        for (ports, expected) in [
            (serde_json::json!([]), false),
            (serde_json::json!([{"port": 8080}]), false),
            (serde_json::json!([{"port": 8080}, {"port": 15008}]), true),
            (serde_json::json!([{"port": 15008, "protocol": "UDP"}]), false),
            (serde_json::json!([{"port": 15000, "endPort": 15010}]), true),
            (serde_json::json!([{"port": 15000, "endPort": 15007}]), false),
            (serde_json::json!([{"protocol": "TCP"}]), true),
            (serde_json::json!([{"protocol": "UDP"}]), false),
            (serde_json::json!([{"port": "http"}]), false),
        ] {
            let read: Vec<NetworkPolicyPort> = serde_json::from_value(ports.clone()).unwrap();
            assert_eq!(lets_in_hbone(&read), expected, "{ports}");
        }
    }

    #[test]
    fn whom_a_policy_lets_in() {
        let peers = serde_json::json!([{"podSelector": {}}]);
        let outside = serde_json::json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}]);
        let ports = serde_json::json!([{"port": 80}]);
        for (ingress, someone, everybody, limited) in [
            (serde_json::json!([]), false, false, false),
            (serde_json::json!([{}]), true, true, false),
            (serde_json::json!([{"from": peers}]), true, false, false),
            (serde_json::json!([{"from": peers, "ports": ports}]), false, false, false),
            (serde_json::json!([{"ports": ports}]), false, false, true),
            (serde_json::json!([{"from": outside, "ports": ports}]), false, false, true),
            (serde_json::json!([{"from": outside}]), false, false, false),
            (serde_json::json!([{"ports": ports}, {"from": peers}]), true, false, true),
        ] {
            let policy = policy(serde_json::json!({"podSelector": {}, "ingress": ingress}));
            let found = (admits_hbone(&policy), admits_hbone_from_all(&policy), limited_without_peers(&policy));
            assert_eq!(found, (someone, everybody, limited), "{ingress}");
        }
    }

    #[test]
    fn a_policy_has_a_direction() {
        for (spec, ingress, egress) in [
            (serde_json::json!({"podSelector": {}}), true, false),
            (serde_json::json!({"podSelector": {}, "egress": []}), true, true),
            (serde_json::json!({"podSelector": {}, "policyTypes": ["Egress"]}), false, true),
        ] {
            let policy = policy(spec.clone());
            let found = (is_for(&policy, Direction::Ingress), is_for(&policy, Direction::Egress));
            assert_eq!(found, (ingress, egress), "{spec}");
        }
    }
}
