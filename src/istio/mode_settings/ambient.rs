//! What ambient asks of the documents of a control plane, of istio-cni and of a ztunnel that is there already; and what is
//! taken back when ztunnel goes.
//!
//! Only what ambient itself has set is taken back: a value that differs from it is the user's own.
//!
//! Source: the profile `ambient` of the charts at the tags, compared with renders of 1.22.1 and 1.28.10.

use serde_json::{Map, Value, json};

use super::{Condition, ControlPlane, Desired, Document, Setting, always, informational};
use crate::istio::facts::{AmbientFacts, AmbientRedirection, ConfigForm, Facts, HostNetwork, TrustedAccounts};
use crate::istio::objects::cni::{ambient_directories, ambient_environment};
use crate::istio::platform::PlatformEffect;

/// The variable by which a proxy is told that it may get HBONE.
const HBONE: &str = "ISTIO_META_ENABLE_HBONE";
/// The accounts that may ask istiod for the certificates of others on their node.
const TRUSTED: &str = "CA_TRUSTED_NODE_ACCOUNTS";

/// What becomes of ztunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ztunnel<'a> {
    /// There is none and there was none.
    Absent,
    /// There was one, in this namespace.
    Removed {
        /// The namespace.
        namespace: &'a str,
    },
    /// There shall be one, in this namespace.
    Present {
        /// The namespace.
        namespace: &'a str,
    },
}

/// What the settings of istio-cni and of ztunnel depend on, which all control planes share.
#[derive(Clone, Copy, Debug)]
pub struct Agents<'a> {
    /// The facts of the version that they have.
    pub facts: &'a Facts,
    /// What the platform means.
    pub platform: &'a PlatformEffect,
    /// What becomes of ztunnel.
    pub ztunnel: Ztunnel<'a>,
}

/// Whether ambient comes or goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    On,
    Off,
}

impl Ztunnel<'_> {
    fn turn(self) -> Option<Turn> {
        match self {
            Self::Absent => None,
            Self::Removed { .. } => Some(Turn::Off),
            Self::Present { .. } => Some(Turn::On),
        }
    }
}

/// A value that is there while ambient is.
fn with(turn: Turn, document: Document, path: &[&'static str], value: Value, around: usize) -> Setting {
    let (desired, condition) = match turn {
        Turn::On => (Desired::Set(value), Condition::Always),
        Turn::Off => (Desired::Remove { around }, Condition::IfEqual(value)),
    };
    Setting { document, path: path.to_vec(), desired, condition, informational: false }
}

/// Settings of a control plane.
pub(super) fn settings(plane: &ControlPlane<'_>) -> Vec<Setting> {
    let mut settings: Vec<Setting> = trusted_accounts(plane).into_iter().collect();
    let (Some(facts), Some(turn)) = (&plane.facts.ambient, plane.ztunnel.turn()) else { return settings };
    let on_openshift = if plane.platform.is_openshift() { facts.istiod_env_on_openshift } else { &[] };
    for name in facts.istiod_env.iter().chain(on_openshift) {
        settings.push(with(turn, Document::IstiodEnv, &[name], json!("true"), 0));
    }
    settings.push(with(turn, Document::GatewayEnv, &[HBONE], json!("true"), 0));
    settings.extend(mesh(facts, turn, Document::MeshConfig, &[], 0));
    if facts.injector_cni {
        settings.push(with(turn, Document::InjectorValues, &["pilot", "cni", "ambient", "enabled"], json!(true), 1));
    }
    if facts.injector_env {
        let path = ["pilot", "env", "PILOT_ENABLE_AMBIENT"];
        settings.push(with(turn, Document::InjectorValues, &path, json!("true"), 0));
    }
    if plane.facts.values_config_map {
        settings.extend(values_copy(facts, turn));
    }
    settings
}

/// The ConfigMap that repeats the install's values.
fn values_copy(facts: &AmbientFacts, turn: Turn) -> Vec<Setting> {
    let merged = Document::MergedValues;
    let mut settings = vec![
        with(turn, merged, &["cni", "ambient", "enabled"], json!(true), 1),
        with(turn, merged, &["env", "PILOT_ENABLE_AMBIENT"], json!("true"), 0),
        with(turn, merged, &["pilot", "env", "PILOT_ENABLE_AMBIENT"], json!("true"), 1),
    ];
    settings.extend(mesh(facts, turn, merged, &["meshConfig"], 2));
    for document in [merged, Document::OriginalValues] {
        settings.push(match turn {
            // Another profile is the user's own; what counts of ambient is written out above.
            Turn::On => {
                Setting { condition: Condition::IfAbsent, ..informational(document, &["profile"], json!("ambient")) }
            }
            Turn::Off => with(turn, document, &["profile"], json!("ambient"), 0),
        });
    }
    settings.into_iter().map(|setting| Setting { informational: true, ..setting }).collect()
}

fn mesh(facts: &AmbientFacts, turn: Turn, document: Document, parents: &[&'static str], around: usize) -> Vec<Setting> {
    let below = |path: &[&'static str]| -> Vec<&'static str> { parents.iter().chain(path).copied().collect() };
    let mut settings =
        vec![with(turn, document, &below(&["defaultConfig", "proxyMetadata", HBONE]), json!("true"), around)];
    let global = json!([{
        "scope": "GLOBAL",
        "servicesSelector": {
            "matchExpressions": [{"key": "istio.io/global", "operator": "In", "values": ["true"]}],
        },
    }]);
    let prometheus = json!([{"name": "prometheus", "prometheus": {}}]);
    for (needed, key, value) in [
        (facts.service_scopes, "serviceScopeConfigs", global),
        (facts.prometheus_provider, "extensionProviders", prometheus),
    ] {
        if !needed {
            continue;
        }
        let setting = with(turn, document, &below(&[key]), value, 0);
        settings.push(match turn {
            Turn::On => Setting { condition: Condition::IfAbsent, ..setting },
            Turn::Off => setting,
        });
    }
    settings
}

/// The namespace whose ztunnel istiod trusts where nobody says otherwise.
fn default_namespace<'a>(plane: &ControlPlane<'a>) -> &'a str {
    let openshift = plane.platform.is_openshift() && plane.facts.openshift.ztunnel_in_kube_system;
    if openshift { "kube-system" } else { plane.namespace }
}

/// The accounts that istiod trusts: without its own ztunnel's there, no pod of the mesh ever gets a certificate.
///
/// An account that is neither the chart's default nor that ztunnel's is one that the user chose to trust, and stays.
fn trusted_accounts(plane: &ControlPlane<'_>) -> Option<Setting> {
    let present = plane.trusted_accounts;
    let default = format!("{}/ztunnel", default_namespace(plane));
    let of_istiod = format!("{}/ztunnel", plane.namespace);
    let always_there = plane.facts.ambient.as_ref().is_some_and(|facts| facts.trusted == TrustedAccounts::OneNamespace);
    let both = "istio-system/ztunnel,kube-system/ztunnel";
    let lists = |accounts: &str, account: &str| accounts.split(',').any(|one| one.trim() == account);
    let add = |accounts: &str, account: &str| match lists(accounts, account) {
        true => accounts.to_owned(),
        false => format!("{accounts},{account}"),
    };
    let desired = match plane.ztunnel {
        // On OpenShift the chart's own default is another one than elsewhere.
        Ztunnel::Absent => match present {
            Some(present) if always_there && present == of_istiod => default,
            _ => return None,
        },
        Ztunnel::Present { namespace } => {
            let account = format!("{namespace}/ztunnel");
            match present.filter(|accounts| !accounts.is_empty()) {
                Some(present) if always_there && (present == default || present == of_istiod) => account,
                Some(present) => add(present, &account),
                None if always_there => account,
                None => add(both, &account),
            }
        }
        Ztunnel::Removed { namespace } => {
            let account = format!("{namespace}/ztunnel");
            let present = present?;
            let ours = !always_there && (present == both || present == add(both, &account));
            if ours {
                return Some(Setting {
                    desired: Desired::Remove { around: 0 },
                    ..always(Document::IstiodEnv, &[TRUSTED], Value::Null)
                });
            }
            match present.strip_suffix(&format!(",{account}")) {
                _ if always_there && (present == account || present == of_istiod) => default,
                Some(rest) if always_there || !lists(both, &account) => rest.to_owned(),
                _ => return None,
            }
        }
    };
    (present != Some(&desired)).then(|| always(Document::IstiodEnv, &[TRUSTED], json!(desired)))
}

/// Settings of the istio-cni and the ztunnel that are there already.
#[must_use]
pub fn agent_settings(agents: &Agents<'_>) -> Vec<Setting> {
    let (Some(facts), Some(turn)) = (&agents.facts.ambient, agents.ztunnel.turn()) else { return Vec::new() };
    let mut settings = configuration(agents, turn);
    for (name, text) in ambient_environment(agents.facts, facts) {
        settings.push(with(turn, Document::CniEnv, &[name], json!(text), 0));
    }
    settings.extend(directories(agents, facts, turn));
    const HOST_NETWORK: &[&str] = &["spec", "template", "spec", "hostNetwork"];
    const DNS_POLICY: &[&str] = &["spec", "template", "spec", "dnsPolicy"];
    if facts.host_network != HostNetwork::No {
        settings.push(with(turn, Document::CniDaemonSet, HOST_NETWORK, json!(true), 0));
    }
    if facts.host_network == HostNetwork::ClusterDns {
        settings.push(with(turn, Document::CniDaemonSet, DNS_POLICY, json!("ClusterFirstWithHostNet"), 0));
    }
    settings.extend(privileges(agents, facts, turn));
    if turn == Turn::On {
        settings.push(always(Document::ZtunnelEnv, &[HBONE], json!("true")));
        if facts.ztunnel.node_critical {
            const PRIORITY: &[&str] = &["spec", "template", "spec", "priorityClassName"];
            let critical = always(Document::ZtunnelDaemonSet, PRIORITY, json!("system-node-critical"));
            // Without a class of its own ztunnel is evicted before the pods whose traffic it carries.
            settings.push(Setting { condition: Condition::IfEqual(json!("")), ..critical.clone() });
            settings.push(Setting { condition: Condition::IfAbsent, ..critical });
        }
    }
    settings.sort_by_key(|setting| setting.document);
    settings
}

fn configuration(agents: &Agents<'_>, turn: Turn) -> Vec<Setting> {
    match (agents.facts.config_form, turn) {
        (ConfigForm::NetworkConfig { .. }, _) => {
            vec![with(turn, Document::CniNetworkConfig, &["ambient_enabled"], json!(true), 0)]
        }
        (ConfigForm::Keys, Turn::On) => {
            vec![always(Document::CniVariables, &["AMBIENT_ENABLED"], json!("true"))]
        }
        (ConfigForm::Keys, Turn::Off) => vec![Setting {
            condition: Condition::IfPresent,
            ..always(Document::CniVariables, &["AMBIENT_ENABLED"], json!("false"))
        }],
    }
}

/// The node's directories by which istio-cni and ztunnel get at pods.
fn directories(agents: &Agents<'_>, facts: &AmbientFacts, turn: Turn) -> Vec<Setting> {
    let mut settings = Vec::new();
    let host_path = |path: &str, type_: Option<&str>| {
        let mut host_path = Map::from_iter([("path".to_owned(), json!(path))]);
        host_path.extend(type_.map(|type_| ("type".to_owned(), json!(type_))));
        json!({"hostPath": host_path})
    };
    // What is mounted is mounted, whichever way the user set it up.
    let mut directory = |document: Document, name: &'static str, value: Value| {
        settings.push(match turn {
            Turn::On => Setting { condition: Condition::IfAbsent, ..with(turn, document, &[name], value, 0) },
            Turn::Off => Setting {
                condition: Condition::IfPresent,
                desired: Desired::Remove { around: 0 },
                ..with(turn, document, &[name], value, 0)
            },
        });
    };
    for known in ambient_directories(facts) {
        let mut mount = Map::from_iter([("name".to_owned(), json!(known.volume))]);
        mount.extend(known.propagation.map(|word| ("mountPropagation".to_owned(), json!(word))));
        directory(Document::CniMounts, known.mount_path, Value::Object(mount));
        if let Some((path, type_)) = known.host_path {
            directory(Document::CniVolumes, known.volume, host_path(path, type_));
        }
    }
    if turn == Turn::On {
        if let AmbientRedirection::Pod { .. } = facts.redirection {
            settings.push(Setting {
                condition: Condition::IfPresent,
                ..always(Document::CniMounts, &["/host/var/run/netns"], json!({"mountPropagation": "HostToContainer"}))
            });
        }
        if let Some(type_) = agents.facts.netns_volume {
            let path = agents.platform.cni_netns_dir.unwrap_or("/var/run/netns");
            settings.push(Setting {
                condition: Condition::IfAbsent,
                ..always(Document::CniVolumes, &["cni-netns-dir"], host_path(path, type_.as_str()))
            });
        }
    }
    settings
}

/// What the agent may do in its container, up to 1.21 more in ambient than without.
fn privileges(agents: &Agents<'_>, facts: &AmbientFacts, turn: Turn) -> Vec<Setting> {
    let mut settings = Vec::new();
    if facts.privileged && !agents.platform.is_openshift() {
        settings.push(Setting {
            condition: Condition::IfPresent,
            ..always(Document::CniContainer, &["securityContext", "privileged"], json!(turn == Turn::On))
        });
    }
    if !facts.capabilities.is_empty() && agents.facts.capabilities.is_empty() {
        let capabilities = json!({"add": facts.capabilities, "drop": ["ALL"]});
        settings.push(with(turn, Document::CniContainer, &["securityContext", "capabilities"], capabilities, 0));
    }
    settings
}
