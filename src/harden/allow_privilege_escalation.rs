//! `allowPrivilegeEscalation: false` on every container that says nothing about it.
//!
//! API validation refuses it beside `privileged: true` and beside an added CAP_SYS_ADMIN. Windows containers cannot have
//! the field, and are exempt.

use serde_json::Value;

use super::{Patch, Pod};

pub(super) fn harden(pod: &Pod<'_>, patch: &mut Patch) {
    if pod.windows {
        return;
    }
    for member in &pod.members {
        let says = member.context.is_some_and(|context| context.allow_privilege_escalation.is_some());
        let needs = member.is_privileged()
            || member.added_capabilities().iter().any(|name| matches!(name.as_str(), "SYS_ADMIN" | "CAP_SYS_ADMIN"));
        if !says && !needs {
            patch.container(member.slot).insert("allowPrivilegeEscalation".to_owned(), Value::Bool(false));
        }
    }
}
