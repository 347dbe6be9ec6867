//! Versions of the policies: `latest` or `v1.N`.

use std::fmt;
use std::str::FromStr;

/// The version of the Pod Security Standards that a level is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `v1.N`: the policies as the API server of Kubernetes 1.N has them.
    V1(u32),
    /// `latest`: the newest policies that the judge knows.
    Latest,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V1(minor) => write!(f, "v1.{minor}"),
            Self::Latest => f.write_str("latest"),
        }
    }
}

/// The text is no version; worded as `api.ParseVersion` of pod-security-admission words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be \"latest\" or \"v1.x\"")]
pub struct ParseVersionError;

impl FromStr for Version {
    type Err = ParseVersionError;

    /// `^v1\.([0-9]|[1-9][0-9]*)$` or `latest`, as `api/helpers.go` of pod-security-admission has it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let minor = text.strip_prefix("v1.").ok_or(ParseVersionError)?;
        let canonical = minor == "0" || !minor.starts_with('0');
        if !canonical || !minor.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ParseVersionError);
        }
        minor.parse().map(Self::V1).map_err(|_| ParseVersionError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_latest_or_a_minor_without_leading_zero() {
        for (text, version) in [
            ("latest", Version::Latest),
            ("v1.0", Version::V1(0)),
            ("v1.7", Version::V1(7)),
            ("v1.37", Version::V1(37)),
        ] {
            assert_eq!(text.parse(), Ok(version));
            assert_eq!(version.to_string(), text);
        }
        for text in
            ["", "Latest", "1.30", "v1", "v1.", "v1.07", "v1.00", "V1.3", "v1.30.2", "v1.-1", "v1.+1", "v2.0", "v1.1 "]
        {
            assert_eq!(text.parse::<Version>(), Err(ParseVersionError), "{text:?}");
        }
    }

    #[test]
    fn latest_is_newer_than_every_number() {
        assert!(Version::V1(9) < Version::V1(10));
        assert!(Version::V1(u32::MAX) < Version::Latest);
    }
}
