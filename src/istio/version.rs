//! Istio's versions and the image tags that carry them.
//!
//! A release is `1.28.10`, a pre-release `1.30.0-rc.1`, a development build `1.22-alpha.1a2b3c`; Sail writes
//! `v1.28.10` and `v1.28-latest`. An image tag may add a variant (`-distroless`, `-debug`), which is no part of the version.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version of Istio, ordered as releases are: a pre-release comes before its release.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    major: u32,
    minor: u32,
    /// Absent in development builds, which are named for the minor that they lead to.
    patch: Option<u32>,
    pre_release: Option<String>,
}

impl Version {
    /// The first number, 1 for all of Istio's releases.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.major
    }

    /// The third number; None for a development build, which leads to the minor's first release.
    #[must_use]
    pub fn patch(&self) -> Option<u32> {
        self.patch
    }

    /// The second number, by which the facts are kept.
    #[must_use]
    pub fn minor(&self) -> u32 {
        self.minor
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if let Some(patch) = self.patch {
            write!(f, ".{patch}")?;
        }
        if let Some(pre_release) = &self.pre_release {
            write!(f, "-{pre_release}")?;
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch).cmp(&(other.major, other.minor, other.patch)).then_with(|| {
            match (&self.pre_release, &other.pre_release) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(one), Some(two)) => compare_pre_releases(one, two),
            }
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The text names no version of Istio.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no Istio version: it must look like \"1.28.10\"")]
pub struct ParseVersionError {
    text: String,
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseVersionError { text: text.to_owned() })
    }
}

/// The variants that Istio publishes its images in, beside the default one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Variant {
    /// `-distroless`: no shell, no package manager.
    Distroless,
    /// `-debug`: the default image of old releases, with tools.
    Debug,
}

impl Variant {
    /// All variants.
    pub const ALL: [Self; 2] = [Self::Distroless, Self::Debug];

    /// The word as tags and `global.variant` have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Distroless => "distroless",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An image tag, cut into what names the version and the variant.
///
/// The first part need not be a version (`latest`): whoever needs one parses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageTag<'a> {
    /// The tag without its variant.
    pub base: &'a str,
    /// The variant, where the tag ends with one.
    pub variant: Option<Variant>,
}

impl<'a> ImageTag<'a> {
    /// Cuts a known variant off the end of a tag.
    #[must_use]
    pub fn split(tag: &'a str) -> Self {
        for variant in Variant::ALL {
            if let Some(base) = tag.strip_suffix(variant.as_str()).and_then(|rest| rest.strip_suffix('-'))
                && !base.is_empty()
            {
                return Self { base, variant: Some(variant) };
            }
        }
        Self { base: tag, variant: None }
    }
}

fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let (numbers, pre_release) = match text.split_once('-') {
        Some((numbers, pre_release)) => (numbers, Some(pre_release)),
        None => (text, None),
    };
    if pre_release.is_some_and(|word| {
        word.is_empty() || !word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    }) {
        return None;
    }
    let mut parts = numbers.split('.');
    let major = number(parts.next()?)?;
    let minor = number(parts.next()?)?;
    let patch = match parts.next() {
        Some(part) => Some(number(part)?),
        None => None,
    };
    // A bare `1.28` is a minor and no version: which patch it means would be a guess.
    if parts.next().is_some() || (patch.is_none() && pre_release.is_none()) {
        return None;
    }
    Some(Version { major, minor, patch, pre_release: pre_release.map(str::to_owned) })
}

fn number(text: &str) -> Option<u32> {
    let canonical = text == "0" || !text.starts_with('0');
    if canonical && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Semantic Versioning 2.0.0, clause 11: numbers as numbers and below words, the shorter list first.
fn compare_pre_releases(one: &str, two: &str) -> Ordering {
    let (mut ones, mut twos) = (one.split('.'), two.split('.'));
    loop {
        let order = match (ones.next(), twos.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (number(a), number(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_as_they_are_read() {
        for text in ["1.28.10", "1.17.0", "1.30.0-rc.1", "1.22-alpha.1a2b3c", "1.20.3-asm.4", "1.28-latest"] {
            assert_eq!(text.parse::<Version>().unwrap().to_string(), text);
        }
        assert_eq!("v1.28.10".parse::<Version>(), "1.28.10".parse());
    }

    #[test]
    fn what_names_no_release_is_refused() {
        for text in [
            "",
            "latest",
            "1",
            "1.28",
            "1.28.",
            "1.28.x",
            "1.028.1",
            "1.28.1.2",
            "1.28.1-",
            "1.28.1-a b",
            "28.1-",
            "1.28.99999999999",
        ] {
            let error = text.parse::<Version>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} is no Istio version")), "{error}");
        }
    }

    #[test]
    fn versions_are_ordered_as_they_were_released() {
        let released = [
            "1.9.1",
            "1.22-alpha.0",
            "1.22.0-alpha.2",
            "1.22.0-alpha.10",
            "1.22.0-alpha.x",
            "1.22.0-rc",
            "1.22.0-rc.1",
            "1.22.0",
            "1.22.1",
            "1.22.10",
            "1.23.0",
        ];
        let parsed: Vec<Version> = released.iter().map(|text| text.parse().unwrap()).collect();
        for (i, one) in parsed.iter().enumerate() {
            for (j, two) in parsed.iter().enumerate() {
                assert_eq!(one.cmp(two), i.cmp(&j), "{one} and {two}");
            }
        }
    }

    #[test]
    fn a_variant_is_cut_off_the_tag() {
        for (tag, base, variant) in [
            ("1.28.10", "1.28.10", None),
            ("1.28.10-distroless", "1.28.10", Some(Variant::Distroless)),
            ("1.28.10-debug", "1.28.10", Some(Variant::Debug)),
            ("1.30.0-rc.1-distroless", "1.30.0-rc.1", Some(Variant::Distroless)),
            ("latest", "latest", None),
            ("distroless", "distroless", None),
            ("-debug", "-debug", None),
            ("1.28.10-undebug", "1.28.10-undebug", None),
        ] {
            assert_eq!(ImageTag::split(tag), ImageTag { base, variant }, "{tag}");
        }
    }
}
