//! Will a pod be injected by the Istio of this input, and how does it look then?
//!
//! Two gates stand before an injection: the webhooks' selectors, which see labels only, and istiod's own decision, which
//! sees labels, annotations and its configuration. What is then added is written in the input itself, as templates in
//! the ConfigMap of the injector: they are evaluated here with the input's values, so that every release and every
//! customised template is predicted alike. What cannot be evaluated is said, never guessed.
//!
//! The result is the pod as Pod Security sees it. Left out are environment variables and annotations that no check reads.
//!
//! Source of facts: `pkg/kube/inject` of the istio repository at its release tags, 1.17.0 to 1.30.3.

mod annotations;
mod istiod;
mod merge;
mod mesh;
mod openshift;
mod pod;
mod policy;
mod release;
mod schema;
mod template;
mod text;
mod webhook;
mod what_if;

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use thiserror::Error;

pub use release::Release;

use istiod::{Istiod, Settings};
use template::TemplateError;
use webhook::{InjectionWebhook, Selected};

/// The injectors of an input.
#[derive(Clone, Debug)]
pub struct Injectors {
    webhooks: Vec<InjectionWebhook>,
    others: Vec<InjectionWebhook>,
    istiods: Vec<Istiod>,
}

/// A pod's namespace.
#[derive(Debug, Clone, Copy)]
pub struct NamespaceView<'a> {
    /// Its name.
    pub name: &'a str,
    /// The labels of the Namespace object; `None` where the input has no such object.
    pub labels: Option<&'a BTreeMap<String, String>>,
    /// The annotations of the Namespace object.
    pub annotations: Option<&'a BTreeMap<String, String>>,
}

/// A pod as it is created: by hand, or by its controller from a template.
#[derive(Debug, Clone, Copy)]
pub struct PodView<'a> {
    /// The pod's own metadata; of a controller's pod those of the template.
    pub metadata: &'a ObjectMeta,
    /// What runs in it.
    pub spec: &'a PodSpec,
    /// The resource that makes the pod, where it is not a Pod itself.
    pub owner: Option<Owner<'a>>,
}

/// The resource that makes a pod.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// For example `apps/v1`.
    pub api_version: &'a str,
    /// For example `Deployment`.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// What becomes of a pod on its way through Istio's webhooks.
#[derive(Debug, Clone)]
pub enum Prediction {
    /// It is created as it is.
    NotInjected(NotInjected),
    /// It is created with what the injector adds.
    Injected(Box<InjectedPod>),
    /// It is injected, or may be, and what it looks like then cannot be told from the input.
    Unpredictable {
        /// What is not known.
        why: String,
    },
    /// The injector fails on it, so that it is not created at all.
    Refused {
        /// What the injector says.
        why: String,
    },
}

/// Why a pod is not injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotInjected {
    /// No webhook of Istio selects it by the labels of its namespace and its own.
    #[error("no injection webhook selects it")]
    NotSelected,
    /// It uses the host's network.
    #[error("pods on the host network are never injected")]
    HostNetwork,
    /// Istio leaves its namespace alone, whatever the labels.
    #[error("Istio never injects in its namespace")]
    IgnoredNamespace,
    /// Its label or annotation `sidecar.istio.io/inject` says no.
    #[error("`sidecar.istio.io/inject` says no")]
    OptedOut,
    /// The injector's policy or selectors leave it out.
    #[error("the injector's policy leaves it out")]
    Policy,
}

/// An injected pod.
#[derive(Debug, Clone)]
pub struct InjectedPod {
    /// Metadata with what the injector added.
    pub metadata: ObjectMeta,
    /// The specification with what the injector added.
    pub spec: PodSpec,
}

impl Injectors {
    /// Finds the injectors of an input: Istio's webhooks among the configurations, istiods among the Deployments, their
    /// settings among the ConfigMaps. `release` is that of an istiod whose image names none.
    #[must_use]
    pub fn find(
        configurations: &[MutatingWebhookConfiguration],
        config_maps: &[ConfigMap],
        deployments: &[Deployment],
        release: Option<Release>,
    ) -> Self {
        let istiods = deployments.iter().filter_map(|deployment| Istiod::read(deployment, config_maps, release));
        Self {
            webhooks: webhook::injection_webhooks(configurations),
            others: webhook::other_webhooks(configurations),
            istiods: istiods.collect(),
        }
    }

    /// Does the input have any injection webhook?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.webhooks.is_empty()
    }

    /// What becomes of a pod.
    #[must_use]
    pub fn predict(&self, namespace: &NamespaceView<'_>, pod: &PodView<'_>) -> Prediction {
        let settings = match self.settings_for(namespace, pod) {
            Ok(Some(settings)) => settings,
            Ok(None) => return Prediction::NotInjected(NotInjected::NotSelected),
            Err(why) => return Prediction::Unpredictable { why },
        };
        if let Some(reason) = settings.policy.refuses(settings.release, namespace.name, pod) {
            return Prediction::NotInjected(reason);
        }
        match pod::inject(settings, namespace, pod) {
            Ok(injected) => Prediction::Injected(Box::new(injected)),
            Err(TemplateError::Unsupported(why)) => {
                Prediction::Unpredictable { why: format!("the injection depends on {why}") }
            }
            Err(TemplateError::Failed(why)) => Prediction::Refused { why },
        }
    }

    /// The mutating webhooks of others, as `CONFIGURATION/WEBHOOK`, that would see a pod with this metadata.
    pub fn others_that_see<'a>(&'a self, namespace: &NamespaceView<'_>, pod: &ObjectMeta) -> Vec<&'a str> {
        if self.others.is_empty() {
            return Vec::new();
        }
        let namespace_labels = selectable_labels(namespace);
        let none = BTreeMap::new();
        let labels = pod.labels.as_ref().unwrap_or(&none);
        let seeing = self.others.iter().filter(|webhook| webhook.selects(&namespace_labels, labels) != Selected::No);
        seeing.map(|webhook| webhook.name.as_str()).collect()
    }

    /// The settings of the istiod that a webhook sends the pod to, if one does.
    fn settings_for(&self, namespace: &NamespaceView<'_>, pod: &PodView<'_>) -> Result<Option<&Settings>, String> {
        let namespace_labels = selectable_labels(namespace);
        let none = BTreeMap::new();
        let labels = pod.metadata.labels.as_ref().unwrap_or(&none);

        let mut found: Option<(&InjectionWebhook, &Istiod)> = None;
        for webhook in &self.webhooks {
            match webhook.selects(&namespace_labels, labels) {
                Selected::No => continue,
                Selected::Unknown(why) => return Err(why),
                Selected::Yes => {}
            }
            let istiod = self.istiods.iter().find(|istiod| istiod.serves(&webhook.server));
            let istiod =
                istiod.ok_or_else(|| format!("webhook {} calls an istiod that is not in the input", webhook.name))?;
            match found {
                // One istiod that is called twice finds its own status at the second call and injects the same again.
                Some((_, first)) if std::ptr::eq(first, istiod) => {}
                Some((first, _)) => {
                    return Err(format!("webhooks {} and {} of two istiods select the pod", first.name, webhook.name));
                }
                None => found = Some((webhook, istiod)),
            }
        }
        match found {
            Some((_, istiod)) => istiod.settings.as_ref().map(Some).map_err(Clone::clone),
            None => Ok(None),
        }
    }
}

/// A namespace's labels with the one that the API server gives to each.
fn selectable_labels(namespace: &NamespaceView<'_>) -> BTreeMap<String, String> {
    let mut labels = namespace.labels.cloned().unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.name.to_owned());
    labels
}
