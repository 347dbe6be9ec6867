//! Annotations for a sidecar, which nobody reads in ambient: what they did, and what holds now.
//!
//! A port that was excluded from the sidecar was out of reach of every policy. ztunnel takes it like any other, so that a policy
//! that lets in identities only refuses callers without one, such as the API server that calls a webhook.
//!
//! Source of facts: `cni/pkg/nodeagent` and `pkg/kube/inject` of istio 1.28: no annotation of the sidecar is read for ambient.

use super::policies::{Found, is_policy, read};
use super::{Report, say};
use crate::istio::members::{INJECT, Member, Members, Workload};
use crate::istio::policy::{Action, Rule as PolicyRule};
use crate::krm::{Error, List, Severity};
use crate::rules::Rule;

const EXCLUDED: &str = "traffic.sidecar.istio.io/excludeInboundPorts";

pub(super) fn report(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    let mut policies = Vec::new();
    for item in list.items().iter().filter(|item| is_policy(item)) {
        if let Ok(found) = read(item, members)? {
            policies.push((item.name().to_owned(), found));
        }
    }
    for workload in members.workloads.iter().filter(|workload| workload.member == Member::Ambient) {
        let ignored: Vec<&str> =
            workload.annotations.keys().map(String::as_str).filter(|name| is_for_a_sidecar(name)).collect();
        let Some(item) = list.items().get(workload.place).filter(|_| !ignored.is_empty()) else { continue };
        let mut holds = Vec::new();
        for name in &ignored {
            let now = holds_now(name).to_owned();
            if !holds.contains(&now) {
                holds.push(now);
            }
        }
        holds.extend(refused(workload, &policies, members));
        let message = format!("ztunnel does not read {}: {}", ignored.join(", "), holds.join("; "));
        say(item, Rule::AmbientAnnotationIgnored, Severity::Warning, message, report)?;
    }
    Ok(())
}

fn is_for_a_sidecar(name: &str) -> bool {
    name.starts_with("traffic.sidecar.istio.io/")
        || name == "proxy.istio.io/config"
        || (name.starts_with("sidecar.istio.io/") && name != INJECT && name != "sidecar.istio.io/status")
}

fn holds_now(name: &str) -> &'static str {
    match name {
        EXCLUDED | "traffic.sidecar.istio.io/includeInboundPorts" => {
            "all inbound ports go through ztunnel, where callers without the mesh get in unless mTLS is STRICT or a policy \
             refuses them"
        }
        name if name.starts_with("traffic.sidecar.istio.io/") => "all outbound traffic goes through ztunnel",
        "proxy.istio.io/config" => "there is no proxy in the pod; ztunnel runs before it and after it",
        _ => "there is no proxy in the pod",
    }
}

/// Excluded ports that no policy lets callers without an identity in to, though some policy wants one to.
fn refused(workload: &Workload, policies: &[(String, Found)], members: &Members) -> Option<String> {
    let ports: Vec<&str> =
        workload.annotations.get(EXCLUDED)?.split(',').map(str::trim).filter(|port| !port.is_empty()).collect();
    let about: Vec<&(String, Found)> = policies
        .iter()
        .filter(|(_, found)| found.spec.action == Action::Allow && found.spec.targets().is_empty())
        .filter(|(_, found)| {
            let scope = members.scope(&found.namespace, found.spec.labels());
            scope.workloads.iter().any(|one| one.place == workload.place)
        })
        .collect();
    let lets_in = |rule: &PolicyRule, port: &str| {
        let to = rule.to.is_empty() || rule.to.iter().any(|to| to_port(&to.operation, port));
        rule.http_attributes().is_empty() && !rule.is_about_source() && rule.when.is_empty() && to
    };
    let closed: Vec<&str> = ports
        .into_iter()
        .filter(|port| !about.iter().any(|(_, found)| found.spec.rules.iter().any(|rule| lets_in(rule, port))))
        .collect();
    if closed.is_empty() || about.is_empty() {
        return None;
    }
    let names: Vec<&str> = about.iter().map(|(name, _)| name.as_str()).collect();
    Some(format!(
        "port {} is refused to callers without an identity, such as the API server, by AuthorizationPolicy {}: add an ALLOW for \
         these pods with `to: [{{operation: {{ports: [\"{}\"]}}}}]`",
        closed.join(", "),
        names.join(", "),
        closed.join("\", \"")
    ))
}

fn to_port(operation: &serde_json::Map<String, serde_json::Value>, port: &str) -> bool {
    let list = |key: &str| operation.get(key).and_then(serde_json::Value::as_array);
    let has = |key: &str| list(key).is_some_and(|list| list.iter().any(|value| value.as_str() == Some(port)));
    let any = list("ports").is_none_or(Vec::is_empty);
    (any || has("ports")) && !has("notPorts")
}
