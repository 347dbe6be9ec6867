//! Who is in the mesh: the namespaces and pods of a list, and how each is, or shall be, reached by the mesh.
//!
//! A namespace is injected by its labels `istio-injection` and `istio.io/rev`, and enrolled in ambient by
//! `istio.io/dataplane-mode`. A pod may say otherwise by labels of its own. An injected pod is never enrolled, and neither
//! is one on the host network.
//!
//! Source of facts: istio `cni/pkg/util/podutil.go` and `pkg/kube/inject/inject.go` at 1.28, and Istio's documentation,
//! `ambient/usage/add-workloads`.

mod control_plane;
mod workload;

use std::collections::BTreeMap;

pub use control_plane::ControlPlanes;
pub use workload::{INJECT, Member, TEMPLATES, Workload};

use super::injector::Release;
use crate::krm::{Error, Item, List};
use crate::kube::names::{is_profile, previous_names};
use crate::kube::profile_labels::PART_OF;
use crate::yaml::tree::View;

/// The label that enrols a namespace or a pod in ambient, or keeps it out.
pub const DATAPLANE_MODE: &str = "istio.io/dataplane-mode";
/// The label that has the pods of a namespace injected by the default revision.
pub const INJECTION: &str = "istio-injection";
/// The label that has them injected by a revision.
pub const REVISION: &str = "istio.io/rev";

/// Labels or annotations.
pub type Texts = BTreeMap<String, String>;

/// How the mesh reaches a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By ztunnel.
    Ambient,
    /// By sidecars.
    Sidecar,
    /// Not at all.
    None,
}

/// A namespace of the list.
#[derive(Clone, Debug)]
pub struct Namespace {
    /// Its place; None for one that Kubeflow's profile controller makes.
    pub place: Option<usize>,
    /// Its labels.
    pub labels: Texts,
    /// It belongs to a user of Kubeflow.
    pub is_user: bool,
    /// How it is reached as it stands.
    pub before: Reach,
    /// How it shall be reached.
    pub after: Reach,
}

/// Everybody that a policy may be about.
#[derive(Clone, Debug)]
pub struct Members {
    /// The control planes.
    pub planes: ControlPlanes,
    /// By name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// In the order of the list.
    pub workloads: Vec<Workload>,
    /// The labels by which Istio's own `Gateway` resources find their pods.
    pub gateways: Vec<Texts>,
    /// Names that kustomize has replaced, and the names of now.
    aliases: BTreeMap<String, String>,
}

impl Namespace {
    /// Its pods are injected by the labels that stand.
    #[must_use]
    pub fn is_injected(&self) -> bool {
        is_injected(&self.labels)
    }
}

fn is_injected(labels: &Texts) -> bool {
    match labels.get(INJECTION).map(String::as_str) {
        Some(word) => word == "enabled",
        None => labels.get(REVISION).is_some_and(|revision| !revision.is_empty()),
    }
}

/// How a namespace is reached by its labels.
#[must_use]
pub fn stands(labels: &Texts) -> Reach {
    match labels.get(DATAPLANE_MODE).map(String::as_str) {
        _ if is_injected(labels) => Reach::Sidecar,
        Some("ambient") => Reach::Ambient,
        _ => Reach::None,
    }
}

impl Members {
    /// Reads a list. `wished` says of a namespace of the mesh, by name and whether it is a user's, how it shall be reached.
    ///
    /// # Errors
    /// Where a resource that must be looked into is no YAML.
    pub fn of(
        list: &List<'_>,
        planes: ControlPlanes,
        release: Release,
        wished: &dyn Fn(&str, bool) -> Reach,
    ) -> Result<Self, Error> {
        let mut members = Self {
            planes,
            namespaces: BTreeMap::new(),
            workloads: Vec::new(),
            gateways: gateway_selectors(list)?,
            aliases: BTreeMap::new(),
        };
        members.read_namespaces(list, wished)?;
        for (place, item) in list.items().iter().enumerate().filter(|(_, item)| !item.is_local_config()) {
            let Some(mut workload) = workload::read(place, item)? else { continue };
            workload.namespace = members.name_of(item);
            let namespace = members.namespaces.get(&workload.namespace);
            let wished = |name: &str, is_user: bool| {
                if members.planes.owns(name) { Reach::Sidecar } else { wished(name, is_user) }
            };
            workload.member =
                workload.member_of(namespace, &members.gateways, &|word| release.asks_for_injection(word), &wished);
            members.workloads.push(workload);
        }
        Ok(members)
    }

    fn read_namespaces(&mut self, list: &List<'_>, wished: &dyn Fn(&str, bool) -> Reach) -> Result<(), Error> {
        for (place, item) in list.items().iter().enumerate() {
            if item.is("v1", "Namespace") && !item.is_local_config() {
                let parsed = item.parse_leniently()?;
                let Some(root) = parsed.root() else { continue };
                let labels = texts(root.find(&["metadata", "labels"]));
                let is_user = labels.get(PART_OF.0).is_some_and(|word| word == PART_OF.1)
                    || list.items().iter().any(|other| is_profile(other) && other.name() == item.name());
                let before = stands(&labels);
                let after = self.reach_after(item.name(), &labels, is_user, before, wished);
                for name in previous_names(root) {
                    self.aliases.insert(name, item.name().to_owned());
                }
                let namespace = Namespace { place: Some(place), labels, is_user, before, after };
                self.namespaces.insert(item.name().to_owned(), namespace);
            }
        }
        for item in list.items().iter().filter(|item| is_profile(item)) {
            if !self.namespaces.contains_key(item.name()) {
                let labels = crate::kube::profile_labels::source(list)?
                    .map_or_else(crate::kube::profile_labels::labels_from_code, |source| source.labels);
                let before = stands(&labels);
                let after = self.reach_after(item.name(), &labels, true, before, wished);
                let namespace = Namespace { place: None, labels, is_user: true, before, after };
                self.namespaces.insert(item.name().to_owned(), namespace);
            }
        }
        Ok(())
    }

    /// The namespaces of the control plane and of the cluster itself are never enrolled, and one that says `none` keeps out.
    fn reach_after(
        &self,
        name: &str,
        labels: &Texts,
        is_user: bool,
        before: Reach,
        wished: &dyn Fn(&str, bool) -> Reach,
    ) -> Reach {
        let stays = before == Reach::None
            || self.planes.owns(name)
            || labels.get(DATAPLANE_MODE).is_some_and(|word| word == "none");
        if stays { before } else { wished(name, is_user) }
    }

    /// The namespace that a resource is in, as it is called now.
    #[must_use]
    pub fn name_of(&self, item: &Item<'_>) -> String {
        let name = if item.namespace().is_empty() { "default" } else { item.namespace() };
        self.aliases.get(name).map_or(name, String::as_str).to_owned()
    }

    /// How the mesh shall reach a namespace.
    #[must_use]
    pub fn reach(&self, namespace: &str) -> Reach {
        self.namespaces.get(namespace).map_or(Reach::None, |namespace| namespace.after)
    }

    /// By the labels that stand, pods of this namespace are in ambient.
    #[must_use]
    pub fn was_ambient(&self, namespace: &str) -> bool {
        let labelled = |workload: &Workload| {
            workload.namespace == namespace && workload.labels.get(DATAPLANE_MODE).is_some_and(|mode| mode == "ambient")
        };
        self.namespaces.get(namespace).is_some_and(|namespace| namespace.before == Reach::Ambient)
            || self.workloads.iter().any(labelled)
    }

    /// Whom a policy is about: those of its namespace, or of all from the root namespace, that have these labels.
    #[must_use]
    pub fn scope(&self, namespace: &str, labels: Option<&Texts>) -> Scope<'_> {
        let everywhere = namespace == self.planes.root;
        let matching = |workload: &&Workload| {
            (everywhere || workload.namespace == namespace)
                && labels.is_none_or(|labels| selects(labels, &workload.labels))
        };
        let workloads: Vec<&Workload> = self.workloads.iter().filter(matching).collect();
        // A gateway that is installed elsewhere shows only in the resources that configure it.
        let gateway = labels.is_some_and(|labels| {
            self.gateways.iter().any(|gateway| selects(labels, gateway) || selects(gateway, labels))
        });
        let may_come = if everywhere { self.any_ambient() } else { self.reach(namespace) == Reach::Ambient };
        Scope { workloads, gateway, may_come, is_whole: labels.is_none() }
    }

    /// Whether anything at all is in ambient then.
    #[must_use]
    pub fn any_ambient(&self) -> bool {
        self.namespaces.values().any(|namespace| namespace.after == Reach::Ambient)
            || self.workloads.iter().any(|workload| workload.member == Member::Ambient)
    }
}

/// Whom a policy is about.
#[derive(Clone, Debug)]
pub struct Scope<'m> {
    /// The pods of the list.
    pub workloads: Vec<&'m Workload>,
    /// It is about a gateway of the list, whose pods may be elsewhere.
    pub gateway: bool,
    /// Pods of ambient that the list does not hold may come into it.
    pub may_come: bool,
    /// It is all of a namespace, or of the mesh.
    pub is_whole: bool,
}

impl<'m> Scope<'m> {
    /// Those that are reached so.
    pub fn of(&self, member: Member) -> impl Iterator<Item = &'m Workload> {
        self.workloads.iter().copied().filter(move |workload| workload.member == member)
    }

    /// It is about pods of ambient, or of pods that are nowhere in the list and may be in ambient.
    #[must_use]
    pub fn is_ambient(&self) -> bool {
        let others = !self.is_whole && (self.gateway || !self.workloads.is_empty());
        self.of(Member::Ambient).next().is_some() || (self.may_come && !others)
    }
}

/// A mapping of texts, whatever its scalars are.
#[must_use]
pub fn texts(view: Option<View<'_>>) -> Texts {
    let entries = view.into_iter().flat_map(|view| view.entries());
    entries.map(|(key, value)| (key.scalar_text().to_owned(), value.scalar_text().to_owned())).collect()
}

/// A selector of labels holds for these; an empty one for all.
#[must_use]
pub fn selects(selector: &Texts, labels: &Texts) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// The labels by which Istio's own `Gateway` resources find the pods that they configure.
fn gateway_selectors(list: &List<'_>) -> Result<Vec<Texts>, Error> {
    let mut selectors = Vec::new();
    for item in list.items().iter().filter(|item| is_classic_gateway(item)) {
        let parsed = item.parse_leniently()?;
        let selector = texts(parsed.root().and_then(|root| root.find(&["spec", "selector"])));
        if !selector.is_empty() && !selectors.contains(&selector) {
            selectors.push(selector);
        }
    }
    Ok(selectors)
}

fn is_classic_gateway(item: &Item<'_>) -> bool {
    item.kind() == "Gateway" && item.api_version().starts_with("networking.istio.io/") && !item.is_local_config()
}
