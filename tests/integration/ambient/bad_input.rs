//! Input that is wrong: a finding, or exit 2 with the list as it came.

use unroot::filter::Exit;

use super::{PLANE, items, list, mesh, run_with};

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:\n  name: bad\n  namespace: web\nspec: {spec}\n"
    )
}

#[test]
fn policies_that_do_not_decode_are_errors_and_stay() {
    for spec in [
        "{action: PERMIT}",
        "{rules: {}}",
        "{rules: [{from: nobody}]}",
        "{selector: {matchLabels: [a]}}",
        "[]",
        "{rules: [{when: [{key: 1}]}]}",
    ] {
        let input = list(&mesh(&policy(spec)));
        let run = run_with(&input, "{mode: ambient, ambient: {waypoints: auto}}");
        let about = run.about("AuthorizationPolicy", "bad");
        assert!(about.len() == 1 && about[0].starts_with("error undecodable: cannot be decoded"), "{spec}: {about:?}");
        assert_eq!(run.exit, Exit::Findings);
        assert!(run.text.contains(&format!("spec: {spec}")), "{spec}");
    }
    let network = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: bad, namespace: web}\nspec: {ingress: {}}\n";
    let run = run_with(&list(&mesh(network)), "{mode: ambient}");
    assert!(run.about("NetworkPolicy", "bad")[0].starts_with("error undecodable"), "{}", run.messages());
}

#[test]
fn namespaces_that_match_nothing_are_named() {
    let namespaces = "apiVersion: v1\nkind: Namespace\nmetadata: {name: plain}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: user, labels: {istio-injection: enabled, app.kubernetes.io/part-of: kubeflow-profile}}\n";
    for (globs, why) in [
        ("[missing]", "the input holds no such Namespace"),
        ("['missing-*']", "the input holds no such Namespace"),
        ("[plain]", "\"plain\" is not in the mesh"),
        ("[istio-system]", "\"istio-system\" is Istio's own"),
        ("[user]", "for which `ambient.userNamespaces` decides"),
        ("[web, plain]", "\"plain\" is not in the mesh"),
    ] {
        let run = run_with(&list(&mesh(namespaces)), &format!("{{mode: ambient, ambient: {{namespaces: {globs}}}}}"));
        let said = run.of_rule("ambient-namespaces-unmatched");
        assert!(said.len() == 1 && said[0].starts_with("warning") && said[0].contains(why), "{globs}: {said:?}");
    }
    for globs in ["[web]", "['*']", "[]"] {
        let run = run_with(&list(&mesh(namespaces)), &format!("{{mode: ambient, ambient: {{namespaces: {globs}}}}}"));
        assert!(run.of_rule("ambient-namespaces-unmatched").is_empty(), "{globs}: {}", run.messages());
    }
}

/// What must be changed and cannot be is no guess: nothing is changed at all.
#[test]
fn what_cannot_be_edited_refuses_the_run() {
    let shared = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: shared\n  namespace: web\nspec:\n  template:\n    metadata:\n      labels: &l\n        sidecar.istio.io/inject: \"true\"\n      annotations: *l\n    spec:\n      containers: []\n";
    let twice = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: twice\n  labels:\n    istio-injection: enabled\n    istio-injection: enabled\n";
    for text in [shared, twice] {
        let input = list(&mesh(text));
        let run = run_with(&input, "{mode: ambient}");
        assert_eq!(run.exit, Exit::Unusable, "{}", run.messages());
        assert_eq!(items(&run.text), items(&input));
        assert!(run.text.starts_with(input.trim_end()), "{}", run.text);
    }
}

#[test]
fn without_an_istio_nothing_is_touched() {
    let namespace =
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    istio-injection: enabled\n  name: web\n";
    let run = run_with(&list(namespace), "{mode: ambient}");
    assert_eq!(items(&run.text), items(&list(namespace)), "{}", run.messages());
}

/// Resources that the API server would not keep out of the cluster are left alone too.
#[test]
fn what_stays_local_is_not_looked_at() {
    let local = policy("{action: CUSTOM, rules: [{}]}")
        .replace("  name: bad\n", "  annotations: {config.kubernetes.io/local-config: \"true\"}\n  name: bad\n");
    let run = run_with(&list(&mesh(&local)), "{mode: ambient}");
    assert!(run.about("AuthorizationPolicy", "bad").is_empty(), "{}", run.messages());
    let run = run_with(&list(&format!("{PLANE}---\n{local}")), "{mode: ambient}");
    assert!(run.about("AuthorizationPolicy", "bad").is_empty(), "{}", run.messages());
}
