//! `seccompProfile: {type: RuntimeDefault}` on the pod, so that it also covers what an injector adds.
//!
//! Up to Istio 1.27 the injected containers have no profile of their own. A container that names its own profile keeps
//! it. On the containers instead where the pod has no field for it or a privileged container, which runs without a
//! profile. Windows pods cannot have the field, and are exempt.

use k8s_openapi::api::core::v1::SeccompProfile;
use serde_json::json;

use super::{Patch, Pod};

/// What is said about a profile.
#[derive(PartialEq)]
enum Said {
    Nothing,
    /// An object without a type: nothing yet, but the object stands there.
    Empty,
    Allowed,
    Forbidden,
}

fn said(profile: Option<&SeccompProfile>) -> Said {
    match profile {
        None => Said::Nothing,
        Some(profile) => match profile.type_.as_str() {
            "" if profile.localhost_profile.is_none() => Said::Empty,
            "RuntimeDefault" | "Localhost" => Said::Allowed,
            _ => Said::Forbidden,
        },
    }
}

pub(super) fn harden(pod: &Pod<'_>, patch: &mut Patch) {
    let of_pod = said(pod.context.and_then(|context| context.seccomp_profile.as_ref()));
    if pod.windows || of_pod == Said::Forbidden {
        return;
    }
    let runtime_default = || json!({"type": "RuntimeDefault"});
    let set = |entries: &mut super::Entries| entries.insert("seccompProfile".to_owned(), runtime_default());
    let on_pod = pod.has_context && !pod.members.iter().any(super::Member::is_privileged);
    if of_pod == Said::Empty || (of_pod == Said::Nothing && on_pod) {
        set(&mut patch.pod);
    }
    for member in &pod.members {
        match said(member.context.and_then(|context| context.seccomp_profile.as_ref())) {
            Said::Empty => {}
            Said::Nothing if of_pod == Said::Nothing && !on_pod && !member.is_privileged() => {}
            _ => continue,
        }
        set(patch.container(member.slot));
    }
}
