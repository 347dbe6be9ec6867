//! An `AuthorizationPolicy` as it is written, and what ztunnel makes of it.
//!
//! A sidecar enforces a policy whole. ztunnel reads no HTTP, and istiod sends it only what it can enforce
//! ([`ztunnel`]); the rest needs a waypoint ([`split`]).
//!
//! Source of facts: the API `security/v1beta1/authorization_policy.proto`, and
//! `pilot/pkg/serviceregistry/kube/controller/ambient/authorization.go` of the istio repository at 1.28.

pub mod source;
pub mod split;
pub mod ztunnel;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::members::Texts;

/// `spec` of an AuthorizationPolicy.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AuthorizationPolicy {
    /// The pods that it is for, all where absent.
    pub selector: Option<Selector>,
    /// The older form of `targetRefs`.
    pub target_ref: Option<TargetRef>,
    /// The gateways and Services that it is for.
    pub target_refs: Vec<TargetRef>,
    /// What is done where a rule matches.
    pub action: Action,
    /// The rules, of which one must match.
    pub rules: Vec<Rule>,
}

/// Pods by their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Selector {
    /// All of them must be there.
    pub match_labels: Texts,
}

/// What a policy is attached to.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub struct TargetRef {
    /// "" for Services.
    pub group: String,
    /// Such as `Gateway` or `Service`.
    pub kind: String,
    /// In the policy's own namespace.
    pub name: String,
}

/// `action`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Action {
    /// Only what matches is let in.
    #[default]
    Allow,
    /// What matches is refused.
    Deny,
    /// What matches is logged.
    Audit,
    /// Somebody else decides about what matches.
    Custom,
}

impl Action {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::Audit => "AUDIT",
            Self::Custom => "CUSTOM",
        }
    }
}

/// A rule: one of `from`, one of `to`, and all of `when` must match; what is absent matches always.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Who asks.
    pub from: Vec<From>,
    /// For what.
    pub to: Vec<To>,
    /// Under which conditions.
    pub when: Vec<Condition>,
}

/// An element of `from`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct From {
    /// Its fields, of which all must match.
    pub source: Map<String, Value>,
}

/// An element of `to`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct To {
    /// Its fields, of which all must match.
    pub operation: Map<String, Value>,
}

/// An element of `when`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Condition {
    /// Such as `request.headers[authorization]`.
    pub key: String,
    /// One of them must match.
    pub values: Vec<String>,
    /// None of them must.
    pub not_values: Vec<String>,
}

impl AuthorizationPolicy {
    /// The references, in either form.
    #[must_use]
    pub fn targets(&self) -> Vec<&TargetRef> {
        if self.target_refs.is_empty() { self.target_ref.iter().collect() } else { self.target_refs.iter().collect() }
    }

    /// The labels that it selects pods by; None where it is for a whole namespace, or the mesh.
    #[must_use]
    pub fn labels(&self) -> Option<&Texts> {
        self.selector.as_ref().map(|selector| &selector.match_labels).filter(|labels| !labels.is_empty())
    }
}

impl Rule {
    /// It matches everything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.is_empty() && self.to.is_empty() && self.when.is_empty()
    }

    /// The attributes that only a proxy for HTTP can see, sorted.
    #[must_use]
    pub fn http_attributes(&self) -> Vec<String> {
        let sources = self.from.iter().flat_map(|from| names(&from.source, ztunnel::SOURCE));
        let operations = self.to.iter().flat_map(|to| names(&to.operation, ztunnel::OPERATION));
        let conditions = self
            .when
            .iter()
            .map(|condition| condition.key.clone())
            .filter(|key| !ztunnel::WHEN.contains(&key.as_str()));
        let mut found: Vec<String> = sources.chain(operations).chain(conditions).collect();
        found.sort();
        found.dedup();
        found
    }
}

/// The fields of an element that say something and are none of these.
fn names(element: &Map<String, Value>, known: &'static [&'static str]) -> impl Iterator<Item = String> {
    element
        .iter()
        .filter(move |(key, value)| !known.contains(&key.as_str()) && says_something(value))
        .map(|(key, _)| key.clone())
}

/// An empty list is the same as none.
fn says_something(value: &Value) -> bool {
    match value {
        Value::Array(list) => !list.is_empty(),
        Value::Null => false,
        _ => true,
    }
}
