//! The objects of every minor, of which most have no recorded render: a row of expectations for each fact.
//!
//! The expectations are written down from what the charts of each minor say, apart from the table that they test.

use std::ops::RangeInclusive;

use serde_json::{Value, json};
use unroot::istio::facts::{self, Facts};
use unroot::istio::objects::cni::{CniInstall, InstallLabels, objects};
use unroot::istio::platform::Platform;

pub(super) const ALL: RangeInclusive<u32> = 17..=30;

pub(super) fn row(minor: u32) -> &'static Facts {
    facts::all().iter().find(|row| row.minor == minor).unwrap()
}

fn install(minor: u32, platform: Platform) -> CniInstall {
    let facts = row(minor);
    let tag = format!("1.{minor}.0");
    CniInstall {
        facts,
        ambient: None,
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
        log_level: Some("default:info".to_owned()),
        log_as_json: false,
        native_nftables: false,
        network_policy: false,
    }
}

/// The objects of one install, as data.
struct Built(Vec<Value>);

impl Built {
    fn of(install: &CniInstall) -> Self {
        Self(objects(install).into_iter().map(|object| serde_json::to_value(object).unwrap()).collect())
    }

    fn minor(minor: u32, platform: Platform) -> Self {
        Self::of(&install(minor, platform))
    }

    fn find(&self, kind: &str, name: &str) -> &Value {
        let found = self.0.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
        found.unwrap_or(&Value::Null)
    }

    fn config(&self) -> &Value {
        &self.find("ConfigMap", "istio-cni-config")["data"]
    }

    /// The plugin's JSON up to 1.22, `null` since.
    fn network_config(&self) -> Value {
        self.config()["cni_network_config"].as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
    }

    fn template(&self) -> &Value {
        &self.find("DaemonSet", "istio-cni-node")["spec"]["template"]
    }

    fn pod(&self) -> &Value {
        &self.template()["spec"]
    }

    fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    /// A variable's value, wherever the agent gets it from.
    fn variable(&self, name: &str) -> &Value {
        let env = self.container()["env"].as_array().unwrap();
        env.iter().find(|variable| variable["name"] == name).map_or(&self.config()[name], |found| &found["value"])
    }

    fn volume(&self, name: &str) -> &Value {
        let volumes = self.pod()["volumes"].as_array().unwrap();
        volumes.iter().find(|volume| volume["name"] == name).map_or(&Value::Null, |volume| &volume["hostPath"])
    }

    fn names(list: &Value) -> String {
        let items = list.as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    }
}

/// Checks one fact of every minor: the ranges must cover all of them.
fn each_minor(
    fact: &str,
    platform: Platform,
    found: impl Fn(&Built) -> Value,
    wanted: &[(RangeInclusive<u32>, Value)],
) {
    for minor in ALL {
        if platform.effect(row(minor)).is_err() {
            continue;
        }
        let (_, wanted) = wanted.iter().find(|(range, _)| range.contains(&minor)).unwrap();
        assert_eq!(&found(&Built::minor(minor, platform)), wanted, "{fact} on 1.{minor}, platform {platform}");
    }
}

#[test]
fn the_config_map_has_the_form_that_the_agent_reads() {
    let flat = "AMBIENT_DNS_CAPTURE AMBIENT_ENABLED AMBIENT_IPV6 CHAINED_CNI_PLUGIN CURRENT_AGENT_VERSION \
                EXCLUDE_NAMESPACES REPAIR_BROKEN_POD_LABEL_KEY REPAIR_BROKEN_POD_LABEL_VALUE REPAIR_DELETE_PODS \
                REPAIR_ENABLED REPAIR_INIT_CONTAINER_NAME REPAIR_LABEL_PODS REPAIR_REPAIR_PODS";
    let with = |more: &[&str]| {
        let mut keys: Vec<&str> = flat.split_whitespace().chain(more.iter().copied()).collect();
        keys.sort_unstable();
        json!(keys)
    };
    let (reconcile, selector) = ("AMBIENT_RECONCILE_POD_RULES_ON_STARTUP", "AMBIENT_ENABLEMENT_SELECTOR");
    let since_1_27 = [reconcile, selector, "ISTIO_OWNED_CNI_CONFIG", "NATIVE_NFTABLES"];
    let keys = |map: &Value| json!(map.as_object().unwrap().keys().collect::<Vec<_>>());
    each_minor(
        "keys",
        Platform::None,
        |built| keys(built.config()),
        &[
            (17..=22, json!(["cni_network_config"])),
            (23..=23, with(&["CNI_NET_DIR"])),
            (24..=24, with(&[])),
            (25..=26, with(&[reconcile])),
            (27..=27, with(&since_1_27)),
            (28..=30, with(&[&since_1_27[..], &["ENABLE_AMBIENT_DETECTION_RETRY"]].concat())),
        ],
    );
    each_minor(
        "event address",
        Platform::None,
        |built| built.network_config()["cni_event_address"].clone(),
        &[(17..=20, Value::Null), (21..=22, json!("__CNI_EVENT_ADDRESS__")), (23..=30, Value::Null)],
    );
    let placeholders = |built: &Built| {
        let config = built.network_config();
        json!([config["log_uds_address"], config["kubernetes"]["kubeconfig"]])
    };
    each_minor(
        "placeholders",
        Platform::None,
        placeholders,
        &[(17..=22, json!(["__LOG_UDS_ADDRESS__", "__KUBECONFIG_FILEPATH__"])), (23..=30, json!([null, null]))],
    );
    each_minor(
        "CNI_NETWORK_CONFIG",
        Platform::None,
        |built| {
            let env = built.container()["env"].as_array().unwrap();
            let variable = env.iter().find(|variable| variable["name"] == "CNI_NETWORK_CONFIG");
            let from = &built.container()["envFrom"][0]["configMapRef"]["name"];
            variable.map_or(from, |variable| &variable["valueFrom"]["configMapKeyRef"]["key"]).clone()
        },
        &[(17..=22, json!("cni_network_config")), (23..=30, json!("istio-cni-config"))],
    );
    each_minor(
        "dns capture",
        Platform::None,
        |built| built.variable("AMBIENT_DNS_CAPTURE").clone(),
        &[(17..=22, Value::Null), (23..=24, json!("false")), (25..=30, json!("true"))],
    );
    each_minor(
        "reconcile",
        Platform::None,
        |built| built.variable(reconcile).clone(),
        &[(17..=24, Value::Null), (25..=28, json!("false")), (29..=30, json!("true"))],
    );
    for minor in 23..=30 {
        assert_eq!(Built::minor(minor, Platform::None).config()["CURRENT_AGENT_VERSION"], format!("1.{minor}.0"));
    }
}

#[test]
fn the_agent_leaves_the_excluded_namespaces_alone() {
    let found = |built: &Built| match &built.network_config()["kubernetes"]["exclude_namespaces"] {
        Value::Null => built.config()["EXCLUDE_NAMESPACES"].clone(),
        list => list.clone(),
    };
    each_minor(
        "excluded namespaces",
        Platform::None,
        found,
        &[
            (17..=21, json!(["istio-system", "kube-system"])),
            (22..=22, json!(["kube-system"])),
            (23..=30, json!("kube-system")),
        ],
    );
}

#[test]
fn the_repair_and_its_rights_fit_each_other() {
    let modes = |built: &Built| {
        json!(["REPAIR_LABEL_PODS", "REPAIR_DELETE_PODS", "REPAIR_REPAIR_PODS"].map(|name| built.variable(name)))
    };
    each_minor(
        "repair",
        Platform::None,
        modes,
        &[
            (17..=17, json!(["true", "true", null])),
            (18..=18, json!(["false", "true", null])),
            (19..=20, json!(["false", "true", "false"])),
            (21..=30, json!(["false", "false", "true"])),
        ],
    );
    let verbs = |built: &Built| {
        let rules = built.find("ClusterRole", "istio-cni-repair-role")["rules"].as_array().unwrap();
        json!(rules.iter().map(|rule| json!([rule["resources"][0], rule["verbs"]])).collect::<Vec<_>>())
    };
    let any = json!(["get", "list", "watch", "delete", "patch", "update"]);
    let any_event = json!(["get", "list", "watch", "delete", "patch", "update", "create"]);
    let events = json!(["events", ["create", "patch"]]);
    let pods = json!(["pods", ["watch", "get", "list"]]);
    each_minor(
        "repair role",
        Platform::None,
        verbs,
        &[
            (17..=17, json!([["pods", any], ["events", any_event]])),
            (18..=18, json!([pods, ["pods", ["delete"]]])),
            (19..=20, json!([events, pods, ["pods", ["delete"]]])),
            (21..=30, json!([events, pods])),
        ],
    );
    each_minor(
        "role",
        Platform::None,
        |built| built.find("ClusterRole", "istio-cni")["rules"].clone(),
        &[
            (17..=17, json!([{"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get"]}])),
            (
                18..=30,
                json!([{"apiGroups": [""], "resources": ["pods", "nodes", "namespaces"], "verbs": ["get", "list", "watch"]}]),
            ),
        ],
    );
}

#[test]
fn the_container_has_the_rights_of_its_minor() {
    let security = |field: &'static str| move |built: &Built| built.container()["securityContext"][field].clone();
    for (platform, before_1_21) in [(Platform::None, false), (Platform::Gke, false), (Platform::OpenShift, true)] {
        each_minor(
            "privileged",
            platform,
            security("privileged"),
            &[(17..=20, json!(before_1_21)), (21..=23, json!(true)), (24..=30, json!(false))],
        );
    }
    each_minor(
        "capabilities",
        Platform::None,
        security("capabilities"),
        &[
            (17..=21, Value::Null),
            (22..=23, json!({"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"]})),
            (
                24..=30,
                json!({"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_ADMIN", "DAC_OVERRIDE"]}),
            ),
        ],
    );
    let users = |built: &Built| {
        json!(["runAsUser", "runAsGroup", "runAsNonRoot"].map(|field| &built.container()["securityContext"][field]))
    };
    each_minor("users", Platform::None, users, &[(ALL, json!([0, 0, false]))]);
    let annotation = "container.apparmor.security.beta.kubernetes.io/install-cni";
    each_minor(
        "AppArmor",
        Platform::None,
        |built| built.template()["metadata"]["annotations"][annotation].clone(),
        &[(17..=23, Value::Null), (24..=30, json!("unconfined"))],
    );
    each_minor(
        "ambient of old",
        Platform::None,
        |built| built.template()["metadata"]["annotations"]["ambient.istio.io/redirection"].clone(),
        &[(17..=17, Value::Null), (18..=21, json!("disabled")), (22..=30, Value::Null)],
    );
    each_minor(
        "netns",
        Platform::None,
        |built| built.volume("cni-netns-dir")["type"].clone(),
        &[(17..=19, Value::Null), (20..=20, json!("Directory")), (21..=30, json!("DirectoryOrCreate"))],
    );
}

#[test]
fn volumes_and_ports_are_those_of_the_minor() {
    let without_proc = "cni-bin-dir cni-net-dir cni-log-dir";
    let with_proc = "cni-bin-dir cni-host-procfs cni-net-dir cni-socket-dir";
    each_minor(
        "mounts",
        Platform::None,
        |built| json!(Built::names(&built.container()["volumeMounts"])),
        &[(17..=20, json!(without_proc)), (21..=30, json!(with_proc))],
    );
    each_minor(
        "volumes",
        Platform::None,
        |built| json!(Built::names(&built.pod()["volumes"])),
        &[
            (17..=17, json!(without_proc)),
            (18..=20, json!(format!("{without_proc} cni-netns-dir"))),
            (21..=30, json!(format!("{with_proc} cni-netns-dir"))),
        ],
    );
    each_minor(
        "ports",
        Platform::None,
        |built| built.container()["ports"].clone(),
        &[(17..=22, Value::Null), (23..=30, json!([{"containerPort": 15014, "name": "metrics", "protocol": "TCP"}]))],
    );
}

#[test]
fn environment_and_arguments_are_those_of_the_minor() {
    let repair = "REPAIR_NODE_NAME REPAIR_RUN_AS_DAEMON REPAIR_SIDECAR_ANNOTATION";
    let since_1_23 = "NODE_NAME GOMEMLIMIT GOMAXPROCS POD_NAME POD_NAMESPACE";
    let until_1_22 = |repair_pods: &str, rest: &str| {
        json!(format!(
            "CNI_NETWORK_CONFIG CNI_NET_DIR CHAINED_CNI_PLUGIN REPAIR_ENABLED REPAIR_LABEL_PODS REPAIR_DELETE_PODS \
             {repair_pods}REPAIR_INIT_CONTAINER_NAME REPAIR_BROKEN_POD_LABEL_KEY REPAIR_BROKEN_POD_LABEL_VALUE {repair}{rest}"
        ))
    };
    let node = " NODE_NAME LOG_LEVEL GOMEMLIMIT GOMAXPROCS";
    each_minor(
        "env",
        Platform::None,
        |built| json!(Built::names(&built.container()["env"])),
        &[
            (17..=17, until_1_22("", "")),
            (18..=18, until_1_22("", " NODE_NAME LOG_LEVEL")),
            (19..=22, until_1_22("REPAIR_REPAIR_PODS ", node)),
            (23..=25, json!(format!("{repair} {since_1_23}"))),
            (26..=30, json!(format!("{repair} ALLOW_SWITCH_TO_HOST_NS {since_1_23}"))),
        ],
    );
    each_minor(
        "args",
        Platform::None,
        |built| built.container()["args"].clone(),
        &[
            (17..=21, json!(["--log_output_level=default:info"])),
            (22..=22, json!(["--log_output_level=default:info,cni:info"])),
            (23..=30, json!(["--log_output_level=info"])),
        ],
    );
    let divisor = |built: &Built| {
        let env = built.container()["env"].as_array().unwrap();
        let limit = env.iter().find(|variable| variable["name"] == "GOMAXPROCS");
        limit.map_or(Value::Null, |limit| limit["valueFrom"]["resourceFieldRef"]["divisor"].clone())
    };
    each_minor("divisor", Platform::None, divisor, &[(17..=26, Value::Null), (27..=30, json!("1"))]);
    each_minor(
        "grace period",
        Platform::None,
        |built| built.pod()["terminationGracePeriodSeconds"].clone(),
        &[(17..=28, json!(5)), (29..=30, json!(30))],
    );
}

#[test]
fn labels_are_those_of_the_minor() {
    let mode = |built: &Built| built.template()["metadata"]["labels"]["istio.io/dataplane-mode"].clone();
    each_minor("dataplane mode", Platform::None, mode, &[(17..=21, Value::Null), (22..=30, json!("none"))]);
    let release = |built: &Built| {
        built.find("ClusterRoleBinding", "istio-cni-repair-rolebinding")["metadata"]["labels"]["release"].clone()
    };
    each_minor("release", Platform::None, release, &[(17..=22, Value::Null), (23..=30, json!("istio"))]);
    for minor in ALL {
        for object in Built::minor(minor, Platform::OpenShift).0 {
            let part_of = object["metadata"]["labels"]["app.kubernetes.io/part-of"].as_str();
            assert_eq!(part_of, (minor >= 24).then_some("istio"), "1.{minor} {}", object["kind"]);
        }
    }
}

#[test]
fn openshift_gets_what_its_profile_has() {
    let openshift = Platform::OpenShift;
    let attachment =
        |built: &Built| built.find("NetworkAttachmentDefinition", "istio-cni")["metadata"]["namespace"].clone();
    each_minor("attachment", openshift, attachment, &[(17..=18, Value::Null), (19..=30, json!("default"))]);
    let labelled = |built: &Built| {
        let labels = &built.find("NetworkAttachmentDefinition", "istio-cni")["metadata"]["labels"];
        labels["operator.istio.io/component"].clone()
    };
    each_minor("attachment's label", openshift, labelled, &[(17..=19, Value::Null), (20..=30, json!("Cni"))]);
    let scc = |built: &Built| built.find("ClusterRole", "istio-cni")["rules"][1]["resourceNames"].clone();
    each_minor("SCC", openshift, scc, &[(17..=20, Value::Null), (21..=30, json!(["privileged"]))]);
    let se_linux = |built: &Built| built.container()["securityContext"]["seLinuxOptions"]["type"].clone();
    each_minor("SELinux", openshift, se_linux, &[(17..=23, Value::Null), (24..=30, json!("spc_t"))]);
    for (name, value) in
        [("CHAINED_CNI_PLUGIN", "false"), ("CNI_CONF_NAME", "istio-cni.conf"), ("REPAIR_ENABLED", "true")]
    {
        each_minor(name, openshift, |built| built.variable(name).clone(), &[(ALL, json!(value))]);
    }
    let levels = |built: &Built| json!([built.network_config()["log_level"], built.variable("LOG_LEVEL")]);
    each_minor(
        "log level",
        openshift,
        levels,
        &[(17..=17, json!(["info", null])), (18..=22, json!(["info", "info"])), (23..=30, json!([null, null]))],
    );
    each_minor(
        "log level",
        Platform::None,
        levels,
        &[(17..=17, json!(["debug", null])), (18..=22, json!(["debug", "debug"])), (23..=30, json!([null, null]))],
    );
}

#[test]
fn directories_follow_the_platform_everywhere() {
    for (platform, bin, conf, netns) in [
        (Platform::None, "/opt/cni/bin", "/etc/cni/net.d", "/var/run/netns"),
        (Platform::Gke, "/home/kubernetes/bin", "/etc/cni/net.d", "/var/run/netns"),
        (Platform::OpenShift, "/var/lib/cni/bin", "/etc/cni/multus/net.d", "/var/run/netns"),
        (Platform::K3d, "/bin", "/var/lib/rancher/k3s/agent/etc/cni/net.d", "/var/run/netns"),
        (Platform::Minikube, "/opt/cni/bin", "/etc/cni/net.d", "/var/run/docker/netns"),
    ] {
        let host = |volume: &'static str| move |built: &Built| built.volume(volume)["path"].clone();
        each_minor("bin", platform, host("cni-bin-dir"), &[(ALL, json!(bin))]);
        each_minor("conf", platform, host("cni-net-dir"), &[(ALL, json!(conf))]);
        each_minor("netns", platform, host("cni-netns-dir"), &[(17..=17, Value::Null), (18..=30, json!(netns))]);
        let in_config = |built: &Built| built.network_config()["kubernetes"]["cni_bin_dir"].clone();
        each_minor("bin in JSON", platform, in_config, &[(17..=22, json!(bin)), (23..=30, Value::Null)]);
        let net_dir = |built: &Built| built.variable("CNI_NET_DIR").clone();
        each_minor("CNI_NET_DIR", platform, net_dir, &[(17..=23, json!(conf)), (24..=30, Value::Null)]);
        let mounts = |built: &Built| {
            let mounts = built.container()["volumeMounts"].as_array().unwrap();
            json!(mounts.iter().filter(|mount| mount["mountPath"].as_str().unwrap().contains("/cni/")).count())
        };
        each_minor("mount paths", platform, mounts, &[(ALL, json!(2))]);
    }
}

#[test]
fn gke_has_a_quota_from_1_26() {
    let quota = |built: &Built| built.find("ResourceQuota", "istio-cni-resource-quota")["spec"]["hard"]["pods"].clone();
    each_minor("quota", Platform::Gke, quota, &[(17..=25, Value::Null), (26..=30, json!("5000"))]);
    each_minor("quota", Platform::None, quota, &[(ALL, Value::Null)]);
}

#[test]
fn choices_of_the_user_reach_the_objects() {
    for minor in ALL {
        let mut asked = install(minor, Platform::None);
        asked.hub = "registry.example.com:5000/mirror/istio".to_owned();
        asked.variant = Some("distroless".to_owned());
        asked.image_pull_policy = Some("Always".to_owned());
        asked.image_pull_secrets = vec!["one".to_owned(), "two".to_owned()];
        asked.labels.revision = Some("canary".to_owned());
        asked.labels.release = "istio-cni".to_owned();
        asked.namespace = "istio-cni".to_owned();
        asked.bin_dir = Some("/usr/bin/cni".to_owned());
        asked.conf_dir = Some("/usr/etc/cni".to_owned());
        asked.log_level = Some("default:debug".to_owned());
        asked.log_as_json = true;
        asked.native_nftables = true;
        asked.network_policy = true;
        let built = Built::of(&asked);
        let container = built.container();
        assert_eq!(
            container["image"],
            format!("registry.example.com:5000/mirror/istio/install-cni:1.{minor}.0-distroless")
        );
        assert_eq!(container["imagePullPolicy"], "Always");
        let level = match minor {
            17..=21 => "default:info",
            22 => "default:info,cni:info",
            _ => "default:debug",
        };
        assert_eq!(container["args"], json!([format!("--log_output_level={level}"), "--log_as_json"]), "1.{minor}");
        assert_eq!(Built::names(&built.find("ServiceAccount", "istio-cni")["imagePullSecrets"]), "one two");
        assert_eq!(built.volume("cni-bin-dir")["path"], "/usr/bin/cni");
        assert_eq!(built.volume("cni-net-dir")["path"], "/usr/etc/cni");
        if minor >= 23 {
            assert_eq!(built.config()["CURRENT_AGENT_VERSION"], format!("1.{minor}.0"));
        }
        assert_eq!(built.variable("NATIVE_NFTABLES"), &if minor >= 27 { json!("true") } else { Value::Null });
        let policy = built.find("NetworkPolicy", "istio-cni-canary");
        assert_eq!(policy.is_null(), minor < 29, "1.{minor}");
        for object in &built.0 {
            let metadata = &object["metadata"];
            assert_eq!(metadata["labels"]["istio.io/rev"], "canary", "1.{minor} {}", object["kind"]);
            if !metadata["namespace"].is_null() {
                assert_eq!(metadata["namespace"], "istio-cni", "1.{minor} {}", object["kind"]);
            }
            if object["kind"] == "ClusterRoleBinding" {
                assert_eq!(object["subjects"][0]["namespace"], "istio-cni");
            }
        }
    }
}

#[test]
fn nothing_empty_is_written() {
    fn check(value: &Value, path: &str) {
        match value {
            Value::Null => panic!("{path} is null"),
            Value::Object(map) => {
                // An egress rule without conditions is how a NetworkPolicy says "anything".
                assert!(!map.is_empty() || path.ends_with(".egress[0]"), "{path} is empty");
                map.iter().for_each(|(key, value)| check(value, &format!("{path}.{key}")));
            }
            Value::Array(items) => {
                assert!(!items.is_empty(), "{path} is empty");
                items.iter().enumerate().for_each(|(index, item)| check(item, &format!("{path}[{index}]")));
            }
            _ => {}
        }
    }
    for minor in ALL {
        for platform in Platform::ALL {
            if platform.effect(row(minor)).is_err() {
                continue;
            }
            let mut install = install(minor, platform);
            install.network_policy = true;
            for with_labels in [true, false] {
                if !with_labels {
                    install.labels.recommended = None;
                }
                for object in Built::of(&install).0 {
                    check(&object, &format!("1.{minor} {platform} {}", object["kind"]));
                }
            }
        }
    }
}
