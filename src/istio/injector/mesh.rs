//! The mesh's configuration, as far as injection depends on it: ConfigMap `istio`, key `mesh`, and the pod's own annotation.
//!
//! ProxyConfig resources are not looked at: they change images, concurrency and environment variables, nothing that Pod
//! Security sees.
//!
//! Source of facts: `pkg/config/mesh/mesh.go` (defaults and merging), `pilot/pkg/model/proxy_config.go`.

use serde_json::{Map, Value as Json};

use super::schema::{INTERCEPTION_MODES, MESH_CONFIG, PROXY_CONFIG, snake_case};
use super::text::read_yaml;

/// The mesh configuration with Istio's defaults filled in, as JSON.
#[derive(Clone, Debug)]
pub(super) struct Mesh {
    /// The configuration.
    pub(super) config: Json,
}

impl Mesh {
    /// Reads key `mesh` of the ConfigMap; no text means the defaults.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, String> {
        let mut config = default_mesh();
        if let Some(text) = text
            && let Json::Object(given) = read_yaml(text)?
        {
            for (name, value) in given {
                let name = json_name(&name, MESH_CONFIG.fields.iter().map(|field| field.json));
                if name == "defaultConfig" {
                    merge_proxy_config(&mut config["defaultConfig"], &named(value)?);
                } else if !value.is_null() {
                    config[name.as_str()] = value;
                }
            }
        }
        Ok(Self { config })
    }

    /// `defaultConfig`
    pub(super) fn proxy_config(&self) -> &Json {
        &self.config["defaultConfig"]
    }

    /// The proxy's configuration for a pod with this annotation.
    pub(super) fn proxy_config_with(&self, annotation: Option<&str>) -> Result<Json, String> {
        let mut config = self.proxy_config().clone();
        if let Some(annotation) = annotation {
            merge_proxy_config(&mut config, &proxy_config_of(annotation)?);
        }
        Ok(config)
    }

    /// `localhost` or `passthrough`
    pub(super) fn inbound_traffic_policy_mode(&self) -> &'static str {
        match self.config["inboundTrafficPolicy"]["mode"].as_str() {
            Some("LOCALHOST") => "localhost",
            _ => "passthrough",
        }
    }
}

/// A proxy configuration that is written as YAML: an object whose enums have known names.
pub(super) fn proxy_config_of(text: &str) -> Result<Json, String> {
    match read_yaml(text)? {
        value @ Json::Object(_) => named(value),
        Json::Null => Ok(Json::Object(Map::new())),
        _ => Err("the proxy configuration is no mapping".to_owned()),
    }
}

/// The value of one of protobuf's wrappers for truth values.
pub(super) fn truth(config: &Json, name: &str) -> bool {
    config.get(name).and_then(Json::as_bool).unwrap_or_default()
}

fn default_mesh() -> Json {
    serde_json::json!({
        "trustDomain": "cluster.local",
        "rootNamespace": "istio-system",
        "proxyListenPort": 15001,
        "proxyInboundListenPort": 15006,
        "ingressClass": "istio",
        "enableAutoMtls": true,
        "enablePrometheusMerge": true,
        "defaultConfig": {
            "configPath": "./etc/istio/proxy",
            "binaryPath": "/usr/local/bin/envoy",
            "discoveryAddress": "istiod.istio-system.svc:15012",
            "statusPort": 15020,
            "proxyAdminPort": 15000,
        },
    })
}

/// Fields replace one another, but metadata of the proxy add up.
fn merge_proxy_config(base: &mut Json, over: &Json) {
    for (name, value) in over.as_object().into_iter().flatten() {
        if value.is_null() {
            continue;
        }
        match (base.get_mut(name), value) {
            (Some(Json::Object(known)), Json::Object(more)) if name == "proxyMetadata" => {
                known.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
            }
            _ => base[name.as_str()] = value.clone(),
        }
    }
}

/// The configuration with its fields named as in JSON, which may also be spelt as in the `.proto` file.
fn named(config: Json) -> Result<Json, String> {
    let Json::Object(members) = config else { return Ok(Json::Object(Map::new())) };
    let known = || PROXY_CONFIG.fields.iter().map(|field| field.json);
    let named: Map<String, Json> =
        members.into_iter().map(|(name, value)| (json_name(&name, known()), value)).collect();
    let mode_is_known = match named.get("interceptionMode") {
        None | Some(Json::Null) => true,
        Some(Json::String(mode)) => INTERCEPTION_MODES.contains(&mode.as_str()),
        Some(mode) => mode.as_u64().is_some(),
    };
    if mode_is_known {
        Ok(Json::Object(named))
    } else {
        Err("interceptionMode is none of REDIRECT, TPROXY, NONE".to_owned())
    }
}

fn json_name<'n>(name: &str, mut known: impl Iterator<Item = &'n str>) -> String {
    known.find(|json| snake_case(json) == name).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_pod_come_on_top_of_the_meshs() {
        let mesh = Mesh::parse(Some(
            "defaultConfig:\n  proxyMetadata: {A: a, B: b}\n  hold_application_until_proxy_starts: true\ntrustDomain: td\n",
        ))
        .expect("reads");
        let config = mesh.proxy_config_with(Some("proxyMetadata: {B: c}\ninterceptionMode: TPROXY")).expect("merges");
        assert_eq!(config["proxyMetadata"], serde_json::json!({"A": "a", "B": "c"}));
        assert_eq!(config["interceptionMode"], "TPROXY");
        assert!(truth(&config, "holdApplicationUntilProxyStarts"));
        assert_eq!(config["statusPort"], 15020);
        assert_eq!(mesh.config["trustDomain"], "td");
        assert_eq!(mesh.config["proxyListenPort"], 15001);
    }

    #[test]
    fn what_is_no_configuration_is_an_error() {
        assert!(Mesh::parse(Some("defaultConfig: {interceptionMode: X}")).is_err());
        assert!(Mesh::parse(Some("a: [")).is_err());
        assert!(proxy_config_of("[]").is_err());
    }
}
