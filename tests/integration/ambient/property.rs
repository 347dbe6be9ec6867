//! Over small random meshes: nothing that was refused gets in, except where a finding says so; and nothing that got in is
//! refused in silence.

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use unroot::filter::Exit;
use unroot::krm::Finding;

use super::model::{GATEWAY, ROOT, Request, Token, Way, World};
use super::{PLANE, items, list, run_with};

/// A random mesh.
#[derive(Clone, Debug)]
struct Mesh {
    docs: Vec<Value>,
    /// Namespace `b` keeps its sidecars.
    b_stays: bool,
    auto: bool,
}

fn principal() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "cluster.local/ns/web/sa/c",
        "cluster.local/ns/b/sa/c",
        "cluster.local/ns/web/*",
        "*/sa/c",
        "*",
        GATEWAY,
    ])
}

fn source() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => principal().prop_map(|one| json!({"principals": [one]})),
        2 => principal().prop_map(|one| json!({"notPrincipals": [one]})),
        1 => prop::sample::select(vec!["web", "b", ROOT]).prop_map(|one| json!({"namespaces": [one]})),
        1 => prop::sample::select(vec!["web", "b"]).prop_map(|one| json!({"notNamespaces": [one]})),
        1 => Just(json!({"requestPrincipals": ["*"]})),
        1 => Just(json!({"notRequestPrincipals": ["*"]})),
        1 => principal().prop_map(|one| json!({"principals": [one], "requestPrincipals": ["issuer/*"]})),
    ]
}

fn operation() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => prop::sample::select(vec!["80", "8080"]).prop_map(|one| json!({"ports": [one]})),
        1 => prop::sample::select(vec!["80", "8080"]).prop_map(|one| json!({"notPorts": [one]})),
        2 => prop::sample::select(vec!["GET", "POST"]).prop_map(|one| json!({"methods": [one]})),
        1 => Just(json!({"notMethods": ["GET"]})),
        2 => prop::sample::select(vec!["/a", "/b", "/*"]).prop_map(|one| json!({"paths": [one]})),
        1 => Just(json!({"notPaths": ["/a"], "ports": ["80"]})),
    ]
}

fn condition() -> impl Strategy<Value = Value> {
    prop_oneof![
        2 => prop::sample::select(vec!["1", "*"]).prop_map(|one| json!({"key": "request.headers[h]", "values": [one]})),
        1 => Just(json!({"key": "request.headers[h]", "notValues": ["*"]})),
        1 => principal().prop_map(|one| json!({"key": "source.principal", "values": [one]})),
        1 => prop::sample::select(vec!["web", "b"]).prop_map(|one| json!({"key": "source.namespace", "notValues": [one]})),
        1 => prop::sample::select(vec!["80", "8080"]).prop_map(|one| json!({"key": "destination.port", "values": [one]})),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    let from = prop::collection::vec(source(), 0..3);
    let to = prop::collection::vec(operation(), 0..3);
    let when = prop::collection::vec(condition(), 0..2);
    (from, to, when, 0..4u8).prop_map(|(from, to, when, only)| {
        let mut rule = serde_json::Map::new();
        let mut put = |key: &str, list: Vec<Value>| {
            if !list.is_empty() {
                rule.insert(key.to_owned(), Value::Array(list));
            }
        };
        // Half of the rules are about one thing only.
        if only != 1 {
            put("from", from.into_iter().map(|one| json!({"source": one})).collect());
        }
        if only != 0 {
            put("to", to.into_iter().map(|one| json!({"operation": one})).collect());
        }
        if only > 1 {
            put("when", when);
        }
        Value::Object(rule)
    })
}

fn policy() -> impl Strategy<Value = Value> {
    let action = prop_oneof![
        4 => Just(None),
        3 => Just(Some("DENY")),
        1 => Just(Some("CUSTOM")),
        1 => Just(Some("AUDIT")),
        1 => Just(Some("ALLOW")),
    ];
    let selector = prop_oneof![9 => Just(Some("x")), 3 => Just(Some("z")), 1 => Just(None), 1 => Just(Some("nobody"))];
    let namespace = prop_oneof![19 => Just("web"), 1 => Just(ROOT)];
    (action, selector, namespace, prop::collection::vec(rule(), 0..3)).prop_map(|(action, app, namespace, rules)| {
        let mut spec = serde_json::Map::new();
        if let Some(action) = action {
            spec.insert("action".to_owned(), json!(action));
        }
        if action == Some("CUSTOM") {
            spec.insert("provider".to_owned(), json!({"name": "provider"}));
        }
        if let Some(app) = app {
            spec.insert("selector".to_owned(), json!({"matchLabels": {"app": app}}));
        }
        if !rules.is_empty() {
            spec.insert("rules".to_owned(), Value::Array(rules));
        }
        json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
               "metadata": {"name": "policy", "namespace": namespace}, "spec": spec})
    })
}

fn deployment(namespace: &str, app: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": app, "namespace": namespace},
           "spec": {"selector": {"matchLabels": {"app": app}},
                    "template": {"metadata": {"labels": {"app": app}},
                                 "spec": {"containers": [{"name": "main", "image": "i"}], "serviceAccountName": app}}}})
}

fn service(name: &str, app: &str, (port, target): (u64, u64), headless: bool) -> Value {
    let mut spec = json!({"ports": [{"port": port, "targetPort": target}], "selector": {"app": app}});
    if headless {
        spec["clusterIP"] = json!("None");
    }
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "web"}, "spec": spec})
}

fn mesh() -> impl Strategy<Value = Mesh> {
    let ports = || prop::sample::select(vec![(80, 80), (80, 8080), (8080, 8080), (80, 80)]);
    let chance = |of: u8| (0..of).prop_map(|drawn| drawn == 0);
    (
        (prop::collection::vec(policy(), 1..5), ports(), ports()),
        (chance(8), chance(10), chance(3), chance(3), chance(3), chance(2)),
        (any::<bool>(), any::<bool>(), prop_oneof![8 => Just(0u8), 1 => Just(1), 1 => Just(2)]),
    )
        .prop_map(|((policies, of_x, of_z), (second, headless, strict, token, deny_all, routed), (b_stays, auto, own))| {
            let namespace = |name: &str| {
                json!({"apiVersion": "v1", "kind": "Namespace",
                       "metadata": {"name": name, "labels": {"istio-injection": "enabled"}}})
            };
            let mut docs = vec![namespace("web"), namespace("b"), deployment("web", "x"), deployment("web", "z"), deployment("web", "c"), deployment("b", "c")];
            docs.push(service("x", "x", of_x, headless));
            docs.push(service("z", "z", of_z, false));
            if second {
                docs.push(service("second", "x", (80, 80), false));
            }
            if strict {
                docs.push(json!({"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
                    "metadata": {"name": "default", "namespace": ROOT}, "spec": {"mtls": {"mode": "STRICT"}}}));
            }
            if token {
                docs.push(json!({"apiVersion": "security.istio.io/v1", "kind": "RequestAuthentication",
                    "metadata": {"name": "token", "namespace": "web"},
                    "spec": {"selector": {"matchLabels": {"app": "x"}}, "jwtRules": [{"issuer": "issuer"}]}}));
            }
            if deny_all {
                docs.push(json!({"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy",
                    "metadata": {"name": "deny-all", "namespace": ROOT}, "spec": {}}));
            }
            if routed {
                docs.push(json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
                    "metadata": {"name": "x", "namespace": "web"},
                    "spec": {"gateways": ["gateway"], "hosts": ["*"], "http": [{"route": [{"destination": {"host": "x"}}]}]}}));
            }
            if own > 0 {
                // A waypoint that is there already; with 2 it stands before the other Service.
                docs.push(json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                    "metadata": {"name": "mine", "namespace": "web"}, "spec": {"gatewayClassName": "istio-waypoint"}}));
                if own == 2 {
                    docs[7]["metadata"]["labels"] = json!({"istio.io/use-waypoint": "mine"});
                }
            }
            for (place, mut policy) in policies.into_iter().enumerate() {
                policy["metadata"]["name"] = json!(format!("p{place}"));
                docs.push(policy);
            }
            Mesh { docs, b_stays, auto }
        })
}

fn requests(docs: &[Value]) -> Vec<Request> {
    let mut requests = Vec::new();
    let identities = [
        Some("cluster.local/ns/web/sa/c"),
        Some("cluster.local/ns/web/sa/z"),
        Some("cluster.local/ns/b/sa/c"),
        Some(GATEWAY),
        None,
    ];
    let ways: Vec<(Way, &str, u64)> = docs
        .iter()
        .filter(|doc| doc["kind"] == "Service")
        .map(|doc| {
            let name = doc["metadata"]["name"].as_str().unwrap().to_owned();
            (
                Way::Service(name),
                doc["spec"]["selector"]["app"].as_str().unwrap(),
                doc["spec"]["ports"][0]["port"].as_u64().unwrap(),
            )
        })
        .chain([(Way::Pod, "x", 80), (Way::Pod, "x", 8080), (Way::Pod, "z", 8080)])
        .collect();
    for identity in identities {
        for (way, pod, port) in &ways {
            for bits in 0..32u8 {
                let bit = |place: u8| bits & (1 << place) != 0;
                requests.push(Request {
                    identity: identity.map(str::to_owned),
                    way: way.clone(),
                    pod: (*pod).to_owned(),
                    port: *port,
                    method: if bit(0) { "GET" } else { "POST" }.to_owned(),
                    path: if bit(1) { "/a" } else { "/b" }.to_owned(),
                    header: bit(2).then(|| "1".to_owned()),
                    token: match (bit(3), bit(4)) {
                        (true, true) => Token::Invalid,
                        (true, false) => Token::Valid,
                        _ => Token::None,
                    },
                    provider: bit(4),
                });
            }
        }
    }
    requests
}

fn about<'f>(findings: &'f [Finding], name: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
    findings
        .iter()
        .filter(move |finding| finding.resource_ref.as_ref().is_some_and(|resource| resource.name == name))
        .map(|finding| (finding.severity.as_str(), finding.tags["rule"].as_str()))
}

/// How often the interesting things came up.
#[derive(Debug, Default)]
struct Seen {
    split: Cell<u32>,
    opened: Cell<u32>,
    through_waypoint: Cell<u32>,
}

fn count(cell: &Cell<u32>) {
    cell.set(cell.get() + 1);
}

#[test]
fn nothing_gets_in_that_was_refused_and_nothing_is_refused_that_got_in_without_a_finding() {
    let config = crate::shared::property(300);
    let cases = config.cases;
    let seen = Seen::default();
    TestRunner::new(config).run(&mesh(), |mesh| holds(&mesh, &seen)).unwrap();
    // The property means something only where there is something to lose.
    assert!(seen.split.get() > cases / 8 && seen.opened.get() > 0 && seen.through_waypoint.get() > cases, "{seen:?}");
}

fn holds(mesh: &Mesh, seen: &Seen) -> Result<(), TestCaseError> {
    let text: String = mesh.docs.iter().map(|doc| format!("---\n{}", serde_yaml::to_string(doc).unwrap())).collect();
    let namespaces = if mesh.b_stays { "[web]" } else { "[\"*\"]" };
    let waypoints = if mesh.auto { "auto" } else { "none" };
    let config = format!("{{mode: ambient, ambient: {{namespaces: {namespaces}, waypoints: {waypoints}}}}}");
    let run = run_with(&list(&format!("{PLANE}{text}")), &config);
    prop_assert!(run.exit != Exit::Unusable, "{}", run.messages());
    let docs = items(&run.text);
    let sidecars: &[&str] = if mesh.b_stays { &["b"] } else { &[] };
    let before = World { docs: &mesh.docs, sidecars };
    let after = World { docs: &docs, sidecars };
    let is_split = !run.of_rule("policy-split").is_empty();
    if is_split {
        count(&seen.split);
    }
    let names: BTreeSet<&str> = mesh.docs.iter().filter_map(|doc| doc["metadata"]["name"].as_str()).collect();
    let open = |name: &str| about(&run.findings, name).any(|found| found == ("error", "policy-fails-open"));
    for request in requests(&mesh.docs) {
        let (was, is) = (before.before(&request), after.after(&request));
        let through = after.waypoint(&request).is_some();
        if through && is_split {
            count(&seen.through_waypoint);
        }
        if !was.is_empty() && is.is_empty() {
            count(&seen.opened);
            // Each of the reasons must be one that a finding takes away.
            for reason in &was {
                let unchecked = reason == "token"
                    && about(&run.findings, reason)
                        .any(|(_, rule)| matches!(rule, "ambient-inert" | "policy-past-waypoint"));
                let allows = reason == "no ALLOW" && before.allows_on(&request.pod).iter().any(|name| open(name));
                let said = open(reason) || unchecked || allows;
                prop_assert!(said, "{reason} lets in {request:?}\n{}\n{}", run.messages(), run.text);
            }
        }
        if was.is_empty() && !is.is_empty() {
            let said = names.iter().any(|name| {
                about(&run.findings, name).any(|(_, rule)| match rule {
                    "policy-denies-more" | "policy-fails-open" => true,
                    // What goes through the waypoint meets the whole policy, and no less.
                    "policy-past-waypoint" => !through,
                    _ => false,
                })
            });
            prop_assert!(said, "{is:?} refuses {request:?}\n{}\n{}", run.messages(), run.text);
        }
    }
    let second = run_with(&run.text, &config);
    prop_assert_eq!(items(&second.text), docs, "a second run changes something: {}", run.text);
    let back = run_with(&run.text, "{mode: cni}");
    let users = |text: &str| -> Vec<Value> {
        items(text)
            .into_iter()
            .filter(|doc| mesh.docs.iter().any(|one| same(one, doc)) || doc.to_string().contains("unroot-ambient"))
            .collect()
    };
    prop_assert_eq!(users(&back.text), mesh.docs.clone(), "{}", back.messages());
    Ok(())
}

/// The same resource.
fn same(one: &Value, other: &Value) -> bool {
    let key =
        |doc: &Value| (doc["kind"].clone(), doc["metadata"]["name"].clone(), doc["metadata"]["namespace"].clone());
    key(one) == key(other)
}
