//! The object `Unroot` as it is written, and the way from it to [`Config`].

use serde::Deserialize;
use serde::de::{Error, IgnoredAny};

use super::Config;
use super::error::InvalidConfig;
use super::findings::{Accepted, OnViolation};
use super::glob::{self, Glob};
use super::istio::Istio;
use super::mapping;
use super::pod_security::{DEFAULT_FLOOR, Enforce, Mode, Modes, NamespaceEntry, PodSecurity, Wishes};
use super::text::{self, FromText};
use super::workloads::Workloads;
use crate::pod_security::{Level, Version};

/// The whole object. What it is has been decided before it is read.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct UnrootObject {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(rename = "metadata")]
    _metadata: IgnoredAny,
    #[serde(deserialize_with = "mapping::or_default")]
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct Spec {
    #[serde(deserialize_with = "mapping::or_default")]
    pod_security: PodSecurityKeys,
    #[serde(deserialize_with = "mapping::or_default")]
    istio: Istio,
    #[serde(deserialize_with = "mapping::or_default")]
    workloads: Workloads,
    #[serde(deserialize_with = "mapping::value_or_default")]
    on_violation: OnViolation,
    #[serde(deserialize_with = "mapping::list")]
    accepted: Vec<Accepted>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct PodSecurityKeys {
    #[serde(deserialize_with = "text::optional")]
    enforce: Option<Enforce>,
    #[serde(deserialize_with = "text::optional")]
    audit: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    warn: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    enforce_version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    audit_version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    warn_version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    floor: Option<Level>,
    #[serde(deserialize_with = "mapping::list")]
    namespaces: Vec<EntryKeys>,
    #[serde(deserialize_with = "mapping::or_default")]
    user_namespaces: UserNamespacesKeys,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EntryKeys {
    #[serde(deserialize_with = "glob::namespaces")]
    names: Vec<Glob>,
    #[serde(default, deserialize_with = "text::optional")]
    enforce: Option<Enforce>,
    #[serde(default, deserialize_with = "text::optional")]
    audit: Option<Level>,
    #[serde(default, deserialize_with = "text::optional")]
    warn: Option<Level>,
    #[serde(default, deserialize_with = "text::optional")]
    version: Option<Version>,
    #[serde(default, deserialize_with = "text::optional")]
    enforce_version: Option<Version>,
    #[serde(default, deserialize_with = "text::optional")]
    audit_version: Option<Version>,
    #[serde(default, deserialize_with = "text::optional")]
    warn_version: Option<Version>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
struct UserNamespacesKeys {
    #[serde(deserialize_with = "text::optional")]
    enforce: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    audit: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    warn: Option<Level>,
    #[serde(deserialize_with = "text::optional")]
    version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    enforce_version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    audit_version: Option<Version>,
    #[serde(deserialize_with = "text::optional")]
    warn_version: Option<Version>,
}

impl FromText for Enforce {
    fn expected() -> String {
        "a level of the Pod Security Standards or `strictest`".to_owned()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        const WORDS: [&str; 4] =
            [Level::Privileged.as_str(), Level::Baseline.as_str(), Level::Restricted.as_str(), "strictest"];
        match text {
            "strictest" => Ok(Self::Strictest),
            _ => text.parse().map(Self::Level).map_err(|_| E::unknown_variant(text, &WORDS)),
        }
    }
}

impl TryFrom<UnrootObject> for Config {
    type Error = InvalidConfig;

    fn try_from(UnrootObject { spec, .. }: UnrootObject) -> Result<Self, InvalidConfig> {
        let Spec { pod_security, istio, workloads, on_violation, accepted } = spec;
        let (pod_security, user_namespaces) = pod_security.validated("spec.podSecurity")?;
        Ok(Self {
            pod_security: said(pod_security),
            user_namespaces: said(user_namespaces),
            istio: said(istio),
            workloads: said(workloads),
            on_violation,
            accepted,
        })
    }
}

/// A part that says nothing is as good as absent.
pub(super) fn said<T: Default + PartialEq>(part: T) -> Option<T> {
    (part != T::default()).then_some(part)
}

impl PodSecurityKeys {
    fn validated(self, path: &str) -> Result<(PodSecurity, Wishes), InvalidConfig> {
        let versions = [self.version, self.enforce_version, self.audit_version, self.warn_version];
        let modes = modes(path, self.enforce, self.audit, self.warn, versions)?;
        let entries = self.namespaces.into_iter().enumerate();
        let namespaces = entries.map(|(index, entry)| entry.validated(&format!("{path}.namespaces[{index}]")));
        let pod_security = PodSecurity {
            modes,
            floor: self.floor.unwrap_or(DEFAULT_FLOOR),
            namespaces: namespaces.collect::<Result<_, _>>()?,
        };
        Ok((pod_security, self.user_namespaces.validated(&format!("{path}.userNamespaces"))?))
    }
}

impl EntryKeys {
    fn validated(self, path: &str) -> Result<NamespaceEntry, InvalidConfig> {
        let versions = [self.version, self.enforce_version, self.audit_version, self.warn_version];
        Ok(NamespaceEntry { names: self.names, modes: modes(path, self.enforce, self.audit, self.warn, versions)? })
    }
}

impl UserNamespacesKeys {
    fn validated(self, path: &str) -> Result<Wishes, InvalidConfig> {
        let versions = [self.version, self.enforce_version, self.audit_version, self.warn_version];
        Ok(modes(path, self.enforce, self.audit, self.warn, versions)?.wishes())
    }
}

/// The modes of one object, from its levels and from the keys `version`, `enforceVersion`, `auditVersion` and
/// `warnVersion`.
fn modes<E>(
    path: &str,
    enforce: Option<E>,
    audit: Option<Level>,
    warn: Option<Level>,
    [all, enforce_version, audit_version, warn_version]: [Option<Version>; 4],
) -> Result<Modes<E>, InvalidConfig> {
    let of_one = [("enforceVersion", enforce_version), ("auditVersion", audit_version), ("warnVersion", warn_version)];
    if all.is_some()
        && let Some((key, _)) = of_one.iter().find(|(_, version)| version.is_some())
    {
        return Err(InvalidConfig::at(
            format!("{path}.{key}"),
            "must not be set beside `version`, which sets the version of all three modes",
        ));
    }
    Ok(Modes {
        enforce: Mode { level: enforce, version: all.or(enforce_version) },
        audit: Mode { level: audit, version: all.or(audit_version) },
        warn: Mode { level: warn, version: all.or(warn_version) },
    })
}
