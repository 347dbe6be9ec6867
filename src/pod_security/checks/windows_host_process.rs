//! Windows pods must not run as processes of their node.
//!
//! Fields: `securityContext.windowsOptions.hostProcess` of the pod and of every container in initContainers, containers
//! and ephemeralContainers. Allowed: unset, false. A container's false does not excuse the pod's true.
//!
//! Versions: v1.0.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "HostProcess".

use k8s_openapi::api::core::v1::{PodSpec, WindowsSecurityContextOptions};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::pod_containers::containers;
use crate::pod_security::version::Version;
use crate::pod_security::wording::Setters;

pub(crate) static CHECK: Check = Check {
    id: "windowsHostProcess",
    level: Level::Baseline,
    fields: &[
        "spec.securityContext.windowsOptions.hostProcess",
        "spec.containers[*].securityContext.windowsOptions.hostProcess",
    ],
    mend: "Set `securityContext.windowsOptions.hostProcess` of the pod and its containers to false, or remove it.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let setters = Setters {
        pod: spec.security_context.as_ref().is_some_and(|context| is_host_process(context.windows_options.as_ref())),
        containers: containers(spec)
            .filter(|container| {
                container.security_context.is_some_and(|context| is_host_process(context.windows_options.as_ref()))
            })
            .map(|container| container.name)
            .collect(),
    };
    (!setters.is_empty()).then(|| Forbidden {
        reason: "hostProcess",
        detail: format!("{setters} must not set securityContext.windowsOptions.hostProcess=true"),
    })
}

fn is_host_process(options: Option<&WindowsSecurityContextOptions>) -> bool {
    options.and_then(|options| options.host_process) == Some(true)
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("nothing set", 0..=37, "containers: [{name: a}], securityContext: {windowsOptions: {}}"),
        Case::passes("pod false", 0..=37, "securityContext: {windowsOptions: {hostProcess: false}}"),
        Case::passes_in_each_list(
            "container false",
            0..=37,
            "name: a, securityContext: {windowsOptions: {hostProcess: false}}",
        ),
        Case::fails_in_each_list(
            "container",
            0..=37,
            "name: a, securityContext: {windowsOptions: {hostProcess: true}}",
            r#"hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)"#,
        ),
        Case::fails(
            "a container's false does not excuse the pod",
            0..=37,
            "os: {name: windows}, securityContext: {windowsOptions: {hostProcess: true}}, \
             containers: [{name: a, securityContext: {windowsOptions: {hostProcess: false}}}]",
            "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
        ),
        Case::fails(
            "pod and containers",
            0..=37,
            "securityContext: {windowsOptions: {hostProcess: true}}, \
             containers: [{name: b, securityContext: {windowsOptions: {hostProcess: true}}}, \
             {name: a, securityContext: {windowsOptions: {hostProcess: true}}}]",
            r#"hostProcess (pod and containers "b", "a" must not set securityContext.windowsOptions.hostProcess=true)"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
