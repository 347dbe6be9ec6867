//! The filter: `strictest` on whole platforms, and what is found about labels.

use std::collections::BTreeMap;

use serde_json::Value;
use unroot::krm::{Finding, List, Severity};
use unroot::pod_security::{ENFORCE_LABEL, Level};
use unroot::{Given, Outcome};

use super::checked;
use crate::shared::read;

fn filtered(input: &str, words: &[&str], use_outcome: impl FnOnce(&Outcome<'_>, String)) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let outcome = unroot::filter(input.as_bytes(), &Given { file: None, words: &words });
    let output: String = outcome.pieces().iter().map(|piece| piece.as_str().to_owned()).collect();
    use_outcome(&outcome, output);
}

fn enforced(output: &str) -> BTreeMap<String, Level> {
    let list = List::read(output).expect("a list");
    let namespaces = list.items().iter().filter(|item| item.is("v1", "Namespace"));
    namespaces
        .filter_map(|item| {
            let parsed = item.parse().expect("a namespace");
            let label = parsed.root()?.find(&["metadata", "labels", ENFORCE_LABEL])?.scalar_text().to_owned();
            Some((item.name().to_owned(), label.parse().expect("a level")))
        })
        .collect()
}

#[test]
fn strictest_gives_the_recorded_levels_which_all_pods_meet_and_no_stricter_one() {
    for release in ["v1.8.1", "26.03"] {
        let Some(stream) = read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let Some(recorded) = read(&format!("kubeflow-verdicts/{release}.levels.json")) else { return };
        let recorded: Value = serde_json::from_str(&recorded).expect("JSON");
        filtered(&stream, &["enforce=strictest", "floor=privileged"], |outcome, output| {
            let failed: Vec<&Finding> =
                outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
            assert!(failed.is_empty(), "{release}: {failed:#?}");
            let labels = enforced(&output);
            for (name, namespace) in recorded["namespaces"].as_object().expect("namespaces") {
                let expected = namespace["levels"]["configured"].as_str();
                if namespace["inInput"] == true && namespace["pods"] != 0 {
                    assert_eq!(labels.get(name).map(|level| level.as_str()), expected, "{release} {name}");
                }
            }
            // Accepted as labelled…
            for line in checked(&output, None, None) {
                assert_eq!(line["allowed"], true, "{release} {line}");
            }
            // …and not one level higher.
            for (name, level) in &labels {
                let Some(stricter) = Level::ALL.into_iter().find(|other| other > level) else { continue };
                let lines = checked(&output, Some(stricter), None);
                let refused = lines.iter().any(|line| line["namespace"] == **name && line["allowed"] == false);
                assert!(refused || lines.iter().all(|line| line["namespace"] != **name), "{release} {name} {stricter}");
            }
        });
    }
}

#[test]
fn an_enforce_label_that_pods_violate_is_one_error_for_each_pod_and_reason() {
    let Some(stream) = read("kubeflow/v1.8.1.yaml.gz") else { return };
    filtered(&stream, &["enforce=baseline"], |outcome, output| {
        assert_eq!(outcome.exit as u8, 1);
        assert!(output.is_empty(), "a stream with errors must not be written");
        let violations: Vec<&Finding> =
            outcome.findings.iter().filter(|finding| finding.tags["rule"] == "pod-security-enforce").collect();
        assert_eq!(violations.len(), 30, "istio-init of 22 pods in kubeflow and 8 in knative-serving");
        for violation in violations {
            assert_eq!(violation.severity, Severity::Error);
            assert_eq!(violation.tags["psa-level"], "baseline");
            assert_eq!(violation.tags["psa-version"], "latest");
            assert_eq!(violation.tags["psa-check"], "capabilities_baseline");
            assert_eq!(violation.tags["psa-reason"], "non-default capabilities");
            assert!(violation.tags["psa-detail"].contains("container \"istio-init\" must not include"));
        }
    });
    filtered(&stream, &["enforce=baseline", "onViolation=warn"], |outcome, output| {
        assert_eq!(outcome.exit as u8, 0);
        assert!(!output.is_empty());
    });
}
