//! Every container must run under a seccomp profile of the runtime or of the node.
//!
//! Fields: `securityContext.seccompProfile.type` of the pod and of every container in initContainers, containers and
//! ephemeralContainers. Allowed: `RuntimeDefault` or `Localhost` for the pod, or for every container, and nothing else
//! anywhere. A profile without a type has the type "", which is not allowed.
//!
//! Versions: v1.19, when Kubernetes got the field; v1.25 leaves Windows pods alone, where the field cannot be set
//! ([KEP-2802](https://kep.k8s.io/2802)).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Seccomp".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::seccomp_profile_baseline::forbidden_type;
use super::{Check, Forbidden, is_windows};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{Setters, named_containers, quoted};

pub(crate) static CHECK: Check = Check {
    id: "seccompProfile_restricted",
    level: Level::Restricted,
    fields: &[
        "spec.securityContext.seccompProfile.type",
        "spec.containers[*].securityContext.seccompProfile.type",
        "spec.os.name",
    ],
    mend: "Set `securityContext.seccompProfile.type` of the pod to `RuntimeDefault`, or to `Localhost` with a profile that \
           is on the nodes, and remove other types from its containers.",
    overrides: &["seccompProfile_baseline"],
    versions: &[(Version::V1(19), v1_19), (Version::V1(25), v1_25)],
};

/// A Linux field, which the API server refuses in Windows pods.
fn v1_25(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    if is_windows(spec) { None } else { v1_19(metadata, spec) }
}

fn v1_19(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    let mut types: BTreeSet<&str> = forbidden_type(pod).into_iter().collect();
    let mut setters = Setters { pod: !types.is_empty(), containers: Vec::new() };
    let mut silent = Vec::new();
    for container in containers(spec) {
        let profile = container.security_context.and_then(|context| context.seccomp_profile.as_ref());
        if let Some(bad) = forbidden_type(profile) {
            setters.containers.push(container.name);
            types.insert(bad);
        } else if profile.is_none() && pod.is_none() {
            silent.push(container.name);
        }
    }
    let detail = if !setters.is_empty() {
        format!("{setters} must not set securityContext.seccompProfile.type to {}", quoted(types))
    } else if !silent.is_empty() {
        format!(
            r#"pod or {} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost""#,
            named_containers(&silent)
        )
    } else {
        return None;
    };
    Some(Forbidden { reason: "seccompProfile", detail })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no containers", 19..=37, ""),
        Case::passes(
            "too early",
            0..=18,
            "containers: [{name: a, securityContext: {seccompProfile: {type: Unconfined}}}]",
        ),
        Case::passes(
            "the pod's profile covers all",
            19..=37,
            "securityContext: {seccompProfile: {type: Localhost}}, initContainers: [{name: a}], containers: [{name: b}], ephemeralContainers: [{name: c}]",
        ),
        Case::passes_in_each_list(
            "every container",
            19..=37,
            "name: a, securityContext: {seccompProfile: {type: RuntimeDefault}}",
        ),
        Case::fails_in_each_list(
            "nobody",
            19..=37,
            "name: a",
            r#"seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#,
        ),
        Case::fails_in_each_list(
            "a container's bad type",
            19..=37,
            "name: a, securityContext: {seccompProfile: {type: Unconfined}}",
            r#"seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")"#,
        ),
        Case::fails(
            "a container's good type does not excuse the pod, nor is the silent one named",
            19..=37,
            "securityContext: {seccompProfile: {}}, \
             containers: [{name: a, securityContext: {seccompProfile: {type: Localhost}}}, {name: b}]",
            r#"seccompProfile (pod must not set securityContext.seccompProfile.type to "")"#,
        ),
        Case::fails(
            "a set of types",
            19..=37,
            "securityContext: {seccompProfile: {type: Unconfined}}, \
             containers: [{name: b, securityContext: {seccompProfile: {type: localhost}}}, \
             {name: a, securityContext: {seccompProfile: {type: Unconfined}}}]",
            r#"seccompProfile (pod and containers "b", "a" must not set securityContext.seccompProfile.type to "Unconfined", "localhost")"#,
        ),
        Case::fails(
            "only the silent containers are named",
            19..=37,
            "containers: [{name: c}, {name: b, securityContext: {seccompProfile: {type: Localhost}}}, {name: a}]",
            r#"seccompProfile (pod or containers "c", "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#,
        ),
        Case::fails(
            "Windows before 1.25",
            19..=24,
            "os: {name: windows}, containers: [{name: a}]",
            r#"seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#,
        ),
        Case::passes(
            "Windows",
            25..=37,
            "os: {name: windows}, containers: [{name: a, securityContext: {seccompProfile: {type: Unconfined}}}]",
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
