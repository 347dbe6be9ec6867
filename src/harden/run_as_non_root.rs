//! `runAsNonRoot: true` where the image is known to start with it.
//!
//! With the field and without a numeric user the kubelet refuses an image that runs as root or names its user by a word
//! (`container has runAsNonRoot and image will run as root`): a pod that admission accepts and that then does not start.
//! So it needs a number, from the pod itself or from `workloads.users`, which then sets the user too; or a person who
//! says `assumeNonRoot`. On the pod where it holds for all containers, else on those that it holds for.
//!
//! A user that comes from outside may not be the one that wrote a claimed volume. `fsGroup` with `OnRootMismatch` gives the
//! volume's files to the new user's group, as upstream does for mysql and seaweedfs.

use k8s_openapi::api::core::v1::Volume;
use serde_json::Value;

use super::{Entries, Member, Patch, Pod, UnknownUser};
use crate::config::{ImageUser, Workloads};

/// Istio's images of istiod and of gateways name their user by number, `USER 1337:1337` (istio `pilot/docker`); charts set
/// another one where they want it.
const ISTIO: [&str; 2] = ["pilot", "proxyv2"];

fn is_of_istio(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    ISTIO.contains(&name.split([':', '@']).next().unwrap_or(name))
}

enum Known<'w> {
    /// The container says it itself, for or against.
    Said,
    /// A numeric user from the pod or its image, or an assumption.
    FromPod,
    FromUsers(&'w ImageUser),
    Unknown {
        is_root: bool,
    },
}

pub(super) fn harden(pod: &Pod<'_>, workloads: &Workloads, patch: &mut Patch) {
    let (pod_says, pod_user) =
        pod.context.map_or((None, None), |context| (context.run_as_non_root, context.run_as_user));
    // Said for all containers that say nothing themselves; what says otherwise is for a person to decide.
    if pod_says.is_some() {
        return;
    }
    let known: Vec<Known<'_>> = pod.members.iter().map(|member| known(pod, member, pod_user, workloads)).collect();
    let holds = |known: &Known<'_>| matches!(known, Known::FromPod | Known::FromUsers(_));
    let on_pod = pod.has_context
        && known.iter().zip(&pod.members).all(|(known, member)| match known {
            Known::Said => says(member) == Some(true),
            known => holds(known),
        });
    if on_pod {
        patch.pod.insert("runAsNonRoot".to_owned(), Value::Bool(true));
    }
    for (member, known) in pod.members.iter().zip(&known) {
        match known {
            Known::Said => continue,
            Known::Unknown { is_root } => {
                patch.unknown_users.push(UnknownUser {
                    container: member.name.to_owned(),
                    image: member.image.to_owned(),
                    is_root: *is_root,
                });
                continue;
            }
            Known::FromPod => {}
            Known::FromUsers(user) => set_user(pod, member, user, patch),
        }
        if !on_pod {
            patch.container(member.slot).insert("runAsNonRoot".to_owned(), Value::Bool(true));
        }
    }
}

fn says(member: &Member<'_>) -> Option<bool> {
    member.context.and_then(|context| context.run_as_non_root)
}

fn known<'w>(pod: &Pod<'_>, member: &Member<'_>, pod_user: Option<i64>, workloads: &'w Workloads) -> Known<'w> {
    let user = member.context.and_then(|context| context.run_as_user).or(pod_user);
    if says(member).is_some() || user == Some(0) {
        return Known::Said;
    }
    if user.is_some() || is_of_istio(member.image) {
        return Known::FromPod;
    }
    // Windows knows no numeric users.
    let entry = workloads.user_of(member.image).filter(|_| !pod.windows);
    match entry {
        Some(entry) if entry.run_as_user == 0 => Known::Unknown { is_root: true },
        Some(entry) if !member.is_privileged() => Known::FromUsers(entry),
        _ if workloads.assume_non_root => Known::FromPod,
        _ => Known::Unknown { is_root: false },
    }
}

fn set_user(pod: &Pod<'_>, member: &Member<'_>, user: &ImageUser, patch: &mut Patch) {
    let group_is_said = member.context.is_some_and(|context| context.run_as_group.is_some())
        || pod.context.is_some_and(|context| context.run_as_group.is_some());
    let entries = patch.container(member.slot);
    if let Some(group) = user.run_as_group.filter(|_| !group_is_said) {
        entries.insert("runAsGroup".to_owned(), Value::from(group));
    }
    entries.insert("runAsUser".to_owned(), Value::from(user.run_as_user));
    let claimed = |volume: &&Volume| volume.persistent_volume_claim.is_some();
    let mounts_claim = pod
        .volumes
        .iter()
        .filter(claimed)
        .any(|volume| member.mounts.iter().any(|mount| mount.name == volume.name && mount.read_only != Some(true)));
    if !mounts_claim {
        return;
    }
    patch.users_of_volumes.push(member.name.to_owned());
    if pod.has_context && pod.context.is_none_or(|context| context.fs_group.is_none()) {
        let group = user.run_as_group.unwrap_or(user.run_as_user);
        own_volumes(&mut patch.pod, group, pod.context.is_some_and(|context| context.fs_group_change_policy.is_some()));
    }
}

fn own_volumes(entries: &mut Entries, group: i64, policy_is_said: bool) {
    if entries.contains_key("fsGroup") {
        return;
    }
    entries.insert("fsGroup".to_owned(), Value::from(group));
    if !policy_is_said {
        entries.insert("fsGroupChangePolicy".to_owned(), Value::from("OnRootMismatch"));
    }
}
