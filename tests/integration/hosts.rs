//! Every folder of `examples/` through the host that its README names, as a user would run it. A host that is not on
//! the machine is said to be missing, and its tests are skipped.
//!
//! What comes out is compared with files beside the example; `UNROOT_UPDATE=1 cargo test hosts` rewrites them.

mod contrib;
mod image;
mod kpt;
mod kubeflow;
mod kustomize;
mod npm;
mod pipe;
mod recipes;
mod release;
mod wasm;
mod web;

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::expected;

const UNROOT: &str = env!("CARGO_BIN_EXE_unroot");

struct Run {
    stdout: String,
    stderr: String,
    exit: i32,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> PathBuf {
    root().join("examples").join(name)
}

/// The folders where programs are looked for: unroot as just built, then what `make tools` installed, then the machine.
fn programs() -> Vec<PathBuf> {
    let built = Path::new(UNROOT).parent().expect("a folder with the binary").to_owned();
    let machine = std::env::var_os("PATH").unwrap_or_default();
    [built, root().join("bin")].into_iter().chain(std::env::split_paths(&machine)).collect()
}

/// Says that something is not tested. The message goes past the capture of the test harness, so that a reader of the log
/// does not take a skipped test for a passed one.
fn skip(why: &str) {
    writeln!(std::io::stderr(), "skipped: {why}").expect("standard error");
}

/// A program that the machine may not have.
fn host(name: &str) -> Option<Command> {
    let Some(path) = programs().iter().map(|folder| folder.join(name)).find(|path| path.is_file()) else {
        skip(&format!("{name} not found"));
        return None;
    };
    let mut command = Command::new(path);
    command.env("PATH", std::env::join_paths(programs()).expect("folders without a colon"));
    Some(command)
}

/// What `make wasm` and `make image` have built, in the folder `UNROOT_DIST`, which `make test` sets: in a plain
/// `cargo test` the artefacts may be of another day.
fn artefact(name: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("UNROOT_DIST") else {
        assert!(std::env::var_os("CI").is_none(), "UNROOT_DIST must be set: the artefacts are to be tested");
        skip(&format!("{name} is tested by `make test`"));
        return None;
    };
    let path = root().join(folder).join(name);
    assert!(path.is_file(), "{} has not been built", path.display());
    Some(path)
}

fn run(command: &mut Command) -> Run {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    Run {
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
        exit: output.status.code().expect("an exit code, not a signal"),
    }
}

/// Runs a host that must succeed.
fn succeed(command: &mut Command) -> Run {
    let run = run(command);
    assert_eq!(run.exit, 0, "{command:?}\n{}{}", run.stdout, run.stderr);
    run
}

/// unroot as a filter in a folder, with a text as its standard input.
fn unroot(folder: &Path, args: &[&str], input: &str) -> Run {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(input.as_bytes()).expect("a temporary file that can be written");
    let input = File::open(file.path()).expect("a temporary file that can be read");
    run(Command::new(UNROOT).args(args).current_dir(folder).stdin(Stdio::from(input)))
}

/// What unroot makes of a text that it must be able to use.
fn filtered(folder: &Path, args: &[&str], input: &str) -> String {
    let run = unroot(folder, args, input);
    assert_eq!(run.exit, 0, "{}", run.stderr);
    run.stdout
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn assert_matches(file: &Path, actual: &str) {
    expected::matches(file, actual).unwrap_or_else(|difference| panic!("{difference}"));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder to copy to");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }
}

/// The lines that only one side of a unified difference has, with their sign and without their indentation.
fn changed_lines(diff: &str) -> Vec<String> {
    diff.lines()
        .skip(2) // the names of the two sides
        .filter_map(|line| {
            let sign = line.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
            Some(format!("{sign}{}", line[1..].trim_start()))
        })
        .collect()
}

/// The functionConfigs below a folder, with as many folders above each as lie between it and the root.
fn function_configs(folder: &Path, depth: usize) -> Vec<(PathBuf, usize)> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).expect("a folder of an example").map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            found.extend(function_configs(&path, depth + 1));
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && read(&path).contains("\nkind: Unroot\n")
        {
            found.push((path, depth));
        }
    }
    found
}

#[test]
fn every_example_has_a_readme_and_points_editors_at_the_schema() {
    let folder = root().join("examples");
    let configs = function_configs(&folder, 1);
    assert!(configs.len() > 15, "{configs:?}");
    for (file, depth) in configs {
        let schema = format!("# yaml-language-server: $schema={}fn-config/unroot.schema.json", "../".repeat(depth));
        assert_eq!(read(&file).lines().next(), Some(schema.as_str()), "{}", file.display());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).expect("examples/") {
        let path = entry.expect("an entry").path();
        assert!(path.join("README.md").is_file(), "{} has no README.md", path.display());
        names.push(path.file_name().expect("a name").to_string_lossy().into_owned());
    }
    names.sort();
    let tested = [
        "argo-cd",
        "ci-check",
        "contrib",
        "demo",
        "flux",
        "github-action",
        "helm-post-renderer",
        "istio-cni",
        "kpt-eval",
        "kpt-render",
        "krew",
        "kubeflow",
        "kustomize-container",
        "kustomize-exec",
        "pipe",
        "pre-commit",
        "samples",
    ];
    assert_eq!(names, tested, "every example is run by a test");
    assert!(root().join("fn-config/unroot.schema.json").is_file(), "fn-config/unroot.schema.json is missing");
}
