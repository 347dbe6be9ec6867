//! `examples/kubeflow` on the builds of Kubeflow's manifests that are recorded in the shared folder: upstream's own
//! checkout needs a network, and from 1.11 on its build does too.

use std::fs;

use super::{assert_matches, changed_lines, example, filtered, host, read, succeed};
use crate::expected::diff;
use crate::shared;

const RUNS: [(&str, &str); 4] = [("v1.8.1", "warn"), ("v1.8.1", "baseline"), ("26.03", "warn"), ("26.03", "baseline")];

/// The recorded list with our configuration in the place of the one that it was recorded with.
fn with_function_config(list: &str, config: &str) -> String {
    let (items, _) = list.split_once("\nfunctionConfig:\n").expect("a functionConfig after the items");
    let config: String = config.lines().filter(|line| !line.is_empty()).map(|line| format!("  {line}\n")).collect();
    format!("{items}\nfunctionConfig:\n{config}")
}

/// kustomize sorts what a function gives back, so the list has another order than the stream; and where a stream has a
/// marker between two objects, a list has a dash.
fn sorted(lines: Vec<String>) -> Vec<String> {
    let in_list = |line: String| line.replacen("+- apiVersion: ", "+apiVersion: ", 1);
    let mut lines: Vec<String> = lines.into_iter().filter(|line| line != "+---").map(in_list).collect();
    lines.sort();
    lines
}

#[test]
fn a_recorded_build_changes_by_its_labels_and_nothing_else_as_a_stream_and_as_a_list() {
    let folder = example("kubeflow");
    for (release, stage) in RUNS {
        let Some(stream) = shared::read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let file = format!("{stage}.yaml");
        let labelled = filtered(&folder, &["--config", &file], &stream);
        let changes = diff(&stream, &labelled, ("rendered.yaml", "labelled.yaml"));
        assert_matches(&folder.join(format!("{release}.{stage}.diff")), &changes);

        let Some(list) = shared::read(&format!("kubeflow/{release}.resourcelist.yaml.gz")) else { return };
        let list = with_function_config(&list, &read(&folder.join(&file)));
        let labelled = filtered(&folder, &[], &list);
        let (manifests, results) = labelled.split_once("\nresults:\n").expect("results at the end");
        assert_eq!(
            sorted(changed_lines(&diff(&list, &format!("{manifests}\n"), ("list", "labelled")))),
            sorted(changed_lines(&changes)),
            "{release} {stage}: list and stream"
        );
        assert!(
            results.lines().all(|line| line.starts_with([' ', '-'])),
            "{release} {stage}: `results` is not the last key"
        );
    }
}

#[test]
fn kubeflow_1_8_gets_rootless_sidecars_by_three_lines() {
    let folder = example("kubeflow");
    let Some(stream) = shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    let rootless = filtered(&folder, &["--config", "cni.yaml"], &stream);
    assert_matches(&folder.join("v1.8.1.cni.diff"), &diff(&stream, &rootless, ("rendered.yaml", "rootless.yaml")));
}

#[test]
fn the_overlay_builds_over_a_checkout() {
    let Some(mut kustomize) = host("kustomize") else { return };
    let Some(build) = shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    // The recorded build in the place of upstream's `example`, cut to what unroot looks at: the whole of it takes
    // kustomize half a minute, and most of it is definitions of custom resources.
    let (definitions, build): (Vec<&str>, Vec<&str>) =
        build.split("\n---\n").partition(|document| document.contains("kind: CustomResourceDefinition"));
    assert!(!definitions.is_empty() && !build.is_empty());

    let checkout = tempfile::tempdir().expect("a temporary folder");
    let upstream = checkout.path().join("upstream/example");
    fs::create_dir_all(&upstream).expect("a folder for upstream's example");
    fs::write(upstream.join("build.yaml"), build.join("\n---\n")).expect("a build");
    fs::write(upstream.join("kustomization.yaml"), "resources:\n- build.yaml\n").expect("a kustomization");
    for file in ["kustomization.yaml", "baseline.yaml"] {
        fs::copy(example("kubeflow").join(file), checkout.path().join(file)).expect("the overlay");
    }

    kustomize.args(["build", "--enable-alpha-plugins"]);
    let mut with_exec = host("kustomize").expect("found above");
    with_exec.args(["build", "--enable-alpha-plugins", "--enable-exec"]);
    let skipped = succeed(kustomize.arg(checkout.path())).stdout;
    let labelled = succeed(with_exec.arg(checkout.path())).stdout;
    let changes = changed_lines(&diff(&skipped, &labelled, ("skipped", "labelled")));
    // Istio 1.17's flag is the one line that goes; the ConfigMap that holds it has no hash.
    let lost: Vec<&String> = changes.iter().filter(|line| line.starts_with('-')).collect();
    assert_eq!(lost, ["-\"enabled\": false"], "{changes:#?}");
    assert!(changes.iter().any(|line| line == "+name: istio-cni-node"), "{changes:#?}");
    let set = |label: &str| changes.iter().filter(|line| line[1..].starts_with(label)).count();
    assert_eq!(set("pod-security.kubernetes.io/enforce: baseline"), 6, "{changes:#?}");
    assert_eq!(set("pod-security.kubernetes.io/enforce: \"baseline\""), 1, "{changes:#?}");
}
