//! The objects that istio-cni consists of, as `istioctl manifest generate` and the `istio-cni` chart make them.
//!
//! Every install has seven: ServiceAccount, two ClusterRoles with their bindings, ConfigMap and DaemonSet. Ambient adds a
//! third ClusterRole with its binding, platforms and settings a NetworkAttachmentDefinition (OpenShift), a ResourceQuota
//! (GKE) and a NetworkPolicy. Their names are the same for every revision: a cluster has one istio-cni.
//!
//! Source: `manifests/charts/istio-cni` at the release tags, compared with renders of 1.17.5, 1.22.1, 1.28.10 and 1.29.0.

mod config_map;
mod daemon_set;
mod labels;
mod owned;
mod platform_extras;
mod rbac;

pub use daemon_set::{AmbientDirectory, ambient_directories, ambient_environment};
pub use labels::{InstallLabels, RecommendedLabels};
pub use owned::owned_by_cni;
pub use platform_extras::NetworkAttachmentDefinition;

pub(super) use daemon_set::tolerate_all;
pub(super) use platform_extras::node_critical_pods;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{ConfigMap, LocalObjectReference, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::istio::facts::{AmbientFacts, Facts};
use crate::istio::platform::PlatformEffect;
use labels::Marker;

/// Name of the ServiceAccount, of the main ClusterRole and its binding, and of the NetworkAttachmentDefinition.
const ISTIO_CNI: &str = "istio-cni";
const CONFIG_MAP: &str = "istio-cni-config";
const DAEMON_SET: &str = "istio-cni-node";

/// Everything that an install of istio-cni depends on. The version is in `facts` and, as text, in `labels`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CniInstall {
    /// The facts of istiod's version.
    pub facts: &'static Facts,
    /// What ambient asks of the agent; `None` in the cni mode.
    pub ambient: Option<&'static AmbientFacts>,
    /// What the platform means for that version.
    pub platform: PlatformEffect,
    /// Registry and path of the images, without the last element.
    pub hub: String,
    /// Tag of the images, without `variant`.
    pub tag: String,
    /// `global.variant`: a suffix of the images' tags that is no part of what the agent takes for its version.
    pub variant: Option<String>,
    /// `global.imagePullPolicy`.
    pub image_pull_policy: Option<String>,
    /// `global.imagePullSecrets`.
    pub image_pull_secrets: Vec<String>,
    /// Namespace of the ServiceAccount, the ConfigMap and the DaemonSet.
    pub namespace: String,
    /// `cniBinDir`, where the platform's own is not right.
    pub bin_dir: Option<String>,
    /// `cniConfDir`, where the platform's own is not right.
    pub conf_dir: Option<String>,
    /// How this install labels what it makes.
    pub labels: InstallLabels,
    /// `global.logging.level` of the install; the injector's values hold istiod's default (`default:info`) where
    /// nobody set it, which is not istio-cni's and therefore counts as unset.
    pub log_level: Option<String>,
    /// `global.logAsJson`.
    pub log_as_json: bool,
    /// `global.nativeNftables`.
    pub native_nftables: bool,
    /// `global.networkPolicy.enabled`.
    pub network_policy: bool,
}

impl CniInstall {
    /// The image of this name, of the install's registry, tag and variant.
    pub(super) fn image(&self, name: &str) -> String {
        let variant = self.variant.as_ref().map(|variant| format!("-{variant}")).unwrap_or_default();
        format!("{}/{name}:{}{variant}", self.hub, self.tag)
    }

    fn bin_dir(&self) -> &str {
        self.bin_dir.as_deref().or(self.platform.cni_bin_dir).unwrap_or("/opt/cni/bin")
    }

    fn conf_dir(&self) -> &str {
        self.conf_dir.as_deref().or(self.platform.cni_conf_dir).unwrap_or("/etc/cni/net.d")
    }

    fn metadata(&self, name: &str, marker: Marker) -> ObjectMeta {
        ObjectMeta { name: Some(name.to_owned()), labels: Some(self.labels.of(marker)), ..ObjectMeta::default() }
    }

    fn namespaced_metadata(&self, name: &str, marker: Marker) -> ObjectMeta {
        ObjectMeta { namespace: Some(self.namespace.clone()), ..self.metadata(name, marker) }
    }
}

/// One object of istio-cni; serialises as the object itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum CniObject {
    /// Identity of the agent.
    ServiceAccount(ServiceAccount),
    /// Rights of the agent, and of its repair.
    ClusterRole(ClusterRole),
    /// Their bindings.
    ClusterRoleBinding(ClusterRoleBinding),
    /// Configuration of agent and plugin.
    ConfigMap(ConfigMap),
    /// The agent on each node.
    DaemonSet(Box<DaemonSet>),
    /// What Multus calls the plugin by.
    NetworkAttachmentDefinition(NetworkAttachmentDefinition),
    /// Traffic of the agent.
    NetworkPolicy(NetworkPolicy),
    /// Room for node-critical pods.
    ResourceQuota(ResourceQuota),
}

/// The objects of an install, in the order in which they are best applied.
#[must_use]
pub fn objects(install: &CniInstall) -> Vec<CniObject> {
    let mut objects = vec![
        CniObject::ServiceAccount(service_account(install)),
        CniObject::ClusterRole(rbac::node_role(install)),
        CniObject::ClusterRole(rbac::repair_role(install)),
        CniObject::ClusterRoleBinding(rbac::node_binding(install)),
        CniObject::ClusterRoleBinding(rbac::repair_binding(install)),
    ];
    if let Some(ambient) = install.ambient {
        objects.push(CniObject::ClusterRole(rbac::ambient_role(install, ambient)));
        objects.push(CniObject::ClusterRoleBinding(rbac::ambient_binding(install)));
    }
    objects.push(CniObject::ConfigMap(config_map::config_map(install)));
    if install.platform.resource_quotas {
        objects.push(CniObject::ResourceQuota(platform_extras::resource_quota(install)));
    }
    if install.platform.is_openshift() && install.facts.openshift.network_attachment {
        objects.push(CniObject::NetworkAttachmentDefinition(platform_extras::network_attachment(install)));
    }
    if install.network_policy && install.facts.network_policy {
        objects.push(CniObject::NetworkPolicy(platform_extras::network_policy(install)));
    }
    objects.push(CniObject::DaemonSet(Box::new(daemon_set::daemon_set(install))));
    objects
}

fn service_account(install: &CniInstall) -> ServiceAccount {
    let secrets: Vec<_> =
        install.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    ServiceAccount {
        metadata: install.namespaced_metadata(ISTIO_CNI, Marker::App),
        image_pull_secrets: (!secrets.is_empty()).then_some(secrets),
        ..ServiceAccount::default()
    }
}
