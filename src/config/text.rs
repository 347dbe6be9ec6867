//! Values that are written as text: each says what it expects and parses itself, so that the error is raised
//! where the decoder still knows the place.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::pod_security::{Level, Version};

/// A value that is read from one text scalar.
pub(super) trait FromText: Sized {
    /// Ends the sentence "invalid type: …, expected …".
    fn expected() -> String;

    fn from_text<E: Error>(text: &str) -> Result<Self, E>;
}

/// Reads a text scalar. The format decides what is text: an unquoted `1.30` is the number 1.3 and is refused,
/// since its text is lost in most readers.
pub(super) fn from_text<'de, T: FromText, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct TextVisitor<T>(PhantomData<T>);

    impl<T: FromText> Visitor<'_> for TextVisitor<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&T::expected())
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            T::from_text(text)
        }
    }

    deserializer.deserialize_any(TextVisitor(PhantomData))
}

/// Lets a type that knows nothing of configurations be a field of one.
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer).map(Self)
    }
}

impl<T> Text<T> {
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

/// An optional text field where null is absent.
pub(super) fn optional<'de, T: FromText, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<Text<T>>::deserialize(deserializer)?.map(Text::into_inner))
}

/// A closed set of words: the enum, its words in one place, and the error that lists them.
macro_rules! closed_set {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// The word that the configuration and messages use.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::config::text::FromText for $name {
            fn expected() -> String {
                format!("one of {}", [$(concat!("`", $word, "`")),+].join(", "))
            }

            fn from_text<E: serde::de::Error>(text: &str) -> Result<Self, E> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(E::unknown_variant(text, &[$($word),+])),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::text::from_text(deserializer)
            }
        }
    };
}

pub(super) use closed_set;

const LEVELS: [&str; 3] = [Level::Privileged.as_str(), Level::Baseline.as_str(), Level::Restricted.as_str()];

impl FromText for Level {
    fn expected() -> String {
        "a level of the Pod Security Standards".to_owned()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        text.parse().map_err(|_| E::unknown_variant(text, &LEVELS))
    }
}

impl FromText for Version {
    fn expected() -> String {
        "`latest` or a version of Kubernetes such as `v1.32`".to_owned()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        text.parse().map_err(|_| E::custom(format_args!("must be `latest` or `v1.N`, not \"{text}\"")))
    }
}

/// A ConfigMap holds strings only.
impl FromText for bool {
    fn expected() -> String {
        "the string \"true\" or \"false\"".to_owned()
    }

    fn from_text<E: Error>(text: &str) -> Result<Self, E> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(E::unknown_variant(text, &["true", "false"])),
        }
    }
}
