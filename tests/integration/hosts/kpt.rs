//! `examples/kpt-eval` and `examples/kpt-render`, in the layout of kpt's function catalogue: `.expected/` holds
//! `config.yaml` (how to run it), `diff.patch` (what `git diff` shows afterwards) and `results.yaml`.
//!
//! kpt itself re-indents what it writes back, whatever the function does. The examples are in its own format already,
//! which a run with `cat` in unroot's place proves; so all that the patch shows is unroot's.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::{assert_matches, copy_folder, example, host, read, succeed};

/// The part of the catalogue's `config.yaml` that the examples use.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Config {
    test_type: TestType,
    #[serde(default)]
    allow_exec: bool,
    /// Where kpt's own runner finds the binary; here it is the one that is tested.
    #[serde(rename = "execPath")]
    _exec_path: Option<String>,
    #[serde(default)]
    args: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum TestType {
    Eval,
    Render,
}

/// kpt over a package as its `config.yaml` says, with `function` as the executable of `eval`.
fn kpt(package: &Path, results: &Path, function: &str) -> Option<Command> {
    let config: Config = serde_yaml::from_str(&read(&package.join(".expected/config.yaml"))).expect("a config.yaml");
    let mut kpt = host("kpt")?;
    kpt.arg("fn");
    match config.test_type {
        TestType::Eval => kpt.arg("eval").arg(package).args(["--exec", function]),
        TestType::Render => kpt.arg("render").arg(package).args(config.allow_exec.then_some("--allow-exec")),
    };
    kpt.arg("--results-dir").arg(results);
    if !config.args.is_empty() {
        kpt.arg("--").args(config.args.iter().map(|(key, value)| format!("{key}={value}")));
    }
    Some(kpt)
}

fn git(folder: &Path, args: &[&str]) -> String {
    let mut git = Command::new("git");
    git.current_dir(folder).args(["-c", "core.abbrev=7", "-c", "core.autocrlf=false"]).args(args);
    // The user's own settings change what a diff looks like.
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    git.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("GIT_WORK_TREE");
    succeed(&mut git).stdout
}

fn check(name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (package, results) = (folder.path().join("package"), folder.path().join("results"));
    copy_folder(&example(name), &package);
    let Some(mut first) = kpt(&package, &results, "unroot") else { return };
    git(&package, &["init", "--quiet"]);
    git(&package, &["add", "--all"]);

    succeed(&mut first);
    let patch = git(&package, &["diff"]);
    assert_matches(&example(name).join(".expected/diff.patch"), &patch);
    assert_matches(&example(name).join(".expected/results.yaml"), &read(&results.join("results.yaml")));

    succeed(&mut kpt(&package, &results, "unroot").expect("found above"));
    assert_eq!(git(&package, &["diff"]), patch, "a second run must change nothing");
}

fn check_that_cat_changes_nothing(name: &str) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let package = folder.path().join("package");
    copy_folder(&example(name), &package);
    if let Ok(kptfile) = fs::read_to_string(package.join("Kptfile")) {
        fs::write(package.join("Kptfile"), kptfile.replace("exec: unroot", "exec: cat")).expect("a writable copy");
    }
    let Some(mut with_cat) = kpt(&package, &folder.path().join("results"), "cat") else { return };
    git(&package, &["init", "--quiet"]);
    git(&package, &["add", "--all"]);
    succeed(&mut with_cat);
    assert_eq!(git(&package, &["diff"]), "", "kpt writes this example back in another format");
}

#[test]
fn kpt_fn_eval_changes_the_files_as_recorded_and_only_once() {
    check("kpt-eval");
}

#[test]
fn kpt_fn_render_changes_the_files_as_recorded_and_only_once() {
    check("kpt-render");
}

#[test]
fn what_the_recorded_patches_show_is_not_the_work_of_kpt() {
    check_that_cat_changes_nothing("kpt-eval");
    check_that_cat_changes_nothing("kpt-render");
}

#[test]
fn kpt_fn_render_runs_no_executable_unless_told_to() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&example("kpt-render"), folder.path());
    let Some(mut kpt) = host("kpt") else { return };
    let refused = super::run(kpt.args(["fn", "render"]).arg(folder.path()));
    assert_ne!(refused.exit, 0);
    assert!(refused.stderr.contains("--allow-exec"), "{}", refused.stderr);
}
