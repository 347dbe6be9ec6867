//! Which objects of a list are istio-cni's, for the way back to sidecars.

use super::labels::COMPONENT;
use super::platform_extras::RESOURCE_QUOTA;
use super::{CONFIG_MAP, DAEMON_SET, ISTIO_CNI};

/// Whether an object was made by the istio-cni of any supported version, in cni or in ambient mode.
///
/// The name alone does not tell: an operator may have objects of its own by such names. What decides is the label that
/// istioctl and the charts put on all of them but the ResourceQuota, whose name nobody else has reason to use.
/// `labels` are the object's labels.
pub fn owned_by_cni<'a>(
    api_version: &str,
    kind: &str,
    name: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> bool {
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let named = match (group, kind) {
        ("", "ServiceAccount") | ("k8s.cni.cncf.io", "NetworkAttachmentDefinition") => name == ISTIO_CNI,
        ("", "ConfigMap") => name == CONFIG_MAP,
        ("apps", "DaemonSet") => name == DAEMON_SET,
        ("rbac.authorization.k8s.io", "ClusterRole") => {
            matches!(name, ISTIO_CNI | "istio-cni-repair-role" | "istio-cni-ambient")
        }
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => {
            matches!(name, ISTIO_CNI | "istio-cni-repair-rolebinding" | "istio-cni-ambient")
        }
        ("networking.k8s.io", "NetworkPolicy") => {
            name.strip_prefix(ISTIO_CNI).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        }
        ("", "ResourceQuota") => {
            let mut labels = labels.into_iter();
            return name == RESOURCE_QUOTA
                && labels.all(|(key, value)| key != "app.kubernetes.io/name" || value == ISTIO_CNI);
        }
        _ => false,
    };
    let mut labels = labels.into_iter().peekable();
    // The chart of 1.19 gives the attachment no label at all, and injected pods of all namespaces refer to it by its name.
    let bare = kind == "NetworkAttachmentDefinition" && labels.peek().is_none();
    named && (bare || labels.any(|label| label == COMPONENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_istio_cni_made_is_owned() {
        let ours: &[(&str, &str)] = &[("app", "istio-cni"), COMPONENT];
        let rbac = "rbac.authorization.k8s.io/v1";
        for (api_version, kind, name, labels, owned) in [
            ("v1", "ServiceAccount", "istio-cni", ours, true),
            ("v1", "ServiceAccount", "istio-cni", &[("app", "istio-cni")], false),
            ("v1", "ServiceAccount", "istio-cni", &[("operator.istio.io/component", "Pilot")], false),
            ("v1", "ServiceAccount", "istiod", ours, false),
            ("v1", "ConfigMap", "istio-cni-config", ours, true),
            ("v1", "ConfigMap", "istio-cni-dashboard", ours, false),
            ("apps/v1", "DaemonSet", "istio-cni-node", ours, true),
            ("apps/v1", "DaemonSet", "istio-cni-node", &[], false),
            ("v1", "DaemonSet", "istio-cni-node", ours, false),
            ("apps/v1", "Deployment", "istio-cni-node", ours, false),
            (rbac, "ClusterRole", "istio-cni", ours, true),
            (rbac, "ClusterRole", "istio-cni-repair-role", ours, true),
            (rbac, "ClusterRole", "istio-cni-ambient", ours, true),
            (rbac, "ClusterRole", "istio-cni-repair-rolebinding", ours, false),
            (rbac, "ClusterRoleBinding", "istio-cni", ours, true),
            (rbac, "ClusterRoleBinding", "istio-cni-repair-rolebinding", ours, true),
            (rbac, "ClusterRoleBinding", "istio-cni-ambient", ours, true),
            (rbac, "RoleBinding", "istio-cni", ours, false),
            ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", "istio-cni", &[COMPONENT], true),
            ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", "istio-cni", &[], true),
            ("k8s.cni.cncf.io/v1", "NetworkAttachmentDefinition", "istio-cni", &[("app", "mine")], false),
            ("networking.k8s.io/v1", "NetworkPolicy", "istio-cni", ours, true),
            ("networking.k8s.io/v1", "NetworkPolicy", "istio-cni-canary", ours, true),
            ("networking.k8s.io/v1", "NetworkPolicy", "istio-cni", &[], false),
            ("networking.k8s.io/v1", "NetworkPolicy", "istio-cnis", ours, false),
            ("v1", "ResourceQuota", "istio-cni-resource-quota", &[], true),
            ("v1", "ResourceQuota", "istio-cni-resource-quota", &[("app.kubernetes.io/name", "istio-cni")], true),
            ("v1", "ResourceQuota", "istio-cni-resource-quota", &[("app.kubernetes.io/name", "mine")], false),
            ("v1", "ResourceQuota", "gcp-critical-pods", &[], false),
        ] {
            let found = owned_by_cni(api_version, kind, name, labels.iter().copied());
            assert_eq!(found, owned, "{api_version} {kind} {name} {labels:?}");
        }
    }
}
