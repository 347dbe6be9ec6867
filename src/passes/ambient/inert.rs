//! Resources of Istio that configure proxies: without a proxy at the pod they do nothing there.
//!
//! | resource | without a sidecar |
//! | --- | --- |
//! | RequestAuthentication | no token is checked but at a waypoint or gateway |
//! | VirtualService for the mesh | no route is followed but, in alpha, at a waypoint |
//! | DestinationRule | no subset, no TLS of its own; ztunnel always uses its own mTLS in the mesh |
//! | EnvoyFilter, WasmPlugin | not for ztunnel |
//! | Telemetry, ProxyConfig | for waypoints and gateways only |
//! | Sidecar | no effect |
//!
//! Source of facts: Istio's documentation, `ambient/migrate` and `ambient/usage/l7-features`.

use serde_json::Value;

use super::policies::pods;
use super::{Report, mark, say};
use crate::istio::members::{Members, Reach, Scope, Texts, texts};
use crate::istio::services::Services;
use crate::krm::{Error, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::de;
use crate::yaml::tree::View;

/// Filters of Envoy that refuse requests.
const REFUSING: [&str; 6] = [
    "envoy.filters.http.ext_authz",
    "envoy.filters.http.jwt_authn",
    "envoy.filters.http.rbac",
    "envoy.ext_authz",
    "envoy.filters.network.ext_authz",
    "envoy.filters.network.rbac",
];

pub(super) fn report(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    if !members.any_ambient() {
        return Ok(());
    }
    let services = Services::of(list, members)?;
    let mut sidecars = Vec::new();
    for (place, item) in list.items().iter().enumerate().filter(|(_, item)| !item.is_local_config()) {
        if !is_one(item) {
            continue;
        }
        let parsed = item.parse_leniently()?;
        let Some(root) = parsed.root() else { continue };
        let spec = root.get("spec");
        let scope = members.scope(&members.name_of(item), selector(spec).as_ref());
        if item.kind() == "Sidecar" {
            if scope.is_ambient() {
                sidecars.push(place);
            }
            continue;
        }
        let found = match item.kind() {
            "RequestAuthentication" => request_authentication(list, item, root, &scope, members, &services),
            "VirtualService" => virtual_service(spec),
            "DestinationRule" => destination_rule(spec),
            "EnvoyFilter" => envoy_filter(item, root, &scope),
            kind => proxy_extension(kind, spec, &scope),
        };
        if let Some((severity, message)) = found {
            say(item, Rule::AmbientInert, severity, message, report)?;
        }
    }
    if let Some(item) = sidecars.first().and_then(|place| list.items().get(*place)) {
        let names: Vec<String> = sidecars
            .iter()
            .filter_map(|place| list.items().get(*place))
            .map(|item| format!("{}/{}", item.namespace(), item.name()))
            .collect();
        let message = format!(
            "ztunnel and waypoints know no Sidecar resources ({}): every pod of ambient can reach, and is told of, the whole \
             mesh; they may stay, for the pods that keep their sidecars",
            names.join(", ")
        );
        say(item, Rule::AmbientInert, Severity::Warning, message, report)?;
    }
    Ok(())
}

fn is_one(item: &Item<'_>) -> bool {
    let group = item.api_version().split('/').next().unwrap_or_default();
    match item.kind() {
        "RequestAuthentication" => group == "security.istio.io",
        "VirtualService" | "DestinationRule" | "EnvoyFilter" | "Sidecar" | "ProxyConfig" => {
            group == "networking.istio.io"
        }
        "WasmPlugin" => group == "extensions.istio.io",
        "Telemetry" => group == "telemetry.istio.io",
        _ => false,
    }
}

/// The labels of the pods that a resource is for; None for all of its namespace.
fn selector(spec: Option<View<'_>>) -> Option<Texts> {
    let of = |path: &[&str]| texts(spec.and_then(|spec| spec.find(path)));
    let mut labels = of(&["selector", "matchLabels"]);
    labels.extend(of(&["workloadSelector", "labels"]));
    (!labels.is_empty()).then_some(labels)
}

type Said = Option<(Severity, String)>;

fn warning(message: impl Into<String>) -> Said {
    Some((Severity::Warning, message.into()))
}

fn request_authentication(
    list: &List<'_>,
    item: &Item<'_>,
    root: View<'_>,
    scope: &Scope<'_>,
    members: &Members,
    services: &Services,
) -> Said {
    let targets: Vec<(String, String)> = ["targetRef", "targetRefs"]
        .iter()
        .filter_map(|key| root.find(&["spec", key]))
        .flat_map(|view| if view.is_sequence() { view.items().collect::<Vec<_>>() } else { vec![view] })
        .map(|target| {
            let word = |key: &str| target.get(key).map_or("", |value| value.scalar_text()).to_owned();
            (word("kind"), word("name"))
        })
        .collect();
    let namespace = members.name_of(item);
    if !targets.is_empty() {
        let unserved = targets.iter().find(|(kind, name)| match kind.as_str() {
            "Gateway" => !services.gateways.iter().any(|one| one.namespace == namespace && one.name == *name),
            "Service" => !services.services.iter().any(|one| {
                one.namespace == namespace && one.name == *name && services.waypoint_of(one, members).is_some()
            }),
            _ => false,
        });
        let (kind, name) = unserved.filter(|_| members.reach(&namespace) == Reach::Ambient)?;
        return warning(format!("no token is checked: {kind} \"{name}\" has no waypoint in the input"));
    }
    let copied = list.items().iter().any(|other| {
        other.kind() == item.kind()
            && other.name() == format!("{}-waypoint", item.name())
            && members.name_of(other) == namespace
            && mark::may_have(other)
    });
    if copied || !scope.is_ambient() {
        return None;
    }
    warning(format!(
        "no token is checked at {}: a request with an invalid one, which was refused, gets in like one without; give it \
         `targetRefs` to a Service with a waypoint, together with the policy that uses it",
        pods(scope)
    ))
}

fn virtual_service(spec: Option<View<'_>>) -> Said {
    let gateways: Vec<&str> = spec
        .and_then(|spec| spec.get("gateways"))
        .into_iter()
        .flat_map(|list| list.items())
        .map(|gateway| gateway.scalar_text())
        .collect();
    if !gateways.is_empty() && !gateways.contains(&"mesh") {
        return None;
    }
    let also = if gateways.is_empty() { "" } else { " (its gateways do)" };
    warning(format!(
        "clients in ambient do not follow its routes{also}: write an HTTPRoute whose parent is the Service, with a waypoint, in \
         its place; a waypoint reads VirtualServices only in alpha, and never both"
    ))
}

fn destination_rule(spec: Option<View<'_>>) -> Said {
    let spec = de::value(spec?).ok()?;
    let mut said = Vec::new();
    if spec.get("subsets").and_then(Value::as_array).is_some_and(|subsets| !subsets.is_empty()) {
        said.push("subsets exist only at gateways and waypoints: make a Service for each version".to_owned());
    }
    let mut modes = Vec::new();
    tls_modes(&spec, &mut modes);
    modes.retain(|mode| *mode != "ISTIO_MUTUAL");
    modes.sort_unstable();
    modes.dedup();
    if modes.contains(&"DISABLE") {
        said.push(
            "`tls.mode: DISABLE` has no effect toward pods of ambient, where ztunnel always uses mTLS".to_owned(),
        );
    }
    let own: Vec<&str> = modes.into_iter().filter(|mode| *mode != "DISABLE").collect();
    if !own.is_empty() {
        said.push(format!(
            "`tls.mode: {}` is not done for clients in ambient, whose traffic leaves as they send it; send it through an egress \
             gateway or a waypoint",
            own.join("`, `")
        ));
    }
    if said.is_empty() { None } else { warning(said.join("; ")) }
}

fn tls_modes<'v>(value: &'v Value, modes: &mut Vec<&'v str>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "tls" {
                    modes.extend(value.get("mode").and_then(Value::as_str));
                }
                tls_modes(value, modes);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| tls_modes(value, modes)),
        _ => {}
    }
}

fn envoy_filter(item: &Item<'_>, root: View<'_>, scope: &Scope<'_>) -> Said {
    // Istio's own filters come and go with its version.
    let label = |key: &str| root.find(&["metadata", "labels", key]).is_some();
    if label("operator.istio.io/component") || label("istio.io/rev") || !scope.is_ambient() {
        return None;
    }
    let patches = root.find(&["spec", "configPatches"]).into_iter().flat_map(|list| list.items());
    let only_gateways = patches
        .into_iter()
        .all(|patch| patch.find(&["match", "context"]).is_some_and(|context| context.scalar_text() == "GATEWAY"));
    if only_gateways {
        return None;
    }
    let refusing = REFUSING.iter().find(|filter| item.text().contains(*filter));
    Some(match refusing {
        Some(filter) => (
            Severity::Error,
            format!(
                "has no effect at {}: what {filter} refuses gets in; move the check to an AuthorizationPolicy at a waypoint, or \
                 into the workload",
                pods(scope)
            ),
        ),
        None => (
            Severity::Warning,
            format!("has no effect at {}: there is no Envoy, and waypoints take no EnvoyFilter", pods(scope)),
        ),
    })
}

fn proxy_extension(kind: &str, spec: Option<View<'_>>, scope: &Scope<'_>) -> Said {
    let attached = ["targetRef", "targetRefs"].iter().any(|key| spec.and_then(|spec| spec.get(key)).is_some());
    if attached || !scope.is_ambient() {
        return None;
    }
    let phase = spec.and_then(|spec| spec.get("phase")).map_or("", |phase| phase.scalar_text());
    if kind == "WasmPlugin" && matches!(phase, "AUTHN" | "AUTHZ") {
        return Some((
            Severity::Error,
            format!(
                "has no effect at {}: what it refuses in phase {phase} gets in; give it `targetRefs` to a waypoint",
                pods(scope)
            ),
        ));
    }
    let instead = match kind {
        "ProxyConfig" => "there is no proxy to configure",
        _ => "give it `targetRefs` to a waypoint",
    };
    warning(format!("has no effect at {}, only at gateways, waypoints and sidecars; {instead}", pods(scope)))
}
