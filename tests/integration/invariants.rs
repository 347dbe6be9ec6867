//! The invariants of the filter over texts that nobody wrote by hand.

use proptest::prelude::*;
use unroot::filter::{Exit, Given};

use crate::yaml_cut::{SEEDS, mutate, mutation};

/// Resources that the label passes look into, in many styles.
const PLATFORMS: &[&str] = &[
    "# head\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: a # the name\n  labels:\n    x: \"y\"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: namespace-labels-data, namespace: kubeflow}\ndata:\n  namespace-labels.yaml: |\n    # labels\n    a: \"b\"\n    z: \"y\"\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: a}\n",
    "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    annotations: &a {b: c}\n    name: a\n    labels:\n      pod-security.kubernetes.io/enforce: restricted\n- {apiVersion: v1, kind: Namespace, metadata: {name: b, labels: {}}}\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: c\n    labels:\n",
    "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\",\n  \"items\": [\n    {\"apiVersion\": \"v1\", \"kind\": \"Namespace\", \"metadata\": {\"name\": \"a\", \"labels\": {\"x\": \"y\"}}},\n    {\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"namespace-labels-data\"}, \"data\": {\"namespace-labels.yaml\": \"a: b\\n\"}}\n  ]\n}\n",
];

struct Ran {
    exit: Exit,
    out: String,
    said: String,
}

fn run(input: &str, words: &[&str]) -> Ran {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let outcome = unroot::filter(input.as_bytes(), &Given { file: None, words: &words });
    Ran {
        exit: outcome.exit,
        out: outcome.pieces().iter().map(|piece| piece.as_str()).collect(),
        said: outcome.findings.iter().map(|finding| format!("{finding}\n")).collect(),
    }
}

/// A list without what is said about it.
fn without_results(out: &str) -> &str {
    out.find("\nresults:").map_or(out, |at| &out[..=at])
}

const LABELS: &[&str] = &["enforce=baseline", "warn=restricted", "version=v1.30", "userNamespaces=baseline"];

/// A configuration that looks at namespaces and finds nothing to do.
const NOTHING: &[&str] = &["floor=privileged"];

fn texts() -> impl Strategy<Value = String> {
    let seeds: Vec<&'static str> = PLATFORMS.iter().copied().chain(SEEDS.iter().map(|(_, text)| *text)).collect();
    // Two of three mutants are of a platform.
    let pick = prop_oneof![2 => 0..PLATFORMS.len(), 1 => 0..seeds.len()];
    (pick, prop::collection::vec(mutation(), 0..4)).prop_map(move |(seed, mutations)| mutate(seeds[seed], &mutations))
}

proptest! {
    #![proptest_config(crate::shared::property(10_000))]

    #[test]
    fn a_run_that_has_nothing_to_do_writes_what_it_read(text in texts()) {
        let ran = run(&text, NOTHING);
        match ran.exit {
            Exit::Done => prop_assert_eq!(without_results(&ran.out).trim_end(), without_results(&text).trim_end(), "{}", ran.said),
            Exit::Unusable => prop_assert!(!ran.said.is_empty()),
            Exit::Findings => prop_assert!(false, "a finding of severity error: {}", ran.said),
        }
    }

    #[test]
    fn a_second_run_changes_nothing_and_every_reader_can_read_the_first(text in texts()) {
        let first = run(&text, LABELS);
        if first.exit == Exit::Done {
            let second = run(&first.out, LABELS);
            prop_assert_eq!(second.exit, Exit::Done, "{}\n{}", second.said, first.out);
            prop_assert_eq!(without_results(&second.out), without_results(&first.out), "{}", text);
            // Every line of the input is still there, in order, but for those that hold a changed value.
            let mut lines = first.out.lines();
            for line in without_results(&text).lines() {
                let is_there = lines.any(|new| new == line);
                prop_assert!(is_there || first.out.contains("pod-security"), "{:?} is lost\n{}", line, first.out);
                if !is_there {
                    break;
                }
            }
        } else {
            prop_assert_eq!(first.exit, Exit::Unusable);
            prop_assert_eq!(without_results(&first.out).trim_end(), if first.out.is_empty() { "" } else { without_results(&text).trim_end() });
        }
    }
}

#[test]
fn the_platforms_are_labelled_as_they_stand() {
    // The properties above mean something only where the unchanged texts go through.
    for text in PLATFORMS {
        let ran = run(text, LABELS);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.said);
        assert!(ran.out.contains("pod-security.kubernetes.io/warn"), "{}", ran.out);
    }
}
