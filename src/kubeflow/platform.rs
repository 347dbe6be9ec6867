//! Which of Kubeflow's controllers a list holds, in which release, by the images that it runs.

use crate::krm::{Error, Item, List};
use crate::yaml::tree::View;

/// A controller that makes pods for users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// The API server of Kubeflow Pipelines, which writes workflows.
    Pipelines,
    /// What gives each profile its parts of Kubeflow Pipelines.
    PipelinesProfiles,
    /// What shows outputs of pipelines in pods of their own.
    PipelinesViewers,
    /// Argo Workflows.
    Workflows,
    /// Notebooks of version 1.
    Notebooks,
    /// Tensorboards.
    Tensorboards,
    /// File browsers of volumes.
    VolumeViewers,
    /// KServe.
    KServe,
    /// Knative Serving, under KServe.
    Knative,
    /// Katib.
    Katib,
    /// The training operator, version 1.
    TrainingOperator,
    /// Trainer, version 2.
    Trainer,
}

/// A release: the first three numbers of a tag.
pub type Release = (u32, u32, u32);

/// A controller in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which one.
    pub controller: Controller,
    /// The place of its workload in the list.
    pub place: usize,
    /// Its release, where the list shows it.
    pub release: Option<Release>,
}

/// The last elements of the images that a controller runs as, in all releases from Kubeflow 1.8 on.
const IMAGES: &[(&str, Controller)] = &[
    ("api-server", Controller::Pipelines),
    ("kfp-api-server", Controller::Pipelines),
    ("viewer-crd-controller", Controller::PipelinesViewers),
    ("kfp-viewer-crd-controller", Controller::PipelinesViewers),
    ("workflow-controller", Controller::Workflows),
    ("notebook-controller", Controller::Notebooks),
    ("tensorboard-controller", Controller::Tensorboards),
    ("pvcviewer-controller", Controller::VolumeViewers),
    ("kserve-controller", Controller::KServe),
    ("katib-controller", Controller::Katib),
    ("training-operator", Controller::TrainingOperator),
    ("trainer-controller-manager", Controller::Trainer),
];

/// Runs a Python image with its code in a ConfigMap: only the name tells it.
const PIPELINES_PROFILES: &str = "kubeflow-pipelines-profile-controller";

/// Kubeflow's controllers in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Platform {
    found: Vec<Found>,
}

impl Platform {
    /// Finds them.
    ///
    /// # Errors
    /// Where a workload is no YAML.
    pub fn of(list: &List<'_>) -> Result<Self, Error> {
        let mut found: Vec<Found> = Vec::new();
        for (place, item) in list.items().iter().enumerate() {
            if !matches!(item.kind(), "Deployment" | "StatefulSet") || item.is_local_config() {
                continue;
            }
            let parsed = item.parse_leniently()?;
            let Some(root) = parsed.root() else { continue };
            let Some((controller, release)) = recognise(item, root) else { continue };
            if found.iter().all(|known| known.controller != controller) {
                found.push(Found { controller, place, release });
            }
        }
        Ok(Self { found })
    }

    /// A controller of the list.
    #[must_use]
    pub fn find(&self, controller: Controller) -> Option<Found> {
        self.found.iter().copied().find(|found| found.controller == controller)
    }

    /// Whether a controller is there and known to be older than a release.
    #[must_use]
    pub fn is_before(&self, controller: Controller, release: Release) -> bool {
        self.find(controller).and_then(|found| found.release).is_some_and(|found| found < release)
    }

    /// Whether a controller is there and known to be of a release or newer.
    #[must_use]
    pub fn is_from(&self, controller: Controller, release: Release) -> bool {
        self.find(controller).and_then(|found| found.release).is_some_and(|found| found >= release)
    }
}

fn recognise(item: &Item<'_>, root: View<'_>) -> Option<(Controller, Option<Release>)> {
    if item.name().starts_with(PIPELINES_PROFILES) {
        return Some((Controller::PipelinesProfiles, None));
    }
    let containers = root.find(&["spec", "template", "spec", "containers"])?;
    containers.items().find_map(|container| {
        let image = container.get("image")?.as_str()?;
        let (repository, tag) = repository_and_tag(image);
        // Knative's images are pinned by digests: its objects carry the version.
        if repository.ends_with("/serving/cmd/controller") {
            let label = root.find(&["metadata", "labels", "app.kubernetes.io/version"]);
            return Some((Controller::Knative, label.and_then(|label| release(label.scalar_text()))));
        }
        let name = repository.rsplit('/').next().unwrap_or(repository);
        let (_, controller) = IMAGES.iter().find(|(known, _)| *known == name)?;
        Some((*controller, tag.and_then(release)))
    })
}

fn repository_and_tag(image: &str) -> (&str, Option<&str>) {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (image, None),
    }
}

/// `v2.0.5-rc.1` is `(2, 0, 5)`.
fn release(tag: &str) -> Option<Release> {
    let mut numbers = tag.trim_start_matches('v').split(['.', '-', '+']).map_while(|part| part.parse().ok());
    let (major, minor) = (numbers.next()?, numbers.next()?);
    Some((major, minor, numbers.next().unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_a_tag() {
        for (tag, expected) in [
            ("2.0.5", Some((2, 0, 5))),
            ("v3.3.10-license-compliance", Some((3, 3, 10))),
            ("v0.16.0-rc1", Some((0, 16, 0))),
            ("1.21", Some((1, 21, 0))),
            ("v1-855e096", None),
            ("latest", None),
        ] {
            assert_eq!(release(tag), expected, "{tag}");
        }
        for (image, expected) in [
            ("r:5000/a/b", ("r:5000/a/b", None)),
            ("r:5000/a/b:v1", ("r:5000/a/b", Some("v1"))),
            ("a/b:v1@sha256:00", ("a/b", Some("v1"))),
        ] {
            assert_eq!(repository_and_tag(image), expected);
        }
    }
}
