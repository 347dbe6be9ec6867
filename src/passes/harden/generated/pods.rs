//! Pod templates in custom resources and in texts: KServe's runtimes, Trainer's, Katib's trials, viewers of volumes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Resource, Wish};
use crate::config::Workloads;
use crate::harden::{Patch, harden};
use crate::kube::pod::decode;
use crate::kubeflow::trials;
use crate::passes::harden::{Places, Rule, edits, findings};
use crate::pod_security::{Level, Version, evaluate};
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// A KServe runtime: the spec is that of a pod without a security context of its own.
pub(super) fn serving_runtime(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    let mut specs = vec![Path::of(&["spec"])];
    if resource.root.find(&["spec", "workerSpec"]).is_some_and(|spec| spec.is_mapping()) {
        specs.push(Path::of(&["spec", "workerSpec"]));
    }
    all(resource, specs, wish, false);
}

/// Trainer's runtime: the jobs of a JobSet.
pub(super) fn training_runtime(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    const JOBS: [&str; 4] = ["spec", "template", "spec", "replicatedJobs"];
    let count = resource.root.find(&JOBS).iter().flat_map(View::items).count();
    let specs = (0..count).map(|index| {
        ["template", "spec", "template", "spec"].iter().fold(Path::of(&JOBS).join(index), |path, key| path.join(*key))
    });
    all(resource, specs.collect(), wish, true);
}

/// KServe's storage initializer: one container.
pub(super) fn storage_container(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    /// Its image names the user 1000 by number (kserve `python/storage-initializer.Dockerfile`).
    const IMAGE: &str = "/storage-initializer";
    let Some(container) = resource.root.find(&["spec", "container"]) else { return };
    let container: Container = match decode(container) {
        Ok(container) => container,
        Err(error) => return unreadable(resource, &resource.item.decode_error(&error).with_place()),
    };
    let known = container.image.as_deref().is_some_and(|image| image.contains(IMAGE));
    let workloads = Workloads { assume_non_root: known || wish.workloads.assume_non_root, ..wish.workloads.clone() };
    let spec = PodSpec { containers: vec![container], ..PodSpec::default() };
    let patch = patch(&spec, &workloads, false);
    let places = Places { pod: Path::default(), container: Box::new(|_| Path::of(&["spec", "container"])) };
    take(resource, &patch, &places);
}

/// Katib's trial templates: a text each, with placeholders that are strings to YAML.
pub(super) fn trials(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    let data = resource.root.get("data");
    let keys: Vec<String> = data.iter().flat_map(View::entries).map(|(key, _)| key.scalar_text().to_owned()).collect();
    let mut unknown = Patch::default();
    for key in keys {
        resource.text(&key, |trial| {
            let mut all = Edits::default();
            for (path, spec) in trials::pod_specs(trial) {
                let Ok(spec) = decode::<PodSpec>(spec) else { continue };
                let patch = patch(&spec, wish.workloads, true);
                all.extend(edits(trial, &patch, &Places::of_pod(&path))?);
                unknown.unknown_users.extend(patch.unknown_users);
            }
            Ok(all)
        });
    }
    warn_of_users(resource, unknown);
}

/// The file browser of a volume.
pub(super) fn volume_viewer(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    let mut unknown = Patch::default();
    resource.text("viewer-spec.yaml", |viewer| {
        let Some(spec) = viewer.get("podSpec").and_then(|spec| decode::<PodSpec>(spec).ok()) else {
            return Ok(Edits::default());
        };
        let patch = patch(&spec, wish.workloads, true);
        let path = Path::of(&["podSpec"]);
        let all = edits(viewer, &patch, &Places::of_pod(&path))?;
        unknown = patch;
        Ok(all)
    });
    warn_of_users(resource, unknown);
}

fn all(resource: &mut Resource<'_, '_>, specs: Vec<Path>, wish: &Wish<'_>, has_context: bool) {
    let mut unknown = Patch::default();
    for path in specs {
        let Some(view) = at(resource.root, &path) else { continue };
        let spec: PodSpec = match decode(view) {
            Ok(spec) => spec,
            Err(error) => {
                unreadable(resource, &resource.item.decode_error(&error).with_place());
                continue;
            }
        };
        let patch = patch(&spec, wish.workloads, has_context);
        take(resource, &patch, &Places::of_pod(&path));
        unknown.unknown_users.extend(patch.unknown_users);
    }
    warn_of_users(resource, unknown);
}

fn at<'t>(root: View<'t>, path: &Path) -> Option<View<'t>> {
    path.segments().iter().try_fold(root, |view, segment| match segment {
        crate::yaml::path::Segment::Key(key) => view.get(key),
        crate::yaml::path::Segment::Index(index) => view.items().nth(*index),
    })
}

fn patch(spec: &PodSpec, workloads: &Workloads, has_context: bool) -> Patch {
    let violated = evaluate(Level::Restricted, Version::Latest, &ObjectMeta::default(), spec);
    let violated: BTreeSet<&str> = violated.iter().map(|violation| violation.check).collect();
    harden(spec, &violated, workloads, has_context)
}

fn take(resource: &mut Resource<'_, '_>, patch: &Patch, places: &Places<'_>) {
    let edits: Result<Edits, EditError> = edits(resource.root, patch, places);
    match edits {
        Ok(edits) if !edits.is_empty() => {
            resource.edits.extend(edits);
            let field = findings::field_path(patch, places);
            resource.fields.push(field);
        }
        Ok(_) => {}
        Err(error) => {
            let why = resource.item.edit_error(&error).with_place();
            resource.warnings.push((Rule::HardenNotPossible, format!("left as it is: {why}")));
        }
    }
}

fn unreadable(resource: &mut Resource<'_, '_>, why: &str) {
    resource.warnings.push((Rule::HardenNotPossible, format!("left as it is: {why}")));
}

fn warn_of_users(resource: &mut Resource<'_, '_>, mut patch: Patch) {
    let mut known = Vec::new();
    patch.unknown_users.retain(|user| {
        let is_new = !known.contains(user);
        known.push(user.clone());
        is_new
    });
    if let Some(message) = findings::unknown_users(&patch) {
        resource.warnings.push((Rule::HardenUserUnknown, message));
    }
}
