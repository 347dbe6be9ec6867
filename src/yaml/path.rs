//! Field paths in one spelling: `spec.containers[0].image`, `metadata.labels['app.kubernetes.io/name']`.

use std::fmt;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// The value of a mapping's key.
    Key(String),
    /// The element of a sequence, counted from 0.
    Index(usize),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// The way from a document's root to one of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<Segment>);

impl Path {
    /// The path of these keys.
    #[must_use]
    pub fn of(keys: &[&str]) -> Self {
        Self(keys.iter().map(|key| Segment::from(*key)).collect())
    }

    /// This path with one more step at its end.
    #[must_use]
    pub fn join(&self, segment: impl Into<Segment>) -> Self {
        let mut segments = self.0.clone();
        segments.push(segment.into());
        Self(segments)
    }

    /// The steps that both paths begin with.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).take_while(|(one, two)| one == two).map(|(step, _)| step.clone()).collect())
    }

    /// Puts a step before the first one: an error that unwinds from the inside out gets its path so.
    pub fn prepend(&mut self, segment: impl Into<Segment>) {
        self.0.insert(0, segment.into());
    }

    /// The steps.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// True for the root itself.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A key that reads without quotes in a path, as in `spec.containers`.
fn is_word(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Key(key) if !is_word(key) => write!(f, "['{key}']")?,
                Segment::Key(key) if position == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_spelt_as_kubernetes_spells_it() {
        let path = Path::of(&["spec", "containers"]).join(0).join("image");
        assert_eq!(path.to_string(), "spec.containers[0].image");
        let label = Path::of(&["metadata", "labels", "app.kubernetes.io/name"]);
        assert_eq!(label.to_string(), "metadata.labels['app.kubernetes.io/name']");
        assert_eq!(Path::default().to_string(), "");
    }
}
