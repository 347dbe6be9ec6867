//! Containers must drop all capabilities and may add only the one for low ports.
//!
//! Fields: `securityContext.capabilities.drop` and `.add` of every container in initContainers, containers and
//! ephemeralContainers. Allowed: a `drop` that holds `ALL`, spelled so; an `add` with nothing but `NET_BIND_SERVICE`.
//!
//! Versions: v1.22; v1.25 leaves Windows pods alone, where the field cannot be set ([KEP-2802](https://kep.k8s.io/2802)).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Capabilities".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden, is_windows};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{named_containers, quoted};

pub(crate) static CHECK: Check = Check {
    id: "capabilities_restricted",
    level: Level::Restricted,
    fields: &[
        "spec.containers[*].securityContext.capabilities.drop",
        "spec.containers[*].securityContext.capabilities.add",
        "spec.os.name",
    ],
    mend: "Set `securityContext.capabilities.drop` of every container to `[\"ALL\"]`, and keep nothing but \
           `NET_BIND_SERVICE` in `securityContext.capabilities.add`.",
    overrides: &["capabilities_baseline"],
    versions: &[(Version::V1(22), v1_22), (Version::V1(25), v1_25)],
};

/// What a container may add.
pub(crate) const RESTRICTED_CAPABILITIES: [&str; 1] = ["NET_BIND_SERVICE"];

/// A Linux field, which the API server refuses in Windows pods.
fn v1_25(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    if is_windows(spec) { None } else { v1_22(metadata, spec) }
}

fn v1_22(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut keeping = Vec::new();
    let mut adding = Vec::new();
    let mut bad = BTreeSet::new();
    for container in containers(spec) {
        let capabilities = container.security_context.and_then(|context| context.capabilities.as_ref());
        let mut dropped = capabilities.iter().flat_map(|capabilities| capabilities.drop.iter().flatten());
        if !dropped.any(|capability| capability == "ALL") {
            keeping.push(container.name);
        }
        let added = capabilities.iter().flat_map(|capabilities| capabilities.add.iter().flatten());
        let mut forbidden =
            added.map(String::as_str).filter(|capability| !RESTRICTED_CAPABILITIES.contains(capability)).peekable();
        if forbidden.peek().is_some() {
            adding.push(container.name);
        }
        bad.extend(forbidden);
    }
    let mut parts = Vec::new();
    if !keeping.is_empty() {
        parts.push(format!(r#"{} must set securityContext.capabilities.drop=["ALL"]"#, named_containers(&keeping)));
    }
    if !adding.is_empty() {
        parts.push(format!(
            "{} must not include {} in securityContext.capabilities.add",
            named_containers(&adding),
            quoted(bad)
        ));
    }
    (!parts.is_empty()).then(|| Forbidden { reason: "unrestricted capabilities", detail: parts.join("; ") })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no containers", 22..=37, ""),
        Case::passes("too early", 0..=21, "containers: [{name: a}]"),
        Case::passes_in_each_list(
            "ALL dropped, NET_BIND_SERVICE added",
            22..=37,
            "name: a, securityContext: {capabilities: {drop: [CHOWN, ALL], add: [NET_BIND_SERVICE]}}",
        ),
        Case::fails_in_each_list(
            "nothing set",
            22..=37,
            "name: a",
            r#"unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])"#,
        ),
        Case::fails(
            "not spelled ALL",
            22..=37,
            "containers: [{name: a, securityContext: {capabilities: {drop: [all, KILL]}}}, {name: b, securityContext: {capabilities: {}}}]",
            r#"unrestricted capabilities (containers "a", "b" must set securityContext.capabilities.drop=["ALL"])"#,
        ),
        Case::fails_in_each_list(
            "ALL dropped and others added",
            22..=37,
            "name: a, securityContext: {capabilities: {drop: [ALL], add: [SYS_TIME, NET_BIND_SERVICE, CHOWN, CHOWN]}}",
            r#"unrestricted capabilities (container "a" must not include "CHOWN", "SYS_TIME" in securityContext.capabilities.add)"#,
        ),
        Case::fails(
            "both",
            22..=37,
            "initContainers: [{name: b, securityContext: {capabilities: {add: [KILL]}}}], \
             containers: [{name: a, securityContext: {capabilities: {drop: [ALL], add: [ALL]}}}]",
            r#"unrestricted capabilities (container "b" must set securityContext.capabilities.drop=["ALL"]; containers "b", "a" must not include "ALL", "KILL" in securityContext.capabilities.add)"#,
        ),
        Case::fails(
            "Windows before 1.25",
            22..=24,
            "os: {name: windows}, containers: [{name: a}]",
            r#"unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"])"#,
        ),
        Case::passes(
            "Windows",
            25..=37,
            "os: {name: windows}, containers: [{name: a, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]",
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
