//! `check` and `plan` on any bytes, in every form of output.
//!
//! No panic; a report is there unless the input is unusable; JSON and SARIF are JSON; the same input gives the same bytes;
//! what a check leaves out while it reads changes nothing of what it says; and the configuration that a plan proposes
//! works on the same input.
//!
//! A case is a head, whose first bytes choose the verb, its form and its options, and the input.

use serde_json::Value;
use unroot::check::{Options, Sieve, Source};
use unroot::filter::{Exit, Given};
use unroot::pod_security::Level;
use unroot::{plan, report};

use crate::case;
use crate::choices::Choices;

const CONFIGURATION: &str = "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  podSecurity: {enforce: strictest, floor: privileged}\n  istio: {mode: ambient, version: 1.28.10}\n  workloads: {harden: restricted}\n";

/// The property. `Ok` with how the verb ended.
///
/// # Errors
/// What does not hold.
pub fn hold(case: &[u8]) -> Result<Exit, String> {
    let (head, input) = case::parts(case);
    let mut choices = Choices::of(head);
    let text = str::from_utf8(input).unwrap_or_default();
    let fail = |what: String| Err(format!("{what}\n--- input {text:?}\n{text}"));
    let configured = choices.below(4) == 0;
    let config = || configured.then(|| ("unroot.yaml", Ok(CONFIGURATION.as_bytes().to_vec())));
    let sources = sources(input, &mut choices);
    if choices.below(2) == 0 {
        let output = *choices.of_these(&[
            plan::Output::Text,
            plan::Output::Json,
            plan::Output::Config,
            plan::Output::Stages,
            plan::Output::Html,
        ]);
        let run = || unroot::plan(&sources, &plan::Options { output, config: config() });
        let (first, second) = (run(), run());
        if first.report != second.report || first.findings != second.findings || first.exit != second.exit {
            return fail(format!("the same input gives another plan\n{}\n{}", first.report, second.report));
        }
        if first.exit == Exit::Findings || first.report.is_empty() != (first.exit == Exit::Unusable) {
            return fail(format!("{:?} with\n{}", first.exit, first.report));
        }
        if output == plan::Output::Json && !first.report.is_empty() && !is_json(&first.report) {
            return fail(format!("no JSON\n{}", first.report));
        }
        if output == plan::Output::Config && first.exit == Exit::Done && !configured && sources.len() == 1 {
            let file = Some(("unroot.yaml", Ok(first.report.clone().into_bytes())));
            let ran = unroot::filter(input, &Given { file, words: &[] });
            // The filter takes neither a list in place of its own nor the API server's configuration.
            let is_bare = !text.contains("ResourceList") && !text.contains("config.k8s.io/");
            let says_so = ["# NOT USABLE: ", "# NOT SETTLED: "].iter().any(|words| first.report.contains(words));
            if is_bare && !says_so && ran.exit != Exit::Done {
                let said: String = ran.findings.iter().map(|finding| format!("{finding}\n")).collect();
                return fail(format!("the proposal does not work\n{}\n--- said\n{said}", first.report));
            }
        }
        return Ok(first.exit);
    }
    let output =
        *choices.of_these(&[report::Output::Text, report::Output::Jsonl, report::Output::Sarif, report::Output::Html]);
    let level = *choices.of_these(&[None, Some(Level::Baseline), Some(Level::Restricted)]);
    let since = if choices.below(3) == 0 { self::sources(input, &mut choices) } else { Vec::new() };
    let options = Options { level, output, config: config(), since, ..Options::default() };
    let (first, second) = (unroot::check(&sources, &options), unroot::check(&sources, &options));
    if first.report != second.report || first.findings != second.findings || first.exit != second.exit {
        return fail(format!("the same input gives another report\n{}\n{}", first.report, second.report));
    }
    match output {
        report::Output::Jsonl if !first.report.lines().all(is_json) => return fail(first.report),
        report::Output::Sarif if first.exit != Exit::Unusable && !is_json(&first.report) => return fail(first.report),
        _ => {}
    }
    if !configured && options.since.is_empty() && sources.len() == 1 {
        let sifted = sift(input, 1 + choices.below(200));
        let again = unroot::check(&[Source { name: "-", bytes: &sifted }], &options);
        // What is left out nobody reads, so what is wrong with it is not said.
        let heard = first.exit != Exit::Unusable;
        if heard && (again.report != first.report || again.findings != first.findings || again.exit != first.exit) {
            return fail(format!("sifted it gives another report\n{}\n{}", first.report, again.report));
        }
    }
    Ok(first.exit)
}

/// The input as one file, or as two.
fn sources<'s>(input: &'s [u8], choices: &mut Choices<'_>) -> Vec<Source<'s>> {
    let markers: Vec<usize> =
        input.windows(5).enumerate().filter(|(_, bytes)| bytes == b"\n---\n").map(|(at, _)| at + 1).collect();
    match markers.get(choices.below(markers.len())) {
        Some(at) if choices.below(3) == 0 => {
            vec![Source { name: "a.yaml", bytes: &input[..*at] }, Source { name: "b.yaml", bytes: &input[*at..] }]
        }
        _ => vec![Source { name: "-", bytes: input }],
    }
}

/// The input as a check reads it, so many bytes at a time.
fn sift(input: &[u8], length: usize) -> Vec<u8> {
    let mut sieve = Sieve::default();
    for chunk in input.chunks(length) {
        sieve.room(length)[..chunk.len()].copy_from_slice(chunk);
        sieve.sift(chunk.len());
    }
    sieve.finish()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok()
}
