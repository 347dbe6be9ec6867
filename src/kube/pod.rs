//! The nine kinds that are pods or make them, decoded as the API server decodes them.
//!
//! A wrong type anywhere in the object is an error, as it is there: such an object is never created, so nothing can be
//! said of its pod. Which kinds count, and where their template is: `ExtractPodSpec` in `admission/admission.go` of
//! `k8s.io/pod-security-admission` v0.37.2. What a StatefulSet makes of its claims: `updateStorage` in
//! `pkg/controller/statefulset/stateful_set_utils.go` of Kubernetes 1.37.

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodSpec, PodTemplate, PodTemplateSpec,
    ReplicationController, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::scalars::NEWTYPES;
use crate::krm::Item;
use crate::yaml::de::{self, Error};
use crate::yaml::tree::View;

/// A pod as it is created: by hand, or by its controller from a template.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodToBe {
    /// The pod's own metadata; of a controller's pod those of the template.
    pub metadata: ObjectMeta,
    /// What runs in it.
    pub spec: PodSpec,
}

type Read = fn(View<'_>) -> Result<Option<PodToBe>, Error>;

/// A kind whose objects are pods or make them.
#[derive(Debug)]
pub struct PodKind {
    api_version: &'static str,
    kind: &'static str,
    spec: &'static [&'static str],
    read: Read,
}

/// Where the pod's spec stands in most controllers.
const IN_TEMPLATE: &[&str] = &["spec", "template", "spec"];

/// The nine kinds with exactly these versions; no custom resource and no beta group counts.
static KINDS: [PodKind; 9] = [
    PodKind { api_version: "v1", kind: "Pod", spec: &["spec"], read: pod },
    PodKind { api_version: "v1", kind: "PodTemplate", spec: &["template", "spec"], read: pod_template },
    PodKind { api_version: "v1", kind: "ReplicationController", spec: IN_TEMPLATE, read: replication_controller },
    PodKind { api_version: "apps/v1", kind: "ReplicaSet", spec: IN_TEMPLATE, read: replica_set },
    PodKind { api_version: "apps/v1", kind: "Deployment", spec: IN_TEMPLATE, read: deployment },
    PodKind { api_version: "apps/v1", kind: "StatefulSet", spec: IN_TEMPLATE, read: stateful_set },
    PodKind { api_version: "apps/v1", kind: "DaemonSet", spec: IN_TEMPLATE, read: daemon_set },
    PodKind { api_version: "batch/v1", kind: "Job", spec: IN_TEMPLATE, read: job },
    PodKind {
        api_version: "batch/v1",
        kind: "CronJob",
        spec: &["spec", "jobTemplate", "spec", "template", "spec"],
        read: cron_job,
    },
];

impl PodKind {
    /// The kind of a resource, if it is one of the nine.
    #[must_use]
    pub fn of(item: &Item<'_>) -> Option<&'static Self> {
        KINDS.iter().find(|kind| item.is(kind.api_version, kind.kind))
    }

    /// The keys that lead to the pod's spec.
    #[must_use]
    pub fn spec_path(&self) -> &'static [&'static str] {
        self.spec
    }

    /// Whether its objects are pods themselves, which the API server judges when they are created.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        self.kind == "Pod"
    }

    /// Decodes the whole object and gives its pod; `None` for a ReplicationController without a template.
    ///
    /// # Errors
    /// Where the API server could not decode the object.
    pub fn read(&self, root: View<'_>) -> Result<Option<PodToBe>, Error> {
        (self.read)(root)
    }
}

/// Decodes an object as the API server decodes it.
///
/// # Errors
/// Where it could not: a wrong type, a quantity or a time that does not parse.
pub fn decode<'de, T: Deserialize<'de>>(root: View<'de>) -> Result<T, Error> {
    de::from_view_with(root, NEWTYPES)
}

fn made_from(template: PodTemplateSpec) -> PodToBe {
    PodToBe { metadata: template.metadata.unwrap_or_default(), spec: template.spec.unwrap_or_default() }
}

fn pod(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: Pod = decode(root)?;
    Ok(Some(PodToBe { metadata: object.metadata, spec: object.spec.unwrap_or_default() }))
}

fn pod_template(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: PodTemplate = decode(root)?;
    Ok(Some(made_from(object.template.unwrap_or_default())))
}

fn replication_controller(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: ReplicationController = decode(root)?;
    Ok(object.spec.and_then(|spec| spec.template).map(made_from))
}

fn replica_set(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: ReplicaSet = decode(root)?;
    Ok(Some(made_from(object.spec.template.unwrap_or_default())))
}

fn deployment(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: Deployment = decode(root)?;
    Ok(Some(made_from(object.spec.template)))
}

fn daemon_set(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: DaemonSet = decode(root)?;
    Ok(Some(made_from(object.spec.template)))
}

fn job(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: Job = decode(root)?;
    Ok(Some(made_from(object.spec.unwrap_or_default().template)))
}

fn cron_job(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: CronJob = decode(root)?;
    Ok(Some(made_from(object.spec.job_template.spec.unwrap_or_default().template)))
}

fn stateful_set(root: View<'_>) -> Result<Option<PodToBe>, Error> {
    let object: StatefulSet = decode(root)?;
    let spec = object.spec;
    let mut pod = made_from(spec.template);
    mount_claims(&mut pod.spec, spec.volume_claim_templates.unwrap_or_default());
    Ok(Some(pod))
}

/// Each claim becomes a volume of its name, in the place of one that the template has under that name.
fn mount_claims(spec: &mut PodSpec, claims: Vec<PersistentVolumeClaim>) {
    if claims.is_empty() {
        return;
    }
    let mut volumes: Vec<Volume> = Vec::new();
    for claim in claims {
        let name = claim.metadata.name.unwrap_or_default();
        if volumes.iter().all(|volume| volume.name != name) {
            let source = PersistentVolumeClaimVolumeSource { claim_name: name.clone(), read_only: None };
            volumes.push(Volume { name, persistent_volume_claim: Some(source), ..Volume::default() });
        }
    }
    let own = spec.volumes.take().unwrap_or_default();
    let kept: Vec<Volume> =
        own.into_iter().filter(|volume| volumes.iter().all(|claim| claim.name != volume.name)).collect();
    volumes.extend(kept);
    spec.volumes = Some(volumes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krm::List;

    fn read(yaml: &str) -> Result<Option<PodToBe>, String> {
        let list = List::read(yaml).unwrap();
        let item = &list.items()[0];
        let Some(kind) = PodKind::of(item) else { return Ok(None) };
        let parsed = item.parse_leniently().unwrap();
        kind.read(parsed.root().unwrap())
            .map_err(|error| format!("{} {}: {error}", error.line.unwrap_or(0), error.path))
    }

    #[test]
    fn a_template_stands_where_its_kind_has_it() {
        let template = "{metadata: {labels: {a: b}}, spec: {containers: [{name: c}]}}";
        for (head, object) in [
            ("{apiVersion: v1, kind: PodTemplate, metadata: {name: x}", format!("template: {template}")),
            (
                "{apiVersion: v1, kind: ReplicationController, metadata: {name: x}",
                format!("spec: {{template: {template}}}"),
            ),
            ("{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: x}", format!("spec: {{template: {template}}}")),
            ("{apiVersion: apps/v1, kind: Deployment, metadata: {name: x}", format!("spec: {{template: {template}}}")),
            ("{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: x}", format!("spec: {{template: {template}}}")),
            ("{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: x}", format!("spec: {{template: {template}}}")),
            ("{apiVersion: batch/v1, kind: Job, metadata: {name: x}", format!("spec: {{template: {template}}}")),
            (
                "{apiVersion: batch/v1, kind: CronJob, metadata: {name: x}",
                format!("spec: {{jobTemplate: {{spec: {{template: {template}}}}}}}"),
            ),
        ] {
            let pod = read(&format!("{head}, {object}}}")).unwrap().unwrap();
            assert_eq!(pod.spec.containers[0].name, "c", "{head}");
            assert_eq!(pod.metadata.labels.unwrap()["a"], "b", "{head}");
            let empty = read(&format!("{head}}}")).unwrap();
            assert_eq!(empty.is_none(), head.contains("ReplicationController"), "{head}");
        }
        for head in
            ["apiVersion: apps/v1beta1, kind: Deployment", "apiVersion: v1, kind: Job", "apiVersion: v2, kind: Pod"]
        {
            assert_eq!(read(&format!("{{{head}, metadata: {{name: x}}}}")), Ok(None), "{head}");
        }
    }

    #[test]
    fn claims_take_the_place_of_volumes() {
        let pod = read(
            "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: x}\nspec:\n  volumeClaimTemplates:\n  - metadata: {name: data}\n  \
             template:\n    spec:\n      volumes: [{name: data, hostPath: {path: /}}, {name: other, emptyDir: {}}]\n",
        );
        let volumes = pod.unwrap().unwrap().spec.volumes.unwrap();
        assert_eq!(volumes.iter().map(|volume| volume.name.as_str()).collect::<Vec<_>>(), ["data", "other"]);
        assert!(volumes[0].host_path.is_none() && volumes[0].persistent_volume_claim.is_some());
    }

    #[test]
    fn errors_know_their_field_and_line() {
        for (field, expected) in [
            ("  hostNetwork: \"true\"", "6 spec.hostNetwork: must be a boolean, not the string \"true\""),
            (
                "  containers:\n  - {name: a, image: 5}",
                "7 spec.containers[0].image: must be a string, not the number 5",
            ),
            (
                "  containers:\n  - name: a\n    resources: {limits: {cpu: lots}}",
                "8 spec.containers[0].resources.limits.cpu: must be a quantity such as 500m or 1Gi, not \"lots\"",
            ),
            ("  nobodyReads: {a: [.nan]}", "6 spec.nobodyReads: NaN is no number in JSON"),
        ] {
            let yaml = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n{field}\n");
            assert_eq!(read(&yaml).unwrap_err(), expected);
        }
    }

    #[test]
    fn nulls_and_odd_keys_read_as_in_go() {
        let pod = read(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: x, labels: {yes: a, 0x10: b, c: null}}\nspec:\n  containers:\n  - null\n  \
             - {name: a, resources: {limits: {cpu: null, memory: 1.5, disk: 12}}, args: [null]}\n",
        );
        let pod = pod.unwrap().unwrap();
        let labels: Vec<String> =
            pod.metadata.labels.unwrap().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(labels, ["16=b", "c=", "true=a"]);
        assert_eq!(pod.spec.containers[0].name, "");
        let limits = pod.spec.containers[1].resources.clone().unwrap().limits.unwrap();
        assert_eq!(limits.values().map(|quantity| quantity.0.as_str()).collect::<Vec<_>>(), ["0", "12", "1.5"]);
        assert_eq!(pod.spec.containers[1].args, Some(vec![String::new()]));
    }
}
