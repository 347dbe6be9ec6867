//! Objects and texts that are there and say nothing, which baseline takes for a forbidden value: `appArmorProfile: {}`,
//! `seccompProfile: {}`, `procMount: ""`.
//!
//! Everything else that baseline forbids is something that a pod states.

use serde_json::{Value, json};

use super::{Entries, Patch, Pod};

pub(super) fn harden(pod: &Pod<'_>, check: &str, patch: &mut Patch) {
    if check != "seccompProfile_baseline" && check != "appArmorProfile" {
        for member in &pod.members {
            if member.context.is_some_and(|context| context.proc_mount.as_deref() == Some("")) {
                patch.container(member.slot).insert("procMount".to_owned(), Value::from("Default"));
            }
        }
        return;
    }
    let key = if check == "appArmorProfile" { "appArmorProfile" } else { "seccompProfile" };
    let set = |entries: &mut Entries| entries.insert(key.to_owned(), json!({"type": "RuntimeDefault"}));
    let is_empty = |profiles: [Option<(&String, &Option<String>)>; 2]| {
        let profile = profiles[usize::from(check == "appArmorProfile")];
        profile.is_some_and(|(of_type, localhost)| of_type.is_empty() && localhost.is_none())
    };
    let of_pod = pod.context.map(|context| {
        [
            context.seccomp_profile.as_ref().map(|profile| (&profile.type_, &profile.localhost_profile)),
            context.app_armor_profile.as_ref().map(|profile| (&profile.type_, &profile.localhost_profile)),
        ]
    });
    if of_pod.is_some_and(is_empty) {
        set(&mut patch.pod);
    }
    for member in &pod.members {
        let of_member = member.context.map(|context| {
            [
                context.seccomp_profile.as_ref().map(|profile| (&profile.type_, &profile.localhost_profile)),
                context.app_armor_profile.as_ref().map(|profile| (&profile.type_, &profile.localhost_profile)),
            ]
        });
        if of_member.is_some_and(is_empty) {
            set(patch.container(member.slot));
        }
    }
}
