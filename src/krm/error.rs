//! Why the input or the configuration cannot be used.

use std::fmt;

use super::results::{Field, File, Finding, ResourceRef, Severity};
use crate::rules::Rule;

/// The input or the configuration is unusable: the run ends with 2 and changes nothing.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub struct Error {
    /// What is wrong and how to mend it.
    pub message: String,
    /// The configuration is at fault, not the input.
    pub is_config: bool,
    /// Where. Boxed, since every function that can fail carries room for it.
    pub place: Box<Place>,
}

/// Where an error is, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The name of the file or stream, where there is more than one.
    pub source_name: Option<String>,
    /// Such as `item 12` or `document 3`.
    pub position: Option<String>,
    /// The resource.
    pub resource: Option<ResourceRef>,
    /// The host's file of the resource.
    pub file: Option<File>,
    /// The field.
    pub field: Option<String>,
    /// The 1-based line of the input.
    pub line: Option<usize>,
}

impl Error {
    /// The input is unusable.
    #[must_use]
    pub fn input(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_config: false, place: Box::default() }
    }

    /// The configuration is unusable.
    #[must_use]
    pub fn config(message: impl Into<String>) -> Self {
        Self { is_config: true, ..Self::input(message) }
    }

    /// With the field that is wrong; an empty path is none.
    #[must_use]
    pub fn at_field(mut self, path: impl Into<String>) -> Self {
        let path = path.into();
        self.place.field = (!path.is_empty()).then_some(path);
        self
    }

    /// With the line of the input.
    #[must_use]
    pub fn at_line(mut self, line: usize) -> Self {
        self.place.line = Some(line);
        self
    }

    /// The message with field and line, without the resource.
    #[must_use]
    pub fn with_place(&self) -> String {
        let field = self.place.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
        let line = self.place.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        format!("{field}{}{line}", self.message)
    }

    /// As a result.
    #[must_use]
    pub fn to_finding(&self) -> Finding {
        let rule = if self.is_config { Rule::ConfigUnusable } else { Rule::InputUnusable };
        let mut message = self.message.clone();
        let place = self.place.to_string();
        if !place.is_empty() {
            message.push_str(&format!(" ({place})"));
        }
        let mut finding = Finding::new(rule, Severity::Error, message);
        finding.resource_ref.clone_from(&self.place.resource);
        finding.file.clone_from(&self.place.file);
        finding.field = self.place.field.clone().map(|path| Field { path, current_value: None, proposed_value: None });
        finding
    }
}

/// What only the input can tell: `unroot.yaml, item 12, line 7`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line.map(|line| format!("line {line}"));
        let known: Vec<String> =
            [self.source_name.clone(), self.position.clone(), line].into_iter().flatten().collect();
        f.write_str(&known.join(", "))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_finding().fmt(f)
    }
}
