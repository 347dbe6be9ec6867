//! All checks in upstream's order, and the evaluation of a pod by level and version.
//!
//! Source: `policy/registry.go` and `policy/checks.go` of `k8s.io/pod-security-admission` v0.37.2. What upstream
//! tabulates per version is found here on the fly: 19 checks with at most 5 revisions are quicker searched than kept.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::checks::{self, Check, CheckFn, Forbidden};
use super::level::Level;
use super::version::Version;

/// The checks in the order of results: baseline ids bytewise, then restricted ids bytewise.
pub static CHECKS: [&Check; 19] = [
    &checks::app_armor_profile::CHECK,
    &checks::capabilities_baseline::CHECK,
    &checks::host_namespaces::CHECK,
    &checks::host_path_volumes::CHECK,
    &checks::host_ports::CHECK,
    &checks::host_probes_and_host_lifecycle::CHECK,
    &checks::privileged::CHECK,
    &checks::proc_mount::CHECK,
    &checks::se_linux_options::CHECK,
    &checks::seccomp_profile_baseline::CHECK,
    &checks::sysctls::CHECK,
    &checks::windows_host_process::CHECK,
    &checks::allow_privilege_escalation::CHECK,
    &checks::capabilities_restricted::CHECK,
    &checks::proc_mount_restricted::CHECK,
    &checks::restricted_volumes::CHECK,
    &checks::run_as_non_root::CHECK,
    &checks::run_as_user::CHECK,
    &checks::seccomp_profile_restricted::CHECK,
];

/// A rule of a level that a pod breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Upstream's id of the check.
    pub check: &'static str,
    /// Upstream's short, constant reason.
    pub reason: &'static str,
    /// Who breaks the rule and with which values, in upstream's words.
    pub detail: String,
    /// How to mend it, in plain words.
    pub mend: &'static str,
}

/// What a pod breaks of `level` as of `version`, in upstream's order; nothing where the level allows the pod.
///
/// A version above the newest change means the newest policies, as `latest` does. `metadata` and `spec` are the pod's
/// own or its template's; [`super::defaults`] first gives what the API server would answer.
#[must_use]
pub fn evaluate(level: Level, version: Version, metadata: &ObjectMeta, spec: &PodSpec) -> Vec<Violation> {
    applicable(level, version)
        .filter_map(|(check, judge)| {
            let Forbidden { reason, detail } = judge(metadata, spec)?;
            Some(Violation { check: check.id, reason, detail, mend: check.mend })
        })
        .collect()
}

/// The strictest level that allows the pod as of `version`; privileged allows every pod.
///
/// A pod that restricted allows need not meet baseline: restricted leaves Windows pods alone where baseline does not.
#[must_use]
pub fn meets(version: Version, metadata: &ObjectMeta, spec: &PodSpec) -> Level {
    let strictest = Level::ALL.into_iter().rev().find(|level| allows(*level, version, metadata, spec));
    strictest.unwrap_or(Level::Privileged)
}

/// From which version on `level` allows a pod that `latest` allows, where an older version from `v1.oldest_minor` on
/// refuses it: a cluster of such a version refuses the pod although its label says `latest`.
///
/// `None` where all these versions agree, or where `latest` refuses the pod.
#[must_use]
pub fn allowed_since(level: Level, oldest_minor: u32, metadata: &ObjectMeta, spec: &PodSpec) -> Option<Version> {
    // Verdicts change only where a check has a new revision.
    let revisions = CHECKS.iter().flat_map(|check| check.versions).filter_map(|(minimum, _)| match minimum {
        Version::V1(minor) => Some(*minor),
        Version::Latest => None,
    });
    let changes: BTreeSet<u32> = revisions.filter(|minor| *minor > oldest_minor).collect();
    if !allows(level, Version::V1(*changes.last()?), metadata, spec) {
        return None;
    }
    let first_allowing = changes.into_iter().rev().find(|minor| !allows(level, Version::V1(minor - 1), metadata, spec));
    first_allowing.map(Version::V1)
}

/// Upstream's one text for all violations: `reason (detail), reason (detail)`.
#[must_use]
pub fn aggregate(violations: &[Violation]) -> String {
    let mut text = String::new();
    for violation in violations {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(violation.reason);
        if !violation.detail.is_empty() {
            text.push_str(" (");
            text.push_str(&violation.detail);
            text.push(')');
        }
    }
    text
}

fn allows(level: Level, version: Version, metadata: &ObjectMeta, spec: &PodSpec) -> bool {
    applicable(level, version).all(|(_, judge)| judge(metadata, spec).is_none())
}

/// The checks that make up `level` in `version`, each in its revision of that time.
fn applicable(level: Level, version: Version) -> impl Iterator<Item = (&'static Check, CheckFn)> {
    CHECKS
        .into_iter()
        .filter(move |check| check.level <= level && !(level == Level::Restricted && is_overridden(check, version)))
        .filter_map(move |check| Some((check, check.revision(version)?)))
}

/// Whether a restricted check that exists in `version` takes the place of `check`.
fn is_overridden(check: &Check, version: Version) -> bool {
    CHECKS.iter().any(|other| other.overrides.contains(&check.id) && other.revision(version).is_some())
}

#[cfg(test)]
mod tests;
