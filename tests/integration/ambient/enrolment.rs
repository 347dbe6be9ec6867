//! Namespaces and pods: who moves, who stays, and the way back.

use super::{APP, PLANE, items, list, mesh, run_with};

fn namespace(name: &str, labels: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n{labels}  name: {name}\n")
}

fn deployment(name: &str, namespace: &str, metadata: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  namespace: {namespace}\nspec:\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n{metadata}    spec:\n      containers:\n      - image: a\n        name: main\n"
    )
}

/// The labels of a resource, or of its pods, in one line.
fn labels(text: &str, kind: &str, name: &str, pods: bool) -> String {
    let found = items(text).into_iter().find(|doc| doc["kind"] == kind && doc["metadata"]["name"] == name).unwrap();
    let metadata = if pods { &found["spec"]["template"]["metadata"] } else { &found["metadata"] };
    let labels = metadata["labels"].as_object().cloned().unwrap_or_default();
    labels
        .iter()
        .filter(|(key, _)| key.contains("istio"))
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn namespaces_move_by_their_labels_and_come_back() {
    for (before, ambient, after) in [
        ("    istio-injection: enabled\n", "{}", "istio.io/dataplane-mode=ambient"),
        ("    istio.io/rev: default\n", "{}", "istio.io/dataplane-mode=ambient"),
        ("    istio-injection: enabled\n    istio.io/rev: canary\n", "{}", "istio.io/dataplane-mode=ambient"),
        (
            "    istio-injection: enabled\n    istio.io/dataplane-mode: ambient\n",
            "{}",
            "istio.io/dataplane-mode=ambient",
        ),
        ("    istio-injection: enabled\n", "{namespaces: [we*]}", "istio.io/dataplane-mode=ambient"),
        ("    istio-injection: enabled\n", "{namespaces: [other]}", "istio-injection=enabled"),
        ("    istio-injection: enabled\n", "{namespaces: []}", "istio-injection=enabled"),
        ("    istio-injection: disabled\n", "{}", "istio-injection=disabled"),
        (
            "    istio-injection: disabled\n    istio.io/rev: default\n",
            "{}",
            "istio-injection=disabled istio.io/rev=default",
        ),
        ("    other: label\n", "{}", ""),
        (
            "    istio-injection: enabled\n    istio.io/dataplane-mode: none\n",
            "{}",
            "istio-injection=enabled istio.io/dataplane-mode=none",
        ),
        (
            "    app.kubernetes.io/part-of: kubeflow-profile\n    istio-injection: enabled\n",
            "{}",
            "istio-injection=enabled",
        ),
        (
            "    app.kubernetes.io/part-of: kubeflow-profile\n    istio-injection: enabled\n",
            "{userNamespaces: true}",
            "istio.io/dataplane-mode=ambient",
        ),
    ] {
        let input = list(&format!("{PLANE}---\n{}", namespace("web", before)));
        let config = format!("{{mode: ambient, ambient: {ambient}}}");
        let there = run_with(&input, &config);
        assert_eq!(labels(&there.text, "Namespace", "web", false), after, "{before}{ambient}\n{}", there.messages());
        let again = run_with(&there.text, &config);
        assert_eq!(labels(&again.text, "Namespace", "web", false), after, "{before}{ambient}");
        if !before.contains("dataplane-mode: ambient") {
            let back = run_with(&there.text, "{mode: cni}");
            let was = labels(&input, "Namespace", "web", false);
            assert_eq!(labels(&back.text, "Namespace", "web", false), was, "{before}{ambient}");
            assert!(!back.text.contains("fn.kubeflow.org/unroot-ambient"), "{}", back.text);
        }
    }
}

#[test]
fn namespaces_of_istio_and_of_the_cluster_are_never_enrolled() {
    for name in ["istio-system", "kube-system", "kube-public"] {
        let input = format!("{PLANE}---\n{}", namespace(name, "    istio-injection: enabled\n"))
            .replace("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: istio-system\n---\n", "");
        let run = run_with(&list(&input), "{mode: ambient, ambient: {namespaces: ['*']}}");
        assert_eq!(labels(&run.text, "Namespace", name, false), "istio-injection=enabled", "{name}");
    }
}

#[test]
fn pods_move_or_stay_out_and_come_back() {
    let yes = "      labels:\n        app: a\n        sidecar.istio.io/inject: \"true\"\n";
    let no = "      labels:\n        app: a\n        sidecar.istio.io/inject: \"false\"\n";
    let no_by_annotation =
        "      annotations:\n        sidecar.istio.io/inject: \"false\"\n      labels:\n        app: a\n";
    let gateway = "      annotations:\n        inject.istio.io/templates: gateway\n      labels:\n        app: a\n";
    let plain = "      labels:\n        app: a\n";
    for (place, metadata, after) in [
        ("web", yes, "istio.io/dataplane-mode=ambient"),
        ("out", yes, "istio.io/dataplane-mode=ambient"),
        ("stays", yes, "sidecar.istio.io/inject=true"),
        ("web", no, "istio.io/dataplane-mode=none sidecar.istio.io/inject=false"),
        ("web", no_by_annotation, "istio.io/dataplane-mode=none"),
        ("stays", no, "sidecar.istio.io/inject=false"),
        ("out", no, "sidecar.istio.io/inject=false"),
        ("web", gateway, "sidecar.istio.io/inject=true"),
        ("stays", gateway, ""),
        ("web", plain, ""),
    ] {
        let injected = "    istio-injection: enabled\n";
        let input = list(
            &[
                PLANE.to_owned(),
                namespace("web", injected),
                namespace("stays", injected),
                namespace("out", "    a: b\n"),
                deployment("a", place, metadata),
            ]
            .join("---\n"),
        );
        let config = "{mode: ambient, ambient: {namespaces: [web, out]}}";
        let there = run_with(&input, config);
        assert_eq!(labels(&there.text, "Deployment", "a", true), after, "{place} {metadata}\n{}", there.messages());
        let again = run_with(&there.text, config);
        assert_eq!(labels(&again.text, "Deployment", "a", true), after, "{place} {metadata}");
        let back = run_with(&there.text, "{mode: cni}");
        let was = labels(&input, "Deployment", "a", true);
        assert_eq!(labels(&back.text, "Deployment", "a", true), was, "{place} {metadata}");
    }
}

/// A gateway of a chart brings its proxy along: it is neither injected nor enrolled.
#[test]
fn a_gateway_with_its_own_proxy_stays_out_of_ztunnel() {
    let no = "      labels:\n        app: a\n        sidecar.istio.io/inject: \"false\"\n";
    let gateway = deployment("a", "web", no).replace("name: main", "name: istio-proxy");
    let input = list(&[PLANE.to_owned(), namespace("web", "    istio-injection: enabled\n"), gateway].join("---\n"));
    let there = run_with(&input, "{mode: ambient}");
    let expected = "istio.io/dataplane-mode=none sidecar.istio.io/inject=false";
    assert_eq!(labels(&there.text, "Deployment", "a", true), expected, "{}", there.messages());
    let back = run_with(&there.text, "{mode: cni}");
    assert_eq!(labels(&back.text, "Deployment", "a", true), "sidecar.istio.io/inject=false");
}

/// A gateway of a revision gets the revision too, which its namespace no longer names.
#[test]
fn a_gateway_keeps_its_revision() {
    let gateway = "      annotations:\n        inject.istio.io/templates: gateway\n      labels:\n        app: a\n";
    let parts = [PLANE.to_owned(), namespace("web", "    istio.io/rev: canary\n"), deployment("a", "web", gateway)];
    let there = run_with(&list(&parts.join("---\n")), "{mode: ambient}");
    let expected = "istio.io/rev=canary sidecar.istio.io/inject=true";
    assert_eq!(labels(&there.text, "Deployment", "a", true), expected, "{}", there.text);
    let back = run_with(&there.text, "{mode: cni}");
    assert_eq!(labels(&back.text, "Deployment", "a", true), "");
    assert_eq!(labels(&back.text, "Namespace", "web", false), "istio.io/rev=canary");
}

#[test]
fn a_label_that_a_selector_needs_stays_with_its_sidecar() {
    let pinned = APP
        .replace("      app: app\n  template", "      app: app\n      sidecar.istio.io/inject: \"true\"\n  template")
        .replace("        app: app\n    spec", "        app: app\n        sidecar.istio.io/inject: \"true\"\n    spec");
    let input = list(&mesh("").replace(APP, &pinned));
    assert!(input.matches("inject: \"true\"").count() == 2, "{input}");
    let run = run_with(&input, "{mode: ambient}");
    assert_eq!(labels(&run.text, "Deployment", "app", true), "sidecar.istio.io/inject=true");
    assert!(run.about("Deployment", "app")[0].starts_with("warning ambient-pod-kept"), "{}", run.messages());
}

#[test]
fn ignored_annotations_say_what_holds_now() {
    let excluded = "      annotations:\n        traffic.sidecar.istio.io/excludeInboundPorts: \"9443\"\n      labels:\n        app: a\n";
    let deny_all = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: deny-all, namespace: istio-system}\nspec: {}\n";
    let port = |number: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {{name: port, namespace: web}}\nspec: {{rules: [{{to: [{{operation: {{ports: ['{number}']}}}}]}}]}}\n"
        )
    };
    for (policies, refused) in [
        (vec![], false),
        (vec![deny_all.to_owned()], true),
        (vec![port("9443"), deny_all.to_owned()], false),
        (vec![port("80")], true),
    ] {
        let mut parts = vec![
            PLANE.to_owned(),
            namespace("web", "    istio-injection: enabled\n"),
            deployment("a", "web", excluded),
        ];
        parts.extend(policies);
        let run = run_with(&list(&parts.join("---\n")), "{mode: ambient}");
        let about = run.about("Deployment", "a");
        assert!(about[0].starts_with("warning ambient-annotation-ignored"), "{about:?}");
        assert_eq!(about[0].contains("port 9443 is refused"), refused, "{about:?}");
    }
}

#[test]
fn user_namespaces_follow_their_text() {
    let config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: namespace-labels-data, namespace: kubeflow}\ndata:\n  namespace-labels.yaml: |\n    # labels\n    app.kubernetes.io/part-of: \"kubeflow-profile\"\n";
    let input = list(&format!("{PLANE}---\n{config_map}"));
    let text = |list: &str| -> String {
        let found = items(list).into_iter().find(|doc| doc["metadata"]["name"] == "namespace-labels-data").unwrap();
        found["data"]["namespace-labels.yaml"].as_str().unwrap().to_owned()
    };
    let stays = run_with(&input, "{mode: ambient}");
    assert_eq!(text(&stays.text), text(&input));
    assert!(stays.about("ConfigMap", "namespace-labels-data")[0].starts_with("info ambient-run-time-policies"));
    let there = run_with(&input, "{mode: ambient, ambient: {userNamespaces: true}}");
    let expected = "# labels\napp.kubernetes.io/part-of: \"kubeflow-profile\"\nistio-injection: \"\"\nistio.io/dataplane-mode: \"ambient\"\n";
    assert_eq!(text(&there.text), expected);
    let about = there.about("ConfigMap", "namespace-labels-data");
    assert!(about.iter().any(|said| said.starts_with("warning ambient-run-time-policies") && said.contains("ns-owner-access-istio")), "{about:?}");
    let back = run_with(&there.text, "{mode: cni}");
    assert_eq!(text(&back.text), expected.replace("\"\"", "\"enabled\"").replace("\"ambient\"", "\"\""));
}

#[test]
fn workflows_that_would_be_enrolled_are_named_with_the_setting_that_keeps_them_out() {
    let labelled = "  workflowDefaults: |\n    spec:\n      podMetadata:\n        labels:\n          istio.io/dataplane-mode: none\n";
    for (data, warned) in [
        ("  executor: a\n", true),
        ("  workflowDefaults: |\n    spec:\n      serviceAccountName: a\n", true),
        (labelled, false),
    ] {
        let config_map = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: workflow-controller-configmap\n  namespace: web\ndata:\n{data}"
        );
        let input = list(&mesh(&config_map));
        let there = run_with(&input, "{mode: ambient}");
        let of = |text: &str| {
            items(text).into_iter().find(|doc| doc["metadata"]["name"] == "workflow-controller-configmap").unwrap()
        };
        assert_eq!(of(&there.text), of(&input), "{data}");
        let said = there.text.contains("those in a namespace of ambient are enrolled");
        assert_eq!(said, warned, "{data}");
    }
}
