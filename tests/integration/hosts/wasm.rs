//! The WebAssembly forms against the native command: the same bytes on both streams and the same exit code, on every
//! golden case and on both recorded builds of Kubeflow; and kpt's form in kpt itself.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{UNROOT, artefact, copy_folder, example, host, read, root, run, skip, succeed};
use crate::{cases, shared};

/// One run: where, with what, on what.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) input: PathBuf,
}

/// A form of the command, ready to take its arguments.
pub(super) type Form<'f> = &'f (dyn Fn() -> Command + Sync);

fn output(form: Form<'_>, case: &Case) -> Output {
    form()
        .args(&case.args)
        .current_dir(&case.folder)
        .stdin(Stdio::from(File::open(&case.input).expect("the input of a case")))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", case.name))
}

fn native() -> Command {
    Command::new(UNROOT)
}

/// Where a form differs from the native command, or nothing.
fn difference(form: Form<'_>, case: &Case) -> Option<String> {
    let (expected, actual) = (output(&native, case), output(form, case));
    if (expected.status.code(), &expected.stdout, &expected.stderr)
        == (actual.status.code(), &actual.stdout, &actual.stderr)
    {
        return None;
    }
    let start = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(600)]).into_owned();
    Some(format!(
        "{}: {} natively, {} here; standard output {}; standard error\n{}\nhere\n{}",
        case.name,
        expected.status,
        actual.status,
        if expected.stdout == actual.stdout { "is the same" } else { "differs" },
        start(&expected.stderr),
        start(&actual.stderr)
    ))
}

/// Runs the cases on two threads: a start of Node.js takes longer than what it then does.
pub(super) fn assert_same_as_native(form: Form<'_>, cases: &[Case]) {
    let half = cases.len().div_ceil(2);
    let differences: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = cases
            .chunks(half)
            .map(|cases| {
                scope.spawn(move || cases.iter().filter_map(|case| difference(form, case)).collect::<Vec<_>>())
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread that ends")).collect()
    });
    assert!(
        differences.is_empty(),
        "{} of {} cases differ\n\n{}",
        differences.len(),
        cases.len(),
        differences.join("\n\n")
    );
}

/// The golden cases as they are.
pub(super) fn golden() -> Vec<Case> {
    cases::folders()
        .into_iter()
        .map(|folder| Case {
            name: folder.display().to_string(),
            args: cases::arguments(&folder),
            input: folder.join("input.yaml"),
            folder,
        })
        .collect()
}

/// The golden cases of `check` or `plan` as they are; some have no input.
pub(super) fn golden_of(verb: &str) -> Vec<Case> {
    crate::check::golden::cases(verb)
        .into_iter()
        .map(|folder| Case {
            name: folder.display().to_string(),
            args: read(&folder.join("args")).lines().map(str::to_owned).collect(),
            input: folder.join("input.yaml"),
            folder,
        })
        .collect()
}

fn indented(text: &str, first: &str) -> String {
    let lines = text.lines().enumerate();
    lines.map(|(number, line)| format!("{}{line}\n", if number == 0 { first } else { "  " })).collect()
}

/// The golden cases for a form that has no arguments: the input as it is, and, where the configuration is not in the
/// list, a list that is made of both. What becomes of it does not matter, as long as it is the same.
fn golden_without_arguments(work: &Path) -> Vec<Case> {
    let mut lists = Vec::new();
    for case in golden() {
        let input = fs::read_to_string(&case.input).unwrap_or_default();
        let config =
            match &case.args[..] {
                [] => None,
                // A file that is not there is a matter of the command line.
                [flag, file] if flag == "--config" => match fs::read_to_string(case.folder.join(file)) {
                    Ok(config) => Some(config),
                    Err(_) => continue,
                },
                words => Some(
                    ["apiVersion: v1\nkind: ConfigMap\ndata:\n".to_owned()]
                        .into_iter()
                        .chain(words.iter().filter_map(|word| {
                            word.split_once('=').map(|(key, value)| format!("  {key}: \"{value}\"\n"))
                        }))
                        .collect(),
                ),
            };
        if let Some(config) = config {
            let items: String = input.split("---\n").map(|document| indented(document, "- ")).collect();
            let list = format!(
                "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}functionConfig:\n{}",
                indented(&config, "  ")
            );
            let path = work.join(format!("{}.yaml", lists.len()));
            fs::write(&path, list).expect("a file that can be written");
            lists.push(Case { name: format!("{} as a list", case.name), args: Vec::new(), input: path, ..case });
        } else {
            lists.push(case);
        }
    }
    lists
}

/// The recorded builds, each with a configuration of every part; none where the shared folder is not there. The second one
/// cannot be reached on 1.8.1, so a whole list goes back with errors.
pub(super) fn kubeflow(work: &Path) -> Vec<Case> {
    let mut lists = Vec::new();
    for release in ["v1.8.1", "26.03"] {
        let Some(list) = shared::read(&format!("kubeflow/{release}.resourcelist.yaml.gz")) else { continue };
        let (items, _) = list.split_once("\nfunctionConfig:\n").expect("a functionConfig after the items");
        let presets = ["kubeflow/baseline.yaml", "contrib/container-network-interface-restricted/function.yaml"];
        for (number, preset) in presets.into_iter().enumerate() {
            let config = read(&example(preset));
            let path = work.join(format!("{release}.{number}.yaml"));
            fs::write(&path, format!("{items}\nfunctionConfig:\n{}", indented(&config, "  "))).expect("a file");
            lists.push(Case {
                name: format!("Kubeflow {release}, {preset}"),
                folder: work.to_owned(),
                args: Vec::new(),
                input: path,
            });
        }
    }
    lists
}

pub(super) fn arguments(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// What only the command line has.
pub(super) fn command_line() -> Vec<Case> {
    [
        "--help",
        "--version",
        "--no-such-flag",
        "completions bash",
        "--config examples/demo/unroot.yaml",
        "enforce=lax",
        "istio=cni enforce=strictest harden=restricted",
        "check --level restricted examples/demo/platform.yaml",
        "check --output jsonl --level baseline -",
        "check --output sarif examples/samples/docker-in-docker.yaml examples/demo/platform.yaml",
        "check --config examples/demo/unroot.yaml examples/demo/platform.yaml",
        "check nowhere.yaml",
        "check --output html examples/samples/docker-in-docker.yaml",
        "plan examples/demo/platform.yaml",
        "plan --output json -",
        "plan --output stages --config examples/demo/unroot.yaml examples/demo/platform.yaml",
        "plan --output html examples/demo/platform.yaml",
    ]
    .into_iter()
    .map(|line| Case {
        name: line.to_owned(),
        folder: root().to_owned(),
        args: arguments(line),
        input: example("demo").join("platform.yaml"),
    })
    .collect()
}

#[test]
fn the_wasi_command_does_under_node_what_the_native_one_does() {
    let Some(module) = artefact("unroot.wasm") else { return };
    if host("node").is_none() {
        return;
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    let form = || {
        let mut node = host("node").expect("found above");
        node.arg(root().join("scripts/run-wasi.mjs")).arg(&module);
        node
    };
    let all: Vec<Case> = golden().into_iter().chain(command_line()).chain(kubeflow(work.path())).collect();
    assert_same_as_native(&form, &all);
}

#[test]
fn the_wasi_command_does_under_wasmtime_what_the_native_one_does() {
    let Some(module) = artefact("unroot.wasm") else { return };
    let Some(mut python) = host("python3") else { return };
    let packages = root().join("bin/python");
    if run(python.args(["-c", "import wasmtime"]).env("PYTHONPATH", &packages)).exit != 0 {
        return skip("the Python package wasmtime not found");
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    let form = || {
        let mut python = host("python3").expect("found above");
        python.arg(root().join("scripts/run-wasmtime.py")).arg(&module).env("PYTHONPATH", &packages);
        python
    };
    let golden = golden().into_iter().step_by(5);
    let all: Vec<Case> = command_line().into_iter().chain(golden).chain(kubeflow(work.path())).collect();
    assert_same_as_native(&form, &all);
}

#[test]
fn the_form_for_kpt_gives_what_the_native_command_gives() {
    let Some(module) = artefact("unroot-kpt.wasm") else { return };
    if host("node").is_none() {
        return;
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    let form = || {
        let mut node = host("node").expect("found above");
        node.arg(root().join("scripts/run-kpt-abi.mjs")).arg(&module);
        node
    };
    let golden = golden_without_arguments(work.path());
    let done = golden.iter().filter(|case| output(&native, case).status.success()).count();
    assert!(done >= 25, "only {done} of {} lists can be filtered at all", golden.len());
    let all: Vec<Case> = golden.into_iter().chain(kubeflow(work.path())).collect();
    assert_same_as_native(&form, &all);
}

/// kpt with what it needs for WebAssembly, or None where it or Node.js is not there. With `--allow-alpha-wasm` it takes
/// every executable for a module.
fn kpt(verb: &str, package: &Path, function: &Path) -> Option<Command> {
    host("node")?;
    let mut kpt = host("kpt")?;
    kpt.args(["fn", verb]).arg(package).env("KPT_FN_WASM_RUNTIME", "nodejs");
    if function.extension().is_some_and(|extension| extension == "wasm") {
        kpt.arg("--allow-alpha-wasm");
    }
    if verb == "eval" {
        kpt.arg("--exec").arg(function);
    }
    Some(kpt)
}

#[test]
fn kpt_fn_eval_gives_the_same_files_with_the_module_as_with_the_executable() {
    let Some(module) = artefact("unroot-kpt.wasm") else { return };
    let work = tempfile::tempdir().expect("a temporary folder");
    let mut files = Vec::new();
    for function in [module.as_path(), Path::new(UNROOT)] {
        let package = work.path().join(format!("package-{}", files.len()));
        copy_folder(&example("kpt-eval"), &package);
        fs::remove_dir_all(package.join(".expected")).expect("what the example expects");
        let Some(mut kpt) = kpt("eval", &package, function) else { return };
        succeed(kpt.args(["--", "enforce=baseline", "warn=restricted"]));
        files.push(read(&package.join("resources.yaml")));
    }
    assert_eq!(files[0], files[1]);
    assert_ne!(files[0], read(&example("kpt-eval").join("resources.yaml")), "the function has changed nothing");
}

#[test]
fn kpt_shows_the_results_and_the_exit_code_of_a_failing_module_and_leaves_the_package_alone() {
    let Some(module) = artefact("unroot-kpt.wasm") else { return };
    let work = tempfile::tempdir().expect("a temporary folder");
    let (package, results) = (work.path().join("package"), work.path().join("results"));
    copy_folder(&example("kpt-eval"), &package);
    fs::remove_dir_all(package.join(".expected")).expect("what the example expects");
    let Some(mut kpt) = kpt("eval", &package, &module) else { return };
    let failed = run(kpt.arg("--results-dir").arg(&results).args(["--", "enforce=lax"]));
    assert_eq!(failed.exit, 1, "{}", failed.stderr);
    let said = "[error] functionConfig.data.enforce: unknown value \"lax\"";
    assert!(failed.stderr.contains("Results:") && failed.stderr.contains(said), "{}", failed.stderr);
    assert!(failed.stderr.contains("Exit code: 2"), "{}", failed.stderr);
    assert!(read(&results.join("results.yaml")).contains("rule: config-unusable"));
    assert_eq!(read(&package.join("resources.yaml")), read(&example("kpt-eval").join("resources.yaml")));
}

#[test]
fn kpt_fn_render_runs_the_module_too() {
    let Some(module) = artefact("unroot-kpt.wasm") else { return };
    let work = tempfile::tempdir().expect("a temporary folder");
    let mut rendered = Vec::new();
    for function in [module.as_path(), Path::new(UNROOT)] {
        let package = work.path().join(format!("package-{}", rendered.len()));
        copy_folder(&example("kpt-render"), &package);
        fs::remove_dir_all(package.join(".expected")).expect("what the example expects");
        let kptfile = read(&package.join("Kptfile"));
        let named = kptfile.replace("exec: unroot", &format!("exec: {}", function.display()));
        assert_ne!(kptfile, named, "the Kptfile does not name unroot");
        fs::write(package.join("Kptfile"), named).expect("a copy that can be changed");
        let Some(mut kpt) = kpt("render", &package, function) else { return };
        succeed(kpt.arg("--allow-exec"));
        rendered.push(read(&package.join("resources.yaml")));
    }
    assert_eq!(rendered[0], rendered[1]);
    assert_ne!(rendered[0], read(&example("kpt-render").join("resources.yaml")), "the function has changed nothing");
}

#[test]
fn kpt_takes_a_whole_platform_through_the_module_and_sees_why_it_failed() {
    let Some(module) = artefact("unroot-kpt.wasm") else { return };
    let work = tempfile::tempdir().expect("a temporary folder");
    let Some(case) = kubeflow(work.path()).pop() else { return };
    let list = || Stdio::from(File::open(&case.input).expect("the list"));

    let Some(mut done) = kpt("eval", Path::new("-"), &module) else { return };
    let written = succeed(done.args(["--", "enforce=baseline", "warn=restricted"]).stdin(list())).stdout;
    assert!(written.len() > 12_000_000, "only {} bytes have come back", written.len());
    assert!(written.matches("pod-security.kubernetes.io/warn: restricted").count() >= 7);

    // The whole list goes back here too, by another way.
    let failed = run(kpt("eval", Path::new("-"), &module).expect("found above").args(["--", "warn=lax"]).stdin(list()));
    assert!(failed.stderr.contains("Results:") && failed.stderr.contains("Exit code: 2"), "{}", failed.stderr);
}
