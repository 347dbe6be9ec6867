//! The configuration of Pod Security admission itself: the cluster's defaults and exemptions.
//!
//! Source: `admission/api/{v1,v1beta1,v1alpha1}/types.go` of pod-security-admission v0.37.2 and
//! [its page](https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/).

use std::str::FromStr;

use serde::Deserialize;

use crate::krm::{Error, Item};
use crate::pod_security::{Exemptions, LevelVersion, Policy};
use crate::yaml::de;
use crate::yaml::tree::View;

const GROUP: &str = "pod-security.admission.config.k8s.io/";
const KIND: &str = "PodSecurityConfiguration";
const PLUGIN: &str = "PodSecurity";

/// What holds in the cluster where no label says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdmissionDefaults {
    /// The levels of a namespace without labels.
    pub policy: Policy,
    /// Who is left alone.
    pub exemptions: Exemptions,
}

/// True for what configures the API server and is no resource of the cluster.
#[must_use]
pub fn is_admission_configuration(item: &Item<'_>) -> bool {
    (item.kind() == KIND && item.api_version().starts_with(GROUP))
        || (item.kind() == "AdmissionConfiguration" && item.api_version().starts_with("apiserver.config.k8s.io/"))
}

#[derive(Debug, Deserialize)]
struct Object {
    #[serde(default)]
    defaults: Option<Defaults>,
    #[serde(default)]
    exemptions: Option<Exempted>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
struct Defaults {
    enforce: Option<String>,
    enforce_version: Option<String>,
    audit: Option<String>,
    audit_version: Option<String>,
    warn: Option<String>,
    warn_version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Exempted {
    usernames: Option<Vec<String>>,
    runtime_classes: Option<Vec<String>>,
    namespaces: Option<Vec<String>>,
}

impl AdmissionDefaults {
    /// Reads the configurations that came among the input; without one the defaults of a cluster without configuration.
    ///
    /// # Errors
    /// Where one is wrong, since the API server would not start with it, or where there are two.
    pub fn read(items: &[Item<'_>]) -> Result<Self, Error> {
        let mut found = None;
        for item in items {
            let parsed = item.parse_to_read()?;
            let Some(root) = parsed.root() else { continue };
            for object in configurations(root) {
                if found.is_some() {
                    return Err(item.error(format!("there must be only one {KIND} in the input")));
                }
                found = Some(Self::of(item, object)?);
            }
        }
        Ok(found.unwrap_or_default())
    }

    fn of(item: &Item<'_>, view: View<'_>) -> Result<Self, Error> {
        let object: Object = de::from_view(view).map_err(|error| item.decode_error(&error))?;
        let defaults = object.defaults.unwrap_or_default();
        let asked = |level: Option<String>, version: Option<String>, mode: &str| {
            let mut asked = Policy::default().enforce;
            if let Some(level) = level.filter(|level| !level.is_empty()) {
                asked.level = parsed(item, &level, &format!("defaults.{mode}"))?;
            }
            if let Some(version) = version.filter(|version| !version.is_empty()) {
                asked.version = parsed(item, &version, &format!("defaults.{mode}-version"))?;
            }
            Ok::<LevelVersion, Error>(asked)
        };
        let exempted = object.exemptions.unwrap_or_default();
        Ok(Self {
            policy: Policy {
                enforce: asked(defaults.enforce, defaults.enforce_version, "enforce")?,
                audit: asked(defaults.audit, defaults.audit_version, "audit")?,
                warn: asked(defaults.warn, defaults.warn_version, "warn")?,
            },
            exemptions: Exemptions {
                usernames: exempted.usernames.unwrap_or_default(),
                runtime_classes: exempted.runtime_classes.unwrap_or_default(),
                namespaces: exempted.namespaces.unwrap_or_default(),
            },
        })
    }
}

/// The object itself, or those of the plugin inside an `AdmissionConfiguration`.
fn configurations(root: View<'_>) -> Vec<View<'_>> {
    if root.get("kind").is_some_and(|kind| kind.scalar_text() == KIND) {
        return vec![root];
    }
    let plugins = root.get("plugins").into_iter().flat_map(|plugins| plugins.items());
    plugins
        .filter(|plugin| plugin.get("name").is_some_and(|name| name.scalar_text() == PLUGIN))
        .filter_map(|plugin| plugin.get("configuration"))
        .filter(|configuration| !configuration.is_null())
        .collect()
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(item: &Item<'_>, text: &str, path: &str) -> Result<T, Error> {
    text.parse().map_err(|error| item.error(format!("\"{text}\" {error}")).at_field(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krm::List;

    fn read(yaml: &str) -> Result<AdmissionDefaults, String> {
        let mut list = List::read(yaml).unwrap();
        let taken = list.take(is_admission_configuration).unwrap();
        assert!(list.items().is_empty());
        AdmissionDefaults::read(&taken).map_err(|error| error.to_string())
    }

    const OBJECT: &str = "apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n";

    #[test]
    fn defaults_and_exemptions_are_read_alone_or_inside() {
        let body = "defaults:\n  enforce: baseline\n  enforce-version: v1.30\n  warn: restricted\nexemptions:\n  namespaces: [kube-system]\n  \
                    runtimeClasses: [kata]\n  usernames: []\n";
        let alone = read(&format!("{OBJECT}{body}")).unwrap();
        assert_eq!(alone.policy.enforce.to_string(), "baseline:v1.30");
        assert_eq!(alone.policy.audit.to_string(), "privileged:latest");
        assert_eq!(alone.policy.warn.to_string(), "restricted:latest");
        assert_eq!(alone.exemptions.namespaces, ["kube-system"]);
        let indented = format!("{OBJECT}{body}").replace('\n', "\n    ");
        let inside = format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n- name: Other\n  path: x\n- name: PodSecurity\n  \
             configuration:\n    {}\n",
            indented.trim_end()
        );
        assert_eq!(read(&inside).unwrap(), alone);
        assert_eq!(read(OBJECT).unwrap(), AdmissionDefaults::default());
    }

    #[test]
    fn a_wrong_configuration_is_an_error() {
        for (body, expected) in [
            ("defaults: {enforce: strict}", "must be one of privileged, baseline, restricted"),
            ("defaults: {enforce-version: 1.30}", "must be a string"),
            ("defaults: {enforced: baseline}", "unknown key"),
            ("exemptions: {namespaces: kube-system}", "must be a sequence"),
        ] {
            let error = read(&format!("{OBJECT}{body}\n")).unwrap_err();
            assert!(error.contains(expected), "{body}: {error}");
        }
        assert!(read(&format!("{OBJECT}---\n{OBJECT}")).unwrap_err().contains("only one"));
    }
}
