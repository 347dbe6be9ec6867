//! Which objects of a list are ztunnel's, for the way out of ambient.

use super::ZTUNNEL;

/// Whether an object was made by the ztunnel of any supported version.
///
/// Up to 1.22 nothing but its name tells of a ServiceAccount whose it is, so the namespace of the DaemonSet counts.
/// `namespace` is where that DaemonSet is; `labels` are the object's labels.
pub fn owned_by_ztunnel<'a>(
    api_version: &str,
    kind: &str,
    (object_namespace, name): (&str, &str),
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    namespace: &str,
) -> bool {
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let beside = name == ZTUNNEL && object_namespace == namespace;
    match (group, kind) {
        ("apps", "DaemonSet") | ("", "ServiceAccount" | "ResourceQuota") => beside,
        ("rbac.authorization.k8s.io", "ClusterRole" | "ClusterRoleBinding") => {
            name == ZTUNNEL && labels.into_iter().any(|label| label == ("app", ZTUNNEL))
        }
        ("networking.k8s.io", "NetworkPolicy") => {
            object_namespace == namespace
                && name.strip_prefix(ZTUNNEL).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
                && labels.into_iter().any(|label| label == ("operator.istio.io/component", "Ztunnel"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ztunnel_made_is_owned() {
        let rbac = "rbac.authorization.k8s.io/v1";
        let policy = "networking.k8s.io/v1";
        let component: &[(&str, &str)] = &[("operator.istio.io/component", "Ztunnel")];
        for (api_version, kind, namespace, name, labels, owned) in [
            ("v1", "ServiceAccount", "z", "ztunnel", &[][..], true),
            ("v1", "ServiceAccount", "other", "ztunnel", &[], false),
            ("v1", "ServiceAccount", "z", "ztunnel-2", &[], false),
            ("apps/v1", "DaemonSet", "z", "ztunnel", &[], true),
            ("apps/v1", "Deployment", "z", "ztunnel", &[], false),
            ("v1", "ResourceQuota", "z", "ztunnel", &[], true),
            ("v1", "ConfigMap", "z", "ztunnel", &[], false),
            (rbac, "ClusterRole", "", "ztunnel", &[("app", "ztunnel")], true),
            (rbac, "ClusterRole", "", "ztunnel", &[], false),
            (rbac, "ClusterRoleBinding", "", "ztunnel", &[("app", "ztunnel")], true),
            (policy, "NetworkPolicy", "z", "ztunnel", component, true),
            (policy, "NetworkPolicy", "z", "ztunnel-canary", component, true),
            (policy, "NetworkPolicy", "z", "ztunnel", &[], false),
        ] {
            let found = owned_by_ztunnel(api_version, kind, (namespace, name), labels.iter().copied(), "z");
            assert_eq!(found, owned, "{api_version} {kind} {namespace}/{name} {labels:?}");
        }
    }
}
