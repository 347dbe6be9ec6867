//! Policies with `targetRefs`: gateways and waypoints enforce them, ztunnel and sidecars never do.

use super::Found;
use crate::istio::members::{Members, Reach};
use crate::istio::policy::TargetRef;
use crate::istio::services::{GATEWAY_API, Services, WAYPOINT_CLASS};
use crate::krm::{Field, Finding, Severity};
use crate::rules::Rule;

pub(super) fn about(policy: &Found, members: &Members, services: &Services) -> Vec<Finding> {
    let mut findings = Vec::new();
    let in_reach = members.reach(&policy.namespace) == Reach::Ambient || members.planes.owns(&policy.namespace);
    for target in policy.spec.targets() {
        match missing(target, policy, members, services) {
            Some(why) if in_reach => {
                let message = format!("nobody enforces it, so that all traffic gets in: {why}");
                let field = Field { path: "spec.targetRefs".to_owned(), current_value: None, proposed_value: None };
                findings.push(Finding::new(Rule::PolicyFailsOpen, Severity::Error, message).with_field(field));
            }
            Some(why) => {
                let message = format!("nobody enforces it, as before, since its namespace is not in ambient: {why}");
                findings.push(Finding::new(Rule::PolicyKept, Severity::Info, message));
            }
            None => {}
        }
    }
    if findings.is_empty() {
        let message = "is attached by `targetRefs`, and what it names is in the input and enforces it";
        findings.push(Finding::new(Rule::PolicyKept, Severity::Info, message));
    }
    findings
}

/// Why nobody enforces a policy for this target.
fn missing(target: &TargetRef, policy: &Found, members: &Members, services: &Services) -> Option<String> {
    let TargetRef { group, kind, name } = target;
    let here = |namespace: &str| namespace == policy.namespace;
    match (group.as_str(), kind.as_str()) {
        (GATEWAY_API, "Gateway") => {
            let found = services.gateways.iter().any(|gateway| here(&gateway.namespace) && gateway.name == *name);
            (!found).then(|| {
                format!(
                    "Gateway \"{name}\" is not in namespace \"{}\" of the input; add it (istioctl waypoint generate -n {} \
                     --name {name})",
                    policy.namespace, policy.namespace
                )
            })
        }
        (GATEWAY_API, "GatewayClass") if name == WAYPOINT_CLASS => {
            let found = policy.namespace == members.planes.root && services.waypoints().next().is_some();
            (!found).then(|| {
                format!(
                    "a policy for all waypoints must be in the root namespace \"{}\", and the input must hold a waypoint",
                    members.planes.root
                )
            })
        }
        ("" | "core", "Service") | ("networking.istio.io", "ServiceEntry") => {
            let service = services
                .services
                .iter()
                .find(|service| service.kind == *kind && here(&service.namespace) && service.name == *name);
            let Some(service) = service else {
                return Some(format!("{kind} \"{name}\" is not in namespace \"{}\" of the input", policy.namespace));
            };
            match (services.used_by(service, members), services.waypoint_of(service, members)) {
                (_, Some(_)) => None,
                (Some((namespace, waypoint)), None) => Some(format!(
                    "{kind} \"{name}\" is sent through waypoint \"{waypoint}\", which is not in namespace \"{namespace}\" of \
                     the input; add it (istioctl waypoint generate -n {namespace} --name {waypoint})"
                )),
                (None, None) => Some(format!(
                    "{kind} \"{name}\" is sent through no waypoint; label it istio.io/use-waypoint=NAME with the name of one"
                )),
            }
        }
        // A Gateway of Istio's own is configured by its selector, and enforces by name from 1.29 on.
        ("networking.istio.io", "Gateway") => None,
        _ => Some(format!("\"{kind}\" of group \"{group}\" is nothing that a policy can be attached to")),
    }
}
