//! Pods of a list, and how the mesh reaches each.

use super::{DATAPLANE_MODE, Namespace, Reach, Texts, selects, texts};
use crate::krm::{Error, Item};
use crate::kube::pod::PodKind;
use crate::yaml::tree::View;

/// The label, and where there is none the annotation, that decides about the injection of one pod.
pub const INJECT: &str = "sidecar.istio.io/inject";
/// The annotation that names the templates from which a pod is injected.
pub const TEMPLATES: &str = "inject.istio.io/templates";
/// The label that istiod gives to the pods of a Gateway API gateway.
const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// The container that a gateway brings along.
const PROXY: &str = "istio-proxy";

/// How the mesh reaches a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// By ztunnel.
    Ambient,
    /// By its sidecar.
    Sidecar,
    /// It is a gateway, or has a proxy of another template than the sidecar.
    Proxy,
    /// Not at all.
    Outside,
}

/// A pod, or what makes pods.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Its place in the list.
    pub place: usize,
    /// Its kind and name, for messages.
    pub shown: String,
    /// Its namespace.
    pub namespace: String,
    /// The keys that lead to the metadata of its pods.
    pub metadata: Vec<&'static str>,
    /// The labels of its pods.
    pub labels: Texts,
    /// The annotations of its pods.
    pub annotations: Texts,
    /// Names and numbers of its containers' ports.
    pub ports: Vec<(String, u64)>,
    /// It is on the host network.
    pub host_network: bool,
    /// Its controller finds its pods by the label `sidecar.istio.io/inject`, which therefore cannot go.
    pub held_by_selector: bool,
    /// It brings a proxy of its own along.
    own_proxy: bool,
    /// How the mesh shall reach it.
    pub member: Member,
}

pub(super) fn read(place: usize, item: &Item<'_>) -> Result<Option<Workload>, Error> {
    let Some(kind) = PodKind::of(item) else { return Ok(None) };
    let parsed = item.parse_leniently()?;
    let Some(root) = parsed.root() else { return Ok(None) };
    let parents = kind.spec_path().split_last().map(|(_, parents)| parents).unwrap_or_default();
    let metadata: Vec<&'static str> = parents.iter().copied().chain(["metadata"]).collect();
    let spec = root.find(kind.spec_path());
    let containers: Vec<View<'_>> =
        spec.and_then(|spec| spec.get("containers")).into_iter().flat_map(|list| list.items()).collect();
    let ports = containers.iter().filter_map(|container| container.get("ports")).flat_map(|ports| ports.items());
    let ports = ports
        .filter_map(|port| {
            let number = port.get("containerPort")?.scalar_text().parse().ok()?;
            Some((port.get("name").map_or("", |name| name.scalar_text()).to_owned(), number))
        })
        .collect();
    let meta = root.find(&metadata);
    Ok(Some(Workload {
        place,
        shown: format!("{} {}", item.kind(), item.name()),
        namespace: String::new(),
        labels: texts(meta.and_then(|meta| meta.get("labels"))),
        annotations: texts(meta.and_then(|meta| meta.get("annotations"))),
        metadata,
        ports,
        host_network: spec.and_then(|spec| spec.get("hostNetwork")).is_some_and(|value| value.scalar_text() == "true"),
        held_by_selector: root.find(&["spec", "selector", "matchLabels", INJECT]).is_some(),
        own_proxy: containers
            .iter()
            .any(|container| container.get("name").is_some_and(|name| name.scalar_text() == PROXY)),
        member: Member::Outside,
    }))
}

impl Workload {
    /// The pod's own word about its injection: the label before the annotation.
    #[must_use]
    pub fn inject_word(&self) -> Option<&str> {
        self.labels
            .get(INJECT)
            .or_else(|| self.annotations.get(INJECT))
            .map(String::as_str)
            .filter(|word| !word.is_empty())
    }

    /// It is injected from a template of its own: a gateway, a proxyless workload.
    #[must_use]
    pub fn has_own_template(&self) -> bool {
        self.annotations
            .get(TEMPLATES)
            .is_some_and(|names| !names.trim().is_empty() && !names.split(',').any(|name| name.trim() == "sidecar"))
    }

    fn is_proxy(&self, gateways: &[Texts]) -> bool {
        self.has_own_template()
            || self.own_proxy
            || self.labels.contains_key(GATEWAY_NAME)
            || gateways.iter().any(|selector| selects(selector, &self.labels))
    }

    pub(super) fn member_of(
        &self,
        namespace: Option<&Namespace>,
        gateways: &[Texts],
        asked: &dyn Fn(&str) -> Option<bool>,
        wished: &dyn Fn(&str, bool) -> Reach,
    ) -> Member {
        let mode = self.labels.get(DATAPLANE_MODE).map(String::as_str);
        if self.is_proxy(gateways) {
            return Member::Proxy;
        }
        if self.host_network {
            return Member::Outside;
        }
        if self.inject_word().and_then(asked) == Some(false) {
            return if mode == Some("ambient") { Member::Ambient } else { Member::Outside };
        }
        let reach = namespace.map_or(Reach::None, |namespace| namespace.after);
        if self.held_by_selector && self.labels.get(INJECT).is_some_and(|word| word == "true") {
            return Member::Sidecar;
        }
        match (mode, reach) {
            (Some("none"), Reach::Sidecar) => Member::Sidecar,
            (Some("none"), _) => Member::Outside,
            (Some("ambient"), Reach::None | Reach::Ambient) | (_, Reach::Ambient) => Member::Ambient,
            (_, Reach::Sidecar) => Member::Sidecar,
            // The webhook for single pods looks at their labels, and only at this word.
            (_, Reach::None) if self.labels.get(INJECT).is_some_and(|word| word == "true") => {
                let is_user = namespace.is_some_and(|namespace| namespace.is_user);
                match wished(&self.namespace, is_user) {
                    Reach::Ambient => Member::Ambient,
                    _ => Member::Sidecar,
                }
            }
            (_, Reach::None) => Member::Outside,
        }
    }
}
