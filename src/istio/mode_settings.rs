//! Where a control plane says whether injected pods get `istio-init` or istio-cni, whether there is a ztunnel, and which
//! platform it runs on.
//!
//! How pods are redirected is one flag in the injector's values; the injection template never changes. What has to hold is
//! returned as data ([`Setting`]), and whoever owns the documents edits them in place. On the way back to sidecars the platform's
//! settings stay: the platform belongs to the install and not to the mode.
//!
//! Source: `istio-sidecar-injector`, `values` and `istiod` in istioctl's renders of 1.17.5, 1.22.1 and 1.28.10, and the
//! injection templates' conditions at the tags between.

mod ambient;

pub use ambient::{Agents, Ztunnel, agent_settings};

use serde_json::{Value, json};

use super::facts::{Facts, InjectorFlag, Multus};
use super::platform::{Platform, PlatformEffect};

/// How traffic of injected pods is redirected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Redirection {
    /// By the pod's own init container `istio-init`, which needs root.
    IstioInit,
    /// By istio-cni.
    IstioCni,
}

/// What the settings of one control plane depend on.
#[derive(Clone, Copy, Debug)]
pub struct ControlPlane<'a> {
    /// The facts of its version.
    pub facts: &'a Facts,
    /// How injected pods shall be redirected.
    pub redirection: Redirection,
    /// What becomes of ztunnel.
    pub ztunnel: Ztunnel<'a>,
    /// `CA_TRUSTED_NODE_ACCOUNTS` of istiod as it is now.
    pub trusted_accounts: Option<&'a str>,
    /// What its platform means.
    pub platform: &'a PlatformEffect,
    /// Namespace of istiod.
    pub namespace: &'a str,
    /// `cniBinDir` where it is configured by hand.
    pub bin_dir: Option<&'a str>,
    /// `cniConfDir` where it is configured by hand.
    pub conf_dir: Option<&'a str>,
}

/// A document that settings are in. All names but the gateways' end with `-REV` for a named revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Document {
    /// `data.values` of ConfigMap `istio-sidecar-injector`: JSON text, YAML where someone rewrote it.
    InjectorValues,
    /// `data.config` of that ConfigMap: YAML text.
    InjectorConfig,
    /// `data.merged-values` of ConfigMap `values`: JSON text. Where there is no such ConfigMap none is missing.
    MergedValues,
    /// `data.original-values` of that ConfigMap.
    OriginalValues,
    /// Environment of container `discovery` in Deployment `istiod`; the path is a variable's name.
    IstiodEnv,
    /// `data.mesh` of ConfigMap `istio`: YAML text.
    MeshConfig,
    /// The Deployments of the install's gateways.
    GatewayDeployment,
    /// Environment of container `istio-proxy` in them; the path is a variable's name.
    GatewayEnv,
    /// `data` of ConfigMap `istio-cni-config`, where each key is a variable of the agent.
    CniVariables,
    /// `data.cni_network_config` of that ConfigMap: JSON text.
    CniNetworkConfig,
    /// DaemonSet `istio-cni-node`.
    CniDaemonSet,
    /// Container `install-cni` in it.
    CniContainer,
    /// Its environment; the path is a variable's name.
    CniEnv,
    /// Its `volumeMounts`; the path is a `mountPath`.
    CniMounts,
    /// Volumes of the DaemonSet's pod; the path is a name.
    CniVolumes,
    /// DaemonSet `ztunnel`.
    ZtunnelDaemonSet,
    /// Environment of container `istio-proxy` in it; the path is a variable's name.
    ZtunnelEnv,
}

/// What has to be at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Desired {
    /// This value; maps on the way there are made where they are missing.
    Set(Value),
    /// Nothing.
    Remove {
        /// How many of the mappings around it go too, where it was all that they held.
        around: usize,
    },
}

/// When a setting applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Whatever is there.
    Always,
    /// Something is there: absent means the same as the desired value.
    IfPresent,
    /// Nothing is there: whatever is there is the user's choice.
    IfAbsent,
    /// This value is there: any other is the user's choice.
    IfEqual(Value),
}

/// One value that a document has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The document.
    pub document: Document,
    /// Keys from the document's root.
    pub path: Vec<&'static str>,
    /// What has to be there.
    pub desired: Desired,
    /// When.
    pub condition: Condition,
    /// Whether the value only informs people: neither template nor istiod reads it.
    pub informational: bool,
}

impl Setting {
    /// What to do about the value that is there now: `None`, to leave it.
    #[must_use]
    pub fn change(&self, present: Option<&Value>) -> Option<&Desired> {
        let applies = match &self.condition {
            Condition::Always => true,
            Condition::IfPresent => present.is_some(),
            Condition::IfAbsent => present.is_none_or(Value::is_null),
            Condition::IfEqual(value) => present == Some(value),
        };
        let holds = match &self.desired {
            Desired::Set(value) => present.is_some_and(|present| covers(present, value)),
            Desired::Remove { .. } => present.is_none(),
        };
        (applies && !holds).then_some(&self.desired)
    }
}

/// Whether all that is desired is there; a mapping may hold more.
fn covers(present: &Value, desired: &Value) -> bool {
    match (present, desired) {
        (Value::Object(present), Value::Object(desired)) => {
            desired.iter().all(|(key, desired)| present.get(key).is_some_and(|present| covers(present, desired)))
        }
        _ => present == desired,
    }
}

/// Everything that the mode and the platform of a control plane ask of its documents, document by document.
#[must_use]
pub fn settings(plane: &ControlPlane<'_>) -> Vec<Setting> {
    let mut settings = flags(plane);
    settings.extend(multus(plane));
    settings.extend(platform_name(plane));
    settings.extend(openshift_deployments(plane));
    settings.extend(echoes(plane));
    settings.extend(ambient::settings(plane));
    settings.sort_by_key(|setting| setting.document);
    settings
}

/// Paths of the flags that any supported version asks for the mode; which of them counts, the facts say.
#[must_use]
pub fn injector_flags(facts: &Facts) -> &'static [&'static [&'static str]] {
    const ISTIO_CNI: &[&str] = &["istio_cni", "enabled"];
    const PILOT_CNI: &[&str] = &["pilot", "cni", "enabled"];
    match facts.injector_flag {
        InjectorFlag::IstioCni => &[ISTIO_CNI],
        InjectorFlag::Either => &[ISTIO_CNI, PILOT_CNI],
        InjectorFlag::PilotCni => &[PILOT_CNI],
    }
}

fn flags(plane: &ControlPlane<'_>) -> Vec<Setting> {
    let facts = plane.facts;
    let mut flags: Vec<(Document, &'static [&'static str])> =
        injector_flags(facts).iter().map(|path| (Document::InjectorValues, *path)).collect();
    if plane.redirection == Redirection::IstioCni
        && facts.injector_flag == InjectorFlag::Either
        && !plane.platform.is_openshift()
    {
        // The first flag is enough, and istioctl sets no other; OpenShift's profile sets both.
        flags.truncate(1);
    }
    if facts.values_config_map {
        flags.extend([
            (Document::MergedValues, ["cni", "enabled"].as_slice()),
            (Document::MergedValues, &["pilot", "cni", "enabled"]),
            (Document::OriginalValues, &["pilot", "cni", "enabled"]),
        ]);
    }
    flags
        .into_iter()
        .map(|(document, path)| Setting {
            condition: match plane.redirection {
                Redirection::IstioCni => Condition::Always,
                Redirection::IstioInit => Condition::IfPresent,
            },
            informational: document != Document::InjectorValues,
            ..always(document, path, json!(plane.redirection == Redirection::IstioCni))
        })
        .collect()
}

/// How the injector learns that Multus calls the plugin. Nothing of it is set for `istio-init`, and nothing taken back.
fn multus(plane: &ControlPlane<'_>) -> Vec<Setting> {
    const NETWORKS: &str = "k8s.v1.cni.cncf.io/networks";
    if plane.redirection == Redirection::IstioInit || !plane.platform.is_openshift() {
        return Vec::new();
    }
    match plane.facts.openshift.multus {
        Multus::InjectedAnnotations => vec![
            always(
                Document::InjectorValues,
                &["sidecarInjectorWebhook", "injectedAnnotations", NETWORKS],
                json!("istio-cni"),
            ),
            always(Document::InjectorConfig, &["injectedAnnotations", NETWORKS], json!("istio-cni")),
        ],
        Multus::NotChained => vec![always(Document::InjectorValues, &["istio_cni", "chained"], json!(false))],
        Multus::Provider => vec![always(Document::InjectorValues, &["pilot", "cni", "provider"], json!("multus"))],
    }
}

fn platform_name(plane: &ControlPlane<'_>) -> Vec<Setting> {
    const PLATFORM: &[&str] = &["global", "platform"];
    if !plane.platform.named {
        return Vec::new();
    }
    let name = json!(plane.platform.platform.as_str());
    let mut settings = vec![
        always(Document::InjectorValues, PLATFORM, name.clone()),
        always(Document::IstiodEnv, &["PLATFORM"], name.clone()),
    ];
    if plane.facts.values_config_map {
        settings.push(informational(Document::MergedValues, PLATFORM, name.clone()));
        settings.push(informational(Document::OriginalValues, PLATFORM, name));
    }
    settings
}

fn openshift_deployments(plane: &ControlPlane<'_>) -> Vec<Setting> {
    if !plane.platform.is_openshift() {
        return Vec::new();
    }
    let openshift = &plane.facts.openshift;
    let mut settings = Vec::new();
    if openshift.gateways_without_user {
        let paths: [&[&str]; 2] = [
            &["spec", "template", "spec", "securityContext", "runAsUser"],
            &["spec", "template", "spec", "securityContext", "runAsGroup"],
        ];
        settings.extend(paths.map(|path| Setting {
            document: Document::GatewayDeployment,
            path: path.to_vec(),
            desired: Desired::Remove { around: 0 },
            condition: Condition::IfEqual(json!(1337)),
            informational: false,
        }));
    }
    settings
}

/// Values of the CNI chart that istioctl repeats in the control plane's documents; they only inform.
fn echoes(plane: &ControlPlane<'_>) -> Vec<Setting> {
    let platform = plane.platform;
    let mut settings = Vec::new();
    let mut echo = |merged: &'static [&'static str], injector: &'static [&'static str], value: Option<Value>| {
        let Some(value) = value else { return };
        if plane.facts.echoes_cni_values {
            settings.push(informational(Document::InjectorValues, injector, value.clone()));
        }
        if plane.facts.values_config_map {
            settings.push(informational(Document::MergedValues, merged, value));
        }
    };
    let dir = |configured: Option<&str>, own: Option<&str>| configured.or(own).map(|dir| json!(dir));
    echo(&["cni", "cniBinDir"], &["pilot", "cni", "cniBinDir"], dir(plane.bin_dir, platform.cni_bin_dir));
    echo(&["cni", "cniConfDir"], &["pilot", "cni", "cniConfDir"], dir(plane.conf_dir, platform.cni_conf_dir));
    echo(
        &["cni", "cniConfFileName"],
        &["pilot", "cni", "cniConfFileName"],
        platform.cni_conf_file_name.map(|name| json!(name)),
    );
    echo(&["cni", "cniNetnsDir"], &["pilot", "cni", "cniNetnsDir"], platform.cni_netns_dir.map(|dir| json!(dir)));
    echo(&["cni", "chained"], &["pilot", "cni", "chained"], platform.unchained.then_some(Value::Bool(false)));
    echo(
        &["cni", "resourceQuotas", "enabled"],
        &["pilot", "cni", "resourceQuotas", "enabled"],
        platform.resource_quotas.then_some(Value::Bool(true)),
    );
    if !plane.facts.values_config_map {
        return settings;
    }
    let merged: &[(&[&str], Value)] = if platform.is_openshift() {
        &[
            (&["cni", "provider"], json!("multus")),
            (&["pilot", "cni", "provider"], json!("multus")),
            (&["trustedZtunnelNamespace"], json!("kube-system")),
            (&["seLinuxOptions", "type"], json!("spc_t")),
        ]
    } else if platform.resource_quotas {
        &[(&["resourceQuotas", "enabled"], json!(true))]
    } else {
        &[]
    };
    settings.extend(merged.iter().map(|(path, value)| informational(Document::MergedValues, path, value.clone())));
    // The directory that istioctl finds out on GKE counts as the user's own.
    let gke = platform.cni_bin_dir.filter(|_| platform.platform == Platform::Gke);
    for (path, dir) in
        [(["cni", "cniBinDir"].as_slice(), plane.bin_dir.or(gke)), (&["cni", "cniConfDir"], plane.conf_dir)]
    {
        settings.extend(dir.map(|dir| informational(Document::OriginalValues, path, json!(dir))));
    }
    settings
}

fn always(document: Document, path: &'static [&'static str], value: Value) -> Setting {
    let path = path.to_vec();
    Setting { document, path, desired: Desired::Set(value), condition: Condition::Always, informational: false }
}

fn informational(document: Document, path: &'static [&'static str], value: Value) -> Setting {
    Setting { informational: true, ..always(document, path, value) }
}
