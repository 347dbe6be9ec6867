//! The functionConfig: what a run shall do, read once and checked before anything is changed.
//!
//! It comes as an object `Unroot`, as a `v1 ConfigMap` with flat keys, or as `KEY=VALUE` words, and ends as one
//! [`Config`]. The types decode themselves from any [`Deserializer`] and raise their errors while it still knows the
//! place; only rules across keys are checked after it, and those errors carry their field path themselves.
//! `fn-config/` holds the JSON schema and a sample; a test ties both to this module.

mod error;
mod findings;
mod flat;
mod glob;
mod istio;
mod mapping;
mod pod_security;
mod scalar;
mod text;
mod wire;
mod workloads;

use serde::{Deserialize, Deserializer};

pub use error::{ConfigError, InvalidConfig};
pub use findings::{Accepted, OnViolation};
pub use glob::Glob;
pub use istio::{Ambient, DataplaneMode, Istio, Platform, Waypoints};
pub use pod_security::{Enforce, Mode, Modes, NamespaceEntry, NamespaceWishes, PodSecurity, Wish, Wishes};
pub use scalar::{HostDir, ImageHub, ImageTag, IstioVersion, NamespaceName, NonBlank, Until};
pub use workloads::{Harden, ImageUser, Workloads};

/// What a run shall do. A part that says nothing is None; what is absent is left alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Labels of namespaces.
    pub pod_security: Option<PodSecurity>,
    /// Labels that Kubeflow's profile controller shall put on user namespaces (`spec.podSecurity.userNamespaces`).
    /// They are an explicit wish, inherit nothing and may lower a level.
    pub user_namespaces: Option<Wishes>,
    /// What shall be reached in Istio.
    pub istio: Option<Istio>,
    /// What shall be changed in pods.
    pub workloads: Option<Workloads>,
    /// What an enforce violation is.
    pub on_violation: OnViolation,
    /// Findings that a person has accepted.
    pub accepted: Vec<Accepted>,
}

/// API version of the kind `Unroot`.
pub const API_VERSION: &str = "fn.kubeflow.org/v1alpha1";
/// Kind of the functionConfig.
pub const KIND: &str = "Unroot";

impl Config {
    /// Reads an object whose apiVersion and kind the caller has already seen.
    ///
    /// # Errors
    /// If it is neither an `Unroot` nor a `v1 ConfigMap`, or if anything in it is unknown or wrong.
    pub fn from_object<'de, D: Deserializer<'de>>(
        api_version: &str,
        kind: &str,
        object: D,
    ) -> Result<Self, ConfigError<D::Error>> {
        match (api_version, kind) {
            (API_VERSION, KIND) => Self::from_unroot(object),
            ("v1", "ConfigMap") => Self::from_config_map(object).map_err(ConfigError::Decode),
            _ => Err(unknown_kind(api_version, kind).into()),
        }
    }

    fn from_unroot<'de, D: Deserializer<'de>>(object: D) -> Result<Self, ConfigError<D::Error>> {
        let mapping::Mapping(object) =
            mapping::Mapping::<wire::UnrootObject>::deserialize(object).map_err(ConfigError::Decode)?;
        Ok(object.try_into()?)
    }

    fn from_config_map<'de, D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        let mapping::Mapping(object) = mapping::Mapping::<flat::ConfigMapObject>::deserialize(object)?;
        Ok(object.data.into())
    }

    /// Reads the flat keys, as a ConfigMap's `data` has them.
    ///
    /// # Errors
    /// If a key is unknown or given twice, or a value is wrong; the error's path is the key.
    pub fn from_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidConfig> {
        flat::Flat::from_pairs(pairs.into_iter()).map(Self::from)
    }

    /// Reads `KEY=VALUE` words of a command line.
    ///
    /// # Errors
    /// As [`Config::from_pairs`], and if a word has no `=`.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidConfig> {
        let pairs = words.into_iter().map(|word| {
            word.split_once('=').ok_or_else(|| {
                let message = format!("\"{word}\" must be written as KEY=VALUE, such as \"enforce=baseline\"");
                InvalidConfig { path: String::new(), message }
            })
        });
        Self::from_pairs(pairs.collect::<Result<Vec<_>, _>>()?)
    }
}

fn unknown_kind(api_version: &str, kind: &str) -> InvalidConfig {
    let path = if [KIND, "ConfigMap"].contains(&kind) { "apiVersion" } else { "kind" };
    let message = format!(
        "a functionConfig must be kind `{KIND}` of apiVersion `{API_VERSION}` or kind `ConfigMap` of apiVersion `v1`, \
         not kind \"{kind}\" of apiVersion \"{api_version}\""
    );
    InvalidConfig { path: path.to_owned(), message }
}
