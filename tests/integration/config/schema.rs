//! `fn-config/`: the JSON schema, the sample and the KRMFunctionDefinition know the same keys as the parser.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{fn_config, parse, read, read_yaml, schema};

type Keys = BTreeSet<String>;

#[test]
fn the_schema_is_one() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
    assert_eq!(schema()["properties"]["apiVersion"]["const"], unroot::config::API_VERSION);
    assert_eq!(schema()["properties"]["kind"]["const"], unroot::config::KIND);
}

#[test]
fn every_property_is_described_and_every_object_is_closed() {
    for (place, object) in objects_of_the_schema() {
        assert_eq!(object["additionalProperties"], false, "{place} is open");
        for (key, property) in object["properties"].as_object().unwrap() {
            let description = property["description"].as_str().unwrap_or_default();
            assert!(description.ends_with('.'), "{place}.{key}: \"{description}\" is no sentence");
        }
    }
}

#[test]
fn the_parser_knows_the_properties_of_the_schema_and_no_others() {
    let sample = read_yaml(&fn_config("unroot.yaml"));
    let objects = objects_of_the_schema();
    assert_eq!(objects.len(), 10);
    for (place, object) in objects {
        let mut changed = sample.clone();
        let pointer = place.replace("[]", ".0").replace('.', "/");
        let map = changed.pointer_mut(&pointer).and_then(Value::as_object_mut);
        map.unwrap_or_else(|| panic!("the sample has no {place}")).insert("zzz".to_owned(), json!(1));
        let error = parse(&changed).unwrap_err();
        let (_, expected) = error.split_once("unknown key \"zzz\"; allowed: ").unwrap_or_else(|| panic!("{error}"));
        let allowed: Keys = expected.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        assert_eq!(allowed, keys(&object["properties"]), "{place}");
    }
}

#[test]
fn the_sample_uses_every_property_of_the_schema_and_is_valid() {
    let sample = read_yaml(&fn_config("unroot.yaml"));
    parse(&sample).unwrap();
    let mut in_sample = BTreeMap::new();
    collect_keys(&sample, "", &mut in_sample);
    let versions = ["version", "enforceVersion", "auditVersion", "warnVersion"];
    let anywhere: Keys = in_sample.values().flatten().cloned().collect();
    for (place, object) in objects_of_the_schema() {
        for key in keys(&object["properties"]) {
            // These exclude each other in one object.
            let there = if versions.contains(&key.as_str()) { &anywhere } else { &in_sample[&place] };
            assert!(there.contains(&key), "the sample lacks {place}.{key}");
        }
    }
}

#[test]
fn the_function_definition_carries_the_schema() {
    let path = fn_config("krm-function-definition.yaml");
    let text = read(&path);
    let expected = open_api(&schema(), &schema()["$defs"]);
    if std::env::var_os("UPDATE_FN_CONFIG").is_some() {
        let (head, _) = text.split_once("openAPIV3Schema:").unwrap();
        let generated = serde_yaml::to_string(&expected).unwrap();
        let indented: String = generated.lines().map(|line| format!("        {line}\n")).collect();
        std::fs::write(&path, format!("{head}openAPIV3Schema:\n{indented}")).unwrap();
    }
    let definition = read_yaml(&path);
    assert_eq!(definition["kind"], "KRMFunctionDefinition");
    let spec = &definition["spec"];
    let version = &spec["versions"][0];
    let api_version = format!("{}/{}", spec["group"].as_str().unwrap(), version["name"].as_str().unwrap());
    assert_eq!(api_version, unroot::config::API_VERSION);
    assert_eq!(spec["names"]["kind"], unroot::config::KIND);
    assert!(
        version["schema"]["openAPIV3Schema"] == expected,
        "not in step with unroot.schema.json: run this test with UPDATE_FN_CONFIG=1 and read the difference"
    );
}

/// The objects with properties, by their place, list items as `[]`.
fn objects_of_the_schema() -> Vec<(String, Value)> {
    fn collect(schema: &Value, place: String, objects: &mut Vec<(String, Value)>) {
        if let Some(items) = schema.get("items") {
            collect(items, format!("{place}[]"), objects);
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        objects.push((place.clone(), schema.clone()));
        for (key, property) in properties {
            collect(property, format!("{place}.{key}"), objects);
        }
    }

    let mut objects = Vec::new();
    collect(&schema(), String::new(), &mut objects);
    objects
}

fn keys(properties: &Value) -> Keys {
    properties.as_object().unwrap().keys().cloned().collect()
}

fn collect_keys(value: &Value, place: &str, by_place: &mut BTreeMap<String, Keys>) {
    match value {
        Value::Object(map) => {
            by_place.entry(place.to_owned()).or_default().extend(map.keys().cloned());
            for (key, value) in map {
                collect_keys(value, &format!("{place}.{key}"), by_place);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect_keys(value, &format!("{place}[]"), by_place)),
        _ => {}
    }
}

/// The schema in the dialect of OpenAPI 3.0: no references, no lists of types, no constants.
fn open_api(schema: &Value, definitions: &Value) -> Value {
    let Some(schema) = schema.as_object() else { return schema.clone() };
    let mut merged = Map::new();
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.strip_prefix("#/$defs/").unwrap();
        merged.extend(definitions[name].as_object().unwrap().clone());
    }
    merged.extend(schema.clone());
    let mut result = Map::new();
    for (key, value) in merged {
        match (key.as_str(), value) {
            ("$ref" | "$defs" | "$schema" | "$id" | "title", _) => {}
            ("const", value) => {
                result.insert("enum".to_owned(), json!([value]));
            }
            ("type", Value::Array(types)) => {
                assert_eq!(types[1..], [json!("null")]);
                result.insert(key, types[0].clone());
                result.insert("nullable".to_owned(), json!(true));
            }
            ("properties", Value::Object(properties)) => {
                let converted = properties.into_iter().map(|(name, property)| (name, open_api(&property, definitions)));
                result.insert(key, converted.collect());
            }
            ("items" | "not", value) => {
                result.insert(key, open_api(&value, definitions));
            }
            ("anyOf", Value::Array(alternatives)) => {
                let converted = alternatives.iter().map(|alternative| open_api(alternative, definitions));
                result.insert(key, converted.collect());
            }
            (_, value) => {
                result.insert(key, value);
            }
        }
    }
    Value::Object(result)
}
