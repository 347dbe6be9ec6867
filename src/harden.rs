//! What a pod needs to meet a level, where it says nothing else itself.
//!
//! Decides on decoded pods and knows nothing of texts: the pass `harden` turns a [`Patch`] into edits, and whoever asks
//! "what if" applies it to the decoded pod. Only what a check objects to is looked at, so that a pod that meets the
//! level gets an empty patch. A field that says otherwise, such as `runAsUser: 0`, an added capability, a host path or
//! `privileged: true`, is never changed: a person must decide about it.
//!
//! Field by field after the Pod Security Standards (kubernetes.io, `concepts/security/pod-security-standards`) and what
//! API validation allows together (kubernetes `pkg/apis/core/validation/validation.go`, `ValidateSecurityContext`).

mod allow_privilege_escalation;
mod capabilities;
pub mod injected;
pub mod mend;
mod run_as_non_root;
mod seccomp_profile;
mod unsaid;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{
    Container, EphemeralContainer, PodSecurityContext, PodSpec, SecurityContext, Volume, VolumeMount,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::Workloads;

/// Keys and values of a mapping.
pub type Entries = Map<String, Value>;

/// One of a pod's lists of containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContainerList {
    /// `initContainers`.
    Init,
    /// `containers`.
    Regular,
    /// `ephemeralContainers`.
    Ephemeral,
}

impl ContainerList {
    /// The key of the list in a pod's spec.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Init => "initContainers",
            Self::Regular => "containers",
            Self::Ephemeral => "ephemeralContainers",
        }
    }
}

/// The place of a container in its pod.
pub type Slot = (ContainerList, usize);

/// A container, as far as hardening asks.
struct Member<'a> {
    slot: Slot,
    name: &'a str,
    image: &'a str,
    context: Option<&'a SecurityContext>,
    mounts: &'a [VolumeMount],
}

impl Member<'_> {
    /// `privileged: true` goes with none of the other fields.
    fn is_privileged(&self) -> bool {
        self.context.is_some_and(|context| context.privileged == Some(true))
    }

    fn added_capabilities(&self) -> &[String] {
        let capabilities = self.context.and_then(|context| context.capabilities.as_ref());
        capabilities.and_then(|capabilities| capabilities.add.as_deref()).unwrap_or_default()
    }
}

/// A pod, as far as hardening asks.
struct Pod<'a> {
    context: Option<&'a PodSecurityContext>,
    /// Whether the pod has a security context of its own that can be set.
    has_context: bool,
    members: Vec<Member<'a>>,
    volumes: &'a [Volume],
    windows: bool,
}

/// A container without a known numeric user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownUser {
    /// Its name.
    pub container: String,
    /// Its image.
    pub image: String,
    /// `users` says that the image runs as root.
    pub is_root: bool,
}

/// What a pod's fields have to become.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    /// Of the pod's `securityContext`.
    pub pod: Entries,
    /// Of the `securityContext` of containers.
    pub containers: BTreeMap<Slot, Entries>,
    /// Containers whose `capabilities.drop` lists others than `ALL`, which is to be added.
    pub drop_all_as_well: BTreeSet<Slot>,
    /// Containers that `runAsNonRoot` was not set for, since nobody knows their user.
    pub unknown_users: Vec<UnknownUser>,
    /// Containers with a claimed volume that get another user.
    pub users_of_volumes: Vec<String>,
}

impl Patch {
    /// True where nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pod.is_empty() && self.containers.is_empty() && self.drop_all_as_well.is_empty()
    }

    /// The names of the fields that change, sorted.
    #[must_use]
    pub fn fields(&self) -> BTreeSet<&str> {
        let mut fields: BTreeSet<&str> = self.pod.keys().map(String::as_str).collect();
        fields.extend(self.containers.values().flat_map(Map::keys).map(String::as_str));
        if !self.drop_all_as_well.is_empty() {
            fields.insert("capabilities");
        }
        fields
    }

    /// Makes the changes in a decoded pod.
    pub fn apply(&self, spec: &mut PodSpec) {
        overlay(&mut spec.security_context, &self.pod);
        for (slot, entries) in &self.containers {
            if let Some(context) = context_at(spec, *slot) {
                overlay(context, entries);
            }
        }
        for slot in &self.drop_all_as_well {
            let context = context_at(spec, *slot).and_then(Option::as_mut);
            let dropped = context.and_then(|context| context.capabilities.as_mut()?.drop.as_mut());
            dropped.into_iter().for_each(|dropped| dropped.push(capabilities::ALL.to_owned()));
        }
    }

    fn container(&mut self, slot: Slot) -> &mut Entries {
        self.containers.entry(slot).or_default()
    }
}

fn context_at(spec: &mut PodSpec, (list, index): Slot) -> Option<&mut Option<SecurityContext>> {
    match list {
        ContainerList::Init => Some(&mut spec.init_containers.as_mut()?.get_mut(index)?.security_context),
        ContainerList::Regular => Some(&mut spec.containers.get_mut(index)?.security_context),
        ContainerList::Ephemeral => Some(&mut spec.ephemeral_containers.as_mut()?.get_mut(index)?.security_context),
    }
}

fn overlay<T: Serialize + DeserializeOwned>(context: &mut Option<T>, entries: &Entries) {
    if entries.is_empty() {
        return;
    }
    let mut value = context.as_ref().and_then(|context| serde_json::to_value(context).ok()).unwrap_or(Value::Null);
    merge(&mut value, &Value::Object(entries.clone()));
    if let Ok(changed) = serde_json::from_value(value) {
        *context = Some(changed);
    }
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Some(map) = value.as_object_mut() {
        for (key, patch) in patch {
            merge(map.entry(key.clone()).or_insert(Value::Null), patch);
        }
    }
}

/// What a pod needs where the checks in `violated` object to it. `has_context` is false for what makes pods and has no
/// field for the pod's own security context.
#[must_use]
pub fn harden(spec: &PodSpec, violated: &BTreeSet<&str>, workloads: &Workloads, has_context: bool) -> Patch {
    let pod = Pod {
        context: spec.security_context.as_ref(),
        has_context,
        members: members(spec),
        volumes: spec.volumes.as_deref().unwrap_or_default(),
        windows: spec.os.as_ref().is_some_and(|os| os.name == "windows"),
    };
    let mut patch = Patch::default();
    for check in violated {
        match *check {
            "allowPrivilegeEscalation" => allow_privilege_escalation::harden(&pod, &mut patch),
            "capabilities_restricted" => capabilities::harden(&pod, &mut patch),
            "runAsNonRoot" => run_as_non_root::harden(&pod, workloads, &mut patch),
            "seccompProfile_restricted" => seccomp_profile::harden(&pod, &mut patch),
            "appArmorProfile" | "procMount" | "procMount_restricted" | "seccompProfile_baseline" => {
                unsaid::harden(&pod, check, &mut patch);
            }
            _ => {}
        }
    }
    sort(&mut patch.pod);
    patch.containers.values_mut().for_each(sort);
    patch
}

/// Fields that several checks ask for stand in the order of their names.
pub fn sort(entries: &mut Entries) {
    let sorted: BTreeMap<String, Value> = std::mem::take(entries).into_iter().collect();
    entries.extend(sorted);
}

fn members(spec: &PodSpec) -> Vec<Member<'_>> {
    let of = |list: ContainerList| move |(index, container)| Member::of((list, index), container);
    let init = spec.init_containers.as_deref().unwrap_or_default().iter().enumerate().map(of(ContainerList::Init));
    let regular = spec.containers.iter().enumerate().map(of(ContainerList::Regular));
    let ephemeral = spec.ephemeral_containers.as_deref().unwrap_or_default().iter().enumerate();
    let ephemeral =
        ephemeral.map(|(index, container)| Member::of_ephemeral((ContainerList::Ephemeral, index), container));
    init.chain(regular).chain(ephemeral).collect()
}

impl<'a> Member<'a> {
    fn of(slot: Slot, container: &'a Container) -> Self {
        Self {
            slot,
            name: &container.name,
            image: container.image.as_deref().unwrap_or_default(),
            context: container.security_context.as_ref(),
            mounts: container.volume_mounts.as_deref().unwrap_or_default(),
        }
    }

    fn of_ephemeral(slot: Slot, container: &'a EphemeralContainer) -> Self {
        Self {
            slot,
            name: &container.name,
            image: container.image.as_deref().unwrap_or_default(),
            context: container.security_context.as_ref(),
            mounts: container.volume_mounts.as_deref().unwrap_or_default(),
        }
    }
}
