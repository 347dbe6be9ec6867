//! The property over all random pods: what no field stands against is met, and nothing else is touched.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;
use unroot::config::Workloads;
use unroot::filter::Exit;
use unroot::harden::harden;
use unroot::krm::List;
use unroot::kube::pod::PodKind;
use unroot::pod_security::{Level, Version, Violation, defaults, evaluate};
use unroot::yaml::emit::{Layout, block};

use super::contradictions::stand_against;
use super::with_words;
use crate::shared;

fn objects() -> Option<Vec<Value>> {
    let lines = shared::read("psa-corpus/corpus.jsonl.gz")?;
    Some(
        lines
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON")["object"].take())
            .collect(),
    )
}

struct Pod {
    text: String,
    metadata: ObjectMeta,
    spec: PodSpec,
}

impl Pod {
    fn violations(&self, level: Level) -> Vec<Violation> {
        let mut spec = self.spec.clone();
        defaults::apply_to_pod(&mut spec);
        evaluate(level, Version::Latest, &self.metadata, &spec)
    }
}

/// The pods of a stream, by their place; those that have none are absent.
fn pods(stream: &str) -> BTreeMap<usize, Pod> {
    let list = List::read(stream).expect("a stream");
    let pods = list.items().iter().enumerate().filter_map(|(place, item)| {
        let parsed = item.parse_leniently().expect("YAML");
        let pod = PodKind::of(item)?.read(parsed.root()?).expect("a pod that decodes")?;
        Some((place, Pod { text: item.text().to_owned(), metadata: pod.metadata, spec: pod.spec }))
    });
    pods.collect()
}

/// Block style as kustomize writes it, and one JSON document a line.
fn styles(objects: &[Value]) -> [(&'static str, String); 2] {
    let block = objects.iter().map(|object| format!("{}\n", block(object, 0, Layout::KUSTOMIZE)));
    let json = objects.iter().map(|object| format!("{object}\n"));
    [("block", block.collect::<Vec<_>>().join("---\n")), ("json", json.collect::<Vec<_>>().join("---\n"))]
}

#[test]
fn random_pods_meet_the_level_wherever_nothing_stands_against_it() {
    let Some(objects) = objects() else { return };
    assert_eq!(objects.len(), 1600);
    for (style, stream) in styles(&objects) {
        for (level, assumes) in [(Level::Restricted, true), (Level::Restricted, false), (Level::Baseline, true)] {
            if style == "json" && !(level == Level::Restricted && assumes) {
                continue;
            }
            let harden = format!("harden={level}");
            let assume = format!("assumeNonRoot={assumes}");
            let words = [harden.as_str(), assume.as_str()];
            let ran = with_words(&stream, &words);
            assert_eq!(ran.exit, Exit::Done, "{style} {level}: {:?}", ran.said.first());
            let (before, after) = (pods(&stream), pods(&ran.out));
            assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
            let (mut met, mut reached) = (0, 0);
            for (place, pod) in &before {
                let id = format!("{style} {level} assumeNonRoot={assumes}, object {place}");
                let hardened = &after[place];
                if pod.violations(level).is_empty() {
                    assert_eq!(pod.text, hardened.text, "{id}: it met the level");
                    met += 1;
                    continue;
                }
                let left = hardened.violations(level);
                reached += usize::from(left.is_empty());
                for violation in &left {
                    assert!(
                        stand_against(violation.check, &pod.spec, assumes),
                        "{id}: nothing stands against {violation:?}\n{}",
                        hardened.text
                    );
                }
                assert_nothing_is_taken_back(&pod.spec, &hardened.spec, &id);
            }
            // Upstream's own counts of pods that meet the level, and a fair part of the others: the property is not empty.
            let expected = if level == Level::Baseline { 550 } else { 282 };
            assert_eq!(met, expected, "{style} {level}: met it before");
            assert!(
                level == Level::Baseline || reached > if assumes { 150 } else { 10 },
                "{style} {level}: {reached} reached it"
            );

            let again = with_words(&ran.out, &words);
            assert!(again.out == ran.out, "{style} {level}: a second run changes something");
            assert_eq!(again.of_rule("harden-pods"), Vec::<&str>::new());
            let undecided = |said: &super::Ran| said.of_rule("harden-needs-decision").len();
            assert_eq!(undecided(&again), undecided(&ran), "a second run says the same");
        }
    }
}

/// Every value that a pod stated is still there: only lists may have grown.
fn assert_nothing_is_taken_back(before: &PodSpec, after: &PodSpec, id: &str) {
    fn holds(before: &Value, after: &Value, empty_is_free: bool) -> bool {
        match (before, after) {
            (Value::Object(before), Value::Object(after)) => before.iter().all(|(key, value)| {
                // `type: ""` and `procMount: ""` say nothing.
                let free = empty_is_free && (key == "type" || key == "procMount") && value == "";
                free || after.get(key).is_some_and(|after| holds(value, after, empty_is_free))
            }),
            (Value::Array(before), Value::Array(after)) => {
                before.len() <= after.len()
                    && before.iter().zip(after).all(|(before, after)| holds(before, after, empty_is_free))
            }
            (before, after) => before == after,
        }
    }
    let (before, after) = (serde_json::to_value(before).unwrap(), serde_json::to_value(after).unwrap());
    assert!(holds(&before, &after, true), "{id}: something was taken back\n{before}\n{after}");
}

#[test]
fn the_text_says_what_the_decoded_pod_says() {
    let Some(objects) = objects() else { return };
    let [(_, stream), _] = styles(&objects);
    let ran = with_words(&stream, &["harden=restricted", "assumeNonRoot=true"]);
    let workloads = Workloads { assume_non_root: true, ..Workloads::default() };
    let after = pods(&ran.out);
    for (place, pod) in pods(&stream) {
        let violations = pod.violations(Level::Restricted);
        let violated = violations.iter().map(|violation| violation.check).collect();
        let mut decoded = pod.spec.clone();
        harden(&pod.spec, &violated, &workloads, true).apply(&mut decoded);
        assert_eq!(decoded, after[&place].spec, "object {place}");
    }
}
