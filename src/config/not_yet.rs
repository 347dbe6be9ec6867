//! What a configuration may ask for and this version cannot do yet.
//!
//! The parser knows the whole configuration, so that a mistake in it is found now. A part that is built is deleted
//! from [`NOT_YET`].

use std::fmt;

use super::Config;
use super::istio::DataplaneMode;
use super::pod_security::Enforce;
use super::workloads::Harden;

/// A part of the configuration that is valid and not built yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotYet {
    /// Field path in `Unroot`, also where the configuration was given by flat keys.
    pub path: String,
    /// What is asked for there.
    pub what: &'static str,
}

impl fmt::Display for NotYet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is not yet in this version", self.path, self.what)
    }
}

/// What is asked for, and where a configuration asks for it.
type Part = (&'static str, fn(&Config) -> Option<String>);

const NOT_YET: &[Part] = &[
    ("enforce level `strictest`", strictest),
    ("Istio mode `ambient`", ambient),
    ("hardening workloads", hardening),
    ("accepting findings", |config| (!config.accepted.is_empty()).then(|| "spec.accepted".to_owned())),
];

impl Config {
    /// The first part that this version cannot do. What is asked for must not be left undone in silence.
    #[must_use]
    pub fn not_yet(&self) -> Option<NotYet> {
        NOT_YET.iter().find_map(|(what, place)| place(self).map(|path| NotYet { path, what }))
    }
}

fn ambient(config: &Config) -> Option<String> {
    let mode = config.istio.as_ref()?.mode?;
    (mode == DataplaneMode::Ambient).then(|| "spec.istio.mode".to_owned())
}

fn strictest(config: &Config) -> Option<String> {
    const STRICTEST: Option<Enforce> = Some(Enforce::Strictest);
    let pod_security = config.pod_security.as_ref()?;
    if pod_security.modes.enforce.level == STRICTEST {
        return Some("spec.podSecurity.enforce".to_owned());
    }
    let entry = pod_security.namespaces.iter().position(|entry| entry.modes.enforce.level == STRICTEST)?;
    Some(format!("spec.podSecurity.namespaces[{entry}].enforce"))
}

/// The other keys of `workloads` only say how to harden.
fn hardening(config: &Config) -> Option<String> {
    let workloads = config.workloads.as_ref()?;
    (workloads.harden != Harden::None).then(|| "spec.workloads.harden".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_built_is_named() {
        for (words, expected) in [
            (&[][..], None),
            (&["enforce=baseline", "userNamespaces=baseline", "floor=privileged", "onViolation=warn"], None),
            (&["harden=none", "assumeNonRoot=true"], None),
            (&["enforce=strictest"], Some("spec.podSecurity.enforce: enforce level `strictest`")),
            (&["istio=cni", "platform=gke"], None),
            (&["istio=sidecar"], None),
            (&["istio=ambient"], Some("spec.istio.mode: Istio mode `ambient`")),
            (&["harden=baseline"], Some("spec.workloads.harden: hardening workloads")),
        ] {
            let config = Config::from_words(words.iter().copied()).unwrap();
            let expected = expected.map(|part| format!("{part} is not yet in this version"));
            assert_eq!(config.not_yet().map(|part| part.to_string()), expected, "{words:?}");
        }
        let spec = serde_json::json!({"spec": {
            "podSecurity": {"namespaces": [{"names": ["a"]}, {"names": ["b"], "enforce": "strictest"}]},
        }});
        let config = Config::from_object("fn.kubeflow.org/v1alpha1", "Unroot", spec).unwrap();
        assert_eq!(config.not_yet().unwrap().path, "spec.podSecurity.namespaces[1].enforce");
        let spec = serde_json::json!({"spec": {"accepted": [{"reason": "tested"}]}});
        let config = Config::from_object("fn.kubeflow.org/v1alpha1", "Unroot", spec).unwrap();
        assert_eq!(config.not_yet().unwrap().path, "spec.accepted");
    }
}
