//! The registry of rules: what a result can be about. Each has a stable code and a section in `docs/rules.md`.

use std::fmt;

macro_rules! rules {
    ($($(#[doc = $doc:literal])* $name:ident => $code:literal,)*) => {
        /// A rule: what a result is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $($(#[doc = $doc])* $name,)*
        }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, as in `tags.rule` and in the headings of `docs/rules.md`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// Whether a person may accept a finding of the rule. What the API server itself would refuse, and what makes
            /// the input unusable, is not theirs to accept.
            #[must_use]
            pub const fn can_be_accepted(self) -> bool {
                !matches!(
                    self,
                    Self::PodSecurityEnforce
                        | Self::Undecodable
                        | Self::InjectionRefused
                        | Self::InputUnusable
                        | Self::ConfigUnusable
                        | Self::AcceptedUnused
                )
            }

            /// What a result of the rule means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_start(),)*
                }
            }
        }
    };
}

impl Rule {
    /// The rule of a code.
    #[must_use]
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.code() == code)
    }
}

rules! {
    /// The input cannot be used.
    InputUnusable => "input-unusable",
    /// The configuration cannot be used.
    ConfigUnusable => "config-unusable",
    /// The configuration is valid and asks for nothing.
    NothingAsked => "nothing-asked",
    /// Pod Security labels of a Namespace were written.
    NamespaceLabels => "namespace-labels",
    /// A stricter label than the one asked for was kept.
    StricterLabelKept => "stricter-label-kept",
    /// A label's value is no level or version.
    InvalidLabel => "invalid-label",
    /// Resources are in a namespace that the input does not hold.
    NamespaceNotInInput => "namespace-not-in-input",
    /// An entry of `namespaces` names a namespace that nothing in the input is about.
    NamespaceNotFound => "namespace-not-found",
    /// The labels that Kubeflow's profile controller gives to user namespaces were changed.
    UserNamespaceLabels => "user-namespace-labels",
    /// A label that was not there before reaches all user namespaces at once.
    UserNamespacesAllAtOnce => "user-namespaces-all-at-once",
    /// The ConfigMap that the profile controller reads is not in the input.
    UserNamespacesNotFound => "user-namespaces-not-found",
    /// The pods of a namespace violate the level that it enforces.
    PodSecurityEnforce => "pod-security-enforce",
    /// What the `warn` and `audit` labels of a namespace would say of its pods.
    PodSecurityWarn => "pod-security-warn",
    /// `latest` allows a pod that clusters in use would refuse.
    PodSecurityVersion => "pod-security-version",
    /// A resource does not decode, so that the API server would refuse it.
    Undecodable => "undecodable",
    /// A key is in a resource twice.
    DuplicateKey => "duplicate-key",
    /// Istio's injector would refuse a pod.
    InjectionRefused => "injection-refused",
    /// It cannot be told what Istio's injector makes of a pod.
    InjectionUnpredictable => "injection-unpredictable",
    /// Mutating webhooks see pods, and what they do to them is in no manifest.
    OtherWebhooks => "other-webhooks",
    /// `strictest` comes to a level below `floor`.
    StrictestBelowFloor => "strictest-below-floor",
    /// `strictest` cannot be found out for a namespace.
    StrictestUnknown => "strictest-unknown",
    /// A level for user namespaces that injected pods cannot meet.
    UserNamespacesNeedCni => "user-namespaces-need-cni",
    /// An entry of `accepted` matches no finding.
    AcceptedUnused => "accepted-unused",
    /// A run of the filter would still change the input.
    ConfigNotApplied => "config-not-applied",
    /// A namespace, or the cluster, asks less of pods than in the older render.
    LevelLowered => "level-lowered",
    /// A pod, or all pods of a namespace, meets only a lower level than in the older render.
    PodLevelLowered => "pod-level-lowered",
    /// Pods violate what they did not violate in the older render.
    NewViolation => "new-violation",
    /// Injected pods get `istio-init` where istio-cni redirected them in the older render.
    RootfulAgain => "rootful-again",
    /// What was in the mesh in the older render is not any more.
    OutOfMesh => "out-of-mesh",
    /// A policy of the older render is gone.
    PolicyLost => "policy-lost",
    /// A policy protects less than in the older render.
    PolicyWeaker => "policy-weaker",
    /// A policy has changed so that a person must compare.
    PolicyChanged => "policy-changed",
    /// Something is exempt that was not in the older render.
    NewExemption => "new-exemption",
    /// Something is safer than in the older render.
    SaferThanBefore => "safer-than-before",
    /// A text inside a scalar had to be written anew in another style.
    TextRestyled => "text-restyled",
    /// The input holds no Istio, so no mode could be set.
    NoIstio => "no-istio",
    /// A setting of the control plane was changed for the data plane mode or the platform.
    IstioSettings => "istio-settings",
    /// An object of a data plane mode was added.
    IstioObjectAdded => "istio-object-added",
    /// An object of a data plane mode was removed; it is still in the cluster.
    IstioObjectRemoved => "istio-object-removed",
    /// Ambient is alpha in this Istio.
    AmbientAlpha => "ambient-alpha",
    /// ztunnel goes to another namespace than that of istio-cni, or to one that is not in the input.
    ZtunnelNamespace => "ztunnel-namespace",
    /// The data plane mode was half reached in the input.
    IstioHalfDone => "istio-half-done",
    /// Pods keep their old redirection until they restart.
    RestartNeeded => "restart-needed",
    /// The input shows a platform that the configuration does not name.
    PlatformNotStated => "platform-not-stated",
    /// An istio-cni that was there already is not set up for the platform.
    CniPlatform => "cni-platform",
    /// Istio is newer than what this version knows.
    IstioTooNew => "istio-too-new",
    /// Parts of one Istio are of different versions.
    IstioVersionDrift => "istio-version-drift",
    /// The configuration says of Istio's images what the input says otherwise.
    IstioKeyNotUsed => "istio-key-not-used",
    /// istiod's image is pinned by a digest, added images are not.
    ImageNotPinned => "image-not-pinned",
    /// istio-cni may change more in the cluster than it needs to.
    CniRightsTooWide => "cni-rights-too-wide",
    /// An Istio resource has no namespace.
    IstioNamespaceAbsent => "istio-namespace-absent",
    /// The namespace of istio-cni is not in the input.
    CniNamespaceNotInInput => "cni-namespace-not-in-input",
    /// KServe's storage initializer runs before the mesh lets it out.
    StorageInitializer => "storage-initializer-before-mesh",
    /// The objects of an Istio that a custom resource describes were left to its controller.
    LeftToController => "left-to-controller",
    /// A pod template was hardened towards a level.
    HardenPods => "harden-pods",
    /// A pod falls short of the level by what it states itself, so that a person must decide.
    HardenNeedsDecision => "harden-needs-decision",
    /// No numeric user is known for a container, so `runAsNonRoot` was not set.
    HardenUserUnknown => "harden-user-unknown",
    /// A container that keeps data in a volume gets another user than the one that may have written it.
    HardenUserAndVolume => "harden-user-and-volume",
    /// A resource was left as it is, since it cannot be edited.
    HardenNotPossible => "harden-not-possible",
    /// An agent that needs its privileges on the node was left alone.
    HardenLeftAlone => "harden-left-alone",
    /// Pods fall short of the level only by what Istio's injector adds to them.
    HardenInjected => "harden-injected",
    /// A setting by which a controller makes pods at run time was hardened.
    HardenGenerated => "harden-generated",
    /// Two entries of `workloads.users` name the same image and differ.
    UsersContradict => "users-contradict",
    /// Pods that a controller makes at run time cannot reach the level of user namespaces.
    GeneratedPods => "generated-pods",
    /// A namespace was moved to ambient, or back.
    AmbientNamespace => "ambient-namespace",
    /// A namespace of the mesh keeps its sidecars.
    AmbientNamespaceKept => "ambient-namespace-kept",
    /// An entry of `ambient.namespaces` enrols nothing.
    AmbientNamespacesUnmatched => "ambient-namespaces-unmatched",
    /// The labels of a pod that decide about the mesh were changed.
    AmbientPod => "ambient-pod",
    /// A pod keeps its sidecar in a namespace that was moved to ambient.
    AmbientPodKept => "ambient-pod-kept",
    /// A pod has annotations that nobody reads in ambient.
    AmbientAnnotationIgnored => "ambient-annotation-ignored",
    /// User namespaces were moved to ambient, or back.
    AmbientUserNamespaces => "ambient-user-namespaces",
    /// Policies that a controller makes at run time do not stand in the input.
    AmbientRunTimePolicies => "ambient-run-time-policies",
    /// Pods that a controller makes at run time and that shall stay out of the mesh.
    AmbientGeneratedPods => "ambient-generated-pods",
    /// A policy is enforced as before.
    PolicyKept => "policy-kept",
    /// A policy refuses more in ambient than it says.
    PolicyDeniesMore => "policy-denies-more",
    /// A policy lets something in, in ambient, that it refuses.
    PolicyFailsOpen => "policy-fails-open",
    /// A policy was split between ztunnel and a waypoint, or put together again.
    PolicySplit => "policy-split",
    /// What comes past a waypoint does not meet the whole policy.
    PolicyPastWaypoint => "policy-past-waypoint",
    /// A waypoint was added, or a Service was sent through it.
    WaypointAdded => "waypoint-added",
    /// A waypoint cannot run as it must.
    WaypointBlocked => "waypoint-blocked",
    /// Sidecars go past waypoints.
    SidecarsBypassWaypoints => "sidecars-bypass-waypoints",
    /// The definitions of the Gateway API are not in the input.
    GatewayApiAbsent => "gateway-api-absent",
    /// A resource of Istio has no effect on pods of ambient.
    AmbientInert => "ambient-inert",
    /// A PeerAuthentication says what ambient does not know.
    PeerAuthenticationIgnored => "peer-authentication-ignored",
    /// A NetworkPolicy needs no change for ambient.
    NetworkPolicyKept => "network-policy-kept",
    /// The port of ambient was added to a NetworkPolicy, or taken away.
    NetworkPolicyHbone => "network-policy-hbone",
    /// A NetworkPolicy limits less than before.
    NetworkPolicyOpensPorts => "network-policy-opens-ports",
    /// A NetworkPolicy may keep the mesh out.
    NetworkPolicyBlocks => "network-policy-blocks",
    /// Virtual machines are in the mesh.
    AmbientVirtualMachines => "ambient-virtual-machines",
    /// Identities come from SPIRE.
    AmbientSpire => "ambient-spire",
    /// The mesh spans several clusters.
    AmbientMulticluster => "ambient-multicluster",
    /// Sidecars cannot talk to pods of ambient.
    AmbientSidecarHbone => "ambient-sidecar-hbone",
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
