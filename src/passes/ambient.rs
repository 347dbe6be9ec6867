//! Into ambient, and out of it: who is enrolled, and what becomes of the policies.
//!
//! ```yaml
//! kind: Namespace
//! metadata:
//!   labels:
//!     istio.io/dataplane-mode: ambient   # in the place of istio-injection: enabled
//! ```
//!
//! [`super::istio_mode`] changes Istio's own objects. This pass changes what uses them: namespaces, pods, the labels of
//! Kubeflow's user namespaces, NetworkPolicies and, with `waypoints: auto`, AuthorizationPolicies and their Services. Every
//! policy is accounted for in the results: kept, changed, or what of it no longer holds. No policy is lost in silence.
//!
//! What the way back could not tell from the result alone is marked with an annotation.
//!
//! Source of facts: Istio's documentation, `ambient/migrate`, `ambient/usage/{l4-policy,l7-features,networkpolicy,waypoint}`,
//! and the code that each file names.

mod annotations;
mod blockers;
mod generated;
mod inert;
mod mark;
mod namespaces;
mod network_policies;
mod peer_authentication;
mod pods;
mod policies;
mod user_namespaces;
mod waypoints;

use super::release;
use super::report::Report;
use crate::config::{Config, DataplaneMode, Istio};
use crate::istio::injector::Release;
use crate::istio::members::{ControlPlanes, Members, Reach};
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::rules::Rule;

/// For lists that do not say which Istio they hold.
const NEWEST: Release = Release::new(30, 0);

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some((istio, mode)) = config.istio.as_ref().and_then(|istio| Some((istio, istio.mode?))) else { return Ok(()) };
    let Some(planes) = ControlPlanes::of(list)? else { return Ok(()) };
    let release = planes.newest.or_else(|| release(config)).unwrap_or(NEWEST);
    if mode == DataplaneMode::Ambient {
        let members = Members::of(list, planes, release, &|name, is_user| wished(istio, name, is_user))?;
        there(list, &members, istio, release, report)
    } else {
        let members = Members::of(list, planes, release, &|_, _| Reach::Sidecar)?;
        back(list, &members, report)
    }
}

fn wished(istio: &Istio, namespace: &str, is_user: bool) -> Reach {
    let moves = if is_user { istio.ambient.user_namespaces } else { istio.ambient.moves(namespace) };
    if moves { Reach::Ambient } else { Reach::Sidecar }
}

fn there(
    list: &mut List<'_>,
    members: &Members,
    istio: &Istio,
    release: Release,
    report: &mut Report,
) -> Result<(), Error> {
    namespaces::enrol(list, members, istio, report)?;
    pods::enrol(list, members, report)?;
    user_namespaces::enrol(list, istio, report)?;
    generated::report(list, members, report)?;
    let waypoints = waypoints::run(list, members, istio, release, report)?;
    policies::report(list, members, &waypoints, report)?;
    annotations::report(list, members, report)?;
    inert::report(list, members, report)?;
    peer_authentication::report(list, members, report)?;
    network_policies::open(list, members, report)?;
    blockers::report(list, members, report)
}

fn back(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    namespaces::leave(list, members, report)?;
    pods::leave(list, members, report)?;
    user_namespaces::leave(list, report)?;
    network_policies::close(list, members, report)?;
    waypoints::leave(list, report)
}

/// A finding about a resource that is not parsed at the moment.
fn say(item: &Item<'_>, rule: Rule, severity: Severity, message: String, report: &mut Report) -> Result<(), Error> {
    report.add_for(item, Finding::new(rule, severity, message))
}
