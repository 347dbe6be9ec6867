//! An istiod of the input: its Deployment and the ConfigMaps that it reads.
//!
//! Source of facts: chart `istio-discovery` (names and environment), `pilot/pkg/bootstrap/{sidecarinjector,configcontroller}.go`,
//! `pkg/kube/inject/inject.go` `UnmarshalConfig` of Istio 1.17 to 1.30.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Container};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use serde::Deserialize;
use serde_json::Value as Json;

use super::annotations::parse_bool;
use super::mesh::Mesh;
use super::policy::{Policy, effective_selectors};
use super::release::Release;
use super::template::{Template, TemplateError, Value};
use super::text::read_yaml;
use super::webhook::Server;

/// One istiod.
#[derive(Clone, Debug)]
pub(super) struct Istiod {
    namespace: String,
    /// The Deployment's name.
    name: String,
    /// Empty where unnamed.
    revision: String,
    /// What it injects, or why that cannot be told.
    pub(super) settings: Result<Settings, String>,
}

/// What an istiod injects with.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) release: Release,
    pub(super) revision: String,
    pub(super) environment: BTreeMap<String, Option<String>>,
    pub(super) policy: Policy,
    pub(super) default_templates: Vec<String>,
    pub(super) aliases: BTreeMap<String, Vec<String>>,
    pub(super) injected_annotations: BTreeMap<String, String>,
    /// Shared by those who ask what other values would do to the same templates.
    templates: Rc<BTreeMap<String, NamedTemplate>>,
    /// `data.values` as JSON and as templates see it.
    pub(super) values: Json,
    pub(super) template_values: Value<'static>,
    pub(super) mesh: Mesh,
}

/// A template's text, parsed when it is first used: a ConfigMap holds six, and pods use one.
#[derive(Debug)]
struct NamedTemplate {
    text: String,
    parsed: OnceCell<Result<Template, TemplateError>>,
}

/// `data.config`, as istiod decodes it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct InjectorConfig {
    policy: Option<String>,
    default_templates: Option<Vec<String>>,
    templates: Option<BTreeMap<String, String>>,
    aliases: Option<BTreeMap<String, Vec<String>>>,
    never_inject_selector: Option<Vec<LabelSelector>>,
    always_inject_selector: Option<Vec<LabelSelector>>,
    injected_annotations: Option<BTreeMap<String, String>>,
}

impl Istiod {
    /// Reads a Deployment as an istiod, if it is one; `release` is for those whose image tag names none.
    pub(super) fn read(deployment: &Deployment, config_maps: &[ConfigMap], release: Option<Release>) -> Option<Self> {
        let pod = deployment.spec.template.spec.as_ref()?;
        let container = pod.containers.iter().find(|container| container.name == "discovery")?;
        let label = |name: &str| deployment.metadata.labels.as_ref().and_then(|labels| labels.get(name));
        let name = deployment.metadata.name.clone().unwrap_or_default();
        if label("app").is_none_or(|app| app != "istiod") && !name.starts_with("istiod") {
            return None;
        }
        let environment = environment(container);
        let named = environment.get("REVISION").cloned().flatten().or_else(|| label("istio.io/rev").cloned());
        let revision = named.filter(|revision| revision != "default").unwrap_or_default();
        let namespace = deployment.metadata.namespace.clone().unwrap_or_default();
        let settings = Settings::read(container, &namespace, &revision, environment, config_maps, release);
        Some(Self { namespace, name, revision, settings })
    }

    /// Does this istiod answer a webhook that calls `server`?
    pub(super) fn serves(&self, server: &Server) -> bool {
        let Server::Service { namespace, name, revision } = server else { return false };
        if *namespace != self.namespace {
            return false;
        }
        // Istio's own Services are named like the Deployment; a renamed one is told by the configuration's revision.
        if let Some(of_name) = name.strip_prefix("istiod") {
            return of_name.strip_prefix('-').unwrap_or(of_name) == self.revision || *name == self.name;
        }
        let revision = revision.as_deref().unwrap_or_default();
        self.revision == if revision == "default" { "" } else { revision }
    }
}

/// The environment of a container; `None` where the value stands elsewhere.
fn environment(container: &Container) -> BTreeMap<String, Option<String>> {
    let variables = container.env.iter().flatten();
    variables
        .map(|variable| {
            let value = match &variable.value_from {
                Some(_) => None,
                None => Some(variable.value.clone().unwrap_or_default()),
            };
            (variable.name.clone(), value)
        })
        .collect()
}

/// The last path element's tag of an image, without a digest.
fn tag(image: &str) -> Option<&str> {
    let image = image.split('@').next().unwrap_or(image);
    image.rsplit('/').next()?.split_once(':').map(|(_, tag)| tag)
}

impl Settings {
    fn read(
        container: &Container,
        namespace: &str,
        revision: &str,
        environment: BTreeMap<String, Option<String>>,
        config_maps: &[ConfigMap],
        release: Option<Release>,
    ) -> Result<Self, String> {
        let image = container.image.as_deref().unwrap_or_default();
        let release = tag(image).and_then(Release::of_tag).or(release);
        let release = release.ok_or_else(|| format!("the image {image:?} of istiod names no Istio release"))?;
        let suffix = if revision.is_empty() { String::new() } else { format!("-{revision}") };
        let find = |name: &str| {
            let name = format!("{name}{suffix}");
            let map = config_maps.iter().find(|map| {
                map.metadata.name.as_ref() == Some(&name) && map.metadata.namespace.as_deref() == Some(namespace)
            });
            (map, name)
        };
        let (injector, injector_name) = find("istio-sidecar-injector");
        let key = |key: &str| {
            let data = injector.and_then(|map| map.data.as_ref());
            let text = data.and_then(|data| data.get(key));
            text.ok_or_else(|| format!("there is no `data.{key}` of ConfigMap {namespace}/{injector_name}"))
        };
        let unreadable = |key: &str, error: String| {
            format!("`data.{key}` of ConfigMap {namespace}/{injector_name} cannot be read: {error}")
        };
        let config = read_yaml(key("config")?).and_then(|json| match json {
            Json::Null => Ok(InjectorConfig::default()),
            json => serde_json::from_value(json).map_err(|error| error.to_string()),
        });
        let config = config.map_err(|error| unreadable("config", error))?;
        let values = match read_yaml(key("values")?).map_err(|error| unreadable("values", error))? {
            Json::Null => Json::Object(serde_json::Map::new()),
            json @ Json::Object(_) => json,
            _ => return Err(unreadable("values", "it is no mapping".to_owned())),
        };
        let (mesh, mesh_name) = find("istio");
        let mesh = Mesh::parse(mesh.and_then(|map| map.data.as_ref()?.get("mesh")).map(String::as_str))
            .map_err(|error| format!("`data.mesh` of ConfigMap {namespace}/{mesh_name} cannot be read: {error}"))?;
        let templates = config.templates.unwrap_or_default().into_iter();
        let default_templates = config.default_templates.filter(|names| !names.is_empty());
        Ok(Self {
            release,
            revision: revision.to_owned(),
            environment,
            policy: Policy {
                policy: config.policy.unwrap_or_default(),
                never: effective_selectors(config.never_inject_selector.unwrap_or_default()),
                always: effective_selectors(config.always_inject_selector.unwrap_or_default()),
            },
            default_templates: default_templates.unwrap_or_else(|| vec!["sidecar".to_owned()]),
            aliases: config.aliases.unwrap_or_default(),
            injected_annotations: config.injected_annotations.unwrap_or_default(),
            templates: Rc::new(
                templates.map(|(name, text)| (name, NamedTemplate { text, parsed: OnceCell::new() })).collect(),
            ),
            template_values: Value::from_json(&values),
            values,
            mesh,
        })
    }

    /// A template by its name.
    pub(super) fn template(&self, name: &str) -> Option<&Result<Template, TemplateError>> {
        let template = self.templates.get(name)?;
        Some(template.parsed.get_or_init(|| Template::parse(&template.text)))
    }

    /// The names of all templates, for messages.
    pub(super) fn template_names(&self) -> impl Iterator<Item = &str> {
        self.templates.keys().map(String::as_str)
    }

    /// A variable of istiod's environment; an error where the manifest does not show its value.
    pub(super) fn variable(&self, name: &str) -> Result<Option<&str>, TemplateError> {
        match self.environment.get(name) {
            None => Ok(None),
            Some(Some(value)) => Ok(Some(value)),
            Some(None) => {
                Err(TemplateError::Unsupported(format!("istiod's variable {name}, whose value is elsewhere")))
            }
        }
    }

    /// Is the proxy an init container by istiod's own setting?
    ///
    /// `auto` means native where all nodes run Kubernetes 1.33 or newer. Nodes are in no manifest; the newest is assumed, and all
    /// that depends on it is the order of names.
    pub(super) fn native_sidecars(&self) -> Result<bool, TemplateError> {
        if !self.release.knows_native_sidecars() {
            return Ok(false);
        }
        let value = self.variable("ENABLE_NATIVE_SIDECARS")?;
        Ok(match value {
            Some(value) if self.release.native_sidecar_modes() => matches!(value, "true" | "auto" | ""),
            Some(value) => parse_bool(value).unwrap_or(false),
            None => self.release.native_sidecar_modes(),
        })
    }

    /// Does istiod run on OpenShift, as it sees itself?
    pub(super) fn openshift(&self) -> Result<bool, TemplateError> {
        Ok(self.variable("PLATFORM")? == Some("openshift"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_off_images() {
        let rows = [
            ("gcr.io/istio-release/pilot:1.28.10", Some("1.28.10")),
            ("localhost:5000/pilot", None),
            ("localhost:5000/pilot:1.22.1-distroless@sha256:00", Some("1.22.1-distroless")),
            ("pilot@sha256:00", None),
        ];
        for (image, expected) in rows {
            assert_eq!(tag(image), expected, "{image}");
        }
    }
}
