//! An Istio that a custom resource describes: the resource is rewritten, its controller makes the rest.

use unroot::filter::Exit;

use super::{done, run};

fn operator(spec: &str) -> String {
    format!(
        "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata:\n  name: cp\n  namespace: istio-system\nspec:\n{spec}"
    )
}

#[test]
fn an_istio_operator_is_rewritten() {
    let cni: &[(&str, &str)] = &[("mode", "cni")];
    let sidecar: &[(&str, &str)] = &[("mode", "sidecar")];
    for (name, before, keys, after) in [
        (
            "plain",
            "  profile: default\n",
            cni,
            "  components:\n    cni:\n      enabled: true\n      namespace: kube-system\n  profile: default\n",
        ),
        (
            "with a namespace",
            "  components:\n    cni: {namespace: cni} # ours\n",
            cni,
            "  components:\n    cni: {namespace: cni, enabled: true} # ours\n",
        ),
        (
            "on already",
            "  components:\n    cni:\n      enabled: true\n",
            cni,
            "  components:\n    cni:\n      enabled: true\n",
        ),
        (
            "back",
            "  components:\n    cni:\n      enabled: true\n      namespace: cni\n",
            sidecar,
            "  components:\n    cni:\n      enabled: false\n      namespace: cni\n",
        ),
        ("off already", "  profile: default\n", sidecar, "  profile: default\n"),
        (
            "off where the profile has it on",
            "  profile: openshift\n",
            sidecar,
            "  components:\n    cni:\n      enabled: false\n  profile: openshift\n",
        ),
        (
            "platform",
            "  tag: 1.28.10\n",
            &[("mode", "cni"), ("platform", "k3s")],
            "  components:\n    cni:\n      enabled: true\n      namespace: kube-system\n  tag: 1.28.10\n  values:\n    global:\n      platform: k3s\n",
        ),
        (
            "GKE before it had a name",
            "  tag: 1.24.6-distroless\n",
            &[("mode", "cni"), ("platform", "gke")],
            "  components:\n    cni:\n      enabled: true\n      namespace: kube-system\n  tag: 1.24.6-distroless\n  values:\n    cni:\n      cniBinDir: /home/kubernetes/bin\n",
        ),
        (
            "directories",
            "  profile: default\n",
            &[("mode", "cni"), ("cniBinDir", "/b"), ("cniConfDir", "/c"), ("cniNamespace", "own")],
            "  components:\n    cni:\n      enabled: true\n      namespace: own\n  profile: default\n  values:\n    cni:\n      cniBinDir: /b\n      cniConfDir: /c\n",
        ),
    ] {
        assert_eq!(done(name, &operator(before), keys), operator(after), "{name}");
    }
    for (name, spec, keys, message) in [
        ("a profile that is a file", "  profile: my/profile.yaml\n", cni, "spec.profile: names files"),
        ("charts of its own", "  installPackagePath: /charts\n", cni, "spec.installPackagePath: names files"),
        ("ambient", "  profile: ambient\n", cni, "runs ambient"),
        ("too old", "  tag: 1.16.2\n", cni, "too old"),
        (
            "no version for the platform",
            "  profile: default\n",
            &[("mode", "cni"), ("platform", "gke")],
            "set `istio.version`",
        ),
        (
            "another namespace",
            "  components:\n    cni:\n      enabled: true\n      namespace: a\n",
            &[("mode", "cni"), ("cniNamespace", "b")],
            "istio-cni is in namespace \"a\"",
        ),
    ] {
        let outcome = run(&operator(spec), keys);
        assert_eq!(outcome.exit, Exit::Unusable, "{name}: {}", outcome.messages());
        assert!(outcome.messages().contains(message), "{name}: {}", outcome.messages());
    }
}

const SAIL: &str = "apiVersion: sailoperator.io/v1\nkind: Istio\nmetadata:\n  name: default\nspec:\n  namespace: istio-system\n  version: v1.28.3\n";

#[test]
fn sail_resources_are_rewritten_made_and_removed() {
    let cni = "---\napiVersion: sailoperator.io/v1\nkind: IstioCNI\nmetadata:\n  name: default\nspec:\n  namespace: kube-system\n  version: v1.28.3\n";
    let on = SAIL.replace("  version", "  values:\n    pilot:\n      cni:\n        enabled: true\n  version");
    let there = done("sail", SAIL, &[("mode", "cni")]);
    assert_eq!(there, format!("{on}{cni}"));
    let back = done("sail", &there, &[("mode", "sidecar")]);
    assert_eq!(back, on.replace("true", "false"));
    assert_eq!(done("sail", SAIL, &[("mode", "sidecar")]), SAIL);
    // An IstioCNI stays where it is.
    let own = cni.replace("  namespace: kube-system\n", "").replace("v1.28.3", "v1.28.1");
    let outcome = run(&format!("{SAIL}{own}"), &[("mode", "cni")]);
    assert_eq!(outcome.text, format!("{on}{own}"));
    assert!(outcome.rules().contains(&"istio-version-drift"), "{}", outcome.messages());
    let refused = run(&format!("{SAIL}{own}"), &[("mode", "cni"), ("cniNamespace", "kube-system")]);
    assert!(refused.messages().contains("in namespace \"istio-cni\""), "{}", refused.messages());
}

#[test]
fn what_a_resource_describes_is_not_changed_beside_it() {
    let rendered = super::shapes::plane("'{\"pilot\": {\"cni\": {\"enabled\": false}}}'");
    let input = format!("{}---\n{rendered}", operator("  profile: default\n"));
    let outcome = run(&input, &[("mode", "cni")]);
    assert!(outcome.text.ends_with(&rendered), "{}", outcome.text);
    assert!(outcome.rules().contains(&"left-to-controller"), "{}", outcome.messages());
    assert!(!outcome.text.contains("DaemonSet"));
    assert!(outcome.rules().contains(&"restart-needed"), "{}", outcome.messages());
    // One that makes gateways alone says nothing of the control plane.
    let gateways = operator("  components:\n    ingressGateways: []\n  profile: empty\n");
    let there = done("gateways", &format!("{gateways}---\n{rendered}"), &[("mode", "cni")]);
    assert!(there.starts_with(&gateways) && there.contains("DaemonSet"), "{there}");
}
