//! Pods must not share the network, process or IPC namespace of their node.
//!
//! Fields: `hostNetwork`, `hostPID` and `hostIPC` of the pod; no field of initContainers, containers or
//! ephemeralContainers. Allowed: unset, false.
//!
//! Versions: v1.0.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Host Namespaces".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::version::Version;

pub(crate) static CHECK: Check = Check {
    id: "hostNamespaces",
    level: Level::Baseline,
    fields: &["spec.hostNetwork", "spec.hostPID", "spec.hostIPC"],
    mend: "Remove `hostNetwork`, `hostPID` and `hostIPC` from the pod's spec, or set them to false.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let shared: Vec<&str> =
        [(spec.host_network, "hostNetwork=true"), (spec.host_pid, "hostPID=true"), (spec.host_ipc, "hostIPC=true")]
            .into_iter()
            .filter_map(|(field, text)| (field == Some(true)).then_some(text))
            .collect();
    (!shared.is_empty()).then(|| Forbidden { reason: "host namespaces", detail: shared.join(", ") })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("nothing set", 0..=37, ""),
        Case::passes("all false", 0..=37, "hostNetwork: false, hostPID: false, hostIPC: false"),
        Case::fails("hostNetwork", 0..=37, "hostNetwork: true", "host namespaces (hostNetwork=true)"),
        Case::fails("hostPID", 0..=37, "hostPID: true", "host namespaces (hostPID=true)"),
        Case::fails("hostIPC", 0..=37, "hostIPC: true", "host namespaces (hostIPC=true)"),
        Case::fails(
            "all three, in upstream's order",
            0..=37,
            "hostIPC: true, hostPID: true, hostNetwork: true",
            "host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)",
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
