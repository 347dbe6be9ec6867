//! The flat keys of a `v1 ConfigMap` (kpt makes one of `-- key=value`) and of `KEY=VALUE` words.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, IntoDeserializer, MapAccess, Visitor, value};
use serde::forward_to_deserialize_any;

use super::error::InvalidConfig;
use super::findings::OnViolation;
use super::istio::{Ambient, DataplaneMode, Istio, Platform, Waypoints};
use super::pod_security::{DEFAULT_FLOOR, Enforce, Mode, Modes, PodSecurity, Wish, Wishes};
use super::scalar::NamespaceName;
use super::wire::said;
use super::workloads::{Harden, Workloads};
use super::{Config, mapping, text};
use crate::pod_security::{Level, Version};

/// The whole ConfigMap.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ConfigMapObject {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata")]
    _metadata: IgnoredAny,
    #[serde(rename = "immutable")]
    _immutable: IgnoredAny,
    #[serde(deserialize_with = "mapping::or_default")]
    pub(super) data: Flat,
}

/// The keys.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Flat {
    #[serde(deserialize_with = "text::optional")]
    enforce: Option<Enforce>,
    #[serde(deserialize_with = "text::optional")]
    audit: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    warn: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    floor: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    user_namespaces: Option<Level>,
    istio: Option<DataplaneMode>,
    platform: Option<Platform>,
    cni_namespace: Option<NamespaceName>,
    ztunnel_namespace: Option<NamespaceName>,
    waypoints: Option<Waypoints>,
    harden: Option<Harden>,
    #[serde(deserialize_with = "text::optional")]
    assume_non_root: Option<bool>,
    on_violation: Option<OnViolation>,
}

impl Flat {
    /// Reads `KEY=VALUE` words.
    pub(super) fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, InvalidConfig> {
        Self::deserialize(value::MapAccessDeserializer::new(Pairs { pairs, current: ("", "") }))
    }
}

impl From<Flat> for Config {
    fn from(flat: Flat) -> Self {
        let pod_security = PodSecurity {
            modes: Modes {
                enforce: Mode { level: flat.enforce, version: flat.version },
                audit: Mode { level: flat.audit, version: flat.version },
                warn: Mode { level: flat.warn, version: flat.version },
            },
            floor: flat.floor.unwrap_or(DEFAULT_FLOOR),
            namespaces: Vec::new(),
        };
        let istio = Istio {
            mode: flat.istio,
            platform: flat.platform,
            cni_namespace: flat.cni_namespace,
            ambient: Ambient {
                ztunnel_namespace: flat.ztunnel_namespace,
                waypoints: flat.waypoints.unwrap_or_default(),
                ..Ambient::default()
            },
            ..Istio::default()
        };
        let workloads = Workloads {
            harden: flat.harden.unwrap_or_default(),
            assume_non_root: flat.assume_non_root.unwrap_or_default(),
            users: Vec::new(),
        };
        let user_namespaces = flat.user_namespaces.map(|level| Wish { level, version: None });
        Self {
            pod_security: said(pod_security),
            user_namespaces: said(Wishes { enforce: user_namespaces, ..Wishes::default() }),
            istio: said(istio),
            workloads: said(workloads),
            on_violation: flat.on_violation.unwrap_or_default(),
            accepted: Vec::new(),
        }
    }
}

/// `KEY=VALUE` words as a map, so that they are decoded by the same types as a ConfigMap's `data`.
struct Pairs<'a, I> {
    pairs: I,
    /// What [`Pairs::next_key_seed`] has seen last.
    current: (&'a str, &'a str),
}

impl<'a, I: Iterator<Item = (&'a str, &'a str)>> MapAccess<'a> for Pairs<'a, I> {
    type Error = InvalidConfig;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, InvalidConfig> {
        let Some(pair) = self.pairs.next() else { return Ok(None) };
        self.current = pair;
        seed.deserialize(pair.0.into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, InvalidConfig> {
        let (key, value) = self.current;
        seed.deserialize(PairValue(value)).map_err(|error| InvalidConfig::at(key, error.message))
    }
}

/// A value that is there: serde's own deserializer of a string has no options.
struct PairValue<'a>(&'a str);

impl<'de> Deserializer<'de> for PairValue<'de> {
    type Error = InvalidConfig;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidConfig> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, InvalidConfig> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
