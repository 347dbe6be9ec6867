//! What a plan says where something of the input cannot be read: which namespace has no answer, and why.

use serde_json::Value;
use unroot::check::Source;
use unroot::filter::Exit;
use unroot::plan::{Options, Outcome, Output, plan};

use super::as_json;

fn demo() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/demo/platform.yaml");
    std::fs::read_to_string(path).expect("the demo's platform")
}

fn run(input: &str, output: Output) -> Outcome {
    plan(&[Source { name: "-", bytes: input.as_bytes() }], &Options { output, config: None })
}

/// The demo with a text in another place.
fn demo_with(from: &str, to: &str) -> String {
    let demo = demo();
    assert_eq!(demo.matches(from).count(), 1, "{from}");
    demo.replace(from, to)
}

fn namespace<'p>(plan: &'p Value, name: &str) -> &'p Value {
    let namespaces = plan["namespaces"].as_array().expect("namespaces");
    namespaces.iter().find(|namespace| namespace["name"] == name).unwrap_or_else(|| panic!("{name} in {plan}"))
}

/// The levels as they are, in the order of the columns.
fn levels(plan: &Value, name: &str) -> [Option<String>; 4] {
    let levels = &namespace(plan, name)["levels"];
    super::MODES.map(|mode| levels[mode].as_str().map(str::to_owned))
}

fn all(level: &str) -> [Option<String>; 4] {
    std::array::from_fn(|_| Some(level.to_owned()))
}

#[test]
fn a_pod_that_does_not_decode_leaves_its_namespace_open_and_no_other() {
    let input = demo_with("  - name: dockerd\n", "  - name: 5\n");
    let plan = as_json(&input, None);
    assert_eq!(levels(&plan, "builds"), [const { None }; 4]);
    assert_eq!(levels(&plan, "istio-system"), all("baseline"));
    let unknown = &namespace(&plan, "builds")["unknown"];
    assert_eq!(unknown.as_array().expect("pods").len(), 4);
    assert_eq!(unknown[0]["name"], "docker-in-docker");
    assert!(unknown[0]["error"].as_str().expect("a reason").contains("must be a string"), "{unknown}");
    let outcome = run(&input, Output::Text);
    assert_eq!(outcome.exit, Exit::Done);
    assert!(
        outcome.report.contains("  no answer (as is, sidecar, cni, ambient): Pod docker-in-docker (line "),
        "{}",
        outcome.report
    );
    assert!(outcome.findings.iter().any(|finding| finding.message.contains("namespace \"builds\" has no answer")));
    // Where all is known nothing is said of it.
    assert!(namespace(&plan, "istio-system").get("unknown").is_none());
}

#[test]
fn values_that_are_no_yaml_leave_injected_namespaces_and_all_modes_open() {
    let input = demo_with("  values: |-\n    {\n", "  values: |-\n    {{{\n");
    let plan = as_json(&input, None);
    assert_eq!(levels(&plan, "kubeflow"), [const { None }; 4]);
    assert_eq!(levels(&plan, "builds")[0].as_deref(), Some("privileged"));
    assert_eq!(levels(&plan, "istio-system")[0].as_deref(), Some("baseline"));
    for mode in ["sidecar", "cni", "ambient"] {
        let why = plan["unavailable"][mode].as_str().expect("a reason");
        assert!(why.contains("data.values") && why.contains("istio-sidecar-injector"), "{why}");
    }
    for output in [Output::Text, Output::Config, Output::Stages, Output::Html] {
        assert_eq!(run(&input, output).exit, Exit::Done, "{output:?}");
    }
}

#[test]
fn an_injection_that_cannot_be_predicted_is_no_answer_but_where_nothing_is_injected() {
    let input = demo_with(
        "- name: namespace.sidecar-injector.istio.io\n",
        "- name: namespace.sidecar-injector.istio.io\n  matchConditions: [{name: x, expression: \"true\"}]\n",
    );
    let plan = as_json(&input, None);
    assert_eq!(levels(&plan, "kubeflow"), [None, None, None, Some("baseline".to_owned())]);
    let unknown = &namespace(&plan, "kubeflow")["unknown"];
    assert!(unknown[0]["error"].as_str().expect("a reason").contains("matchConditions"), "{unknown}");
}

#[test]
fn a_text_of_user_labels_that_is_none_leaves_user_namespaces_open() {
    let input = demo_with("  namespace-labels.yaml: |\n", "  namespace-labels.yaml: |\n    - [\n");
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: notebook, namespace: kubeflow-user-example-com}\nspec: {containers: [{name: m}]}\n";
    let input = format!("{}\n{pod}", input.trim_end());
    let plan = as_json(&input, None);
    assert_eq!(levels(&plan, "kubeflow-user-example-com"), [const { None }; 4]);
    assert_eq!(levels(&plan, "istio-system"), all("baseline"));
    let unknown = &namespace(&plan, "kubeflow-user-example-com")["unknown"];
    assert!(unknown[0]["error"].as_str().expect("a reason").contains("profile controller"), "{unknown}");
}

#[test]
fn without_istio_only_the_levels_as_they_are_have_an_answer() {
    let input = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a}\nspec: \
                 {containers: [{name: m}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {containers: [{name: m}]}\n";
    let plan = as_json(input, None);
    assert_eq!(plan["istio"], Value::Null);
    assert_eq!(levels(&plan, "a"), [Some("baseline".to_owned()), None, None, None]);
    assert_eq!(plan["unavailable"].as_object().expect("reasons").len(), 3);
    let names: Vec<&str> =
        plan["namespaces"].as_array().expect("namespaces").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["a", "default"]);
}

#[test]
fn an_unusable_input_ends_with_2_and_says_nothing_on_standard_output() {
    for input in ["a: [", "apiVersion: v1\nkind: Pod\n", "kind: Pod\nmetadata: {name: x}\n"] {
        for output in [Output::Text, Output::Json, Output::Config, Output::Stages, Output::Html] {
            let outcome = run(input, output);
            assert_eq!((outcome.exit, outcome.report.as_str()), (Exit::Unusable, ""), "{input} {output:?}");
        }
    }
}
