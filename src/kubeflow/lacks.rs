//! What a generated pod lacks of restricted: the four fields that only a writer of pods can set.

use std::collections::BTreeSet;
use std::fmt;

use crate::yaml::resolve::Scalar;
use crate::yaml::tree::View;

/// A field that restricted asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// `allowPrivilegeEscalation: false` on each container.
    AllowPrivilegeEscalation,
    /// `capabilities.drop: [ALL]` on each container.
    Capabilities,
    /// `runAsNonRoot: true` on the pod or on each container.
    RunAsNonRoot,
    /// `seccompProfile` on the pod or on each container.
    SeccompProfile,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::AllowPrivilegeEscalation, Self::Capabilities, Self::RunAsNonRoot, Self::SeccompProfile];

    /// Its name in a security context.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowPrivilegeEscalation => "allowPrivilegeEscalation",
            Self::Capabilities => "capabilities",
            Self::RunAsNonRoot => "runAsNonRoot",
            Self::SeccompProfile => "seccompProfile",
        }
    }

    /// The field that a check of Pod Security asks for.
    #[must_use]
    pub fn of_check(check: &str) -> Option<Self> {
        match check {
            "allowPrivilegeEscalation" => Some(Self::AllowPrivilegeEscalation),
            "capabilities_restricted" => Some(Self::Capabilities),
            "runAsNonRoot" => Some(Self::RunAsNonRoot),
            "seccompProfile_restricted" => Some(Self::SeccompProfile),
            _ => None,
        }
    }

    /// Whether a security context says it.
    fn is_in(self, context: View<'_>) -> bool {
        let is =
            |keys: &[&str], expected: Scalar<'_>| context.find(keys).and_then(|value| value.scalar()) == Some(expected);
        match self {
            Self::AllowPrivilegeEscalation => is(&["allowPrivilegeEscalation"], Scalar::Bool(false)),
            Self::Capabilities => context
                .find(&["capabilities", "drop"])
                .is_some_and(|dropped| dropped.items().any(|name| name.as_str() == Some("ALL"))),
            Self::RunAsNonRoot => is(&["runAsNonRoot"], Scalar::Bool(true)),
            Self::SeccompProfile => {
                ["RuntimeDefault", "Localhost"].iter().any(|word| is(&["seccompProfile", "type"], Scalar::String(word)))
            }
        }
    }
}

/// The fields that are missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lacks(BTreeSet<Field>);

impl Lacks {
    /// These fields.
    #[must_use]
    pub fn of(fields: &[Field]) -> Self {
        Self(fields.iter().copied().collect())
    }

    /// All four.
    #[must_use]
    pub fn all() -> Self {
        Self::of(&Field::ALL)
    }

    /// What none of these security contexts says: a container's own, and its pod's.
    #[must_use]
    pub fn beside(contexts: &[Option<View<'_>>]) -> Self {
        let said = |field: &Field| contexts.iter().flatten().any(|context| field.is_in(*context));
        Self(Field::ALL.into_iter().filter(|field| !said(field)).collect())
    }

    /// True where nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a field is missing.
    #[must_use]
    pub fn contains(&self, field: Field) -> bool {
        self.0.contains(&field)
    }

    /// What is missing here and there: of two contexts that add up.
    #[must_use]
    pub fn in_both(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Adds the missing fields of another container.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

impl FromIterator<Field> for Lacks {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl fmt::Display for Lacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|field| field.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}
