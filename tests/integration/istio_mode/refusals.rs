//! Input that cannot be used is said to be so, and nothing is written; what is only odd is a finding.

use unroot::filter::Exit;

use super::run;
use super::shapes::plane;

const ON: &str = "'{\"pilot\": {\"cni\": {\"enabled\": true}}}'";
const OFF: &str = "'{\"pilot\": {\"cni\": {\"enabled\": false}}}'";
const CNI: &str = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: istio-cni-node\n  namespace: kube-system\n  labels: {operator.istio.io/component: Cni}\nspec:\n  template:\n    spec:\n      containers:\n      - {name: install-cni, image: \"docker.io/istio/install-cni:1.28.0\"}\n";

fn with_image(image: &str) -> String {
    plane(OFF).replace("docker.io/istio/pilot:1.28.10", image)
}

#[test]
fn what_cannot_be_used_is_refused() {
    let injector_only = plane(OFF).split("---\n").next().unwrap().to_owned();
    let istiod_only = plane(OFF).split("---\n").nth(1).unwrap().to_owned();
    let revision = istiod_only
        .replace("istio.io/rev: default", "istio.io/rev: canary")
        .replace("name: istiod\n", "name: istiod-canary\n");
    let cni = [("mode", "cni")];
    let with = |key, value| [("mode", "cni"), (key, value)];
    for (name, input, keys, message) in [
        ("an unknown platform", plane(OFF), &with("platform", "aks")[..], "unknown value \"aks\""),
        (
            "a platform before its time",
            with_image("r/istio/pilot:1.23.0"),
            &with("platform", "k3s"),
            "platform k3s needs Istio 1.24 or newer, this is 1.23",
        ),
        ("a namespace that is none", plane(OFF), &with("cniNamespace", "Kube_System"), "cniNamespace"),
        (
            "another namespace than istio-cni's",
            format!("{}---\n{CNI}", plane(ON)),
            &with("cniNamespace", "cni"),
            "istio-cni is in namespace \"kube-system\"",
        ),
        ("values that do not parse", plane("'{\"pilot\": '"), &cni, "data.values: the text is not valid JSON or YAML"),
        ("values that are a list", plane("'[]'"), &cni, "must be a mapping in JSON or YAML"),
        ("values with a key twice", plane("|\n    a: 1\n    a: 2"), &cni, "key `a` is there twice"),
        ("no values", plane("x").replace("values:", "value:"), &cni, "must have the key `data.values`"),
        ("values that are no text", plane("{a: b}"), &cni, "must be a text"),
        ("no injector", istiod_only, &cni, "ConfigMap \"istio-sidecar-injector\" of this istiod is not in the input"),
        (
            "no injector of a revision",
            format!("{}---\n{revision}", plane(OFF)),
            &cni,
            "ConfigMap \"istio-sidecar-injector-canary\" of this istiod is not in the input",
        ),
        ("no istiod", injector_only, &cni, "set `istio.version` in the configuration"),
        ("only istio-cni", CNI.to_owned(), &cni, "neither istiod nor the ConfigMap \"istio-sidecar-injector\""),
        (
            "only a policy",
            "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a, namespace: b}\n"
                .to_owned(),
            &cni,
            "neither istiod nor",
        ),
        ("a digest", with_image("r/istio/pilot@sha256:00"), &cni, "does not show Istio's version; set `istio.version`"),
        (
            "another image",
            with_image("r/istio/my-pilot:1.28.10"),
            &cni,
            "does not show Istio's version; set `istio.version`",
        ),
        (
            "another image, with the version",
            with_image("r/istio/my-pilot:1.28.10"),
            &with("version", "1.28.10"),
            "set `istio.hub`",
        ),
        (
            "a tag that is no version",
            with_image("r/istio/pilot:latest"),
            &cni,
            "does not show Istio's version; set `istio.version`",
        ),
        ("too old", with_image("r/istio/pilot:1.16.9"), &cni, "Istio 1.16.9 is too old: 1.17 is the oldest"),
        (
            "ambient",
            plane(OFF).replace(
                "name: PLATFORM\n          value: \"\"",
                "name: PILOT_ENABLE_AMBIENT\n          value: \"true\"",
            ),
            &cni,
            "runs ambient",
        ),
    ] {
        let outcome = run(&input, keys);
        assert_eq!(outcome.exit, Exit::Unusable, "{name}: {}", outcome.messages());
        assert!(outcome.messages().contains(message), "{name}: {}", outcome.messages());
        assert_eq!(outcome.text, "", "{name}");
        // A list comes back as it was, with the reason.
        let list = super::renders::as_list(&input, "");
        let outcome = run(&list, keys);
        assert_eq!(outcome.exit, Exit::Unusable, "{name}: {}", outcome.messages());
        assert!(outcome.text.starts_with(&list) && outcome.text[list.len()..].starts_with("results:\n"), "{name}");
    }
}

#[test]
fn what_the_list_does_not_show_is_taken_from_the_configuration() {
    for (image, keys, expected) in [
        ("r/istio/pilot@sha256:00", vec![("version", "1.28.10")], "r/istio/install-cni:1.28.10"),
        ("r/istio/my-pilot:7", vec![("version", "1.28.10"), ("hub", "r/mirror")], "r/mirror/install-cni:1.28.10"),
        (
            "r/istio/my-pilot:7",
            vec![("tag", "1.28.10-distroless"), ("hub", "r/mirror")],
            "r/mirror/install-cni:1.28.10-distroless",
        ),
        ("r/istio/pilot:latest", vec![("version", "1.28.10")], "r/istio/install-cni:latest"),
        ("r/istio/pilot:1.28.10-debug", vec![], "r/istio/install-cni:1.28.10-debug"),
    ] {
        let keys: Vec<(&str, &str)> = std::iter::once(("mode", "cni")).chain(keys).collect();
        let outcome = run(&with_image(image), &keys);
        assert!(
            outcome.text.contains(&format!("image: \"{expected}\""))
                || outcome.text.contains(&format!("image: {expected}\n")),
            "{image}: {}{}",
            outcome.messages(),
            outcome.text
        );
    }
    let outcome = run(&with_image("r/istio/pilot@sha256:00"), &[("mode", "cni"), ("version", "1.28.10")]);
    assert!(outcome.rules().contains(&"image-not-pinned"));
    let without = plane("'{\"global\": {\"hub\": \"r/values\", \"variant\": \"distroless\"}}'")
        .split("---\n")
        .next()
        .unwrap()
        .to_owned();
    let outcome = run(&without, &[("mode", "cni"), ("version", "1.28.10")]);
    assert!(outcome.text.contains("r/values/install-cni:1.28.10-distroless"), "{}", outcome.messages());
}

#[test]
fn what_is_odd_is_a_finding() {
    let cni = vec![("mode", "cni")];
    let gke =
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b, annotations: {cloud.google.com/neg: x}}\n";
    let route = "apiVersion: route.openshift.io/v1\nkind: Route\nmetadata: {name: a, namespace: b}\n";
    let wide = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata:\n  name: istio-cni\n  labels: {operator.istio.io/component: Cni}\nrules:\n- apiGroups: [\"\"]\n  resources: [pods, nodes]\n  verbs: [get, patch]\n";
    let kserve = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: kserve-controller-manager, namespace: kubeflow}\nspec: {template: {spec: {containers: [{name: manager, image: \"kserve/kserve-controller:v0.11.2\"}]}}}\n";
    for (name, input, keys, expected) in [
        (
            "no Istio",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n".to_owned(),
            cni.clone(),
            vec!["no-istio"],
        ),
        ("no mode", plane(OFF), vec![("platform", "gke")], vec!["nothing-asked"]),
        ("the flag without istio-cni", plane(ON), cni.clone(), vec!["istio-half-done"]),
        (
            "istio-cni without the flag",
            format!("{}---\n{CNI}", plane(OFF)),
            cni.clone(),
            vec!["istio-half-done", "istio-version-drift"],
        ),
        (
            "istio-cni without use",
            format!("{}---\n{CNI}", plane(OFF)),
            vec![("mode", "sidecar")],
            vec!["istio-half-done"],
        ),
        ("GKE", format!("{}---\n{gke}", plane(OFF)), cni.clone(), vec!["platform-not-stated"]),
        ("OpenShift", format!("{}---\n{route}", plane(OFF)), cni.clone(), vec!["platform-not-stated"]),
        (
            "a platform that is stated",
            format!("{}---\n{gke}", plane(OFF)),
            vec![("mode", "cni"), ("platform", "none")],
            vec![],
        ),
        ("another version", plane(OFF), vec![("mode", "cni"), ("version", "1.27.0")], vec!["istio-key-not-used"]),
        ("another proxy", plane("'{\"global\": {\"tag\": \"1.29.0\"}}'"), cni.clone(), vec!["istio-version-drift"]),
        (
            "rights too wide",
            format!("{}---\n{wide}", plane(ON)),
            cni.clone(),
            vec!["istio-half-done", "cni-rights-too-wide"],
        ),
        (
            "a gateway in no namespace",
            format!("{}---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: g}}\n", plane(OFF)),
            cni.clone(),
            vec!["istio-namespace-absent"],
        ),
        (
            "a namespace that is not there",
            plane(OFF),
            vec![("mode", "cni"), ("cniNamespace", "cni")],
            vec!["cni-namespace-not-in-input"],
        ),
        ("an old KServe", format!("{}---\n{kserve}", plane(OFF)), cni.clone(), vec!["storage-initializer-before-mesh"]),
        ("a new KServe", format!("{}---\n{}", plane(OFF), kserve.replace("0.11.2", "0.13.1")), cni.clone(), vec![]),
        (
            "another directory than the platform's",
            format!("{}---\n{}", plane(ON), CNI.replace("1.28.0", "1.28.10")),
            vec![("mode", "cni"), ("platform", "gke")],
            vec!["istio-half-done", "cni-platform"],
        ),
    ] {
        let outcome = run(&input, &keys);
        assert_eq!(outcome.exit, Exit::Done, "{name}: {}", outcome.messages());
        let done = ["istio-settings", "istio-object-added", "istio-object-removed", "restart-needed"];
        let mut rules: Vec<&str> = outcome.rules().into_iter().filter(|rule| !done.contains(rule)).collect();
        let mut expected = expected;
        rules.sort_unstable();
        expected.sort_unstable();
        assert_eq!(rules, expected, "{name}: {}", outcome.messages());
    }
}

/// A mode never lowers a label: a namespace that cannot hold istio-cni is said to be so.
#[test]
fn the_namespace_of_istio_cni_is_judged_and_left() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  labels: {pod-security.kubernetes.io/enforce: baseline}\n";
    let input = format!("{}---\n{namespace}", plane(OFF));
    let words = ["istio=cni".to_owned()];
    let outcome = unroot::filter(input.as_bytes(), &unroot::Given { file: None, words: &words });
    assert_eq!(outcome.exit, Exit::Findings);
    let messages: String = outcome.findings.iter().map(|finding| format!("{finding}\n")).collect();
    assert!(
        messages.contains("DaemonSet/kube-system/istio-cni-node") && messages.contains("podSecurity.namespaces"),
        "{messages}"
    );
    // With a warning in its place, what is written has the label as it was.
    let warned = run(&input, &[("mode", "cni")]);
    assert_eq!(warned.exit, Exit::Done, "{}", warned.messages());
    assert!(warned.text.contains(namespace), "{}", warned.text);
}
