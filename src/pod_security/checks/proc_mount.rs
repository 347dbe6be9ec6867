//! Containers must keep the masks of the runtime over `/proc`.
//!
//! Fields: `securityContext.procMount` of every container in initContainers, containers and ephemeralContainers.
//! Allowed: unset, `Default`. An empty text is not allowed.
//!
//! Versions: v1.0; v1.35 allows any value to a pod in a user namespace ([KEP-127](https://kep.k8s.io/127)), and
//! restricted has a check of its own from then on (`procMount_restricted`).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "/proc Mount Type".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden, has_user_namespace};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{named_containers, quoted};

pub(crate) static CHECK: Check = Check {
    id: "procMount",
    level: Level::Baseline,
    fields: &["spec.containers[*].securityContext.procMount", "spec.hostUsers"],
    mend: "Set `securityContext.procMount` of the named containers to `Default`, or remove it. From v1.35 on baseline allows \
           other values with `hostUsers: false`.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0), (Version::V1(35), v1_35)],
};

/// In a user namespace the unmasked `/proc` shows nothing that the pod could change outside.
fn v1_35(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    if has_user_namespace(spec) { None } else { v1_0(metadata, spec) }
}

/// Also what `procMount_restricted` judges by.
pub(super) fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut names = Vec::new();
    let mut bad = BTreeSet::new();
    for container in containers(spec) {
        let proc_mount = container.security_context.and_then(|context| context.proc_mount.as_deref());
        if let Some(other) = proc_mount.filter(|value| *value != "Default") {
            names.push(container.name);
            bad.insert(other);
        }
    }
    (!names.is_empty()).then(|| Forbidden {
        reason: "procMount",
        detail: format!("{} must not set securityContext.procMount to {}", named_containers(&names), quoted(bad)),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("unset", 0..=37, "containers: [{name: a}, {name: b, securityContext: {}}]"),
        Case::passes_in_each_list("Default", 0..=37, "name: a, securityContext: {procMount: Default}"),
        Case::fails_in_each_list(
            "Unmasked",
            0..=37,
            "name: a, securityContext: {procMount: Unmasked}",
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
        Case::fails(
            "a set of values",
            0..=37,
            "containers: [{name: b, securityContext: {procMount: Unmasked}}, \
             {name: a, securityContext: {procMount: ''}}, {name: c, securityContext: {procMount: Unmasked}}]",
            r#"procMount (containers "b", "a", "c" must not set securityContext.procMount to "", "Unmasked")"#,
        ),
        Case::fails(
            "a user namespace before 1.35",
            0..=34,
            "hostUsers: false, containers: [{name: a, securityContext: {procMount: Unmasked}}]",
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
        Case::passes(
            "a user namespace",
            35..=37,
            "hostUsers: false, containers: [{name: a, securityContext: {procMount: Unmasked}}]",
        ),
        Case::fails(
            "the host's user namespace",
            35..=37,
            "hostUsers: true, containers: [{name: a, securityContext: {procMount: Unmasked}}]",
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
