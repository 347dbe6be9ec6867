//! The seccomp profile must not be switched off or replaced by an unknown one.
//!
//! Fields below v1.19: annotations `seccomp.security.alpha.kubernetes.io/pod` and, for the containers that exist in
//! initContainers, containers and ephemeralContainers, `container.seccomp.security.alpha.kubernetes.io/NAME`. Allowed:
//! none, `runtime/default`, `docker/default`, `localhost/*`. An empty value is not allowed.
//! From v1.19 on: `securityContext.seccompProfile.type` of the pod and of every container of the three lists. Allowed: no
//! `seccompProfile`, `RuntimeDefault`, `Localhost`. A profile without a type is not allowed.
//!
//! Versions: v1.0 examines annotations only; v1.19 examines fields only
//! ([KEP-135](https://kep.k8s.io/135)), and restricted has a check of its own from then on (`seccompProfile_restricted`).
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Seccomp".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSpec, SeccompProfile};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::go_quote::go_quote;
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{Setters, plural, quoted};

pub(crate) static CHECK: Check = Check {
    id: "seccompProfile_baseline",
    level: Level::Baseline,
    fields: &[
        "metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]",
        "metadata.annotations[container.seccomp.security.alpha.kubernetes.io/*]",
        "spec.securityContext.seccompProfile.type",
        "spec.containers[*].securityContext.seccompProfile.type",
    ],
    mend: "Set `securityContext.seccompProfile.type` to `RuntimeDefault`, or to `Localhost` with a profile that is on the \
           nodes, or remove `seccompProfile`. Below v1.19 set the seccomp annotations to `runtime/default` or \
           `localhost/PROFILE`, or remove them.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0), (Version::V1(19), v1_19)],
};

const POD_ANNOTATION: &str = "seccomp.security.alpha.kubernetes.io/pod";
const CONTAINER_ANNOTATION_PREFIX: &str = "container.seccomp.security.alpha.kubernetes.io/";

fn v1_0(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let concerns_the_pod = |key: &str| match key.strip_prefix(CONTAINER_ANNOTATION_PREFIX) {
        Some(name) => containers(spec).any(|container| container.name == name),
        None => key == POD_ANNOTATION,
    };
    let mut annotations: Vec<String> = metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, value)| concerns_the_pod(key) && !is_allowed_annotation(value))
        .map(|(key, value)| format!("{key}={}", go_quote(value)))
        .collect();
    annotations.sort_unstable();
    (!annotations.is_empty()).then(|| Forbidden {
        reason: "seccompProfile",
        detail: format!(
            "forbidden {} {}",
            plural("annotation", "annotations", annotations.len()),
            annotations.join(", ")
        ),
    })
}

/// The fields replaced the annotations, which this version no longer looks at.
fn v1_19(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut setters = Setters::default();
    let mut types = BTreeSet::new();
    let pod = spec.security_context.as_ref().and_then(|context| context.seccomp_profile.as_ref());
    if let Some(bad) = forbidden_type(pod) {
        setters.pod = true;
        types.insert(bad);
    }
    for container in containers(spec) {
        let profile = container.security_context.and_then(|context| context.seccomp_profile.as_ref());
        if let Some(bad) = forbidden_type(profile) {
            setters.containers.push(container.name);
            types.insert(bad);
        }
    }
    (!setters.is_empty()).then(|| Forbidden {
        reason: "seccompProfile",
        detail: format!("{setters} must not set securityContext.seccompProfile.type to {}", quoted(types)),
    })
}

/// The type of a profile that is set and not allowed; `seccompProfile_restricted` asks the same.
pub(super) fn forbidden_type(profile: Option<&SeccompProfile>) -> Option<&str> {
    profile.map(|profile| profile.type_.as_str()).filter(|kind| !matches!(*kind, "RuntimeDefault" | "Localhost"))
}

fn is_allowed_annotation(value: &str) -> bool {
    matches!(value, "runtime/default" | "docker/default") || value.starts_with("localhost/")
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    const OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
    const OF_A: &str = "container.seccomp.security.alpha.kubernetes.io/a";
    const OF_B: &str = "container.seccomp.security.alpha.kubernetes.io/b";

    pub(crate) const CASES: &[Case] = &[
        Case::passes_in_each_list("nothing set", 0..=37, "name: a"),
        Case::passes_in_each_list("allowed annotations", 0..=18, "name: a")
            .with(&[(OF_POD, "docker/default"), (OF_A, "localhost/x")]),
        Case::passes("annotation of no container", 0..=18, "containers: [{name: a}]").with(&[(OF_B, "unconfined")]),
        Case::passes("fields before 1.19", 0..=18, "securityContext: {seccompProfile: {type: Unconfined}}"),
        Case::passes("annotations from 1.19 on", 19..=37, "containers: [{name: a}]")
            .with(&[(OF_POD, "unconfined"), (OF_A, "unconfined")]),
        Case::passes("pod RuntimeDefault", 19..=37, "securityContext: {seccompProfile: {type: RuntimeDefault}}"),
        Case::passes_in_each_list(
            "container Localhost",
            19..=37,
            "name: a, securityContext: {seccompProfile: {type: Localhost}}",
        ),
        Case::fails_in_each_list(
            "annotation with an empty value",
            0..=18,
            "name: a",
            r#"seccompProfile (forbidden annotation container.seccomp.security.alpha.kubernetes.io/a="")"#,
        )
        .with(&[(OF_A, "")]),
        Case::fails(
            "one annotation for two containers of one name",
            0..=18,
            "initContainers: [{name: a}], containers: [{name: a}]",
            r#"seccompProfile (forbidden annotation container.seccomp.security.alpha.kubernetes.io/a="x")"#,
        )
        .with(&[(OF_A, "x")]),
        Case::fails(
            "annotations, sorted",
            0..=18,
            "initContainers: [{name: b}], containers: [{name: a}]",
            r#"seccompProfile (forbidden annotations container.seccomp.security.alpha.kubernetes.io/a="RuntimeDefault", container.seccomp.security.alpha.kubernetes.io/b="q\"q", seccomp.security.alpha.kubernetes.io/pod="unconfined")"#,
        )
        .with(&[(OF_POD, "unconfined"), (OF_B, "q\"q"), (OF_A, "RuntimeDefault")]),
        Case::fails(
            "pod Unconfined",
            19..=37,
            "securityContext: {seccompProfile: {type: Unconfined}}",
            r#"seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")"#,
        ),
        Case::fails_in_each_list(
            "profile without a type",
            19..=37,
            "name: a, securityContext: {seccompProfile: {}}",
            r#"seccompProfile (container "a" must not set securityContext.seccompProfile.type to "")"#,
        ),
        Case::fails(
            "a set of types",
            19..=37,
            "securityContext: {seccompProfile: {type: Unconfined}}, \
             containers: [{name: b, securityContext: {seccompProfile: {type: runtime/default}}}, \
             {name: a, securityContext: {seccompProfile: {type: Unconfined}}}]",
            r#"seccompProfile (pod and containers "b", "a" must not set securityContext.seccompProfile.type to "Unconfined", "runtime/default")"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
