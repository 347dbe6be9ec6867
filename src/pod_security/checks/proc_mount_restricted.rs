//! Containers must keep the masks of the runtime over `/proc`, in a user namespace as well.
//!
//! Fields: `securityContext.procMount` of every container in initContainers, containers and ephemeralContainers.
//! Allowed: unset, `Default`. An empty text is not allowed.
//!
//! Versions: v1.35, when the baseline check `procMount` became more lenient; before, that one serves restricted too.
//! Standard: <https://kubernetes.io/docs/concepts/security/pod-security-standards/>, "/proc Mount Type".

use super::{Check, proc_mount};
use crate::pod_security::level::Level;
use crate::pod_security::version::Version;

pub(crate) static CHECK: Check = Check {
    id: "procMount_restricted",
    level: Level::Restricted,
    fields: &["spec.containers[*].securityContext.procMount"],
    mend: "Set `securityContext.procMount` of the named containers to `Default`, or remove it.",
    overrides: &["procMount"],
    versions: &[(Version::V1(35), proc_mount::v1_0)],
};

#[cfg(test)]
pub(crate) mod tests {
    use crate::pod_security::checks::case::{Case, assert_rows_hold};

    pub(crate) const CASES: &[Case] = &[
        Case::passes("too early", 0..=34, "containers: [{name: a, securityContext: {procMount: Unmasked}}]"),
        Case::passes_in_each_list("Default", 35..=37, "name: a, securityContext: {procMount: Default}"),
        Case::fails_in_each_list(
            "Unmasked",
            35..=37,
            "name: a, securityContext: {procMount: Unmasked}",
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
        Case::fails(
            "a user namespace is no excuse",
            35..=37,
            "hostUsers: false, containers: [{name: a, securityContext: {procMount: Unmasked}}]",
            r#"procMount (container "a" must not set securityContext.procMount to "Unmasked")"#,
        ),
    ];

    #[test]
    fn rows_hold() {
        assert_rows_hold(&super::CHECK, CASES);
    }
}
