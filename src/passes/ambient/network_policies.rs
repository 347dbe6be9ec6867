//! NetworkPolicies: traffic of the mesh arrives at pods of ambient on TCP 15008.
//!
//! ```yaml
//! ingress:
//! - from: [{namespaceSelector: {}}]
//!   ports:
//!   - port: 8080
//!   - {port: 15008, protocol: TCP}   # added
//! ```
//!
//! Only rules with peers in the cluster and with ports get it: a rule without `from` is for callers outside of the mesh, such
//! as the API server, which come in plaintext on the port itself. Within 15008 every port of the pod can be reached, so that
//! from there on an AuthorizationPolicy must tell them apart.
//!
//! Source of facts: Istio's documentation, `ambient/usage/networkpolicy`.

mod admits;

use std::collections::BTreeMap;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPeer};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Selector, SelectorExt};
use serde_json::json;

use super::{Report, say};
use crate::istio::members::{Member, Members, Reach, Texts, Workload};
use crate::istio::services::Services;
use crate::krm::{Error, Field, Finding, Item, List, Severity};
use crate::kube::pod::decode;
use crate::rules::Rule;
use crate::yaml::edit::Edits;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

use admits::{Direction, lets_in_hbone};

/// The port of HBONE.
const PORT: i32 = 15008;

fn is_policy(item: &Item<'_>) -> bool {
    item.is("networking.k8s.io/v1", "NetworkPolicy") && !item.is_local_config()
}

/// A policy that was read.
struct Read {
    place: usize,
    namespace: String,
    policy: NetworkPolicy,
    selector: Option<Selector>,
}

impl Read {
    fn selects(&self, labels: &Texts) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

fn selector(selector: Option<&LabelSelector>) -> Option<Selector> {
    Selector::try_from(selector.cloned().unwrap_or_default()).ok()
}

pub(super) fn open(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    let policies = read(list, report, members)?;
    let mut opened: BTreeMap<usize, Vec<(Direction, usize)>> = BTreeMap::new();
    for read in &policies {
        let here: Vec<&Workload> = members
            .workloads
            .iter()
            .filter(|one| one.namespace == read.namespace && read.selects(&one.labels))
            .collect();
        let ambient: Vec<&Workload> = here.iter().copied().filter(|one| one.member == Member::Ambient).collect();
        let may_come = here.is_empty() && members.reach(&read.namespace) == Reach::Ambient;
        let Some(item) = list.items_mut().get_mut(read.place) else { continue };
        if ambient.is_empty() && !may_come {
            let message = match here.first() {
                Some(_) => "is about pods that are not in ambient, whose traffic arrives on its own ports",
                None => "is about no pod of ambient",
            };
            say(item, Rule::NetworkPolicyKept, Severity::Info, message.to_owned(), report)?;
            continue;
        }
        let rules = rules_to_open(&read.policy);
        if rules.is_empty() {
            let limited = admits::limited_without_peers(&read.policy);
            let message = match limited {
                true => {
                    "its rules with ports name no peers in the cluster: they are for callers outside of the mesh, which come on \
                     the port itself; clients in the mesh come on 15008 and need another policy that lets them in"
                }
                false => "limits no ports of peers in the cluster, or lets 15008 in already",
            };
            say(item, Rule::NetworkPolicyKept, Severity::Info, message.to_owned(), report)?;
            continue;
        }
        add_port(item, &rules, report)?;
        opened.insert(read.place, rules);
    }
    cut_off(list, members, &policies, &opened, report)?;
    waypoints(list, members, &policies, report)
}

fn read(list: &List<'_>, report: &mut Report, members: &Members) -> Result<Vec<Read>, Error> {
    let mut policies = Vec::new();
    for (place, item) in list.items().iter().enumerate().filter(|(_, item)| is_policy(item)) {
        let parsed = item.parse_leniently()?;
        let Some(root) = parsed.root() else { continue };
        match decode::<NetworkPolicy>(root) {
            Ok(policy) => {
                let pods = policy.spec.as_ref().and_then(|spec| spec.pod_selector.as_ref());
                let selector = selector(pods);
                policies.push(Read { place, namespace: members.name_of(item), policy, selector });
            }
            Err(error) => {
                let mut finding = item.decode_error(&error).to_finding();
                finding.tags.insert("rule", Rule::Undecodable.code().to_owned());
                finding.severity = Severity::Error;
                finding.message = format!("cannot be decoded, so it was left as it is: {}", finding.message);
                report.add_about(item, root, finding);
            }
        }
    }
    Ok(policies)
}

/// A peer in the cluster, whose traffic may come through the mesh.
fn is_in_cluster(peer: &NetworkPolicyPeer) -> bool {
    peer.ip_block.is_none()
}

/// The rules that limit the ports of peers in the cluster.
fn rules_to_open(policy: &NetworkPolicy) -> Vec<(Direction, usize)> {
    let Some(spec) = &policy.spec else { return Vec::new() };
    let ingress = spec.ingress.iter().flatten().map(|rule| (rule.from.as_deref(), rule.ports.as_deref()));
    let egress = spec.egress.iter().flatten().map(|rule| (rule.to.as_deref(), rule.ports.as_deref()));
    let mut found = Vec::new();
    let each = ingress.enumerate().map(|(at, rule)| (Direction::Ingress, at, rule));
    for (direction, at, (peers, ports)) in
        each.chain(egress.enumerate().map(|(at, rule)| (Direction::Egress, at, rule)))
    {
        let peers = peers.unwrap_or_default();
        let ports = ports.unwrap_or_default();
        if !ports.is_empty() && peers.iter().any(is_in_cluster) && !lets_in_hbone(ports) {
            found.push((direction, at));
        }
    }
    found
}

fn add_port(item: &mut Item<'_>, rules: &[(Direction, usize)], report: &mut Report) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let mut edits = Edits::default();
        let mut words = Vec::new();
        for (direction, at) in rules {
            let path = Path::of(&["spec", direction.as_str()]).join(*at).join("ports");
            edits
                .append_below(root, &path, &json!({"port": PORT, "protocol": "TCP"}))
                .map_err(|error| item.edit_error(&error))?;
            words.push(path.to_string());
        }
        let field = Field {
            path: match &words[..] {
                [one] => one.clone(),
                _ => "spec".to_owned(),
            },
            current_value: None,
            proposed_value: Some(json!({"port": PORT, "protocol": "TCP"})),
        };
        let message = format!("added {PORT}/TCP to {}: traffic of the mesh arrives there", words.join(", "));
        let finding = Finding::new(Rule::NetworkPolicyHbone, Severity::Info, message).with_field(field);
        report.add_about(item, root, finding);
        let message = format!(
            "within {PORT} its peers can reach every port of the pods, where it let only some in: an AuthorizationPolicy must \
             tell ports apart now"
        );
        report.add_about(item, root, Finding::new(Rule::NetworkPolicyOpensPorts, Severity::Warning, message));
        edits
    };
    item.apply(edits)
}

/// Pods of ambient to which only rules without peers lead: nobody in the mesh reaches them.
fn cut_off(
    list: &List<'_>,
    members: &Members,
    policies: &[Read],
    opened: &BTreeMap<usize, Vec<(Direction, usize)>>,
    report: &mut Report,
) -> Result<(), Error> {
    for read in policies.iter().filter(|read| admits::limited_without_peers(&read.policy)) {
        let cut: Vec<&str> = members
            .workloads
            .iter()
            .filter(|pod| pod.member == Member::Ambient && pod.namespace == read.namespace && read.selects(&pod.labels))
            .filter(|pod| {
                !policies.iter().any(|other| {
                    other.namespace == pod.namespace
                        && other.selects(&pod.labels)
                        && (admits::admits_hbone(&other.policy)
                            || opened.get(&other.place).is_some_and(|rules| {
                                rules.iter().any(|(direction, _)| *direction == Direction::Ingress)
                            }))
                })
            })
            .map(|pod| pod.shown.as_str())
            .collect();
        if let Some(item) = list.items().get(read.place).filter(|_| !cut.is_empty()) {
            let message = format!(
                "lets callers in on its own ports only, and no other NetworkPolicy lets {PORT} in: nobody in the mesh reaches {}; \
                 add a NetworkPolicy that lets {PORT}/TCP in from the clients",
                cut.join(", ")
            );
            say(item, Rule::NetworkPolicyBlocks, Severity::Warning, message, report)?;
        }
    }
    Ok(())
}

/// Waypoints are pods of their namespace, and its NetworkPolicies are about them too.
fn waypoints(list: &List<'_>, members: &Members, policies: &[Read], report: &mut Report) -> Result<(), Error> {
    let services = Services::of(list, members)?;
    for waypoint in services.waypoints() {
        let labels = Texts::from([
            ("gateway.networking.k8s.io/gateway-name".to_owned(), waypoint.name.clone()),
            ("gateway.networking.k8s.io/gateway-class-name".to_owned(), waypoint.class.clone()),
            ("sidecar.istio.io/inject".to_owned(), "false".to_owned()),
            ("istio.io/dataplane-mode".to_owned(), "none".to_owned()),
        ]);
        let about: Vec<&Read> = policies
            .iter()
            .filter(|read| read.namespace == waypoint.namespace && read.selects(&labels))
            .filter(|read| admits::is_for(&read.policy, Direction::Ingress))
            .collect();
        if about.is_empty() || about.iter().any(|read| admits::admits_hbone_from_all(&read.policy)) {
            continue;
        }
        let names: Vec<&str> =
            about.iter().filter_map(|read| list.items().get(read.place)).map(|item| item.name()).collect();
        if let Some(item) = list.items().get(waypoint.place) {
            let message = format!(
                "NetworkPolicy {} is about the waypoint's pods too: other clients do not reach them; add one for pods with the \
                 label gateway.networking.k8s.io/gateway-name: {} that lets {PORT}/TCP in from all clients of its Services",
                names.join(", "),
                waypoint.name
            );
            say(item, Rule::NetworkPolicyBlocks, Severity::Warning, message, report)?;
        }
    }
    Ok(())
}

/// Takes the port out of rules that have others: without ambient nothing listens on it.
pub(super) fn close(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    for item in list.items_mut().iter_mut().filter(|item| is_policy(item)) {
        if !members.was_ambient(&members.name_of(item)) {
            continue;
        }
        let edits = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let mut edits = Edits::default();
            let mut words = Vec::new();
            for direction in [Direction::Ingress, Direction::Egress] {
                let rules = root.find(&["spec", direction.as_str()]).into_iter().flat_map(|rules| rules.items());
                for (at, rule) in rules.enumerate() {
                    let Some(ports) = rule.get("ports") else { continue };
                    // A rule without ports lets all of them in: the last one stays.
                    let more = ports.items().count() > 1;
                    let Some(place) = ports.items().position(is_hbone).filter(|_| more) else { continue };
                    let path = Path::of(&["spec", direction.as_str()]).join(at).join("ports");
                    edits.remove_below(root, &path, place).map_err(|error| item.edit_error(&error))?;
                    words.push(path.to_string());
                }
            }
            if words.is_empty() {
                continue;
            }
            let message = format!("removed {PORT}/TCP from {}", words.join(", "));
            report.add_about(item, root, Finding::new(Rule::NetworkPolicyHbone, Severity::Info, message));
            edits
        };
        item.apply(edits)?;
    }
    Ok(())
}

/// Just the port that [`open`] adds.
fn is_hbone(port: View<'_>) -> bool {
    let word = |key: &str| port.get(key).map(|value| value.scalar_text());
    port.entries().count() == 2 && word("port") == Some("15008") && word("protocol") == Some("TCP")
}
