//! `unroot check` and the filter's findings against the verdicts of the real library, recorded pod by pod.

mod examples;
pub(crate) mod golden;
mod labels;
mod sarif;
mod since;

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::{Value, json};
use unroot::admission::{AdmissionDefaults, Cluster, Outcome};
use unroot::check::{Options, Source, check};
use unroot::krm::List;
use unroot::pod_security::{Level, LevelVersion, Version};
use unroot::report::Output;

use crate::injector::composed_cases;
use crate::shared::read;

/// Reasons and details, in order.
type Violations = Vec<(String, String)>;

const LEVELS: [Level; 2] = [Level::Baseline, Level::Restricted];

fn lines(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON"))
}

/// The lines that a check of one input writes.
fn checked(input: &str, level: Option<Level>, version: Option<Version>) -> Vec<Value> {
    let options = Options { level, version, output: Output::Jsonl, ..Options::default() };
    let outcome = check(&[Source { name: "-", bytes: input.as_bytes() }], &options);
    lines(&outcome.report).collect()
}

/// `[[reason, detail], …]` of a line of the output.
fn said(line: &Value) -> Violations {
    let word = |violation: &Value, key: &str| violation[key].as_str().expect("a text").to_owned();
    let violations = line["violations"].as_array().expect("violations");
    violations.iter().map(|violation| (word(violation, "reason"), word(violation, "detail"))).collect()
}

/// The same of a recorded verdict.
fn recorded(violations: &Value) -> Violations {
    let word = |value: &Value| value.as_str().expect("a text").to_owned();
    violations.as_array().into_iter().flatten().map(|pair| (word(&pair[0]), word(&pair[1]))).collect()
}

/// What is recorded for a case, by level and version, after defaulting.
fn by_version(case: &Value) -> BTreeMap<(Level, String), (bool, Violations)> {
    let results = case.get("resultsDefaulted").unwrap_or(&case["results"]);
    let mut verdicts = BTreeMap::new();
    for level in LEVELS {
        for group in results[level.as_str()].as_array().into_iter().flatten() {
            for version in group["versions"].as_array().expect("versions") {
                let version = version.as_str().expect("a version").to_owned();
                let verdict = (group["allowed"].as_bool().expect("a verdict"), recorded(&group["checks"]));
                verdicts.insert((level, version), verdict);
            }
        }
    }
    verdicts
}

/// A controller is judged by its pod, whose ports are host ports on the host network; the corpora judge the controller.
fn without_host_ports_of_controllers(resource: &str, violations: Violations) -> Violations {
    if resource.contains("Pod\"") || resource.contains("kind: Pod\n") || !resource.contains("hostNetwork") {
        return violations;
    }
    violations.into_iter().filter(|(reason, _)| reason != "hostPort").collect()
}

#[test]
fn hand_made_edge_cases_decode_as_in_go_and_get_its_verdicts() {
    let Some(text) = read("psa-corpus/edge.jsonl.gz") else { return };
    let (mut verdicts, mut errors, mut absent) = (0, 0, 0);
    for case in lines(&text) {
        let yaml = case["yaml"].as_str().expect("a text");
        let about = format!("{} {}", case["id"], case["note"]);
        if case.get("error").is_some() {
            let lines = checked(yaml, Some(Level::Restricted), None);
            assert!(lines[0]["error"].is_string() && lines[0].get("allowed").is_none(), "{about}: {lines:?}");
            errors += 1;
            continue;
        }
        if case["podBearing"] == false {
            assert!(checked(yaml, Some(Level::Restricted), None).is_empty(), "{about}");
            absent += 1;
            continue;
        }
        for ((level, version), (allowed, violations)) in by_version(&case) {
            let lines = checked(yaml, Some(level), Some(version.parse().expect("a version")));
            let actual = without_host_ports_of_controllers(yaml, said(&lines[0]));
            assert_eq!(actual, without_host_ports_of_controllers(yaml, violations), "{about} {level} {version}");
            assert_eq!(lines[0]["allowed"], allowed, "{about} {level} {version}");
            verdicts += 1;
        }
    }
    assert_eq!((verdicts, errors, absent), (1464, 29, 11));
}

#[test]
fn random_pods_come_through_the_yaml_reader_unchanged() {
    let Some(text) = read("psa-corpus/corpus.jsonl.gz") else { return };
    let cases: Vec<Value> = lines(&text).collect();
    let stream: String = cases.iter().map(|case| format!("---\n{}\n", named(case))).collect();
    let list = List::read(&stream).expect("a stream");
    let cluster = Cluster::of(&list, AdmissionDefaults::default(), None).expect("a cluster");
    let mut compared = 0;
    for (case, item) in cases.iter().zip(list.items()) {
        let Some(subject) = cluster.admit(item).expect("YAML") else {
            assert_eq!(case["podBearing"], false, "{}", case["id"]);
            continue;
        };
        let Outcome::Judged(pod) = subject.outcome else { panic!("{}: {:?}", case["id"], subject.outcome) };
        let resource = case["object"].to_string();
        for ((level, version), (_, expected)) in by_version(case) {
            let asked = LevelVersion { level, version: version.parse().expect("a version") };
            let violations = pod.violations(asked).into_iter().map(|it| (it.reason.to_owned(), it.detail)).collect();
            assert_eq!(
                without_host_ports_of_controllers(&resource, violations),
                without_host_ports_of_controllers(&resource, expected),
                "{} {asked}",
                case["id"]
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 76_704);
}

/// Every resource needs a name.
fn named(case: &Value) -> Value {
    let mut object = case["object"].clone();
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    object["metadata"]["name"] = case["id"].clone();
    object
}

#[test]
fn whole_platforms_are_judged_as_admitted() {
    for release in ["26.03", "v1.8.1"] {
        let Some(stream) = read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let Some(verdicts) = read(&format!("kubeflow-verdicts/{release}.jsonl.gz")) else { return };
        let Some(levels) = read(&format!("kubeflow-verdicts/{release}.levels.json")) else { return };
        let levels: Value = serde_json::from_str(&levels).expect("JSON");
        let native = if levels["configured"]["native"] == true { "-native" } else { "" };
        let mode = format!("{}{native}", levels["configured"]["mode"].as_str().expect("a mode"));
        let verdicts: Vec<Value> = lines(&verdicts).collect();
        for level in LEVELS {
            for version in [Version::Latest, Version::V1(25)] {
                let actual = checked(&stream, Some(level), Some(version));
                assert_eq!(actual.len(), verdicts.len(), "{release}");
                for (line, expected) in actual.iter().zip(&verdicts) {
                    for key in ["apiVersion", "kind", "namespace", "name", "injected"] {
                        assert_eq!(line[key], expected[key], "{release} {line}");
                    }
                    let admitted = &expected[level.as_str()][version.to_string()]["admitted"];
                    assert_eq!(said(line), recorded(&admitted["violations"]), "{release} {line}");
                    assert_eq!(line["allowed"], admitted["allowed"], "{release} {line}");
                    if version == Version::Latest {
                        // The mode that the build is in is recorded a second time, by its name.
                        let of_mode = &expected["modes"][&mode][level.as_str()];
                        assert_eq!(said(line), recorded(&of_mode["violations"]), "{release} {mode} {line}");
                    }
                }
            }
        }
    }
}

#[test]
fn single_pods_are_judged_as_admitted_and_never_allowed_where_the_injector_fails() {
    let Some(cases) = composed_cases() else { return };
    let (mut judged, mut refused) = (0, 0);
    for (case, list) in cases {
        let stream: String = list.iter().map(|resource| format!("---\n{resource}\n")).collect();
        for level in LEVELS {
            let lines = checked(&stream, Some(level), None);
            for expected in case["expected"].as_array().expect("expectations") {
                let keys = ["apiVersion", "kind", "namespace", "name"];
                let same = |line: &&Value| keys.iter().all(|key| line[*key] == expected[*key]);
                let about = format!("{} {}", case["id"], expected["name"]);
                let line = lines.iter().find(same).unwrap_or_else(|| panic!("{about} is not in the output"));
                if expected.get("injectionError").is_some() {
                    assert!(line["error"].is_string() && line.get("allowed").is_none(), "{about}: {line}");
                    refused += 1;
                    continue;
                }
                assert_eq!(line["injected"], expected["injected"], "{about}");
                assert_eq!(said(line), recorded(&expected[level.as_str()]["violations"]), "{about}: {line}");
                judged += 1;
            }
        }
    }
    assert!(judged > 130 && refused > 1, "{judged} {refused}");
}

#[test]
fn what_the_command_leaves_unread_changes_nothing_that_it_says() {
    for release in ["26.03", "v1.8.1"] {
        let Some(text) = read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("platform.yaml"), &text).expect("a file");
        for (word, output) in [("sarif", Output::Sarif), ("text", Output::Text)] {
            let source = Source { name: "platform.yaml", bytes: text.as_bytes() };
            let options = Options { level: Some(Level::Restricted), output, ..Options::default() };
            let expected = check(&[source], &options);
            let arguments = ["check", "--level", "restricted", "--output", word, "platform.yaml"];
            let actual = Command::new(env!("CARGO_BIN_EXE_unroot"))
                .args(arguments)
                .current_dir(folder.path())
                .output()
                .expect("unroot");
            assert!(String::from_utf8_lossy(&actual.stdout) == expected.report, "{release} {word}");
            assert_eq!(actual.status.code(), Some(expected.exit as i32), "{release} {word}");
        }
    }
}
