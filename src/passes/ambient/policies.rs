//! AuthorizationPolicies: what becomes of each in ambient.
//!
//! Every policy of the list gets one result: who enforces it, or what of it is lost. What lets something in that the policy
//! refuses is an error, what refuses more a warning.

mod targets;

use std::collections::BTreeSet;

use super::waypoints::Waypoints;
use super::{Report, mark};
use crate::istio::members::{Member, Members, Scope};
use crate::istio::policy::source::Identity;
use crate::istio::policy::split::admits;
use crate::istio::policy::ztunnel::{Enforcement, FailsOpen};
use crate::istio::policy::{Action, AuthorizationPolicy, Rule};
use crate::istio::services::Services;
use crate::krm::{Error, Field, Finding, Item, List, Severity};
use crate::rules;
use crate::yaml::de;

/// Services, by namespace and name, at whose waypoint somebody enforces a policy of an action.
type Guards = BTreeSet<(String, String, &'static str)>;

const FAILS_OPEN: rules::Rule = rules::Rule::PolicyFailsOpen;
const DENIES_MORE: rules::Rule = rules::Rule::PolicyDeniesMore;

/// True for the resources that this file is about.
pub(super) fn is_policy(item: &Item<'_>) -> bool {
    item.kind() == "AuthorizationPolicy"
        && item.api_version().starts_with("security.istio.io/")
        && !item.is_local_config()
}

/// A policy of the list.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) namespace: String,
    pub(super) spec: AuthorizationPolicy,
    /// The rules as they are written.
    pub(super) rules: Vec<serde_json::Value>,
    pub(super) mark: Option<String>,
}

/// Reads a policy; the error is what a finding says.
pub(super) fn read(item: &Item<'_>, members: &Members) -> Result<Result<Found, Finding>, Error> {
    let parsed = item.parse_leniently()?;
    let root = parsed.root();
    let Some(view) = root.and_then(|root| root.get("spec")).filter(|spec| !spec.is_null()) else {
        let mark = root.and_then(mark::of).map(str::to_owned);
        let spec = AuthorizationPolicy::default();
        return Ok(Ok(Found { namespace: members.name_of(item), spec, rules: Vec::new(), mark }));
    };
    let decoded = de::from_view::<AuthorizationPolicy>(view).and_then(|spec| {
        let rules = view.get("rules").filter(|rules| !rules.is_null());
        Ok((spec, rules.map(de::from_view::<Vec<serde_json::Value>>).transpose()?.unwrap_or_default()))
    });
    Ok(match decoded {
        Ok((spec, rules)) => {
            let mark = root.and_then(mark::of).map(str::to_owned);
            Ok(Found { namespace: members.name_of(item), spec, rules, mark })
        }
        Err(mut error) => {
            error.path.prepend("spec");
            let mut finding = item.decode_error(&error).to_finding();
            finding.tags.insert("rule", rules::Rule::Undecodable.code().to_owned());
            finding.severity = Severity::Error;
            finding.message = format!("cannot be decoded, so nobody knows what it refuses: {}", finding.message);
            Err(finding)
        }
    })
}

pub(super) fn report(
    list: &List<'_>,
    members: &Members,
    waypoints: &Waypoints,
    report: &mut Report,
) -> Result<(), Error> {
    let services = Services::of(list, members)?;
    let mut guards = Guards::new();
    for item in list.items().iter().filter(|item| is_policy(item)) {
        let Ok(policy) = read(item, members)? else { continue };
        for target in policy.spec.targets().into_iter().filter(|target| target.kind == "Service") {
            guards.insert((policy.namespace.clone(), target.name.clone(), policy.spec.action.as_str()));
        }
    }
    for (place, item) in list.items().iter().enumerate().filter(|(_, item)| is_policy(item)) {
        match read(item, members)? {
            Err(finding) => report.add_for(item, finding)?,
            Ok(policy) => {
                for finding in about(place, &policy, members, (&services, &guards), waypoints) {
                    report.add_for(item, finding)?;
                }
            }
        }
    }
    Ok(())
}

fn about(
    place: usize,
    policy: &Found,
    members: &Members,
    (services, guards): (&Services, &Guards),
    waypoints: &Waypoints,
) -> Vec<Finding> {
    let kept = |message: String| vec![Finding::new(rules::Rule::PolicyKept, Severity::Info, message)];
    if !policy.spec.targets().is_empty() {
        return targets::about(policy, members, services);
    }
    let scope = members.scope(&policy.namespace, policy.spec.labels());
    if !scope.is_ambient() {
        return kept(who_else(&scope));
    }
    if let Some(split) = waypoints.split.get(&place) {
        return kept(split.clone());
    }
    let open = |message: String| Finding::new(FAILS_OPEN, Severity::Error, message);
    let more = |message: String| Finding::new(DENIES_MORE, Severity::Warning, message);
    let pods = pods(&scope);
    let advice = waypoints.advice(place);
    let mut findings = match policy.spec.at_ztunnel() {
        Enforcement::Whole => Vec::new(),
        Enforcement::DeniesMore { attributes } if policy.spec.action == Action::Allow => {
            vec![more(format!(
                "ztunnel reads no HTTP and leaves out the rules with {}, so that what only they let in is refused at {pods}; \
                 {advice}",
                attributes.join(", ")
            ))]
        }
        Enforcement::DeniesMore { attributes } => {
            vec![more(format!(
                "ztunnel reads no HTTP and enforces the rules without {}, so that they refuse more at {pods}; {advice}",
                attributes.join(", ")
            ))]
        }
        Enforcement::FailsOpen { why: FailsOpen::Action(action) } => {
            let means = match action {
                Action::Audit => "nothing of it is logged",
                _ => "everything gets in without being asked about",
            };
            vec![open(format!("ztunnel knows no action {}: at {pods} {means}; {advice}", action.as_str()))]
        }
        Enforcement::FailsOpen { why: FailsOpen::Rules { places, attributes } } => {
            let rules: Vec<String> = places.iter().map(|place| format!("spec.rules[{place}]")).collect();
            vec![
                open(format!(
                    "ztunnel reads no HTTP, and of {} nothing is left without {}: such a rule never matches, so that what it \
                     refuses gets in at {pods}; {advice}",
                    rules.join(", "),
                    attributes.join(", ")
                ))
                .with_field(Field { path: "spec.rules".to_owned(), current_value: None, proposed_value: None }),
            ]
        }
    };
    findings.extend(trust_domain(policy, members));
    findings.extend(behind_waypoint(policy, &scope, members, services, guards));
    if findings.is_empty() {
        return kept(format!("ztunnel enforces it at {pods} as it is{}", also(&scope)));
    }
    findings
}

/// Who enforces a policy that is about nobody in ambient.
fn who_else(scope: &Scope<'_>) -> String {
    let has = |member: Member| scope.of(member).next().is_some();
    if has(Member::Proxy) || scope.gateway {
        "is about gateways, which enforce it as before".to_owned()
    } else if has(Member::Sidecar) {
        "is about pods that keep their sidecars, which enforce it as before".to_owned()
    } else if has(Member::Outside) {
        "is about pods that are not in the mesh: nobody enforces it, as before".to_owned()
    } else {
        "is about no pod of ambient".to_owned()
    }
}

/// Who enforces it beside ztunnel.
fn also(scope: &Scope<'_>) -> &'static str {
    match (scope.of(Member::Proxy).next().is_some(), scope.of(Member::Sidecar).next().is_some()) {
        (true, true) => ", gateways and sidecars as before",
        (true, false) => ", gateways as before",
        (false, true) => ", sidecars as before",
        (false, false) => "",
    }
}

/// The pods of ambient, by name.
pub(super) fn pods(scope: &Scope<'_>) -> String {
    let names: Vec<&str> = scope.of(Member::Ambient).map(|workload| workload.shown.as_str()).collect();
    match names.len() {
        0 if scope.is_whole => "pods that are not in the input".to_owned(),
        0 => "pods that are not in the input (no pod of the input has these labels)".to_owned(),
        1..=3 => names.join(", "),
        count => format!("{} and {} more", names[..3].join(", "), count - 3),
    }
}

/// Sidecars read `cluster.local` in a principal as the mesh's own trust domain, ztunnel does not.
///
/// Source: `pilot/pkg/security/trustdomain/bundle.go`, which only the configuration of Envoy goes through.
fn trust_domain(policy: &Found, members: &Members) -> Vec<Finding> {
    let domain = members.planes.trust_domain.as_str();
    let is_alias = |value: &serde_json::Value| {
        let principals = value.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        principals.into_iter().any(|principal| principal.starts_with("cluster.local/"))
    };
    if domain == "cluster.local" {
        return Vec::new();
    }
    let sources = || policy.spec.rules.iter().flat_map(|rule| &rule.from);
    let conditions =
        || policy.spec.rules.iter().flat_map(|rule| &rule.when).filter(|condition| condition.key == "source.principal");
    let starts = |values: &[String]| values.iter().any(|value| value.starts_with("cluster.local/"));
    let named = sources().any(|from| from.source.get("principals").is_some_and(is_alias))
        || conditions().any(|condition| starts(&condition.values));
    let excluded = sources().any(|from| from.source.get("notPrincipals").is_some_and(is_alias))
        || conditions().any(|condition| starts(&condition.not_values));
    let text = |means: &str| {
        format!(
            "its principals begin with cluster.local, which sidecars read as the trust domain of the mesh and ztunnel does not: \
             {means}; write {domain} instead"
        )
    };
    let mut findings = Vec::new();
    let (opens, closes) = match policy.spec.action {
        Action::Allow => (excluded, named),
        _ => (named, excluded),
    };
    if opens {
        findings.push(Finding::new(FAILS_OPEN, Severity::Error, text("what it refuses gets in")));
    }
    if closes {
        findings.push(Finding::new(DENIES_MORE, Severity::Warning, text("it refuses more")));
    }
    findings
}

/// Behind a waypoint ztunnel sees the waypoint in the place of the client.
fn behind_waypoint(
    policy: &Found,
    scope: &Scope<'_>,
    members: &Members,
    services: &Services,
    guards: &Guards,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut seen = Vec::new();
    for service in scope.of(Member::Ambient).flat_map(|workload| services.of_workload(workload)) {
        let Some(waypoint) = services.waypoint_of(service, members) else { continue };
        let guarded = guards.contains(&(service.namespace.clone(), service.name.clone(), policy.spec.action.as_str()));
        if seen.contains(&service.place) || guarded {
            continue;
        }
        seen.push(service.place);
        let principal = members.planes.principal(&waypoint.namespace, &waypoint.name);
        let identity = Identity { principal: &principal, namespace: &waypoint.namespace, account: &waypoint.name };
        let sees = format!(
            "Service {} goes through waypoint {}, so that ztunnel sees {principal} in the place of every client",
            service.name, waypoint.name
        );
        let add = "add a policy with the same rules and `targetRefs` to the Service";
        let rules = || policy.spec.rules.iter().filter(|rule| rule.http_attributes().is_empty());
        let hits = |rule: &&Rule| rule.is_about_source() && rule.may_match_source(identity, &policy.namespace);
        let open = |message: String| Finding::new(FAILS_OPEN, Severity::Error, message);
        let more = |message: String| Finding::new(DENIES_MORE, Severity::Warning, message);
        match policy.spec.action {
            Action::Allow if rules().any(|rule| hits(&rule)) => {
                findings.push(open(format!(
                    "{sees}, and this policy lets it in: with it come all clients of the Service; {add}"
                )));
            }
            Action::Allow if !policy.rules.is_empty() && !admits(&policy.rules, &principal) => {
                findings.push(more(format!(
                    "{sees}, and this policy does not let it in; add that principal to its rules, and a policy with \
                     `targetRefs` to the Service for the clients"
                )));
            }
            Action::Deny => {
                let about_source = || policy.spec.rules.iter().filter(|rule| rule.is_about_source());
                if about_source().any(|rule| !hits(&rule)) {
                    findings
                        .push(open(format!("{sees}, and a client that this policy refuses gets in through it; {add}")));
                }
                if about_source().any(|rule| hits(&rule)) {
                    findings.push(more(format!(
                        "{sees}, which this policy refuses, and with it all clients of the Service"
                    )));
                }
            }
            _ => {}
        }
    }
    findings
}
