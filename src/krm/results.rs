//! Results: what a run did and found, for the `results` of a ResourceList and for standard error.
//!
//! The shape is that of kyaml's `framework/result.go`; kpt prints it as `[severity] apiVersion/kind/ns/name field: message`.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::rules::Rule;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The run ends with 1, or with 2 where nothing could be done.
    Error,
    /// Someone should look at it.
    Warning,
    /// What was done, or is good to know.
    Info,
}

impl Severity {
    /// The word in results and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// The identity of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceRef {
    /// Such as `apps/v1`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub api_version: String,
    /// Such as `Deployment`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The name, "" where unknown.
    pub name: String,
    /// The namespace, "" where it has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.api_version, self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "/{}", self.namespace)?;
        }
        write!(f, "/{}", self.name)
    }
}

/// A field with what it was and what it is to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    /// Such as `metadata.labels`.
    pub path: String,
    /// The value in the input, absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_value: Option<Value>,
    /// The value in the output, or the one that would mend the finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposed_value: Option<Value>,
}

/// The file of a resource, as the host's annotations name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Relative to the package.
    pub path: String,
    /// The place of the resource in the file, counted from 0.
    pub index: usize,
}

/// One result.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What it says, with what to do where there is something to do.
    pub message: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whom it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_ref: Option<ResourceRef>,
    /// Which field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<Field>,
    /// Which file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<File>,
    /// `rule`, and what else a program may want to know.
    pub tags: BTreeMap<&'static str, String>,
}

impl Finding {
    /// A finding of a rule.
    #[must_use]
    pub fn new(rule: Rule, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            severity,
            resource_ref: None,
            field: None,
            file: None,
            tags: BTreeMap::from([("rule", rule.code().to_owned())]),
        }
    }

    /// With the field that it is about.
    #[must_use]
    pub fn with_field(mut self, field: Field) -> Self {
        self.field = Some(field);
        self
    }
}

/// A place in one line: `[warning] v1/Namespace/kubeflow metadata.labels: message (file.yaml [2])`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.severity.as_str())?;
        if let Some(resource) = &self.resource_ref {
            write!(f, " {resource}")?;
        }
        if let Some(field) = &self.field {
            write!(f, " {}", field.path)?;
        }
        if self.resource_ref.is_some() || self.field.is_some() {
            f.write_str(":")?;
        }
        // One line each, whatever a name or a value in the message holds.
        write!(f, " {}", one_line(&self.message))?;
        match &self.file {
            Some(file) if file.index > 0 => write!(f, " ({} [{}])", file.path, file.index),
            Some(file) => write!(f, " ({})", file.path),
            None => Ok(()),
        }
    }
}

/// A text in which control characters are escaped, so that it is one line of a terminal.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, character| {
        if character.is_control() {
            line.extend(character.escape_default())
        } else {
            line.push(character)
        }
        line
    })
}

/// `unroot: 1 error, 2 warnings`: names only what occurred. `reported_errors` are told elsewhere and count too.
#[must_use]
pub fn summary(findings: &[Finding], reported_errors: usize) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Info]
        .into_iter()
        .filter_map(|severity| {
            let elsewhere = if severity == Severity::Error { reported_errors } else { 0 };
            let count = elsewhere + findings.iter().filter(|finding| finding.severity == severity).count();
            let plural = if count == 1 || severity == Severity::Info { "" } else { "s" };
            (count > 0).then(|| format!("{count} {}{plural}", severity.as_str()))
        })
        .collect();
    if counts.is_empty() { "unroot: nothing to say".to_owned() } else { format!("unroot: {}", counts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line() {
        let mut finding = Finding::new(Rule::NamespaceLabels, Severity::Info, "a\nb");
        assert_eq!(finding.to_string(), "[info] a\\nb");
        finding.resource_ref = Some(ResourceRef {
            api_version: "v1".into(),
            kind: "Namespace".into(),
            name: "x".into(),
            namespace: String::new(),
        });
        finding.file = Some(File { path: "a.yaml".into(), index: 2 });
        let finding =
            finding.with_field(Field { path: "metadata.labels".into(), current_value: None, proposed_value: None });
        assert_eq!(finding.to_string(), "[info] v1/Namespace/x metadata.labels: a\\nb (a.yaml [2])");
    }

    #[test]
    fn the_summary_names_only_what_occurred() {
        let finding = |severity| Finding::new(Rule::NamespaceLabels, severity, "");
        assert_eq!(summary(&[], 0), "unroot: nothing to say");
        assert_eq!(summary(&[finding(Severity::Error)], 0), "unroot: 1 error");
        let all = [Severity::Warning, Severity::Info, Severity::Warning, Severity::Info].map(finding);
        assert_eq!(summary(&all, 0), "unroot: 2 warnings, 2 info");
        assert_eq!(summary(&all, 2), "unroot: 2 errors, 2 warnings, 2 info");
    }
}
