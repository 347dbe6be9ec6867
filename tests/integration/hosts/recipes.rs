//! Recipes whose host cannot be run here, as far as their own commands go: those that the files name are taken out of
//! the files and run. `examples/argo-cd`, `examples/flux`, `examples/github-action` with `action.yml`,
//! `examples/pre-commit`, `examples/krew`, and what catalogues list.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use super::{UNROOT, assert_matches, copy_folder, example, host, programs, read, root, run, skip, succeed};

/// A file with one document.
fn document(path: &Path) -> Value {
    serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The words of a command line in a file.
fn words(list: &Value) -> Vec<String> {
    list.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word").to_owned()).collect()
}

/// A program with unroot on the PATH.
fn with_unroot(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", std::env::join_paths(programs()).expect("folders without a colon"));
    command
}

/// A copy of an example whose configuration is unusable.
fn unusable(name: &str, work: &Path) -> PathBuf {
    let folder = work.join("unusable");
    copy_folder(&example(name), &folder);
    let config = read(&folder.join("unroot.yaml"));
    let broken = config.replace("enforce: baseline", "enforce: lax");
    assert_ne!(config, broken);
    fs::write(folder.join("unroot.yaml"), broken).expect("a copy that can be changed");
    folder
}

#[test]
fn the_plugin_of_argo_cd_renders_an_application_and_writes_nothing_where_it_fails() {
    if host("kustomize").is_none() {
        return;
    }
    let plugin = document(&example("argo-cd").join("plugin.yaml"));
    assert!(example("pipe").join(plugin["spec"]["discover"]["fileName"].as_str().expect("a name")).is_file());
    let generate = &plugin["spec"]["generate"];
    let command = [words(&generate["command"]), words(&generate["args"])].concat();
    let generate = |folder: &Path| run(with_unroot(&command[0]).args(&command[1..]).current_dir(folder));

    let rendered = generate(&example("pipe"));
    assert_eq!(rendered.exit, 0, "{}", rendered.stderr);
    assert_matches(&example("pipe").join("expected.yaml"), &rendered.stdout);

    let work = tempfile::tempdir().expect("a temporary folder");
    let folder = unusable("pipe", work.path());
    let failed = generate(&folder);
    assert_eq!((failed.exit, failed.stdout.as_str()), (2, ""), "{}", failed.stderr);
    assert!(failed.stderr.contains("unknown value \"lax\""), "{}", failed.stderr);
    fs::remove_file(folder.join("kustomization.yaml")).expect("a copy that can be changed");
    let failed = generate(&folder);
    assert!(failed.exit != 0 && failed.stdout.is_empty(), "{}", failed.stdout);
}

#[test]
fn the_build_options_for_argo_cd_run_the_exec_function() {
    let Some(mut kustomize) = host("kustomize") else { return };
    let settings = document(&example("argo-cd").join("argocd-cm.yaml"));
    let options = settings["data"]["kustomize.buildOptions"].as_str().expect("the options");
    let folder = example("kustomize-exec");
    let labelled = succeed(kustomize.arg("build").args(options.split(' ')).arg(&folder));
    assert_matches(&folder.join("expected.yaml"), &labelled.stdout);
}

#[test]
fn the_sidecar_for_argo_cd_meets_restricted_and_the_application_names_what_is_there() {
    let sidecar = example("argo-cd").join("repo-server.yaml");
    let checked = run(Command::new(UNROOT).args(["check", "--level", "restricted"]).arg(sidecar));
    assert_eq!(checked.exit, 0, "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("1 pod: 1 allowed"), "{}", checked.stdout);

    let application = document(&example("argo-cd").join("application.yaml"));
    let plugin = document(&example("argo-cd").join("plugin.yaml"));
    assert_eq!(application["spec"]["source"]["plugin"]["name"], plugin["metadata"]["name"]);
    assert!(root().join(application["spec"]["source"]["path"].as_str().expect("a path")).is_dir());
}

#[test]
fn the_script_for_flux_leaves_manifests_only_where_everything_has_worked() {
    if host("kustomize").is_none() {
        return;
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    let folder = work.path().join("rendered");
    let render = |kustomization: &Path| {
        run(with_unroot("sh").arg(example("flux").join("render.sh")).arg(kustomization).arg(&folder))
    };
    let done = render(&example("pipe"));
    assert_eq!(done.exit, 0, "{}", done.stderr);
    assert_matches(&example("pipe").join("expected.yaml"), &read(&folder.join("manifests.yaml")));
    let entries = fs::read_dir(&folder).expect("the folder").count();
    assert_eq!(entries, 1, "Flux applies whatever lies there");

    assert_eq!(render(&unusable("pipe", work.path())).exit, 2);
    assert!(!folder.join("manifests.yaml").exists(), "the manifests of the run before are still there");
}

#[test]
fn the_workflow_for_flux_pushes_the_folder_that_it_renders() {
    let workflow = document(&example("flux").join("workflow.yaml"));
    let steps = workflow["jobs"]["render"]["steps"].as_array().expect("steps");
    let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
    let folder = runs.iter().find_map(|run| run.strip_prefix("sh render.sh ")?.split(' ').nth(1)).expect("the render");
    assert!(runs.iter().any(|run| run.contains(&format!("--path={folder} "))), "{runs:#?}");
}

/// Runs the step of the action that checks, as a runner does; the exit code, the text, the outputs.
fn check_step(folder: &Path, inputs: &[(&str, &str)]) -> (i32, String, String) {
    let action = document(&root().join("action.yml"));
    let steps = action["runs"]["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["id"] == "check").expect("the step that checks");
    assert_eq!(step["shell"], "bash");
    let outputs = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut bash = with_unroot("bash");
    bash.args(["--noprofile", "--norc", "-eo", "pipefail", "-c"]).arg(step["run"].as_str().expect("a script"));
    bash.current_dir(folder).env("GITHUB_OUTPUT", outputs.path()).stdin(Stdio::null());
    for (variable, value) in step["env"].as_object().expect("variables") {
        let input = value.as_str().and_then(|value| value.strip_prefix("${{ inputs.")?.strip_suffix(" }}"));
        let input = input.unwrap_or_else(|| panic!("{variable} is no input: {value}"));
        let declared = &action["inputs"][input];
        assert!(declared.is_object(), "{input} is no input of the action");
        let given = inputs.iter().find(|(name, _)| *name == input).map(|(_, value)| *value);
        bash.env(variable, given.or(declared["default"].as_str()).unwrap_or_default());
    }
    let done = run(&mut bash);
    (done.exit, format!("{}{}", done.stdout, done.stderr), read(outputs.path()))
}

#[test]
fn the_action_fails_on_a_violation_and_leaves_a_log_but_not_where_the_input_is_unusable() {
    let work = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&example("ci-check"), work.path());
    fs::copy(work.path().join("compliant.yaml"), work.path().join("with space.yaml")).expect("a copy");
    let baseline = ("level", "baseline");
    for (files, more, exit, results) in [
        ("violating.yaml", vec![baseline], 1, 1),
        ("  compliant.yaml\n\n\twith space.yaml \n", vec![baseline], 0, 0),
        ("violating.yaml\ncompliant.yaml", vec![baseline, ("sarif", "other.sarif")], 1, 1),
        // By the label of the namespace, which is not there.
        ("violating.yaml", vec![], 0, 0),
    ] {
        let inputs = [vec![("files", files)], more].concat();
        let (code, said, outputs) = check_step(work.path(), &inputs);
        assert_eq!(code, exit, "{inputs:?}\n{said}");
        let log = outputs.trim().strip_prefix("sarif=").unwrap_or_else(|| panic!("{outputs}"));
        let log: Value = serde_json::from_str(&read(&work.path().join(log))).expect("SARIF");
        assert_eq!(log["runs"][0]["results"].as_array().expect("results").len(), results, "{inputs:?}");
    }
    for inputs in [
        vec![("files", " \n")],
        vec![("files", "nowhere.yaml")],
        vec![("files", "$(touch pwned)")],
        vec![("files", "compliant.yaml"), ("level", "lax")],
        vec![("files", "--help")],
    ] {
        let (code, said, outputs) = check_step(work.path(), &inputs);
        assert_eq!((code, outputs.as_str()), (2, ""), "{inputs:?}\n{said}");
    }
    assert!(!work.path().join("pwned").exists());
}

#[test]
fn the_workflow_gives_the_action_inputs_that_it_has() {
    let action = document(&root().join("action.yml"));
    let workflow = document(&example("github-action").join("workflow.yaml"));
    let steps = workflow["jobs"]["check"]["steps"].as_array().expect("steps");
    let step = steps
        .iter()
        .find(|step| {
            step["uses"].as_str().is_some_and(|uses| uses == concat!("kubeflow/unroot@v", env!("CARGO_PKG_VERSION")))
        })
        .expect("a step with the action");
    let given = step["with"].as_object().expect("inputs");
    assert!(given.keys().all(|input| action["inputs"][input].is_object()), "{given:?}");
    assert!(given.contains_key("files"));
    let readme = read(&example("github-action").join("README.md"));
    for input in action["inputs"].as_object().expect("inputs").keys() {
        assert!(readme.contains(&format!("| `{input}` |")), "the README does not say {input}");
    }
}

fn git(folder: &Path, args: &[&str]) -> String {
    let identity = ["-c", "user.name=unroot", "-c", "user.email=unroot@example.com", "-c", "init.defaultBranch=main"];
    let mut git = Command::new("git");
    succeed(git.arg("-C").arg(folder).args(identity).args(args)).stdout
}

#[test]
fn pre_commit_refuses_a_commit_with_a_violating_pod() {
    let packages = root().join("bin/pre-commit");
    let pre_commit = || {
        let mut python = host("python3")?;
        python.args(["-m", "pre_commit"]).env("PYTHONPATH", &packages);
        Some(python)
    };
    let Some(mut version) = pre_commit() else { return };
    if run(version.arg("--version")).exit != 0 || host("git").is_none() {
        return skip("pre-commit not found");
    }
    let work = tempfile::tempdir().expect("a temporary folder");
    let (hooks, user) = (work.path().join("hooks"), work.path().join("user"));
    fs::create_dir(&hooks).expect("a folder");
    fs::create_dir(&user).expect("a folder");

    // This repository, as far as pre-commit looks at it.
    fs::copy(root().join(".pre-commit-hooks.yaml"), hooks.join(".pre-commit-hooks.yaml")).expect("the hooks");
    git(&hooks, &["init", "--quiet"]);
    git(&hooks, &["add", "."]);
    git(&hooks, &["commit", "--quiet", "--no-verify", "--message", "hooks"]);
    let commit = git(&hooks, &["rev-parse", "HEAD"]);

    let config = read(&example("pre-commit").join(".pre-commit-config.yaml"));
    let config = config
        .replace("https://github.com/kubeflow/unroot", &hooks.display().to_string())
        .replace(concat!("rev: v", env!("CARGO_PKG_VERSION")), &format!("rev: {}", commit.trim()));
    fs::write(user.join(".pre-commit-config.yaml"), config).expect("a file");
    git(&user, &["init", "--quiet"]);
    for (manifest, exit) in [("compliant.yaml", 0), ("violating.yaml", 1)] {
        fs::copy(example("ci-check").join(manifest), user.join("rendered.yaml")).expect("a manifest");
        git(&user, &["add", "."]);
        let mut hook = pre_commit().expect("found above");
        let done = run(hook.arg("run").current_dir(&user).env("PRE_COMMIT_HOME", work.path().join("cache")));
        assert_eq!(done.exit, exit, "{manifest}: {}{}", done.stdout, done.stderr);
        assert!(done.stdout.contains("unroot check....") && !done.stdout.contains("Skipped"), "{}", done.stdout);
        assert_eq!(done.stdout.contains("host namespaces (hostNetwork=true)"), exit == 1, "{}", done.stdout);
    }
}

#[test]
fn both_hooks_run_the_same_and_take_no_part_of_the_files() {
    let hooks = document(&root().join(".pre-commit-hooks.yaml"));
    let hooks = hooks.as_array().expect("hooks");
    assert_eq!(hooks.len(), 2);
    for hook in hooks {
        assert_eq!((&hook["entry"], &hook["pass_filenames"]), (&"unroot check".into(), &false.into()), "{hook}");
    }
}

#[test]
fn kubectl_runs_unroot_as_a_plugin() {
    let Some(kubectl) = host("kubectl") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    symlink(UNROOT, folder.path().join("kubectl-unroot")).expect("a link");
    let path = [folder.path().to_owned()].into_iter().chain(programs());
    let path = std::env::join_paths(path).expect("folders without a colon");
    let program = kubectl.get_program().to_owned();
    let input = example("demo").join("platform.yaml");
    for (arguments, exit) in [(vec!["warn=restricted"], 0), (vec!["check", "--level", "baseline"], 1), (vec!["a=b"], 2)]
    {
        let open = || Stdio::from(File::open(&input).expect("an example"));
        let mut plugin = Command::new(&program);
        plugin.arg("unroot").args(&arguments).env("PATH", &path).stdin(open());
        let (there, here) = (run(&mut plugin), run(Command::new(UNROOT).args(&arguments).stdin(open())));
        assert_eq!((there.exit, here.exit), (exit, exit), "{}", there.stderr);
        assert_eq!((there.stdout, there.stderr), (here.stdout, here.stderr));
    }
}

#[test]
fn the_manifest_for_krew_names_the_archives_of_this_version() {
    let manifest = document(&example("krew").join("unroot.yaml"));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(manifest["spec"]["version"], format!("v{version}"));
    let platforms = manifest["spec"]["platforms"].as_array().expect("platforms");
    let architectures: Vec<&str> = platforms
        .iter()
        .map(|platform| {
            let architecture = platform["selector"]["matchLabels"]["arch"].as_str().expect("an architecture");
            let uri = platform["uri"].as_str().expect("an address");
            assert!(uri.ends_with(&format!("/v{version}/unroot-{version}-linux-{architecture}.tar.gz")), "{uri}");
            architecture
        })
        .collect();
    assert_eq!(architectures, ["amd64", "arm64"]);
}

#[test]
fn the_catalogue_names_examples_that_are_there() {
    let metadata = document(&root().join("fn-config/metadata.yaml"));
    assert_eq!(metadata["license"], env!("CARGO_PKG_LICENSE"));
    assert_eq!(metadata["sourceURL"], env!("CARGO_PKG_REPOSITORY"));
    let examples = words(&metadata["examplePackageURLs"]);
    assert!(!examples.is_empty());
    for url in examples {
        let path =
            url.strip_prefix(&format!("{}/tree/main/", env!("CARGO_PKG_REPOSITORY"))).expect("of this repository");
        assert!(root().join(path).is_dir(), "{url}");
    }
}

#[test]
fn scripts_of_the_examples_are_for_any_shell_or_say_which() {
    for script in ["examples/flux/render.sh", "examples/ci-check/check.sh"] {
        assert!(read(&root().join(script)).starts_with("#!/bin/sh\n"), "{script}");
        succeed(Command::new("sh").arg("-n").arg(root().join(script)));
    }
    for script in fs::read_dir(root().join("scripts")).expect("scripts/").map(|entry| entry.expect("an entry").path()) {
        if script.extension().is_some_and(|extension| extension == "sh") {
            let mode = fs::metadata(&script).expect("a script").permissions().mode();
            assert_eq!(mode & 0o111, 0o111, "{} cannot be run", script.display());
            succeed(Command::new("bash").arg("-n").arg(&script));
        }
    }
}
