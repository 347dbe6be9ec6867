//! The istio-cni that a list already holds, whole or in parts.

use std::collections::BTreeSet;

use crate::istio::objects::cni::owned_by_cni;
use crate::krm::{Error, List};

use super::{labels, names};

/// Kinds of which istio-cni has objects.
const KINDS: [&str; 8] = [
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "DaemonSet",
    "NetworkAttachmentDefinition",
    "NetworkPolicy",
    "ResourceQuota",
];

/// What a list holds of istio-cni.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingCni {
    /// Places of the objects that istio-cni's installation made.
    pub owned: BTreeSet<usize>,
    /// Those of them that only ambient has.
    pub ambient: BTreeSet<usize>,
    /// Place of the DaemonSet.
    pub daemon_set: Option<usize>,
    /// Place of the ConfigMap that the agent reads.
    pub config: Option<usize>,
    /// Image of its container.
    pub image: Option<String>,
    /// Where istio-cni is: the namespace of the DaemonSet, else of what there is.
    pub namespace: Option<String>,
    /// The node's directories that the DaemonSet mounts.
    pub host_paths: BTreeSet<String>,
    /// Kind, namespace and names of all resources that are called like objects of istio-cni, whoever made them.
    identities: BTreeSet<(String, String, String)>,
}

impl ExistingCni {
    /// Looks for istio-cni in a list.
    ///
    /// # Errors
    /// Where a resource of that name cannot be read.
    pub fn find(list: &List<'_>) -> Result<Self, Error> {
        let mut found = Self::default();
        for (index, item) in list.items().iter().enumerate() {
            if !item.name().contains("istio-cni") || !KINDS.contains(&item.kind()) || item.is_local_config() {
                continue;
            }
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let labels = labels(root);
            let names = names(item, root);
            let owned = names.iter().any(|name| owned_by_cni(item.api_version(), item.kind(), name, labels.clone()));
            let is_ambient = names.iter().any(|name| name == "istio-cni-ambient");
            for name in names {
                found.identities.insert((item.kind().to_owned(), item.namespace().to_owned(), name));
            }
            if !owned {
                continue;
            }
            found.owned.insert(index);
            if is_ambient {
                found.ambient.insert(index);
            }
            if item.kind() == "ConfigMap" {
                found.config = Some(index);
            }
            let is_daemon_set = item.kind() == "DaemonSet";
            if is_daemon_set || (found.namespace.is_none() && matches!(item.kind(), "ServiceAccount" | "ConfigMap")) {
                found.namespace = Some(item.namespace().to_owned());
            }
            if is_daemon_set {
                found.daemon_set = Some(index);
                let pod = root.find(&["spec", "template", "spec"]);
                let part = |key: &str| pod.and_then(|pod| pod.get(key)).into_iter().flat_map(|list| list.items());
                let image = part("containers").find_map(|container| container.get("image"));
                found.image = image.and_then(|image| image.as_str()).map(str::to_owned);
                found.host_paths = part("volumes")
                    .filter_map(|volume| volume.find(&["hostPath", "path"]))
                    .map(|path| path.scalar_text().trim_end_matches('/').to_owned())
                    .collect();
            }
        }
        Ok(found)
    }

    /// Whether the list has a resource of this identity.
    #[must_use]
    pub fn has(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.identities.contains(&(kind.to_owned(), namespace.to_owned(), name.to_owned()))
    }
}
