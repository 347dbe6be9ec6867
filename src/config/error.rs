//! What can be wrong with a configuration, apart from what its decoder finds.

use std::fmt;

use crate::typo::not_allowed;

/// A configuration object could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError<E: std::error::Error> {
    /// A key or a value is wrong by itself; the decoder's own error knows the field path and the line.
    #[error(transparent)]
    Decode(E),
    /// Every value is right by itself but they contradict each other, or the object is of no known kind.
    #[error(transparent)]
    Invalid(#[from] InvalidConfig),
}

/// What is wrong, and the field path (or the `KEY` of a `KEY=VALUE`) that must change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct InvalidConfig {
    /// Field path such as `spec.podSecurity.enforceVersion`; empty where there is no place to name.
    pub path: String,
    /// What must be otherwise.
    pub message: String,
}

impl InvalidConfig {
    pub(super) fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// `KEY=VALUE` words are decoded by the same types as objects, and their errors come out as these.
impl serde::de::Error for InvalidConfig {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::at("", message.to_string())
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::at(field, not_allowed("key", field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::at("", not_allowed("value", variant, expected))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::at(field, "must be given only once")
    }
}
