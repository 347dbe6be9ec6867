//! Waypoints: policies that ztunnel cannot enforce are split between ztunnel and a waypoint.
//!
//! ```yaml
//! kind: AuthorizationPolicy            # the policy keeps its selector, for ztunnel
//! spec:
//!   selector: {matchLabels: {app: a}}
//!   rules:
//!   - from: [{source: {principals: [cluster.local/ns/n/sa/waypoint]}}]
//! ---
//! kind: AuthorizationPolicy            # and a copy holds all of it, for the waypoint
//! metadata: {name: a-waypoint}
//! spec:
//!   targetRefs: [{group: "", kind: Service, name: a}]
//!   rules:
//!   - to: [{operation: {methods: [GET]}}]
//! ```
//!
//! Only where exactly one Service stands for exactly the pods of the policy, and where the waypoint reads everything as the
//! sidecars did: [`plan`] decides and says why not. The policies on the same pods go along, since behind the waypoint ztunnel
//! sees the waypoint in the place of every client.

mod apply;
mod leave;
mod plan;
mod routes;

use std::collections::BTreeMap;

pub(super) use leave::leave;

use super::Report;
use crate::config::{Istio, Waypoints as Wanted};
use crate::istio::injector::Release;
use crate::istio::install::{INJECTOR, text_values};
use crate::istio::members::{Member, Members, Reach};
use crate::istio::services::{GATEWAY_API, Services};
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::pod_security::ENFORCE_LABEL;
use crate::rules::Rule;

/// What became of the policies that a waypoint would enforce.
#[derive(Debug, Default)]
pub(super) struct Waypoints {
    /// Policies that are split, by their places, with what there is to say.
    pub(super) split: BTreeMap<usize, String>,
    /// Why others are not.
    refused: BTreeMap<usize, String>,
    auto: bool,
}

impl Waypoints {
    /// What to do about a policy that ztunnel cannot enforce.
    pub(super) fn advice(&self, place: usize) -> String {
        match self.refused.get(&place) {
            Some(why) => format!("it was not split for a waypoint, since {why}"),
            None if self.auto => "give it `targetRefs` to a Service with a waypoint".to_owned(),
            None => "give it `targetRefs` to a Service with a waypoint, or set `ambient.waypoints: auto`".to_owned(),
        }
    }
}

pub(super) fn run(
    list: &mut List<'_>,
    members: &Members,
    istio: &Istio,
    release: Release,
    report: &mut Report,
) -> Result<Waypoints, Error> {
    let auto = istio.ambient.waypoints == Wanted::Auto;
    let mut waypoints = Waypoints { auto, ..Waypoints::default() };
    apply::already_split(list, members, &mut waypoints)?;
    if auto {
        let plan = plan::plan(list, members, release)?;
        waypoints.refused = plan.refused.clone();
        apply::apply(list, members, &plan, &mut waypoints, report)?;
    }
    around(list, members, report)?;
    Ok(waypoints)
}

/// What every waypoint of the list needs, and whom it does not see.
fn around(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    let services = Services::of(list, members)?;
    if let Some(item) = services.gateways.first().and_then(|gateway| list.items().get(gateway.place)) {
        let is_definition = |item: &Item<'_>| {
            item.kind() == "CustomResourceDefinition" && item.name() == "gateways.gateway.networking.k8s.io"
        };
        if !list.items().iter().any(is_definition) {
            let message = format!(
                "the input holds no definitions of {GATEWAY_API}, without which no cluster takes this resource; where the \
                 cluster has none yet, before all else: kubectl kustomize \
                 \"github.com/kubernetes-sigs/gateway-api/config/crd?ref=v1.4.0\" | kubectl apply --server-side -f -"
            );
            super::say(item, Rule::GatewayApiAbsent, Severity::Warning, message, report)?;
        }
    }
    let used: Vec<_> = services
        .waypoints()
        .filter(|waypoint| {
            services
                .services
                .iter()
                .any(|service| services.waypoint_of(service, members).is_some_and(|used| used.place == waypoint.place))
        })
        .collect();
    let sidecars = members.namespaces.iter().filter(|(_, namespace)| namespace.after == Reach::Sidecar);
    let mut names: Vec<&str> = sidecars.map(|(name, _)| name.as_str()).collect();
    names.extend(
        members
            .workloads
            .iter()
            .filter(|workload| workload.member == Member::Sidecar)
            .map(|workload| workload.namespace.as_str()),
    );
    names.sort_unstable();
    names.dedup();
    let without_profile = seccomp_absent(list)?;
    for waypoint in used {
        let Some(item) = list.items().get(waypoint.place) else { continue };
        let labels = members.namespaces.get(&waypoint.namespace).map(|namespace| &namespace.labels);
        let level = labels.and_then(|labels| labels.get(ENFORCE_LABEL)).map_or("", String::as_str);
        if without_profile && level == "restricted" {
            let message = "its namespace enforces restricted, and its pods get no seccomp profile, so that they are refused: set \
                           `gateways.seccompProfile` to {type: RuntimeDefault} in the injector's values (Istio 1.24 or newer)";
            super::say(item, Rule::WaypointBlocked, Severity::Warning, message.to_owned(), report)?;
        }
        let who = if names.is_empty() {
            "a pod that still has its sidecar goes past it: until all clients have restarted, their requests meet only what \
             ztunnel enforces"
                .to_owned()
        } else {
            format!(
                "sidecars go past it: what comes from namespace {} meets only what ztunnel enforces, and so does every client \
                 that has not restarted yet",
                names.join(", ")
            )
        };
        let message = format!("{who}; roll out in the order of docs/ambient.md");
        super::say(item, Rule::SidecarsBypassWaypoints, Severity::Warning, message, report)?;
    }
    Ok(())
}

/// The injector's values, from which istiod makes the pods of waypoints, name no seccomp profile for gateways.
fn seccomp_absent(list: &List<'_>) -> Result<bool, Error> {
    for item in list.items().iter().filter(|item| item.is("v1", "ConfigMap") && item.name().contains(INJECTOR)) {
        let parsed = item.parse_leniently()?;
        let Some(root) = parsed.root().filter(|_| !item.is_local_config()) else { continue };
        if text_values(item, root, "values")?.pointer("/gateways/seccompProfile/type").is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn info(rule: Rule, message: impl Into<String>) -> Finding {
    Finding::new(rule, Severity::Info, message)
}
