//! The same injectors with other values: what would they add to a pod in another data plane mode?
//!
//! Templates, webhooks and everything else stay the input's own. The mode is one flag of the values, whose place depends
//! on the release.
//!
//! Source of facts: the conditions of the injection templates (`manifests/charts/istio-control/istio-discovery/files/
//! injection-template.yaml`) of Istio 1.17 to 1.30.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value as Json, json};

use super::istiod::Settings;
use super::pod::TEMPLATES;
use super::template::Value;
use super::{Injectors, NamespaceView, PodView, Release};
use crate::istio::facts::{FactsLookup, facts_for};
use crate::istio::mode_settings::{Redirection, injector_flags};

/// The template of sidecars, in every release.
const SIDECAR: &str = "sidecar";

/// The minor of Istio 1 that brought `global.proxy.seccompProfile`.
const SECCOMP_PROFILE_SINCE: u32 = 28;

impl Injectors {
    /// These injectors with another redirection; None where all of them have it already.
    #[must_use]
    pub fn redirected(&self, to: Redirection) -> Option<Self> {
        let on = to == Redirection::IstioCni;
        self.with_values(|settings| {
            if redirection(settings) == to {
                return None;
            }
            let mut values = settings.values.clone();
            flags(settings.release).iter().for_each(|flag| set(&mut values, flag, on.into()));
            Some(values)
        })
    }

    /// How the pods of each revision are redirected, `default` where it is unnamed; those that cannot be read are left out.
    pub fn redirections(&self) -> impl Iterator<Item = (&str, Redirection)> {
        self.istiods.iter().filter_map(|istiod| istiod.settings.as_ref().ok()).map(|settings| {
            let revision = if settings.revision.is_empty() { "default" } else { settings.revision.as_str() };
            (revision, redirection(settings))
        })
    }

    /// These injectors with `global.proxy.seccompProfile`; None where no release knows it, or all have one.
    #[must_use]
    pub fn with_seccomp_profile(&self) -> Option<Self> {
        self.with_values(|settings| {
            let stated = settings.values.pointer("/global/proxy/seccompProfile/type").is_some();
            if settings.release.minor < SECCOMP_PROFILE_SINCE || stated {
                return None;
            }
            let mut values = settings.values.clone();
            set(&mut values, &["global", "proxy", "seccompProfile"], json!({"type": "RuntimeDefault"}));
            Some(values)
        })
    }

    fn with_values(&self, change: impl Fn(&Settings) -> Option<Json>) -> Option<Self> {
        let mut changed = None;
        for (place, istiod) in self.istiods.iter().enumerate() {
            let Ok(settings) = &istiod.settings else { continue };
            let Some(values) = change(settings) else { continue };
            let all: &mut Self = changed.get_or_insert_with(|| self.clone());
            if let Some(Ok(settings)) = all.istiods.get_mut(place).map(|istiod| istiod.settings.as_mut()) {
                settings.template_values = Value::from_json(&values);
                settings.values = values;
            }
        }
        changed
    }

    /// Whether an injected pod asks for another template than that of sidecars, as gateways and waypoints do: these stay
    /// injected in ambient.
    #[must_use]
    pub fn is_no_sidecar(&self, namespace: &NamespaceView<'_>, pod: &PodView<'_>) -> bool {
        let Some(asked) = templates(pod.metadata) else { return false };
        let Ok(Some(settings)) = self.settings_for(namespace, pod) else { return false };
        !asked.split(',').map(str::trim).any(|name| match settings.aliases.get(name) {
            Some(names) => names.iter().any(|name| is_sidecar(settings, name)),
            None => is_sidecar(settings, name),
        })
    }
}

fn templates(metadata: &ObjectMeta) -> Option<&String> {
    metadata.annotations.as_ref()?.get(TEMPLATES)
}

fn is_sidecar(settings: &Settings, name: &str) -> bool {
    name == SIDECAR || settings.default_templates.iter().any(|default| default == name)
}

fn redirection(settings: &Settings) -> Redirection {
    let is_on = flags(settings.release)
        .iter()
        .any(|flag| flag.iter().try_fold(&settings.values, |value, key| value.get(key)) == Some(&Json::Bool(true)));
    if is_on { Redirection::IstioCni } else { Redirection::IstioInit }
}

/// The flags of the values that a release's templates read.
fn flags(release: Release) -> &'static [&'static [&'static str]] {
    const EITHER: &[&[&str]] = &[&["istio_cni", "enabled"], &["pilot", "cni", "enabled"]];
    match format!("1.{}.{}", release.minor, release.patch).parse().map(|version| facts_for(&version)) {
        Ok(FactsLookup::Known(facts) | FactsLookup::Newer(facts)) => injector_flags(facts),
        Ok(FactsLookup::TooOld) | Err(_) => EITHER,
    }
}

/// Sets a value; maps on the way there are made, in the place of what is none.
fn set(values: &mut Json, path: &[&str], value: Json) {
    let mut at = values;
    for key in path {
        if !at.is_object() {
            *at = json!({});
        }
        at = &mut at[*key];
    }
    *at = value;
}
