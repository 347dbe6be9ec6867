//! `unroot plan` against the levels of whole platforms that the real injector and the real library gave, and against what
//! the filter then makes of them.

mod bad_input;
mod modes;
mod ways;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unroot::Given;
use unroot::check::Source;
use unroot::filter::Exit;
use unroot::plan::{Options, Output, plan};

use crate::shared::read;

const RELEASES: [&str; 2] = ["v1.8.1", "26.03"];
const MODES: [&str; 4] = ["asIs", "sidecar", "cni", "ambient"];

/// The plan for one input in a form.
pub(crate) fn planned(input: &str, output: Output, config: Option<&str>) -> String {
    let config = config.map(|text| ("unroot.yaml", Ok(text.as_bytes().to_vec())));
    let outcome = plan(&[Source { name: "-", bytes: input.as_bytes() }], &Options { output, config });
    assert_eq!(outcome.exit, Exit::Done, "{:?}", outcome.findings);
    outcome.report
}

fn as_json(input: &str, config: Option<&str>) -> Value {
    serde_json::from_str(&planned(input, Output::Json, config)).expect("JSON")
}

/// The recorded build as a stream and as a list.
pub(crate) fn builds(release: &str) -> Option<[String; 2]> {
    Some([read(&format!("kubeflow/{release}.yaml.gz"))?, read(&format!("kubeflow/{release}.resourcelist.yaml.gz"))?])
}

fn recorded_levels(release: &str) -> Option<Value> {
    let text = read(&format!("kubeflow-verdicts/{release}.levels.json"))?;
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// The name of a column in the recorded verdicts; native sidecars as the build has them.
fn recorded_mode(levels: &Value, mode: &str) -> String {
    let native = if levels["configured"]["native"] == true { "-native" } else { "" };
    match mode {
        "asIs" => format!("{}{native}", levels["configured"]["mode"].as_str().expect("a mode")),
        "ambient" => "ambient".to_owned(),
        mode => format!("{mode}{native}"),
    }
}

#[test]
fn levels_of_whole_platforms_are_those_recorded_in_every_mode() {
    let mut compared = 0;
    for release in RELEASES {
        let (Some(builds), Some(recorded)) = (builds(release), recorded_levels(release)) else { return };
        for build in builds {
            let plan = as_json(&build, None);
            assert_eq!(plan["istio"]["version"], recorded["istio"], "{release}");
            assert_eq!(plan["istio"]["mode"], recorded["configured"]["mode"], "{release}");
            let namespaces = plan["namespaces"].as_array().expect("namespaces");
            for (name, expected) in recorded["namespaces"].as_object().expect("namespaces") {
                let namespace = namespaces.iter().find(|namespace| namespace["name"] == *name.as_str());
                let namespace = namespace.unwrap_or_else(|| panic!("{release} {name}"));
                assert_eq!(namespace["enforce"], expected["labels"]["enforce"], "{release} {name}");
                for mode in MODES {
                    let level = &namespace["levels"][mode];
                    if plan["unavailable"].get(mode).is_some() {
                        assert_eq!(level, &Value::Null, "{release} {name} {mode}");
                        continue;
                    }
                    let recorded = recorded_mode(&recorded, mode);
                    assert_eq!(level, &expected["levels"][&recorded], "{release} {name} {mode}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 2 * (6 * 3 + 8 * 4));
}

#[test]
fn only_an_old_istio_has_no_ambient() {
    for (release, unavailable) in
        [("v1.8.1", json!({"ambient": "ambient needs Istio 1.19 or newer, this is 1.17.5"})), ("26.03", json!({}))]
    {
        let Some([stream, _]) = builds(release) else { return };
        assert_eq!(as_json(&stream, None)["unavailable"], unavailable, "{release}");
    }
}

#[test]
fn blockers_are_the_pods_and_the_words_that_were_recorded() {
    for release in RELEASES {
        let Some([stream, _]) = builds(release) else { return };
        let Some(verdicts) = read(&format!("kubeflow-verdicts/{release}.jsonl.gz")) else { return };
        let Some(recorded) = recorded_levels(release) else { return };
        let plan = as_json(&stream, None);
        let verdicts: Vec<Value> = verdicts.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let mut blockers = 0;
        for namespace in plan["namespaces"].as_array().expect("namespaces") {
            let mut expected = Vec::new();
            for mode in MODES {
                let next = match namespace["levels"][mode].as_str() {
                    Some("privileged") => "baseline",
                    Some("baseline") => "restricted",
                    _ => continue,
                };
                for verdict in verdicts.iter().filter(|verdict| verdict["namespace"] == namespace["name"]) {
                    let of_mode = &verdict["modes"][recorded_mode(&recorded, mode)][next];
                    if of_mode["allowed"] == true {
                        continue;
                    }
                    let violations = of_mode["violations"].as_array().expect("violations").iter();
                    let violations: Vec<Value> =
                        violations.map(|pair| json!({"reason": pair[0], "detail": pair[1]})).collect();
                    expected.push(json!({
                        "mode": mode, "level": next, "apiVersion": verdict["apiVersion"], "kind": verdict["kind"],
                        "name": verdict["name"], "violations": violations,
                    }));
                }
            }
            blockers += expected.len();
            assert_eq!(namespace["blockers"], json!(expected), "{release} {}", namespace["name"]);
        }
        assert!(blockers > 30, "{release} {blockers}");
    }
}

#[test]
fn colours_change_no_word_and_no_column_of_the_matrix() {
    let Some([stream, _]) = builds("v1.8.1") else { return };
    let coloured = planned(&stream, Output::ColouredText, None);
    let mut plain = String::new();
    let mut parts = coloured.split('\u{1b}');
    plain.push_str(parts.next().expect("a text"));
    let mut codes = 0;
    for part in parts {
        codes += 1;
        plain.push_str(part.split_once('m').expect("the end of a code").1);
    }
    assert!(codes > 50, "{codes}");
    assert_eq!(plain, planned(&stream, Output::Text, None));
}

/// The levels of a plan's column by namespace.
fn column(plan: &Value, pods: &str, mode: &str) -> Vec<(String, Value)> {
    let namespaces = plan["namespaces"].as_array().expect("namespaces").iter();
    namespaces
        .map(|namespace| (namespace["name"].as_str().expect("a name").to_owned(), namespace[pods][mode].clone()))
        .collect()
}

#[test]
fn a_platform_that_the_filter_has_converted_and_hardened_meets_the_levels_that_were_planned() {
    for release in RELEASES {
        let Some([stream, _]) = builds(release) else { return };
        let before = as_json(&stream, None);
        let known: BTreeSet<String> = column(&before, "levels", "asIs").into_iter().map(|(name, _)| name).collect();
        for mode in ["sidecar", "cni", "ambient"] {
            if before["unavailable"].get(mode).is_some() {
                continue;
            }
            for (pods, harden) in [("levels", "none"), ("hardened", "restricted")] {
                let words = [
                    "onViolation=warn".to_owned(),
                    format!("istio={mode}"),
                    format!("harden={harden}"),
                    "assumeNonRoot=true".to_owned(),
                ];
                let outcome = unroot::filter(stream.as_bytes(), &Given { file: None, words: &words });
                let after: String = outcome.pieces().iter().map(|piece| piece.as_str().to_owned()).collect();
                let after = as_json(&after, None);
                assert_eq!(after["istio"]["mode"], mode, "{release}");
                let mut levels = column(&after, "levels", "asIs");
                // What the mode itself adds or removes does not count.
                levels.retain(|(name, _)| known.contains(name) && name != "kube-system");
                let mut planned = column(&before, pods, mode);
                planned.retain(|(name, _)| name != "kube-system");
                assert_eq!(levels, planned, "{release} {mode} {harden}");
            }
        }
    }
}
