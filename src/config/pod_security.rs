//! Which Pod Security labels a namespace shall have.

use super::glob::Glob;
use crate::pod_security::{Level, Version};

/// `spec.podSecurity` without `userNamespaces`, from which nothing is inherited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodSecurity {
    /// What holds where no entry says otherwise.
    pub modes: Modes,
    /// The weakest level that `strictest` may come to.
    pub floor: Level,
    /// The entries, in order.
    pub namespaces: Vec<NamespaceEntry>,
}

/// An entry of `spec.podSecurity.namespaces`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceEntry {
    /// The namespaces that it is about.
    pub names: Vec<Glob>,
    /// What it says of them; the rest comes from [`PodSecurity::modes`].
    pub modes: Modes,
}

/// What one object of the configuration says of the three modes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modes<E = Enforce> {
    /// Of pods that are refused.
    pub enforce: Mode<E>,
    /// Of pods that are noted in the audit log.
    pub audit: Mode<Level>,
    /// Of pods whose authors are warned.
    pub warn: Mode<Level>,
}

/// What one object of the configuration says of one mode. A version may stand alone: it is for a level that is
/// said elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode<L> {
    /// The level.
    pub level: Option<L>,
    /// The version that the level is judged by.
    pub version: Option<Version>,
}

/// A level to enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforce {
    /// This level.
    Level(Level),
    /// The strictest level that all pods of the namespace meet.
    Strictest,
}

/// A label that a mode shall have, and its version label: none means none is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish<L = Level> {
    /// The level.
    pub level: L,
    /// The version, where it shall be written.
    pub version: Option<Version>,
}

/// The labels that a namespace shall have. A mode without a wish is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes<E = Level> {
    /// For `enforce`.
    pub enforce: Option<Wish<E>>,
    /// For `audit`.
    pub audit: Option<Wish>,
    /// For `warn`.
    pub warn: Option<Wish>,
}

/// What [`PodSecurity`] wishes for one namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceWishes {
    /// The labels.
    pub wishes: Wishes<Enforce>,
    /// Whether an entry names the namespace itself, by no glob: only then may a stricter label be lowered.
    pub by_exact_name: bool,
}

/// `strictest` does not go below baseline unless it is told to.
pub(super) const DEFAULT_FLOOR: Level = Level::Baseline;

/// Namespaces of Kubernetes itself, which no glob and no default reaches.
const SYSTEM_NAMESPACES: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];

impl PodSecurity {
    /// What is wished for a namespace: the first entry with a matching name, completed by the defaults; without an
    /// entry, the defaults.
    #[must_use]
    pub fn wish_for(&self, namespace: &str) -> NamespaceWishes {
        let is_system = SYSTEM_NAMESPACES.contains(&namespace);
        let names_it = |entry: &&NamespaceEntry| {
            if is_system { entry.names_exactly(namespace) } else { entry.matches(namespace) }
        };
        match self.namespaces.iter().find(names_it) {
            Some(entry) => NamespaceWishes {
                wishes: entry.modes.completed_by(self.modes).wishes(),
                by_exact_name: entry.names_exactly(namespace),
            },
            None if is_system => NamespaceWishes { wishes: Wishes::default(), by_exact_name: false },
            None => NamespaceWishes { wishes: self.modes.wishes(), by_exact_name: false },
        }
    }
}

impl NamespaceEntry {
    fn names_exactly(&self, namespace: &str) -> bool {
        self.names.iter().any(|name| name.is_exact() && name.matches(namespace))
    }

    fn matches(&self, namespace: &str) -> bool {
        self.names.iter().any(|name| name.matches(namespace))
    }
}

impl<E: Copy> Modes<E> {
    fn completed_by(self, fallback: Self) -> Self {
        Self {
            enforce: self.enforce.completed_by(fallback.enforce),
            audit: self.audit.completed_by(fallback.audit),
            warn: self.warn.completed_by(fallback.warn),
        }
    }
}

impl<E> Modes<E> {
    /// What is wished: a version alone sets nothing.
    pub(super) fn wishes(self) -> Wishes<E> {
        Wishes { enforce: self.enforce.wish(), audit: self.audit.wish(), warn: self.warn.wish() }
    }
}

impl<L: Copy> Mode<L> {
    fn completed_by(self, fallback: Self) -> Self {
        Self { level: self.level.or(fallback.level), version: self.version.or(fallback.version) }
    }
}

impl<L> Mode<L> {
    fn wish(self) -> Option<Wish<L>> {
        self.level.map(|level| Wish { level, version: self.version })
    }
}

impl Default for PodSecurity {
    fn default() -> Self {
        Self { modes: Modes::default(), floor: DEFAULT_FLOOR, namespaces: Vec::new() }
    }
}

// Derived code would ask the levels, which have no default, for one.
impl<E> Default for Modes<E> {
    fn default() -> Self {
        Self { enforce: Mode::default(), audit: Mode::default(), warn: Mode::default() }
    }
}

impl<L> Default for Mode<L> {
    fn default() -> Self {
        Self { level: None, version: None }
    }
}

impl<E> Default for Wishes<E> {
    fn default() -> Self {
        Self { enforce: None, audit: None, warn: None }
    }
}

impl<E> Wishes<E> {
    /// Whether nothing is wished.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.enforce.is_none() && self.audit.is_none() && self.warn.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn wishes(pod_security: serde_json::Value, namespace: &str) -> (String, bool) {
        let object = json!({"spec": {"podSecurity": pod_security}});
        let config = Config::from_object("fn.kubeflow.org/v1alpha1", "Unroot", object).unwrap();
        let NamespaceWishes { wishes, by_exact_name } = config.pod_security.unwrap_or_default().wish_for(namespace);
        assert_eq!(wishes.is_empty(), wishes == Wishes::default());
        let enforce = wishes.enforce.map(|Wish { level, version }| match level {
            Enforce::Level(level) => said("enforce", level.as_str(), version),
            Enforce::Strictest => said("enforce", "strictest", version),
        });
        let audit = wishes.audit.map(|wish| said("audit", wish.level.as_str(), wish.version));
        let warn = wishes.warn.map(|wish| said("warn", wish.level.as_str(), wish.version));
        (enforce.into_iter().chain(audit).chain(warn).collect::<Vec<_>>().join(" "), by_exact_name)
    }

    fn said(mode: &str, level: &str, version: Option<Version>) -> String {
        version.map_or_else(|| format!("{mode}={level}"), |version| format!("{mode}={level}@{version}"))
    }

    #[test]
    fn the_first_matching_entry_wins_and_is_completed() {
        let config = json!({
            "enforce": "baseline", "warn": "restricted", "version": "v1.30",
            "namespaces": [
                {"names": ["kube-system", "istio-*"], "enforce": "privileged"},
                {"names": ["auth"], "enforceVersion": "v1.31", "audit": "restricted", "auditVersion": "latest"},
                {"names": ["*"], "enforce": "strictest", "version": "v1.32"},
                {"names": ["kube-public", "team-a"], "enforce": "restricted"},
            ],
        });
        for (namespace, expected, by_exact_name) in [
            ("istio-system", "enforce=privileged@v1.30 warn=restricted@v1.30", false),
            ("kube-system", "enforce=privileged@v1.30 warn=restricted@v1.30", true),
            ("auth", "enforce=baseline@v1.31 audit=restricted@latest warn=restricted@v1.30", true),
            ("kubeflow", "enforce=strictest@v1.32 warn=restricted@v1.32", false),
            // The glob above wins over the exact name below, except where no glob reaches.
            ("team-a", "enforce=strictest@v1.32 warn=restricted@v1.32", false),
            ("kube-public", "enforce=restricted@v1.30 warn=restricted@v1.30", true),
            ("kube-node-lease", "", false),
        ] {
            assert_eq!(wishes(config.clone(), namespace), (expected.to_owned(), by_exact_name), "{namespace}");
        }
    }

    #[test]
    fn defaults_hold_where_no_entry_matches_but_not_in_system_namespaces() {
        for (config, namespace, expected) in [
            (json!({"enforce": "baseline"}), "kubeflow", "enforce=baseline"),
            (json!({"enforce": "baseline"}), "kube-system", ""),
            (json!({"enforce": "baseline"}), "kube-public", ""),
            (json!({"enforce": "baseline"}), "kube-node-lease", ""),
            (json!({"enforce": "baseline"}), "kube-other", "enforce=baseline"),
            (json!({"version": "v1.30", "warn": "restricted"}), "kubeflow", "warn=restricted@v1.30"),
            (json!({"auditVersion": "v1.30", "warn": "restricted"}), "kubeflow", "warn=restricted"),
            (json!({"version": "latest"}), "kubeflow", ""),
            (json!(null), "kubeflow", ""),
        ] {
            assert_eq!(wishes(config.clone(), namespace), (expected.to_owned(), false), "{config} for {namespace}");
        }
    }

    #[test]
    fn an_entry_with_names_only_reaches_a_system_namespace() {
        let config = json!({"enforce": "privileged", "namespaces": [{"names": ["kube-system"]}]});
        assert_eq!(wishes(config, "kube-system"), ("enforce=privileged".to_owned(), true));
    }

    #[test]
    fn a_namespace_named_among_globs_is_named_exactly() {
        let config = json!({"namespaces": [{"names": ["kube-*", "kubeflow"], "enforce": "baseline"}]});
        assert_eq!(wishes(config.clone(), "kubeflow"), ("enforce=baseline".to_owned(), true));
        assert_eq!(wishes(config, "kube-flannel"), ("enforce=baseline".to_owned(), false));
    }
}
