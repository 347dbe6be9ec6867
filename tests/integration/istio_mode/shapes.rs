//! The styles in which a list and the injector's values can stand.

use serde_json::Value;

use super::{done, run};

const ISTIOD: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  labels: {app: istiod, release: istio, istio.io/rev: default}
  name: istiod
  namespace: istio-system
spec:
  template:
    spec:
      containers:
      - name: discovery
        image: docker.io/istio/pilot:1.28.10 # pinned by hand
        env:
        - name: PLATFORM
          value: \"\"
";

fn injector(values: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio-sidecar-injector, namespace: istio-system}}\ndata:\n  values: {values}\n"
    )
}

/// The control plane with these values.
pub(super) fn plane(values: &str) -> String {
    format!("{}---\n{ISTIOD}", injector(values))
}

fn read(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| serde::Deserialize::deserialize(document).unwrap())
        .collect()
}

#[test]
fn values_keep_the_style_that_they_stand_in() {
    for (before, after) in [
        ("'{\"pilot\": {\"cni\": {\"enabled\": false}}}'", "'{\"pilot\": {\"cni\": {\"enabled\": true}}}'"),
        (
            "\"{\\\"pilot\\\":{\\\"cni\\\":{\\\"enabled\\\":false}}}\"",
            "\"{\\\"pilot\\\":{\\\"cni\\\":{\\\"enabled\\\":true}}}\"",
        ),
        (
            "|-\n    {\n      \"pilot\": {\"cni\": {\"enabled\": false}}\n    }",
            "|-\n    {\n      \"pilot\": {\"cni\": {\"enabled\": true}}\n    }",
        ),
        (
            "|\n    # by hand\n    pilot:\n      cni:\n        enabled: false # rootful\n    x: y",
            "|\n    # by hand\n    pilot:\n      cni:\n        enabled: true # rootful\n    x: y",
        ),
        ("|\n    pilot:\n      cni: {}\n    x: y", "|\n    pilot:\n      cni: {enabled: true}\n    x: y"),
        ("|\n    global: {}", "|\n    global: {}\n    pilot:\n      cni:\n        enabled: true"),
        ("'{}'", "'{\"pilot\": {\"cni\": {\"enabled\": true}}}'"),
        (
            ">-\n    {\"pilot\": {\"cni\":\n    {\"enabled\": false}}}",
            "\"{\\\"pilot\\\": {\\\"cni\\\": {\\\"enabled\\\": true}}}\"",
        ),
    ] {
        let there = done(before, &plane(before), &[("mode", "cni")]);
        let injector = there.split("---\n").next().unwrap();
        if before == "'{}'" {
            // Nothing tells an empty flow mapping's notation: either is right.
            assert!(injector.contains("enabled"), "{injector}");
        } else {
            assert_eq!(injector, self::injector(after));
        }
        let flag = |text: &str| -> Value {
            let values: Value = serde_yaml::from_str(read(text)[0]["data"]["values"].as_str().unwrap()).unwrap();
            values["pilot"]["cni"]["enabled"].clone()
        };
        assert_eq!(flag(&there), true);
        assert_eq!(flag(&done(before, &there, &[("mode", "sidecar")])), false);
    }
}

#[test]
fn the_platform_reaches_istiod_and_injector_in_every_mode() {
    let input = plane("'{\"global\": {\"platform\": \"\"}}'");
    for mode in ["cni", "sidecar"] {
        let there = done(mode, &input, &[("mode", mode), ("platform", "gke")]);
        assert!(there.contains("\"platform\": \"gke\""), "{there}");
        assert!(there.contains("        - name: PLATFORM\n          value: \"gke\"\n"), "{there}");
        assert!(there.contains("pilot:1.28.10 # pinned by hand"), "{there}");
        assert_eq!(there.contains("path: /home/kubernetes/bin"), mode == "cni", "{there}");
    }
    // What a person takes from elsewhere stays.
    let from = input.replace("value: \"\"", "valueFrom: {fieldRef: {fieldPath: metadata.name}}");
    let there = done("valueFrom", &from, &[("mode", "cni"), ("platform", "gke")]);
    assert!(there.contains("          valueFrom: {fieldRef: {fieldPath: metadata.name}}\n---\n"), "{there}");
}

const OFF: &str = "'{\"pilot\": {\"cni\": {\"enabled\": false}}}'";

#[test]
fn new_objects_stand_as_the_others_do() {
    let indented = |text: &str, by: &str| -> String { text.lines().map(|line| format!("{by}{line}\n")).collect() };
    let element = |text: &str, by: &str| format!("{by}- {}", indented(text, &format!("{by}  ")).trim_start());
    let plane = plane(OFF);
    let parts: Vec<&str> = plane.split("---\n").collect();
    for by in ["", "  ", "    "] {
        let items: String = parts.iter().map(|part| element(part, by)).collect();
        let list = format!("apiVersion: v1\nkind: List\nitems:\n{items}# the end\nmetadata: {{}}\n");
        let there = done(by, &list, &[("mode", "cni")]);
        let value = &read(&there)[0];
        assert_eq!(value["items"].as_array().unwrap().len(), 9, "{there}");
        assert!(there.contains(&format!("\n{by}- apiVersion: apps/v1\n{by}  kind: DaemonSet\n")), "{there}");
        assert!(there.ends_with("metadata: {}\n"));
        assert_eq!(done(by, &there, &[("mode", "sidecar")]), list);
    }
    let json: Vec<Value> = read(&plane);
    for text in [
        serde_json::json!({"apiVersion": "v1", "kind": "List", "items": json}).to_string(),
        serde_json::to_string_pretty(&serde_json::json!({"apiVersion": "v1", "kind": "List", "items": json})).unwrap(),
    ] {
        let there = done("JSON", &text, &[("mode", "cni")]);
        let value: Value = serde_json::from_str(&there).unwrap_or_else(|error| panic!("{error}\n{there}"));
        assert_eq!(value["items"].as_array().unwrap().len(), 9);
        assert_eq!(there.lines().count() > 1, text.lines().count() > 1);
        assert_eq!(done("JSON", &there, &[("mode", "sidecar")]), text);
    }
    // A stream that ends in the middle of a line, and one of another system.
    let open = plane.trim_end();
    let there = done("open", open, &[("mode", "cni")]);
    assert_eq!(read(&there).len(), 9);
    assert_eq!(done("open", &there, &[("mode", "sidecar")]), plane);
    let crlf = plane.replace('\n', "\r\n");
    let there = done("CRLF", &crlf, &[("mode", "cni")]);
    assert_eq!(there.matches('\n').count(), there.matches("\r\n").count());
    assert_eq!(done("CRLF", &there, &[("mode", "sidecar")]), crlf);
    // Dashes deeper than their key, if the list's own are.
    let deep =
        plane.replace("      - name: discovery\n        image", "        - name: discovery\n          image").replace(
            "        env:\n        - name: PLATFORM\n          value",
            "          env:\n            - name: PLATFORM\n              value",
        );
    let there = done("deep", &deep, &[("mode", "cni")]);
    assert!(there.contains("      containers:\n        - args:\n"), "{there}");
}

#[test]
fn a_host_that_names_files_gets_a_file_for_each_new_object() {
    let annotated = plane(OFF).replace(
        "  name: istiod\n",
        "  annotations:\n    internal.config.kubernetes.io/index: '3'\n    internal.config.kubernetes.io/path: 'istio/install.yaml'\n  name: istiod\n",
    );
    let there = done("kpt", &annotated, &[("mode", "cni")]);
    assert!(
        there.contains(
            "  annotations:\n    internal.config.kubernetes.io/path: istio/daemonset_istio-cni-node.yaml\n  labels:"
        ),
        "{there}"
    );
    assert_eq!(there.matches("internal.config.kubernetes.io/path: istio/").count(), 7);
    assert!(!done("no host", &plane(OFF), &[("mode", "cni")]).contains("annotations:\n    internal."));
}

#[test]
fn comments_between_elements_stay_when_one_goes() {
    let items = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ServiceAccount\n  metadata:\n    name: istio-cni\n    namespace: kube-system\n    labels: {operator.istio.io/component: Cni}\n\n# the injector\n";
    let plane = plane(OFF);
    let rest: String = plane
        .split("---\n")
        .map(|part| format!("- {}", part.lines().map(|line| format!("  {line}\n")).collect::<String>().trim_start()))
        .collect();
    let output = run(&format!("{items}{rest}"), &[("mode", "sidecar")]).text;
    assert!(
        output
            .starts_with("apiVersion: v1\nkind: List\nitems:\n\n# the injector\n- apiVersion: v1\n  kind: ConfigMap\n"),
        "{output}"
    );
}

/// Inside kustomize a name may be one before its prefix.
#[test]
fn names_before_kustomize_changed_them_count() {
    let renamed = |text: &str, name: &str| {
        text.replace(
            &format!("name: {name}"),
            &format!("annotations: {{internal.config.kubernetes.io/previousNames: {name}}}\n  name: my-{name}"),
        )
    };
    let block = plane(OFF).replace(
        "metadata: {name: istio-sidecar-injector, namespace: istio-system}",
        "metadata:\n  name: istio-sidecar-injector\n  namespace: istio-system",
    );
    let input = renamed(&renamed(&block, "istio-sidecar-injector"), "istiod");
    let there = done("prefix", &input, &[("mode", "cni")]);
    assert!(there.contains("\"enabled\": true") && there.contains("kind: DaemonSet"), "{there}");
}

/// Pull secrets stand in the values, or someone has given them to the ServiceAccounts.
#[test]
fn pull_secrets_are_the_installs_own() {
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: istiod, namespace: istio-system}\nimagePullSecrets:\n- name: from-account\n";
    let with_account = |values: &str| format!("{}      serviceAccountName: istiod\n---\n{account}", plane(values));
    for (values, expected) in
        [(OFF, "from-account"), ("'{\"global\": {\"imagePullSecrets\": [\"from-values\"]}}'", "from-values")]
    {
        let there = done(expected, &with_account(values), &[("mode", "cni")]);
        let objects = read(&there);
        let cni = objects
            .iter()
            .find(|object| object["metadata"]["name"] == "istio-cni" && object["kind"] == "ServiceAccount");
        assert_eq!(cni.unwrap()["imagePullSecrets"], serde_json::json!([{"name": expected}]));
    }
}
