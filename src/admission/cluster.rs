//! What a list says of the cluster that its pods come into: namespaces, injectors, defaults and exemptions.

use std::collections::BTreeMap;

use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use serde::de::DeserializeOwned;

use super::configuration::AdmissionDefaults;
use crate::istio::injector::{Injectors, NamespaceView, Release};
use crate::istio::mode_settings::Redirection;
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::kube::names::{is_profile, previous_names};
use crate::kube::pod::decode;
use crate::kube::profile_labels;
use crate::pod_security::{LabelError, Policy};
use crate::rules::Rule;
use crate::yaml::tree::View;

/// The cluster as far as a list shows it.
#[derive(Debug)]
pub struct Cluster {
    namespaces: BTreeMap<String, Namespace>,
    pub(super) injectors: Injectors,
    pub(super) configured: AdmissionDefaults,
    problems: Vec<Finding>,
    /// Why the labels that Kubeflow's profile controller sets cannot be read.
    unread_labels: Option<String>,
}

/// A namespace of the list.
#[derive(Clone, Debug, Default)]
pub struct Namespace {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Where its labels come from.
    pub origin: Origin,
}

/// Where the labels of a namespace come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The Namespace object itself.
    #[default]
    Object,
    /// Kubeflow's profile controller, which makes the namespace of a `Profile`.
    Profile,
}

impl Cluster {
    /// Reads what the list says. `release` is that of an istiod whose image does not name it.
    ///
    /// # Errors
    /// Where a resource that must be looked into is no YAML, or the text of the profile controller's labels is none.
    pub fn of(list: &List<'_>, configured: AdmissionDefaults, release: Option<Release>) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let namespaces = namespaces(list, user_labels)?;
        let injectors = injectors(list, release, &mut problems)?;
        Ok(Self { namespaces, injectors, configured, problems, unread_labels: None })
    }

    /// The same, for whoever only answers questions: where the labels of user namespaces cannot be read, their namespaces
    /// have no answer, and the others have.
    ///
    /// # Errors
    /// Where a resource that must be looked into is no YAML.
    pub fn of_what_can_be_read(
        list: &List<'_>,
        configured: AdmissionDefaults,
        release: Option<Release>,
    ) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut unread_labels = None;
        let namespaces = namespaces(list, |list| {
            Ok(user_labels(list).unwrap_or_else(|error| {
                unread_labels = Some(error.with_place());
                profile_labels::labels_from_code()
            }))
        })?;
        let injectors = injectors(list, release, &mut problems)?;
        Ok(Self { namespaces, injectors, configured, problems, unread_labels })
    }

    /// Why nothing can be said of the pods of a namespace, where that is so.
    #[must_use]
    pub fn unread_labels(&self, namespace: &str) -> Option<&str> {
        let of_profile = self.namespace(namespace).is_some_and(|found| found.origin == Origin::Profile);
        self.unread_labels.as_deref().filter(|_| of_profile)
    }

    /// A namespace of the list, by name.
    #[must_use]
    pub fn namespace(&self, name: &str) -> Option<&Namespace> {
        self.namespaces.get(name)
    }

    /// What is wrong with the resources that say what the cluster is like.
    #[must_use]
    pub fn problems(&self) -> &[Finding] {
        &self.problems
    }

    /// All namespaces of the list by name.
    pub fn namespaces(&self) -> impl Iterator<Item = (&str, &Namespace)> {
        self.namespaces.iter().map(|(name, namespace)| (name.as_str(), namespace))
    }

    /// How the pods of each revision of Istio are redirected.
    pub fn redirections(&self) -> impl Iterator<Item = (&str, Redirection)> {
        self.injectors.redirections()
    }

    /// What holds where no label says otherwise.
    #[must_use]
    pub fn configured(&self) -> &AdmissionDefaults {
        &self.configured
    }

    /// What a namespace asks of its pods, and which of its labels are wrong.
    #[must_use]
    pub fn policy(&self, namespace: &str) -> (Policy, Vec<LabelError>) {
        let none = BTreeMap::new();
        let labels = self.namespaces.get(namespace).map_or(&none, |namespace| &namespace.labels);
        Policy::from_labels(labels, &self.configured.policy)
    }

    /// The policy that some labels ask for in this cluster.
    #[must_use]
    pub fn policy_of_labels(&self, labels: &BTreeMap<String, String>) -> Policy {
        Policy::from_labels(labels, &self.configured.policy).0
    }

    pub(super) fn reread_namespaces(&mut self, list: &List<'_>) -> Result<(), Error> {
        self.namespaces = namespaces(list, user_labels)?;
        Ok(())
    }

    pub(super) fn view<'a>(&'a self, name: &'a str) -> NamespaceView<'a> {
        let namespace = self.namespaces.get(name);
        NamespaceView {
            name,
            labels: namespace.map(|namespace| &namespace.labels),
            annotations: namespace.map(|namespace| &namespace.annotations),
        }
    }
}

/// The labels that Kubeflow's profile controller sets.
fn user_labels(list: &List<'_>) -> Result<BTreeMap<String, String>, Error> {
    Ok(profile_labels::source(list)?.map_or_else(profile_labels::labels_from_code, |source| source.labels))
}

fn namespaces(
    list: &List<'_>,
    user_labels: impl FnOnce(&List<'_>) -> Result<BTreeMap<String, String>, Error>,
) -> Result<BTreeMap<String, Namespace>, Error> {
    let mut namespaces = BTreeMap::new();
    let mut aliases = Vec::new();
    for item in list.items().iter().filter(|item| item.is("v1", "Namespace") && !item.is_local_config()) {
        let parsed = item.parse_leniently()?;
        let Some(root) = parsed.root() else { continue };
        let namespace = Namespace {
            labels: texts(root.find(&["metadata", "labels"])),
            annotations: texts(root.find(&["metadata", "annotations"])),
            origin: Origin::Object,
        };
        aliases.extend(previous_names(root).into_iter().map(|name| (name, namespace.clone())));
        namespaces.insert(item.name().to_owned(), namespace);
    }
    // Resources may still name the namespace as it was called before kustomize renamed it.
    for (name, namespace) in aliases {
        namespaces.entry(name).or_insert(namespace);
    }
    let profiles: Vec<&str> = list
        .items()
        .iter()
        .filter(|item| is_profile(item) && !namespaces.contains_key(item.name()))
        .map(Item::name)
        .collect();
    if !profiles.is_empty() {
        let labels = user_labels(list)?;
        let namespace = Namespace { labels, annotations: BTreeMap::new(), origin: Origin::Profile };
        for name in profiles {
            namespaces.insert(name.to_owned(), namespace.clone());
        }
    }
    Ok(namespaces)
}

/// A mapping of texts; what is no text counts by its spelling, since this is not the place to judge it.
fn texts(view: Option<View<'_>>) -> BTreeMap<String, String> {
    let Some(view) = view else { return BTreeMap::new() };
    decode(view).unwrap_or_else(|_| {
        view.entries().map(|(key, value)| (key.scalar_text().to_owned(), value.scalar_text().to_owned())).collect()
    })
}

fn injectors(list: &List<'_>, release: Option<Release>, problems: &mut Vec<Finding>) -> Result<Injectors, Error> {
    let mut configurations: Vec<MutatingWebhookConfiguration> = Vec::new();
    let is_webhook = |item: &Item<'_>| item.is("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration");
    read_all(list, is_webhook, &mut configurations, problems)?;
    let (mut config_maps, mut deployments): (Vec<ConfigMap>, Vec<Deployment>) = Default::default();
    if !configurations.is_empty() {
        let is_istios = |item: &Item<'_>| item.is("v1", "ConfigMap") && item.name().starts_with("istio");
        read_all(list, is_istios, &mut config_maps, problems)?;
        // The container of istiod is named so in every chart.
        let is_istiod = |item: &Item<'_>| item.is("apps/v1", "Deployment") && item.text().contains("discovery");
        // A Deployment that does not decode is said where its pod is.
        read_all(list, is_istiod, &mut deployments, &mut Vec::new())?;
    }
    Ok(Injectors::find(&configurations, &config_maps, &deployments, release))
}

fn read_all<T: DeserializeOwned>(
    list: &List<'_>,
    wanted: impl Fn(&Item<'_>) -> bool,
    found: &mut Vec<T>,
    problems: &mut Vec<Finding>,
) -> Result<(), Error> {
    for item in list.items().iter().filter(|item| !item.is_local_config() && wanted(item)) {
        let parsed = item.parse_leniently()?;
        let Some(root) = parsed.root() else { continue };
        match decode(root) {
            Ok(object) => found.push(object),
            Err(error) => {
                let mut finding = item.decode_error(&error).to_finding();
                finding.tags.insert("rule", Rule::Undecodable.code().to_owned());
                finding.severity = Severity::Error;
                finding.message = format!("cannot be decoded, so it is read as absent: {}", finding.message);
                finding.file = Item::file(root);
                problems.push(finding);
            }
        }
    }
    Ok(())
}
