//! The rows. Each is written as what changed since the row before it.

use super::{
    AgentEnv, ConfigForm, Evidence, Facts, Gke, InjectorFlag, Multus, NetnsVolume, NodeRole, OpenShift, Privileged,
    Repair, RepairRole, ambient,
};

pub(super) static ROWS: [Facts; 14] =
    [V1_17, V1_18, V1_19, V1_20, V1_21, V1_22, V1_23, V1_24, V1_25, V1_26, V1_27, V1_28, V1_29, V1_30];

const V1_17: Facts = Facts {
    minor: 17,
    evidence: Evidence::Rendered("1.17.5"),
    injector_flag: InjectorFlag::IstioCni,
    values_config_map: false,
    echoes_cni_values: false,
    config_form: ConfigForm::NetworkConfig { event_address: false },
    exclude_namespaces: &["istio-system", "kube-system"],
    ambient_dns_capture: false,
    ambient_reconcile_on_startup: None,
    conf_dir_key: false,
    ambient_enablement_selector: false,
    ambient_detection_retry: false,
    repair: Repair::LabelAndDelete,
    repair_pods_exists: false,
    repair_role: RepairRole::AnyRepair,
    node_role: NodeRole::GetPodsNodes,
    repair_binding_has_release: false,
    privileged: Privileged::OnOpenShift,
    capabilities: &[],
    app_armor_annotation: false,
    run_dir_volume: "cni-log-dir",
    mounts_host_proc: false,
    netns_volume: None,
    termination_grace_period_seconds: 5,
    log_output_level: "default:info",
    follows_install_log_level: false,
    agent_env: AgentEnv::None,
    allow_switch_to_host_ns: false,
    metrics_port: false,
    writes_divisor: false,
    dataplane_mode_label: false,
    redirection_annotation: false,
    recommended_labels: false,
    network_policy: false,
    gke: Gke::BinDirOnly,
    openshift: OpenShift {
        named: false,
        multus: Multus::InjectedAnnotations,
        network_attachment: false,
        network_attachment_label: false,
        scc_rule: false,
        se_linux_type: false,
        gateways_without_user: false,
        ztunnel_in_kube_system: false,
    },
    k3s_bin_dir: None,
    ambient: None,
};

/// The agent learnt ambient here, for whose charts 1.19 is the first.
const V1_18: Facts = Facts {
    minor: 18,
    evidence: Evidence::Charts,
    repair: Repair::Delete,
    node_role: NodeRole::WatchPodsNodesNamespaces,
    netns_volume: Some(NetnsVolume::Untyped),
    repair_role: RepairRole::PodsByRepair,
    agent_env: AgentEnv::NodeAndLogLevel,
    redirection_annotation: true,
    ..V1_17
};

const V1_19: Facts = Facts {
    minor: 19,
    evidence: Evidence::Charts,
    repair_pods_exists: true,
    repair_role: RepairRole::ByRepair,
    agent_env: AgentEnv::NodeLogLevelAndLimits,
    openshift: OpenShift { named: true, multus: Multus::NotChained, network_attachment: true, ..V1_18.openshift },
    ambient: Some(ambient::V1_19),
    ..V1_18
};

const V1_20: Facts = Facts {
    minor: 20,
    evidence: Evidence::Charts,
    netns_volume: Some(NetnsVolume::Directory),
    openshift: OpenShift { network_attachment_label: true, gateways_without_user: true, ..V1_19.openshift },
    ambient: Some(ambient::V1_20),
    ..V1_19
};

/// In-pod redirection came with 1.21, and with it the agent's socket, `/proc` and the repair that enters pods.
const V1_21: Facts = Facts {
    minor: 21,
    evidence: Evidence::Charts,
    config_form: ConfigForm::NetworkConfig { event_address: true },
    repair: Repair::RepairPods,
    privileged: Privileged::Always,
    run_dir_volume: "cni-socket-dir",
    mounts_host_proc: true,
    netns_volume: Some(NetnsVolume::DirectoryOrCreate),
    openshift: OpenShift { scc_rule: true, ..V1_20.openshift },
    ambient: Some(ambient::V1_21),
    ..V1_20
};

const V1_22: Facts = Facts {
    minor: 22,
    evidence: Evidence::Rendered("1.22.1"),
    injector_flag: InjectorFlag::Either,
    exclude_namespaces: &["kube-system"],
    log_output_level: "default:info,cni:info",
    capabilities: &["NET_ADMIN", "NET_RAW", "SYS_ADMIN"],
    redirection_annotation: false,
    dataplane_mode_label: true,
    openshift: OpenShift { multus: Multus::Provider, ..V1_21.openshift },
    ambient: Some(ambient::V1_22),
    ..V1_21
};

const V1_23: Facts = Facts {
    minor: 23,
    evidence: Evidence::Charts,
    config_form: ConfigForm::Keys,
    conf_dir_key: true,
    repair_binding_has_release: true,
    log_output_level: "info",
    follows_install_log_level: true,
    agent_env: AgentEnv::NodeAndPod,
    metrics_port: true,
    ambient: Some(ambient::V1_23),
    ..V1_22
};

const V1_24: Facts = Facts {
    minor: 24,
    evidence: Evidence::Charts,
    injector_flag: InjectorFlag::PilotCni,
    conf_dir_key: false,
    echoes_cni_values: true,
    privileged: Privileged::Never,
    capabilities: &["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE"],
    app_armor_annotation: true,
    recommended_labels: true,
    openshift: OpenShift { se_linux_type: true, ztunnel_in_kube_system: true, ..V1_23.openshift },
    k3s_bin_dir: Some("/var/lib/rancher/k3s/data/current/bin/"),
    ambient: Some(ambient::V1_24),
    ..V1_23
};

const V1_25: Facts = Facts {
    minor: 25,
    evidence: Evidence::Charts,
    ambient_dns_capture: true,
    ambient_reconcile_on_startup: Some(false),
    gke: Gke::Named,
    k3s_bin_dir: Some("/var/lib/rancher/k3s/data/cni"),
    ambient: Some(ambient::V1_25),
    ..V1_24
};

const V1_26: Facts = Facts {
    minor: 26,
    evidence: Evidence::Charts,
    values_config_map: true,
    allow_switch_to_host_ns: true,
    gke: Gke::NamedWithQuota,
    ambient: Some(ambient::V1_26),
    ..V1_25
};

const V1_27: Facts = Facts {
    minor: 27,
    evidence: Evidence::Charts,
    ambient_enablement_selector: true,
    writes_divisor: true,
    ambient: Some(ambient::V1_27),
    ..V1_26
};

const V1_28: Facts =
    Facts { minor: 28, evidence: Evidence::Rendered("1.28.10"), ambient_detection_retry: true, ..V1_27 };

const V1_29: Facts = Facts {
    minor: 29,
    evidence: Evidence::Rendered("1.29.0"),
    ambient_reconcile_on_startup: Some(true),
    termination_grace_period_seconds: 30,
    network_policy: true,
    ambient: Some(ambient::V1_29),
    ..V1_28
};

const V1_30: Facts = Facts { minor: 30, evidence: Evidence::Charts, ..V1_29 };
