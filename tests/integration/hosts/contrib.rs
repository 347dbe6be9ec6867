//! `examples/contrib`: the presets on the recorded builds of Kubeflow, by the script that comes with them, and the trees
//! that are made of one render of Istio against istioctl's own renders.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use unroot::krm::List;

use super::{copy_folder, example, host, read, succeed};
use crate::istio_objects::renders::{at_hand, shared as recorded};
use crate::istio_objects::{assert_same, renders};
use crate::shared;

const PRESETS: [&str; 5] = [
    "ambient",
    "container-network-interface-baseline",
    "container-network-interface-restricted",
    "pod-security-warnings",
    "sidecar",
];

/// A script of the component, with unroot on its PATH and no cluster of the user's.
fn script(name: &str) -> Command {
    let mut script = host("bash").expect("bash");
    script.arg(example("contrib").join(name)).env("KUBECONFIG", "/dev/null").env_remove("CANNOT");
    script
}

fn spec(function: &str) -> &str {
    &function[function.find("\nspec:\n").expect("a spec")..]
}

#[test]
fn every_preset_is_a_component_with_an_executable_and_a_container_form_of_one_spec() {
    let folders: Vec<PathBuf> = fs::read_dir(example("contrib"))
        .expect("examples/contrib")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.join("function.yaml").is_file())
        .collect();
    assert_eq!(folders.len(), PRESETS.len());
    for preset in PRESETS.map(|name| example("contrib").join(name)) {
        let (exec, container) = (preset.clone(), preset.join("container"));
        let functions = [&exec, &container].map(|folder| {
            let kustomization = read(&folder.join("kustomization.yaml"));
            assert!(kustomization.contains("\nkind: Component\n"), "{}", folder.display());
            assert!(kustomization.contains("\ntransformers:\n- function.yaml\n"), "{}", folder.display());
            read(&folder.join("function.yaml"))
        });
        assert_eq!(spec(&functions[0]), spec(&functions[1]), "{}", preset.display());
        assert!(functions[0].contains("      exec:\n        path: unroot\n"), "{}", preset.display());
        assert!(functions[1].contains("      container:\n        image: "), "{}", preset.display());
        // What a person reads at the top says the same too.
        let comments = functions
            .each_ref()
            .map(|function| function.lines().skip(1).take_while(|line| line.starts_with('#')).collect::<Vec<_>>());
        assert!(!comments[0].is_empty() && comments[0] == comments[1], "{}", preset.display());
    }
}

#[test]
fn the_presets_keep_what_they_promise_on_the_recorded_builds() {
    for (release, cannot) in [("v1.8.1", "container-network-interface-restricted ambient"), ("26.03", "")] {
        let Some(build) = shared::read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let work = tempfile::tempdir().expect("a temporary folder");
        let rendered = work.path().join("rendered.yaml");
        fs::write(&rendered, build).expect("a build");
        let said = succeed(script("test.sh").arg(&rendered).env("CANNOT", cannot)).stdout;
        assert!(said.contains(" passed, 0 failed"), "{release}: {said}");
        assert!(said.contains("not run: admission of pods"), "{release}: {said}");
        for preset in PRESETS {
            assert!(said.contains(&format!("{preset}: ")), "{release}: nothing is said of {preset}: {said}");
        }
    }
}

#[test]
fn the_script_fails_where_a_preset_cannot_be_reached() {
    let Some(build) = shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    let work = tempfile::tempdir().expect("a temporary folder");
    let rendered = work.path().join("rendered.yaml");
    fs::write(&rendered, build).expect("a build");
    let failed = super::run(script("test.sh").arg(&rendered));
    assert_eq!(failed.exit, 1, "{}{}", failed.stdout, failed.stderr);
    assert!(failed.stderr.contains("FAILED: container-network-interface-restricted ends with 1"), "{}", failed.stderr);
}

#[test]
fn the_trees_made_of_one_render_are_those_that_istioctl_renders() {
    if !at_hand() {
        return;
    }
    // The renders have ztunnel in istio-system, which could then not enforce a level.
    let work = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&example("contrib/synchronize"), work.path());
    let ambient = work.path().join("ambient.yaml");
    let there =
        read(&ambient).replace("mode: ambient\n", "mode: ambient\n    ambient: {ztunnelNamespace: istio-system}\n");
    fs::write(&ambient, there).expect("a configuration");
    let script_there = work.path().join("synchronize.sh");

    const OLD: &[(&str, &str)] = &[("sidecar", "sidecar"), ("container-network-interface", "cni")];
    const ALL: &[(&str, &str)] = &[OLD[0], OLD[1], ("ambient", "ambient")];
    for (version, trees) in [("1.17.5", OLD), ("1.22.1", ALL), ("1.28.10", ALL)] {
        let renders_of = |mode: &str| recorded().join("istio").join(version).join(format!("{mode}.yaml"));
        for source in ["sidecar", "cni"] {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let names: Vec<&str> = trees.iter().map(|(tree, _)| *tree).collect();
            let mut synchronize = script(script_there.to_str().expect("a path"));
            succeed(synchronize.arg(renders_of(source)).arg(folder.path()).env("MODES", names.join(" ")));
            for (tree, mode) in trees {
                let made = read(&folder.path().join(tree).join("istio-install.yaml"));
                assert!(List::read(&made).is_ok(), "{version} {tree}");
                let what = format!("{version}: {tree} from the render of {source}");
                // The profile of ambient changes the variant of images; unroot leaves the user's.
                let images = if *mode == "ambient" { renders::without_variant } else { Clone::clone };
                assert_same(&what, &images(&renders::read_text(&made)), &images(&renders::read(&renders_of(mode))));
            }
        }
    }
}
