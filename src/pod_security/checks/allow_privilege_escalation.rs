//! Containers must forbid their processes to gain more privileges than they start with.
//!
//! Fields: `securityContext.allowPrivilegeEscalation` of every container in initContainers, containers and
//! ephemeralContainers. Allowed: false; unset is not.
//!
//! Versions: v1.8, when Kubernetes got the field; v1.25 leaves Windows pods alone, where the field cannot be set
//! ([KEP-2802](https://kep.k8s.io/2802)).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Privilege Escalation".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden, is_windows};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::named_containers;

pub(crate) static CHECK: Check = Check {
    id: "allowPrivilegeEscalation",
    level: Level::Restricted,
    fields: &["spec.containers[*].securityContext.allowPrivilegeEscalation", "spec.os.name"],
    mend: "Set `securityContext.allowPrivilegeEscalation` of every container to false.",
    overrides: &[],
    versions: &[(Version::V1(8), v1_8), (Version::V1(25), v1_25)],
};

/// A Linux field, which the API server refuses in Windows pods.
fn v1_25(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    if is_windows(spec) { None } else { v1_8(metadata, spec) }
}

fn v1_8(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let names: Vec<&str> = containers(spec)
        .filter(|container| {
            container.security_context.and_then(|context| context.allow_privilege_escalation) != Some(false)
        })
        .map(|container| container.name)
        .collect();
    (!names.is_empty()).then(|| Forbidden {
        reason: "allowPrivilegeEscalation != false",
        detail: format!("{} must set securityContext.allowPrivilegeEscalation=false", named_containers(&names)),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no containers", 8..=37, ""),
        Case::passes("too early", 0..=7, "containers: [{name: a}]"),
        Case::passes_in_each_list("false", 8..=37, "name: a, securityContext: {allowPrivilegeEscalation: false}"),
        Case::fails_in_each_list(
            "unset",
            8..=37,
            "name: a",
            r#"allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)"#,
        ),
        Case::fails(
            "true and unset, in visiting order",
            8..=37,
            "containers: [{name: c, securityContext: {}}, {name: b, securityContext: {allowPrivilegeEscalation: false}}], \
             initContainers: [{name: z, securityContext: {allowPrivilegeEscalation: true}}]",
            r#"allowPrivilegeEscalation != false (containers "z", "c" must set securityContext.allowPrivilegeEscalation=false)"#,
        ),
        Case::fails(
            "Windows before 1.25",
            8..=24,
            "os: {name: windows}, containers: [{name: a}]",
            r#"allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)"#,
        ),
        Case::passes("Windows", 25..=37, "os: {name: windows}, containers: [{name: a}]"),
        Case::fails(
            "Windows spelled otherwise",
            25..=37,
            "os: {name: Windows}, containers: [{name: a}]",
            r#"allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
