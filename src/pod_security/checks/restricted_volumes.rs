//! Pods must use only volume sources that cannot reach their node or its kernel drivers.
//!
//! Fields: the source of `volumes[*]` of the pod; no field of initContainers, containers or ephemeralContainers. Allowed:
//! `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`, `persistentVolumeClaim`, `projected`, `secret`. A
//! volume with one of them passes whatever else it sets. A volume without a source does not pass as `unknown`, but the
//! API server makes it an `emptyDir` first ([`crate::pod_security::defaults`]).
//!
//! Versions: v1.0.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "Volume Types".

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{PodSpec, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Check, Forbidden};
use crate::pod_security::level::Level;
use crate::pod_security::version::Version;
use crate::pod_security::wording::{plural, quoted};

pub(crate) static CHECK: Check = Check {
    id: "restrictedVolumes",
    level: Level::Restricted,
    fields: &["spec.volumes[*]"],
    mend: "Replace the source of the named volumes by `configMap`, `csi`, `downwardAPI`, `emptyDir`, `ephemeral`, `image`, \
           `persistentVolumeClaim`, `projected` or `secret`, or remove the volumes and their mounts.",
    overrides: &["hostPathVolumes"],
    versions: &[(Version::V1(0), v1_0)],
};

fn v1_0(_: &ObjectMeta, spec: &PodSpec) -> Option<Forbidden> {
    let mut names = Vec::new();
    let mut types = BTreeSet::new();
    for volume in spec.volumes.iter().flatten().filter(|volume| !has_allowed_source(volume)) {
        names.push(volume.name.as_str());
        types.insert(forbidden_source(volume));
    }
    (!names.is_empty()).then(|| Forbidden {
        reason: "restricted volume types",
        detail: format!(
            "{} {} {} {} {}",
            plural("volume", "volumes", names.len()),
            quoted(names.iter().copied()),
            plural("uses", "use", names.len()),
            plural("restricted volume type", "restricted volume types", types.len()),
            quoted(types),
        ),
    })
}

const fn has_allowed_source(volume: &Volume) -> bool {
    volume.config_map.is_some()
        || volume.csi.is_some()
        || volume.downward_api.is_some()
        || volume.empty_dir.is_some()
        || volume.ephemeral.is_some()
        || volume.image.is_some()
        || volume.persistent_volume_claim.is_some()
        || volume.projected.is_some()
        || volume.secret.is_some()
}

/// The first forbidden source that is set, in the order in which upstream tries them.
fn forbidden_source(volume: &Volume) -> &'static str {
    [
        (volume.host_path.is_some(), "hostPath"),
        (volume.gce_persistent_disk.is_some(), "gcePersistentDisk"),
        (volume.aws_elastic_block_store.is_some(), "awsElasticBlockStore"),
        (volume.git_repo.is_some(), "gitRepo"),
        (volume.nfs.is_some(), "nfs"),
        (volume.iscsi.is_some(), "iscsi"),
        (volume.glusterfs.is_some(), "glusterfs"),
        (volume.rbd.is_some(), "rbd"),
        (volume.flex_volume.is_some(), "flexVolume"),
        (volume.cinder.is_some(), "cinder"),
        (volume.cephfs.is_some(), "cephfs"),
        (volume.flocker.is_some(), "flocker"),
        (volume.fc.is_some(), "fc"),
        (volume.azure_file.is_some(), "azureFile"),
        (volume.vsphere_volume.is_some(), "vsphereVolume"),
        (volume.quobyte.is_some(), "quobyte"),
        (volume.azure_disk.is_some(), "azureDisk"),
        (volume.photon_persistent_disk.is_some(), "photonPersistentDisk"),
        (volume.portworx_volume.is_some(), "portworxVolume"),
        (volume.scale_io.is_some(), "scaleIO"),
        (volume.storageos.is_some(), "storageos"),
    ]
    .into_iter()
    .find_map(|(is_set, name)| is_set.then_some(name))
    .unwrap_or("unknown")
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("no volumes", 0..=37, "containers: [{name: a}]"),
        Case::passes(
            "every allowed source",
            0..=37,
            "volumes: [{name: a, configMap: {}}, {name: b, csi: {driver: d}}, {name: c, downwardAPI: {}}, \
             {name: d, emptyDir: {}}, {name: e, ephemeral: {}}, {name: f, image: {}}, \
             {name: g, persistentVolumeClaim: {claimName: c}}, {name: h, projected: {}}, {name: i, secret: {}}]",
        ),
        Case::passes(
            "an allowed source beside a forbidden one",
            0..=37,
            "volumes: [{name: a, hostPath: {}, emptyDir: {}}]",
        ),
        Case::fails(
            "one volume",
            0..=37,
            "volumes: [{name: b, emptyDir: {}}, {name: a, hostPath: {path: /}}]",
            r#"restricted volume types (volume "a" uses restricted volume type "hostPath")"#,
        ),
        Case::fails(
            "every forbidden source, none, and one that nobody knows",
            0..=37,
            "volumes: [{name: a, hostPath: {}}, {name: b, gcePersistentDisk: {}}, {name: c, awsElasticBlockStore: {}}, \
             {name: d, gitRepo: {}}, {name: e, nfs: {}}, {name: f, iscsi: {}}, {name: g, glusterfs: {}}, \
             {name: h, rbd: {}}, {name: i, flexVolume: {}}, {name: j, cinder: {}}, {name: k, cephfs: {}}, \
             {name: l, flocker: {}}, {name: m, fc: {}}, {name: n, azureFile: {}}, {name: o, vsphereVolume: {}}, \
             {name: p, quobyte: {}}, {name: q, azureDisk: {}}, {name: r, photonPersistentDisk: {}}, \
             {name: s, portworxVolume: {}}, {name: t, scaleIO: {}}, {name: u, storageos: {}}, {name: v}, {name: w, new: {}}]",
            r#"restricted volume types (volumes "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w" use restricted volume types "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "fc", "flexVolume", "flocker", "gcePersistentDisk", "gitRepo", "glusterfs", "hostPath", "iscsi", "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "unknown", "vsphereVolume")"#,
        ),
        Case::fails(
            "of two forbidden sources the first that is tried",
            0..=37,
            "volumes: [{name: a, azureDisk: {}, vsphereVolume: {}}, {name: b, storageos: {}, rbd: {}}]",
            r#"restricted volume types (volumes "a", "b" use restricted volume types "rbd", "vsphereVolume")"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
