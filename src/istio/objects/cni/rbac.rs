//! What the agent may do in the cluster.

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, RoleRef, Subject};

use super::labels::Marker;
use super::{CniInstall, ISTIO_CNI};
use crate::istio::facts::{AmbientFacts, NodeRole, Repair, RepairRole};

const REPAIR_ROLE: &str = "istio-cni-repair-role";
const REPAIR_BINDING: &str = "istio-cni-repair-rolebinding";
/// Name of the role and the binding that only ambient has.
const AMBIENT: &str = "istio-cni-ambient";

/// ClusterRole of the agent: it looks up the pods of its node.
pub(super) fn node_role(install: &CniInstall) -> ClusterRole {
    let mut rules = vec![match install.facts.node_role {
        NodeRole::GetPodsNodes => rule("", &["pods", "nodes"], &["get"]),
        NodeRole::WatchPodsNodesNamespaces => rule("", &["pods", "nodes", "namespaces"], &["get", "list", "watch"]),
    }];
    if install.platform.is_openshift() && install.facts.openshift.scc_rule {
        rules.push(PolicyRule {
            resource_names: Some(vec!["privileged".to_owned()]),
            ..rule("security.openshift.io", &["securitycontextconstraints"], &["use"])
        });
    }
    role(install, ISTIO_CNI, rules)
}

/// ClusterRole of the repair: it mends or removes pods that started before the node's CNI was ready.
pub(super) fn repair_role(install: &CniInstall) -> ClusterRole {
    let rules = match install.facts.repair_role {
        RepairRole::AnyRepair => vec![
            rule("", &["pods"], &["get", "list", "watch", "delete", "patch", "update"]),
            rule("", &["events"], &["get", "list", "watch", "delete", "patch", "update", "create"]),
        ],
        RepairRole::PodsByRepair | RepairRole::ByRepair => {
            let events = (install.facts.repair_role == RepairRole::ByRepair)
                .then(|| rule("", &["events"], &["create", "patch"]));
            let mut rules: Vec<PolicyRule> = events.into_iter().collect();
            rules.push(rule("", &["pods"], &["watch", "get", "list"]));
            match install.facts.repair {
                Repair::RepairPods => {}
                Repair::Delete => rules.push(rule("", &["pods"], &["delete"])),
                Repair::LabelAndDelete => rules.push(rule("", &["pods"], &["delete", "patch", "update"])),
            }
            rules
        }
    };
    role(install, REPAIR_ROLE, rules)
}

/// Binding of [`node_role`].
pub(super) fn node_binding(install: &CniInstall) -> ClusterRoleBinding {
    binding(install, ISTIO_CNI, ISTIO_CNI, Marker::App)
}

/// Binding of [`repair_role`].
pub(super) fn repair_binding(install: &CniInstall) -> ClusterRoleBinding {
    binding(install, REPAIR_BINDING, REPAIR_ROLE, repair_marker(install))
}

/// ClusterRole of ambient: the agent notes on a pod's status that its traffic is redirected.
pub(super) fn ambient_role(install: &CniInstall, ambient: &AmbientFacts) -> ClusterRole {
    let mut rules = vec![rule("", &["pods/status"], &["patch", "update"])];
    if ambient.reads_own_daemon_set {
        rules.push(PolicyRule {
            resource_names: Some(vec![super::DAEMON_SET.to_owned()]),
            ..rule("apps", &["daemonsets"], &["get"])
        });
    }
    role(install, AMBIENT, rules)
}

/// Binding of [`ambient_role`]. The charts label it as the repair's.
pub(super) fn ambient_binding(install: &CniInstall) -> ClusterRoleBinding {
    binding(install, AMBIENT, AMBIENT, repair_marker(install))
}

fn repair_marker(install: &CniInstall) -> Marker {
    if install.facts.repair_binding_has_release {
        Marker::K8sApp("istio-cni-repair")
    } else {
        Marker::K8sAppWithoutRelease("istio-cni-repair")
    }
}

fn role(install: &CniInstall, name: &str, rules: Vec<PolicyRule>) -> ClusterRole {
    ClusterRole { metadata: install.metadata(name, Marker::App), rules: Some(rules), ..ClusterRole::default() }
}

fn binding(install: &CniInstall, name: &str, role: &str, marker: Marker) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: install.metadata(name, marker),
        role_ref: RoleRef {
            api_group: Some("rbac.authorization.k8s.io".to_owned()),
            kind: "ClusterRole".to_owned(),
            name: role.to_owned(),
        },
        subjects: Some(vec![Subject {
            kind: "ServiceAccount".to_owned(),
            name: ISTIO_CNI.to_owned(),
            namespace: Some(install.namespace.clone()),
            ..Subject::default()
        }]),
    }
}

fn rule(api_group: &str, resources: &[&str], verbs: &[&str]) -> PolicyRule {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    PolicyRule {
        api_groups: Some(vec![api_group.to_owned()]),
        resources: Some(owned(resources)),
        verbs: owned(verbs),
        ..PolicyRule::default()
    }
}
