//! Names: inside kustomize they are not final.

use crate::krm::Item;
use crate::yaml::tree::View;

/// The names that a resource had before kustomize renamed it: references to it may still hold them.
#[must_use]
pub fn previous_names(root: View<'_>) -> Vec<String> {
    root.find(&["metadata", "annotations", "internal.config.kubernetes.io/previousNames"])
        .map(|names| names.scalar_text().split(',').map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default()
}

/// True for Kubeflow's `Profile`, from which the profile controller makes a namespace of the same name.
#[must_use]
pub fn is_profile(item: &Item<'_>) -> bool {
    item.kind() == "Profile" && item.api_version().starts_with("kubeflow.org/") && !item.is_local_config()
}
