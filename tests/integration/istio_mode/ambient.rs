//! To ambient and back: every recorded render, every minor, and Kubeflow's own half-done overlays.

use serde_json::Value;
use unroot::filter::Exit;
use unroot::istio::facts;
use unroot::istio::platform::Platform;
use unroot::krm::Severity;

use super::renders::{as_list, assert_untouched, items};
use super::{config, done, run};
use crate::istio_objects::ambient::{Pair, pairs};
use crate::istio_objects::assert_same;
use crate::istio_objects::renders::{Docs, at_hand, read_text, shared, without_variant};

fn keys<'p>(pair: &'p Pair, mode: &'p str) -> Vec<(&'p str, &'p str)> {
    let mut keys = vec![
        ("mode", mode),
        ("cniNamespace", pair.cni_namespace),
        ("ambient.ztunnelNamespace", pair.ztunnel_namespace),
    ];
    if pair.platform != Platform::None {
        keys.push(("platform", pair.platform.as_str()));
    }
    keys
}

/// Byte for byte, but for the mapping that held the one variable of the mesh: empty it says the same as absent.
fn assert_back(what: &str, back: &str, input: &str) {
    let left = |text: &str| text.replace("      proxyMetadata: {}\n", "");
    assert!(left(back) == left(input), "{what} does not come back byte for byte");
}

fn plain(text: &str) -> Docs {
    without_variant(&read_text(text))
}

#[test]
fn a_cni_render_becomes_the_ambient_render_and_comes_back() {
    if !at_hand() {
        return;
    }
    for pair in pairs() {
        let name = pair.name();
        let (cni, ambient) = (pair.read("cni"), pair.read("ambient"));
        let input = pair.text("cni");
        let there = done(&name, &input, &keys(&pair, "ambient"));
        if pair.variant == "-registry" {
            continue;
        }
        assert_same(&name, &plain(&there), &ambient);
        assert_untouched(&name, &input, &there, &read_text(&input), &read_text(&there));
        let back = done(&name, &there, &keys(&pair, "cni"));
        assert_same(&format!("{name}, back"), &plain(&back), &cni);
        if pair.version == "1.28.10" {
            assert_back(&name, &back, &input);
        }
    }
}

#[test]
fn a_sidecar_render_becomes_the_ambient_render_at_once_and_comes_back() {
    if !at_hand() {
        return;
    }
    for pair in pairs().into_iter().filter(|pair| pair.platform == Platform::None) {
        if pair.variant == "-registry" {
            continue;
        }
        let name = pair.name();
        let sidecar = if pair.variant == "-istio-system" { "" } else { pair.variant.as_str() };
        let folder = shared().join("istio").join(&pair.version);
        let input = std::fs::read_to_string(folder.join(format!("sidecar{sidecar}.yaml"))).unwrap();
        let there = done(&name, &input, &keys(&pair, "ambient"));
        assert_same(&name, &plain(&there), &pair.read("ambient"));
        let back = done(&name, &there, &keys(&pair, "sidecar"));
        assert_back(&name, &back, &input);
    }
}

/// What istioctl itself has rendered as ambient: the way out, without what the profile brought beside.
#[test]
fn an_ambient_render_becomes_the_cni_render() {
    if !at_hand() {
        return;
    }
    for pair in pairs().into_iter().filter(|pair| pair.variant != "-registry") {
        let name = pair.name();
        let input = pair.text("ambient");
        let output = done(&name, &input, &keys(&pair, "cni"));
        assert_same(&name, &plain(&output), &pair.read("cni"));
        assert_eq!(done(&name, &input, &keys(&pair, "ambient")), input, "{name}: ambient already");
        let sidecar = plain(&done(&name, &input, &keys(&pair, "sidecar")));
        assert!(sidecar.keys().all(|key| !key.name.contains("istio-cni") && key.name != "ztunnel"), "{name}");
    }
}

#[test]
fn a_list_says_the_same_as_a_stream() {
    if !at_hand() {
        return;
    }
    for pair in pairs() {
        let name = pair.name();
        let input = pair.text("cni");
        let stream = done(&name, &input, &keys(&pair, "ambient"));
        let list = as_list(&input, &config(&keys(&pair, "ambient")));
        let outcome = unroot::filter(list.as_bytes(), &unroot::Given::default());
        let there: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
        assert_eq!(items(&there), items(&as_list(&stream, "x: y\n")), "{name}");
        let before = read_text(&input);
        for (key, value) in read_text(&stream) {
            if before.get(&key) == Some(&value) {
                continue;
            }
            let told = outcome.findings.iter().any(|finding| {
                let reference = finding.resource_ref.as_ref();
                finding.severity == Severity::Info
                    && reference.is_some_and(|reference| {
                        reference.kind == key.kind && reference.name == key.name && reference.namespace == key.namespace
                    })
            });
            assert!(told, "{name}: nothing is said of {key:?}");
        }
    }
}

fn env<'d>(docs: &'d Docs, kind: &str, name: &str, variable: &str) -> Option<&'d str> {
    let (_, object) = docs.iter().find(|(key, _)| key.kind == kind && key.name == name)?;
    let env = object["spec"]["template"]["spec"]["containers"][0]["env"].as_array()?;
    env.iter().find(|found| found["name"] == variable)?["value"].as_str()
}

/// Without a word about it ztunnel goes beside istio-cni, so that istio-system can stay restricted.
#[test]
fn ztunnel_goes_beside_istio_cni_and_istiod_trusts_it_there() {
    if !at_hand() {
        return;
    }
    for (version, trusted) in
        [("1.22.1", "istio-system/ztunnel,kube-system/ztunnel"), ("1.28.10", "kube-system/ztunnel")]
    {
        let input = std::fs::read_to_string(shared().join("istio").join(version).join("sidecar.yaml")).unwrap();
        let there = done(version, &input, &[("mode", "ambient")]);
        let docs = read_text(&there);
        let ztunnel: Vec<&str> =
            docs.keys().filter(|key| key.name == "ztunnel").map(|key| key.namespace.as_str()).collect();
        assert_eq!(ztunnel, ["kube-system", "kube-system"], "{version}");
        assert_eq!(env(&docs, "Deployment", "istiod", "CA_TRUSTED_NODE_ACCOUNTS"), Some(trusted), "{version}");
        let back = done(version, &there, &[("mode", "sidecar")]);
        assert_back(version, &back, &input);
    }
}

/// Most minors have no recorded render, so that of the nearest one is given their version.
#[test]
fn every_minor_goes_there_and_back_or_is_refused() {
    if !at_hand() {
        return;
    }
    for row in facts::all() {
        let (minor, name) = (row.minor, format!("1.{}", row.minor));
        let from = match minor {
            ..=21 => "1.17.5",
            22 | 23 => "1.22.1",
            _ => "1.28.10",
        };
        let file = shared().join("istio").join(from).join("sidecar.yaml");
        let mut input = std::fs::read_to_string(file).unwrap().replace(from, &format!("1.{minor}.5"));
        if minor == 23 {
            // From here on istiod names the account in every mode.
            let last = "          value: /var/run/secrets/remote/config\n";
            let trusted = "        - name: CA_TRUSTED_NODE_ACCOUNTS\n          value: istio-system/ztunnel\n";
            assert!(input.contains(last));
            input = input.replace(last, &format!("{last}{trusted}"));
        }
        for platform in [Platform::None, Platform::Gke, Platform::OpenShift, Platform::K3s] {
            let outcome = run(&input, &[("mode", "ambient"), ("platform", platform.as_str())]);
            let Some(ambient) = row.ambient.filter(|_| platform.effect(row).is_ok()) else {
                assert_eq!(outcome.exit, Exit::Unusable, "{name} {platform}");
                continue;
            };
            if platform == Platform::OpenShift && minor < 22 {
                assert_eq!(outcome.exit, Exit::Unusable, "{name} {platform}");
                continue;
            }
            assert_eq!(outcome.rules().contains(&"ambient-alpha"), ambient.alpha, "{name} {platform}");
            let there = done(&name, &input, &[("mode", "ambient"), ("platform", platform.as_str())]);
            let docs = read_text(&there);
            let namespace = if minor < 21 { "istio-system" } else { "kube-system" };
            let trusted = env(&docs, "Deployment", "istiod", "CA_TRUSTED_NODE_ACCOUNTS").unwrap_or_default();
            assert!(trusted.split(',').any(|account| account == format!("{namespace}/ztunnel")), "{name} {trusted}");
            for variable in ambient.istiod_env {
                assert_eq!(env(&docs, "Deployment", "istiod", variable), Some("true"), "{name} {platform}");
            }
            let gateway = env(&docs, "Deployment", "istio-ingressgateway", "ISTIO_META_ENABLE_HBONE");
            assert_eq!(gateway, Some("true"), "{name} {platform}");
            let back = done(&name, &there, &[("mode", "sidecar"), ("platform", platform.as_str())]);
            if platform == Platform::None {
                assert_back(&name, &back, &input);
            }
        }
    }
}

/// Kubeflow's overlays for ambient, with what is wrong with them.
#[test]
fn the_overlays_of_kubeflow_are_completed() {
    let mut count = 0;
    for (overlay, platform) in [
        ("overlay-ambient", "none"),
        ("overlay-ambient-gke", "gke"),
        ("overlay-ambient-oauth2-proxy", "none"),
        ("overlay-ambient-oauth2-proxy-gke", "gke"),
        ("overlay-insecure", "none"),
    ] {
        let Some(install) = crate::shared::read(&format!("kubeflow-istio/26.03/{overlay}.yaml")) else { return };
        let Some(gateway) = crate::shared::read("kubeflow-istio/26.03/cluster-local-gateway.yaml") else { return };
        let input = format!("{install}---\n{gateway}");
        let keys = [("mode", "ambient"), ("platform", platform)];
        let outcome = run(&input, &keys);
        assert_eq!(outcome.exit, Exit::Done, "{overlay}: {}", outcome.messages());
        assert_eq!(run(&outcome.text, &keys).text, outcome.text, "{overlay}");
        let docs = read_text(&outcome.text);
        let find = |kind: &str, name: &str| {
            let found = docs.iter().find(|(key, _)| key.kind == kind && key.name == name);
            found.map(|(_, object)| object).unwrap_or(&Value::Null)
        };
        // Rights: what is too much is gone, what was missing is there.
        let role = find("ClusterRole", "istio-cni")["rules"].to_string();
        assert!(!role.contains("patch") && !role.contains("update"), "{overlay}: {role}");
        assert_eq!(find("ClusterRole", "istio-cni-ambient")["rules"][0]["resources"][0], "pods/status", "{overlay}");
        assert!(!find("ClusterRoleBinding", "istio-cni-ambient").is_null(), "{overlay}");
        // HBONE, in the mesh, gateways and ztunnel.
        let mesh = find("ConfigMap", "istio")["data"]["mesh"].as_str().unwrap();
        assert!(mesh.contains("ISTIO_META_ENABLE_HBONE") && mesh.contains("scope: GLOBAL"), "{overlay}: {mesh}");
        for (kind, name) in
            [("Deployment", "istio-ingressgateway"), ("Deployment", "cluster-local-gateway"), ("DaemonSet", "ztunnel")]
        {
            assert_eq!(env(&docs, kind, name, "ISTIO_META_ENABLE_HBONE"), Some("true"), "{overlay} {name}");
        }
        assert_eq!(env(&docs, "Deployment", "istiod", "PILOT_ENABLE_AMBIENT"), Some("true"), "{overlay}");
        let ztunnel = docs.keys().find(|key| key.kind == "DaemonSet" && key.name == "ztunnel").unwrap();
        let trusted = env(&docs, "Deployment", "istiod", "CA_TRUSTED_NODE_ACCOUNTS").unwrap();
        assert_eq!(trusted, format!("{}/ztunnel", ztunnel.namespace), "{overlay}");
        // ztunnel is not evicted before what it serves.
        let priority = &find("DaemonSet", "ztunnel")["spec"]["template"]["spec"]["priorityClassName"];
        assert_eq!(priority, "system-node-critical", "{overlay}");
        assert_eq!(find("ResourceQuota", "ztunnel").is_null(), platform != "gke", "{overlay}");
        assert!(outcome.rules().contains(&"istio-half-done"), "{overlay}: {}", outcome.messages());
        count += 1;
    }
    assert_eq!(count, 5);
}

/// A mode never lowers a label: a namespace that cannot hold ztunnel is said to be so.
#[test]
fn the_namespace_of_ztunnel_is_judged_and_left() {
    if !at_hand() {
        return;
    }
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: istio-system\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n";
    let install = std::fs::read_to_string(shared().join("istio/1.28.10/sidecar.yaml")).unwrap();
    let input = format!("{namespace}---\n{install}");
    let config = config(&[("mode", "ambient"), ("ambient.ztunnelNamespace", "istio-system")]).replace("warn", "fail");
    let list = as_list(&input, &config);
    let outcome = unroot::filter(list.as_bytes(), &unroot::Given::default());
    assert_eq!(outcome.exit, Exit::Findings);
    let messages: String = outcome.findings.iter().map(|finding| format!("{finding}\n")).collect();
    assert!(
        messages.contains("DaemonSet/istio-system/ztunnel")
            && messages.contains("add `{names: [istio-system], enforce: privileged}` to `podSecurity.namespaces`"),
        "{messages}"
    );
    let text: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
    assert!(text.contains("pod-security.kubernetes.io/enforce: restricted"));
}
