//! Nobody in a pod must ask to run as user 0.
//!
//! Fields: `securityContext.runAsUser` of the pod and of every container in initContainers, containers and
//! ephemeralContainers. Allowed: unset and anything but 0.
//!
//! Versions: v1.23; v1.35 allows 0 to a pod in a user namespace, whose root is nobody outside
//! ([KEP-127](https://kep.k8s.io/127)).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Running as Non-root user".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden, has_user_namespace};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::Setters;

pub(crate) static CHECK: Check = Check {
    id: "runAsUser",
    level: Level::Restricted,
    fields: &["spec.securityContext.runAsUser", "spec.containers[*].securityContext.runAsUser", "spec.hostUsers"],
    mend: "Set `securityContext.runAsUser` of the pod and its containers to a number other than 0, or remove it. From v1.35 \
           on `hostUsers: false` also does.",
    overrides: &[],
    versions: &[(Version::V1(23), v1_23), (Version::V1(35), v1_35)],
};

/// Root in a user namespace of its own is no root on the node.
fn v1_35(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    if has_user_namespace(spec) { None } else { v1_23(metadata, spec) }
}

fn v1_23(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let setters = Setters {
        pod: spec.security_context.as_ref().and_then(|context| context.run_as_user) == Some(0),
        containers: containers(spec)
            .filter(|container| container.security_context.and_then(|context| context.run_as_user) == Some(0))
            .map(|container| container.name)
            .collect(),
    };
    (!setters.is_empty())
        .then(|| Forbidden { reason: "runAsUser=0", detail: format!("{setters} must not set runAsUser=0") })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("unset", 23..=37, "containers: [{name: a}], securityContext: {}"),
        Case::passes("too early", 0..=22, "securityContext: {runAsUser: 0}"),
        Case::passes("pod", 23..=37, "securityContext: {runAsUser: 1000}"),
        Case::passes_in_each_list("container", 23..=37, "name: a, securityContext: {runAsUser: -1}"),
        Case::fails_in_each_list(
            "container 0",
            23..=37,
            "name: a, securityContext: {runAsUser: 0}",
            r#"runAsUser=0 (container "a" must not set runAsUser=0)"#,
        ),
        Case::fails(
            "a container's user does not excuse the pod's 0",
            23..=37,
            "securityContext: {runAsUser: 0}, containers: [{name: a, securityContext: {runAsUser: 1}}]",
            "runAsUser=0 (pod must not set runAsUser=0)",
        ),
        Case::fails(
            "pod and containers",
            23..=37,
            "securityContext: {runAsUser: 0}, containers: [{name: b, securityContext: {runAsUser: 0}}], \
             ephemeralContainers: [{name: a, securityContext: {runAsUser: 0}}]",
            r#"runAsUser=0 (pod and containers "b", "a" must not set runAsUser=0)"#,
        ),
        Case::fails(
            "a user namespace before 1.35",
            23..=34,
            "hostUsers: false, securityContext: {runAsUser: 0}",
            "runAsUser=0 (pod must not set runAsUser=0)",
        ),
        Case::passes("a user namespace", 35..=37, "hostUsers: false, securityContext: {runAsUser: 0}"),
        Case::fails(
            "the host's user namespace",
            35..=37,
            "hostUsers: true, securityContext: {runAsUser: 0}",
            "runAsUser=0 (pod must not set runAsUser=0)",
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
