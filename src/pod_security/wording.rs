//! The phrases that the details of several checks share, as `policy/helpers.go` of pod-security-admission v0.37.2 builds them.

use std::fmt;

/// `"a", "b"`: quotation marks around each item and nothing escaped inside.
pub(crate) fn quoted<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for item in items {
        text.push_str(if text.is_empty() { "\"" } else { ", \"" });
        text.push_str(item);
        text.push('"');
    }
    text
}

/// One word for exactly one thing, the other for any other number of things.
pub(crate) const fn plural(singular: &'static str, plural: &'static str, count: usize) -> &'static str {
    if count == 1 { singular } else { plural }
}

/// `container "a"`, `containers "a", "b"`.
pub(crate) fn named_containers(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names.iter().copied()))
}

/// Who sets a field to a bad value: the pod's own security context, containers, or both.
#[derive(Default)]
pub(crate) struct Setters<'a> {
    /// The pod's security context does.
    pub(crate) pod: bool,
    /// The containers that do, as they are visited.
    pub(crate) containers: Vec<&'a str>,
}

impl Setters<'_> {
    /// Whether nobody sets a bad value.
    pub(crate) const fn is_empty(&self) -> bool {
        !self.pod && self.containers.is_empty()
    }
}

/// `pod`, `container "a"`, or `pod and container "a"`.
impl fmt::Display for Setters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pod {
            f.write_str("pod")?;
        }
        if self.pod && !self.containers.is_empty() {
            f.write_str(" and ")?;
        }
        if !self.containers.is_empty() {
            f.write_str(&named_containers(&self.containers))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn setters_name_the_pod_first() {
        for (pod, containers, expected) in [
            (false, vec![], ""),
            (true, vec![], "pod"),
            (false, vec!["a"], r#"container "a""#),
            (true, vec!["b", "a", "b"], r#"pod and containers "b", "a", "b""#),
        ] {
            let setters = Setters { pod, containers };
            assert_eq!(setters.to_string(), expected);
            assert_eq!(setters.is_empty(), expected.is_empty());
        }
    }

    #[test]
    fn quoted_items_are_not_escaped() {
        assert_eq!(quoted([]), "");
        assert_eq!(quoted(["", "a\"b\\"]), r#""", "a"b\""#);
    }
}
