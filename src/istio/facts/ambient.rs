//! What ambient asks of each minor that has it: one row for each of 1.19 to 1.30.
//!
//! Ambient was alpha up to 1.21, beta in 1.22 and 1.23, and is generally available since 1.24. Up to 1.20 the node's
//! ztunnel took traffic from the node's network namespace; since 1.21 it enters that of each pod.
//!
//! Source: `manifests/charts/{ztunnel,istio-cni,istio-control/istio-discovery}` with their profile `ambient` at the release
//! tags (`manifests/profiles/ambient.yaml` of 1.19 and 1.20), compared with renders of 1.22.1 and 1.28.10.

/// The facts of ambient for one minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AmbientFacts {
    /// Istio calls it alpha: 1.19 to 1.21.
    pub alpha: bool,

    /// Variables of istiod that are `true` in ambient.
    pub istiod_env: &'static [&'static str],
    /// Further ones on OpenShift.
    pub istiod_env_on_openshift: &'static [&'static str],
    /// Which ztunnels istiod lets ask for the certificates of other accounts.
    pub trusted: TrustedAccounts,
    /// Whether istiod writes `istio-ca-root-cert` into `kube-system`, without which ztunnel there trusts nobody.
    pub serves_kube_system: bool,
    /// Whether the injector's values hold `pilot.cni.ambient`.
    pub injector_cni: bool,
    /// Whether the injector's values hold `pilot.env`.
    pub injector_env: bool,
    /// Whether the mesh has `serviceScopeConfigs` for Services that other clusters may use.
    pub service_scopes: bool,
    /// Whether the mesh names Prometheus as a provider, which later minors do by themselves.
    pub prometheus_provider: bool,

    /// How istio-cni and ztunnel get hold of a pod's traffic.
    pub redirection: AmbientRedirection,
    /// Whether istio-cni is on the node's network.
    pub host_network: HostNetwork,
    /// Whether istio-cni finds out by its own DaemonSet whether it is being upgraded.
    pub reads_own_daemon_set: bool,
    /// Whether only ambient makes istio-cni privileged.
    pub privileged: bool,
    /// Capabilities that istio-cni has only in ambient.
    pub capabilities: &'static [&'static str],
    /// `logLevel` of plugin and agent, where the profile sets it.
    pub log_level: Option<&'static str>,
    /// Namespaces whose pods the plugin leaves alone, where they are others than in the cni mode.
    pub exclude_namespaces: Option<&'static [&'static str]>,

    /// ztunnel itself.
    pub ztunnel: ZtunnelFacts,
}

/// How `CA_TRUSTED_NODE_ACCOUNTS` of istiod comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrustedAccounts {
    /// The profile sets `istio-system/ztunnel,kube-system/ztunnel`; without ambient there is no variable.
    BothNamespaces,
    /// The chart writes the account of `trustedZtunnelNamespace`, or of istiod's own namespace, in every mode.
    OneNamespace,
}

/// How a pod's traffic gets to ztunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmbientRedirection {
    /// From the node's network namespace.
    Node,
    /// From within the pod, whose network namespace istio-cni hands to ztunnel. With a variable in the DaemonSet of
    /// istio-cni that says whether DNS is captured, or with a key of its ConfigMap.
    Pod {
        /// The variable.
        dns_capture_variable: bool,
    },
}

/// Whether istio-cni is on the node's network in ambient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostNetwork {
    /// Yes, with the node's DNS.
    NodeDns,
    /// Yes, with the cluster's DNS (`dnsPolicy`).
    ClusterDns,
    /// No: it switches to the node's namespace where it has to.
    No,
}

/// What differs in ztunnel's own objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZtunnelFacts {
    /// Labels of the objects.
    pub labels: ZtunnelLabels,
    /// Whether objects say by annotation `istio.io/rev` which revision they belong to.
    pub revision_annotation: bool,
    /// Annotations of the pod beside those of all minors.
    pub annotations: &'static [(&'static str, &'static str)],
    /// Whether the pod has the label `istio.io/dataplane-mode: none`.
    pub dataplane_mode_label: bool,
    /// Whether the pod is `system-node-critical`.
    pub node_critical: bool,
    /// Capabilities that are added after dropping all.
    pub capabilities: &'static [&'static str],
    /// `allowPrivilegeEscalation`; with `SYS_ADMIN` the kubelet takes it for true anyway.
    pub allow_privilege_escalation: bool,
    /// Requested CPU and memory.
    pub requests: (&'static str, &'static str),
    /// Whether `CA_ADDRESS` and `XDS_ADDRESS` say where istiod is.
    pub addresses: bool,
    /// Name of the variable that holds the cluster's name.
    pub cluster_variable: &'static str,
    /// Variables with fixed values, in the chart's order around the cluster's name: before it.
    pub env_before_cluster: &'static [(&'static str, &'static str)],
    /// After it.
    pub env_after_cluster: &'static [(&'static str, &'static str)],
    /// Whether `LOG_FORMAT` follows `global.logAsJson`.
    pub follows_log_format: bool,
    /// Whether `NETWORK` follows `global.network`.
    pub follows_network: bool,
    /// Whether `ZTUNNEL_CPU_LIMIT` says how many threads there shall be.
    pub cpu_limit: bool,
    /// Whether `resourceFieldRef` writes the divisor that is the default anyway.
    pub writes_divisor: bool,
    /// Whether the socket that istio-cni hands pods over is mounted.
    pub socket: bool,
    /// Whether there is a writable `/tmp`.
    pub tmp: bool,
    /// What OpenShift needs beside; None: Istio has no ambient for it.
    pub openshift: Option<ZtunnelOnOpenShift>,
    /// Whether the chart has a NetworkPolicy for `global.networkPolicy.enabled`.
    pub network_policy: bool,
}

/// `app.kubernetes.io/*` of ztunnel's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ZtunnelLabels {
    /// None.
    None,
    /// On the objects, of what they are alone, from this patch release on: the template means to say more, and cannot see
    /// the release that it would name.
    Unversioned {
        /// The patch.
        since: u32,
    },
    /// As all other objects of the install, pod templates included.
    OfInstall,
}

/// The ClusterRole that lets ztunnel use the SecurityContextConstraints `privileged`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZtunnelOnOpenShift {
    /// Whether its label `release` is `ztunnel` and not the install's release.
    pub own_release: bool,
    /// Whether it has label `istio.io/rev`.
    pub revision_label: bool,
}

pub(super) const V1_19: AmbientFacts = AmbientFacts {
    alpha: true,
    istiod_env: &[
        "ENABLE_AUTO_SNI",
        "PILOT_ENABLE_AMBIENT_CONTROLLERS",
        "PILOT_ENABLE_HBONE",
        "VERIFY_CERTIFICATE_AT_CLIENT",
    ],
    istiod_env_on_openshift: &[],
    trusted: TrustedAccounts::BothNamespaces,
    serves_kube_system: false,
    injector_cni: false,
    injector_env: false,
    service_scopes: false,
    prometheus_provider: true,
    redirection: AmbientRedirection::Node,
    host_network: HostNetwork::NodeDns,
    reads_own_daemon_set: false,
    privileged: true,
    capabilities: &[],
    log_level: Some("info"),
    exclude_namespaces: Some(&["kube-system"]),
    ztunnel: ZtunnelFacts {
        labels: ZtunnelLabels::None,
        revision_annotation: false,
        annotations: &[
            ("ambient.istio.io/redirection", "disabled"),
            ("cni.projectcalico.org/allowedSourcePrefixes", "[\"0.0.0.0/0\"]"),
        ],
        dataplane_mode_label: false,
        node_critical: false,
        capabilities: &["NET_ADMIN"],
        allow_privilege_escalation: false,
        requests: ("500m", "2048Mi"),
        addresses: false,
        cluster_variable: "CLUSTER_ID",
        env_before_cluster: &[],
        env_after_cluster: &[],
        follows_log_format: false,
        follows_network: false,
        cpu_limit: false,
        writes_divisor: false,
        socket: false,
        tmp: false,
        openshift: None,
        network_policy: false,
    },
};

pub(super) const V1_20: AmbientFacts =
    AmbientFacts { ztunnel: ZtunnelFacts { addresses: true, ..V1_19.ztunnel }, ..V1_19 };

pub(super) const V1_21: AmbientFacts = AmbientFacts {
    serves_kube_system: true,
    prometheus_provider: false,
    redirection: AmbientRedirection::Pod { dns_capture_variable: true },
    privileged: false,
    capabilities: &["NET_ADMIN", "SYS_ADMIN", "NET_RAW"],
    ztunnel: ZtunnelFacts {
        annotations: &[("ambient.istio.io/redirection", "disabled")],
        node_critical: true,
        capabilities: &["NET_ADMIN", "SYS_ADMIN", "NET_RAW"],
        cluster_variable: "ISTIO_META_CLUSTER_ID",
        env_before_cluster: &[("RUST_LOG", "info")],
        env_after_cluster: &[("INPOD_ENABLED", "true"), ("ISTIO_META_DNS_PROXY_ADDR", "127.0.0.1:15053")],
        socket: true,
        ..V1_20.ztunnel
    },
    ..V1_20
};

pub(super) const V1_22: AmbientFacts = AmbientFacts {
    alpha: false,
    istiod_env: &["PILOT_ENABLE_AMBIENT"],
    istiod_env_on_openshift: &["PILOT_ENABLE_SENDING_HBONE", "PILOT_ENABLE_SIDECAR_LISTENING_HBONE"],
    capabilities: &[],
    log_level: None,
    exclude_namespaces: None,
    ztunnel: ZtunnelFacts {
        labels: ZtunnelLabels::Unversioned { since: 4 },
        annotations: &[],
        dataplane_mode_label: true,
        requests: ("200m", "512Mi"),
        tmp: true,
        openshift: Some(ZtunnelOnOpenShift { own_release: false, revision_label: true }),
        ..V1_21.ztunnel
    },
    ..V1_21
};

pub(super) const V1_23: AmbientFacts = AmbientFacts {
    trusted: TrustedAccounts::OneNamespace,
    redirection: AmbientRedirection::Pod { dns_capture_variable: false },
    ztunnel: ZtunnelFacts {
        labels: ZtunnelLabels::Unversioned { since: 0 },
        revision_annotation: true,
        env_before_cluster: &[("RUST_LOG", "info"), ("RUST_BACKTRACE", "1")],
        env_after_cluster: &[("INPOD_ENABLED", "true"), ("TERMINATION_GRACE_PERIOD_SECONDS", "30")],
        openshift: Some(ZtunnelOnOpenShift { own_release: false, revision_label: false }),
        ..V1_22.ztunnel
    },
    ..V1_22
};

pub(super) const V1_24: AmbientFacts = AmbientFacts {
    istiod_env_on_openshift: &[],
    injector_cni: true,
    host_network: HostNetwork::ClusterDns,
    ztunnel: ZtunnelFacts {
        labels: ZtunnelLabels::OfInstall,
        allow_privilege_escalation: true,
        follows_log_format: true,
        ..V1_23.ztunnel
    },
    ..V1_23
};

pub(super) const V1_25: AmbientFacts = AmbientFacts {
    reads_own_daemon_set: true,
    ztunnel: ZtunnelFacts {
        openshift: Some(ZtunnelOnOpenShift { own_release: true, revision_label: false }),
        ..V1_24.ztunnel
    },
    ..V1_24
};

pub(super) const V1_26: AmbientFacts = AmbientFacts { injector_env: true, host_network: HostNetwork::No, ..V1_25 };

pub(super) const V1_27: AmbientFacts = AmbientFacts {
    service_scopes: true,
    ztunnel: ZtunnelFacts { follows_network: true, cpu_limit: true, ..V1_26.ztunnel },
    ..V1_26
};

pub(super) const V1_29: AmbientFacts =
    AmbientFacts { ztunnel: ZtunnelFacts { writes_divisor: true, network_policy: true, ..V1_27.ztunnel }, ..V1_27 };
