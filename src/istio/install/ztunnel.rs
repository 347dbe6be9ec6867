//! The ztunnel that a list already holds, whole or in parts.

use std::collections::BTreeSet;

use super::{labels, names};
use crate::istio::objects::ztunnel::{ZTUNNEL, owned_by_ztunnel};
use crate::krm::{Error, Item, List};

/// Kinds of which ztunnel has objects.
const KINDS: [&str; 6] =
    ["ServiceAccount", "ClusterRole", "ClusterRoleBinding", "DaemonSet", "NetworkPolicy", "ResourceQuota"];

/// What a list holds of ztunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExistingZtunnel {
    /// Places of the objects that ztunnel's installation made.
    pub owned: BTreeSet<usize>,
    /// Place of the DaemonSet.
    pub daemon_set: Option<usize>,
    /// Image of its container.
    pub image: Option<String>,
    /// Where ztunnel is: the namespace of the DaemonSet, else of its ServiceAccount.
    pub namespace: Option<String>,
    /// Kind, namespace and names of all resources that are called like objects of ztunnel, whoever made them.
    identities: BTreeSet<(String, String, String)>,
}

impl ExistingZtunnel {
    /// Looks for ztunnel in a list.
    ///
    /// # Errors
    /// Where a resource of that name cannot be read, or two namespaces hold one.
    pub fn find(list: &List<'_>) -> Result<Self, Error> {
        let mut found = Self::default();
        let candidates: Vec<(usize, &Item<'_>)> = list
            .items()
            .iter()
            .enumerate()
            .filter(|(_, item)| {
                item.name().contains(ZTUNNEL) && KINDS.contains(&item.kind()) && !item.is_local_config()
            })
            .collect();
        for (index, item) in &candidates {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            if item.kind() != "DaemonSet" || !names(item, root).iter().any(|name| name == ZTUNNEL) {
                continue;
            }
            let containers = root.find(&["spec", "template", "spec", "containers"]);
            let image = containers.and_then(|list| list.items().find_map(|container| container.get("image")));
            let Some(image) = image.and_then(|image| image.as_str()) else { continue };
            if let Some(other) = &found.namespace {
                return Err(item.error(format!(
                    "there is another ztunnel in namespace \"{other}\", and a node can have one only; remove one of them"
                )));
            }
            found.daemon_set = Some(*index);
            found.image = Some(image.to_owned());
            found.namespace = Some(item.namespace().to_owned());
        }
        if found.namespace.is_none() {
            let account = candidates.iter().find(|(_, item)| item.kind() == "ServiceAccount" && item.name() == ZTUNNEL);
            found.namespace = account.map(|(_, item)| item.namespace().to_owned());
        }
        for (index, item) in candidates {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let labels = labels(root);
            let namespace = found.namespace.as_deref().unwrap_or_default();
            for name in names(item, root) {
                let identity = (item.namespace(), name.as_str());
                if owned_by_ztunnel(item.api_version(), item.kind(), identity, labels.clone(), namespace) {
                    found.owned.insert(index);
                }
                found.identities.insert((item.kind().to_owned(), item.namespace().to_owned(), name));
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
