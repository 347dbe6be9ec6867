//! Containers must not claim ports of their node.
//!
//! Fields: `ports[*].hostPort` of every container in initContainers, containers and ephemeralContainers. Allowed: unset, 0.
//!
//! Versions: v1.0. On the host network the API server fills the field in before it judges a Pod ([`crate::pod_security::defaults`]).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Host Ports".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{named_containers, plural};

pub(crate) static CHECK: Check = Check {
    id: "hostPorts",
    level: Level::Baseline,
    fields: &["spec.containers[*].ports[*].hostPort"],
    mend: "Remove `hostPort` from the containers' `ports`, and reach them through a Service. With `hostNetwork: true` every \
           container port is a host port: remove `hostNetwork` or the `ports`.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut names = Vec::new();
    let mut ports = BTreeSet::new();
    for container in containers(spec) {
        let mut claimed = container.ports.iter().filter_map(|port| port.host_port).filter(|port| *port != 0).peekable();
        if claimed.peek().is_some() {
            names.push(container.name);
        }
        // Upstream keeps the ports as texts, so that 10250 comes before 80.
        ports.extend(claimed.map(|port| port.to_string()));
    }
    (!names.is_empty()).then(|| Forbidden {
        reason: "hostPort",
        detail: format!(
            "{} {} {} {}",
            named_containers(&names),
            plural("uses", "use", names.len()),
            plural("hostPort", "hostPorts", ports.len()),
            Vec::from_iter(ports).join(", "),
        ),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no ports", 0..=37, "containers: [{name: a}], hostNetwork: true"),
        Case::passes_in_each_list(
            "unset and 0",
            0..=37,
            "name: a, ports: [{containerPort: 80}, {containerPort: 81, hostPort: 0}]",
        ),
        Case::fails_in_each_list(
            "one port twice",
            0..=37,
            "name: a, ports: [{hostPort: 80, protocol: TCP}, {hostPort: 80, protocol: UDP}]",
            r#"hostPort (container "a" uses hostPort 80)"#,
        ),
        Case::fails(
            "ports are sorted as text",
            0..=37,
            "initContainers: [{name: b, ports: [{hostPort: 9}, {hostPort: 80}]}], \
             containers: [{name: a, ports: [{hostPort: 10250}, {hostPort: -1}]}, {name: c, ports: [{containerPort: 1}]}]",
            r#"hostPort (containers "b", "a" use hostPorts -1, 10250, 80, 9)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
