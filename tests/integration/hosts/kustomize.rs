//! `examples/kustomize-exec` and `examples/istio-cni`: unroot as an exec function under `transformers:`.
//!
//! How kustomize and kubectl treat exec functions was measured with kustomize 5.8.1 and kubectl 1.32; the silent skip is
//! asserted here so that the README is right about it for the version that is installed.

use std::fs;
use std::process::Command;

use super::{assert_matches, changed_lines, copy_folder, example, filtered, host, read, run, succeed};
use crate::expected::diff;

fn build(flags: &[&str]) -> Option<Command> {
    let mut kustomize = host("kustomize")?;
    kustomize.arg("build").args(flags).arg(example("kustomize-exec"));
    Some(kustomize)
}

#[test]
fn kustomize_hands_the_build_to_unroot_and_shows_its_standard_error() {
    let Some(mut kustomize) = build(&["--enable-alpha-plugins", "--enable-exec"]) else { return };
    let labelled = succeed(&mut kustomize);
    assert_matches(&example("kustomize-exec").join("expected.yaml"), &labelled.stdout);
    for namespace in ["monitoring", "payments", "vault"] {
        assert!(labelled.stderr.contains(namespace), "nothing is said of {namespace}: {}", labelled.stderr);
    }
}

#[test]
fn against_cat_in_its_place_unroot_adds_labels_and_nothing_else() {
    let Some(mut with_unroot) = build(&["--enable-alpha-plugins", "--enable-exec"]) else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    copy_folder(&example("kustomize-exec"), folder.path());
    let function = folder.path().join("unroot.yaml");
    fs::write(&function, read(&function).replace("path: unroot", "path: cat")).expect("a copy that can be changed");
    let mut with_cat = host("kustomize").expect("found above");
    with_cat.args(["build", "--enable-alpha-plugins", "--enable-exec"]).arg(folder.path());

    let (cat, unroot) = (succeed(&mut with_cat).stdout, succeed(&mut with_unroot).stdout);
    let changes = changed_lines(&diff(&cat, &unroot, ("cat", "unroot")));
    assert_eq!(
        changes,
        [
            "+pod-security.kubernetes.io/enforce: privileged",
            "+pod-security.kubernetes.io/warn: restricted",
            "+labels:",
            "+pod-security.kubernetes.io/enforce: baseline",
            "+pod-security.kubernetes.io/warn: restricted",
            "+pod-security.kubernetes.io/warn: restricted",
        ]
    );
}

#[test]
fn without_enable_exec_the_function_is_skipped_silently_and_a_second_run_of_unroot_tells() {
    let Some(mut kustomize) = build(&["--enable-alpha-plugins"]) else { return };
    let skipped = succeed(&mut kustomize);
    assert_eq!(skipped.stderr, "");
    assert!(!skipped.stdout.contains("pod-security.kubernetes.io/warn"), "{}", skipped.stdout);

    let folder = example("kustomize-exec");
    let labelled = read(&folder.join("expected.yaml"));
    assert_ne!(
        filtered(&folder, &["--config", "unroot.yaml"], &skipped.stdout),
        skipped.stdout,
        "not seen that it was skipped"
    );
    assert_eq!(
        filtered(&folder, &["--config", "unroot.yaml"], &labelled),
        labelled,
        "a second run must change nothing"
    );
}

#[test]
fn an_istio_of_kustomize_gets_rootless_sidecars() {
    let Some(mut kustomize) = host("kustomize") else { return };
    kustomize.args(["build", "--enable-alpha-plugins", "--enable-exec"]);
    let rootless = succeed(kustomize.arg(example("istio-cni")));
    assert_matches(&example("istio-cni").join("expected.yaml"), &rootless.stdout);
    for command in [
        "rollout status daemonset/istio-cni-node -n kube-system",
        "rollout restart deployment,statefulset,daemonset -n shop",
    ] {
        assert!(rootless.stderr.contains(command), "{command}: {}", rootless.stderr);
    }
    // A second run changes nothing, and the way back leaves what kustomize makes of the files.
    let folder = example("istio-cni");
    assert_eq!(filtered(&folder, &["--config", "unroot.yaml"], &rootless.stdout), rootless.stdout);
    let mut without = host("kustomize").expect("found above");
    let plain = succeed(without.args(["build", "--enable-alpha-plugins"]).arg(&folder)).stdout;
    let back = filtered(&folder, &["istio=sidecar"], &rootless.stdout);
    assert_eq!(sorted_documents(&back), sorted_documents(&plain));
}

fn sorted_documents(stream: &str) -> Vec<&str> {
    let mut documents: Vec<&str> =
        stream.trim_end().split("\n---\n").map(|document| document.trim_start_matches("---\n")).collect();
    documents.sort_unstable();
    documents
}

#[test]
fn kubectl_skips_it_silently_too() {
    let Some(mut kubectl) = host("kubectl") else { return };
    let skipped = succeed(kubectl.args(["kustomize", "--enable-alpha-plugins"]).arg(example("kustomize-exec")));
    assert_eq!(skipped.stderr, "");
    assert!(!skipped.stdout.contains("pod-security.kubernetes.io/warn"), "{}", skipped.stdout);
}

#[test]
fn with_neither_flag_the_build_fails() {
    let Some(mut kustomize) = build(&[]) else { return };
    let refused = run(&mut kustomize);
    assert_ne!(refused.exit, 0);
    assert_eq!(refused.stdout, "");
    assert!(refused.stderr.contains("external plugins disabled"), "{}", refused.stderr);
}
