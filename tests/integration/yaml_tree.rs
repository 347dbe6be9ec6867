//! The span tree's two readers give the same answer: what the line lexer accepts, the full parser reads alike, node by
//! node, range by range. And the two ways from a tree to a JSON value end alike.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use unroot::yaml::tree::{Kind, Tree, View, readers};
use unroot::yaml::{cut, de};

use crate::shared;
use crate::yaml_cut::{SEEDS, mutate, mutation};

/// What a platform seldom holds, and pods and their templates do.
const MORE_SEEDS: &[(&str, &str)] = &[
    (
        "a pod",
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  annotations: {}\nspec:\n  containers:\n  - args:\n    - --x\n    - \"y\\n\\t\\\"\\\\ \\x41\\u00e9\"\n    env:\n    - name: 'it''s'\n      value: \"\"\n    command: []\n    resources:\n  volumes:\n  -\n",
    ),
    ("null at the end without a line break", "a:\n  b:"),
    ("an empty element at the end", "- a\n-\n- b: c\n  d:\n-"),
    ("literals", "a: |\n  x\n    y\n\n  z   \n\nb: |-\n  x\n\nc: |+\n  x\n\n\nd: |2\n    x\ne: |\n  x\n     \n"),
    ("a literal that ends the text", "a:\n- |-\n  x: y\n\n  # no comment\n- |\n  last"),
    ("a literal of blank lines", "a: |\n\n\nb: |+\n\nc: |-\n   \nd: e\n"),
    ("plain text on several lines", "a: b   \n  c # d\ne: f\n\n\n  g\n  h  \ni:\n- j\n  k\n- l\n"),
    ("a comment between", "a: # b\n  # c\n  d: e # f\n\n  # g\nh:\n# i\n- j # k\n"),
    (
        "flow collections",
        "a: {b: c, 'd': [e, \"f\"], g: {}, h: [ ], }\ni: [\n  j,\n\n  {k: l},\n  ] # m\nn:\n  o: {\n    p: \"q # r\",\n  }\nr:\n- []\n- {s: [t]}\n",
    ),
    ("deep dashes", "- - - a: b\n      c:\n      - d\n  - e\n- f\n"),
    ("an indented root", "  a: b\n  c:\n  - d\n"),
];

fn describe(view: View<'_>, out: &mut Vec<String>) {
    let text = if matches!(view.kind(), Kind::Scalar(_)) { view.scalar_text() } else { "" };
    out.push(format!("{:?} {:?} {:?} {text:?}", view.id(), view.kind(), view.range()));
    for (key, value) in view.entries() {
        describe(key, out);
        describe(value, out);
    }
    for item in view.items() {
        describe(item, out);
    }
}

fn description(tree: &Tree, text: &str) -> Vec<String> {
    let mut out = Vec::new();
    for root in tree.roots(text) {
        out.push("root".to_owned());
        describe(root, &mut out);
    }
    out
}

/// Both ways to a JSON value end in the same one, or in the same error.
fn values_agree(tree: &Tree, text: &str) -> Result<(), String> {
    for root in tree.roots(text) {
        let (short, long) = (de::value(root), de::from_view::<serde_json::Value>(root));
        if short != long {
            return Err(format!("as a value {short:?}, by serde {long:?}"));
        }
    }
    Ok(())
}

/// Ok(true) where the lexer took the text.
fn agree(text: &str) -> Result<bool, String> {
    let full = readers::full(text);
    if let Ok(full) = &full {
        values_agree(full, text)?;
    }
    let Some(fast) = readers::fast(text) else { return Ok(false) };
    let full = full.map_err(|error| format!("the lexer accepts what the parser refuses: {error}"))?;
    let (fast, full) = (description(&fast, text).join("\n"), description(&full, text).join("\n"));
    if fast == full {
        return Ok(true);
    }
    let diff = similar::TextDiff::from_lines(&fast, &full);
    Err(format!("lexer (-) and parser (+) differ:\n{}", diff.unified_diff().context_radius(2)))
}

#[test]
fn both_readers_read_the_seeds_alike() {
    for (name, text) in SEEDS {
        if let Err(error) = agree(text) {
            panic!("{name}: {error}\n{text}");
        }
    }
    for (name, text) in MORE_SEEDS {
        // What is left of blank lines alone is for the parser.
        assert_eq!(agree(text), Ok(*name != "a literal of blank lines"), "{name}");
    }
}

#[test]
fn both_readers_read_mutants_alike() {
    let seeds: Vec<&str> = SEEDS.iter().chain(MORE_SEEDS).map(|(_, text)| *text).collect();
    let config = shared::property(60_000);
    let cases = config.cases;
    let accepted = Cell::new(0_u32);
    let strategy = (0..seeds.len(), prop::collection::vec(mutation(), 1..5));
    let outcome = TestRunner::new(config).run(&strategy, |(seed, mutations)| {
        let text = mutate(seeds[seed], &mutations);
        match agree(&text) {
            Ok(taken) => {
                accepted.set(accepted.get() + u32::from(taken));
                Ok(())
            }
            Err(error) => Err(TestCaseError::fail(format!("{error}\n--- text {text:?}\n{text}"))),
        }
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    // Most mutants are for the parser; the test means something only where the lexer took its share.
    assert!(accepted.get() > cases / 50, "the lexer accepted only {} of {cases}", accepted.get());
}

#[test]
fn both_readers_read_the_recorded_platforms_alike() {
    for release in ["26.03", "v1.8.1"] {
        let Some(text) = shared::read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let (mut taken, mut all) = (0, 0);
        for document in cut::cut(&text).expect("a recorded build") {
            let document = &text[document.range];
            all += 1;
            match agree(document) {
                Ok(fast) => taken += u32::from(fast),
                Err(error) => panic!("{release}: {error}"),
            }
        }
        assert!(taken > all / 2, "{release}: the lexer took {taken} of {all}");
    }
}
