//! `waypoints: auto`: policies are split, never moved; and where they cannot be, it is said why.

use serde_json::{Value, json};
use unroot::filter::Exit;

use super::{APP, NAMESPACE, PLANE, Run, SERVICE, docs, items, list, mesh, run_with};

const AUTO: &str = "{mode: ambient, ambient: {waypoints: auto}}";
const WAYPOINT: &str = "cluster.local/ns/web/sa/waypoint";

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: {name}\n  namespace: web\nspec: {spec}\n"
    )
}

const GET: &str = "{selector: {matchLabels: {app: app}}, rules: [{to: [{operation: {methods: [GET]}}]}]}";

fn spec(run: &Run, kind: &str, name: &str) -> Value {
    let found = items(&run.text).into_iter().find(|doc| doc["kind"] == kind && doc["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}\n{}", run.messages()))["spec"].clone()
}

#[test]
fn a_policy_is_split_with_all_that_must_go_along() {
    let who = "{selector: {matchLabels: {app: app}}, rules: [{from: [{source: {namespaces: [b]}}]}]}";
    let deny = "{selector: {matchLabels: {app: app}}, action: DENY, rules: [{to: [{operation: {paths: [/admin]}}]}]}";
    let custom = "{selector: {matchLabels: {app: app}}, action: CUSTOM, provider: {name: p}, rules: [{to: [{operation: {paths: [/x]}}]}]}";
    let token = "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {name: token, namespace: web}\nspec: {selector: {matchLabels: {app: app}}, jwtRules: [{issuer: a}]}\n";
    let route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: route, namespace: web}\nspec: {gateways: [istio-system/gw], hosts: ['*'], http: [{route: [{destination: {host: svc.web.svc.cluster.local}}]}]}\n";
    let all = [
        policy("get", GET),
        policy("who", who),
        policy("deny", deny),
        policy("custom", custom),
        token.to_owned(),
        route.to_owned(),
    ];
    let input = list(&mesh(&all.join("---\n")));
    let run = run_with(&input, AUTO);
    assert_eq!(run.exit, Exit::Done, "{}", run.messages());
    let target = json!([{"group": "", "kind": "Service", "name": "svc"}]);
    let waypoint = json!({"from": [{"source": {"principals": [WAYPOINT]}}]});
    let except = json!({"from": [{"source": {"notPrincipals": [WAYPOINT]}}]});
    assert_eq!(spec(&run, "AuthorizationPolicy", "get")["rules"], json!([waypoint]));
    let copy = spec(&run, "AuthorizationPolicy", "get-waypoint");
    assert_eq!(copy, json!({"rules": [{"to": [{"operation": {"methods": ["GET"]}}]}], "targetRefs": target}));
    let who = json!({"from": [{"source": {"namespaces": ["b"]}}]});
    assert_eq!(spec(&run, "AuthorizationPolicy", "who")["rules"], json!([who, waypoint]));
    assert_eq!(spec(&run, "AuthorizationPolicy", "who-waypoint")["rules"], json!([who]));
    assert_eq!(spec(&run, "AuthorizationPolicy", "deny")["rules"], json!([except]));
    assert_eq!(
        spec(&run, "AuthorizationPolicy", "deny-waypoint")["rules"],
        json!([{"to": [{"operation": {"paths": ["/admin"]}}]}])
    );
    assert_eq!(spec(&run, "AuthorizationPolicy", "custom-waypoint")["action"], "CUSTOM");
    let closing = spec(&run, "AuthorizationPolicy", "custom-past-waypoint");
    assert_eq!(closing, json!({"action": "DENY", "rules": [except], "selector": {"matchLabels": {"app": "app"}}}));
    assert_eq!(
        spec(&run, "RequestAuthentication", "token-waypoint"),
        json!({"jwtRules": [{"issuer": "a"}], "targetRefs": target})
    );
    let gateway = spec(&run, "Gateway", "waypoint");
    assert_eq!(gateway["listeners"], json!([{"name": "mesh", "port": 15008, "protocol": "HBONE"}]));
    let service = items(&run.text).into_iter().find(|doc| doc["kind"] == "Service").unwrap();
    let labels = json!({"istio.io/ingress-use-waypoint": "true", "istio.io/use-waypoint": "waypoint"});
    assert_eq!(service["metadata"]["labels"], labels);
    for (rule, count) in [("gateway-api-absent", 1), ("sidecars-bypass-waypoints", 1), ("policy-past-waypoint", 4)] {
        assert_eq!(run.of_rule(rule).len(), count, "{rule}\n{}", run.messages());
    }
    let again = run_with(&run.text, AUTO);
    assert_eq!(again.exit, Exit::Done, "{}", again.messages());
    assert_eq!(items(&again.text), items(&run.text));
    assert!(again.of_rule("policy-denies-more").is_empty(), "{}", again.messages());
    let back = run_with(&run.text, "{mode: cni}");
    let ours = |text: &str| {
        let is_ours = |doc: &Value| doc["kind"] != "ConfigMap" && doc["metadata"]["namespace"] != "kube-system";
        items(text).into_iter().filter(is_ours).filter(|doc| doc["metadata"]["namespace"] == "web").collect::<Vec<_>>()
    };
    assert_eq!(ours(&back.text), ours(&input), "{}", back.messages());
}

#[test]
fn a_stream_is_split_too() {
    let run = run_with(&mesh(&policy("get", GET)), AUTO);
    assert_eq!(run.exit, Exit::Done, "{}", run.messages());
    assert!(run.doc("AuthorizationPolicy", "get-waypoint").is_some());
    assert_eq!(docs(&run.text).iter().filter(|doc| doc["kind"] == "Gateway").count(), 1);
}

#[test]
fn what_cannot_be_split_says_why() {
    let second = SERVICE.replace("name: svc", "name: second");
    let other_pod = APP
        .replace("name: app\n  namespace", "name: other\n  namespace")
        .replace("        app: app\n", "        app: app\n        x: z\n");
    let headless = SERVICE.replace("spec:\n", "spec:\n  clusterIP: None\n");
    let ports = SERVICE.replace("targetPort: 80", "targetPort: 8080");
    let waypoint = |name: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: web}}\nspec: {{gatewayClassName: istio-waypoint}}\n"
        )
    };
    let labelled = SERVICE.replace("  name: svc\n", "  labels: {istio.io/use-waypoint: gone}\n  name: svc\n");
    let none = SERVICE.replace("  name: svc\n", "  labels: {istio.io/use-waypoint: none}\n  name: svc\n");
    let root = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: root, namespace: istio-system}\nspec: {action: DENY, rules: [{from: [{source: {namespaces: [bad]}}]}]}\n".to_owned();
    let ip = "{selector: {matchLabels: {app: app}}, rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}";
    let with_port =
        "{selector: {matchLabels: {app: app}}, rules: [{to: [{operation: {methods: [GET], ports: ['8080']}}]}]}";
    let nobody = GET.replace("app: app", "app: nobody");
    let some = GET.replace("app: app", "x: z");
    let route = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: route, namespace: web}\nspec: {hosts: [svc], http: [{route: [{destination: {host: other}}]}]}\n".to_owned();
    let attached = policy("mine", "{targetRefs: [{kind: Service, group: '', name: svc}]}");
    let taken = policy("get-waypoint", "{}");
    for (service, spec, more, why) in [
        (SERVICE.to_owned(), GET, vec![second], "more than one Service selects its pods: svc, second"),
        (String::new(), GET, vec![], "no Service of its namespace selects its pods"),
        (SERVICE.to_owned(), &nobody, vec![], "no pod of the input has its labels"),
        (
            SERVICE.to_owned(),
            &some,
            vec![other_pod],
            "Service svc selects Deployment app too, which the policy is not about",
        ),
        (headless, GET, vec![], "Service svc is headless"),
        (ports, with_port, vec![], "a waypoint reads policy get otherwise, `ports`"),
        (SERVICE.to_owned(), GET, vec![policy("ip", ip)], "a waypoint reads policy ip otherwise, `ipBlocks`"),
        (SERVICE.to_owned(), GET, vec![waypoint("a"), waypoint("b")], "namespace \"web\" has several waypoints (a, b)"),
        (labelled, GET, vec![], "is sent through waypoint \"gone\", which the input does not hold"),
        (none, GET, vec![], "Service svc says that it goes through no waypoint"),
        (SERVICE.to_owned(), GET, vec![root], "policy root of the root namespace is about the same pods"),
        (SERVICE.to_owned(), GET, vec![route], "VirtualService route routes within the mesh for Service svc"),
        (SERVICE.to_owned(), GET, vec![attached], "policy mine is attached to the Service or its waypoint already"),
        (SERVICE.to_owned(), GET, vec![taken], "the name get-waypoint is taken"),
        (
            SERVICE.to_owned(),
            GET,
            vec![policy("bad", "{rules: {}}")],
            "a policy that may be about the same pods cannot be decoded",
        ),
        (
            SERVICE.to_owned(),
            GET,
            vec![waypoint("waypoint").replace("istio-waypoint", "istio")],
            "a Gateway \"waypoint\" that is no waypoint",
        ),
    ] {
        let mut parts = vec![PLANE.to_owned(), NAMESPACE.to_owned(), APP.to_owned(), policy("get", spec)];
        parts.extend(Some(service).filter(|service| !service.is_empty()));
        parts.extend(more);
        let run = run_with(&list(&parts.join("---\n")), AUTO);
        let about = run.about("AuthorizationPolicy", "get").join("\n");
        assert!(
            about.contains("it was not split for a waypoint, since ") && about.contains(why),
            "{why}\n{about}\n{}",
            run.messages()
        );
        let untouched = items(&run.text).into_iter().find(|doc| doc["metadata"]["name"] == "get").unwrap();
        assert!(untouched["metadata"].get("annotations").is_none(), "{why}: {untouched}");
        assert!(!run.text.contains("policy-split"), "{why}");
    }
}

#[test]
fn a_waypoint_that_is_there_is_used() {
    let mine = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: mine, namespace: web}\nspec: {gatewayClassName: istio-waypoint}\n";
    let run = run_with(&list(&mesh(&[mine, &policy("get", GET)].join("---\n"))), AUTO);
    let principal = "cluster.local/ns/web/sa/mine";
    assert_eq!(
        spec(&run, "AuthorizationPolicy", "get")["rules"],
        json!([{"from": [{"source": {"principals": [principal]}}]}])
    );
    assert_eq!(items(&run.text).iter().filter(|doc| doc["kind"] == "Gateway").count(), 1);
    let back = run_with(&run.text, "{mode: cni}");
    assert_eq!(items(&back.text).iter().filter(|doc| doc["kind"] == "Gateway").count(), 1);
}

/// Behind somebody's own waypoint every client looks like the waypoint.
#[test]
fn policies_behind_a_waypoint_of_the_input_are_looked_at() {
    let mine = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: mine, namespace: web}\nspec: {gatewayClassName: istio-waypoint}\n";
    let rules = |action: &str, source: &str| {
        format!(
            "{{selector: {{matchLabels: {{app: app}}}}, action: {action}, rules: [{{from: [{{source: {{{source}}}}}]}}]}}"
        )
    };
    for (spec, expected) in [
        (rules("ALLOW", "namespaces: [b]"), "warning policy-denies-more"),
        (rules("ALLOW", "namespaces: [web]"), "error policy-fails-open"),
        (rules("ALLOW", "principals: [cluster.local/ns/web/sa/mine]"), "error policy-fails-open"),
        (rules("DENY", "namespaces: [b]"), "error policy-fails-open"),
        (rules("DENY", "notNamespaces: [b]"), "warning policy-denies-more"),
        ("{selector: {matchLabels: {app: app}}, rules: [{}]}".to_owned(), "info policy-kept"),
    ] {
        let input = list(&mesh(&[mine, &policy("one", &spec)].join("---\n")))
            .replace("    name: svc\n", "    labels: {istio.io/use-waypoint: mine}\n    name: svc\n");
        let run = run_with(&input, "{mode: ambient}");
        let about = run.about("AuthorizationPolicy", "one");
        assert!(about.len() == 1 && about[0].starts_with(expected), "{spec}: {about:?}");
        // With a policy for the clients at the waypoint it is the user's own.
        let action = if spec.contains("DENY") { "DENY" } else { "ALLOW" };
        let guard = policy(
            "guard",
            &format!("{{targetRefs: [{{kind: Service, group: '', name: svc}}], action: {action}, rules: [{{}}]}}"),
        );
        let run = run_with(
            &input.replace(
                "\n- apiVersion: gateway",
                &format!("\n- {}\n- apiVersion: gateway", guard.trim_end().replace('\n', "\n  ")),
            ),
            "{mode: ambient}",
        );
        let about = run.about("AuthorizationPolicy", "one");
        assert!(about[0].starts_with("info policy-kept"), "{spec}: {about:?}\n{}", run.messages());
    }
}

#[test]
fn a_policy_that_was_changed_since_stays_on_the_way_back() {
    let run = run_with(&list(&mesh(&policy("get", GET))), AUTO);
    let changed = run.text.replacen(WAYPOINT, "cluster.local/ns/b/sa/other", 1);
    assert!(changed != run.text);
    let back = run_with(&changed, "{mode: cni}");
    assert!(
        back.about("AuthorizationPolicy", "get")[0]
            .starts_with("warning policy-split: was split, and its rules have been changed"),
        "{}",
        back.messages()
    );
    let gone = run.text.replace("name: get-waypoint", "name: renamed");
    let back = run_with(&gone, "{mode: cni}");
    assert!(back.about("AuthorizationPolicy", "get")[0].contains("is not in the input"), "{}", back.messages());
}

#[test]
fn a_restricted_namespace_needs_a_seccomp_profile_for_its_waypoint() {
    let restricted = |plane: &str| {
        mesh(&policy("get", GET))
            .replace(
                "istio-injection: enabled\n",
                "istio-injection: enabled\n    pod-security.kubernetes.io/enforce: restricted\n",
            )
            .replace(PLANE, plane)
    };
    let run = run_with(&list(&restricted(PLANE)), AUTO);
    assert_eq!(run.of_rule("waypoint-blocked").len(), 1, "{}", run.messages());
    let with = PLANE.replace(
        "\"pilot\": {",
        "\"gateways\": {\"seccompProfile\": {\"type\": \"RuntimeDefault\"}},\n      \"pilot\": {",
    );
    let run = run_with(&list(&restricted(&with)), AUTO);
    assert!(run.of_rule("waypoint-blocked").is_empty(), "{}", run.messages());
}

/// Policies are attached to Services from Istio 1.22 on.
#[test]
fn an_old_istio_gets_no_waypoints() {
    let old = mesh(&policy("get", GET)).replace("pilot:1.28.10", "pilot:1.21.6");
    let run = run_with(&list(&old), AUTO);
    let about = run.about("AuthorizationPolicy", "get");
    assert!(about[0].contains("only from Istio 1.22 on"), "{}", run.messages());
}
