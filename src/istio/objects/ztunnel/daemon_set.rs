//! DaemonSet `ztunnel`: the proxy that carries the traffic of its node's pods.

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, RollingUpdateDaemonSet};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapVolumeSource, Container, ContainerPort, EmptyDirVolumeSource, EnvVar, EnvVarSource,
    HTTPGetAction, HostPathVolumeSource, ObjectFieldSelector, PodSpec, PodTemplateSpec, Probe, ProjectedVolumeSource,
    ResourceFieldSelector, ResourceRequirements, SELinuxOptions, SecurityContext, ServiceAccountTokenProjection,
    Volume, VolumeMount, VolumeProjection,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::{ZTUNNEL, ZtunnelInstall, text_map};
use crate::istio::objects::cni::tolerate_all;

/// Name of the container, and of the proxy in sidecars and gateways too.
const CONTAINER: &str = "istio-proxy";
/// How long the proxy keeps connections open when it stops.
const GRACE_PERIOD_SECONDS: i64 = 30;

/// The DaemonSet.
pub(super) fn daemon_set(install: &ZtunnelInstall<'_>) -> DaemonSet {
    DaemonSet {
        metadata: install.metadata(),
        spec: DaemonSetSpec {
            selector: LabelSelector { match_labels: Some(text_map(&[("app", ZTUNNEL)])), ..LabelSelector::default() },
            update_strategy: Some(DaemonSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDaemonSet {
                    max_surge: Some(IntOrString::Int(1)),
                    max_unavailable: Some(IntOrString::Int(0)),
                }),
            }),
            template: pod_template(install),
            ..DaemonSetSpec::default()
        },
        status: None,
    }
}

fn pod_template(install: &ZtunnelInstall<'_>) -> PodTemplateSpec {
    let facts = &install.facts.ztunnel;
    let mut labels = install.pod_labels();
    labels.extend(text_map(&[("app", ZTUNNEL), ("sidecar.istio.io/inject", "false")]));
    if facts.dataplane_mode_label {
        labels.extend(text_map(&[("istio.io/dataplane-mode", "none")]));
    }
    let mut annotations = text_map(&[
        ("prometheus.io/port", "15020"),
        ("prometheus.io/scrape", "true"),
        ("sidecar.istio.io/inject", "false"),
    ]);
    annotations.extend(text_map(facts.annotations));
    annotations.extend(install.revision_annotation());
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            node_selector: Some(text_map(&[("kubernetes.io/os", "linux")])),
            tolerations: Some(tolerate_all()),
            priority_class_name: facts.node_critical.then(|| "system-node-critical".to_owned()),
            service_account_name: Some(ZTUNNEL.to_owned()),
            termination_grace_period_seconds: Some(GRACE_PERIOD_SECONDS),
            containers: vec![container(install)],
            volumes: Some(volumes(install)),
            ..PodSpec::default()
        }),
    }
}

fn container(install: &ZtunnelInstall<'_>) -> Container {
    let facts = &install.facts.ztunnel;
    let (cpu, memory) = facts.requests;
    let requests = [("cpu", cpu), ("memory", memory)];
    Container {
        name: CONTAINER.to_owned(),
        image: Some(install.cni.image(ZTUNNEL)),
        image_pull_policy: install.cni.image_pull_policy.clone(),
        args: Some(vec!["proxy".to_owned(), ZTUNNEL.to_owned()]),
        env: Some(environment(install)),
        ports: Some(vec![ContainerPort {
            container_port: 15020,
            name: Some("ztunnel-stats".to_owned()),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        readiness_probe: Some(Probe {
            http_get: Some(HTTPGetAction {
                path: Some("/healthz/ready".to_owned()),
                port: IntOrString::Int(15021),
                ..HTTPGetAction::default()
            }),
            ..Probe::default()
        }),
        resources: Some(ResourceRequirements {
            requests: Some(
                requests.map(|(resource, amount)| (resource.to_owned(), Quantity(amount.to_owned()))).into(),
            ),
            ..ResourceRequirements::default()
        }),
        security_context: Some(security_context(install)),
        volume_mounts: Some(volume_mounts(install)),
        ..Container::default()
    }
}

fn security_context(install: &ZtunnelInstall<'_>) -> SecurityContext {
    let facts = &install.facts.ztunnel;
    let se_linux = SELinuxOptions { type_: Some("spc_t".to_owned()), ..SELinuxOptions::default() };
    SecurityContext {
        allow_privilege_escalation: Some(facts.allow_privilege_escalation),
        privileged: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            add: Some(facts.capabilities.iter().map(|name| (*name).to_owned()).collect()),
        }),
        read_only_root_filesystem: Some(true),
        run_as_group: Some(1337),
        run_as_non_root: Some(false),
        run_as_user: Some(0),
        se_linux_options: (install.cni.platform.is_openshift() && facts.openshift.is_some()).then_some(se_linux),
        ..SecurityContext::default()
    }
}

fn environment(install: &ZtunnelInstall<'_>) -> Vec<EnvVar> {
    let facts = &install.facts.ztunnel;
    let fixed = |pairs: &[(&str, &str)]| pairs.iter().map(|(name, text)| value(name, text)).collect::<Vec<_>>();
    let mut env = Vec::new();
    if facts.addresses {
        let revision = install.revision().map(|revision| format!("-{revision}")).unwrap_or_default();
        let istiod = format!("istiod{revision}.{}.svc:15012", install.istiod_namespace);
        env.push(value("CA_ADDRESS", install.ca_address.as_deref().unwrap_or(&istiod)));
        env.push(value("XDS_ADDRESS", &istiod));
    }
    if facts.follows_log_format && install.cni.log_as_json {
        env.push(value("LOG_FORMAT", "json"));
    }
    if let Some(network) = install.network.as_ref().filter(|_| facts.follows_network) {
        env.push(value("NETWORK", network));
    }
    env.extend(fixed(facts.env_before_cluster));
    env.push(value(facts.cluster_variable, install.cluster.as_deref().unwrap_or("Kubernetes")));
    env.extend(fixed(facts.env_after_cluster));
    for (name, field) in [
        ("POD_NAME", "metadata.name"),
        ("POD_NAMESPACE", "metadata.namespace"),
        ("NODE_NAME", "spec.nodeName"),
        ("INSTANCE_IP", "status.podIP"),
        ("SERVICE_ACCOUNT", "spec.serviceAccountName"),
    ] {
        env.push(from_field(name, field));
    }
    env.extend(install.proxy_metadata.iter().map(|(name, text)| value(name, text)));
    if !install.proxy_metadata.contains_key("ISTIO_META_ENABLE_HBONE") {
        env.push(value("ISTIO_META_ENABLE_HBONE", "true"));
    }
    if facts.cpu_limit {
        env.push(cpu_limit(facts.writes_divisor));
    }
    env
}

fn value(name: &str, text: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(text.to_owned()), value_from: None }
}

fn from_field(name: &str, field_path: &str) -> EnvVar {
    let field = ObjectFieldSelector { api_version: None, field_path: field_path.to_owned() };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
        ..EnvVar::default()
    }
}

fn cpu_limit(writes_divisor: bool) -> EnvVar {
    let limit = ResourceFieldSelector {
        divisor: writes_divisor.then(|| Quantity("1".to_owned())),
        resource: "limits.cpu".to_owned(),
        container_name: None,
    };
    EnvVar {
        name: "ZTUNNEL_CPU_LIMIT".to_owned(),
        value_from: Some(EnvVarSource { resource_field_ref: Some(limit), ..EnvVarSource::default() }),
        ..EnvVar::default()
    }
}

fn volume_mounts(install: &ZtunnelInstall<'_>) -> Vec<VolumeMount> {
    let facts = &install.facts.ztunnel;
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    let mut mounts =
        vec![mount("istiod-ca-cert", "/var/run/secrets/istio"), mount("istio-token", "/var/run/secrets/tokens")];
    if facts.socket {
        mounts.push(mount("cni-ztunnel-sock-dir", "/var/run/ztunnel"));
    }
    if facts.tmp {
        mounts.push(mount("tmp", "/tmp"));
    }
    mounts
}

fn volumes(install: &ZtunnelInstall<'_>) -> Vec<Volume> {
    let facts = &install.facts.ztunnel;
    let token = ServiceAccountTokenProjection {
        audience: Some("istio-ca".to_owned()),
        expiration_seconds: Some(43200),
        path: "istio-token".to_owned(),
        user: None,
    };
    let mut volumes = vec![
        Volume {
            name: "istio-token".to_owned(),
            projected: Some(ProjectedVolumeSource {
                sources: Some(vec![VolumeProjection {
                    service_account_token: Some(token),
                    ..VolumeProjection::default()
                }]),
                ..ProjectedVolumeSource::default()
            }),
            ..Volume::default()
        },
        Volume {
            name: "istiod-ca-cert".to_owned(),
            config_map: Some(ConfigMapVolumeSource {
                name: "istio-ca-root-cert".to_owned(),
                ..ConfigMapVolumeSource::default()
            }),
            ..Volume::default()
        },
    ];
    if facts.socket {
        volumes.push(Volume {
            name: "cni-ztunnel-sock-dir".to_owned(),
            host_path: Some(HostPathVolumeSource {
                path: "/var/run/ztunnel".to_owned(),
                type_: Some("DirectoryOrCreate".to_owned()),
            }),
            ..Volume::default()
        });
    }
    if facts.tmp {
        volumes.push(Volume {
            name: "tmp".to_owned(),
            empty_dir: Some(EmptyDirVolumeSource::default()),
            ..Volume::default()
        });
    }
    volumes
}
