//! Kubeflow's own trees and whole platforms.

use std::collections::BTreeMap;

use serde_json::Value;
use unroot::check::{Options, Source, check};
use unroot::pod_security::Level;
use unroot::report::Output;

use crate::istio_objects::normal::normal;
use crate::istio_objects::renders::{Docs, at_hand, read_text, shared};
use crate::istio_objects::{assert_same, owned};

use super::{done, run};

fn file(name: &str) -> String {
    std::fs::read_to_string(shared().join("kubeflow-istio").join(name)).unwrap()
}

fn owned_of(docs: &Docs) -> Docs {
    owned(docs).into_iter().map(|key| (key.clone(), docs[&key].clone())).collect()
}

/// Kubeflow 1.8 ships both trees: the one becomes the other.
#[test]
fn the_sidecar_tree_becomes_kubeflows_own_cni_tree() {
    if !at_hand() {
        return;
    }
    let input = file("v1.8.1/sidecar/istio-install.yaml");
    let there = done("1.8.1", &input, &[("mode", "cni")]);
    let (found, own) = (read_text(&there), read_text(&file("v1.8.1/cni/istio-install.yaml")));
    assert_same("1.8.1", &owned_of(&found), &owned_of(&own));
    let injector = own.keys().find(|key| key.kind == "ConfigMap" && key.name == "istio-sidecar-injector").unwrap();
    assert_eq!(normal(&found[injector]), normal(&own[injector]));
    assert!(done("1.8.1", &there, &[("mode", "sidecar")]) == input);
    // The way back from Kubeflow's own tree.
    let back = read_text(&done("1.8.1", &file("v1.8.1/cni/istio-install.yaml"), &[("mode", "sidecar")]));
    assert!(owned(&back).is_empty());
}

#[test]
fn the_cni_tree_loses_exactly_istio_cni() {
    if !at_hand() {
        return;
    }
    for name in ["cni-base", "overlay-oauth2-proxy", "overlay-gke"] {
        let input = file(&format!("26.03/{name}.yaml"));
        let back = done(name, &input, &[("mode", "sidecar")]);
        let (before, after) = (read_text(&input), read_text(&back));
        assert_eq!(before.len(), after.len() + 7, "{name}");
        let changed: Vec<&str> =
            after.iter().filter(|(key, value)| before[*key] != **value).map(|(key, _)| key.name.as_str()).collect();
        assert_eq!(changed, ["istio-sidecar-injector", "values"], "{name}");
        // The flags come back to the byte; istio-cni is made as istiod's own version has it.
        let again = read_text(&done(name, &back, &[("mode", "cni")]));
        let kept = |docs: &Docs| -> Docs {
            docs.iter()
                .filter(|(key, _)| after.contains_key(*key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        assert_eq!(kept(&again), kept(&before), "{name}");
        assert_eq!(owned(&again).len(), 7, "{name}");
    }
}

/// The overlay that gave its users root back left parts of istio-cni behind, its values in YAML, and another tag in them.
#[test]
fn the_insecure_overlay_is_completed() {
    if !at_hand() {
        return;
    }
    let input = file("26.03/overlay-insecure.yaml");
    let outcome = run(&input, &[("mode", "cni")]);
    let docs = read_text(&outcome.text);
    assert_eq!(owned(&docs).len(), 7);
    let added: Vec<_> =
        docs.keys().filter(|key| !read_text(&input).contains_key(*key)).map(|key| key.kind.clone()).collect();
    assert_eq!(added, ["DaemonSet"]);
    let rules = outcome.rules();
    assert!(rules.contains(&"istio-half-done") && rules.contains(&"istio-version-drift"), "{}", outcome.messages());
    assert!(outcome.messages().contains("`global.tag` in `data.values` is 1.26.1 and istiod is 1.28.0"));
    // One line of the YAML text, and the two copies of the values in the other ConfigMap.
    let changed = similar::TextDiff::from_lines(&input, &outcome.text)
        .iter_all_changes()
        .filter(|change| change.tag() == similar::ChangeTag::Delete)
        .map(|change| change.value().trim().to_owned())
        .collect::<Vec<_>>();
    assert!(changed.iter().all(|line| line.trim_end_matches(',').replace('"', "") == "enabled: false"), "{changed:?}");
}

#[test]
fn whole_platforms_convert_both_ways() {
    for (release, first, second, rule) in [
        ("v1.8.1", "cni", "sidecar", "storage-initializer-before-mesh"),
        ("26.03", "sidecar", "cni", "istio-version-drift"),
    ] {
        let Some(input) = crate::shared::read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let outcome = run(&input, &[("mode", first)]);
        assert!(outcome.rules().contains(&rule), "{release}: {}", outcome.messages());
        let restarts: Vec<&str> = outcome
            .findings
            .iter()
            .filter(|finding| finding.tags["rule"] == "restart-needed")
            .map(|finding| finding.resource_ref.as_ref().unwrap().name.as_str())
            .collect();
        assert!(restarts.contains(&"kubeflow") && restarts.contains(&"kubeflow-user-example-com"), "{restarts:?}");
        // Lines that have changed, but for whole objects that came or went.
        let there = outcome.text;
        let back = done(release, &there, &[("mode", second)]);
        if release == "v1.8.1" {
            assert!(back == input, "{release} does not come back");
        }
        // The list says the same.
        let Some(list) = crate::shared::read(&format!("kubeflow/{release}.resourcelist.yaml.gz")) else { return };
        let function_config = list.rfind("\nfunctionConfig:").expect("a functionConfig");
        let config = super::config(&[("mode", first)]).replace('\n', "\n  ");
        let list = format!("{}\nfunctionConfig:\n  {}\n", &list[..function_config], config.trim_end());
        let outcome = unroot::filter(list.as_bytes(), &unroot::Given::default());
        let text: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
        assert_eq!(outcome.exit, unroot::filter::Exit::Done, "{release}");
        assert_eq!(
            text.matches("\n  kind: DaemonSet\n").count(),
            there.matches("\nkind: DaemonSet\n").count(),
            "{release}"
        );
    }
}

/// What pods are admitted by after the rewrite, as the real injector and the real Pod Security library have it.
#[test]
fn after_the_rewrite_pods_are_judged_as_recorded() {
    for (release, mode) in [("v1.8.1", "cni"), ("26.03", "sidecar")] {
        let Some(input) = crate::shared::read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let Some(verdicts) = crate::shared::read(&format!("kubeflow-verdicts/{release}.jsonl.gz")) else { return };
        let rewritten = run(&input, &[("mode", mode)]).text;
        for level in [Level::Baseline, Level::Restricted] {
            let options = Options { level: Some(level), output: Output::Jsonl, ..Options::default() };
            let source = Source { name: "-", bytes: rewritten.as_bytes() };
            let report = check(&[source], &options).report;
            let name = |value: &Value| ["kind", "namespace", "name"].map(|key| value[key].as_str().unwrap().to_owned());
            let found: BTreeMap<_, _> = report
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap())
                .map(|line| (name(&line), (line["allowed"].clone(), line["injected"].clone())))
                .collect();
            let mut compared = 0;
            for line in verdicts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
                let key = name(&line);
                if mode == "sidecar" && key[2] == "istio-cni-node" {
                    assert!(!found.contains_key(&key));
                    continue;
                }
                let expected = (line["modes"][mode][level.as_str()]["allowed"].clone(), line["injected"].clone());
                assert_eq!(found.get(&key), Some(&expected), "{release} {mode} {level} {key:?}");
                compared += 1;
            }
            assert!(compared > 45, "{release}: only {compared} pods");
        }
    }
}

/// `strictest` sees the mode that this very run brings about.
#[test]
fn strictest_sees_the_new_mode() {
    let Some(input) = crate::shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    let Some(levels) = crate::shared::read("kubeflow-verdicts/v1.8.1.levels.json") else { return };
    let levels: Value = serde_json::from_str(&levels).unwrap();
    for mode in ["cni", "sidecar"] {
        let config =
            format!("{}  podSecurity: {{enforce: strictest, floor: privileged}}\n", super::config(&[("mode", mode)]));
        let file = Some(("unroot.yaml", Ok(config.into_bytes())));
        let outcome = unroot::filter(input.as_bytes(), &unroot::Given { file, words: &[] });
        let text: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
        let mut compared = 0;
        for document in text.split("\n---\n").filter(|document| document.contains("kind: Namespace\n")) {
            let Ok(namespace) = serde_yaml::from_str::<Value>(document) else { continue };
            let name = namespace["metadata"]["name"].as_str().unwrap_or_default();
            let Some(expected) = levels["namespaces"].get(name) else { continue };
            let label = &namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"];
            assert_eq!(*label, expected["levels"][mode], "{mode} {name}");
            compared += 1;
        }
        assert_eq!(compared, 6, "{mode}");
    }
}
