//! Containers must not be privileged: that switches off most of what isolates them from the node.
//!
//! Fields: `securityContext.privileged` of every container in initContainers, containers and ephemeralContainers.
//! Allowed: unset, false.
//!
//! Versions: v1.0.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Privileged Containers".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::named_containers;

pub(crate) static CHECK: Check = Check {
    id: "privileged",
    level: Level::Baseline,
    fields: &["spec.containers[*].securityContext.privileged"],
    mend: "Set `securityContext.privileged` of the named containers to false, or remove it.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let names: Vec<&str> = containers(spec)
        .filter(|container| container.security_context.and_then(|context| context.privileged) == Some(true))
        .map(|container| container.name)
        .collect();
    (!names.is_empty()).then(|| Forbidden {
        reason: "privileged",
        detail: format!("{} must not set securityContext.privileged=true", named_containers(&names)),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no containers", 0..=37, ""),
        Case::passes("unset", 0..=37, "containers: [{name: a}, {name: b, securityContext: {}}]"),
        Case::passes_in_each_list("false", 0..=37, "name: a, securityContext: {privileged: false}"),
        Case::fails_in_each_list(
            "true",
            0..=37,
            "name: a, securityContext: {privileged: true}",
            r#"privileged (container "a" must not set securityContext.privileged=true)"#,
        ),
        Case::fails(
            "init, regular, ephemeral, and a name twice",
            0..=37,
            "ephemeralContainers: [{name: a, securityContext: {privileged: true}}], \
             containers: [{name: b, securityContext: {privileged: true}}, {name: c}], \
             initContainers: [{name: a, securityContext: {privileged: true}}]",
            r#"privileged (containers "a", "b", "a" must not set securityContext.privileged=true)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
