//! `tests/golden/config/`: what the schema accepts, the parser accepts, and the other way round.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::{fn_config, package_root, parse, read, read_yaml, validator};

struct Case {
    name: String,
    text: String,
    object: Value,
}

impl Case {
    /// The value of a comment line `# KEY: VALUE`.
    fn comment(&self, key: &str) -> &str {
        let value = self.text.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("{}: no comment `# {key}: …`", self.name))
    }
}

fn cases(folder: &str, at_least: usize) -> Vec<Case> {
    let folder = package_root().join("tests/golden/config").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= at_least, "only {} cases", paths.len());
    let case = |path: PathBuf| Case { name: path.display().to_string(), text: read(&path), object: read_yaml(&path) };
    paths.into_iter().map(case).collect()
}

/// What does not hold, all of it at once.
fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn good_configurations_are_accepted_by_schema_and_parser() {
    let validator = validator();
    let mut wrong = Vec::new();
    for Case { name, object, .. } in cases("good", 40) {
        wrong.extend(validator.iter_errors(&object).map(|error| format!("{name}: schema: {error}")));
        wrong.extend(parse(&object).err().map(|error| format!("{name}: parser: {error}")));
    }
    assert_none(&wrong);
}

#[test]
fn bad_configurations_are_refused_by_schema_and_parser() {
    let validator = validator();
    let mut wrong = Vec::new();
    for case in cases("bad", 40) {
        if validator.is_valid(&case.object) {
            wrong.push(format!("{}: the schema accepts it", case.name));
        }
        wrong.extend(wrong_refusal(&case));
    }
    assert_none(&wrong);
}

#[test]
fn what_no_schema_can_say_is_refused_by_the_parser() {
    let validator = validator();
    let mut wrong = Vec::new();
    for case in cases("beyond-schema", 1) {
        assert!(!case.comment("reason").is_empty());
        wrong.extend(validator.iter_errors(&case.object).map(|error| format!("{}: schema: {error}", case.name)));
        wrong.extend(wrong_refusal(&case));
    }
    assert_none(&wrong);
}

/// The parser's error must be the one that the case is about, at its place.
fn wrong_refusal(case: &Case) -> Option<String> {
    let expected = case.comment("expect");
    match parse(&case.object) {
        Ok(_) => Some(format!("{}: the parser accepts it", case.name)),
        Err(error) if error.contains(expected) => None,
        Err(error) => Some(format!("{}: expected {expected}\n    got {error}", case.name)),
    }
}

#[test]
fn schema_and_parser_agree_on_every_change_of_the_sample_in_one_place() {
    let sample = read_yaml(&fn_config("unroot.yaml"));
    let validator = validator();
    let mut places = Vec::new();
    collect_places(&sample, "", &mut places);
    let (mut accepted, mut refused, mut wrong) = (0, 0, Vec::new());
    for place in places {
        for (what, change) in changes() {
            let mut changed = sample.clone();
            change(changed.pointer_mut(&place).unwrap());
            let by_schema = validator.is_valid(&changed);
            let by_parser = parse(&changed);
            if by_schema != by_parser.is_ok() {
                wrong.push(format!("{place} {what}: schema {by_schema}, parser {by_parser:?}"));
            }
            if by_schema { accepted += 1 } else { refused += 1 }
        }
    }
    assert_none(&wrong);
    assert!(accepted > 500 && refused > 1000, "{accepted} accepted, {refused} refused");
}

fn collect_places(value: &Value, place: &str, places: &mut Vec<String>) {
    places.push(place.to_owned());
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                collect_places(value, &format!("{place}/{}", key.replace('~', "~0").replace('/', "~1")), places);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                collect_places(value, &format!("{place}/{index}"), places);
            }
        }
        _ => {}
    }
}

type Change = (String, Box<dyn Fn(&mut Value)>);

/// Another value, an unknown key, and a key less.
fn changes() -> Vec<Change> {
    let values = json!([
        null, true, false, 0, 1, -1, 1.5, 4294967296_i64, "", " ", "x", "X", "*", "a*", "none", "auto", "true", "latest",
        "v1.30", "1.28", "1.28.1", "baseline", "strictest", "warn", "cni", "gke", "kube-system", "/a", "/a/..", "a:b",
        "2027-01", "2027-01-31", "2027-1", [], {}, [null], ["a"], ["a", "*"], [""], ["A"], [1], [{}], [[]], {"zzz": 1},
        {"names": ["a"]}, [{"names": ["a"]}], {"enforce": "baseline"}, {"reason": "a"}, [{"reason": "a"}],
        [{"image": "a", "runAsUser": 1}], {"version": "latest", "warnVersion": "latest"},
    ]);
    let values = values.as_array().unwrap().clone();
    let mut changes: Vec<Change> = Vec::new();
    for value in values {
        changes.push((format!("= {value}"), Box::new(move |place| *place = value.clone())));
    }
    let keys = ["zzz", "enforceVersion", "version", "names", "reason", "floor", "mode"];
    for key in keys {
        for value in [json!(null), json!("v1.30")] {
            let what = format!("with {key}: {value}");
            let add = move |place: &mut Value| {
                if let Some(map) = place.as_object_mut() {
                    map.insert(key.to_owned(), value.clone());
                }
            };
            changes.push((what, Box::new(add)));
        }
    }
    for nth in 0..10 {
        let remove = move |place: &mut Value| {
            if let Some(map) = place.as_object_mut()
                && let Some(key) = map.keys().nth(nth).cloned()
            {
                map.remove(&key);
            }
        };
        changes.push((format!("without key {nth}"), Box::new(remove)));
    }
    changes
}
