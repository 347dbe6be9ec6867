//! Whole platforms: every policy accounted for, every level the recorded one, and the way back.

use std::collections::BTreeMap;

use serde_json::Value;
use unroot::check::{Options, Source, check};
use unroot::filter::Exit;
use unroot::report::Output;

use super::{Run, docs, run_with};
use crate::shared::read;

fn platform(release: &str) -> Option<String> {
    read(&format!("kubeflow/{release}.yaml.gz"))
}

/// How many findings there are of each severity for a kind.
fn counted(run: &Run, kind: &str, rule: &str) -> Vec<String> {
    let of_kind = run.findings.iter().filter(|finding| {
        finding.tags["rule"] == rule && finding.resource_ref.as_ref().is_some_and(|resource| resource.kind == kind)
    });
    let mut names: Vec<String> = of_kind.map(|finding| finding.resource_ref.as_ref().unwrap().name.clone()).collect();
    names.sort();
    names
}

#[test]
fn every_policy_of_the_platform_is_accounted_for() {
    let Some(input) = platform("26.03") else { return };
    let run = run_with(&input, "{mode: ambient}");
    assert_eq!(run.exit, Exit::Done, "{}", run.messages());
    let of_kind = |kind: &str| docs(&input).into_iter().filter(|doc| doc["kind"] == kind).count();
    assert_eq!((of_kind("AuthorizationPolicy"), of_kind("NetworkPolicy")), (24, 40));
    let more = counted(&run, "AuthorizationPolicy", "policy-denies-more");
    assert_eq!(more, ["ml-pipeline", "ml-pipeline-ui"]);
    assert_eq!(counted(&run, "AuthorizationPolicy", "policy-kept").len(), 22);
    assert!(run.of_rule("policy-fails-open").is_empty());
    let opened = counted(&run, "NetworkPolicy", "network-policy-hbone");
    let expected =
        ["allow-istio-gateways-to-activator", "model-catalog", "model-registry", "seaweedfs", "tensorboards-web-app"];
    assert_eq!(opened, expected);
    assert_eq!(counted(&run, "NetworkPolicy", "network-policy-opens-ports"), expected);
    assert_eq!(counted(&run, "NetworkPolicy", "network-policy-kept").len(), 35);
    // Policies on gateways stay as they are, byte for byte.
    for name in
        ["istio-ingressgateway-oauth2-proxy", "istio-ingressgateway-require-jwt", "allow-knative-to-istio-gateways"]
    {
        let of = |text: &str| {
            text.split("\n---\n").find(|part| part.contains(&format!("\n  name: {name}\n"))).map(str::to_owned)
        };
        assert_eq!(of(&run.text), of(&input), "{name}");
    }
    // Webhooks that were out of the sidecar's reach are behind the policy that lets nobody in.
    let refused: Vec<String> = run.of_rule("ambient-annotation-ignored");
    assert_eq!(refused.iter().filter(|said| said.contains("port 9443 is refused")).count(), 3, "{refused:?}");
    assert_eq!(run.of_rule("ambient-run-time-policies").len(), 1);
}

#[test]
fn nobody_is_injected_any_more_and_levels_are_the_recorded_ones() {
    let Some(input) = platform("26.03") else { return };
    let recorded: Value = serde_json::from_str(&read("kubeflow-verdicts/26.03.levels.json").unwrap()).unwrap();
    let run = run_with(&input, "{mode: ambient}");
    let before: Vec<String> = docs(&input).iter().map(key).collect();
    let options = Options { output: Output::Jsonl, ..Options::default() };
    let checked = check(&[Source { name: "-", bytes: run.text.as_bytes() }], &options);
    let mut levels: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in checked.report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let namespace = word("namespace");
        assert_eq!(line["injected"], false, "{line}");
        // What the mode itself adds is not in the recorded levels.
        if before.contains(&format!("{}/{namespace}/{}", word("kind"), word("name"))) {
            levels.entry(namespace).or_default().push(word("meets"));
        }
    }
    for (namespace, recorded) in recorded["namespaces"].as_object().unwrap() {
        let found = &levels[namespace];
        let weakest =
            ["privileged", "baseline", "restricted"].into_iter().find(|level| found.iter().any(|one| one == level));
        assert_eq!(weakest, recorded["levels"]["ambient"].as_str(), "{namespace}");
        assert_eq!(found.len() as u64, recorded["pods"].as_u64().unwrap(), "{namespace}");
    }
}

fn key(doc: &Value) -> String {
    let word = |key: &str| doc["metadata"][key].as_str().unwrap_or_default().to_owned();
    format!("{}/{}/{}", doc["kind"].as_str().unwrap(), word("namespace"), word("name"))
}

/// All that is not of Istio's own installation.
fn users(text: &str) -> BTreeMap<String, Value> {
    let is_users = |doc: &Value| {
        let namespace = doc["metadata"]["namespace"].as_str().unwrap_or_default();
        let named = doc["metadata"]["name"].as_str().unwrap_or_default();
        !["istio-system", "kube-system"].contains(&namespace) && !named.contains("istio") && !named.contains("ztunnel")
    };
    docs(text).into_iter().filter(is_users).map(|doc| (key(&doc), doc)).collect()
}

#[test]
fn there_and_back_and_a_second_run() {
    for (release, ambient) in [
        ("26.03", "{}"),
        ("26.03", "{waypoints: auto}"),
        ("26.03", "{userNamespaces: true}"),
        ("26.03", "{namespaces: [knative-*]}"),
    ] {
        let Some(input) = platform(release) else { return };
        let config = format!("{{mode: ambient, ambient: {ambient}}}");
        let there = run_with(&input, &config);
        assert_eq!(there.exit, Exit::Done, "{}", there.messages());
        let again = run_with(&there.text, &config);
        assert!(again.text == there.text, "{release} {ambient}: a second run changes something");
        let back = users(&run_with(&there.text, "{mode: cni}").text);
        let mut was = users(&input);
        if ambient.contains("userNamespaces") {
            // Both keys stay in the text, so that namespaces that exist follow.
            let name = "ConfigMap/kubeflow/namespace-labels-data-2k29b64d74";
            let text = |docs: &BTreeMap<String, Value>| {
                docs[name]["data"]["namespace-labels.yaml"].as_str().unwrap().to_owned()
            };
            assert_eq!(text(&back), text(&was) + "istio-injection: \"enabled\"\nistio.io/dataplane-mode: \"\"\n");
            was.insert(name.to_owned(), back[name].clone());
        }
        for (key, doc) in &was {
            assert_eq!(back.get(key), Some(doc), "{release} {ambient} {key}");
        }
        assert_eq!(back.len(), was.len(), "{release} {ambient}");
    }
}

/// What is split holds what the platform's own policies say.
#[test]
fn the_two_policies_about_headers_are_split() {
    let Some(input) = platform("26.03") else { return };
    let run = run_with(&input, "{mode: ambient, ambient: {waypoints: auto}}");
    assert_eq!(counted(&run, "AuthorizationPolicy", "policy-denies-more"), Vec::<String>::new());
    let (was, is) = (users(&input), users(&run.text));
    for name in ["ml-pipeline", "ml-pipeline-ui"] {
        let key = format!("AuthorizationPolicy/kubeflow/{name}");
        assert_eq!(is[&format!("{key}-waypoint")]["spec"]["rules"], was[&key]["spec"]["rules"]);
        assert_eq!(is[&key]["spec"]["selector"], was[&key]["spec"]["selector"]);
        assert!(!is[&key].to_string().contains("request.headers"));
        let service = &is[&format!("Service/kubeflow/{name}")]["metadata"]["labels"];
        assert_eq!(service["istio.io/use-waypoint"], "waypoint");
        // The dashboard's gateway leads to one of them only.
        assert_eq!(service.get("istio.io/ingress-use-waypoint").is_some(), name == "ml-pipeline-ui");
    }
    assert!(run.of_rule("waypoint-blocked").is_empty(), "{}", run.messages());
    let blocked = run.of_rule("network-policy-blocks");
    assert!(blocked.len() == 1 && blocked[0].contains("default-allow-same-namespace"), "{blocked:?}");
}
