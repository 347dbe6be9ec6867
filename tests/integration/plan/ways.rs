//! The functionConfigs that `plan` prints, run through the filter on whole platforms.

use serde_json::Value;
use unroot::Given;
use unroot::check::{Options, Source, check};
use unroot::filter::Exit;
use unroot::plan::Output;

use super::{RELEASES, as_json, builds, planned};

/// What the filter makes of an input with a configuration; it must find no error.
pub(super) fn filtered(input: &str, config: &str) -> String {
    let file = Some(("unroot.yaml", Ok(config.as_bytes().to_vec())));
    let outcome = unroot::filter(input.as_bytes(), &Given { file, words: &[] });
    let said: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
    assert_eq!(outcome.exit, Exit::Done, "{said:#?}\n{config}");
    outcome.pieces().iter().map(|piece| piece.as_str().to_owned()).collect()
}

/// The input without a configuration of its own.
fn unconfigured(build: &str) -> String {
    match build.find("\nfunctionConfig:") {
        Some(at) => build[..=at].to_owned(),
        None => build.to_owned(),
    }
}

/// The levels that the namespaces of a plan enforce.
fn enforced(plan: &Value) -> Vec<(String, Value)> {
    let namespaces = plan["namespaces"].as_array().expect("namespaces").iter();
    namespaces
        .filter(|namespace| namespace["name"] != "kube-system")
        .map(|namespace| (namespace["name"].as_str().expect("a name").to_owned(), namespace["enforce"].clone()))
        .collect()
}

#[test]
fn the_configuration_works_at_once_and_reaches_the_levels_of_the_plan() {
    for release in RELEASES {
        let Some(builds) = builds(release) else { return };
        for build in builds.map(|build| unconfigured(&build)) {
            let config = planned(&build, Output::Config, None);
            assert!(!config.contains("strictest") && !config.contains("harden:"), "{config}");
            let after = as_json(&filtered(&build, &config), None);
            let expected: Vec<(String, Value)> = super::column(&as_json(&build, None), "levels", "cni")
                .into_iter()
                .filter(|(name, _)| name != "kube-system")
                .collect();
            assert_eq!(enforced(&after), expected, "{release}");
            for namespace in after["namespaces"].as_array().expect("namespaces") {
                let level = namespace["levels"]["asIs"].as_str().expect("a level");
                assert!(namespace["enforce"].is_null() || namespace["enforce"] == level, "{release} {namespace}");
            }
            let output = filtered(&build, &config);
            let source = Source { name: "output.yaml", bytes: output.as_bytes() };
            assert_eq!(check(&[source], &Options::default()).exit, Exit::Done, "{release}");
            // There is nothing left to do then.
            let again = planned(&filtered(&build, &config), Output::Config, None);
            assert!(!again.contains("podSecurity"), "{again}");
        }
    }
}

#[test]
fn a_configuration_for_sidecars_asks_for_no_more_than_sidecars_meet() {
    for release in RELEASES {
        let Some([stream, _]) = builds(release) else { return };
        let wish = "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec: {istio: {mode: sidecar}}\n";
        let config = planned(&stream, Output::Config, Some(wish));
        assert!(config.contains("mode: sidecar"), "{config}");
        let after = as_json(&filtered(&stream, &config), None);
        assert_eq!(after["istio"]["mode"], "sidecar");
    }
}

#[test]
fn what_the_user_has_said_of_the_platform_is_kept() {
    let Some([stream, _]) = builds("26.03") else { return };
    let wish = "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  istio: {platform: gke}\n  podSecurity: {enforce: strictest, \
                version: v1.30}\n  accepted:\n  - {rule: cni-platform, reason: seen}\n";
    let config = planned(&stream, Output::Config, Some(wish));
    for line in ["    platform: gke", "    mode: cni", "  - rule: cni-platform", "    reason: seen"] {
        assert!(config.lines().any(|found| found == line), "{line}\n{config}");
    }
}

#[test]
fn every_stage_runs_on_what_the_stage_before_leaves() {
    for release in RELEASES {
        // Stages are about what is in an input, not about its form: one form is enough.
        let Some([build, _]) = builds(release) else { return };
        let stages = planned(&build, Output::Stages, None);
        let stages: Vec<&str> = stages.split("---\n").collect();
        let titles: Vec<&str> = stages
            .iter()
            .filter_map(|stage| stage.lines().next()?.strip_prefix("# Stage ")?.split(['.', ' ']).nth(3))
            .collect();
        assert_eq!(titles, ["warn", "cni", "baseline", "harden", "restricted"]);
        let mut list = build.clone();
        for stage in &stages {
            list = filtered(&list, stage);
            assert!(stage.contains("# To go back:"), "{stage}");
        }
        let after = as_json(&list, None);
        for (name, level) in enforced(&after) {
            assert!(level == "baseline" || level == "restricted", "{release} {name} {level}");
        }
        assert!(enforced(&after).iter().filter(|(_, level)| level == "restricted").count() > 2, "{release}");
    }
}

#[test]
fn with_known_users_the_last_stage_names_the_pods_that_are_still_in_the_way() {
    let Some([stream, _]) = builds("v1.8.1") else { return };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/kubeflow/users/v1.8.1.yaml");
    let users = std::fs::read_to_string(path).expect("the users of the release");
    let stages = planned(&stream, Output::Stages, Some(&users));
    for line in [
        "#     istio-system: StatefulSet oidc-authservice (runAsNonRoot != true)",
        "#     kubeflow: Deployment training-operator (runAsNonRoot != true)",
        "    - names: [auth, cert-manager, knative-eventing, knative-serving]",
    ] {
        assert!(stages.lines().any(|found| found == line), "{line}\n{stages}");
    }
}

#[test]
fn stages_on_an_old_platform_name_what_to_restart() {
    let Some([stream, _]) = builds("v1.8.1") else { return };
    let stages = planned(&stream, Output::Stages, None);
    for command in [
        "#     kubectl rollout restart deployment,statefulset,daemonset -n kubeflow",
        "#     kubectl label namespace auth cert-manager istio-system knative-eventing knative-serving kubeflow \
         pod-security.kubernetes.io/enforce-",
    ] {
        assert!(stages.lines().any(|line| line == command), "{command}\n{stages}");
    }
}

/// A namespace whose pods violate the label that stands there, and one that meets more than it enforces.
const SMALL: &str = "\
apiVersion: v1
kind: Namespace
metadata:
  name: too-strict
  labels:
    pod-security.kubernetes.io/enforce: restricted
---
apiVersion: v1
kind: Namespace
metadata:
  name: empty
---
apiVersion: v1
kind: Pod
metadata:
  name: host
  namespace: too-strict
spec:
  hostNetwork: true
  containers:
  - name: main
---
apiVersion: v1
kind: Pod
metadata:
  name: elsewhere
  namespace: not-in-input
spec:
  containers:
  - name: main
";

#[test]
fn a_label_that_pods_violate_is_lowered_with_a_word() {
    let config = planned(SMALL, Output::Config, None);
    let expected = "\
# What `unroot plan` proposes for this input. To use it:
#   unroot --config THIS_FILE < INPUT > OUTPUT
# No pods of these are in the input, so they keep their labels: empty.
# These are not in the input, so no label can be written: not-in-input.
apiVersion: fn.kubeflow.org/v1alpha1
kind: Unroot
metadata:
  name: unroot
spec:
  podSecurity:
    namespaces:
    # Lowered to privileged: their own pods violate the label that stands there, so they cannot start now.
    # too-strict: 1 pod does not meet baseline: host namespaces (1).
    - names: [too-strict]
      enforce: privileged
";
    assert_eq!(config, expected);
    filtered(SMALL, &config);
}

fn demo() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo/platform.yaml");
    std::fs::read_to_string(path).expect("the demo's platform")
}

#[test]
fn the_namespace_of_a_new_istio_cni_is_lowered_where_its_label_would_refuse_it() {
    let system = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: kube-system\n  labels: {pod-security.kubernetes.io/enforce: baseline}\n---\n";
    let input = format!("{system}{}", demo());
    let config = planned(&input, Output::Config, None);
    assert!(config.contains("    - names: [kube-system]\n      enforce: privileged\n"), "{config}");
    filtered(&input, &config);
    // With a namespace of its own beside istiod, that one cannot enforce anything.
    let wish = "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec: {istio: {cniNamespace: istio-system}}\n";
    let config = planned(&demo(), Output::Config, Some(wish));
    assert!(config.contains("    - names: [kubeflow]\n      enforce: baseline\n"), "{config}");
    filtered(&demo(), &config);
}

#[test]
fn user_namespaces_get_no_more_than_their_pods_meet() {
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: kubeflow-user-example-com}\nspec: {hostNetwork: true, containers: [{name: \
               m}]}\n";
    let input = format!("{}\n{pod}", demo().trim_end());
    let config = planned(&input, Output::Config, None);
    assert!(!config.contains("userNamespaces"), "{config}");
    filtered(&input, &config);
    let labelled = input.replace(
        "  namespace-labels.yaml: |\n",
        "  namespace-labels.yaml: |\n    pod-security.kubernetes.io/enforce: baseline\n",
    );
    assert_ne!(labelled, input);
    let config = planned(&labelled, Output::Config, None);
    assert!(config.contains("    userNamespaces:\n      enforce: privileged\n"), "{config}");
    filtered(&labelled, &config);
}

#[test]
fn names_that_are_none_are_in_no_configuration() {
    let input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: \"*\"}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: \"*\"}\nspec: \
                 {containers: [{name: m}]}\n";
    let config = planned(input, Output::Config, None);
    assert!(!config.contains("names:"), "{config}");
    for stage in planned(input, Output::Stages, None).split("---\n") {
        assert!(!stage.contains("names:"), "{stage}");
    }
}

#[test]
fn pods_are_hardened_only_where_a_namespace_would_stay_privileged() {
    let input = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  \
                 namespace: a\nspec:\n  securityContext:\n    seccompProfile: {}\n  containers:\n  - name: main\n";
    let json = as_json(input, None);
    assert_eq!(json["namespaces"][0]["levels"]["asIs"], "privileged");
    assert_eq!(json["namespaces"][0]["hardened"]["asIs"], "restricted");
    let config = planned(input, Output::Config, None);
    assert!(
        config.contains("  workloads:\n    # Without it these would stay privileged: a.\n    harden: baseline\n"),
        "{config}"
    );
    assert!(config.contains("    - names: [a]\n      enforce: baseline\n"), "{config}");
    filtered(input, &config);
}
