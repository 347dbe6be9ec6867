//! The npm package, as `make npm` packs it, installed in a folder of its own: the command that npm puts on the PATH does
//! what the native one does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::wasm::{Case, arguments, assert_same_as_native, command_line, golden};
use super::{artefact, example, host, read, root, run, succeed};

/// The folder with the installed commands, or None where the package has not been built or cannot be installed here.
fn installed(work: &Path) -> Option<PathBuf> {
    let mut npm = host("npm")?;
    let package = artefact(&format!("unroot-{}.tgz", env!("CARGO_PKG_VERSION")))?;
    succeed(npm.args(["install", "--offline", "--no-audit", "--no-fund", "--prefix"]).arg(work).arg(package));
    Some(work.join("node_modules/.bin"))
}

#[test]
fn the_installed_package_does_what_the_native_command_does() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let Some(commands) = installed(work.path()) else { return };
    let form = || Command::new(commands.join("unroot"));
    let input = example("demo").join("platform.yaml");
    // Outside of the working directory, by both kinds of paths.
    let absolute = format!("check --level baseline {}", input.display());
    let outside =
        ["check --level baseline ../demo/platform.yaml", "plan ../../examples/demo/platform.yaml", &absolute].map(
            |line| Case { name: line.to_owned(), folder: example("pipe"), args: arguments(line), input: input.clone() },
        );
    let all: Vec<Case> = golden().into_iter().step_by(5).chain(command_line()).chain(outside).collect();
    assert_same_as_native(&form, &all);
}

#[test]
fn an_absolute_path_is_never_taken_for_a_relative_one() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let Some(commands) = installed(work.path()) else { return };
    // The same path with the slash and without it, in two files.
    let absolute = work.path().join("there/pod.yaml");
    let relative = absolute.strip_prefix("/").expect("an absolute path");
    for file in [&absolute, &work.path().join(relative)] {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        fs::copy(example("ci-check").join("compliant.yaml"), file).expect("a copy");
    }
    let check = |file: &Path, other: &Path| {
        run(Command::new(commands.join("unroot")).arg("check").args([file, other]).current_dir(work.path()))
    };
    assert_eq!(check(&absolute, &absolute).exit, 0);
    assert_eq!(check(relative, relative).exit, 0);
    for (file, other) in [(absolute.as_path(), relative), (relative, &absolute)] {
        let refused = check(file, other);
        assert_eq!((refused.exit, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("cannot be told from a relative one"), "{}", refused.stderr);
    }
    fs::remove_dir_all(work.path().join("there")).expect("a folder that can be removed");
    assert_eq!(check(&absolute, &absolute).exit, 2);
}

#[test]
fn the_package_has_the_version_and_the_words_of_the_crate() {
    let package: serde_json::Value =
        serde_json::from_str(&read(&root().join("wasm/npm/package.json"))).expect("package.json");
    assert_eq!(package["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(package["description"], env!("CARGO_PKG_DESCRIPTION"));
    assert_eq!(package["license"], env!("CARGO_PKG_LICENSE"));
}
