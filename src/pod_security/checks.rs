//! The 19 checks of the Pod Security Standards, one file each, named after upstream's check id.
//!
//! A check is data and functions: its revisions, each with the first version that it applies to. A newer revision says
//! what changed and calls the older one. To add a check: its file here, its line in [`super::registry::CHECKS`], and its
//! rows in the registry's tests.
//!
//! Source: `policy/check_*.go` of `k8s.io/pod-security-admission` v0.37.2 and the
//! [standard](https://kubernetes.io/docs/concepts/security/pod-security-standards/).

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::level::Level;
use super::version::Version;

pub(crate) mod allow_privilege_escalation;
pub(crate) mod app_armor_profile;
pub(crate) mod capabilities_baseline;
pub(crate) mod capabilities_restricted;
#[cfg(test)]
pub(crate) mod case;
pub(crate) mod host_namespaces;
pub(crate) mod host_path_volumes;
pub(crate) mod host_ports;
pub(crate) mod host_probes_and_host_lifecycle;
pub(crate) mod privileged;
pub(crate) mod proc_mount;
pub(crate) mod proc_mount_restricted;
pub(crate) mod restricted_volumes;
pub(crate) mod run_as_non_root;
pub(crate) mod run_as_user;
pub(crate) mod se_linux_options;
pub(crate) mod seccomp_profile_baseline;
pub(crate) mod seccomp_profile_restricted;
pub(crate) mod sysctls;
pub(crate) mod windows_host_process;

/// One rule of the standard with all its revisions.
#[derive(Debug)]
pub struct Check {
    /// Upstream's id.
    pub id: &'static str,
    /// The level that the rule belongs to: baseline or restricted.
    pub level: Level,
    /// The fields of the pod that are examined; `containers[*]` stands for all three container lists.
    pub fields: &'static [&'static str],
    /// How to mend a violation, in plain words: the field to set and its value.
    pub mend: &'static str,
    /// The ids of the baseline checks that this restricted check replaces wherever it exists itself, so that nothing
    /// is reported twice.
    pub overrides: &'static [&'static str],
    /// The revisions: the first version that each applies to, strictly increasing, and the function that judges.
    pub versions: &'static [(Version, CheckFn)],
}

/// Judges a pod by one revision of a check: `None` where the pod is allowed.
pub type CheckFn = fn(&ObjectMeta, &PodSpec) -> Option<Forbidden>;

/// Why a check forbids a pod, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// The short, constant part.
    pub reason: &'static str,
    /// Who breaks the rule and with which values.
    pub detail: String,
}

impl Check {
    /// The revision that applies to `version`; `None` where the check is younger than that.
    #[must_use]
    pub fn revision(&self, version: Version) -> Option<CheckFn> {
        self.versions.iter().rev().find(|(minimum, _)| *minimum <= version).map(|(_, revision)| *revision)
    }
}

/// Whether the pod asks for a user namespace of its own: the relaxation of
/// [KEP-127](https://kep.k8s.io/127), which some checks know from v1.35 on.
fn has_user_namespace(spec: &PodSpec) -> bool {
    spec.host_users == Some(false)
}

/// Whether the pod says that it is for Windows, where some Linux fields cannot be set at all
/// ([KEP-2802](https://kep.k8s.io/2802)); some restricted checks know it from v1.25 on.
fn is_windows(spec: &PodSpec) -> bool {
    spec.os.as_ref().is_some_and(|os| os.name == "windows")
}
