//! What istio-cni needs beside its seven objects on some platforms and with some settings.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaSpec, ScopeSelector, ScopedResourceSelectorRequirement};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPort, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use super::daemon_set::{pod_selector, served_ports};
use super::labels::Marker;
use super::{CniInstall, DAEMON_SET, ISTIO_CNI};

/// Name of the ResourceQuota.
pub(super) const RESOURCE_QUOTA: &str = "istio-cni-resource-quota";

/// `k8s.cni.cncf.io/v1 NetworkAttachmentDefinition` without a `spec`: Multus then takes the plugin's own
/// configuration from the node, by the object's name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NetworkAttachmentDefinition {
    api_version: &'static str,
    kind: &'static str,
    metadata: ObjectMeta,
}

/// The attachment that injected pods of all namespaces refer to as `default/istio-cni`.
pub(super) fn network_attachment(install: &CniInstall) -> NetworkAttachmentDefinition {
    let labels = install.labels.of(Marker::Component);
    NetworkAttachmentDefinition {
        api_version: "k8s.cni.cncf.io/v1",
        kind: "NetworkAttachmentDefinition",
        metadata: ObjectMeta {
            namespace: Some("default".to_owned()),
            labels: Some(labels).filter(|_| install.facts.openshift.network_attachment_label),
            name: Some(ISTIO_CNI.to_owned()),
            ..ObjectMeta::default()
        },
    }
}

/// GKE admits pods of priority class `system-node-critical` only to namespaces with a quota for them.
pub(super) fn resource_quota(install: &CniInstall) -> ResourceQuota {
    let mut metadata = install.namespaced_metadata(RESOURCE_QUOTA, Marker::Recommended);
    metadata.labels = metadata.labels.filter(|labels| !labels.is_empty());
    ResourceQuota { metadata, spec: Some(node_critical_pods()), status: None }
}

/// Room for as many node-critical pods as a cluster has nodes.
pub(crate) fn node_critical_pods() -> ResourceQuotaSpec {
    let critical = ScopedResourceSelectorRequirement {
        scope_name: "PriorityClass".to_owned(),
        operator: "In".to_owned(),
        values: Some(vec!["system-node-critical".to_owned()]),
    };
    ResourceQuotaSpec {
        hard: Some(BTreeMap::from([("pods".to_owned(), Quantity("5000".to_owned()))])),
        scope_selector: Some(ScopeSelector { match_expressions: Some(vec![critical]) }),
        scopes: None,
    }
}

/// Lets the node and Prometheus reach the agent and the agent reach the API server, under a default deny.
pub(super) fn network_policy(install: &CniInstall) -> NetworkPolicy {
    let ingress = served_ports().map(|port| NetworkPolicyIngressRule {
        from: None,
        ports: Some(vec![NetworkPolicyPort {
            port: Some(IntOrString::Int(port)),
            protocol: Some("TCP".to_owned()),
            end_port: None,
        }]),
    });
    let revision = install.labels.revision.as_ref().map(|revision| format!("-{revision}")).unwrap_or_default();
    let name = format!("{ISTIO_CNI}{revision}");
    NetworkPolicy {
        metadata: install.namespaced_metadata(&name, Marker::K8sApp(DAEMON_SET)),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector { match_labels: Some(pod_selector()), ..LabelSelector::default() }),
            policy_types: Some(vec!["Ingress".to_owned(), "Egress".to_owned()]),
            ingress: Some(ingress.to_vec()),
            egress: Some(vec![NetworkPolicyEgressRule::default()]),
        }),
    }
}
