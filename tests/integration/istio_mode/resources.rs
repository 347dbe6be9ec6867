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
        ("too old for ambient", "  tag: 1.18.7\n", &[("mode", "ambient")], "has no ambient mode"),
        ("too old for its gateways", "  tag: 1.20.1\n", &[("mode", "ambient")], "cannot keep its gateways"),
        (
            "another namespace than ztunnel's",
            "  components:\n    ztunnel:\n      enabled: true\n      namespace: a\n",
            &[("mode", "ambient"), ("ambient.ztunnelNamespace", "b")],
            "ztunnel is in namespace \"a\"",
        ),
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

#[test]
fn an_istio_operator_becomes_ambient_and_comes_back() {
    let ambient: &[(&str, &str)] = &[("mode", "ambient")];
    let cni = "  components:\n    cni:\n      enabled: true\n      namespace: kube-system\n";
    let ztunnel = |namespace: &str| format!("    ztunnel:\n      enabled: true\n      namespace: {namespace}\n");
    let trusts = |namespace: &str, profile: &str| {
        format!("  values:\n    pilot:\n      trustedZtunnelNamespace: {namespace}\n    profile: {profile}\n")
    };
    for (name, before, keys, after) in [
        (
            "plain",
            format!("{cni}  tag: 1.28.10\n"),
            ambient,
            format!("{cni}{}  tag: 1.28.10\n{}", ztunnel("kube-system"), trusts("kube-system", "ambient")),
        ),
        (
            "a namespace of its own",
            format!("{cni}  tag: 1.28.10\n"),
            &[("mode", "ambient"), ("ambient.ztunnelNamespace", "z")],
            format!("{cni}{}  tag: 1.28.10\n{}", ztunnel("z"), trusts("z", "ambient")),
        ),
        (
            "before istiod could be told the namespace",
            format!("{cni}  tag: 1.22.1\n"),
            ambient,
            format!("{cni}{}  tag: 1.22.1\n  values:\n    profile: ambient\n", ztunnel("kube-system")),
        ),
        (
            "OpenShift by profile",
            format!("{cni}  profile: openshift\n  tag: 1.23.1\n"),
            ambient,
            format!(
                "{cni}{}  profile: openshift\n  tag: 1.23.1\n{}",
                ztunnel("kube-system"),
                trusts("kube-system", "openshift-ambient")
            ),
        ),
    ] {
        let there = done(name, &operator(&before), keys);
        assert_eq!(there, operator(&after), "{name}");
        let back = done(name, &there, &[("mode", "cni")]);
        let profile = if name.starts_with("OpenShift") { "  values:\n    profile: openshift\n" } else { "" };
        assert_eq!(back, operator(&format!("{before}{profile}")), "{name}, back");
    }
    // The profile has the ingress gateway off; another one would turn it on.
    let by_profile = operator("  profile: ambient\n  tag: 1.28.10\n");
    let back = done("by profile", &by_profile, &[("mode", "cni")]);
    let components = "  components:\n    cni:\n      enabled: true\n    ingressGateways:\n    - name: istio-ingressgateway\n      enabled: false\n    ztunnel:\n      enabled: false\n";
    assert_eq!(back, operator(&format!("{components}  profile: default\n  tag: 1.28.10\n")));
    let back = done("by profile", &by_profile, &[("mode", "sidecar")]);
    assert!(back.contains("    cni:\n      enabled: false\n"), "{back}");
    let kept = done("by profile", &by_profile, ambient);
    assert!(kept.contains("  profile: ambient\n") && !kept.contains("    profile: ambient\n"), "{kept}");
    let alpha = run(&operator("  tag: 1.21.6\n"), ambient);
    assert!(alpha.rules().contains(&"ambient-alpha"), "{}", alpha.messages());
}

#[test]
fn sail_resources_become_ambient_and_come_back() {
    let cni = done("sail", SAIL, &[("mode", "cni")]);
    let there = done("sail", &cni, &[("mode", "ambient")]);
    let istio = SAIL.replace(
        "  version",
        "  profile: ambient\n  values:\n    pilot:\n      cni:\n        enabled: true\n      trustedZtunnelNamespace: kube-system\n  version",
    );
    let agent = "---\napiVersion: sailoperator.io/v1\nkind: IstioCNI\nmetadata:\n  name: default\nspec:\n  namespace: kube-system\n  profile: ambient\n  version: v1.28.3\n";
    let proxy = "---\napiVersion: sailoperator.io/v1\nkind: ZTunnel\nmetadata:\n  name: default\nspec:\n  namespace: kube-system\n  targetRef:\n    kind: Istio\n    name: default\n  version: v1.28.3\n";
    assert_eq!(there, format!("{istio}{agent}{proxy}"));
    assert_eq!(done("sail", &there, &[("mode", "cni")]), cni);
    // In one step, and the older operator's form.
    assert_eq!(done("sail", SAIL, &[("mode", "ambient")]), there);
    let old = done("sail", &SAIL.replace("v1.28.3", "v1.26-latest"), &[("mode", "ambient")]);
    assert!(old.contains("apiVersion: sailoperator.io/v1alpha1\nkind: ZTunnel\n"), "{old}");
    assert!(!old.contains("targetRef"), "{old}");
    // A ZTunnel stays where it is, by default in a namespace of its own.
    let own =
        "---\napiVersion: sailoperator.io/v1\nkind: ZTunnel\nmetadata: {name: default}\nspec: {version: v1.28.3}\n";
    let kept = run(&format!("{SAIL}{own}"), &[("mode", "ambient")]);
    assert!(kept.text.contains("trustedZtunnelNamespace: ztunnel\n") && kept.text.contains(own), "{}", kept.text);
    let refused = run(&format!("{SAIL}{own}"), &[("mode", "ambient"), ("ambient.ztunnelNamespace", "kube-system")]);
    assert!(refused.messages().contains("ztunnel is in namespace \"ztunnel\""), "{}", refused.messages());
}
