//! What the control planes of a list say of their mesh: where they are, the root namespace, the trust domain.

use std::collections::BTreeSet;

use crate::istio::injector::Release;
use crate::istio::install::{DISCOVERY, INJECTOR, discovery};
use crate::krm::{Error, List};
use crate::yaml::tree::Tree;

/// The control planes of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlanes {
    /// Namespaces that hold one.
    pub namespaces: BTreeSet<String>,
    /// The namespace whose policies hold everywhere.
    pub root: String,
    /// What identities begin with.
    pub trust_domain: String,
    /// Names of revisions; the default one is "default".
    pub revisions: BTreeSet<String>,
    /// The newest release that an istiod's image or a custom resource names.
    pub newest: Option<Release>,
}

/// The namespaces of the cluster itself.
const OF_THE_CLUSTER: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// Kinds of resources that describe a control plane.
fn describes(api_version: &str, kind: &str) -> bool {
    (kind == "IstioOperator" && api_version.starts_with("install.istio.io/"))
        || (kind == "Istio" && api_version.starts_with("sailoperator.io/"))
}

impl ControlPlanes {
    /// The control planes of a list; None where it holds none.
    ///
    /// # Errors
    /// Where one of their resources is no YAML.
    pub fn of(list: &List<'_>) -> Result<Option<Self>, Error> {
        let mut planes = Self {
            namespaces: BTreeSet::new(),
            root: String::new(),
            trust_domain: "cluster.local".to_owned(),
            revisions: BTreeSet::new(),
            newest: None,
        };
        let mut root = None;
        for item in list.items().iter().filter(|item| !item.is_local_config()) {
            if item.is("v1", "ConfigMap") && item.name().contains(INJECTOR) {
                planes.namespaces.insert(item.namespace().to_owned());
                let revision = item.name().split(INJECTOR).nth(1).unwrap_or_default().trim_start_matches('-');
                planes.revisions.insert(if revision.is_empty() { "default" } else { revision }.to_owned());
            } else if describes(item.api_version(), item.kind()) {
                let parsed = item.parse_leniently()?;
                let Some(spec) = parsed.root().and_then(|root| root.get("spec")) else { continue };
                let word = |path: &[&str]| spec.find(path).map(|value| value.scalar_text().to_owned());
                let namespace = word(&["namespace"]).or_else(|| word(&["values", "global", "istioNamespace"]));
                planes.namespaces.insert(namespace.unwrap_or_else(|| "istio-system".to_owned()));
                planes.revisions.insert(word(&["revision"]).unwrap_or_else(|| "default".to_owned()));
                planes.take_release(word(&["tag"]).or_else(|| word(&["version"])).as_deref());
                for mesh in [&["meshConfig"][..], &["values", "meshConfig"]] {
                    let Some(mesh) = spec.find(mesh) else { continue };
                    root = root.or(mesh.get("rootNamespace").map(|name| name.scalar_text().to_owned()));
                    if let Some(domain) = mesh.get("trustDomain") {
                        planes.trust_domain = domain.scalar_text().to_owned();
                    }
                }
            } else if item.is("apps/v1", "Deployment") && item.text().contains(DISCOVERY) {
                let parsed = item.parse_leniently()?;
                let image = parsed.root().and_then(discovery).and_then(|container| container.get("image"));
                let tag =
                    image.and_then(|image| image.scalar_text().split('@').next()?.rsplit_once(':').map(|(_, tag)| tag));
                planes.take_release(tag);
            } else if item.is("v1", "ConfigMap") && (item.name() == "istio" || item.name().starts_with("istio-")) {
                let parsed = item.parse_leniently()?;
                let Some(mesh) = parsed.root().and_then(|root| root.find(&["data", "mesh"])) else { continue };
                let text = mesh.scalar_text();
                let Ok(tree) = Tree::parse(text) else { continue };
                let word = |key: &str| Some(tree.root(text)?.get(key)?.scalar_text().to_owned());
                root = root.or(word("rootNamespace"));
                if let Some(domain) = word("trustDomain").filter(|domain| !domain.is_empty()) {
                    planes.trust_domain = domain;
                }
            }
        }
        if planes.namespaces.is_empty() {
            return Ok(None);
        }
        let first = planes.namespaces.first().cloned().unwrap_or_default();
        planes.root = root.filter(|root| !root.is_empty()).unwrap_or(first);
        Ok(Some(planes))
    }

    fn take_release(&mut self, tag: Option<&str>) {
        self.newest = self.newest.max(tag.and_then(Release::of_tag));
    }

    /// True for a namespace that is never enrolled: the control plane's, the root namespace and those of the cluster.
    #[must_use]
    pub fn owns(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace) || namespace == self.root || OF_THE_CLUSTER.contains(&namespace)
    }

    /// The identity of a ServiceAccount, as policies write it.
    #[must_use]
    pub fn principal(&self, namespace: &str, account: &str) -> String {
        format!("{}/ns/{namespace}/sa/{account}", self.trust_domain)
    }
}
