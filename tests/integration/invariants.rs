//! The invariants of the filter over texts that nobody wrote by hand.

use proptest::prelude::*;
use unroot::filter::{Exit, Given};
use unroot_fuzz::filter::without_results;
use unroot_fuzz::seeds::{self, PLATFORMS};
use unroot_fuzz::{case, configuration, filter, verbs};

use crate::shared;

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

const LABELS: &[&str] = &["enforce=baseline", "warn=restricted", "version=v1.30", "userNamespaces=baseline"];

/// A configuration that looks at namespaces and finds nothing to do.
const NOTHING: &[&str] = &["floor=privileged"];

/// Two of three mutants are of a platform.
fn texts() -> impl Strategy<Value = String> {
    prop_oneof![2 => shared::mutants(PLATFORMS.to_vec()), 1 => shared::mutants(seeds::all().collect())]
}

proptest! {
    #![proptest_config(shared::property(10_000))]

    #[test]
    fn a_run_that_has_nothing_to_do_writes_what_it_read(text in texts()) {
        let ran = run(&text, NOTHING);
        match ran.exit {
            Exit::Done => prop_assert_eq!(without_results(&ran.out), without_results(&text), "{}", ran.said),
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
        } else if first.exit == Exit::Unusable {
            prop_assert!(first.out.is_empty() || without_results(&first.out) == without_results(&text), "{}", first.out);
        }
    }
}

/// A case of the fuzzer: what is done, and to what.
fn cases() -> impl Strategy<Value = Vec<u8>> {
    (any::<[u8; case::HEAD]>(), texts()).prop_map(|(head, text)| case::of(&head, &text))
}

proptest! {
    #![proptest_config(shared::property(3_000))]

    #[test]
    fn the_filter_holds_in_every_configuration(case in cases()) {
        prop_assert_eq!(filter::hold(&case).err(), None);
    }

    #[test]
    fn check_and_plan_hold_in_every_form(case in cases()) {
        prop_assert_eq!(verbs::hold(&case).err(), None);
    }

    #[test]
    fn a_configuration_is_read_as_its_schema_says(text in shared::mutants(CONFIGURATIONS.to_vec())) {
        prop_assert_eq!(configuration::hold(text.as_bytes()).err(), None);
    }
}

const CONFIGURATIONS: &[&str] = &[
    include_str!("../../fn-config/unroot.yaml"),
    include_str!("../../fn-config/config-map.yaml"),
    "enforce=baseline\nwarn=restricted\nversion=v1.30\nistio=cni\nplatform=gke\nharden=restricted\nfloor=privileged\n",
];

#[test]
fn the_platforms_are_labelled_as_they_stand() {
    // The properties above mean something only where the unchanged texts go through.
    for text in PLATFORMS {
        let ran = run(text, LABELS);
        assert_eq!(ran.exit, Exit::Done, "{}", ran.said);
        assert!(ran.out.contains("pod-security.kubernetes.io/warn"), "{}", ran.out);
    }
}
