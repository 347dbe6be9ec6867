//! The modes of a mesh that is more than one Istio with sidecars: gateways, ambient namespaces, users, several revisions.

use serde_json::Value;

use super::{MODES, as_json};

fn demo() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo/platform.yaml");
    std::fs::read_to_string(path).expect("the demo's platform")
}

/// The demo and a pod that by itself meets restricted.
fn with_pod(labels: &str, annotations: &str, namespace: &str) -> String {
    format!(
        "{}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: ambient, labels: {{istio.io/dataplane-mode: ambient}}}}\n---\napiVersion: v1\nkind: \
         Namespace\nmetadata: {{name: other, labels: {{istio-injection: enabled}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: \
         {namespace}, labels: {{{labels}}}, annotations: {{{annotations}}}}}\nspec:\n  securityContext: {{runAsNonRoot: true, seccompProfile: {{type: \
         RuntimeDefault}}}}\n  containers:\n  - {{name: m, securityContext: {{allowPrivilegeEscalation: false, capabilities: {{drop: [ALL]}}}}}}\n",
        demo().trim_end()
    )
}

fn levels(input: &str, config: Option<&str>, name: &str) -> Vec<String> {
    let plan = as_json(input, config);
    let namespaces = plan["namespaces"].as_array().expect("namespaces");
    let namespace = namespaces.iter().find(|namespace| namespace["name"] == name).expect("the namespace");
    MODES.iter().map(|mode| namespace["levels"][mode].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn each_mode_injects_whom_it_would() {
    let (root, free) = ("privileged", "restricted");
    for (labels, namespace, expected) in [
        // In the mesh by the namespace.
        ("", "other", [root, root, free, free]),
        // Out of it by the pod.
        ("sidecar.istio.io/inject: \"false\"", "other", [free, free, free, free]),
        // In it by the pod alone.
        ("sidecar.istio.io/inject: \"true\"", "builds-2", [root, root, free, free]),
        // In ambient already: without sidecars as it is, and with them again in the other modes.
        ("", "ambient", [free, root, free, free]),
        ("istio.io/dataplane-mode: none", "ambient", [free, free, free, free]),
        ("istio.io/dataplane-mode: ambient", "builds-2", [free, root, free, free]),
        // Charts write this everywhere; outside of ambient it means nothing.
        ("istio.io/dataplane-mode: none", "other", [root, root, free, free]),
        // Profile namespaces keep their sidecars, under istio-cni, in ambient too.
        ("", "kubeflow-user-example-com", [root, root, free, free]),
    ] {
        assert_eq!(levels(&with_pod(labels, "", namespace), None, namespace), expected, "{labels} in {namespace}");
    }
}

#[test]
fn a_gateway_keeps_its_injection_in_ambient() {
    let input = with_pod("", "inject.istio.io/templates: gateway", "other");
    // A template that shows where it was used.
    let template = "    templates:\n      gateway: |\n        spec: {volumes: [{name: host, hostPath: {path: /}}]}\n";
    assert_eq!(input.matches("    templates:\n").count(), 1);
    let input = input.replace("    templates:\n", template);
    assert_eq!(levels(&input, None, "other"), ["privileged"; 4]);
    let input = with_pod("", "inject.istio.io/templates: sidecar", "other");
    assert_eq!(levels(&input, None, "other")[3], "restricted");
}

#[test]
fn namespaces_that_do_not_move_to_ambient_keep_sidecars() {
    // A volume of the host, added by annotation, comes with the sidecar and goes with it.
    let config =
        "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec: {istio: {ambient: {namespaces: [kubeflow]}}}\n";
    let input = with_pod("", "inject.istio.io/templates: \"sidecar,none\"", "other");
    // The template `none` is not there: whoever is injected is refused.
    assert_eq!(levels(&input, None, "other"), ["-", "-", "-", "restricted"]);
    assert_eq!(levels(&input, Some(config), "other"), ["-", "-", "-", "-"]);
}

#[test]
fn the_default_revision_is_named_else_the_newest() {
    let plan = as_json(&demo(), None);
    let expected = serde_json::json!({"namespace": "istio-system", "revision": "default", "version": "1.28.10", "mode": "sidecar"});
    assert_eq!(plan["istio"], expected);
    let revised = |demo: String, revision: &str| {
        let demo =
            demo.replace("name: istio-sidecar-injector\n", &format!("name: istio-sidecar-injector-{revision}\n"));
        let demo = demo.replace("istio.io/rev: default", &format!("istio.io/rev: {revision}"));
        demo.replace("REVISION, value: default", &format!("REVISION, value: {revision}"))
    };
    let plan = as_json(&revised(demo(), "canary"), None);
    assert_eq!(plan["istio"]["revision"], Value::from("canary"), "{}", plan["unavailable"]);
}
