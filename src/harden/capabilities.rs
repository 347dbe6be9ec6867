//! `capabilities.drop: [ALL]` on every container, beside what it drops already.
//!
//! Not where a container adds other capabilities than NET_BIND_SERVICE, which it states because it needs them: then the
//! rest of its set is left alone too. Windows containers cannot have the field, and are exempt.

use serde_json::json;

use super::{Patch, Pod};

/// The one name that drops everything.
pub(super) const ALL: &str = "ALL";

pub(super) fn harden(pod: &Pod<'_>, patch: &mut Patch) {
    if pod.windows {
        return;
    }
    for member in &pod.members {
        let capabilities = member.context.and_then(|context| context.capabilities.as_ref());
        let dropped = capabilities.and_then(|capabilities| capabilities.drop.as_deref()).unwrap_or_default();
        let adds = member.added_capabilities().iter().any(|name| name != "NET_BIND_SERVICE");
        if member.is_privileged() || adds || dropped.iter().any(|name| name == ALL) {
            continue;
        }
        if dropped.is_empty() {
            patch.container(member.slot).insert("capabilities".to_owned(), json!({"drop": [ALL]}));
        } else {
            patch.drop_all_as_well.insert(member.slot);
        }
    }
}
