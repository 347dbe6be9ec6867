//! The objects that ztunnel consists of, as `istioctl manifest generate` and the `ztunnel` chart make them.
//!
//! A ServiceAccount and a DaemonSet everywhere; platforms and settings add a ClusterRole with its binding (OpenShift), a
//! ResourceQuota (GKE) and a NetworkPolicy. A cluster has one ztunnel, whatever its revisions.
//!
//! Source: `manifests/charts/ztunnel` at the release tags, compared with renders of 1.22.1 and 1.28.10.

mod daemon_set;
mod owned;

pub use owned::owned_by_ztunnel;

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::{LocalObjectReference, ResourceQuota, ServiceAccount};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use super::cni::{CniInstall, node_critical_pods};
use crate::istio::facts::{AmbientFacts, ZtunnelLabels};
use crate::istio::version::Version;

/// Name of all of ztunnel's objects.
pub const ZTUNNEL: &str = "ztunnel";

/// Everything that an install of ztunnel depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZtunnelInstall<'a> {
    /// The istio-cni beside it, which is of the same version, registry and owner.
    pub cni: &'a CniInstall,
    /// The facts of ambient for istiod's version.
    pub facts: &'static AmbientFacts,
    /// istiod's version.
    pub version: Version,
    /// Namespace of the ServiceAccount and the DaemonSet.
    pub namespace: String,
    /// Namespace of istiod.
    pub istiod_namespace: String,
    /// `global.multiCluster.clusterName`.
    pub cluster: Option<String>,
    /// `global.network`.
    pub network: Option<String>,
    /// `global.caAddress`, where istiod does not sign.
    pub ca_address: Option<String>,
    /// `defaultConfig.proxyMetadata` of the mesh, which ztunnel gets as environment.
    pub proxy_metadata: BTreeMap<String, String>,
}

/// One object of ztunnel; serialises as the object itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ZtunnelObject {
    /// Identity of the proxy, for which istiod lets it ask for the certificates of its node's pods.
    ServiceAccount(ServiceAccount),
    /// Use of OpenShift's SecurityContextConstraints.
    ClusterRole(ClusterRole),
    /// Its binding.
    ClusterRoleBinding(ClusterRoleBinding),
    /// Room for node-critical pods.
    ResourceQuota(ResourceQuota),
    /// Traffic of the proxy.
    NetworkPolicy(NetworkPolicy),
    /// The proxy on each node.
    DaemonSet(Box<DaemonSet>),
}

/// The objects of an install, in the order in which they are best applied.
#[must_use]
pub fn objects(install: &ZtunnelInstall<'_>) -> Vec<ZtunnelObject> {
    let mut objects = vec![ZtunnelObject::ServiceAccount(service_account(install))];
    if install.cni.platform.is_openshift() {
        objects.push(ZtunnelObject::ClusterRole(cluster_role(install)));
        objects.push(ZtunnelObject::ClusterRoleBinding(cluster_role_binding(install)));
    }
    if install.cni.platform.resource_quotas {
        let metadata = ObjectMeta { annotations: None, ..install.metadata() };
        objects.push(ZtunnelObject::ResourceQuota(ResourceQuota {
            metadata,
            spec: Some(node_critical_pods()),
            status: None,
        }));
    }
    if install.cni.network_policy && install.facts.ztunnel.network_policy {
        objects.push(ZtunnelObject::NetworkPolicy(network_policy(install)));
    }
    objects.push(ZtunnelObject::DaemonSet(Box::new(daemon_set::daemon_set(install))));
    objects
}

impl ZtunnelInstall<'_> {
    fn revision(&self) -> Option<&str> {
        self.cni.labels.revision.as_deref()
    }

    /// Helm makes a release of its own of each chart, istioctl one of all.
    fn release(&self) -> &str {
        if self.cni.labels.release == "istio" { "istio" } else { ZTUNNEL }
    }

    /// `app.kubernetes.io/*` and `helm.sh/chart` of the objects.
    fn labels(&self) -> BTreeMap<String, String> {
        match self.facts.ztunnel.labels {
            ZtunnelLabels::OfInstall => self.cni.labels.recommended_for(ZTUNNEL, self.release()),
            ZtunnelLabels::Unversioned { since } if self.version.patch().is_none_or(|patch| patch >= since) => {
                text_map(&[("app.kubernetes.io/name", ZTUNNEL), ("app.kubernetes.io/part-of", "istio")])
            }
            ZtunnelLabels::Unversioned { .. } | ZtunnelLabels::None => BTreeMap::new(),
        }
    }

    /// Labels that the pod has as its objects have them.
    fn pod_labels(&self) -> BTreeMap<String, String> {
        match self.facts.ztunnel.labels {
            ZtunnelLabels::OfInstall => self.labels(),
            ZtunnelLabels::Unversioned { .. } | ZtunnelLabels::None => BTreeMap::new(),
        }
    }

    fn revision_annotation(&self) -> BTreeMap<String, String> {
        match self.revision() {
            Some(revision) if self.facts.ztunnel.revision_annotation => text_map(&[("istio.io/rev", revision)]),
            _ => BTreeMap::new(),
        }
    }

    fn metadata(&self) -> ObjectMeta {
        let some = |map: BTreeMap<String, String>| (!map.is_empty()).then_some(map);
        ObjectMeta {
            name: Some(ZTUNNEL.to_owned()),
            namespace: Some(self.namespace.clone()),
            labels: some(self.labels()),
            annotations: some(self.revision_annotation()),
            ..ObjectMeta::default()
        }
    }

    fn cluster_metadata(&self) -> ObjectMeta {
        let mut metadata = ObjectMeta { namespace: None, ..self.metadata() };
        let labels = metadata.labels.get_or_insert_default();
        // The labels of this role are the template's own up to 1.23.
        if self.facts.ztunnel.labels != ZtunnelLabels::OfInstall {
            labels.clear();
        }
        let openshift = self.facts.ztunnel.openshift;
        let release = if openshift.is_some_and(|facts| facts.own_release) { ZTUNNEL } else { self.release() };
        labels.extend(text_map(&[
            ("app", ZTUNNEL),
            ("release", release),
            ("install.operator.istio.io/owning-resource", &self.cni.labels.owning_resource),
        ]));
        if openshift.is_some_and(|facts| facts.revision_label) {
            labels.extend(text_map(&[("istio.io/rev", self.revision().unwrap_or("default"))]));
        }
        metadata
    }
}

fn service_account(install: &ZtunnelInstall<'_>) -> ServiceAccount {
    let secrets: Vec<_> =
        install.cni.image_pull_secrets.iter().map(|name| LocalObjectReference { name: name.clone() }).collect();
    ServiceAccount {
        metadata: install.metadata(),
        image_pull_secrets: (!secrets.is_empty()).then_some(secrets),
        ..ServiceAccount::default()
    }
}

fn cluster_role(install: &ZtunnelInstall<'_>) -> ClusterRole {
    let rule = PolicyRule {
        api_groups: Some(vec!["security.openshift.io".to_owned()]),
        resources: Some(vec!["securitycontextconstraints".to_owned()]),
        resource_names: Some(vec!["privileged".to_owned()]),
        verbs: vec!["use".to_owned()],
        ..PolicyRule::default()
    };
    ClusterRole { metadata: install.cluster_metadata(), rules: Some(vec![rule]), ..ClusterRole::default() }
}

fn cluster_role_binding(install: &ZtunnelInstall<'_>) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: install.cluster_metadata(),
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: ZTUNNEL.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: ZTUNNEL.to_owned(),
            namespace: Some(install.namespace.clone()),
            ..Subject::default()
        }]),
    }
}

/// Readiness, metrics, administration, HBONE, outbound, inbound plaintext, DNS.
const SERVED_PORTS: [(i32, &str); 8] = [
    (15021, "TCP"),
    (15020, "TCP"),
    (15000, "TCP"),
    (15008, "TCP"),
    (15001, "TCP"),
    (15006, "TCP"),
    (15053, "TCP"),
    (15053, "UDP"),
];

/// Under a default deny of ztunnel's namespace, what the node and the mesh need of it.
fn network_policy(install: &ZtunnelInstall<'_>) -> NetworkPolicy {
    let port = |(port, protocol): (i32, &str)| NetworkPolicyPort {
        port: Some(IntOrString::Int(port)),
        protocol: Some(protocol.to_owned()),
        end_port: None,
    };
    let ports: Vec<NetworkPolicyPort> = SERVED_PORTS.map(port).to_vec();
    let mut metadata = ObjectMeta { annotations: None, ..install.metadata() };
    if let Some(revision) = install.revision() {
        metadata.name = Some(format!("{ZTUNNEL}-{revision}"));
    }
    metadata.labels.get_or_insert_default().extend(text_map(&[
        ("app", ZTUNNEL),
        ("istio.io/rev", install.revision().unwrap_or("default")),
        ("install.operator.istio.io/owning-resource", &install.cni.labels.owning_resource),
        ("operator.istio.io/component", "Ztunnel"),
        ("release", install.release()),
    ]));
    NetworkPolicy {
        metadata,
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(text_map(&[("app", ZTUNNEL)])),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule { from: None, ports: Some(ports) }]),
            egress: Some(vec![NetworkPolicyEgressRule::default()]),
        }),
    }
}

fn text_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}
