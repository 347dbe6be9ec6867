//! What shall be reached in Istio: the data plane mode and what belongs to its installation.
//!
//! Nothing is filled in here: which namespace or version holds where a key is absent depends on what is installed.

use serde::Deserialize;

use super::glob::{self, Glob};
use super::mapping;
use super::scalar::{HostDir, ImageHub, ImageTag, IstioVersion, NamespaceName};
use super::text::closed_set;

/// `spec.istio`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Istio {
    /// The mode to reach; absent, no mode is changed.
    pub mode: Option<DataplaneMode>,
    /// Where the cluster runs.
    pub platform: Option<Platform>,
    /// Namespace of a new istio-cni.
    pub cni_namespace: Option<NamespaceName>,
    /// The node's directory of CNI plugins, where it is not the platform's own.
    pub cni_bin_dir: Option<HostDir>,
    /// The node's directory of CNI configurations, where it is not the platform's own.
    pub cni_conf_dir: Option<HostDir>,
    /// Version of Istio, where the list does not show it.
    pub version: Option<IstioVersion>,
    /// Registry and path of the Istio images, where the list does not show them.
    pub hub: Option<ImageHub>,
    /// Tag of the Istio images, where the list does not show it.
    pub tag: Option<ImageTag>,
    /// What only the ambient mode uses.
    #[serde(deserialize_with = "mapping::or_default")]
    pub ambient: Ambient,
}

/// `spec.istio.ambient`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Ambient {
    /// Which namespaces of the mesh move, all where absent.
    #[serde(deserialize_with = "glob::optional_namespaces")]
    pub namespaces: Option<Vec<Glob>>,
    /// Whether the namespaces of Kubeflow profiles move too.
    #[serde(deserialize_with = "mapping::value_or_default")]
    pub user_namespaces: bool,
    /// Namespace of a new ztunnel; absent, that of istio-cni.
    pub ztunnel_namespace: Option<NamespaceName>,
    /// Whether waypoints are made.
    #[serde(deserialize_with = "mapping::value_or_default")]
    pub waypoints: Waypoints,
}

impl Ambient {
    /// Whether a namespace of the mesh, which is no user's, moves to ambient.
    #[must_use]
    pub fn moves(&self, namespace: &str) -> bool {
        self.namespaces.as_ref().is_none_or(|globs| globs.iter().any(|glob| glob.matches(namespace)))
    }
}

closed_set! {
    /// How traffic gets into the mesh.
    pub enum DataplaneMode {
        /// Sidecars with the init container `istio-init`, which needs root.
        Sidecar = "sidecar",
        /// Sidecars without `istio-init`: the node's istio-cni sets up the redirection.
        Cni = "cni",
        /// No sidecars: the node's ztunnel.
        Ambient = "ambient",
    }
}

closed_set! {
    /// A platform that istiod and istio-cni have settings of their own for.
    pub enum Platform {
        /// Google Kubernetes Engine.
        Gke = "gke",
        /// OpenShift.
        Openshift = "openshift",
        /// k3d.
        K3d = "k3d",
        /// K3s.
        K3s = "k3s",
        /// MicroK8s.
        Microk8s = "microk8s",
        /// minikube.
        Minikube = "minikube",
        /// No platform of these.
        None = "none",
    }
}

closed_set! {
    /// Whether policies that only a waypoint can enforce get one.
    #[derive(Default)]
    pub enum Waypoints {
        /// Such policies are findings.
        #[default]
        None = "none",
        /// A waypoint is made where exactly one Service selects the pods.
        Auto = "auto",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_move_by_glob() {
        for (namespaces, namespace, moves) in [
            (r"null", "kubeflow", true),
            (r#"["*"]"#, "kubeflow", true),
            (r"[]", "kubeflow", false),
            (r#"["knative-*", "auth"]"#, "auth", true),
            (r#"["knative-*", "auth"]"#, "kubeflow", false),
        ] {
            let ambient: Ambient = serde_json::from_str(&format!(r#"{{"namespaces": {namespaces}}}"#)).unwrap();
            assert_eq!(ambient.moves(namespace), moves, "{namespaces} and {namespace}");
        }
    }
}
