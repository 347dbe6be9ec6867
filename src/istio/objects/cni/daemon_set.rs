//! DaemonSet `istio-cni-node`: the agent that installs the plugin on each node and repairs pods.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{DaemonSet, DaemonSetSpec, DaemonSetUpdateStrategy, RollingUpdateDaemonSet};
use k8s_openapi::api::core::v1::{
    Capabilities, ConfigMapEnvSource, ConfigMapKeySelector, Container, ContainerPort, EnvFromSource, EnvVar,
    EnvVarSource, HTTPGetAction, HostPathVolumeSource, ObjectFieldSelector, PodSpec, PodTemplateSpec, Probe,
    ResourceFieldSelector, ResourceRequirements, SELinuxOptions, SecurityContext, Toleration, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::config_map::{NETWORK_CONFIG, on, plugin_log_level, repair_variables};
use super::labels::Marker;
use super::{CONFIG_MAP, CniInstall, DAEMON_SET, ISTIO_CNI};
use crate::istio::facts::{AgentEnv, AmbientFacts, AmbientRedirection, ConfigForm, Facts, HostNetwork, Privileged};

/// Name of the container and the command, and last element of the image's name.
const INSTALL_CNI: &str = "install-cni";
const METRICS_PORT: i32 = 15014;
const READINESS_PORT: i32 = 8000;

/// The DaemonSet.
pub(super) fn daemon_set(install: &CniInstall) -> DaemonSet {
    let selector = text_map(&[("k8s-app", DAEMON_SET)]);
    DaemonSet {
        metadata: install.namespaced_metadata(DAEMON_SET, Marker::K8sApp(DAEMON_SET)),
        spec: DaemonSetSpec {
            selector: LabelSelector { match_labels: Some(selector), ..LabelSelector::default() },
            update_strategy: Some(DaemonSetUpdateStrategy {
                type_: Some("RollingUpdate".to_owned()),
                rolling_update: Some(RollingUpdateDaemonSet {
                    max_unavailable: Some(IntOrString::Int(1)),
                    ..RollingUpdateDaemonSet::default()
                }),
            }),
            template: pod_template(install),
            ..DaemonSetSpec::default()
        },
        status: None,
    }
}

/// Ports on which the agent serves, for the NetworkPolicy: metrics and readiness.
pub(super) fn served_ports() -> [i32; 2] {
    [METRICS_PORT, READINESS_PORT]
}

/// The label that selects the agent's pods.
pub(super) fn pod_selector() -> BTreeMap<String, String> {
    text_map(&[("k8s-app", DAEMON_SET)])
}

fn pod_template(install: &CniInstall) -> PodTemplateSpec {
    let mut labels = install.labels.recommended();
    labels.extend(text_map(&[("k8s-app", DAEMON_SET), ("sidecar.istio.io/inject", "false")]));
    if install.facts.dataplane_mode_label {
        labels.extend(text_map(&[("istio.io/dataplane-mode", "none")]));
    }
    let mut annotations = text_map(&[
        ("sidecar.istio.io/inject", "false"),
        ("prometheus.io/scrape", "true"),
        ("prometheus.io/port", &METRICS_PORT.to_string()),
        ("prometheus.io/path", "/metrics"),
    ]);
    if install.facts.redirection_annotation {
        annotations.extend(text_map(&[("ambient.istio.io/redirection", "disabled")]));
    }
    if install.facts.app_armor_annotation {
        annotations.extend(text_map(&[("container.apparmor.security.beta.kubernetes.io/install-cni", "unconfined")]));
    }
    let host_network = install.ambient.map_or(HostNetwork::No, |ambient| ambient.host_network);
    PodTemplateSpec {
        metadata: Some(ObjectMeta { labels: Some(labels), annotations: Some(annotations), ..ObjectMeta::default() }),
        spec: Some(PodSpec {
            node_selector: Some(text_map(&[("kubernetes.io/os", "linux")])),
            host_network: (host_network != HostNetwork::No).then_some(true),
            dns_policy: (host_network == HostNetwork::ClusterDns).then(|| "ClusterFirstWithHostNet".to_owned()),
            tolerations: Some(tolerate_all()),
            priority_class_name: Some("system-node-critical".to_owned()),
            service_account_name: Some(ISTIO_CNI.to_owned()),
            termination_grace_period_seconds: Some(install.facts.termination_grace_period_seconds),
            containers: vec![container(install)],
            volumes: Some(volumes(install)),
            ..PodSpec::default()
        }),
    }
}

/// An agent runs on every node, also on those that are closed to other pods.
pub(crate) fn tolerate_all() -> Vec<Toleration> {
    let exists = |key: Option<&str>, effect: Option<&str>| Toleration {
        key: key.map(str::to_owned),
        effect: effect.map(str::to_owned),
        operator: Some("Exists".to_owned()),
        ..Toleration::default()
    };
    vec![exists(None, Some("NoSchedule")), exists(Some("CriticalAddonsOnly"), None), exists(None, Some("NoExecute"))]
}

fn container(install: &CniInstall) -> Container {
    let facts = install.facts;
    let from_config_map = (facts.config_form == ConfigForm::Keys).then(|| {
        vec![EnvFromSource {
            config_map_ref: Some(ConfigMapEnvSource { name: CONFIG_MAP.to_owned(), optional: None }),
            ..EnvFromSource::default()
        }]
    });
    let metrics_port = ContainerPort {
        container_port: METRICS_PORT,
        name: Some("metrics".to_owned()),
        protocol: Some("TCP".to_owned()),
        ..ContainerPort::default()
    };
    let quantity = |resource: &str, amount: &str| (resource.to_owned(), Quantity(amount.to_owned()));
    Container {
        name: INSTALL_CNI.to_owned(),
        image: Some(install.image(INSTALL_CNI)),
        image_pull_policy: install.image_pull_policy.clone(),
        command: Some(vec![INSTALL_CNI.to_owned()]),
        args: Some(args(install)),
        env: Some(environment(install)),
        env_from: from_config_map,
        ports: facts.metrics_port.then(|| vec![metrics_port]),
        readiness_probe: Some(Probe {
            http_get: Some(HTTPGetAction {
                path: Some("/readyz".to_owned()),
                port: IntOrString::Int(READINESS_PORT),
                ..HTTPGetAction::default()
            }),
            ..Probe::default()
        }),
        resources: Some(ResourceRequirements {
            requests: Some(BTreeMap::from([quantity("cpu", "100m"), quantity("memory", "100Mi")])),
            ..ResourceRequirements::default()
        }),
        security_context: Some(security_context(install)),
        volume_mounts: Some(volume_mounts(install)),
        ..Container::default()
    }
}

fn args(install: &CniInstall) -> Vec<String> {
    // The level in the injector's values is istiod's default where nobody set one; the CNI chart has its own.
    let asked_for = install.log_level.as_deref().filter(|level| *level != "default:info" && !level.is_empty());
    let level = match asked_for {
        Some(level) if install.facts.follows_install_log_level => level,
        _ => install.facts.log_output_level,
    };
    let mut args = vec![format!("--log_output_level={level}")];
    if install.log_as_json {
        args.push("--log_as_json".to_owned());
    }
    args
}

fn security_context(install: &CniInstall) -> SecurityContext {
    let facts = install.facts;
    let openshift = install.platform.is_openshift();
    let privileged = match facts.privileged {
        Privileged::Never => false,
        Privileged::OnOpenShift => openshift,
        Privileged::Always => true,
    } || install.ambient.is_some_and(|ambient| ambient.privileged);
    let of_ambient = install.ambient.map(|ambient| ambient.capabilities).unwrap_or_default();
    let added = if facts.capabilities.is_empty() { of_ambient } else { facts.capabilities };
    let capabilities = (!added.is_empty()).then(|| Capabilities {
        drop: Some(vec!["ALL".to_owned()]),
        add: Some(added.iter().map(|name| (*name).to_owned()).collect()),
    });
    let se_linux = SELinuxOptions { type_: Some("spc_t".to_owned()), ..SELinuxOptions::default() };
    SecurityContext {
        privileged: Some(privileged),
        run_as_user: Some(0),
        run_as_group: Some(0),
        run_as_non_root: Some(false),
        capabilities,
        se_linux_options: (openshift && facts.openshift.se_linux_type).then_some(se_linux),
        ..SecurityContext::default()
    }
}

fn environment(install: &CniInstall) -> Vec<EnvVar> {
    let facts = install.facts;
    let mut env = Vec::new();
    let repair_of_this_node = [
        from_field("REPAIR_NODE_NAME", None, "spec.nodeName"),
        value("REPAIR_RUN_AS_DAEMON", "true"),
        value("REPAIR_SIDECAR_ANNOTATION", "sidecar.istio.io/status"),
    ];
    if facts.config_form != ConfigForm::Keys {
        if let Some(name) = install.platform.cni_conf_file_name {
            env.push(value("CNI_CONF_NAME", name));
        }
        env.push(network_config());
        env.push(value("CNI_NET_DIR", install.conf_dir()));
        env.push(value("CHAINED_CNI_PLUGIN", on(!install.platform.unchained)));
        env.extend(repair_variables(install).into_iter().map(|(name, text)| value(name, text)));
    }
    env.extend(repair_of_this_node);
    env.extend(
        install
            .ambient
            .into_iter()
            .flat_map(|ambient| ambient_environment(facts, ambient))
            .map(|(name, text)| value(name, text)),
    );
    if facts.allow_switch_to_host_ns {
        env.push(value("ALLOW_SWITCH_TO_HOST_NS", "true"));
    }
    let node_name = from_field("NODE_NAME", Some("v1"), "spec.nodeName");
    let limits = [from_limit(install, "GOMEMLIMIT", "limits.memory"), from_limit(install, "GOMAXPROCS", "limits.cpu")];
    match facts.agent_env {
        AgentEnv::None => {}
        AgentEnv::NodeAndLogLevel | AgentEnv::NodeLogLevelAndLimits => {
            env.extend([node_name, value("LOG_LEVEL", plugin_log_level(install))]);
            if facts.agent_env == AgentEnv::NodeLogLevelAndLimits {
                env.extend(limits);
            }
        }
        AgentEnv::NodeAndPod => {
            env.push(node_name);
            env.extend(limits);
            env.push(from_field("POD_NAME", None, "metadata.name"));
            env.push(from_field("POD_NAMESPACE", None, "metadata.namespace"));
        }
    }
    env
}

fn network_config() -> EnvVar {
    EnvVar {
        name: "CNI_NETWORK_CONFIG".to_owned(),
        value_from: Some(EnvVarSource {
            config_map_key_ref: Some(ConfigMapKeySelector {
                name: CONFIG_MAP.to_owned(),
                key: NETWORK_CONFIG.to_owned(),
                optional: None,
            }),
            ..EnvVarSource::default()
        }),
        ..EnvVar::default()
    }
}

fn value(name: &str, text: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(text.to_owned()), value_from: None }
}

fn from_field(name: &str, api_version: Option<&str>, field_path: &str) -> EnvVar {
    let field = ObjectFieldSelector { api_version: api_version.map(str::to_owned), field_path: field_path.to_owned() };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() }),
        ..EnvVar::default()
    }
}

fn from_limit(install: &CniInstall, name: &str, resource: &str) -> EnvVar {
    let limit = ResourceFieldSelector {
        divisor: install.facts.writes_divisor.then(|| Quantity("1".to_owned())),
        resource: resource.to_owned(),
        container_name: None,
    };
    EnvVar {
        name: name.to_owned(),
        value_from: Some(EnvVarSource { resource_field_ref: Some(limit), ..EnvVarSource::default() }),
        ..EnvVar::default()
    }
}

fn volume_mounts(install: &CniInstall) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        ..VolumeMount::default()
    };
    let mut mounts = vec![mount("cni-bin-dir", "/host/opt/cni/bin")];
    if install.facts.mounts_host_proc {
        mounts.push(VolumeMount { read_only: Some(true), ..mount("cni-host-procfs", "/host/proc") });
    }
    mounts.push(mount("cni-net-dir", "/host/etc/cni/net.d"));
    mounts.push(mount(install.facts.run_dir_volume, "/var/run/istio-cni"));
    for directory in install.ambient.into_iter().flat_map(ambient_directories) {
        mounts.push(VolumeMount {
            mount_propagation: directory.propagation.map(str::to_owned),
            ..mount(directory.volume, directory.mount_path)
        });
    }
    mounts
}

fn volumes(install: &CniInstall) -> Vec<Volume> {
    let host_path = |name: &str, path: &str, type_: Option<&str>| Volume {
        name: name.to_owned(),
        host_path: Some(HostPathVolumeSource { path: path.to_owned(), type_: type_.map(str::to_owned) }),
        ..Volume::default()
    };
    let mut volumes = vec![host_path("cni-bin-dir", install.bin_dir(), None)];
    if install.facts.mounts_host_proc {
        volumes.push(host_path("cni-host-procfs", "/proc", Some("Directory")));
    }
    volumes.push(host_path("cni-net-dir", install.conf_dir(), None));
    volumes.push(host_path(install.facts.run_dir_volume, "/var/run/istio-cni", None));
    if let Some(type_) = install.facts.netns_volume {
        let netns_dir = install.platform.cni_netns_dir.unwrap_or("/var/run/netns");
        volumes.push(host_path(NETNS_VOLUME, netns_dir, type_.as_str()));
    }
    for directory in install.ambient.into_iter().flat_map(ambient_directories) {
        if let Some((path, type_)) = directory.host_path {
            volumes.push(host_path(directory.volume, path, type_));
        }
    }
    volumes
}

/// Name of the volume of the directory that holds the network namespaces of the node's pods.
const NETNS_VOLUME: &str = "cni-netns-dir";

/// A directory of the node that the agent has only in ambient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbientDirectory {
    /// Name of the volume.
    pub volume: &'static str,
    /// Path and type on the node; None: the volume is there in every mode.
    pub host_path: Option<(&'static str, Option<&'static str>)>,
    /// Path in the container.
    pub mount_path: &'static str,
    /// `mountPropagation`.
    pub propagation: Option<&'static str>,
}

/// The directories that the agent has only in ambient.
#[must_use]
pub fn ambient_directories(ambient: &AmbientFacts) -> [AmbientDirectory; 2] {
    let netns = AmbientDirectory {
        volume: NETNS_VOLUME,
        host_path: None,
        mount_path: "/var/run/netns",
        propagation: Some("HostToContainer"),
    };
    let handover = AmbientDirectory {
        volume: "cni-ztunnel-sock-dir",
        host_path: Some(("/var/run/ztunnel", Some("DirectoryOrCreate"))),
        mount_path: "/var/run/ztunnel",
        propagation: None,
    };
    match ambient.redirection {
        AmbientRedirection::Pod { .. } => [AmbientDirectory { mount_path: "/host/var/run/netns", ..netns }, handover],
        AmbientRedirection::Node => [
            AmbientDirectory {
                volume: "cni-ambient-config-dir",
                host_path: Some(("/etc/ambient-config", None)),
                mount_path: "/etc/ambient-config",
                ..handover
            },
            netns,
        ],
    }
}

/// Variables of the agent that only ambient sets, where the agent has no ConfigMap of variables.
#[must_use]
pub fn ambient_environment(facts: &Facts, ambient: &AmbientFacts) -> Vec<(&'static str, &'static str)> {
    let mut env = Vec::new();
    if facts.config_form == ConfigForm::Keys {
        return env;
    }
    if ambient.redirection == (AmbientRedirection::Pod { dns_capture_variable: true }) {
        env.push(("AMBIENT_DNS_CAPTURE", on(facts.ambient_dns_capture)));
    }
    env.push(("AMBIENT_ENABLED", "true"));
    env
}

fn text_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect()
}
