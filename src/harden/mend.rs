//! What would mend a pod, as a patch to look at: what hardening fills in, and the fields that a person would have to set
//! otherwise. Nobody applies it by itself.
//!
//! The patch is a strategic merge patch, as kustomize and `kubectl patch` read it: lists of containers, volumes and ports
//! go by their keys, and null takes a field away. What no field settles, such as a user that an image must have, is left
//! to the words of the check.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Capabilities, Container, PodSpec, SecurityContext};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::injected::SECCOMP;
use super::{ContainerList, Slot, harden, merge};
use crate::config::{Harden, Workloads};
use crate::krm::Item;
use crate::kube::pod::{PodKind, PodToBe};
use crate::pod_security::checks::capabilities_baseline::BASELINE_CAPABILITIES;
use crate::pod_security::checks::capabilities_restricted::RESTRICTED_CAPABILITIES;
use crate::pod_security::{Level, Version, Violation, defaults, evaluate};
use crate::yaml::emit::{Layout, block};

/// The patch that brings the pod of a resource to a level, as far as its own fields do, as YAML; None where there is nothing
/// to set. `admitted` are the checks that the pod breaks with what an injector adds: a profile on the pod reaches that too.
#[must_use]
pub fn patch(item: &Item<'_>, kind: &PodKind, pod: &PodToBe, level: Level, admitted: &[Violation]) -> Option<String> {
    let also = admitted.iter().map(|violation| violation.check).find(|check| *check == SECCOMP);
    let mend = of_pod(pod, level, also);
    if mend.is_empty() {
        return None;
    }
    let at = kind.spec_path().iter().rev();
    let body = at.fold(Value::Object(mend), |inner, key| json!({ *key: inner }));
    let mut metadata = Map::from_iter([("name".to_owned(), item.name().into())]);
    if !item.namespace().is_empty() {
        metadata.insert("namespace".to_owned(), item.namespace().into());
    }
    let mut whole = json!({"apiVersion": item.api_version(), "kind": item.kind(), "metadata": metadata});
    merge(&mut whole, &body);
    Some(block(&whole, 0, Layout::KUSTOMIZE))
}

/// What the spec of a pod needs.
fn of_pod(pod: &PodToBe, level: Level, also: Option<&'static str>) -> Map<String, Value> {
    let mut mend = Mend { spec: &pod.spec, fields: json!({}) };
    for check in violated(&pod.metadata, &pod.spec, level) {
        mend.stated(check);
    }
    // Hardening contradicts nothing that a pod states, so it comes behind what a person would have to change.
    let decided = mend.applied();
    let workloads = Workloads { harden: Harden::Restricted, assume_non_root: true, users: Vec::new() };
    let mut violated = violated(&pod.metadata, &decided, level);
    violated.extend(also);
    let unsaid = harden(&decided, &violated, &workloads, true);
    if !unsaid.pod.is_empty() {
        merge(&mut mend.fields, &json!({ "securityContext": unsaid.pod }));
    }
    for (slot, entries) in &unsaid.containers {
        mend.container(*slot, &Value::Object(entries.clone()));
    }
    for slot in &unsaid.drop_all_as_well {
        mend.container(*slot, &json!({"capabilities": {"drop": ["ALL"]}}));
    }
    match mend.fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// The checks that a pod breaks by itself.
fn violated(metadata: &ObjectMeta, spec: &PodSpec, level: Level) -> BTreeSet<&'static str> {
    let mut defaulted = spec.clone();
    defaults::apply_to_pod(&mut defaulted);
    evaluate(level, Version::Latest, metadata, &defaulted).iter().map(|violation| violation.check).collect()
}

struct Mend<'s> {
    spec: &'s PodSpec,
    fields: Value,
}

impl Mend<'_> {
    fn stated(&mut self, check: &str) {
        match check {
            "hostNamespaces" => {
                let spec = self.spec;
                let flags =
                    [("hostNetwork", spec.host_network), ("hostPID", spec.host_pid), ("hostIPC", spec.host_ipc)];
                for (key, _) in flags.iter().filter(|(_, flag)| *flag == Some(true)) {
                    merge(&mut self.fields, &json!({ *key: false }));
                }
            }
            "hostPathVolumes" | "restrictedVolumes" => self.volumes(),
            "hostPorts" => self.host_ports(),
            "privileged" => {
                self.containers(|context| (context.privileged == Some(true)).then(|| json!({"privileged": false})))
            }
            "allowPrivilegeEscalation" => self.containers(|context| {
                (context.allow_privilege_escalation == Some(true)).then(|| json!({"allowPrivilegeEscalation": false}))
            }),
            "capabilities_baseline" => {
                self.containers(|context| added(context.capabilities.as_ref(), &BASELINE_CAPABILITIES))
            }
            "capabilities_restricted" => {
                self.containers(|context| added(context.capabilities.as_ref(), &RESTRICTED_CAPABILITIES))
            }
            "procMount" | "procMount_restricted" => self.containers(|context| {
                let mount = context.proc_mount.as_deref();
                mount.is_some_and(|mount| mount != "Default").then(|| json!({"procMount": "Default"}))
            }),
            "runAsNonRoot" => {
                if self.spec.security_context.as_ref().is_some_and(|context| context.run_as_non_root == Some(false)) {
                    merge(&mut self.fields, &json!({"securityContext": {"runAsNonRoot": true}}));
                }
                self.containers(|context| {
                    (context.run_as_non_root == Some(false)).then(|| json!({"runAsNonRoot": true}))
                });
            }
            "runAsUser" => {
                if self.spec.security_context.as_ref().is_some_and(|context| context.run_as_user == Some(0)) {
                    merge(&mut self.fields, &json!({"securityContext": {"runAsUser": null}}));
                }
                self.containers(|context| (context.run_as_user == Some(0)).then(|| json!({"runAsUser": null})));
            }
            "seccompProfile_baseline" | "seccompProfile_restricted" => self.profile("seccompProfile", |context| {
                context.seccomp_profile.as_ref().map(|profile| profile.type_.as_str())
            }),
            "appArmorProfile" => self.profile("appArmorProfile", |context| {
                context.app_armor_profile.as_ref().map(|profile| profile.type_.as_str())
            }),
            _ => {}
        }
    }

    /// A profile that is forbidden by its type, on the pod or on containers.
    fn profile(&mut self, key: &str, of: impl Fn(&SecurityContext) -> Option<&str>) {
        let runtime_default = || json!({ key: {"type": "RuntimeDefault", "localhostProfile": null} });
        let of_pod = self.spec.security_context.as_ref().and_then(|context| match key {
            "seccompProfile" => context.seccomp_profile.as_ref().map(|profile| profile.type_.as_str()),
            _ => context.app_armor_profile.as_ref().map(|profile| profile.type_.as_str()),
        });
        if of_pod == Some(UNCONFINED) {
            merge(&mut self.fields, &json!({ "securityContext": runtime_default() }));
        }
        self.containers(|context| (of(context) == Some(UNCONFINED)).then(runtime_default));
    }

    fn volumes(&mut self) {
        let volumes = self.spec.volumes.iter().flatten().filter(|volume| volume.host_path.is_some());
        let volumes: Vec<Value> =
            volumes.map(|volume| json!({"name": volume.name, "hostPath": null, "emptyDir": {}})).collect();
        if !volumes.is_empty() {
            merge(&mut self.fields, &json!({ "volumes": volumes }));
        }
    }

    fn host_ports(&mut self) {
        for (slot, container) in containers(self.spec) {
            let ports = container.ports.iter().flatten().filter(|port| port.host_port.is_some_and(|port| port != 0));
            let ports: Vec<Value> =
                ports.map(|port| json!({"containerPort": port.container_port, "hostPort": null})).collect();
            if !ports.is_empty() {
                self.entry(slot, &json!({ "ports": ports }));
            }
        }
    }

    fn containers(&mut self, needs: impl Fn(&SecurityContext) -> Option<Value>) {
        let spec = self.spec;
        for (slot, container) in containers(spec) {
            if let Some(needed) = container.security_context.as_ref().and_then(&needs) {
                self.container(slot, &needed);
            }
        }
    }

    /// Fields of a container's own security context.
    fn container(&mut self, slot: Slot, context: &Value) {
        self.entry(slot, &json!({ "securityContext": context }));
    }

    fn entry(&mut self, slot: Slot, fields: &Value) {
        let name = containers(self.spec).find(|(known, _)| *known == slot).map(|(_, container)| &container.name);
        let (Some(name), Some(spec)) = (name, self.fields.as_object_mut()) else { return };
        let list = spec.entry(slot.0.key()).or_insert_with(|| json!([]));
        let Some(list) = list.as_array_mut() else { return };
        match list.iter_mut().find(|known| known["name"] == name.as_str()) {
            Some(known) => merge(known, fields),
            None => {
                let mut new = json!({ "name": name });
                merge(&mut new, fields);
                list.push(new);
            }
        }
    }
}

impl Mend<'_> {
    /// The spec with the fields so far, as whoever reads the patch would have it.
    fn applied(&self) -> PodSpec {
        let Ok(mut spec) = serde_json::to_value(self.spec) else { return self.spec.clone() };
        apply(&mut spec, &self.fields);
        serde_json::from_value(spec).unwrap_or_else(|_| self.spec.clone())
    }
}

/// A strategic merge, as far as the fields of [`Mend`] need it.
fn apply(value: &mut Value, patch: &Value) {
    match (value, patch) {
        (Value::Object(map), Value::Object(patch)) => {
            for (key, patch) in patch {
                if patch.is_null() {
                    map.remove(key);
                } else {
                    apply(map.entry(key.clone()).or_insert(Value::Null), patch);
                }
            }
        }
        (Value::Array(list), Value::Array(patch)) if patch.iter().any(Value::is_object) => {
            for element in patch {
                let same = |known: &&mut Value| {
                    ["name", "containerPort"]
                        .iter()
                        .any(|key| element.get(key).is_some() && known.get(key) == element.get(key))
                };
                if let Some(known) = list.iter_mut().find(same) {
                    apply(known, element);
                }
            }
        }
        (value, patch) => *value = patch.clone(),
    }
}

/// A profile that every level forbids.
const UNCONFINED: &str = "Unconfined";

/// The added capabilities without those that are forbidden.
fn added(capabilities: Option<&Capabilities>, allowed: &[&str]) -> Option<Value> {
    let added = capabilities?.add.as_deref()?;
    let kept: Vec<&String> = added.iter().filter(|capability| allowed.contains(&capability.as_str())).collect();
    (kept.len() < added.len()).then(|| json!({"capabilities": {"add": kept}}))
}

/// The containers of manifests: nobody writes ephemeral ones there.
fn containers(spec: &PodSpec) -> impl Iterator<Item = (Slot, &Container)> {
    let init = spec.init_containers.iter().flatten().enumerate();
    let init = init.map(|(place, container)| ((ContainerList::Init, place), container));
    let regular = spec.containers.iter().enumerate();
    init.chain(regular.map(|(place, container)| ((ContainerList::Regular, place), container)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::krm::List;

    fn mended(yaml: &str) -> (String, BTreeSet<&'static str>) {
        let list = List::read(yaml).expect("a list");
        let item = &list.items()[0];
        let kind = PodKind::of(item).expect("a pod");
        let parsed = item.parse_leniently().expect("YAML");
        let pod = kind.read(parsed.root().expect("a root")).expect("an object").expect("a pod");
        let fields = Value::Object(of_pod(&pod, Level::Restricted, None));
        let mut spec = serde_json::to_value(&pod.spec).expect("JSON");
        apply(&mut spec, &fields);
        let after = serde_json::from_value(spec).expect("a spec");
        (
            patch(item, kind, &pod, Level::Restricted, &[]).unwrap_or_default(),
            violated(&pod.metadata, &after, Level::Restricted),
        )
    }

    #[test]
    fn what_is_unsaid_and_what_is_stated_becomes_one_patch() {
        let (text, left) = mended(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: dind, namespace: builds}\nspec:\n  hostNetwork: true\n  containers:\n  - name: dockerd\n    \
             securityContext: {privileged: true, capabilities: {add: [NET_ADMIN, NET_BIND_SERVICE]}}\n    ports: [{containerPort: 80, hostPort: 80}]\n  \
             volumes: [{name: docker, hostPath: {path: /var}}]\n",
        );
        let expected = "\
apiVersion: v1
kind: Pod
metadata:
  name: dind
  namespace: builds
spec:
  containers:
  - name: dockerd
    securityContext:
      capabilities:
        add:
        - NET_BIND_SERVICE
        drop:
        - ALL
      privileged: false
      allowPrivilegeEscalation: false
    ports:
    - containerPort: 80
      hostPort: null
  hostNetwork: false
  volumes:
  - name: docker
    hostPath: null
    emptyDir: {}
  securityContext:
    runAsNonRoot: true
    seccompProfile:
      type: RuntimeDefault";
        assert_eq!(text, expected);
        assert_eq!(left, BTreeSet::new());
    }

    #[test]
    fn a_controller_s_patch_goes_to_its_template() {
        let (text, left) = mended(
            "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: m}]}}}}}\n",
        );
        assert!(text.contains("  jobTemplate:\n    spec:\n      template:\n        spec:\n"), "{text}");
        assert!(text.contains("seccompProfile:\n") && text.contains("- ALL"), "{text}");
        assert_eq!(left, BTreeSet::new());
    }

    #[test]
    fn what_no_field_settles_is_left_to_words() {
        let (text, left) = mended(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  securityContext: {runAsNonRoot: true, seLinuxOptions: {user: root}, \
             seccompProfile: {type: Unconfined}}\n  containers:\n  - name: m\n    securityContext: {allowPrivilegeEscalation: false, capabilities: \
             {drop: [ALL]}}\n",
        );
        assert!(text.ends_with("spec:\n  securityContext:\n    seccompProfile:\n      type: RuntimeDefault\n      localhostProfile: null"), "{text}");
        assert_eq!(left, BTreeSet::from(["seLinuxOptions"]));
    }
}
