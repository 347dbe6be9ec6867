//! A test for each row of the table of what becomes of Istio's resources (`istio-facts.md` s.9).

use unroot::filter::Exit;

use super::{list, mesh, run_with};

fn policy(kind: &str, name: &str, namespace: &str, spec: &str) -> String {
    let api = match kind {
        "AuthorizationPolicy" | "RequestAuthentication" | "PeerAuthentication" => "security.istio.io/v1",
        "WasmPlugin" => "extensions.istio.io/v1alpha1",
        "Telemetry" => "telemetry.istio.io/v1",
        "WorkloadEntry" | "ServiceEntry" | "VirtualService" | "DestinationRule" | "EnvoyFilter" | "Sidecar"
        | "ProxyConfig" => "networking.istio.io/v1",
        other => panic!("{other}"),
    };
    format!("apiVersion: {api}\nkind: {kind}\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec: {spec}\n")
}

/// A gateway, which has its own proxy.
const GATEWAY: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: gateway
  namespace: istio-system
spec:
  selector:
    matchLabels: {app: gateway}
  template:
    metadata:
      labels: {app: gateway}
    spec:
      containers:
      - {name: istio-proxy, image: proxyv2}
";

fn said(kind: &str, namespace: &str, spec: &str) -> Vec<String> {
    let input = list(&mesh(&format!("{GATEWAY}---\n{}", policy(kind, "one", namespace, spec))));
    let run = run_with(&input, "{mode: ambient}");
    assert!(run.exit != Exit::Unusable, "{}", run.messages());
    run.about(kind, "one")
}

const ON_APP: &str = "selector: {matchLabels: {app: app}}";
const ON_GATEWAY: &str = "selector: {matchLabels: {app: gateway}}";

#[test]
fn every_row_comes_out_as_it_must() {
    let get = "rules: [{to: [{operation: {methods: [GET]}}]}]";
    let who = "rules: [{from: [{source: {principals: [cluster.local/ns/web/sa/c]}}]}]";
    for (kind, namespace, spec, expected) in [
        // L4 only
        (
            "AuthorizationPolicy",
            "web",
            format!("{{{ON_APP}, {who}}}"),
            &["info policy-kept: ztunnel enforces it at Deployment app"][..],
        ),
        ("AuthorizationPolicy", "web", format!("{{{who}}}"), &["info policy-kept: ztunnel enforces it"]),
        // ALLOW with HTTP
        (
            "AuthorizationPolicy",
            "web",
            format!("{{{ON_APP}, {get}}}"),
            &["warning policy-denies-more: ztunnel reads no HTTP and leaves out the rules with methods"],
        ),
        // DENY with HTTP: more is refused where something is left of each rule, and nothing where not.
        (
            "AuthorizationPolicy",
            "web",
            format!("{{{ON_APP}, action: DENY, rules: [{{to: [{{operation: {{methods: [GET], ports: ['80']}}}}]}}]}}"),
            &["warning policy-denies-more: ztunnel reads no HTTP and enforces the rules without methods"],
        ),
        (
            "AuthorizationPolicy",
            "web",
            format!("{{{ON_APP}, action: DENY, {get}}}"),
            &["error policy-fails-open: ztunnel reads no HTTP, and of spec.rules[0] nothing is left without methods"],
        ),
        // CUSTOM, AUDIT
        (
            "AuthorizationPolicy",
            "web",
            format!("{{{ON_APP}, action: CUSTOM, provider: {{name: x}}, rules: [{{}}]}}"),
            &["error policy-fails-open: ztunnel knows no action CUSTOM"],
        ),
        (
            "AuthorizationPolicy",
            "web",
            format!("{{{ON_APP}, action: AUDIT, {get}}}"),
            &["error policy-fails-open: ztunnel knows no action AUDIT"],
        ),
        // deny all, in the root namespace
        (
            "AuthorizationPolicy",
            "istio-system",
            "{}".to_owned(),
            &["info policy-kept: ztunnel enforces it at Deployment app as it is, gateways as before"],
        ),
        // on a gateway
        (
            "AuthorizationPolicy",
            "istio-system",
            format!("{{{ON_GATEWAY}, action: CUSTOM, provider: {{name: x}}, {get}}}"),
            &["info policy-kept: is about gateways"],
        ),
        // targetRefs
        (
            "AuthorizationPolicy",
            "web",
            format!("{{targetRefs: [{{kind: Gateway, group: gateway.networking.k8s.io, name: waypoint}}], {get}}}"),
            &[
                "error policy-fails-open: nobody enforces it, so that all traffic gets in: Gateway \"waypoint\" is not in namespace \"web\"",
            ],
        ),
        (
            "AuthorizationPolicy",
            "web",
            format!("{{targetRefs: [{{kind: Service, group: '', name: svc}}], {get}}}"),
            &[
                "error policy-fails-open: nobody enforces it, so that all traffic gets in: Service \"svc\" is sent through no waypoint",
            ],
        ),
        (
            "AuthorizationPolicy",
            "web",
            format!("{{targetRefs: [{{kind: Service, group: '', name: other}}], {get}}}"),
            &[
                "error policy-fails-open: nobody enforces it, so that all traffic gets in: Service \"other\" is not in namespace \"web\"",
            ],
        ),
        (
            "AuthorizationPolicy",
            "istio-system",
            format!(
                "{{targetRefs: [{{kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}}], {get}}}"
            ),
            &["error policy-fails-open: nobody enforces it"],
        ),
        (
            "RequestAuthentication",
            "web",
            format!("{{{ON_APP}, jwtRules: [{{issuer: a}}]}}"),
            &["warning ambient-inert: no token is checked at Deployment app"],
        ),
        ("RequestAuthentication", "istio-system", format!("{{{ON_GATEWAY}, jwtRules: [{{issuer: a}}]}}"), &[]),
        (
            "VirtualService",
            "web",
            "{hosts: [svc], http: []}".to_owned(),
            &["warning ambient-inert: clients in ambient do not follow its routes"],
        ),
        ("VirtualService", "web", "{hosts: ['*'], gateways: [gw], http: []}".to_owned(), &[]),
        (
            "VirtualService",
            "web",
            "{hosts: ['*'], gateways: [gw, mesh], http: []}".to_owned(),
            &["warning ambient-inert: clients in ambient do not follow its routes (its gateways do)"],
        ),
        ("DestinationRule", "web", "{host: svc, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}".to_owned(), &[]),
        (
            "DestinationRule",
            "web",
            "{host: svc, trafficPolicy: {tls: {mode: DISABLE}}}".to_owned(),
            &["warning ambient-inert: `tls.mode: DISABLE` has no effect"],
        ),
        (
            "DestinationRule",
            "web",
            "{host: svc, subsets: [{name: v1}]}".to_owned(),
            &["warning ambient-inert: subsets exist only at gateways"],
        ),
        (
            "DestinationRule",
            "web",
            "{host: example.com, trafficPolicy: {tls: {mode: SIMPLE}}}".to_owned(),
            &["warning ambient-inert: `tls.mode: SIMPLE` is not done for clients in ambient"],
        ),
        (
            "EnvoyFilter",
            "web",
            "{configPatches: [{match: {context: SIDECAR_INBOUND}}]}".to_owned(),
            &["warning ambient-inert: has no effect at Deployment app"],
        ),
        ("EnvoyFilter", "istio-system", "{configPatches: [{match: {context: GATEWAY}}]}".to_owned(), &[]),
        (
            "EnvoyFilter",
            "istio-system",
            "{workloadSelector: {labels: {app: gateway}}, configPatches: [{}]}".to_owned(),
            &[],
        ),
        (
            "EnvoyFilter",
            "web",
            "{configPatches: [{patch: {value: {name: envoy.filters.http.ext_authz}}}]}".to_owned(),
            &[
                "error ambient-inert: has no effect at Deployment app: what envoy.filters.http.ext_authz refuses gets in",
            ],
        ),
        (
            "Sidecar",
            "web",
            "{egress: []}".to_owned(),
            &["warning ambient-inert: ztunnel and waypoints know no Sidecar resources (web/one)"],
        ),
        ("PeerAuthentication", "web", "{mtls: {mode: STRICT}}".to_owned(), &[]),
        (
            "PeerAuthentication",
            "web",
            "{mtls: {mode: DISABLE}}".to_owned(),
            &["warning peer-authentication-ignored: DISABLE is unknown"],
        ),
        ("PeerAuthentication", "web", format!("{{{ON_APP}, portLevelMtls: {{'80': {{mode: PERMISSIVE}}}}}}"), &[]),
        (
            "PeerAuthentication",
            "istio-system",
            format!("{{{ON_APP}, portLevelMtls: {{'80': {{mode: STRICT}}}}}}"),
            &["warning peer-authentication-ignored: `portLevelMtls` (80: STRICT) has no effect in the root namespace"],
        ),
        (
            "WasmPlugin",
            "web",
            format!("{{{ON_APP}, url: a}}"),
            &["warning ambient-inert: has no effect at Deployment app"],
        ),
        (
            "WasmPlugin",
            "web",
            format!("{{{ON_APP}, url: a, phase: AUTHZ}}"),
            &["error ambient-inert: has no effect at Deployment app: what it refuses in phase AUTHZ gets in"],
        ),
        ("WasmPlugin", "web", "{targetRefs: [{kind: Gateway, name: a}], url: a}".to_owned(), &[]),
        (
            "Telemetry",
            "web",
            "{accessLogging: []}".to_owned(),
            &["warning ambient-inert: has no effect at Deployment app"],
        ),
        (
            "ProxyConfig",
            "web",
            "{concurrency: 1}".to_owned(),
            &["warning ambient-inert: has no effect at Deployment app"],
        ),
        (
            "ProxyConfig",
            "istio-system",
            "{environmentVariables: {ISTIO_META_ENABLE_HBONE: 'false'}}".to_owned(),
            &["warning ambient-inert", "warning ambient-sidecar-hbone: turns ISTIO_META_ENABLE_HBONE off"],
        ),
        ("WorkloadEntry", "web", "{address: 10.0.0.1}".to_owned(), &["warning ambient-virtual-machines"]),
        (
            "ServiceEntry",
            "web",
            "{hosts: [a.example.com], workloadSelector: {labels: {app: vm}}}".to_owned(),
            &["warning ambient-virtual-machines"],
        ),
        ("ServiceEntry", "web", "{hosts: [a.example.com]}".to_owned(), &[]),
    ] {
        let found = said(kind, namespace, &spec);
        let fits = found.len() == expected.len()
            && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
        assert!(fits, "{kind} {spec}\n{found:#?}\nexpected {expected:#?}");
    }
}

/// Pods that are not in ambient: nothing changes for them.
#[test]
fn what_is_not_in_ambient_is_as_before() {
    let custom = format!("{{{ON_APP}, action: CUSTOM, provider: {{name: x}}, rules: [{{}}]}}");
    let input = list(&mesh(&policy("AuthorizationPolicy", "one", "web", &custom)));
    let run = run_with(&input, "{mode: ambient, ambient: {namespaces: [other-*]}}");
    let about = run.about("AuthorizationPolicy", "one");
    assert_eq!(about, ["info policy-kept: is about pods that keep their sidecars, which enforce it as before"]);
    let run = run_with(&input, "{mode: cni}");
    assert!(run.about("AuthorizationPolicy", "one").is_empty(), "{}", run.messages());
}

#[test]
fn principals_of_another_trust_domain_are_named() {
    let who = |action: &str, field: &str| {
        format!(
            "{{{ON_APP}, action: {action}, rules: [{{from: [{{source: {{{field}: [cluster.local/ns/web/sa/c]}}}}]}}]}}"
        )
    };
    for (action, field, expected) in [
        ("ALLOW", "principals", "warning policy-denies-more"),
        ("ALLOW", "notPrincipals", "error policy-fails-open"),
        ("DENY", "principals", "error policy-fails-open"),
        ("DENY", "notPrincipals", "warning policy-denies-more"),
    ] {
        let input = mesh(&policy("AuthorizationPolicy", "one", "web", &who(action, field)));
        let run = run_with(
            &list(&input.replace("trustDomain: cluster.local", "trustDomain: example.com")),
            "{mode: ambient}",
        );
        let about = run.about("AuthorizationPolicy", "one");
        assert!(
            about.len() == 1 && about[0].starts_with(expected) && about[0].contains("write example.com"),
            "{about:?}"
        );
    }
}

#[test]
fn other_reasons_not_to_migrate_are_named() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  labels: {istio/multiCluster: \"true\"}\n  name: remote\n  namespace: istio-system\n";
    let network = "apiVersion: v1\nkind: Service\nmetadata:\n  labels: {topology.istio.io/network: one}\n  name: eastwest\n  namespace: istio-system\nspec: {ports: []}\n";
    let spire = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: spiffe, namespace: web}\nspec:\n  selector: {matchLabels: {app: s}}\n  template:\n    metadata: {labels: {app: s}}\n    spec:\n      containers: [{name: a, image: b}]\n      volumes: [{name: w, csi: {driver: csi.spiffe.io}}]\n";
    let stays = "apiVersion: v1\nkind: Namespace\nmetadata: {name: stays, labels: {istio-injection: enabled}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: side, namespace: stays}\nspec:\n  selector: {matchLabels: {app: s}}\n  template:\n    metadata:\n      annotations: {proxy.istio.io/config: 'proxyMetadata: {ISTIO_META_ENABLE_HBONE: \"false\"}'}\n      labels: {app: s}\n    spec:\n      containers: [{name: a, image: b}]\n";
    let input = list(&mesh(&[secret, network, spire, stays].join("---\n")));
    let run = run_with(&input, "{mode: ambient, ambient: {namespaces: [web]}}");
    for (kind, name, rule) in [
        ("Secret", "remote", "ambient-multicluster"),
        ("Service", "eastwest", "ambient-multicluster"),
        ("Deployment", "spiffe", "ambient-spire"),
        ("Deployment", "side", "ambient-sidecar-hbone"),
    ] {
        let about = run.about(kind, name);
        assert!(about.iter().any(|said| said.starts_with(&format!("warning {rule}"))), "{name}: {about:?}");
    }
    let off = input.replace("          ISTIO_META_ENABLE_HBONE: \"true\"\n", "          OTHER: a\n");
    let run = run_with(&off, "{mode: ambient, ambient: {namespaces: [web]}}");
    // Whoever sets it in the mesh configuration does so before this is asked.
    let set = run.text.contains("ISTIO_META_ENABLE_HBONE: \"true\"");
    assert!(set || run.about("ConfigMap", "istio").iter().any(|said| said.contains("ambient-sidecar-hbone")));
}
