//! The AppArmor profile of the runtime must not be switched off or replaced by an arbitrary one.
//!
//! Fields: `securityContext.appArmorProfile.type` of the pod and of every container in initContainers, containers and
//! ephemeralContainers; annotations `container.apparmor.security.beta.kubernetes.io/*`, also for containers that do not
//! exist. Allowed: no `appArmorProfile`, `RuntimeDefault`, `Localhost`; as annotation nothing, `runtime/default`,
//! `localhost/*`. A profile without a type has the type "", which is not allowed.
//!
//! Versions: v1.0. The fields are younger (Kubernetes 1.30), but every version examines them.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "AppArmor".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{AppArmorProfile, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::go_quote::go_quote;
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{Setters, plural, quoted};

pub(crate) static CHECK: Check = Check {
    id: "appArmorProfile",
    level: Level::Baseline,
    fields: &[
        "metadata.annotations[container.apparmor.security.beta.kubernetes.io/*]",
        "spec.securityContext.appArmorProfile.type",
        "spec.containers[*].securityContext.appArmorProfile.type",
    ],
    mend: "Set `securityContext.appArmorProfile.type` to `RuntimeDefault`, or to `Localhost` with a profile that the \
           nodes have loaded, or remove `appArmorProfile`. Set annotations \
           `container.apparmor.security.beta.kubernetes.io/*` to `runtime/default` or `localhost/PROFILE`, or remove them.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

const ANNOTATION_PREFIX: &str = "container.apparmor.security.beta.kubernetes.io/";

fn v1_0(metadata: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut setters = Setters::default();
    let mut types = BTreeSet::new();
    let pod = spec.security_context.as_ref().and_then(|context| context.app_armor_profile.as_ref());
    if let Some(bad) = forbidden_type(pod) {
        setters.pod = true;
        types.insert(bad);
    }
    for container in containers(spec) {
        let profile = container.security_context.and_then(|context| context.app_armor_profile.as_ref());
        if let Some(bad) = forbidden_type(profile) {
            setters.containers.push(container.name);
            types.insert(bad);
        }
    }
    let mut annotations: Vec<String> = metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, value)| key.starts_with(ANNOTATION_PREFIX) && !is_allowed_annotation(value))
        .map(|(key, value)| format!("{key}={}", go_quote(value)))
        .collect();
    annotations.sort_unstable();

    let who = match (setters.is_empty(), annotations.len()) {
        (true, 0) => return None,
        (false, 0) => setters.to_string(),
        (true, count) => plural("annotation", "annotations", count).to_owned(),
        (false, count) => format!("{setters} and {}", plural("annotation", "annotations", count)),
    };
    let values = quoted(types.iter().copied().chain(annotations.iter().map(String::as_str)));
    Some(Forbidden {
        reason: plural("forbidden AppArmor profile", "forbidden AppArmor profiles", types.len() + annotations.len()),
        detail: format!("{who} must not set AppArmor profile type to {values}"),
    })
}

fn forbidden_type(profile: Option<&AppArmorProfile>) -> Option<&str> {
    profile.map(|profile| profile.type_.as_str()).filter(|kind| !matches!(*kind, "RuntimeDefault" | "Localhost"))
}

fn is_allowed_annotation(value: &str) -> bool {
    value.is_empty() || value == "runtime/default" || value.starts_with("localhost/")
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    const OF_A: &str = "container.apparmor.security.beta.kubernetes.io/a";
    const OF_B: &str = "container.apparmor.security.beta.kubernetes.io/b";

    pub(crate) const CASES: &[Case] = &[
        Case::passes("nothing set", 0..=37, "containers: [{name: a}], securityContext: {}"),
        Case::passes("pod RuntimeDefault", 0..=37, "securityContext: {appArmorProfile: {type: RuntimeDefault}}"),
        Case::passes_in_each_list(
            "container Localhost",
            0..=37,
            "name: a, securityContext: {appArmorProfile: {type: Localhost}}",
        ),
        Case::passes("allowed annotations", 0..=37, "").with(&[(OF_A, "runtime/default"), (OF_B, "localhost/x")]),
        Case::passes("empty annotation", 0..=37, "").with(&[(OF_A, "")]),
        Case::passes("foreign annotation", 0..=37, "").with(&[("container.apparmor.example.com/a", "unconfined")]),
        Case::fails(
            "pod Unconfined",
            0..=37,
            "securityContext: {appArmorProfile: {type: Unconfined}}",
            r#"forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")"#,
        ),
        Case::fails_in_each_list(
            "profile without a type",
            0..=37,
            "name: a, securityContext: {appArmorProfile: {}}",
            r#"forbidden AppArmor profile (container "a" must not set AppArmor profile type to "")"#,
        ),
        Case::fails(
            "two types and an annotation",
            0..=37,
            "containers: [{name: b, securityContext: {appArmorProfile: {type: runtimeDefault}}}, \
             {name: a, securityContext: {appArmorProfile: {type: Unconfined}}}], \
             securityContext: {appArmorProfile: {type: Unconfined}}",
            r#"forbidden AppArmor profiles (pod and containers "b", "a" and annotation must not set AppArmor profile type to "Unconfined", "runtimeDefault", "container.apparmor.security.beta.kubernetes.io/a="x\"y"")"#,
        )
        .with(&[(OF_A, "x\"y")]),
        Case::fails(
            "annotations alone",
            0..=37,
            "containers: [{name: a}]",
            r#"forbidden AppArmor profiles (annotations must not set AppArmor profile type to "container.apparmor.security.beta.kubernetes.io/a="unconfined"", "container.apparmor.security.beta.kubernetes.io/b="localhost"")"#,
        )
        .with(&[(OF_B, "localhost"), (OF_A, "unconfined")]),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
