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
    recommended_labels: false,
    network_policy: false,
    gke: Gke::BinDirOnly,
    openshift: OpenShift {
        named: false,
        multus: Multus::InjectedAnnotations,
        network_attachment: false,
        scc_rule: false,
        se_linux_type: false,
        gateways_without_user: false,
        ztunnel_in_kube_system: false,
    },
    k3s_bin_dir: None,
    ambient: None,
};

/// Repair as in 1.17 (its rules were split late in 1.19), the rest as in 1.19: the agent learnt ambient here.
const V1_18: Facts = Facts {
    minor: 18,
    evidence: Evidence::Inferred(&[
        "repair",
        "repair_role",
        "node_role",
        "netns_volume",
        "agent_env",
        "openshift.multus",
        "openshift.network_attachment",
    ]),
    node_role: NodeRole::WatchPodsNodesNamespaces,
    netns_volume: Some(NetnsVolume::Untyped),
    agent_env: AgentEnv::NodeAndLogLevel,
    openshift: OpenShift { named: true, multus: Multus::NotChained, network_attachment: true, ..V1_17.openshift },
    ..V1_17
};

const V1_19: Facts = Facts {
    minor: 19,
    ambient: Some(ambient::V1_19),
    evidence: Evidence::Charts,
    repair: Repair::Delete,
    repair_pods_exists: true,
    repair_role: RepairRole::ByRepair,
    ..V1_18
};

const V1_20: Facts = Facts {
    minor: 20,
    ambient: Some(ambient::V1_20),
    netns_volume: Some(NetnsVolume::Directory),
    evidence: Evidence::Inferred(&["repair", "privileged", "openshift.scc_rule", "openshift.gateways_without_user"]),
    ..V1_19
};

/// In-pod redirection came with 1.21, and with it the agent's socket, `/proc` and the repair that enters pods.
const V1_21: Facts = Facts {
    minor: 21,
    ambient: Some(ambient::V1_21),
    netns_volume: Some(NetnsVolume::DirectoryOrCreate),
    evidence: Evidence::Inferred(&[
        "config_form",
        "repair",
        "privileged",
        "capabilities",
        "run_dir_volume",
        "mounts_host_proc",
        "log_output_level",
        "dataplane_mode_label",
        "openshift.multus",
        "openshift.scc_rule",
        "openshift.gateways_without_user",
    ]),
    config_form: ConfigForm::NetworkConfig { event_address: true },
    repair: Repair::RepairPods,
    privileged: Privileged::Always,
    capabilities: &["NET_ADMIN", "NET_RAW", "SYS_ADMIN"],
    run_dir_volume: "cni-socket-dir",
    mounts_host_proc: true,
    ..V1_20
};

const V1_22: Facts = Facts {
    minor: 22,
    ambient: Some(ambient::V1_22),
    evidence: Evidence::Rendered("1.22.1"),
    injector_flag: InjectorFlag::Either,
    exclude_namespaces: &["kube-system"],
    log_output_level: "default:info,cni:info",
    dataplane_mode_label: true,
    openshift: OpenShift { multus: Multus::Provider, scc_rule: true, gateways_without_user: true, ..V1_21.openshift },
    ..V1_21
};

const V1_23: Facts = Facts {
    minor: 23,
    ambient: Some(ambient::V1_23),
    evidence: Evidence::Charts,
    config_form: ConfigForm::Keys,
    repair_binding_has_release: true,
    log_output_level: "info",
    follows_install_log_level: true,
    agent_env: AgentEnv::NodeAndPod,
    metrics_port: true,
    ..V1_22
};

const V1_24: Facts = Facts {
    minor: 24,
    ambient: Some(ambient::V1_24),
    evidence: Evidence::Charts,
    injector_flag: InjectorFlag::PilotCni,
    echoes_cni_values: true,
    privileged: Privileged::Never,
    capabilities: &["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE"],
    app_armor_annotation: true,
    recommended_labels: true,
    openshift: OpenShift { se_linux_type: true, ztunnel_in_kube_system: true, ..V1_23.openshift },
    k3s_bin_dir: Some("/var/lib/rancher/k3s/data/current/bin/"),
    ..V1_23
};

const V1_25: Facts = Facts {
    minor: 25,
    ambient: Some(ambient::V1_25),
    evidence: Evidence::Charts,
    ambient_dns_capture: true,
    ambient_reconcile_on_startup: Some(false),
    gke: Gke::Named,
    k3s_bin_dir: Some("/var/lib/rancher/k3s/data/cni"),
    ..V1_24
};

const V1_26: Facts = Facts {
    minor: 26,
    ambient: Some(ambient::V1_26),
    evidence: Evidence::Charts,
    values_config_map: true,
    allow_switch_to_host_ns: true,
    gke: Gke::NamedWithQuota,
    ..V1_25
};

const V1_27: Facts = Facts {
    minor: 27,
    ambient: Some(ambient::V1_27),
    evidence: Evidence::Charts,
    ambient_enablement_selector: true,
    writes_divisor: true,
    ..V1_26
};

/// That the NetworkPolicy is here and not in 1.27 is inferred from `global.networkPolicy` in the injector's values.
const V1_28: Facts = Facts {
    minor: 28,
    evidence: Evidence::Rendered("1.28.10"),
    ambient_detection_retry: true,
    network_policy: true,
    ..V1_27
};

const V1_29: Facts = Facts {
    minor: 29,
    ambient: Some(ambient::V1_29),
    evidence: Evidence::Rendered("1.29.0"),
    ambient_reconcile_on_startup: Some(true),
    termination_grace_period_seconds: 30,
    ..V1_28
};

/// That AppArmor is still left by annotation when nothing is said about it is inferred.
const V1_30: Facts = Facts { minor: 30, evidence: Evidence::Inferred(&["app_armor_annotation"]), ..V1_29 };
