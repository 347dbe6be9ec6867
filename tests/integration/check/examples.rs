//! `examples/samples` and `examples/ci-check`: what their READMEs say is what happens.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use unroot::pod_security::Level;

use super::{checked, said};
use crate::expected;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

#[test]
fn samples_get_their_recorded_verdicts_and_the_readme_says_the_level_that_each_meets() {
    let folder = example("samples");
    let readme = fs::read_to_string(folder.join("README.md")).expect("a README");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the samples")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    let mut verdicts = String::new();
    for name in &names {
        let sample = fs::read_to_string(folder.join(name)).expect("a sample");
        for level in [Level::Baseline, Level::Restricted] {
            for line in checked(&sample, Some(level), None) {
                let meets = line["meets"].as_str().expect("a level");
                assert!(readme.contains(&format!("| [`{name}`]({name}) | {meets} |")), "{name} meets {meets}");
                let said: Vec<String> =
                    said(&line).iter().map(|(reason, detail)| format!("  {reason} ({detail})\n")).collect();
                let verdict = if said.is_empty() { "allowed" } else { "refused" };
                verdicts.push_str(&format!("{name} {level}: {verdict}\n{}", said.concat()));
            }
        }
    }
    assert!(names.len() >= 6, "{names:?}");
    expected::matches(&folder.join("verdicts.txt"), &verdicts).unwrap_or_else(|difference| panic!("{difference}"));
}

#[test]
fn the_ci_script_fails_on_a_violating_pod_and_leaves_a_sarif_log() {
    let built = Path::new(env!("CARGO_BIN_EXE_unroot")).parent().expect("a folder").to_owned();
    let path = std::env::join_paths(
        [built].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
    )
    .expect("folders without a colon");
    let run = |manifest: &str| {
        let log = tempfile::NamedTempFile::new().expect("a temporary file");
        let output = Command::new("sh")
            .arg("check.sh")
            .arg(manifest)
            .arg(log.path())
            .current_dir(example("ci-check"))
            .env("PATH", &path)
            .stdin(Stdio::null())
            .output()
            .expect("sh");
        let log = fs::read_to_string(log.path()).expect("a log");
        let log: serde_json::Value = serde_json::from_str(&log).expect("JSON");
        let results = log["runs"][0]["results"].as_array().expect("results").len();
        (output.status.code(), results, String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let (exit, results, text) = run("violating.yaml");
    assert_eq!((exit, results), (Some(1), 1), "{text}");
    assert!(text.contains("host namespaces (hostNetwork=true)"), "{text}");
    let (exit, results, text) = run("compliant.yaml");
    assert_eq!((exit, results), (Some(0), 0), "{text}");
}
