//! Ambient's objects and settings, compared with what istioctl renders, and for every minor with what its charts say.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Value, json};
use unroot::istio::facts::{FactsLookup, facts_for};
use unroot::istio::mode_settings::{Agents, ControlPlane, Redirection, Ztunnel, agent_settings, settings};
use unroot::istio::objects::cni::{self, CniInstall, InstallLabels};
use unroot::istio::objects::ztunnel::{self, ZtunnelInstall, owned_by_ztunnel};
use unroot::istio::platform::Platform;

use super::minors::row;
use super::renders::{Docs, apply, at_hand, install_of, key_of, read, shared, without_variant};
use super::{assert_same, owned};

/// One pair of renders, of the cni and of the ambient mode.
pub(crate) struct Pair {
    pub(crate) version: String,
    pub(crate) variant: String,
    pub(crate) platform: Platform,
    pub(crate) cni_namespace: &'static str,
    pub(crate) ztunnel_namespace: &'static str,
}

impl Pair {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.version, self.variant)
    }

    /// The text of the render of a mode.
    pub(crate) fn text(&self, mode: &str) -> String {
        let folder = shared().join("istio").join(&self.version);
        std::fs::read_to_string(folder.join(format!("{mode}{}.yaml", self.variant))).unwrap()
    }

    pub(crate) fn read(&self, mode: &str) -> Docs {
        let folder = shared().join("istio").join(&self.version);
        let mut docs = read(&folder.join(format!("{mode}{}.yaml", self.variant)));
        if self.variant == "-registry" {
            // DIFFERENCE: the cni render of 1.28.10 was made with `cni.chained: true`; it is the chart's default.
            super::renders::remove_chained(&mut docs);
        }
        without_variant(&docs)
    }
}

/// A pair for every recorded ambient render.
pub(crate) fn pairs() -> Vec<Pair> {
    let mut pairs = Vec::new();
    for version in ["1.22.1", "1.28.10"] {
        let folder = shared().join("istio").join(version);
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("ambient"))
            .collect();
        files.sort();
        for file in &files {
            let variant = file.strip_prefix("ambient").unwrap().strip_suffix(".yaml").unwrap();
            // istioctl finds GKE's directory by asking the cluster; a render without one has the wrong directory.
            if variant == "-gke" {
                continue;
            }
            let platform = match variant {
                "" | "-registry" | "-revision" | "-istio-system" => Platform::None,
                "-gke-bindir" => Platform::Gke,
                platform => platform[1..].parse().unwrap(),
            };
            pairs.push(Pair {
                version: version.to_owned(),
                variant: variant.to_owned(),
                platform,
                cni_namespace: if variant == "-istio-system" { "istio-system" } else { "kube-system" },
                ztunnel_namespace: if platform == Platform::OpenShift { "kube-system" } else { "istio-system" },
            });
        }
    }
    assert!(pairs.len() >= 14, "only {} ambient renders found", pairs.len());
    pairs
}

fn ztunnel_of<'c>(cni: &'c CniInstall, namespace: &str) -> ZtunnelInstall<'c> {
    ZtunnelInstall {
        cni,
        facts: cni.facts.ambient.as_ref().unwrap(),
        version: cni.tag.parse().unwrap(),
        namespace: namespace.to_owned(),
        istiod_namespace: "istio-system".to_owned(),
        cluster: None,
        network: None,
        ca_address: None,
        proxy_metadata: BTreeMap::new(),
    }
}

fn built(cni: &CniInstall, namespace: &str) -> Docs {
    let agent = cni::objects(cni).into_iter().map(|object| serde_json::to_value(object).unwrap());
    let proxy = ztunnel::objects(&ztunnel_of(cni, namespace)).into_iter();
    agent
        .chain(proxy.map(|object| serde_json::to_value(object).unwrap()))
        .map(|value| (key_of(&value), value))
        .collect()
}

#[test]
fn objects_equal_those_of_istioctl() {
    if !at_hand() {
        return;
    }
    for pair in pairs() {
        let ambient = pair.read("ambient");
        let mut install = install_of(&ambient, pair.platform, pair.cni_namespace);
        install.ambient = install.facts.ambient.as_ref();
        let names = ["istio-cni", "ztunnel"];
        let wanted: Docs =
            ambient.into_iter().filter(|(key, _)| names.iter().any(|name| key.name.starts_with(name))).collect();
        assert!(wanted.len() >= 11, "{}: {}", pair.name(), wanted.len());
        assert_same(&pair.name(), &built(&install, pair.ztunnel_namespace), &wanted);
    }
}

#[test]
fn settings_explain_every_other_difference_and_are_taken_back() {
    if !at_hand() {
        return;
    }
    for pair in pairs() {
        let (cni, ambient) = (pair.read("cni"), pair.read("ambient"));
        let install = install_of(&cni, pair.platform, pair.cni_namespace);
        let settings = |docs: &Docs, ztunnel: Ztunnel<'_>| {
            let istiod = docs.iter().find(|(key, _)| key.kind == "Deployment" && key.name.starts_with("istiod"));
            let env = &istiod.unwrap().1["spec"]["template"]["spec"]["containers"][0]["env"];
            let accounts =
                env.as_array().unwrap().iter().find(|variable| variable["name"] == "CA_TRUSTED_NODE_ACCOUNTS");
            let mut all = settings(&ControlPlane {
                facts: install.facts,
                redirection: Redirection::IstioCni,
                ztunnel,
                trusted_accounts: accounts.and_then(|variable| variable["value"].as_str()),
                platform: &install.platform,
                namespace: "istio-system",
                bin_dir: None,
                conf_dir: None,
            });
            let agents = Agents { facts: install.facts, platform: &install.platform, ztunnel };
            all.extend(
                agent_settings(&agents).into_iter().filter(|setting| !format!("{setting:?}").contains("Ztunnel")),
            );
            all
        };
        let namespace = pair.ztunnel_namespace;
        let wanted: Docs = ambient.into_iter().filter(|(key, _)| cni.contains_key(key)).collect();
        let mut docs = cni.clone();
        let on = settings(&docs, Ztunnel::Present { namespace });
        assert!(apply(&mut docs, &on) > 0, "{}", pair.name());
        assert_same(&pair.name(), &docs, &wanted);
        let again = settings(&docs, Ztunnel::Present { namespace });
        assert_eq!(apply(&mut docs, &again), 0, "{}: a second run changes something", pair.name());
        let off = settings(&docs, Ztunnel::Removed { namespace });
        apply(&mut docs, &off);
        assert_same(&format!("{}, back", pair.name()), &docs, &cni);
    }
}

#[test]
fn exactly_the_added_objects_are_owned() {
    if !at_hand() {
        return;
    }
    for pair in pairs() {
        let (cni, ambient) = (pair.read("cni"), pair.read("ambient"));
        let added: Vec<_> = ambient.keys().filter(|key| !cni.contains_key(*key)).cloned().collect();
        let before = owned(&cni);
        let mut found: Vec<_> = owned(&ambient).into_iter().filter(|key| !before.contains(key)).collect();
        found.extend(ambient.iter().filter_map(|(key, value)| {
            let none = serde_json::Map::new();
            let labels = value["metadata"]["labels"].as_object().unwrap_or(&none);
            let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
            let identity = (key.namespace.as_str(), key.name.as_str());
            let api_version = value["apiVersion"].as_str().unwrap();
            owned_by_ztunnel(api_version, &key.kind, identity, labels, pair.ztunnel_namespace).then(|| key.clone())
        }));
        found.sort();
        assert_eq!(found, added, "{}", pair.name());
    }
}

/// The objects of a minor, most of which have no recorded render.
struct Built(Vec<Value>);

impl Built {
    fn of(minor: u32, platform: Platform) -> Self {
        Self::with(minor, platform, |_| {})
    }

    fn with(minor: u32, platform: Platform, change: impl FnOnce(&mut CniInstall)) -> Self {
        let tag = format!("1.{minor}.5");
        let FactsLookup::Known(facts) = facts_for(&tag.parse().unwrap()) else { panic!("{tag}") };
        let mut install = CniInstall {
            facts,
            ambient: facts.ambient.as_ref(),
            platform: platform.effect(facts).unwrap(),
            hub: "docker.io/istio".to_owned(),
            variant: None,
            image_pull_policy: None,
            image_pull_secrets: Vec::new(),
            namespace: "kube-system".to_owned(),
            bin_dir: None,
            conf_dir: None,
            labels: InstallLabels::of_istioctl(facts, &tag.parse().unwrap()),
            tag,
            log_level: None,
            log_as_json: false,
            native_nftables: false,
            network_policy: false,
        };
        change(&mut install);
        Self(built(&install, "kube-system").into_values().collect())
    }

    fn find(&self, kind: &str, name: &str) -> &Value {
        let found = self.0.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        found.unwrap_or(&Value::Null)
    }

    fn pod(&self, name: &str) -> &Value {
        &self.find("DaemonSet", name)["spec"]["template"]["spec"]
    }

    fn names(list: &Value, key: &str) -> Value {
        let items = list.as_array().unwrap();
        json!(items.iter().map(|item| item[key].as_str().unwrap()).collect::<Vec<_>>().join(" "))
    }
}

/// Checks one fact of every minor that has ambient: the ranges must cover all of them.
fn each_minor(
    fact: &str,
    platform: Platform,
    found: impl Fn(&Built) -> Value,
    wanted: &[(RangeInclusive<u32>, Value)],
) {
    for minor in 19..=30 {
        if row(minor).ambient.is_none() || platform.effect(row(minor)).is_err() {
            continue;
        }
        let (_, wanted) = wanted.iter().find(|(range, _)| range.contains(&minor)).unwrap();
        assert_eq!(&found(&Built::of(minor, platform)), wanted, "{fact} on 1.{minor}, platform {platform}");
    }
}

#[test]
fn ambient_begins_with_1_19_and_is_alpha_up_to_1_21() {
    for minor in 17..=30 {
        let alpha = row(minor).ambient.map(|facts| facts.alpha);
        let expected = match minor {
            17 | 18 => None,
            19..=21 => Some(true),
            _ => Some(false),
        };
        assert_eq!(alpha, expected, "1.{minor}");
    }
}

#[test]
fn ztunnel_is_that_of_the_minor() {
    let none = Platform::None;
    let container = |built: &Built| built.pod("ztunnel")["containers"][0].clone();
    let downward = "POD_NAME POD_NAMESPACE NODE_NAME INSTANCE_IP SERVICE_ACCOUNT ISTIO_META_ENABLE_HBONE";
    let addresses = "CA_ADDRESS XDS_ADDRESS";
    let since_1_23 = format!(
        "{addresses} RUST_LOG RUST_BACKTRACE ISTIO_META_CLUSTER_ID INPOD_ENABLED TERMINATION_GRACE_PERIOD_SECONDS {downward}"
    );
    each_minor(
        "env",
        none,
        |built| Built::names(&container(built)["env"], "name"),
        &[
            (19..=19, json!(format!("CLUSTER_ID {downward}"))),
            (20..=20, json!(format!("{addresses} CLUSTER_ID {downward}"))),
            (
                21..=22,
                json!(format!(
                    "{addresses} RUST_LOG ISTIO_META_CLUSTER_ID INPOD_ENABLED ISTIO_META_DNS_PROXY_ADDR {downward}"
                )),
            ),
            (23..=26, json!(since_1_23)),
            (27..=30, json!(format!("{since_1_23} ZTUNNEL_CPU_LIMIT"))),
        ],
    );
    let capabilities = |built: &Built| container(built)["securityContext"]["capabilities"]["add"].clone();
    let in_pod = json!(["NET_ADMIN", "SYS_ADMIN", "NET_RAW"]);
    each_minor("capabilities", none, capabilities, &[(19..=20, json!(["NET_ADMIN"])), (21..=30, in_pod)]);
    let escalation = |built: &Built| container(built)["securityContext"]["allowPrivilegeEscalation"].clone();
    each_minor("escalation", none, escalation, &[(19..=23, json!(false)), (24..=30, json!(true))]);
    let requests = |built: &Built| container(built)["resources"]["requests"]["memory"].clone();
    each_minor("requests", none, requests, &[(19..=21, json!("2048Mi")), (22..=30, json!("512Mi"))]);
    let volumes = |built: &Built| Built::names(&built.pod("ztunnel")["volumes"], "name");
    let certificates = "istio-token istiod-ca-cert";
    each_minor(
        "volumes",
        none,
        volumes,
        &[
            (19..=20, json!(certificates)),
            (21..=21, json!(format!("{certificates} cni-ztunnel-sock-dir"))),
            (22..=30, json!(format!("{certificates} cni-ztunnel-sock-dir tmp"))),
        ],
    );
    let priority = |built: &Built| built.pod("ztunnel")["priorityClassName"].clone();
    each_minor("priority", none, priority, &[(19..=20, Value::Null), (21..=30, json!("system-node-critical"))]);
    let template = |built: &Built| built.find("DaemonSet", "ztunnel")["spec"]["template"]["metadata"].clone();
    let redirected = |built: &Built| template(built)["annotations"]["ambient.istio.io/redirection"].clone();
    each_minor("redirection", none, redirected, &[(19..=21, json!("disabled")), (22..=30, Value::Null)]);
    let mode = |built: &Built| template(built)["labels"]["istio.io/dataplane-mode"].clone();
    each_minor("data plane mode", none, mode, &[(19..=21, Value::Null), (22..=30, json!("none"))]);
    let name =
        |built: &Built| built.find("ServiceAccount", "ztunnel")["metadata"]["labels"]["app.kubernetes.io/name"].clone();
    each_minor("name", none, name, &[(19..=21, Value::Null), (22..=30, json!("ztunnel"))]);
    let version = |built: &Built| json!(template(built)["labels"]["app.kubernetes.io/version"].as_str().is_some());
    each_minor("version", none, version, &[(19..=23, json!(false)), (24..=30, json!(true))]);
}

#[test]
fn istio_cni_has_in_ambient_what_the_minor_asks_for() {
    let none = Platform::None;
    let container = |built: &Built| built.pod("istio-cni-node")["containers"][0].clone();
    let mounts = |built: &Built| {
        let mounts = container(built)["volumeMounts"].clone();
        let mounts = mounts.as_array().unwrap().iter().map(|mount| mount["mountPath"].as_str().unwrap().to_owned());
        json!(mounts.filter(|path| !path.contains("cni") && path != "/host/proc").collect::<Vec<_>>())
    };
    each_minor(
        "mounts",
        none,
        mounts,
        &[
            (19..=20, json!(["/etc/ambient-config", "/var/run/netns"])),
            (21..=30, json!(["/host/var/run/netns", "/var/run/ztunnel"])),
        ],
    );
    let network = |built: &Built| {
        let pod = built.pod("istio-cni-node");
        json!([pod["hostNetwork"], pod["dnsPolicy"]])
    };
    each_minor(
        "network",
        none,
        network,
        &[
            (19..=23, json!([true, null])),
            (24..=25, json!([true, "ClusterFirstWithHostNet"])),
            (26..=30, json!([null, null])),
        ],
    );
    let variables = |built: &Built| {
        let env = container(built)["env"].clone();
        let names = env.as_array().unwrap().iter().map(|variable| variable["name"].as_str().unwrap().to_owned());
        json!(names.filter(|name| name.starts_with("AMBIENT_")).collect::<Vec<_>>())
    };
    each_minor(
        "variables",
        none,
        variables,
        &[
            (19..=20, json!(["AMBIENT_ENABLED"])),
            (21..=22, json!(["AMBIENT_DNS_CAPTURE", "AMBIENT_ENABLED"])),
            (23..=30, json!([])),
        ],
    );
    let key = |built: &Built| built.find("ConfigMap", "istio-cni-config")["data"]["AMBIENT_ENABLED"].clone();
    each_minor("key", none, key, &[(19..=22, Value::Null), (23..=30, json!("true"))]);
    let rules =
        |built: &Built| json!(built.find("ClusterRole", "istio-cni-ambient")["rules"].as_array().unwrap().len());
    each_minor("rules", none, rules, &[(19..=24, json!(1)), (25..=30, json!(2))]);
    let privileged = |built: &Built| container(built)["securityContext"]["privileged"].clone();
    each_minor("privileged", none, privileged, &[(19..=23, json!(true)), (24..=30, json!(false))]);
    let added = |built: &Built| json!(container(built)["securityContext"]["capabilities"]["add"].is_array());
    each_minor("capabilities", none, added, &[(19..=20, json!(false)), (21..=30, json!(true))]);
    for minor in 22..=30 {
        let openshift = Built::of(minor, Platform::OpenShift);
        let role = openshift.find("ClusterRole", "ztunnel");
        assert_eq!(role["rules"][0]["resourceNames"], json!(["privileged"]), "1.{minor}");
        let release = if minor >= 25 { "ztunnel" } else { "istio" };
        assert_eq!(role["metadata"]["labels"]["release"], release, "1.{minor}");
        let revision = &role["metadata"]["labels"]["istio.io/rev"];
        assert_eq!(revision.is_null(), minor >= 23, "1.{minor}");
        let subject = &openshift.find("ClusterRoleBinding", "ztunnel")["subjects"][0];
        assert_eq!(subject["namespace"], "kube-system", "1.{minor}");
        let context = &openshift.pod("ztunnel")["containers"][0]["securityContext"];
        assert_eq!(context["seLinuxOptions"]["type"], "spc_t", "1.{minor}");
    }
    for minor in [26, 30] {
        assert!(!Built::of(minor, Platform::Gke).find("ResourceQuota", "ztunnel").is_null(), "1.{minor}");
    }
    assert!(Built::of(25, Platform::Gke).find("ResourceQuota", "ztunnel").is_null());
}

#[test]
fn the_installs_own_settings_reach_ztunnel() {
    for minor in 19..=30 {
        let built = Built::with(minor, Platform::None, |install| {
            install.hub = "registry.example.com:5000/mirror/istio".to_owned();
            install.variant = Some("debug".to_owned());
            install.image_pull_policy = Some("Always".to_owned());
            install.image_pull_secrets = vec!["one".to_owned()];
            install.labels.revision = Some("canary".to_owned());
            install.log_as_json = true;
            install.network_policy = true;
        });
        let container = &built.pod("ztunnel")["containers"][0];
        assert_eq!(container["image"], format!("registry.example.com:5000/mirror/istio/ztunnel:1.{minor}.5-debug"));
        assert_eq!(container["imagePullPolicy"], "Always");
        assert_eq!(built.find("ServiceAccount", "ztunnel")["imagePullSecrets"], json!([{"name": "one"}]));
        let env = container["env"].as_array().unwrap();
        let value =
            |name: &str| env.iter().find(|variable| variable["name"] == name).map(|variable| &variable["value"]);
        let istiod = json!("istiod-canary.istio-system.svc:15012");
        assert_eq!(value("XDS_ADDRESS"), (minor >= 20).then_some(&istiod), "1.{minor}");
        assert_eq!(value("LOG_FORMAT"), (minor >= 24).then_some(&json!("json")), "1.{minor}");
        let daemon_set = built.find("DaemonSet", "ztunnel");
        for metadata in [&daemon_set["metadata"], &daemon_set["spec"]["template"]["metadata"]] {
            let revision = metadata["annotations"]["istio.io/rev"].as_str();
            assert_eq!(revision, (minor >= 23).then_some("canary"), "1.{minor}");
        }
        assert_eq!(built.find("NetworkPolicy", "ztunnel-canary").is_null(), minor < 29, "1.{minor}");
    }
}
