//! SELinux types must be those of containers, and SELinux users and roles must not be set.
//!
//! Fields: `securityContext.seLinuxOptions.{type,user,role}` of the pod and of every container in initContainers,
//! containers and ephemeralContainers; `level` is free. Allowed types: unset, "", `container_t`, `container_init_t`,
//! `container_kvm_t`, `container_engine_t`. Allowed users and roles: unset, "".
//!
//! Versions: v1.0; v1.31 adds `container_engine_t`.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "SELinux".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSpec, SELinuxOptions};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{Setters, plural, quoted};

pub(crate) static CHECK: Check = Check {
    id: "seLinuxOptions",
    level: Level::Baseline,
    fields: &[
        "spec.securityContext.seLinuxOptions.type",
        "spec.securityContext.seLinuxOptions.user",
        "spec.securityContext.seLinuxOptions.role",
        "spec.containers[*].securityContext.seLinuxOptions.type",
        "spec.containers[*].securityContext.seLinuxOptions.user",
        "spec.containers[*].securityContext.seLinuxOptions.role",
    ],
    mend: "Remove `user` and `role` from `securityContext.seLinuxOptions`, and set its `type` to `container_t`, \
           `container_init_t`, `container_kvm_t` or (from v1.31 on) `container_engine_t`, or remove it.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0), (Version::V1(31), v1_31)],
};

const TYPES_V1_0: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t"];
const TYPES_V1_31: &[&str] = &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, TYPES_V1_0)
}

/// `container_engine_t` is for container engines that run inside a container.
fn v1_31(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    judge(spec, TYPES_V1_31)
}

fn judge(spec: &PodSpec, allowed_types: &[&str]) -> Option<Forbidden> {
    let mut bad = Bad::default();
    let pod = spec.security_context.as_ref().and_then(|context| context.se_linux_options.as_ref());
    let mut setters = Setters { pod: bad.collect(pod, allowed_types), containers: Vec::new() };
    for container in containers(spec) {
        let options = container.security_context.and_then(|context| context.se_linux_options.as_ref());
        if bad.collect(options, allowed_types) {
            setters.containers.push(container.name);
        }
    }
    (!setters.is_empty()).then(|| Forbidden {
        reason: "seLinuxOptions",
        detail: format!("{setters} set forbidden securityContext.seLinuxOptions: {}", bad.parts().join("; ")),
    })
}

/// What all the forbidden options of a pod set.
#[derive(Default)]
struct Bad<'a> {
    types: BTreeSet<&'a str>,
    user: bool,
    role: bool,
}

impl<'a> Bad<'a> {
    /// Notes what is forbidden in `options` and says whether anything is.
    fn collect(&mut self, options: Option<&'a SELinuxOptions>, allowed_types: &[&str]) -> bool {
        let Some(options) = options else { return false };
        let is_set = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.is_empty());
        let forbidden_type = options.type_.as_deref().filter(|kind| !allowed_types.contains(kind));
        let (user, role) = (is_set(&options.user), is_set(&options.role));
        self.types.extend(forbidden_type);
        self.user |= user;
        self.role |= role;
        forbidden_type.is_some() || user || role
    }

    fn parts(self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.types.is_empty() {
            parts.push(format!("{} {}", plural("type", "types", self.types.len()), quoted(self.types)));
        }
        if self.user {
            parts.push("user may not be set".to_owned());
        }
        if self.role {
            parts.push("role may not be set".to_owned());
        }
        parts
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("nothing set", 0..=37, "containers: [{name: a}], securityContext: {seLinuxOptions: {}}"),
        Case::passes(
            "allowed types, empty texts and a level",
            0..=37,
            "securityContext: {seLinuxOptions: {type: container_t, user: '', role: '', level: 's0:c1'}}, \
             containers: [{name: a, securityContext: {seLinuxOptions: {type: container_init_t}}}, \
             {name: b, securityContext: {seLinuxOptions: {type: ''}}}]",
        ),
        Case::passes_in_each_list(
            "container_kvm_t",
            0..=37,
            "name: a, securityContext: {seLinuxOptions: {type: container_kvm_t}}",
        ),
        Case::passes_in_each_list(
            "container_engine_t",
            31..=37,
            "name: a, securityContext: {seLinuxOptions: {type: container_engine_t}}",
        ),
        Case::fails_in_each_list(
            "container_engine_t before 1.31",
            0..=30,
            "name: a, securityContext: {seLinuxOptions: {type: container_engine_t}}",
            r#"seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: type "container_engine_t")"#,
        ),
        Case::fails(
            "pod with user and role",
            0..=37,
            "securityContext: {seLinuxOptions: {user: u, role: r}}",
            "seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: user may not be set; role may not be set)",
        ),
        Case::fails_in_each_list(
            "container with a role",
            0..=37,
            "name: a, securityContext: {seLinuxOptions: {role: r}}",
            r#"seLinuxOptions (container "a" set forbidden securityContext.seLinuxOptions: role may not be set)"#,
        ),
        Case::fails(
            "types of pod and containers as a set, and a user",
            0..=37,
            "securityContext: {seLinuxOptions: {type: spc_t}}, \
             initContainers: [{name: b, securityContext: {seLinuxOptions: {type: init_t, user: u}}}], \
             containers: [{name: a, securityContext: {seLinuxOptions: {type: spc_t}}}]",
            r#"seLinuxOptions (pod and containers "b", "a" set forbidden securityContext.seLinuxOptions: types "init_t", "spc_t"; user may not be set)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
