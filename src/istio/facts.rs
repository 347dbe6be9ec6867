//! What differs among Istio's minors, as data: one row for each of 1.17 to 1.30.
//!
//! A row describes the last patch release of its minor; its form is right for the agents of the earlier patches too.
//! Where two patches disagree because the chart had a mistake, the row has what the agent reads: the charts of 1.23,
//! 1.24.0-4 and 1.25.0-1 write the ConfigMap key `EXCLUDED_NAMESPACES`, `cni/pkg/cmd/root.go` reads `EXCLUDE_NAMESPACES`.
//!
//! Source: `manifests/charts/{istio-cni,istio-control/istio-discovery,gateways}` at the release tags. How well each
//! row is known is in the row ([`Evidence`]).

mod ambient;
mod table;

pub use ambient::{
    AmbientFacts, AmbientRedirection, HostNetwork, TrustedAccounts, ZtunnelFacts, ZtunnelLabels, ZtunnelOnOpenShift,
};

use super::version::Version;

/// The facts of one minor. Fields are named after what the charts call the thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The minor that the row describes: 28 for 1.28.
    pub minor: u32,
    /// How well the row is known.
    pub evidence: Evidence,

    /// Which key of the injector's values decides between `istio-init` and istio-cni.
    pub injector_flag: InjectorFlag,
    /// Whether the install has a ConfigMap `values[-REV]` that repeats its values for whoever reads it.
    pub values_config_map: bool,
    /// Whether the injector's values repeat those of the CNI chart under `pilot.cni`; no template reads them.
    pub echoes_cni_values: bool,

    /// How `istio-cni-config` is written and read.
    pub config_form: ConfigForm,
    /// Namespaces whose pods the CNI plugin leaves alone (`excludeNamespaces`).
    pub exclude_namespaces: &'static [&'static str],
    /// `ambient.dnsCapture`, which the ConfigMap states although nothing reads it without ambient.
    pub ambient_dns_capture: bool,
    /// `ambient.reconcileIptablesOnStartup`, where the chart has it.
    pub ambient_reconcile_on_startup: Option<bool>,
    /// Whether the ConfigMap repeats the node's directory of CNI configurations.
    pub conf_dir_key: bool,
    /// Whether the chart has `ambient.enablementSelectors`, `istioOwnedCNIConfig` and `global.nativeNftables`.
    pub ambient_enablement_selector: bool,
    /// Whether the chart has `ambient.enableAmbientDetectionRetry`.
    pub ambient_detection_retry: bool,

    /// What the agent does to pods that started before the node's CNI was ready (`repair`).
    pub repair: Repair,
    /// Whether `repairPods` exists, if only to be off.
    pub repair_pods_exists: bool,
    /// What ClusterRole `istio-cni-repair-role` allows.
    pub repair_role: RepairRole,
    /// What ClusterRole `istio-cni` allows.
    pub node_role: NodeRole,
    /// Whether the binding of the repair role has label `release`.
    pub repair_binding_has_release: bool,

    /// When the agent's container is privileged.
    pub privileged: Privileged,
    /// Capabilities that the container adds after dropping all; empty: the chart lists none either way.
    pub capabilities: &'static [&'static str],
    /// Whether the container runs without AppArmor profile, by annotation.
    ///
    /// 1.30's chart can write `appArmorProfile` instead (`useAppArmorAnnotation`). Kubernetes before 1.30 knows only
    /// the annotation, and later ones still read it.
    pub app_armor_annotation: bool,
    /// Name of the volume of `/var/run/istio-cni`.
    pub run_dir_volume: &'static str,
    /// Whether the node's `/proc` is mounted, through which pods are repaired.
    pub mounts_host_proc: bool,
    /// How the pod defines volume `cni-netns-dir`, where it does; only ambient mounts it.
    pub netns_volume: Option<NetnsVolume>,
    /// `terminationGracePeriodSeconds` of the DaemonSet.
    pub termination_grace_period_seconds: i64,
    /// The chart's own `--log_output_level`.
    pub log_output_level: &'static str,
    /// Whether the install's `global.logging.level` replaces it.
    pub follows_install_log_level: bool,
    /// Environment of the agent beside what the ConfigMap and repair need.
    pub agent_env: AgentEnv,
    /// Whether `ALLOW_SWITCH_TO_HOST_NS` is set.
    pub allow_switch_to_host_ns: bool,
    /// Whether the container declares its metrics port.
    pub metrics_port: bool,
    /// Whether `resourceFieldRef` writes the divisor that is the default anyway.
    pub writes_divisor: bool,
    /// Whether the agent's pods carry `istio.io/dataplane-mode: none`.
    pub dataplane_mode_label: bool,
    /// Whether they say to the ambient of old that their own traffic is not its business.
    pub redirection_annotation: bool,
    /// Whether objects carry `app.kubernetes.io/*` and `helm.sh/chart`.
    pub recommended_labels: bool,
    /// Whether the chart has a NetworkPolicy for `global.networkPolicy.enabled`.
    pub network_policy: bool,

    /// Whether istiod is told of platform `gke`, and whether the chart then makes a ResourceQuota.
    pub gke: Gke,
    /// What the OpenShift profile does.
    pub openshift: OpenShift,
    /// `cniBinDir` of the k3s profile; `None` before 1.24, where k3d, k3s, microk8s and minikube have no profiles.
    pub k3s_bin_dir: Option<&'static str>,

    /// What ambient asks for; `None` before 1.19, which has no ztunnel.
    pub ambient: Option<AmbientFacts>,
}

/// How a row is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The objects equal those that this release of istioctl renders.
    Rendered(&'static str),
    /// Read off the charts at the tags of this minor.
    Charts,
}

/// The key of the injector's values that its template asks for the mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InjectorFlag {
    /// `istio_cni.enabled`.
    IstioCni,
    /// `istio_cni.enabled` or `pilot.cni.enabled`: either turns istio-cni on, both must be off for `istio-init`.
    Either,
    /// `pilot.cni.enabled`.
    PilotCni,
}

/// Form of ConfigMap `istio-cni-config`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigForm {
    /// Key `cni_network_config` holds the plugin's JSON; the DaemonSet has the rest as environment.
    NetworkConfig {
        /// Whether the JSON names the socket that the plugin reports new pods to.
        event_address: bool,
    },
    /// One key for each variable; the DaemonSet takes them all by `envFrom`.
    Keys,
}

/// Which repair is on by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// `labelPods` and `deletePods`.
    LabelAndDelete,
    /// `deletePods`.
    Delete,
    /// `repairPods`: the agent sets up the pod's network itself.
    RepairPods,
}

/// Rules of ClusterRole `istio-cni-repair-role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairRole {
    /// One list of verbs for all repairs.
    AnyRepair,
    /// Reading pods, and what the repair that is on needs.
    PodsByRepair,
    /// Writing events too.
    ByRepair,
}

/// Rules of ClusterRole `istio-cni`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRole {
    /// `get` on pods and nodes.
    GetPodsNodes,
    /// `get`, `list`, `watch` on pods, nodes and namespaces.
    WatchPodsNodesNamespaces,
}

/// When the agent's container is privileged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privileged {
    /// Never: capabilities are enough.
    Never,
    /// On OpenShift, whose SELinux would keep it from the node's directories.
    OnOpenShift,
    /// Always.
    Always,
}

/// Type of the volume of the directory with the network namespaces of the node's pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetnsVolume {
    /// Whatever is there.
    Untyped,
    /// A directory that must be there.
    Directory,
    /// A directory: a node makes it with its first pod that is not on the host network.
    DirectoryOrCreate,
}

impl NetnsVolume {
    /// `hostPath.type`.
    #[must_use]
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            Self::Untyped => None,
            Self::Directory => Some("Directory"),
            Self::DirectoryOrCreate => Some("DirectoryOrCreate"),
        }
    }
}

/// Environment of the agent's container that describes its pod and limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentEnv {
    /// Nothing.
    None,
    /// `NODE_NAME`, `LOG_LEVEL`.
    NodeAndLogLevel,
    /// `NODE_NAME`, `LOG_LEVEL`, `GOMEMLIMIT`, `GOMAXPROCS`.
    NodeLogLevelAndLimits,
    /// `NODE_NAME`, `GOMEMLIMIT`, `GOMAXPROCS`, `POD_NAME`, `POD_NAMESPACE`.
    NodeAndPod,
}

/// What Istio makes of platform `gke`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gke {
    /// istioctl does not know the name; it only looks for GKE's binary directory.
    BinDirOnly,
    /// istiod is told.
    Named,
    /// istiod is told, and a ResourceQuota lets node-critical pods into the CNI's namespace.
    NamedWithQuota,
}

/// What the OpenShift profile does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenShift {
    /// Whether istiod (`PLATFORM`) and the injector (`global.platform`) are told.
    pub named: bool,
    /// How the injector is told that Multus calls the plugin.
    pub multus: Multus,
    /// Whether the chart makes the NetworkAttachmentDefinition that injected pods refer to.
    pub network_attachment: bool,
    /// Whether that has the label of the component.
    pub network_attachment_label: bool,
    /// Whether ClusterRole `istio-cni` may use the SecurityContextConstraints `privileged`.
    pub scc_rule: bool,
    /// Whether the agent's container has SELinux type `spc_t`.
    pub se_linux_type: bool,
    /// Whether gateways leave their user to OpenShift's own ranges.
    pub gateways_without_user: bool,
    /// Whether istiod trusts ztunnel in `kube-system` instead of its own namespace, with or without ambient.
    pub ztunnel_in_kube_system: bool,
}

/// What makes the injector write annotation `k8s.v1.cni.cncf.io/networks` on OpenShift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multus {
    /// `injectedAnnotations`, in the injector's configuration and in its values.
    InjectedAnnotations,
    /// `istio_cni.chained: false`.
    NotChained,
    /// `pilot.cni.provider: multus`.
    Provider,
}

/// What the table says about a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FactsLookup {
    /// The version's own row.
    Known(&'static Facts),
    /// The version is newer than the table: its newest row, which may be wrong for it.
    Newer(&'static Facts),
    /// The version is older than the table: nothing is known of it.
    TooOld,
}

/// All rows, oldest first, without gaps.
#[must_use]
pub fn all() -> &'static [Facts] {
    &table::ROWS
}

/// The row of a version's minor.
#[must_use]
pub fn facts_for(version: &Version) -> FactsLookup {
    let rows = all();
    match rows.iter().find(|row| version.major() == 1 && row.minor == version.minor()) {
        Some(row) => FactsLookup::Known(row),
        None => match rows.last() {
            Some(newest) if (version.major(), version.minor()) > (1, newest.minor) => FactsLookup::Newer(newest),
            _ => FactsLookup::TooOld,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(version: &str) -> FactsLookup {
        facts_for(&version.parse().unwrap())
    }

    #[test]
    fn every_minor_has_its_row() {
        let minors: Vec<u32> = all().iter().map(|row| row.minor).collect();
        assert_eq!(minors, (17..=30).collect::<Vec<_>>());
    }

    #[test]
    fn a_version_finds_the_row_of_its_minor() {
        for row in all() {
            for version in
                [format!("1.{}.0", row.minor), format!("1.{}.99", row.minor), format!("1.{}-alpha.1", row.minor)]
            {
                assert_eq!(lookup(&version), FactsLookup::Known(row), "{version}");
            }
        }
    }

    #[test]
    fn versions_outside_of_the_table_say_so() {
        for version in ["1.16.7", "1.9.0", "0.28.0"] {
            assert_eq!(lookup(version), FactsLookup::TooOld, "{version}");
        }
        for version in ["1.31.0", "1.31-alpha.1", "2.0.0"] {
            assert!(matches!(lookup(version), FactsLookup::Newer(row) if row.minor == 30), "{version}");
        }
    }
}
