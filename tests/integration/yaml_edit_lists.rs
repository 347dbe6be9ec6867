//! Removing keys, and elements of sequences: what stands around them stays as it is.

use serde_json::{Value, json};
use unroot::yaml::edit::{EditError, Edits};
use unroot::yaml::embedded::Embedded;
use unroot::yaml::tree::{Tree, View};

fn edit(text: &str, change: impl FnOnce(&mut Edits, View<'_>) -> Result<(), EditError>) -> Result<String, String> {
    let tree = Tree::parse(text).map_err(|error| error.to_string())?;
    let root = tree.root(text).ok_or("no document")?;
    let root = if root.is_sequence() { root.items().next().ok_or("no element")? } else { root };
    let mut edits = Edits::default();
    change(&mut edits, root).map_err(|error| error.to_string())?;
    edits.apply(text).map_err(|error| error.to_string())
}

fn read(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A text, and the same without `s.b` and `s.c`.
const REMOVED: &[(&str, &str, &str)] = &[
    ("in the middle", "s:\n  a: 1\n  b: 2\n  d: 4\n", "s:\n  a: 1\n  d: 4\n"),
    ("first", "s:\n  b: 2\n  d: 4\n", "s:\n  d: 4\n"),
    ("last", "s:\n  a: 1\n  c: 3\nz: 0\n", "s:\n  a: 1\nz: 0\n"),
    ("both, apart", "s:\n  b: 2\n  bb: 2\n  c: 3\n  d: 4\n", "s:\n  bb: 2\n  d: 4\n"),
    ("the only entries", "s:\n  b: 2\n  c: 3\nz: 0\n", "s: {}\nz: 0\n"),
    ("the only entry, with comments", "s: # s\n  # b\n  b: 2 # two\nz: 0\n", "s: {} # s\n  # b\nz: 0\n"),
    ("the only entry of an anchored map", "s: &s\n  b: 2\nz: 0\n", "s: &s\n  {}\nz: 0\n"),
    ("the only entry at the end", "s:\n  b: 2", "s: {}"),
    (
        "a comment behind goes, others stay",
        "s:\n  # a\n  a: 1\n  b: 2 # two\n  # d\n  d: 4\n",
        "s:\n  # a\n  a: 1\n  # d\n  d: 4\n",
    ),
    ("no final newline", "s:\n  a: 1\n  b: 2", "s:\n  a: 1"),
    ("no final newline, carriage returns", "s:\r\n  a: 1\r\n  b: 2", "s:\r\n  a: 1"),
    ("carriage returns", "s:\r\n  a: 1\r\n  b: 2\r\n  d: 4\r\n", "s:\r\n  a: 1\r\n  d: 4\r\n"),
    ("a nested value", "s:\n  a: 1\n  b:\n    - x\n    - y: z\n  d: 4\n", "s:\n  a: 1\n  d: 4\n"),
    ("a literal", "s:\n  a: 1\n  b: |+\n    x\n     # no comment\n\n  d: 4\n", "s:\n  a: 1\n  d: 4\n"),
    ("behind a literal that keeps its lines", "s:\n  a: |+\n    x\n  b: 1\n\n  d: 4\n", "s:\n  a: |+\n    x\n  d: 4\n"),
    ("a value over lines", "s:\n  b: \"x\n    y\"\n  d: z\n    w\n", "s:\n  d: z\n    w\n"),
    ("on the line of a dash", "- s:\n    b: 2\n    d: 4\n", "- s:\n    d: 4\n"),
    ("null", "s:\n  b:\n  d: 4\n", "s:\n  d: 4\n"),
    ("flow, in the middle", "s: {a: 1, b: 2, d: 4}\n", "s: {a: 1, d: 4}\n"),
    ("flow, first", "s: {b: 2, c: 3, d: 4}\n", "s: {d: 4}\n"),
    ("flow, last", "s: {a: 1, b: 2, c: 3} # c\n", "s: {a: 1} # c\n"),
    ("flow, a trailing comma", "s: {a: 1, b: 2,}\n", "s: {a: 1,}\n"),
    ("flow, all", "s: {b: 2, c: 3,}\n", "s: {}\n"),
    (
        "json over lines",
        "{\n  \"s\": {\n    \"a\": 1,\n    \"b\": 2,\n    \"d\": 4\n  }\n}\n",
        "{\n  \"s\": {\n    \"a\": 1,\n    \"d\": 4\n  }\n}\n",
    ),
    ("nothing is there", "s:\n  a: 1\n", "s:\n  a: 1\n"),
    ("no map is there", "z: 0\n", "z: 0\n"),
];

#[test]
fn a_removed_key_takes_nothing_along() {
    for (name, before, after) in REMOVED {
        for text in [before, after] {
            let result = edit(text, |edits, root| edits.remove(root, &["s"], &["b", "c"]));
            assert_eq!(result.as_deref(), Ok(*after), "{name}");
        }
        let (mut expected, after) = (read(before), read(after));
        let root = if expected.is_array() { &mut expected[0] } else { &mut expected };
        if let Some(map) = root.get_mut("s").and_then(Value::as_object_mut) {
            map.retain(|key, _| key != "b" && key != "c");
        }
        assert_eq!(expected, after, "{name}");
    }
}

#[test]
fn a_key_on_the_line_of_a_dash_makes_room() {
    for (before, after) in [
        ("- b: 1\n  c: 2\n  d: 3\n", "- d: 3\n"),
        ("- b: 1\n  # d\n  d: 3\n  c: 2\n", "- d: 3\n"),
        ("- b: 1\n- x: y\n", "- {}\n- x: y\n"),
        ("b: 1\nc: 2\n", "{}\n"),
    ] {
        assert_eq!(edit(before, |edits, root| edits.remove(root, &[], &["b", "c"])).as_deref(), Ok(after));
    }
}

#[test]
fn what_others_need_is_not_removed() {
    for (text, message) in [
        ("s:\n  b: &b 1\n  d: *b\n", "`s.b` (line 2) has an anchor that is used on line 3"),
        ("s:\n  b:\n    x: &b 1\nz: *b\n", "`s.b` (line 3) has an anchor that is used on line 4"),
        ("x: &x {b: 1}\ns: *x\n", "`s` (line 2) is an alias"),
        ("x: &x {b: 1}\ns:\n  <<: *x\n", "`s.b` (line 3) is an alias or a merge"),
    ] {
        let error = edit(text, |edits, root| edits.remove(root, &["s"], &["b"])).unwrap_err();
        assert!(error.contains(message), "{text}\n{error}");
    }
}

/// A text, the same with variable `P` set to `v`, and that with `P` removed where this is not the first text.
const ELEMENTS: &[(&str, &str, &str, Option<&str>)] = &[
    (
        "at the column of the key",
        "env:\n- name: A\n  value: a\nz: 0\n",
        "env:\n- name: A\n  value: a\n- name: P\n  value: v\nz: 0\n",
        None,
    ),
    (
        "deeper than the key",
        "env:\n  - name: A\n    value: a # c\n  # end\nz: 0\n",
        "env:\n  - name: A\n    value: a # c\n  - name: P\n    value: v\n  # end\nz: 0\n",
        None,
    ),
    (
        "far from the dash",
        "env:\n-   name: A\n    value: a\n",
        "env:\n-   name: A\n    value: a\n-   name: P\n    value: v\n",
        None,
    ),
    (
        "dashes on lines of their own",
        "env:\n-\n  name: A\n  value: a\n- # c\n  name: B\n",
        "env:\n-\n  name: A\n  value: a\n- # c\n  name: B\n- name: P\n  value: v\n",
        None,
    ),
    ("carriage returns", "env:\r\n- name: A\r\n", "env:\r\n- name: A\r\n- name: P\r\n  value: v\r\n", None),
    ("no final newline", "env:\n- name: A", "env:\n- name: A\n- name: P\n  value: v", None),
    (
        "a literal at the end",
        "env:\n- name: A\n  value: |\n    x\n",
        "env:\n- name: P\n  value: v\n- name: A\n  value: |\n    x\n",
        None,
    ),
    (
        "flow elements in a block",
        "env:\n- {name: A, value: a}\n",
        "env:\n- {name: A, value: a}\n- name: P\n  value: v\n",
        None,
    ),
    ("flow", "env: [{name: A, value: a}]\n", "env: [{name: A, value: a}, {name: P, value: v}]\n", None),
    (
        "json over lines",
        "{\n  \"env\": [\n    {\"name\": \"A\"}\n  ]\n}\n",
        "{\n  \"env\": [\n    {\"name\": \"A\"},\n    {\"name\": \"P\", \"value\": \"v\"}\n  ]\n}\n",
        Some("{\n  \"env\": [\n    {\"name\": \"A\"}\n  ]\n}\n"),
    ),
    ("empty", "env: []\n", "env: [{name: P, value: v}]\n", None),
    ("null", "env:\nz: 0\n", "env: [{name: P, value: v}]\nz: 0\n", Some("env: []\nz: 0\n")),
    ("absent", "aa: 0\nz: 0\n", "aa: 0\nenv:\n- name: P\n  value: v\nz: 0\n", Some("aa: 0\nenv: []\nz: 0\n")),
    (
        "there, in the middle",
        "env:\n- name: A\n- name: P\n  value: \"\"\n- name: B\n",
        "env:\n- name: A\n- name: P\n  value: \"v\"\n- name: B\n",
        Some("env:\n- name: A\n- name: B\n"),
    ),
    ("there, without a value", "env:\n  - name: P\n", "env:\n  - name: P\n    value: v\n", Some("env: []\n")),
    (
        "there, flow",
        "env: [{name: P, value: w}, {name: B}]\n",
        "env: [{name: P, value: v}, {name: B}]\n",
        Some("env: [{name: B}]\n"),
    ),
];

#[test]
fn elements_are_set_and_removed_in_the_style_of_their_list() {
    for (name, before, after, without) in ELEMENTS {
        for text in [before, after] {
            let result =
                edit(text, |edits, root| edits.set_element(root, &["env"], ("name", "P"), &[("value", json!("v"))]));
            assert_eq!(result.as_deref(), Ok(*after), "{name}");
        }
        let names = |text: &str| {
            let value = read(text);
            let mut names: Vec<String> = value["env"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|item| item["name"].as_str().unwrap().to_owned())
                .collect();
            names.sort();
            names
        };
        let mut expected = names(before);
        expected.push("P".to_owned());
        expected.sort();
        expected.dedup();
        assert_eq!(names(after), expected, "{name}");
        let removed = edit(after, |edits, root| edits.remove_elements(root, &["env"], ("name", &["P"])));
        assert_eq!(removed.as_deref(), Ok(without.unwrap_or(before)), "{name}");
    }
}

#[test]
fn lists_that_are_shared_or_none_are_refused() {
    for (text, message) in [
        ("env: text\n", "`env` must be a sequence (line 1)"),
        ("env: {a: b}\n", "`env` must be a sequence (line 1)"),
        ("x: &x []\nenv: *x\n", "`env` (line 2) is an alias"),
        ("env: &x []\nz: *x\n", "`env` (line 1) has an anchor that is used on line 2"),
        ("x: &x {name: P}\nenv: [*x]\n", "`env[0]` (line 2) is an alias"),
    ] {
        let error =
            edit(text, |edits, root| edits.set_element(root, &["env"], ("name", "P"), &[("value", json!("v"))]))
                .unwrap_err();
        assert!(error.contains(message), "{text}\n{error}");
    }
}

/// A text inside `v`, and the same with `p.cni.enabled: true`, `p.cni.dir: /x` and `g.platform: gke`.
const MERGED: &[(&str, &str, &str)] = &[
    (
        "json in a literal",
        "v: |-\n  {\n    \"g\": {\n      \"platform\": \"\"\n    },\n    \"p\": {\n      \"cni\": {\n        \"enabled\": false\n      }\n    }\n  }\n",
        "v: |-\n  {\n    \"g\": {\n      \"platform\": \"gke\"\n    },\n    \"p\": {\n      \"cni\": {\n        \"enabled\": true,\n        \"dir\": \"/x\"\n      }\n    }\n  }\n",
    ),
    (
        "yaml in a literal",
        "v: |\n  g: {}\n  p:\n    cni:\n      enabled: false\n",
        "v: |\n  g: {platform: gke}\n  p:\n    cni:\n      dir: /x\n      enabled: true\n",
    ),
    (
        "maps are missing",
        "v: |\n  a: b\n",
        "v: |\n  a: b\n  g:\n    platform: gke\n  p:\n    cni:\n      enabled: true\n      dir: /x\n",
    ),
    (
        "json in double quotes",
        "v: \"{\\\"p\\\":{\\\"cni\\\":{\\\"enabled\\\":false}}}\"\n",
        "v: \"{\\\"p\\\":{\\\"cni\\\":{\\\"enabled\\\":true, \\\"dir\\\": \\\"/x\\\"}}, \\\"g\\\": {\\\"platform\\\": \\\"gke\\\"}}\"\n",
    ),
    (
        "json in single quotes",
        "v: '{\"p\": {\"cni\": null}}'\n",
        "v: '{\"p\": {\"cni\": {\"enabled\": true, \"dir\": \"/x\"}}, \"g\": {\"platform\": \"gke\"}}'\n",
    ),
    ("null on the way", "v: |\n  g: ~\n  p:\n", "v: |\n  g: {platform: gke}\n  p: {cni: {enabled: true, dir: /x}}\n"),
];

#[test]
fn values_inside_a_text_are_merged() {
    let patch = json!({"p": {"cni": {"enabled": true, "dir": "/x"}}, "g": {"platform": "gke"}});
    for (name, before, after) in MERGED {
        for text in [before, after] {
            let result = edit(text, |edits, root| {
                let embedded = Embedded::of(root.get("v").unwrap()).unwrap();
                let tree = Tree::parse(embedded.text()).unwrap();
                let mut inner = Edits::default();
                inner.merge(tree.root(embedded.text()).unwrap(), patch.as_object().unwrap())?;
                *edits = embedded.encode(inner)?.edits;
                Ok(())
            });
            assert_eq!(result.as_deref(), Ok(*after), "{name}");
        }
        let inner = read(read(after)["v"].as_str().unwrap());
        for pointer in ["/p/cni/enabled", "/p/cni/dir", "/g/platform"] {
            assert_eq!(inner.pointer(pointer), patch.pointer(pointer), "{name}");
        }
    }
}
