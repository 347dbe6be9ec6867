//! Scalars with a form of their own: names, paths, versions, identities.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

use super::text::{self, FromText};

/// A text that has been checked.
macro_rules! checked_text {
    ($($(#[$meta:meta])* $name:ident: $check:expr, $expected:literal;)+) => { $(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// As it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromText for $name {
            fn expected() -> String {
        $expected.to_owned()
    }

            fn from_text<E: Error>(text: &str) -> Result<Self, E> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(E::custom(format_args!("must be {}, not \"{text}\"", $expected)))
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text::from_text(deserializer)
            }
        }
    )+ };
}

checked_text! {
    /// The name of a namespace, a label of RFC 1123 (`ValidateNamespaceName` of apimachinery).
    NamespaceName: is_namespace_name,
        "the name of a namespace (at most 63 of a-z, 0-9 and `-`, with a letter or digit at both ends)";
    /// A directory of the node. The API server refuses a `hostPath` with a step back (`validatePathNoBacksteps`).
    HostDir: is_host_dir, "an absolute path without `..`";
    /// Registry and folders of the Istio images.
    ImageHub: is_image_hub, "a registry and path such as \"registry.example.com/istio\"";
    /// Tag of the Istio images (the grammar of `distribution/reference`).
    ImageTag: is_image_tag, "the tag of an image, in quotes where it looks like a number";
    /// A version of Istio.
    IstioVersion: is_istio_version, "a version of Istio such as \"1.28.10\", in quotes where it looks like a number";
    /// A text that says something.
    NonBlank: |text| !text.trim().is_empty(), "a text that is not blank";
    /// A month or a day.
    Until: is_month_or_day, "a month or a day such as \"2027-06\" or \"2027-06-30\"";
}

pub(super) fn is_namespace_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.len() <= 63
        && bytes.iter().all(|byte| alphanumeric(byte) || *byte == b'-')
        && bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
}

fn is_host_dir(text: &str) -> bool {
    text.starts_with('/') && text.split('/').all(|step| step != "..")
}

fn is_image_hub(text: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_alphanumeric();
    text.starts_with(alphanumeric)
        && text.ends_with(alphanumeric)
        && text.chars().all(|c| alphanumeric(c) || ".:/_-".contains(c))
}

fn is_image_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || c == '.' || c == '-')
}

/// `1.N`, `1.N.P`, and either with a suffix as release candidates and builds have it.
fn is_istio_version(text: &str) -> bool {
    let (release, suffix) = text.split_once('-').map_or((text, None), |(release, suffix)| (release, Some(suffix)));
    let suffix_is_right = suffix.is_none_or(|suffix| {
        !suffix.is_empty() && suffix.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-')
    });
    let mut parts = release.split('.');
    suffix_is_right
        && parts.next() == Some("1")
        && parts.next().is_some_and(is_number)
        && parts.next().is_none_or(is_number)
        && parts.next().is_none()
}

fn is_number(text: &str) -> bool {
    let canonical = text == "0" || !text.starts_with('0');
    canonical && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_month_or_day(text: &str) -> bool {
    let digits = |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    let within = |text: &str, last: &str| digits(text, 2) && ("01"..=last).contains(&text);
    let mut parts = text.split('-');
    parts.next().is_some_and(|year| digits(year, 4))
        && parts.next().is_some_and(|month| within(month, "12"))
        && parts.next().is_none_or(|day| within(day, "31"))
        && parts.next().is_none()
}

/// The largest identity that the API server accepts (`IsValidUserID` and `IsValidGroupID` of apimachinery).
const LARGEST_ID: i64 = i32::MAX as i64;

/// For `deserialize_with`: a numeric user or group.
pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Id::deserialize(deserializer).map(|Id(id)| id)
}

/// For `deserialize_with`: null is absent.
pub(super) fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Id>::deserialize(deserializer)?.map(|Id(id)| id))
}

struct Id(i64);

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IdVisitor;

        impl Visitor<'_> for IdVisitor {
            type Value = Id;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a number from 0 to {LARGEST_ID}")
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<Id, E> {
                if (0..=LARGEST_ID).contains(&id) {
                    Ok(Id(id))
                } else {
                    Err(E::invalid_value(Unexpected::Signed(id), &self))
                }
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<Id, E> {
                i64::try_from(id)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(id), &self))
                    .and_then(|id| self.visit_i64(id))
            }
        }

        deserializer.deserialize_any(IdVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        let longest = "a".repeat(63);
        let too_long = "a".repeat(64);
        let longest_tag = "a".repeat(128);
        type Check = fn(&str) -> bool;
        let rows: [(&str, Check, &[&str], &[&str]); 6] = [
            (
                "namespace",
                is_namespace_name,
                &["a", "kube-system", "1-a", &longest],
                &["", "-a", "a-", "A", "a_b", "a.b", "ä", " a", &too_long],
            ),
            ("path", is_host_dir, &["/", "/opt/cni/bin", "/a/..b"], &["", "opt", "./a", "/a/../b", "/.."]),
            (
                "hub",
                is_image_hub,
                &["docker.io/istio", "localhost:5000/my_istio", "a"],
                &["", "docker.io/istio/", "/istio", "a b", "a@b"],
            ),
            ("tag", is_image_tag, &["1.28.10", "_a", "1.28-distroless", &longest_tag], &["", "-a", ".a", "a/b", "a:b"]),
            (
                "version",
                is_istio_version,
                &["1.28", "1.28.10", "1.0.0", "1.29.0-rc.1", "1.30-alpha.abc-d"],
                &[
                    "",
                    "1",
                    "2.1",
                    "1.",
                    "1.28.",
                    "1.028",
                    "v1.28.1",
                    "1.28.1.2",
                    "1.28-",
                    "1.x",
                    "1.28.1-a_b",
                    "latest",
                ],
            ),
            (
                "until",
                is_month_or_day,
                &["2027-06", "2027-12-31", "2027-01-01"],
                &[
                    "",
                    "2027",
                    "2027-6",
                    "2027-00",
                    "2027-13",
                    "2027-06-",
                    "2027-06-00",
                    "2027-06-32",
                    "2027-06-30-1",
                    "27-06",
                ],
            ),
        ];
        for (what, check, good, bad) in rows {
            for text in good {
                assert!(check(text), "{what}: {text:?} must be accepted");
            }
            for text in bad {
                assert!(!check(text), "{what}: {text:?} must be refused");
            }
        }
        assert!(!is_image_tag(&"a".repeat(129)));
    }
}
