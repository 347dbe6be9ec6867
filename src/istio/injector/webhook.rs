//! The first gate: does one of Istio's webhooks select the pod?
//!
//! The API server looks only at labels, of the namespace and of the pod; annotations come after. A pod that no webhook selects is
//! never seen by istiod, whatever its annotations say.
//!
//! Source of facts: k8s.io/apiserver `pkg/admission/plugin/webhook/{generic,predicates,matchconditions}`, the chart
//! `istio-discovery/templates/mutatingwebhook.yaml` of Istio 1.17 to 1.30.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, MutatingWebhookConfiguration};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Selector, SelectorExt};

/// Labels of an object.
pub(super) type Labels = BTreeMap<String, String>;

/// A webhook that would be called when a pod is created.
#[derive(Clone, Debug)]
pub(super) struct InjectionWebhook {
    /// `CONFIGURATION/WEBHOOK`, for messages.
    pub(super) name: String,
    /// Which istiod answers.
    pub(super) server: Server,
    namespaces: Option<Selector>,
    pods: Option<Selector>,
    /// Conditions or selectors that cannot be decided here.
    undecided: Option<String>,
}

/// Who answers a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Server {
    /// A Service of this cluster.
    Service {
        /// The Service's namespace.
        namespace: String,
        /// The Service's name, `istiod` or `istiod-REVISION`.
        name: String,
        /// Label `istio.io/rev` of the configuration.
        revision: Option<String>,
    },
    /// An address outside.
    Url,
}

/// What a webhook's selectors say of a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selected {
    No,
    Yes,
    /// It cannot be told, and why.
    Unknown(String),
}

/// The injection webhooks of the configurations: those of Istio that hear of the creation of pods.
pub(super) fn injection_webhooks(configurations: &[MutatingWebhookConfiguration]) -> Vec<InjectionWebhook> {
    webhooks_for_pods(configurations, is_istios)
}

/// The webhooks of others that hear of the creation of pods: what they do to a pod is not in the manifests.
pub(super) fn other_webhooks(configurations: &[MutatingWebhookConfiguration]) -> Vec<InjectionWebhook> {
    webhooks_for_pods(configurations, |webhook| !is_istios(webhook))
}

fn webhooks_for_pods(
    configurations: &[MutatingWebhookConfiguration],
    wanted: impl Fn(&MutatingWebhook) -> bool,
) -> Vec<InjectionWebhook> {
    let mut found = Vec::new();
    for configuration in configurations {
        for webhook in configuration.webhooks.iter().flatten() {
            if wanted(webhook) && hears_of_pods(webhook) {
                found.push(InjectionWebhook::new(configuration, webhook));
            }
        }
    }
    found
}

/// Is it Istio's? Its own charts name the webhooks so; a renamed one still calls istiod's injection path.
fn is_istios(webhook: &MutatingWebhook) -> bool {
    if webhook.name.ends_with("sidecar-injector.istio.io") {
        return true;
    }
    let path = webhook.client_config.service.as_ref().and_then(|service| service.path.as_deref());
    path.is_some_and(|path| path == "/inject" || path.starts_with("/inject/"))
}

fn hears_of_pods(webhook: &MutatingWebhook) -> bool {
    let has = |list: &Option<Vec<String>>, word: &str| {
        list.iter().flatten().any(|entry| entry == word || entry == "*" || entry == "*/*")
    };
    webhook.rules.iter().flatten().any(|rule| {
        has(&rule.api_groups, "")
            && has(&rule.api_versions, "v1")
            && has(&rule.operations, "CREATE")
            && has(&rule.resources, "pods")
            && rule.scope.as_deref().is_none_or(|scope| scope == "*" || scope == "Namespaced")
    })
}

impl InjectionWebhook {
    fn new(configuration: &MutatingWebhookConfiguration, webhook: &MutatingWebhook) -> Self {
        let name = format!("{}/{}", configuration.metadata.name.as_deref().unwrap_or_default(), webhook.name);
        let revision = configuration.metadata.labels.as_ref().and_then(|labels| labels.get("istio.io/rev")).cloned();
        let server = match &webhook.client_config.service {
            Some(service) => {
                Server::Service { namespace: service.namespace.clone(), name: service.name.clone(), revision }
            }
            None => Server::Url,
        };
        let mut undecided = None;
        if webhook.match_conditions.as_ref().is_some_and(|conditions| !conditions.is_empty()) {
            undecided = Some(format!("webhook {name} has matchConditions"));
        }
        let mut selector = |selector: &Option<LabelSelector>| {
            let parsed = Selector::try_from(selector.clone().unwrap_or_default());
            parsed.map_err(|error| undecided = Some(format!("webhook {name} has an invalid selector: {error}"))).ok()
        };
        let namespaces = selector(&webhook.namespace_selector);
        let pods = selector(&webhook.object_selector);
        Self { name, server, namespaces, pods, undecided }
    }

    /// Does the API server call it for a pod with these labels in a namespace with those?
    pub(super) fn selects(&self, namespace: &Labels, pod: &Labels) -> Selected {
        let (Some(namespaces), Some(pods)) = (&self.namespaces, &self.pods) else {
            return Selected::Unknown(self.undecided.clone().unwrap_or_default());
        };
        if !namespaces.matches(namespace) || !pods.matches(pod) {
            return Selected::No;
        }
        self.undecided.clone().map_or(Selected::Yes, Selected::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhooks(name: &str, webhook: serde_json::Value) -> Vec<InjectionWebhook> {
        let mut webhook = webhook;
        webhook["admissionReviewVersions"] = serde_json::json!(["v1"]);
        webhook["sideEffects"] = "None".into();
        webhook["name"] = name.into();
        if webhook.get("rules").is_none() {
            webhook["rules"] = serde_json::json!([
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]);
        }
        let configuration = serde_json::json!({"metadata": {"name": "c"}, "webhooks": [webhook]});
        injection_webhooks(&[serde_json::from_value(configuration).expect("a configuration")])
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn istios_webhooks_are_known_by_name_or_path() {
        let service = |path: &str| serde_json::json!({"clientConfig": {"service": {"name": "s", "namespace": "n", "path": path}}});
        let rows = [
            ("namespace.sidecar-injector.istio.io", "/inject", 1),
            ("sidecar-injector.istio.io", "/x", 1),
            ("renamed.example.com", "/inject", 1),
            ("renamed.example.com", "/inject/cluster/east", 1),
            ("defaulter.example.com", "/injector", 0),
        ];
        for (name, path, count) in rows {
            assert_eq!(webhooks(name, service(path)).len(), count, "{name} {path}");
        }
        let mut updates = service("/inject");
        updates["rules"] = serde_json::json!([
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["pods"]}
        ]);
        assert_eq!(webhooks("x.sidecar-injector.istio.io", updates).len(), 0);
    }

    #[test]
    fn selectors_match_as_apimachinerys() {
        let expression = |key: &str, operator: &str, values: &[&str]| serde_json::json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
        let rows = [
            (expression("k", "In", &["a", "b"]), labels(&[("k", "a")]), true),
            (expression("k", "In", &["a", "b"]), labels(&[]), false),
            (expression("k", "NotIn", &["a"]), labels(&[]), true),
            (expression("k", "NotIn", &["a"]), labels(&[("k", "a")]), false),
            (expression("k", "Exists", &[]), labels(&[("k", "")]), true),
            (expression("k", "DoesNotExist", &[]), labels(&[("k", "")]), false),
            (serde_json::json!({"matchLabels": {"k": "a", "l": "b"}}), labels(&[("k", "a")]), false),
            (serde_json::json!({}), labels(&[("k", "a")]), true),
        ];
        for (selector, pod, expected) in rows {
            let webhook = serde_json::json!({
                "clientConfig": {"service": {"name": "s", "namespace": "n", "path": "/inject"}},
                "objectSelector": selector,
            });
            let found = &webhooks("x.sidecar-injector.istio.io", webhook)[0];
            let wanted = if expected { Selected::Yes } else { Selected::No };
            assert_eq!(found.selects(&labels(&[]), &pod), wanted, "{selector} {pod:?}");
        }
    }

    #[test]
    fn match_conditions_matter_only_where_the_selectors_match() {
        let webhook = serde_json::json!({
            "clientConfig": {"url": "https://example.com/inject"},
            "objectSelector": {"matchLabels": {"k": "a"}},
            "matchConditions": [{"name": "c", "expression": "true"}],
        });
        let found = &webhooks("x.sidecar-injector.istio.io", webhook)[0];
        assert_eq!(found.server, Server::Url);
        assert_eq!(found.selects(&labels(&[]), &labels(&[])), Selected::No);
        assert!(matches!(found.selects(&labels(&[]), &labels(&[("k", "a")])), Selected::Unknown(_)));
    }
}
