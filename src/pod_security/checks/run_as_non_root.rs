//! Containers must be held to run as another user than root.
//!
//! Fields: `securityContext.runAsNonRoot` of the pod and of every container in initContainers, containers and
//! ephemeralContainers. Allowed: true for the pod, or true for every container, and false nowhere: a container's true
//! does not excuse the pod's false.
//!
//! Versions: v1.0; v1.35 allows anything to a pod in a user namespace, whose root is nobody outside
//! ([KEP-127](https://kep.k8s.io/127)).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Running as Non-root".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden, has_user_namespace};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{Setters, named_containers};

pub(crate) static CHECK: Check = Check {
    id: "runAsNonRoot",
    level: Level::Restricted,
    fields: &["spec.securityContext.runAsNonRoot", "spec.containers[*].securityContext.runAsNonRoot", "spec.hostUsers"],
    mend: "Set `securityContext.runAsNonRoot` of the pod to true and remove it where it is false. The image must name a \
           numeric user other than 0, or set `securityContext.runAsUser` to one. From v1.35 on `hostUsers: false` also does.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0), (Version::V1(35), v1_35)],
};

/// Root in a user namespace of its own is no root on the node.
fn v1_35(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    if has_user_namespace(spec) { None } else { v1_0(metadata, spec) }
}

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let pod = spec.security_context.as_ref().and_then(|context| context.run_as_non_root);
    let mut setters = Setters { pod: pod == Some(false), containers: Vec::new() };
    let mut silent = Vec::new();
    for container in containers(spec) {
        match container.security_context.and_then(|context| context.run_as_non_root) {
            Some(true) => {}
            Some(false) => setters.containers.push(container.name),
            None if pod == Some(true) => {}
            None => silent.push(container.name),
        }
    }
    let detail = if !setters.is_empty() {
        format!("{setters} must not set securityContext.runAsNonRoot=false")
    } else if !silent.is_empty() {
        format!("pod or {} must set securityContext.runAsNonRoot=true", named_containers(&silent))
    } else {
        return None;
    };
    Some(Forbidden { reason: "runAsNonRoot != true", detail })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no containers", 0..=37, ""),
        Case::passes(
            "the pod's true covers all",
            0..=37,
            "securityContext: {runAsNonRoot: true}, initContainers: [{name: a}], containers: [{name: b}], ephemeralContainers: [{name: c}]",
        ),
        Case::passes_in_each_list("every container", 0..=37, "name: a, securityContext: {runAsNonRoot: true}"),
        Case::fails_in_each_list(
            "nobody",
            0..=37,
            "name: a",
            r#"runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)"#,
        ),
        Case::fails_in_each_list(
            "a container's false",
            0..=37,
            "name: a, securityContext: {runAsNonRoot: false}",
            r#"runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)"#,
        ),
        Case::fails(
            "a container's true does not excuse the pod",
            0..=37,
            "securityContext: {runAsNonRoot: false}, containers: [{name: a, securityContext: {runAsNonRoot: true}}]",
            "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
        ),
        Case::fails(
            "explicit before implicit",
            0..=37,
            "securityContext: {runAsNonRoot: false}, \
             containers: [{name: b, securityContext: {runAsNonRoot: false}}, {name: c}, {name: a, securityContext: {runAsNonRoot: false}}]",
            r#"runAsNonRoot != true (pod and containers "b", "a" must not set securityContext.runAsNonRoot=false)"#,
        ),
        Case::fails(
            "a user namespace before 1.35",
            0..=34,
            "hostUsers: false, containers: [{name: a}]",
            r#"runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)"#,
        ),
        Case::passes(
            "a user namespace",
            35..=37,
            "hostUsers: false, securityContext: {runAsNonRoot: false}, containers: [{name: a}]",
        ),
        Case::fails(
            "the host's user namespace; Windows is no excuse",
            35..=37,
            "hostUsers: true, os: {name: windows}, containers: [{name: a}, {name: b}]",
            r#"runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
