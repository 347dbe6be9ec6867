//! Edits on spans: every style that stands there stays, and nothing but the edit changes.

use proptest::prelude::*;
use serde_json::{Value, json};
use unroot::yaml::edit::Edits;
use unroot::yaml::embedded::Embedded;
use unroot::yaml::emit::{Notation, is_plain, scalar};
use unroot::yaml::tree::Tree;

const LABELS: &[&str] = &["metadata", "labels"];

fn set(text: &str, path: &[&str], entries: &[(&str, Value)]) -> Result<String, String> {
    let tree = Tree::parse(text).map_err(|error| error.to_string())?;
    let root = tree.root(text).ok_or("no document")?;
    let root = if root.is_sequence() { root.items().next().ok_or("no element")? } else { root };
    let mut edits = Edits::default();
    edits.set(root, path, entries).map_err(|error| error.to_string())?;
    edits.apply(text).map_err(|error| error.to_string())
}

/// A shape of text, and the same with the label `m: v` set.
const SHAPES: &[(&str, &str, &str)] = &[
    (
        "sorted, in the middle",
        "metadata:\n  labels:\n    a: b\n    z: y\n  name: x\n",
        "metadata:\n  labels:\n    a: b\n    m: v\n    z: y\n  name: x\n",
    ),
    ("sorted, first", "metadata:\n  labels:\n    z: y\n", "metadata:\n  labels:\n    m: v\n    z: y\n"),
    (
        "sorted, last",
        "metadata:\n  labels:\n    a: b\n  name: x\n",
        "metadata:\n  labels:\n    a: b\n    m: v\n  name: x\n",
    ),
    (
        "unsorted goes last",
        "metadata:\n  labels:\n    z: y\n    a: b\n",
        "metadata:\n  labels:\n    z: y\n    a: b\n    m: v\n",
    ),
    (
        "above the comments of the next key",
        "metadata:\n  labels:\n    a: b\n    # of z\n    # more\n    z: y # end\n",
        "metadata:\n  labels:\n    a: b\n    m: v\n    # of z\n    # more\n    z: y # end\n",
    ),
    (
        "above the comments of the first key",
        "metadata:\n  labels:\n    # of z\n    z: y\n",
        "metadata:\n  labels:\n    m: v\n    # of z\n    z: y\n",
    ),
    (
        "behind a comment on the last line",
        "metadata:\n  labels:\n    a: b # end\n  # next\n  name: x\n",
        "metadata:\n  labels:\n    a: b # end\n    m: v\n  # next\n  name: x\n",
    ),
    ("no final newline", "metadata:\n  labels:\n    a: b", "metadata:\n  labels:\n    a: b\n    m: v"),
    (
        "carriage returns",
        "metadata:\r\n  labels:\r\n    a: b\r\n  name: x\r\n",
        "metadata:\r\n  labels:\r\n    a: b\r\n    m: v\r\n  name: x\r\n",
    ),
    ("carriage returns, first", "metadata:\r\n  name: x\r\n", "metadata:\r\n  labels:\r\n    m: v\r\n  name: x\r\n"),
    ("four columns", "metadata:\n    name: x\n", "metadata:\n    labels:\n        m: v\n    name: x\n"),
    (
        "labels are absent",
        "kind: A\nmetadata:\n  annotations:\n    a: b\n  name: x\n",
        "kind: A\nmetadata:\n  annotations:\n    a: b\n  labels:\n    m: v\n  name: x\n",
    ),
    ("metadata is absent", "kind: A\nspec: {}\n", "kind: A\nmetadata:\n  labels:\n    m: v\nspec: {}\n"),
    ("on the line of a dash", "- metadata:\n    name: x\n", "- metadata:\n    labels:\n      m: v\n    name: x\n"),
    (
        "before the key on the line of a dash",
        "- spec: {}\n  x: y\n",
        "- metadata:\n    labels:\n      m: v\n  spec: {}\n  x: y\n",
    ),
    ("flow", "metadata: {name: x, labels: {a: b}}\n", "metadata: {name: x, labels: {a: b, m: v}}\n"),
    ("flow without labels", "metadata: {name: x} # c\n", "metadata: {name: x, labels: {m: v}} # c\n"),
    (
        "flow with a trailing comma",
        "metadata: {labels: {a: b,}, name: x}\n",
        "metadata: {labels: {a: b, m: v,}, name: x}\n",
    ),
    (
        "flow over lines",
        "metadata: {\n  labels: {\n    a: b\n  }\n}\n",
        "metadata: {\n  labels: {\n    a: b,\n    m: v\n  }\n}\n",
    ),
    ("flow with nothing behind the last key", "metadata: {labels: {a: }}\n", "metadata: {labels: {m: v, a: }}\n"),
    ("an empty map", "metadata:\n  labels: {}\n  name: x\n", "metadata:\n  labels: {m: v}\n  name: x\n"),
    ("null, absent", "metadata:\n  labels: # none\n  name: x\n", "metadata:\n  labels: {m: v} # none\n  name: x\n"),
    ("null, written", "metadata:\n  labels: null\n  name: x\n", "metadata:\n  labels: {m: v}\n  name: x\n"),
    ("null, a tilde", "metadata: ~\n", "metadata: {labels: {m: v}}\n"),
    (
        "a literal at the end",
        "metadata:\n  labels:\n    a: |\n      text\n\n# end\n",
        "metadata:\n  labels:\n    m: v\n    a: |\n      text\n\n# end\n",
    ),
    (
        "a literal at the very end",
        "metadata:\n  labels:\n    a: b\n    b: |+\n      text",
        "metadata:\n  labels:\n    a: b\n    m: v\n    b: |+\n      text",
    ),
    ("double quotes stay", "metadata:\n  labels:\n    m: \"x\"\n", "metadata:\n  labels:\n    m: \"v\"\n"),
    ("single quotes stay", "metadata:\n  labels:\n    m: 'x' # c\n", "metadata:\n  labels:\n    m: 'v' # c\n"),
    (
        "quotes of the siblings",
        "metadata:\n  labels:\n    a: \"b\"\n",
        "metadata:\n  labels:\n    a: \"b\"\n    m: \"v\"\n",
    ),
    ("plain stays", "metadata:\n  labels:\n    m: x\n", "metadata:\n  labels:\n    m: v\n"),
    (
        "a folded value is replaced",
        "metadata:\n  labels:\n    m: >-\n      x\n      y\n    z: w\n",
        "metadata:\n  labels:\n    m: v\n    z: w\n",
    ),
    ("a null value", "metadata:\n  labels:\n    m:\n    z: w\n", "metadata:\n  labels:\n    m: v\n    z: w\n"),
    ("a null value in flow", "metadata: {labels: {a: b, m: , z}}\n", "metadata: {labels: {a: b, m: v , z}}\n"),
    ("a key alone in flow", "metadata: {labels: {a: b, m}}\n", "metadata: {labels: {a: b, m: v}}\n"),
    (
        "an alias is written out",
        "x: &l {a: b}\nmetadata:\n  labels: *l\n",
        "x: &l {a: b}\nmetadata:\n  labels: {a: b, m: v}\n",
    ),
    (
        "an alias as the value",
        "x: &l y\nmetadata:\n  labels:\n    m: *l\n",
        "x: &l y\nmetadata:\n  labels:\n    m: v\n",
    ),
    (
        "an anchor that nobody uses",
        "metadata:\n  labels: &l\n    a: b\n",
        "metadata:\n  labels: &l\n    a: b\n    m: v\n",
    ),
    (
        "a merge key goes before",
        "x: &l {m: o}\nmetadata:\n  labels:\n    <<: *l\n    z: y\n",
        "x: &l {m: o}\nmetadata:\n  labels:\n    <<: *l\n    z: y\n    m: v\n",
    ),
    (
        "labels come through a merge key",
        "x: &l {labels: {a: b}}\nmetadata:\n  <<: *l\n  name: x\n",
        "x: &l {labels: {a: b}}\nmetadata:\n  <<: *l\n  name: x\n  labels:\n    a: b\n    m: v\n",
    ),
    (
        "json",
        "{\"metadata\": {\"labels\": {\"a\": \"b\"}}}",
        "{\"metadata\": {\"labels\": {\"a\": \"b\", \"m\": \"v\"}}}",
    ),
    (
        "json over lines",
        "{\n  \"metadata\": {\n    \"name\": \"x\"\n  }\n}\n",
        "{\n  \"metadata\": {\n    \"name\": \"x\",\n    \"labels\": {\"m\": \"v\"}\n  }\n}\n",
    ),
    ("json, empty", "{\"metadata\": {}}", "{\"metadata\": {\"labels\": {\"m\": \"v\"}}}"),
    ("explicit keys", "? metadata\n: ? labels\n  : a: b\n", "? metadata\n: ? labels\n  : a: b\n    m: v\n"),
    (
        "characters of several bytes",
        "# é 日本\nmetadata:\n  labels:\n    a: é🙂\n    z: y\n",
        "# é 日本\nmetadata:\n  labels:\n    a: é🙂\n    m: v\n    z: y\n",
    ),
    (
        "a byte order mark",
        "\u{feff}metadata:\n  labels:\n    a: b\n",
        "\u{feff}metadata:\n  labels:\n    a: b\n    m: v\n",
    ),
    ("tabs as blanks", "metadata:\t\n  labels:\n    a:\tb\t\n", "metadata:\t\n  labels:\n    a:\tb\t\n    m: v\n"),
    (
        "a comment and a blank line behind the map",
        "metadata:\n  labels:\n    a: b\n\n# next\nspec: {}\n",
        "metadata:\n  labels:\n    a: b\n    m: v\n\n# next\nspec: {}\n",
    ),
    (
        "a document with markers and directives",
        "%YAML 1.1\n---\nmetadata:\n  labels:\n    a: b\n...\n",
        "%YAML 1.1\n---\nmetadata:\n  labels:\n    a: b\n    m: v\n...\n",
    ),
    (
        "a multi-line plain last value",
        "metadata:\n  labels:\n    a: b\n      c\n  name: x\n",
        "metadata:\n  labels:\n    a: b\n      c\n    m: v\n  name: x\n",
    ),
    (
        "a multi-line quoted last value",
        "metadata:\n  labels:\n    a: \"b\n      c\" # end\n  name: x\n",
        "metadata:\n  labels:\n    a: \"b\n      c\" # end\n    m: \"v\"\n  name: x\n",
    ),
];

#[test]
fn every_style_stays_as_it_stands() {
    for (name, before, after) in SHAPES {
        let label = [("m", json!("v"))];
        assert_eq!(set(before, LABELS, &label).as_deref(), Ok(*after), "{name}");
        assert_eq!(set(after, LABELS, &label).as_deref(), Ok(*after), "{name}: a second time");
    }
}

/// What a reader that is not ours sees.
fn read(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}');
    let value: serde_yaml::Value = serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut value = value;
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

#[test]
fn every_shape_reads_as_before_with_the_label() {
    for (name, before, after) in SHAPES {
        let (mut before, after) = (read(before), read(after));
        let root = if before.is_array() { &mut before[0] } else { &mut before };
        for key in ["metadata", "labels"] {
            // The paths that were null or not there.
            let map = if key == "metadata" { &mut *root } else { &mut root["metadata"] };
            if map[key].is_null() {
                map[key] = json!({});
            }
        }
        root["metadata"]["labels"]["m"] = json!("v");
        assert_eq!(before, after, "{name}");
    }
}

#[test]
fn several_keys_go_in_order_and_at_once() {
    let entries = [("c", json!("3")), ("b", json!("2")), ("y", json!("on")), ("a", json!("new"))];
    let before = "metadata:\n  labels:\n    a: old\n    x: \"1\"\n";
    let after = "metadata:\n  labels:\n    a: new\n    b: \"2\"\n    c: \"3\"\n    x: \"1\"\n    \"y\": \"on\"\n";
    assert_eq!(set(before, LABELS, &entries).as_deref(), Ok(after));
    let flow = set("metadata: {labels: {a: old}}\n", LABELS, &entries);
    assert_eq!(flow.as_deref(), Ok("metadata: {labels: {a: new, b: \"2\", c: \"3\", \"y\": \"on\"}}\n"));
}

#[test]
fn what_is_shared_or_no_map_is_refused() {
    for (text, message) in [
        ("x: *l\n", "unknown anchor"),
        (
            "metadata:\n  labels: &l\n    a: b\nspec:\n  selector: *l\n",
            "`metadata.labels` (line 2) has an anchor that is used on line 5",
        ),
        ("metadata: &m\n  labels:\n    a: b\nx: *m\n", "`metadata` (line 1) has an anchor that is used on line 4"),
        (
            "metadata:\n  labels:\n    m: &w x\n    z: *w\n",
            "`metadata.labels.m` (line 3) has an anchor that is used on line 4",
        ),
        ("metadata:\n  labels: text\n", "`metadata.labels` must be a mapping (line 2)"),
        ("metadata: [a]\n", "`metadata` must be a mapping (line 1)"),
        ("metadata:\n  labels:\n    m:\n      a: b\n", "`metadata.labels.m` must be a scalar (line 4)"),
        ("x: &l {a: 1}\nmetadata:\n  labels: *l\n", "is an alias or a merge of something that cannot be copied"),
    ] {
        let error = set(text, LABELS, &[("m", json!("v"))]).unwrap_err();
        assert!(error.contains(message), "{text}\n{error}");
    }
}

#[test]
fn a_text_inside_a_scalar_is_edited_in_its_own_style() {
    let cases = [
        (
            "literal",
            "data:\n  f: |\n    # c\n    a: \"b\"\n\n    # d\n    x: \"y\"\n  g: h\n",
            "data:\n  f: |\n    # c\n    a: \"b\"\n\n    m: \"v\"\n    # d\n    x: \"y\"\n  g: h\n",
            false,
        ),
        ("literal, last", "data:\n  f: |-\n    a: b\n", "data:\n  f: |-\n    a: b\n    m: v\n", false),
        (
            "literal, carriage returns",
            "data:\r\n  f: |\r\n    x: y\r\n",
            "data:\r\n  f: |\r\n    m: v\r\n    x: y\r\n",
            false,
        ),
        (
            "literal with an indentation of its own",
            "data:\n  f: |2\n      a: b\n      x: y\n",
            "data:\n  f: |2\n      a: b\n      m: v\n      x: y\n",
            false,
        ),
        (
            "double quotes",
            "data: {\"f\": \"a: b\\nx: \\\"\\u00e9\\\"\\n\"}\n",
            "data: {\"f\": \"a: b\\nm: v\\nx: \\\"\\u00e9\\\"\\n\"}\n",
            false,
        ),
        (
            "json in single quotes",
            "data:\n  f: '{\"a\": \"it''s\"}'\n",
            "data:\n  f: '{\"a\": \"it''s\", \"m\": \"v\"}'\n",
            false,
        ),
        (
            "json in a literal",
            "data:\n  f: |-\n    {\n      \"a\": 1\n    }\n",
            "data:\n  f: |-\n    {\n      \"a\": 1,\n      \"m\": \"v\"\n    }\n",
            false,
        ),
        (
            "folded",
            "data:\n  f: >\n    a: b\n\n    x: y\n  g: h\n",
            "data:\n  f: \"a: b\\nm: v\\nx: y\\n\"\n  g: h\n",
            true,
        ),
        ("plain", "data:\n  f: '{a: b}'\n", "data:\n  f: '{a: b, m: v}'\n", false),
    ];
    for (name, before, after, restyled) in cases {
        let tree = Tree::parse(before).unwrap();
        let value = tree.root(before).unwrap().find(&["data", "f"]).unwrap();
        let embedded = Embedded::of(value).unwrap();
        let inner_tree = Tree::parse(embedded.text()).unwrap();
        let mut inner = Edits::default();
        inner.set(inner_tree.root(embedded.text()).unwrap(), &[], &[("m", json!("v"))]).unwrap();
        let encoded = embedded.encode(inner).unwrap();
        assert_eq!(encoded.restyled, restyled, "{name}");
        assert_eq!(encoded.edits.apply(before).as_deref(), Ok(after), "{name}");
        // The other reader sees the text as it was, with the key.
        let text = read(after)["data"]["f"].as_str().unwrap().to_owned();
        let mut expected = read(embedded.text());
        expected["m"] = json!("v");
        assert_eq!(read(&text), expected, "{name}");
    }
}

#[test]
fn every_hard_string_is_written_as_all_readers_read_it() {
    let Some(text) = crate::shared::read("yaml-hard-strings.json") else { return };
    let cases: Value = serde_json::from_str(&text).unwrap();
    let cases = cases["cases"].as_array().unwrap();
    assert!(cases.len() > 200);
    for case in cases {
        let string = case["string"].as_str().unwrap();
        let written = scalar(string, Notation::Yaml);
        assert!(!is_plain(string) || case["plain_is_safe"] == json!(true), "{string:?} is not safe as a plain scalar");
        // The recorded form was read back by seven readers; ours may be another one that our own reader reads.
        let document = format!("k: {written}\n");
        let tree = Tree::parse(&document).unwrap_or_else(|error| panic!("{string:?}: {error}"));
        assert_eq!(tree.root(&document).unwrap().get("k").unwrap().as_str(), Some(string), "{document}");
        assert_eq!(read(&document), json!({"k": string}), "{document}");
        // The recorded form, which seven readers read back, is that string to ours too.
        let recorded = case["emit"].as_str().unwrap();
        let recorded = if recorded.starts_with("k: ") { recorded.to_owned() } else { format!("k: {recorded}\n") };
        let tree = Tree::parse(&recorded).unwrap_or_else(|error| panic!("{string:?}: {error}"));
        assert_eq!(tree.root(&recorded).unwrap().get("k").unwrap().as_str(), Some(string), "{recorded}");
        let json_text = format!("{{\"k\": {}}}", scalar(string, Notation::Json));
        assert_eq!(serde_json::from_str::<Value>(&json_text).unwrap(), json!({"k": string}));
        assert_eq!(read(&json_text), json!({"k": string}), "{json_text}");
    }
}

fn label_maps() -> impl Strategy<Value = String> {
    let word = "[a-z]{1,3}";
    let value = prop_oneof![
        "[a-z]{1,4}".prop_map(|text| text),
        "[a-z]{1,4}".prop_map(|text| format!("'{text}'")),
        "[a-z é]{1,4}".prop_map(|text| format!("\"{text}\"")),
        "[a-z]{1,4}".prop_map(|text| format!("|\n      {text}")),
        "[a-z]{1,4}".prop_map(|text| format!("{text} # c")),
        Just("{}".to_owned()),
        Just(String::new()),
    ];
    let comment = prop_oneof![3 => Just(String::new()), 1 => Just("    # c\n".to_owned()), 1 => Just("\n".to_owned()), 1 => Just(" # c\n".to_owned())];
    let entry = (comment, word, value);
    (prop::collection::vec(entry, 1..6), any::<bool>(), any::<bool>()).prop_map(|(entries, crlf, newline)| {
        let mut seen = std::collections::BTreeSet::new();
        let mut text = "metadata:\n  labels:\n".to_owned();
        for (comment, key, value) in entries {
            if seen.insert(key.clone()) {
                text.push_str(&format!("{comment}    {key}x: {value}\n"));
            }
        }
        text.push_str("  name: x\n");
        if !newline {
            text.pop();
        }
        if crlf { text.replace('\n', "\r\n") } else { text }
    })
}

proptest! {
    #![proptest_config(crate::shared::property(2_000))]

    /// Take the new keys out of what a reader sees, and it is what was there; take the new lines out, and the bytes are.
    #[test]
    fn an_edit_changes_nothing_else(text in label_maps(), keys in prop::collection::btree_map("[a-z]{1,3}y", "[a-z0-9: ]{0,4}", 1..4)) {
        let entries: Vec<(&str, Value)> = keys.iter().map(|(key, value)| (key.as_str(), json!(value))).collect();
        let after = set(&text, LABELS, &entries).map_err(TestCaseError::fail)?;
        let mut seen = read(&after);
        let labels = seen["metadata"]["labels"].as_object_mut().unwrap();
        for (key, value) in &keys {
            prop_assert_eq!(labels.remove(key), Some(json!(value)), "{}\n{}", key, after);
        }
        prop_assert_eq!(seen, read(&text));
        let kept: Vec<&str> = after.split_inclusive('\n').filter(|line| !keys.keys().any(|key| line.trim_start().trim_matches('"').split(['"', ':']).next() == Some(key))).collect();
        prop_assert_eq!(kept.concat(), text.clone(), "{}", after);
        prop_assert_eq!(set(&after, LABELS, &entries).map_err(TestCaseError::fail)?, after);
    }
}
