//! Containers must not add capabilities beyond those that a container runtime gives by default.
//!
//! Fields: `securityContext.capabilities.add` of every container in initContainers, containers and ephemeralContainers.
//! Allowed: the names of `BASELINE_CAPABILITIES` below, spelled exactly so.
//!
//! Versions: v1.0. Restricted has a stricter check of its own from v1.22 on (`capabilities_restricted`).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Capabilities".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{named_containers, quoted};

pub(crate) static CHECK: Check = Check {
    id: "capabilities_baseline",
    level: Level::Baseline,
    fields: &["spec.containers[*].securityContext.capabilities.add"],
    mend: "Remove the named capabilities from `securityContext.capabilities.add`. Allowed there are AUDIT_WRITE, CHOWN, \
           DAC_OVERRIDE, FOWNER, FSETID, KILL, MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

/// What a container may add.
pub(crate) const BASELINE_CAPABILITIES: [&str; 13] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut names = Vec::new();
    let mut bad = BTreeSet::new();
    for container in containers(spec) {
        let capabilities = container.security_context.and_then(|context| context.capabilities.as_ref());
        let added = capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
        let mut forbidden =
            added.map(String::as_str).filter(|capability| !BASELINE_CAPABILITIES.contains(capability)).peekable();
        if forbidden.peek().is_some() {
            names.push(container.name);
        }
        bad.extend(forbidden);
    }
    (!names.is_empty()).then(|| Forbidden {
        reason: "non-default capabilities",
        detail: format!(
            "{} must not include {} in securityContext.capabilities.add",
            named_containers(&names),
            quoted(bad)
        ),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("nothing set", 0..=37, "containers: [{name: a}, {name: b, securityContext: {capabilities: {}}}]"),
        Case::passes_in_each_list(
            "every default capability",
            0..=37,
            "name: a, securityContext: {capabilities: {add: [AUDIT_WRITE, CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, \
             MKNOD, NET_BIND_SERVICE, SETFCAP, SETGID, SETPCAP, SETUID, SYS_CHROOT]}}",
        ),
        Case::passes(
            "dropping is free",
            0..=37,
            "containers: [{name: a, securityContext: {capabilities: {drop: [X]}}}]",
        ),
        Case::fails_in_each_list(
            "a set of names, spelled exactly",
            0..=37,
            "name: a, securityContext: {capabilities: {add: [chown, SYS_ADMIN, CHOWN, CAP_CHOWN, '', SYS_ADMIN]}}",
            r#"non-default capabilities (container "a" must not include "", "CAP_CHOWN", "SYS_ADMIN", "chown" in securityContext.capabilities.add)"#,
        ),
        Case::fails(
            "the container that adds nothing bad is not named",
            0..=37,
            "initContainers: [{name: z, securityContext: {capabilities: {add: [NET_ADMIN]}}}], \
             containers: [{name: m, securityContext: {capabilities: {add: [KILL]}}}, \
             {name: a, securityContext: {capabilities: {add: [NET_ADMIN, NET_RAW]}}}]",
            r#"non-default capabilities (containers "z", "a" must not include "NET_ADMIN", "NET_RAW" in securityContext.capabilities.add)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
