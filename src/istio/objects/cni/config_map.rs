//! ConfigMap `istio-cni-config`: the plugin's JSON up to 1.22, one key for each of the agent's variables since.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::labels::Marker;
use super::{CONFIG_MAP, CniInstall};
use crate::istio::facts::{ConfigForm, Repair};

/// The key that holds the plugin's JSON in [`ConfigForm::NetworkConfig`].
pub(super) const NETWORK_CONFIG: &str = "cni_network_config";

/// The ConfigMap.
pub(super) fn config_map(install: &CniInstall) -> ConfigMap {
    let data = match install.facts.config_form {
        ConfigForm::NetworkConfig { event_address } => {
            BTreeMap::from([(NETWORK_CONFIG.to_owned(), network_config(install, event_address))])
        }
        ConfigForm::Keys => keys(install),
    };
    ConfigMap {
        metadata: install.namespaced_metadata(CONFIG_MAP, Marker::App),
        data: Some(data),
        ..ConfigMap::default()
    }
}

/// Variables of the repair that have the same names in the ConfigMap and, up to 1.22, in the DaemonSet.
pub(super) fn repair_variables(install: &CniInstall) -> Vec<(&'static str, &'static str)> {
    let repair = install.facts.repair;
    let mut variables = vec![
        ("REPAIR_ENABLED", "true"),
        ("REPAIR_LABEL_PODS", on(repair == Repair::LabelAndDelete)),
        ("REPAIR_DELETE_PODS", on(matches!(repair, Repair::LabelAndDelete | Repair::Delete))),
    ];
    if install.facts.repair_pods_exists {
        variables.push(("REPAIR_REPAIR_PODS", on(repair == Repair::RepairPods)));
    }
    variables.extend([
        ("REPAIR_INIT_CONTAINER_NAME", "istio-validation"),
        ("REPAIR_BROKEN_POD_LABEL_KEY", "cni.istio.io/uninitialized"),
        ("REPAIR_BROKEN_POD_LABEL_VALUE", "true"),
    ]);
    variables
}

/// The log level that the charts up to 1.22 give to plugin and agent: their profiles for OpenShift and, up to 1.21, for
/// ambient are the quieter ones.
pub(super) fn plugin_log_level(install: &CniInstall) -> &'static str {
    let of_ambient = install.ambient.and_then(|ambient| ambient.log_level);
    of_ambient.unwrap_or(if install.platform.is_openshift() { "info" } else { "debug" })
}

/// Namespaces whose pods the plugin leaves alone.
fn exclude_namespaces(install: &CniInstall) -> &'static [&'static str] {
    install.ambient.and_then(|ambient| ambient.exclude_namespaces).unwrap_or(install.facts.exclude_namespaces)
}

/// A boolean as the agent reads it.
pub(super) fn on(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// The agent puts its own values in place of the words in double underscores.
fn network_config(install: &CniInstall, event_address: bool) -> String {
    let mut config = json!({
        "cniVersion": "0.3.1",
        "name": "istio-cni",
        "type": "istio-cni",
        "log_level": plugin_log_level(install),
        "log_uds_address": "__LOG_UDS_ADDRESS__",
        "kubernetes": {
            "kubeconfig": "__KUBECONFIG_FILEPATH__",
            "cni_bin_dir": install.bin_dir(),
            "exclude_namespaces": exclude_namespaces(install),
        },
    });
    if install.ambient.is_some() {
        config["ambient_enabled"] = json!(true);
    }
    if event_address {
        config["cni_event_address"] = json!("__CNI_EVENT_ADDRESS__");
    }
    format!("{config:#}")
}

fn keys(install: &CniInstall) -> BTreeMap<String, String> {
    let facts = install.facts;
    let exclude_namespaces = exclude_namespaces(install).join(",");
    let enablement_selector = enablement_selector();
    let mut keys = vec![
        ("CURRENT_AGENT_VERSION", install.tag.as_str()),
        ("AMBIENT_ENABLED", on(install.ambient.is_some())),
        ("AMBIENT_DNS_CAPTURE", on(facts.ambient_dns_capture)),
        ("AMBIENT_IPV6", "true"),
        ("CHAINED_CNI_PLUGIN", on(!install.platform.unchained)),
        ("EXCLUDE_NAMESPACES", &exclude_namespaces),
    ];
    keys.extend(repair_variables(install));
    if facts.conf_dir_key {
        keys.push(("CNI_NET_DIR", install.conf_dir()));
    }
    if let Some(name) = install.platform.cni_conf_file_name {
        keys.push(("CNI_CONF_NAME", name));
    }
    if let Some(reconcile) = facts.ambient_reconcile_on_startup {
        keys.push(("AMBIENT_RECONCILE_POD_RULES_ON_STARTUP", on(reconcile)));
    }
    if facts.ambient_enablement_selector {
        keys.extend([
            ("AMBIENT_ENABLEMENT_SELECTOR", enablement_selector.as_str()),
            ("ISTIO_OWNED_CNI_CONFIG", "false"),
            ("NATIVE_NFTABLES", on(install.native_nftables)),
        ]);
    }
    if facts.ambient_detection_retry {
        keys.push(("ENABLE_AMBIENT_DETECTION_RETRY", "false"));
    }
    keys.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Which pods ambient would enrol, the charts' default: those labelled so, and those of namespaces labelled so that
/// are not labelled out. The agent reads it as YAML, of which JSON is a part.
fn enablement_selector() -> String {
    let labelled = json!({"matchLabels": {"istio.io/dataplane-mode": "ambient"}});
    let not_out = json!({
        "matchExpressions": [{"key": "istio.io/dataplane-mode", "operator": "NotIn", "values": ["none"]}],
    });
    let selectors = json!([
        {"podSelector": labelled},
        {"namespaceSelector": labelled, "podSelector": not_out},
    ]);
    serde_yaml::to_string(&selectors).map_or_else(|_| selectors.to_string(), |text| text.trim_end().to_owned())
}
