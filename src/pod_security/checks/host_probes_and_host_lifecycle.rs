//! Probes and lifecycle hooks must not send the kubelet to another host than the pod itself.
//!
//! Fields: `httpGet.host` and `tcpSocket.host` in `livenessProbe`, `readinessProbe`, `startupProbe`,
//! `lifecycle.postStart` and `lifecycle.preStop` of every container in initContainers, containers and
//! ephemeralContainers. Allowed: unset, "". Names of the pod itself (`localhost`, 127.0.0.1) are forbidden too; a `Host`
//! header is no concern of this check.
//!
//! Versions: v1.34, [KEP-4940](https://kep.k8s.io/4940).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Host Probes / Lifecycle Hooks".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{HTTPGetAction, PodSpec, TCPSocketAction};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::{Container, containers};
use crate::pod_security::version::Version;
use crate::pod_security::wording::{named_containers, plural, quoted};

pub(crate) static CHECK: Check = Check {
    id: "hostProbesAndHostLifecycle",
    level: Level::Baseline,
    fields: &[
        "spec.containers[*].livenessProbe.httpGet.host",
        "spec.containers[*].livenessProbe.tcpSocket.host",
        "spec.containers[*].readinessProbe.httpGet.host",
        "spec.containers[*].readinessProbe.tcpSocket.host",
        "spec.containers[*].startupProbe.httpGet.host",
        "spec.containers[*].startupProbe.tcpSocket.host",
        "spec.containers[*].lifecycle.postStart.httpGet.host",
        "spec.containers[*].lifecycle.postStart.tcpSocket.host",
        "spec.containers[*].lifecycle.preStop.httpGet.host",
        "spec.containers[*].lifecycle.preStop.tcpSocket.host",
    ],
    mend: "Remove `host` from `httpGet` and `tcpSocket` of the probes and lifecycle hooks: the kubelet then asks the pod \
           itself. Where a server needs a name, set the `Host` header in `httpGet.httpHeaders`.",
    overrides: &[],
    versions: &[(Version::V1(34), v1_34)],
};

fn v1_34(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    // Here alone upstream sorts the containers and names each once.
    let mut names = BTreeSet::new();
    let mut bad = BTreeSet::new();
    for container in containers(spec) {
        for host in hosts(&container).filter(|host| !host.is_empty()) {
            names.insert(container.name);
            bad.insert(host);
        }
    }
    (!names.is_empty()).then(|| Forbidden {
        reason: "probe or lifecycle host",
        detail: format!(
            "{} {} {} {}",
            named_containers(&Vec::from_iter(names.iter().copied())),
            plural("uses", "use", names.len()),
            plural("probe or lifecycle host", "probe or lifecycle hosts", bad.len()),
            quoted(bad),
        ),
    })
}

/// Every host that a probe or hook of the container names, empty ones included.
fn hosts<'a>(container: &Container<'a>) -> impl Iterator<Item = &'a str> {
    let probes = container.probes.into_iter().flatten().map(|probe| (&probe.http_get, &probe.tcp_socket));
    let lifecycle = container.lifecycle.into_iter().flat_map(|lifecycle| [&lifecycle.post_start, &lifecycle.pre_stop]);
    let hooks = lifecycle.flatten().map(|hook| (&hook.http_get, &hook.tcp_socket));
    probes.chain(hooks).flat_map(hosts_of)
}

fn hosts_of<'a>(
    (http, tcp): (&'a Option<HTTPGetAction>, &'a Option<TCPSocketAction>),
) -> impl Iterator<Item = &'a str> {
    let http = http.as_ref().and_then(|action| action.host.as_deref());
    let tcp = tcp.as_ref().and_then(|action| action.host.as_deref());
    http.into_iter().chain(tcp)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no probes", 34..=37, "containers: [{name: a, lifecycle: {}, livenessProbe: {}}]"),
        Case::passes_in_each_list(
            "no host, an empty host, a Host header",
            34..=37,
            "name: a, livenessProbe: {httpGet: {port: 1, httpHeaders: [{name: Host, value: x}]}}, \
             readinessProbe: {tcpSocket: {host: '', port: 1}}, startupProbe: {grpc: {port: 1}}, \
             lifecycle: {preStop: {sleep: {seconds: 1}}, postStart: {exec: {command: [x]}}}",
        ),
        Case::passes("too early", 0..=33, "containers: [{name: a, livenessProbe: {httpGet: {host: x, port: 1}}}]"),
        Case::fails_in_each_list(
            "the pod's own name",
            34..=37,
            "name: a, livenessProbe: {httpGet: {host: localhost, port: 1}}",
            r#"probe or lifecycle host (container "a" uses probe or lifecycle host "localhost")"#,
        ),
        Case::fails_in_each_list(
            "every place",
            34..=37,
            "name: a, livenessProbe: {httpGet: {host: h0, port: 1}, tcpSocket: {host: h1, port: 1}}, \
             readinessProbe: {httpGet: {host: h2, port: 1}, tcpSocket: {host: h3, port: 1}}, \
             startupProbe: {httpGet: {host: h4, port: 1}, tcpSocket: {host: h5, port: 1}}, \
             lifecycle: {postStart: {httpGet: {host: h6, port: 1}, tcpSocket: {host: h7, port: 1}}, \
             preStop: {httpGet: {host: h8, port: 1}, tcpSocket: {host: h9, port: 1}}}",
            r#"probe or lifecycle host (container "a" uses probe or lifecycle hosts "h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9")"#,
        ),
        Case::fails(
            "containers and hosts are sets",
            34..=37,
            "initContainers: [{name: b, startupProbe: {tcpSocket: {host: y, port: 1}}}], \
             containers: [{name: a, livenessProbe: {httpGet: {host: y, port: 1}}}, \
             {name: b, livenessProbe: {httpGet: {host: x, port: 1}}}]",
            r#"probe or lifecycle host (containers "a", "b" use probe or lifecycle hosts "x", "y")"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
