//! Names, images and rules by shell pattern.

use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use serde::de::{Deserialize, Deserializer, Error};

use super::scalar::is_namespace_name;
use super::text::{self, FromText, Text};

/// No name of Kubernetes and no image reference is longer, and within it no pattern outgrows the matcher.
const LONGEST: usize = 512;

/// A text, or a pattern over texts: `*` stands for any characters, `/` and none included, `?` for one, `[a-z]` for
/// one of a class, `{a,b}` for either. A backslash takes the next character literally.
#[derive(Clone)]
pub struct Glob {
    text: String,
    /// None for a text without any pattern character.
    pattern: Option<GlobMatcher>,
}

impl Glob {
    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether this is the text itself, without any pattern character.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        self.pattern.is_none()
    }

    /// Whether the whole of `text` is meant.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.pattern.as_ref().map_or(self.text == text, |pattern| pattern.is_match(text))
    }

    fn parse<E: Error>(text: &str) -> Result<Self, E> {
        if text.chars().count() > LONGEST {
            return Err(E::custom(format_args!("must not be longer than {LONGEST} characters")));
        }
        let pattern = text.contains(['*', '?', '[', '{', '}', '\\']).then(|| compile(text)).transpose()?;
        Ok(Self { text: text.to_owned(), pattern })
    }
}

/// The same on every target: by default a backslash is a separator where the operating system has it so.
fn compile<E: Error>(text: &str) -> Result<GlobMatcher, E> {
    let glob = GlobBuilder::new(text).backslash_escape(true).literal_separator(false).build();
    glob.map(|glob| glob.compile_matcher())
        .map_err(|error| E::custom(format_args!("\"{text}\" is no valid glob: {}", error.kind())))
}

/// The text alone: a matcher shows pages of its tables.
impl fmt::Debug for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Glob").field(&self.text).finish()
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl FromText for Glob {
    fn expected() -> String {
        "a name or a glob".to_owned()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        if text.is_empty() { Err(E::custom("must not be empty")) } else { Self::parse(text) }
    }
}

impl<'de> Deserialize<'de> for Glob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::from_text(deserializer)
    }
}

/// The namespace of a finding, which is empty for what belongs to the whole cluster.
pub(super) struct FindingNamespace(Glob);

impl FromText for FindingNamespace {
    fn expected() -> String {
        Glob::expected()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        Glob::parse(text).map(Self)
    }
}

/// For `deserialize_with`: null is absent.
pub(super) fn finding_namespace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Glob>, D::Error> {
    Ok(text::optional(deserializer)?.map(|FindingNamespace(glob)| glob))
}

/// A glob over names of namespaces; a text without pattern characters must be able to be one.
struct NamespaceGlob(Glob);

impl FromText for NamespaceGlob {
    fn expected() -> String {
        "the name of a namespace or a glob".to_owned()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        let glob = Glob::from_text::<E>(text)?;
        if glob.is_exact() && !is_namespace_name(text) {
            return Err(E::custom(format_args!("\"{text}\" is neither the name of a namespace nor a glob")));
        }
        Ok(Self(glob))
    }
}

/// For `deserialize_with`: the names that an entry is about.
pub(super) fn namespaces<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Glob>, D::Error> {
    let globs = into_globs(Vec::deserialize(deserializer)?);
    if globs.is_empty() { Err(D::Error::custom("must have at least one name or glob")) } else { Ok(globs) }
}

/// For `deserialize_with`: null is absent, and an empty list means no namespace at all.
pub(super) fn optional_namespaces<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Glob>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(into_globs))
}

fn into_globs(list: Vec<Text<NamespaceGlob>>) -> Vec<Glob> {
    list.into_iter().map(|Text(NamespaceGlob(glob))| glob).collect()
}

#[cfg(test)]
mod tests {
    use super::Glob;

    fn glob(text: &str) -> Result<Glob, serde::de::value::Error> {
        Glob::parse(text)
    }

    #[test]
    fn matches_what_is_meant() {
        for (pattern, text, expected) in [
            ("kubeflow", "kubeflow", true),
            ("kubeflow", "kubeflow-user", false),
            ("kubeflow*", "kubeflow-user", true),
            ("kubeflow*", "kubeflow", true),
            ("*", "anything", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("Kubeflow", "kubeflow", false),
            ("{kubeflow,istio-system}", "istio-system", true),
            ("team-[a-c]", "team-b", true),
            ("team-[a-c]", "team-d", false),
            ("team-?", "team-10", false),
            ("*/dex:*", "ghcr.io/dexidp/dex:v2.36.0", true),
            ("*/dex:*", "ghcr.io/dexidp/index:v2.36.0", false),
            ("**/dex:*", "ghcr.io/dexidp/dex:v2.36.0", true),
            ("team-\\*", "team-*", true),
            ("team-\\*", "team-a", false),
        ] {
            assert_eq!(glob(pattern).unwrap().matches(text), expected, "{pattern} against {text}");
        }
    }

    #[test]
    fn only_a_text_without_pattern_characters_is_exact() {
        for (pattern, exact) in [("kube-system", true), ("kube-*", false), ("kube-syste?", false), ("{a}", false)] {
            assert_eq!(glob(pattern).unwrap().is_exact(), exact, "{pattern}");
        }
    }

    #[test]
    fn refuses_what_does_not_parse() {
        for pattern in ["[a", "{a", "a}", "a\\", "[z-a]"] {
            let message = glob(pattern).unwrap_err().to_string();
            assert!(message.contains("is no valid glob: "), "{message}");
        }
        assert_eq!(glob(&"a".repeat(513)).unwrap_err().to_string(), "must not be longer than 512 characters");
    }

    /// The matcher panics on what outgrows it; the length limit must keep every pattern below that.
    #[test]
    fn the_longest_patterns_compile() {
        for atom in ["*a", "?", "**/a", "[!a-y]", "{a,b}", "{*,?}", "{\u{10ffff},*}", "[\u{80}-\u{10fffe}]"] {
            let pattern = atom.repeat(512 / atom.chars().count());
            assert!(!glob(&pattern).unwrap().is_exact(), "{atom}");
        }
        let nested = |depth| format!("{}a{}", "{".repeat(depth), "}".repeat(depth));
        assert!(glob(&nested(50)).unwrap().matches("a"));
        assert!(glob(&nested(255)).unwrap_err().to_string().contains("nested too deeply"));
    }
}
