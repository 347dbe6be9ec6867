//! unroot behind a renderer: `examples/pipe`, `examples/helm-post-renderer` and `examples/demo`.

use std::process::Command;

use super::{assert_matches, changed_lines, example, filtered, host, programs, read, run, succeed};
use crate::expected::diff;

#[test]
fn a_kustomize_build_comes_out_of_the_pipe_labelled() {
    let folder = example("pipe");
    for (name, verb) in [("kustomize", "build"), ("kubectl", "kustomize")] {
        let Some(mut renderer) = host(name) else { continue };
        let rendered = succeed(renderer.arg(verb).arg(&folder)).stdout;
        let labelled = filtered(&folder, &["--config", "unroot.yaml"], &rendered);
        assert_matches(&folder.join("expected.yaml"), &labelled);
        assert_eq!(
            filtered(&folder, &["--config", "unroot.yaml"], &labelled),
            labelled,
            "a second run must change nothing"
        );
    }
}

#[test]
fn values_on_the_command_line_need_no_file() {
    let folder = example("pipe");
    let rendered = read(&folder.join("namespaces.yaml"));
    let labelled = filtered(&folder, &["enforce=baseline", "warn=restricted"], &rendered);
    assert_eq!(
        changed_lines(&diff(&rendered, &labelled, ("rendered", "labelled"))),
        [
            "+labels:",
            "+pod-security.kubernetes.io/enforce: baseline",
            "+pod-security.kubernetes.io/warn: restricted",
            "+pod-security.kubernetes.io/enforce: baseline",
            "+pod-security.kubernetes.io/warn: restricted",
            "+pod-security.kubernetes.io/warn: restricted",
        ]
    );
}

#[test]
fn a_build_that_fails_in_the_pipe_applies_nothing() {
    // `false` stands for a failing renderer, `cat` for `kubectl apply -f -`.
    let script = "set -o pipefail; false | unroot --config unroot.yaml | cat";
    let mut shell = Command::new("bash");
    shell
        .args(["-c", script])
        .current_dir(example("pipe"))
        .env("PATH", std::env::join_paths(programs()).expect("a PATH"));
    let failed = run(&mut shell);
    assert_eq!(failed.stdout, "");
    assert_eq!(failed.exit, 2, "{}", failed.stderr);
}

#[test]
fn a_rendered_chart_is_labelled_and_keeps_its_source_comments() {
    let folder = example("helm-post-renderer");
    let labelled = filtered(&folder, &["--config", "unroot.yaml"], &read(&folder.join("rendered.yaml")));
    assert_matches(&folder.join("expected.yaml"), &labelled);
    assert_eq!(
        filtered(&folder, &["--config", "unroot.yaml"], &labelled),
        labelled,
        "a second run must change nothing"
    );
}

#[test]
fn helm_takes_unroot_as_its_post_renderer() {
    let folder = example("helm-post-renderer");
    let Some(mut helm) = host("helm") else { return };
    // Helm 4 knows post-renderers only as installed plugins, and a test installs nothing in the user's home.
    if !succeed(host("helm").expect("found above").args(["version", "--short"])).stdout.starts_with("v3") {
        return;
    }
    helm.current_dir(&folder).args(["template", "guestbook", "chart", "--post-renderer", "unroot"]);
    helm.args(["--post-renderer-args", "--config", "--post-renderer-args", "unroot.yaml"]);
    assert_matches(&folder.join("expected.yaml"), &succeed(&mut helm).stdout);
}

#[test]
fn the_platform_of_the_demo_changes_as_recorded() {
    let folder = example("demo");
    let before = read(&folder.join("platform.yaml"));
    let after = filtered(&folder, &["--config", "unroot.yaml"], &before);
    assert_matches(&folder.join("expected.diff"), &diff(&before, &after, ("platform.yaml", "platform.yaml")));
    assert_eq!(filtered(&folder, &["--config", "unroot.yaml"], &after), after, "a second run must change nothing");
}
