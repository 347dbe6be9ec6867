//! Pods must not mount folders of their node.
//!
//! Fields: `volumes[*].hostPath` of the pod; no field of initContainers, containers or ephemeralContainers. Allowed:
//! unset. An empty `hostPath` object is one, too.
//!
//! Versions: v1.0. Restricted never reports it: `restrictedVolumes` covers it there.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "HostPath Volumes".

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{plural, quoted};

pub(crate) static CHECK: Check = Check {
    id: "hostPathVolumes",
    level: Level::Baseline,
    fields: &["spec.volumes[*].hostPath"],
    mend: "Replace `hostPath` of the named volumes by another source, such as `emptyDir`, `persistentVolumeClaim` or \
           `csi`, or remove the volumes and their mounts.",
    overrides: &[],
    versions: &[(Version::V1(0), v1_0)],
};

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let volumes = spec.volumes.iter().flatten();
    let names: Vec<&str> =
        volumes.filter(|volume| volume.host_path.is_some()).map(|volume| volume.name.as_str()).collect();
    (!names.is_empty()).then(|| Forbidden {
        reason: "hostPath volumes",
        detail: format!("{} {}", plural("volume", "volumes", names.len()), quoted(names.iter().copied())),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no volumes", 0..=37, ""),
        Case::passes("other sources and none", 0..=37, "volumes: [{name: a, emptyDir: {}}, {name: b}]"),
        Case::fails(
            "one, with an empty object",
            0..=37,
            "volumes: [{name: a, hostPath: {}}, {name: b, secret: {}}]",
            r#"hostPath volumes (volume "a")"#,
        ),
        Case::fails(
            "two, in list order, whatever else they set",
            0..=37,
            "volumes: [{name: b, hostPath: {path: /}}, {name: a, emptyDir: {}, hostPath: {path: /}}]",
            r#"hostPath volumes (volumes "b", "a")"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
