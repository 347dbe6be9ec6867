//! What becomes of findings: how much an enforce violation weighs, and which findings a person has accepted.

use serde::Deserialize;

use super::glob::{self, Glob};
use super::scalar::{NonBlank, Until};
use super::text::closed_set;

closed_set! {
    /// What an enforce violation is.
    #[derive(Default)]
    pub enum OnViolation {
        /// An error.
        #[default]
        Fail = "fail",
        /// A warning.
        Warn = "warn",
    }
}

/// An entry of `spec.accepted`: findings that a person has looked at.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Accepted {
    /// Code of the rule; any where absent.
    #[serde(default)]
    pub rule: Option<Glob>,
    /// Kind of the resource; any where absent.
    #[serde(default)]
    pub kind: Option<Glob>,
    /// Namespace of the resource, empty for what belongs to the cluster; any where absent.
    #[serde(default, deserialize_with = "glob::finding_namespace")]
    pub namespace: Option<Glob>,
    /// Name of the resource; any where absent.
    #[serde(default)]
    pub name: Option<Glob>,
    /// Why it is accepted.
    pub reason: NonBlank,
    /// Who answers for it.
    #[serde(default)]
    pub owner: Option<NonBlank>,
    /// Until when.
    #[serde(default)]
    pub until: Option<Until>,
}

impl Accepted {
    /// Whether a finding of this rule about this resource is accepted.
    #[must_use]
    pub fn matches(&self, rule: &str, kind: &str, namespace: &str, name: &str) -> bool {
        [(&self.rule, rule), (&self.kind, kind), (&self.namespace, namespace), (&self.name, name)]
            .into_iter()
            .all(|(glob, text)| glob.as_ref().is_none_or(|glob| glob.matches(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_is_what_every_glob_matches() {
        for (entry, expected) in [
            (r#"{"reason": "tested"}"#, true),
            (r#"{"reason": "tested", "rule": "policy-*", "kind": "AuthorizationPolicy"}"#, true),
            (r#"{"reason": "tested", "namespace": "kubeflow", "name": "*"}"#, true),
            (r#"{"reason": "tested", "namespace": ""}"#, false),
            (r#"{"reason": "tested", "kind": "Deployment"}"#, false),
            (r#"{"reason": "tested", "name": "ml"}"#, false),
        ] {
            let accepted: Accepted = serde_json::from_str(entry).unwrap();
            let matches = accepted.matches("policy-denies-more", "AuthorizationPolicy", "kubeflow", "ml-pipeline");
            assert_eq!(matches, expected, "{entry}");
        }
        let cluster: Accepted = serde_json::from_str(r#"{"reason": "tested", "namespace": ""}"#).unwrap();
        assert!(cluster.matches("restart-needed", "ClusterRole", "", "istio-cni"));
    }
}
