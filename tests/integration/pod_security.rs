//! Pod Security verdicts against those of `k8s.io/pod-security-admission` v0.37.2: upstream's own fixtures and random pods.
//!
//! The objects are decoded by serde_json and serde_yaml straight into the API's types, without any normalisation: the data
//! of these two files holds no null inside a list or map, the one thing that Kubernetes reads and these decoders refuse.
#![cfg(test)]

use std::collections::BTreeMap;
use std::env;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::batch::v1::{CronJob, Job};
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplate, PodTemplateSpec, ReplicationController};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use unroot::pod_security::registry::CHECKS;
use unroot::pod_security::{Level, Version, defaults, evaluate, meets};

/// Reason and detail of each violation.
type Told = Vec<(String, String)>;
/// Answers by level, those of several versions together.
type Answers = BTreeMap<String, Vec<Answer>>;

#[derive(Deserialize)]
struct Answer {
    versions: Vec<String>,
    allowed: bool,
    #[serde(default)]
    checks: Told,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RandomPod {
    id: String,
    object: Value,
    #[serde(default)]
    results: Answers,
    results_defaulted: Option<Answers>,
    #[serde(default = "yes")]
    pod_bearing: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fixture {
    id: String,
    names: Vec<String>,
    upstream: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    yaml: String,
    results: Answers,
    results_defaulted: Option<Answers>,
}

const fn yes() -> bool {
    true
}

#[test]
fn random_pods_are_judged_as_upstream_judges_them() {
    let Some(lines) = shared::<RandomPod>("psa-corpus/corpus.jsonl.gz") else { return };
    let (mut raw, mut defaulted, mut without_pod) = (0, 0, 0);
    for line in lines {
        let Some((metadata, mut spec)) = pod_of(&line.object) else {
            assert!(!line.pod_bearing, "{}", line.id);
            without_pod += 1;
            continue;
        };
        assert!(line.pod_bearing, "{}", line.id);
        raw += assert_answers(&line.id, &line.results, &metadata, &spec);
        if line.object["kind"] == "Pod" {
            defaults::apply_to_pod(&mut spec);
        } else {
            defaults::apply_to_template(&mut spec);
        }
        let answers = line.results_defaulted.as_ref().unwrap_or(&line.results);
        defaulted += assert_answers(&line.id, answers, &metadata, &spec);
    }
    assert_eq!((raw, defaulted, without_pod), (76_704, 76_704, 2));
}

#[test]
fn upstreams_fixtures_get_upstreams_words() {
    let Some(lines) = shared::<Fixture>("psa-fixtures/fixtures.jsonl.gz") else { return };
    let (mut raw, mut defaulted) = (0, 0);
    for line in lines {
        let pod: Pod = serde_yaml::from_str(&line.yaml).unwrap();
        let mut spec = pod.spec.unwrap();
        raw += assert_answers(&line.id, &line.results, &pod.metadata, &spec);
        defaults::apply_to_pod(&mut spec);
        let answers = line.results_defaulted.as_ref().unwrap_or(&line.results);
        defaulted += assert_answers(&line.id, answers, &pod.metadata, &spec);
    }
    assert_eq!((raw, defaulted), (29_640, 29_640));
}

/// Upstream's file names say which check a failing pod is about; at restricted another check may have taken its place.
#[test]
fn upstreams_fixtures_pass_and_fail_where_upstream_expects_it() {
    let Some(lines) = shared::<Fixture>("psa-fixtures/fixtures.jsonl.gz") else { return };
    let (mut passes, mut fails) = (0, 0);
    for line in lines {
        let pod: Pod = serde_yaml::from_str(&line.yaml).unwrap();
        let mut spec = pod.spec.unwrap();
        defaults::apply_to_pod(&mut spec);
        let about: Vec<&str> =
            line.names.iter().map(|name| name.trim_end_matches(|character: char| character.is_ascii_digit())).collect();
        for (level, expectations) in &line.upstream {
            for (expectation, versions) in expectations {
                for version in versions {
                    let violations = evaluate(level.parse().unwrap(), version.parse().unwrap(), &pod.metadata, &spec);
                    let place = format!("{} {level} {version}: {violations:?}", line.id);
                    if expectation == "pass" {
                        assert_eq!(violations, [], "{place}");
                        passes += 1;
                    } else {
                        let named = CHECKS.iter().any(|check| {
                            violations.iter().any(|violation| violation.check == check.id)
                                && check
                                    .overrides
                                    .iter()
                                    .chain([&check.id])
                                    .any(|id| about.contains(&id.to_ascii_lowercase().as_str()))
                        });
                        assert!(named, "{place}");
                        fails += 1;
                    }
                }
            }
        }
    }
    assert_eq!((passes, fails), (433 + 618, 1122 + 2364));
}

/// Asserts each answer and returns how many there were.
fn assert_answers(id: &str, answers: &Answers, metadata: &ObjectMeta, spec: &PodSpec) -> usize {
    let mut count = 0;
    let mut strictest: BTreeMap<Version, Level> = BTreeMap::new();
    for (level, answers) in answers {
        let level: Level = level.parse().unwrap();
        for Answer { versions, allowed, checks } in answers {
            for version in versions {
                let version: Version = version.parse().unwrap();
                let told: Told = evaluate(level, version, metadata, spec)
                    .into_iter()
                    .map(|violation| (violation.reason.to_owned(), violation.detail))
                    .collect();
                assert_eq!(&told, checks, "{id} {level} {version}");
                assert_eq!(told.is_empty(), *allowed, "{id} {level} {version}");
                let strictest = strictest.entry(version).or_insert(Level::Privileged);
                *strictest = if *allowed { level.max(*strictest) } else { *strictest };
                count += 1;
            }
        }
    }
    for (version, level) in strictest {
        assert_eq!(meets(version, metadata, spec), level, "{id} {version}");
    }
    count
}

/// The pod of an object of one of the nine kinds; none where a ReplicationController has no template.
fn pod_of(object: &Value) -> Option<(ObjectMeta, PodSpec)> {
    fn decode<T: DeserializeOwned>(object: &Value) -> T {
        serde_json::from_value(object.clone()).unwrap_or_else(|error| panic!("{error}: {object}"))
    }
    let template: PodTemplateSpec = match object["kind"].as_str().unwrap() {
        "Pod" => {
            let Pod { metadata, spec, .. } = decode(object);
            PodTemplateSpec { metadata: Some(metadata), spec }
        }
        "PodTemplate" => decode::<PodTemplate>(object).template.unwrap_or_default(),
        "ReplicationController" => decode::<ReplicationController>(object).spec.unwrap_or_default().template?,
        "ReplicaSet" => decode::<ReplicaSet>(object).spec.template.unwrap_or_default(),
        "Deployment" => decode::<Deployment>(object).spec.template,
        "StatefulSet" => decode::<StatefulSet>(object).spec.template,
        "DaemonSet" => decode::<DaemonSet>(object).spec.template,
        "Job" => decode::<Job>(object).spec.unwrap_or_default().template,
        "CronJob" => {
            let job = decode::<CronJob>(object).spec.job_template;
            job.spec.unwrap_or_default().template
        }
        other => panic!("{other} bears no pod"),
    };
    Some((template.metadata.unwrap_or_default(), template.spec.unwrap_or_default()))
}

/// The lines of a file of the shared data; none, with a word about it, where the data is not there.
fn shared<T: DeserializeOwned>(name: &str) -> Option<impl Iterator<Item = T>> {
    let folder = env::var_os("UNROOT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    let Ok(file) = File::open(&path) else {
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is missing", path.display());
        eprintln!("skipped: {} is missing; UNROOT_SHARED names the folder", path.display());
        return None;
    };
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}
