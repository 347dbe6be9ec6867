//! What a configuration may ask for and this version cannot do yet.
//!
//! The parser knows the whole configuration, so that a mistake in it is found now. A part that is built is deleted
//! from [`NOT_YET`].

use std::fmt;

use super::Config;

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

const NOT_YET: &[Part] = &[];

impl Config {
    /// The first part that this version cannot do. What is asked for must not be left undone in silence.
    #[must_use]
    pub fn not_yet(&self) -> Option<NotYet> {
        NOT_YET.iter().find_map(|(what, place)| place(self).map(|path| NotYet { path, what }))
    }
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
            (&["enforce=strictest"], None),
            (&["istio=cni", "platform=gke"], None),
            (&["istio=sidecar"], None),
            (&["istio=ambient"], None::<&str>),
            (&["harden=baseline"], None),
        ] {
            let config = Config::from_words(words.iter().copied()).unwrap();
            let expected = expected.map(|part| format!("{part} is not yet in this version"));
            assert_eq!(config.not_yet().map(|part| part.to_string()), expected, "{words:?}");
        }
    }
}
