//! Which Services gateways lead to, and which routes a waypoint would follow.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::istio::members::Members;
use crate::istio::services::GATEWAY_API;
use crate::krm::{Error, Item, List};
use crate::yaml::de;

/// Services by namespace and name.
#[derive(Debug, Default)]
pub(super) struct Routes {
    /// A gateway leads to them.
    pub(super) from_gateways: BTreeSet<(String, String)>,
    /// A route within the mesh is about them or leads to them, with its name.
    pub(super) in_mesh: Vec<((String, String), String)>,
}

impl Routes {
    pub(super) fn of(list: &List<'_>, members: &Members) -> Result<Self, Error> {
        let mut routes = Self::default();
        for item in list.items().iter().filter(|item| !item.is_local_config()) {
            let classic = item.kind() == "VirtualService" && item.api_version().starts_with("networking.istio.io/");
            let of_api = item.kind().ends_with("Route") && item.api_version().split('/').next() == Some(GATEWAY_API);
            if !classic && !of_api {
                continue;
            }
            let parsed = item.parse_leniently()?;
            let Some(spec) = parsed.root().and_then(|root| root.get("spec")) else { continue };
            let Ok(spec) = de::value(spec) else { continue };
            if classic { routes.classic(item, &spec, members) } else { routes.of_api(item, &spec, members) }
        }
        Ok(routes)
    }

    fn classic(&mut self, item: &Item<'_>, spec: &Value, members: &Members) {
        let namespace = members.name_of(item);
        let mut hosts = Vec::new();
        collect(spec, "destination", &mut |destination| hosts.extend(destination.get("host").and_then(Value::as_str)));
        collect(spec, "mirror", &mut |destination| hosts.extend(destination.get("host").and_then(Value::as_str)));
        let gateways: Vec<&str> = words(spec.get("gateways")).collect();
        if gateways.iter().any(|gateway| *gateway != "mesh") {
            self.from_gateways.extend(hosts.iter().filter_map(|host| service_of(host, &namespace)));
        }
        if gateways.is_empty() || gateways.contains(&"mesh") {
            let about = words(spec.get("hosts")).chain(hosts.iter().copied());
            let shown = format!("{} {}", item.kind(), item.name());
            self.in_mesh.extend(about.filter_map(|host| Some((service_of(host, &namespace)?, shown.clone()))));
        }
    }

    fn of_api(&mut self, item: &Item<'_>, spec: &Value, members: &Members) {
        let namespace = members.name_of(item);
        let named = |reference: &Value| {
            let word = |key: &str| reference.get(key).and_then(Value::as_str);
            Some((word("namespace").unwrap_or(&namespace).to_owned(), word("name")?.to_owned()))
        };
        let kind = |reference: &Value| reference.get("kind").and_then(Value::as_str).map(str::to_owned);
        let mut backends = Vec::new();
        collect(spec, "backendRefs", &mut |list| {
            let references = list.as_array().into_iter().flatten();
            backends.extend(references.filter(|one| kind(one).is_none_or(|kind| kind == "Service")).filter_map(named));
        });
        let parents: Vec<&Value> = spec.get("parentRefs").and_then(Value::as_array).into_iter().flatten().collect();
        if parents.iter().any(|parent| kind(parent).is_none_or(|kind| kind == "Gateway")) {
            self.from_gateways.extend(backends.iter().cloned());
        }
        let in_mesh: Vec<_> = parents.into_iter().filter(|parent| kind(parent).as_deref() == Some("Service")).collect();
        if !in_mesh.is_empty() {
            let shown = format!("{} {}", item.kind(), item.name());
            let about = in_mesh.into_iter().filter_map(named).chain(backends);
            self.in_mesh.extend(about.map(|service| (service, shown.clone())));
        }
    }
}

fn words(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Every value under a key, however deep.
fn collect<'v>(value: &'v Value, key: &str, found: &mut dyn FnMut(&'v Value)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if name == key {
                    found(value);
                }
                collect(value, key, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, key, found)),
        _ => {}
    }
}

/// `name`, `name.namespace`, `name.namespace.svc` and longer; a host of one word is in the route's own namespace.
fn service_of(host: &str, namespace: &str) -> Option<(String, String)> {
    let mut parts = host.split('.');
    let name = parts.next().filter(|name| !name.is_empty() && *name != "*")?;
    match (parts.next(), parts.next()) {
        (None, _) => Some((namespace.to_owned(), name.to_owned())),
        (Some(namespace), None | Some("svc")) => Some((namespace.to_owned(), name.to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_name_services() {
        for (host, expected) in [
            ("a", Some("n/a")),
            ("a.m", Some("m/a")),
            ("a.m.svc.cluster.local", Some("m/a")),
            ("a.m.svc", Some("m/a")),
            ("www.example.com", None),
            ("*", None),
            ("*.m.svc.cluster.local", None),
        ] {
            let found = service_of(host, "n").map(|(namespace, name)| format!("{namespace}/{name}"));
            assert_eq!(found.as_deref(), expected, "{host}");
        }
    }
}
