//! Pods must set only those kernel parameters that stay inside the pod.
//!
//! Fields: `securityContext.sysctls[*].name` of the pod; no field of initContainers, containers or ephemeralContainers.
//! Allowed: the names below, spelled exactly so.
//!
//! Versions: v1.0; v1.27, v1.29, v1.32 and v1.37 allow more names, as the kubelet came to count them as safe.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Sysctls".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::version::Version;

pub(crate) static CHECK: Check = Check {
    id: "sysctls",
    level: Level::Baseline,
    fields: &["spec.securityContext.sysctls[*].name"],
    mend: "Remove the named parameters from the pod's `securityContext.sysctls`, or use a newer version where it allows \
           them. Set what concerns the whole node on the node.",
    overrides: &[],
    versions: &[
        (Version::V1(0), v1_0),
        (Version::V1(27), v1_27),
        (Version::V1(29), v1_29),
        (Version::V1(32), v1_32),
        (Version::V1(37), v1_37),
    ],
};

const SINCE_V1_0: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
];
const SINCE_V1_27: &[&str] = &["net.ipv4.ip_local_reserved_ports"];
const SINCE_V1_29: &[&str] = &[
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
];
const SINCE_V1_32: &[&str] = &["net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"];
const SINCE_V1_37: &[&str] = &["net.ipv4.tcp_slow_start_after_idle", "net.ipv4.tcp_notsent_lowat"];

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, &[SINCE_V1_0])
}

fn v1_27(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, &[SINCE_V1_0, SINCE_V1_27])
}

fn v1_29(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, &[SINCE_V1_0, SINCE_V1_27, SINCE_V1_29])
}

fn v1_32(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, &[SINCE_V1_0, SINCE_V1_27, SINCE_V1_29, SINCE_V1_32])
}

fn v1_37(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, &[SINCE_V1_0, SINCE_V1_27, SINCE_V1_29, SINCE_V1_32, SINCE_V1_37])
}

fn judge(spec: &PodSpec, allowed: &[&[&str]]) -> Option<Forbidden> {
    let sysctls = spec.security_context.iter().flat_map(|context| context.sysctls.iter().flatten());
    let bad: Vec<&str> = sysctls
        .map(|sysctl| sysctl.name.as_str())
        .filter(|name| !allowed.iter().any(|names| names.contains(name)))
        .collect();
    (!bad.is_empty()).then(|| Forbidden { reason: "forbidden sysctls", detail: bad.join(", ") })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("none", 0..=37, "securityContext: {}"),
        Case::passes(
            "the first five",
            0..=37,
            "securityContext: {sysctls: [{name: kernel.shm_rmid_forced}, {name: net.ipv4.ip_local_port_range}, \
             {name: net.ipv4.tcp_syncookies}, {name: net.ipv4.ping_group_range}, \
             {name: net.ipv4.ip_unprivileged_port_start}]}",
        ),
        Case::passes("of 1.27", 27..=37, "securityContext: {sysctls: [{name: net.ipv4.ip_local_reserved_ports}]}"),
        Case::fails(
            "of 1.27, too early",
            0..=26,
            "securityContext: {sysctls: [{name: net.ipv4.ip_local_reserved_ports}]}",
            "forbidden sysctls (net.ipv4.ip_local_reserved_ports)",
        ),
        Case::passes(
            "of 1.29",
            29..=37,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_keepalive_time}, {name: net.ipv4.tcp_fin_timeout}, \
             {name: net.ipv4.tcp_keepalive_intvl}, {name: net.ipv4.tcp_keepalive_probes}]}",
        ),
        Case::fails(
            "of 1.29, too early, in list order",
            27..=28,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_keepalive_time}, {name: net.ipv4.tcp_fin_timeout}, \
             {name: net.ipv4.tcp_keepalive_intvl}, {name: net.ipv4.tcp_keepalive_probes}]}",
            "forbidden sysctls (net.ipv4.tcp_keepalive_time, net.ipv4.tcp_fin_timeout, net.ipv4.tcp_keepalive_intvl, net.ipv4.tcp_keepalive_probes)",
        ),
        Case::passes(
            "of 1.32",
            32..=37,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_rmem}, {name: net.ipv4.tcp_wmem}]}",
        ),
        Case::fails(
            "of 1.32, too early",
            29..=31,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_rmem}, {name: net.ipv4.tcp_wmem}]}",
            "forbidden sysctls (net.ipv4.tcp_rmem, net.ipv4.tcp_wmem)",
        ),
        Case::passes(
            "of 1.37",
            37..=99,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_slow_start_after_idle}, {name: net.ipv4.tcp_notsent_lowat}]}",
        ),
        Case::fails(
            "of 1.37, too early",
            32..=36,
            "securityContext: {sysctls: [{name: net.ipv4.tcp_slow_start_after_idle}, {name: net.ipv4.tcp_notsent_lowat}]}",
            "forbidden sysctls (net.ipv4.tcp_slow_start_after_idle, net.ipv4.tcp_notsent_lowat)",
        ),
        Case::fails(
            "never, and named as often as set",
            0..=99,
            "securityContext: {sysctls: [{name: kernel.msgmax}, {name: net.ipv4.tcp_syncookies}, {}, {name: kernel.msgmax}]}",
            "forbidden sysctls (kernel.msgmax, , kernel.msgmax)",
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
