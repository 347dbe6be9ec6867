//! The same pods as they would be admitted under another data plane mode, or after a change of the pod.
//!
//! The modes are those of `istio.mode`. Sidecars and istio-cni differ in one value of each injector. In ambient the pods
//! of namespaces that move are not injected, but for those with another template than that of sidecars, as gateways have:
//! these keep their injection. What is in ambient already gets its sidecars back under the other two. What a mode itself
//! adds to the list or takes from it does not count.
//!
//! Source: the labels of the Istio documentation (`ambient/usage/add-workloads`, `setup/additional-setup/sidecar-injection`),
//! and `spec.istio.ambient` of the configuration.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Cluster, Origin, Outcome, namespace_of};
use crate::config::{Ambient, DataplaneMode};
use crate::istio::injector::{Injectors, NamespaceView, NotInjected, PodView, Prediction};
use crate::istio::members::{DATAPLANE_MODE, INJECT, INJECTION, REVISION};
use crate::istio::mode_settings::Redirection;
use crate::krm::{Error, Item};
use crate::kube::pod::{PodKind, PodToBe};
use crate::kube::profile_labels::PART_OF;

/// A pod of the list, decoded once, to be followed to its admission in several worlds.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its kind.
    pub kind: &'static PodKind,
    /// The pod before defaults and injection, or why there is none.
    pub pod: Result<PodToBe, String>,
    /// The byte of the input at which the resource begins.
    pub offset: usize,
    /// A key that is there twice: the API server reads the last.
    pub duplicate_key: Option<String>,
}

/// How the mesh is thought to be.
#[derive(Clone, Debug, Default)]
pub struct World {
    mode: Option<DataplaneMode>,
    /// The injectors, where they are not those of the list.
    injectors: Option<Injectors>,
    ambient: Ambient,
    /// The label that has a namespace injected.
    injection: Option<(String, String)>,
}

impl World {
    /// True where no pod would come out otherwise than in the list as it is, unless it is in ambient there.
    #[must_use]
    pub fn injects_as_is(&self) -> bool {
        self.injectors.is_none() && self.mode != Some(DataplaneMode::Ambient)
    }
}

impl Cluster {
    /// The world in which the mesh is in a mode; without one, the mesh as it is. `revision` is the one that namespaces come
    /// back to from ambient.
    #[must_use]
    pub fn world(&self, mode: Option<DataplaneMode>, ambient: &Ambient, revision: Option<&str>) -> World {
        let injectors = match mode {
            None => None,
            Some(DataplaneMode::Sidecar) => self.injectors.redirected(Redirection::IstioInit),
            Some(DataplaneMode::Cni | DataplaneMode::Ambient) => self.injectors.redirected(Redirection::IstioCni),
        };
        let injection = match revision {
            None | Some("default") => (INJECTION, "enabled"),
            Some(revision) => (REVISION, revision),
        };
        let injection = Some((injection.0.to_owned(), injection.1.to_owned()));
        World { mode, injectors, ambient: ambient.clone(), injection }
    }

    /// The same world after `harden` has set what injectors give to containers; None where it sets nothing.
    #[must_use]
    pub fn with_seccomp_profile(&self, world: &World) -> Option<World> {
        let injectors = world.injectors.as_ref().unwrap_or(&self.injectors).with_seccomp_profile()?;
        Some(World { injectors: Some(injectors), ..world.clone() })
    }

    /// Decodes the pod of a resource; `None` for a resource without one.
    ///
    /// # Errors
    /// Where the resource is no YAML.
    pub fn candidate(&self, item: &Item<'_>) -> Result<Option<Candidate>, Error> {
        let Some(kind) = PodKind::of(item).filter(|_| !item.is_local_config()) else { return Ok(None) };
        let parsed = item.parse_leniently()?;
        let Some(root) = parsed.root() else { return Ok(None) };
        let pod = match kind.read(root) {
            Ok(None) => return Ok(None),
            Ok(Some(pod)) => Ok(pod),
            Err(error) => Err(item.decode_error(&error).with_place()),
        };
        Ok(Some(Candidate { kind, pod, offset: item.offset_of(root), duplicate_key: item.duplicate_key(root) }))
    }

    /// What becomes of a candidate's pod, or of what a change has made of it, in a world.
    #[must_use]
    pub fn admit_in(&self, world: &World, item: &Item<'_>, candidate: &Candidate, pod: PodToBe) -> Outcome {
        self.follow(world, item, candidate.kind, pod)
    }

    /// True where the list has a pod or its namespace in ambient, so that it comes out otherwise in the other modes.
    #[must_use]
    pub fn is_in_ambient(&self, item: &Item<'_>, pod: &PodToBe) -> bool {
        let namespace = self.namespace(namespace_of(item));
        namespace.is_some_and(|namespace| namespace.labels.contains_key(DATAPLANE_MODE))
            || pod.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(DATAPLANE_MODE))
    }

    pub(super) fn predict(&self, world: &World, namespace: &NamespaceView<'_>, pod: &PodView<'_>) -> Prediction {
        let injectors = world.injectors.as_ref().unwrap_or(&self.injectors);
        match world.mode {
            None => injectors.predict(namespace, pod),
            Some(DataplaneMode::Ambient) => {
                if self.moves(&world.ambient, namespace.name) && !injectors.is_no_sidecar(namespace, pod) {
                    return Prediction::NotInjected(NotInjected::NotSelected);
                }
                injectors.predict(namespace, pod)
            }
            Some(DataplaneMode::Sidecar | DataplaneMode::Cni) => {
                let Some((labels, metadata)) = back_to_sidecars(world, namespace, pod.metadata) else {
                    return injectors.predict(namespace, pod);
                };
                let namespace = NamespaceView { labels: labels.as_ref(), ..*namespace };
                injectors.predict(&namespace, &PodView { metadata: &metadata, ..*pod })
            }
        }
    }

    /// Whether a namespace of the mesh moves to ambient.
    fn moves(&self, ambient: &Ambient, name: &str) -> bool {
        let is_user = self.namespace(name).is_some_and(|namespace| {
            namespace.origin == Origin::Profile
                || namespace.labels.get(PART_OF.0).is_some_and(|value| value == PART_OF.1)
        });
        if is_user { ambient.user_namespaces } else { ambient.moves(name) }
    }
}

type Labels = BTreeMap<String, String>;

/// The labels of a namespace and the metadata of a pod as they were before ambient; None where nothing of it is there.
fn back_to_sidecars(
    world: &World,
    namespace: &NamespaceView<'_>,
    metadata: &ObjectMeta,
) -> Option<(Option<Labels>, ObjectMeta)> {
    let of_namespace = namespace.labels.and_then(|labels| labels.get(DATAPLANE_MODE)).map(String::as_str);
    let of_pod = metadata.labels.as_ref().and_then(|labels| labels.get(DATAPLANE_MODE)).map(String::as_str);
    let enrolled = of_namespace == Some("ambient");
    let word = match of_pod {
        Some("ambient") => Some("true"),
        // Outside of ambient the word means nothing: charts put it on gateways and agents everywhere.
        Some("none") if enrolled => Some("false"),
        _ => None,
    };
    if !enrolled && word.is_none() {
        return None;
    }
    let mut labels = namespace.labels.cloned();
    if let (true, Some(labels), Some((key, value))) = (enrolled, &mut labels, &world.injection)
        && !labels.contains_key(INJECTION)
        && !labels.contains_key(REVISION)
    {
        labels.insert(key.clone(), value.clone());
    }
    let mut metadata = metadata.clone();
    if let Some(word) = word {
        metadata.labels.get_or_insert_default().entry(INJECT.to_owned()).or_insert_with(|| word.to_owned());
    }
    Some((labels, metadata))
}
