//! What the labels `pod-security.kubernetes.io/{enforce,audit,warn}[-version]` of a namespace ask for.
//!
//! Source: `PolicyToEvaluate` in `api/helpers.go` of pod-security-admission v0.37.2, and
//! [the labels' page](https://kubernetes.io/docs/concepts/security/pod-security-admission/#pod-security-admission-labels-for-namespaces).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::go_quote::go_quote;
use super::level::{Level, ParseLevelError};
use super::version::{ParseVersionError, Version};

/// The level that pods must meet to be admitted.
pub const ENFORCE_LABEL: &str = "pod-security.kubernetes.io/enforce";
/// The version of the enforced level.
pub const ENFORCE_VERSION_LABEL: &str = "pod-security.kubernetes.io/enforce-version";
/// The level whose violations go to the audit log.
pub const AUDIT_LABEL: &str = "pod-security.kubernetes.io/audit";
/// The version of the audited level.
pub const AUDIT_VERSION_LABEL: &str = "pod-security.kubernetes.io/audit-version";
/// The level whose violations the client is warned of.
pub const WARN_LABEL: &str = "pod-security.kubernetes.io/warn";
/// The version of the level warned of.
pub const WARN_VERSION_LABEL: &str = "pod-security.kubernetes.io/warn-version";

/// What admission does about a violation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// The pod is refused.
    Enforce,
    /// The audit log says so.
    Audit,
    /// The client is told.
    Warn,
}

impl Mode {
    /// All modes, in upstream's order.
    pub const ALL: [Self; 3] = [Self::Enforce, Self::Audit, Self::Warn];

    /// The word that labels and messages use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Audit => "audit",
            Self::Warn => "warn",
        }
    }

    /// The label that sets this mode's level.
    #[must_use]
    pub const fn level_label(self) -> &'static str {
        match self {
            Self::Enforce => ENFORCE_LABEL,
            Self::Audit => AUDIT_LABEL,
            Self::Warn => WARN_LABEL,
        }
    }

    /// The label that sets this mode's version.
    #[must_use]
    pub const fn version_label(self) -> &'static str {
        match self {
            Self::Enforce => ENFORCE_VERSION_LABEL,
            Self::Audit => AUDIT_VERSION_LABEL,
            Self::Warn => WARN_VERSION_LABEL,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A level as of a version; shown as messages have it: `baseline:latest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LevelVersion {
    /// The level.
    pub level: Level,
    /// The version of the level's policies.
    pub version: Version,
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.level, self.version)
    }
}

/// What a namespace asks of its pods in each mode. The default is that of a cluster without configuration: privileged, latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// What is refused.
    pub enforce: LevelVersion,
    /// What is logged.
    pub audit: LevelVersion,
    /// What is warned of.
    pub warn: LevelVersion,
}

impl Default for Policy {
    fn default() -> Self {
        let open = LevelVersion { level: Level::Privileged, version: Version::Latest };
        Self { enforce: open, audit: open, warn: open }
    }
}

/// A label has a value that is no level or no version; worded as the API server words it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("metadata.labels[{label}]: Invalid value: {}: {problem}", go_quote(value))]
pub struct LabelError {
    /// The label's key.
    pub label: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong with the value.
    pub problem: LabelProblem,
}

/// Why the value of a label is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelProblem {
    /// The value is no level.
    #[error(transparent)]
    Level(#[from] ParseLevelError),
    /// The value is no version.
    #[error(transparent)]
    Version(#[from] ParseVersionError),
}

impl Policy {
    /// The policy that `labels` ask for in a cluster whose configured defaults are `defaults`.
    ///
    /// A bad level closes `enforce` and opens `audit` and `warn`; a bad version means latest. Each is reported as well.
    #[must_use]
    pub fn from_labels(labels: &BTreeMap<String, String>, defaults: &Self) -> (Self, Vec<LabelError>) {
        let mut policy = *defaults;
        let mut errors = Vec::new();
        for mode in Mode::ALL {
            let asked = policy.mode_mut(mode);
            if let Some(level) = read(labels, mode.level_label(), &mut errors) {
                let closed = if mode == Mode::Enforce { Level::Restricted } else { Level::Privileged };
                asked.level = level.unwrap_or(closed);
            }
            if let Some(version) = read(labels, mode.version_label(), &mut errors) {
                asked.version = version.unwrap_or(Version::Latest);
            }
        }
        // Without a warn label, people are warned of what will be refused, but not because of a typing error.
        let enforce_is_valid = labels.get(ENFORCE_LABEL).is_some_and(|text| Level::from_str(text).is_ok());
        if enforce_is_valid && !labels.contains_key(WARN_LABEL) && policy.enforce.level > policy.warn.level {
            policy.warn.level = policy.enforce.level;
            if !labels.contains_key(WARN_VERSION_LABEL) {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, errors)
    }

    /// What is asked for in one mode.
    #[must_use]
    pub const fn mode(&self, mode: Mode) -> LevelVersion {
        match mode {
            Mode::Enforce => self.enforce,
            Mode::Audit => self.audit,
            Mode::Warn => self.warn,
        }
    }

    const fn mode_mut(&mut self, mode: Mode) -> &mut LevelVersion {
        match mode {
            Mode::Enforce => &mut self.enforce,
            Mode::Audit => &mut self.audit,
            Mode::Warn => &mut self.warn,
        }
    }
}

/// The value of a label: `None` where there is no such label, `Some(None)` where its value is bad.
fn read<T>(labels: &BTreeMap<String, String>, label: &'static str, errors: &mut Vec<LabelError>) -> Option<Option<T>>
where
    T: FromStr,
    LabelProblem: From<T::Err>,
{
    let value = labels.get(label)?;
    match value.parse() {
        Ok(parsed) => Some(Some(parsed)),
        Err(error) => {
            errors.push(LabelError { label, value: value.clone(), problem: LabelProblem::from(error) });
            Some(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: [&str; 3] = ["privileged:latest", "privileged:latest", "privileged:latest"];

    fn policy([enforce, audit, warn]: [&str; 3]) -> Policy {
        let parse = |text: &str| {
            let (level, version) = text.split_once(':').unwrap();
            LevelVersion { level: level.parse().unwrap(), version: version.parse().unwrap() }
        };
        Policy { enforce: parse(enforce), audit: parse(audit), warn: parse(warn) }
    }

    fn labels(text: &str) -> BTreeMap<String, String> {
        text.split_whitespace()
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(key, value)| (format!("pod-security.kubernetes.io/{key}"), value.to_owned()))
            .collect()
    }

    #[test]
    fn labels_decide_over_defaults() {
        let some = ["baseline:v1.30", "baseline:v1.29", "baseline:v1.28"];
        for (name, text, defaults, expected) in [
            ("no label", "", some, some),
            ("other labels", "other=baseline", some, some),
            (
                "all six",
                "enforce=baseline enforce-version=v1.1 audit=restricted audit-version=v1.2 warn=privileged warn-version=v1.3",
                OPEN,
                ["baseline:v1.1", "restricted:v1.2", "privileged:v1.3"],
            ),
            (
                "versions alone",
                "enforce-version=v1.1 warn-version=latest",
                some,
                ["baseline:v1.1", "baseline:v1.29", "baseline:latest"],
            ),
            (
                "warn follows enforce",
                "enforce=restricted enforce-version=v1.20",
                OPEN,
                ["restricted:v1.20", "privileged:latest", "restricted:v1.20"],
            ),
            (
                "warn follows enforce with the version of its own",
                "enforce=baseline warn-version=v1.9",
                OPEN,
                ["baseline:latest", "privileged:latest", "baseline:v1.9"],
            ),
            (
                "warn takes the enforced version also from the defaults",
                "enforce=restricted",
                some,
                ["restricted:v1.30", "baseline:v1.29", "restricted:v1.30"],
            ),
            ("warn does not follow down or sideways", "enforce=baseline", some, some),
            (
                "warn does not follow a default",
                "audit=restricted",
                ["restricted:latest", OPEN[1], OPEN[2]],
                ["restricted:latest", "restricted:latest", "privileged:latest"],
            ),
            (
                "a warn label stays",
                "enforce=restricted warn=baseline",
                OPEN,
                ["restricted:latest", "privileged:latest", "baseline:latest"],
            ),
        ] {
            let (found, errors) = Policy::from_labels(&labels(text), &policy(defaults));
            assert_eq!(found, policy(expected), "{name}");
            assert_eq!(errors, [], "{name}");
        }
    }

    #[test]
    fn bad_values_close_enforce_and_open_audit_and_warn() {
        let strict = ["baseline:v1.30", "restricted:v1.30", "restricted:v1.30"];
        for (name, text, defaults, expected, messages) in [
            (
                "enforce; warn does not follow",
                "enforce=Baseline",
                OPEN,
                ["restricted:latest", OPEN[1], OPEN[2]],
                vec![
                    "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"Baseline\": must be one of privileged, baseline, restricted",
                ],
            ),
            (
                "all levels",
                "enforce= audit=x warn=x",
                strict,
                ["restricted:v1.30", "privileged:v1.30", "privileged:v1.30"],
                vec![
                    "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"\": must be one of privileged, baseline, restricted",
                    "metadata.labels[pod-security.kubernetes.io/audit]: Invalid value: \"x\": must be one of privileged, baseline, restricted",
                    "metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: \"x\": must be one of privileged, baseline, restricted",
                ],
            ),
            (
                "versions",
                "enforce-version=1.30 audit-version=v1.07 warn-version=v1.30.2",
                strict,
                ["baseline:latest", "restricted:latest", "restricted:latest"],
                vec![
                    "metadata.labels[pod-security.kubernetes.io/enforce-version]: Invalid value: \"1.30\": must be \"latest\" or \"v1.x\"",
                    "metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: \"v1.07\": must be \"latest\" or \"v1.x\"",
                    "metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: \"v1.30.2\": must be \"latest\" or \"v1.x\"",
                ],
            ),
            (
                "a bad warn label keeps warn from following enforce",
                "enforce=restricted warn=x",
                OPEN,
                ["restricted:latest", OPEN[1], OPEN[2]],
                vec![
                    "metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: \"x\": must be one of privileged, baseline, restricted",
                ],
            ),
        ] {
            let (found, errors) = Policy::from_labels(&labels(text), &policy(defaults));
            assert_eq!(found, policy(expected), "{name}");
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), messages, "{name}");
        }
    }

    #[test]
    fn modes_find_their_labels_and_levels() {
        let some = policy(["privileged:v1.1", "baseline:v1.2", "restricted:v1.3"]);
        for (mode, expected) in Mode::ALL.into_iter().zip([some.enforce, some.audit, some.warn]) {
            assert_eq!(some.mode(mode), expected);
            assert_eq!(mode.level_label(), format!("pod-security.kubernetes.io/{mode}"));
            assert_eq!(mode.version_label(), format!("{}-version", mode.level_label()));
        }
    }
}
