//! SARIF: what is written is valid by the standard's own schema, and points at the lines of the input.

use serde_json::Value;
use unroot::check::{Options, Source, check};
use unroot::pod_security::Level;
use unroot::report::Output;

const TWO: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: true, containers: [{name: c}]}\n---\n# comment\napiVersion: v1\n\
                   kind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: c, image: 5}]}\n";

fn log(inputs: &[(&str, &str)]) -> Value {
    let sources: Vec<Source<'_>> = inputs.iter().map(|(name, text)| Source { name, bytes: text.as_bytes() }).collect();
    let options = Options { level: Some(Level::Baseline), output: Output::Sarif, ..Options::default() };
    serde_json::from_str(&check(&sources, &options).report).expect("JSON")
}

/// By the schema of the standard.
pub(super) fn assert_valid(log: &Value) {
    let schema = include_str!("../../sarif/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(schema).expect("JSON");
    // The pattern of a language tag is no regular expression for strict readers, and no language is written.
    for holder in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][holder]["properties"]["language"];
        language.as_object_mut().expect("an object").remove("pattern");
    }
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(!validator.is_valid(&serde_json::json!({"version": "2.1.0"})), "the schema refuses nothing");
    let errors: Vec<String> = validator.iter_errors(log).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn the_log_is_valid_by_the_schema_of_the_standard() {
    for inputs in [
        &[("-", TWO)][..],
        &[("a b.yaml", TWO), ("/srv/c.yaml", TWO)],
        &[("-", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n")],
    ] {
        assert_valid(&log(inputs));
    }
}

#[test]
fn results_point_at_file_and_line_of_the_input_and_at_a_rule() {
    let log =
        log(&[("first.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"), ("dir/second one.yaml", TWO)]);
    let run = &log["runs"][0];
    let found: Vec<(String, String, i64)> = run["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| {
            let location = &result["locations"][0]["physicalLocation"];
            let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().expect("an index") as usize];
            assert_eq!(rule["id"], result["ruleId"]);
            let help = rule["helpUri"].as_str().expect("a link");
            assert!(help.ends_with(&format!("docs/rules.md#{}", rule["id"].as_str().expect("an id"))), "{help}");
            (
                result["ruleId"].as_str().expect("a rule").to_owned(),
                location["artifactLocation"]["uri"].as_str().expect("a file").to_owned(),
                location["region"]["startLine"].as_i64().expect("a line"),
            )
        })
        .collect();
    let file = || "dir/second%20one.yaml".to_owned();
    assert_eq!(found, [("pod-security-enforce".to_owned(), file(), 1), ("undecodable".to_owned(), file(), 7)]);
}
