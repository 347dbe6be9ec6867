//! The cutter's two readers give the same answer: what the line lexer accepts, the full parser cuts alike, and every
//! slice parses alone.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use unroot::yaml::cut::{Document, Head, Item, readers};
use unroot::yaml::tree::Tree;

/// Texts that break a naive splitter, each for the reason in its name.
pub(crate) const SEEDS: &[(&str, &str)] = &[
    (
        "a plain list",
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: a\n    labels:\n      x: y\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n    namespace: a\n  data:\n    k: v\nfunctionConfig:\n  kind: X\n",
    ),
    (
        "items first and indented",
        "items:\n  - kind: A\n    apiVersion: v1\n    metadata:\n      name: x\n  # a comment\n  -\n    kind: B\n    apiVersion: v1\n    metadata: {}\nkind: List\napiVersion: v1\n",
    ),
    (
        "a dash inside a literal at the column of items",
        "items:\n- kind: A\n  data: |\n   - kind: B\n  x: y\n- |\n  - x\n",
    ),
    (
        "an id annotation before the real head",
        "items:\n- apiVersion: v1\n  kind: A\n  metadata:\n    annotations:\n      kustomize.config.k8s.io/id: |\n        kind: Wrong\n        name: wrong\n      config.kubernetes.io/local-config: 'true'\n    name: right\n",
    ),
    ("a dash inside a plain continuation", "items:\n- kind: A\n  a: text\n    - \"x is text: \n- kind: B\n"),
    ("quotes continued", "a: \"x\n  y\n\n  z\"\nb: 'it''s\n  fine'\nc: it's plain # and a comment\n"),
    ("quotes continued at column 0", "a: \"x\ny\"\n"),
    (
        "chomping and indentation",
        "a: |2\n   x\n  y\nb: >1-\n  z\n\nc: |+\n  k\n\n\nd: |-\n\n\n  text\n  # not a comment\n# a comment\ne: |\n",
    ),
    ("a dash alone", "items:\n-\n  kind: A\n- # comment\n  kind: B\n-\n-\n"),
    ("nested dashes", "a:\n- - x\n  - y: z\n    w: - v\n-   - b\nc:\n  - d: e\n    f:\n    - g\n"),
    ("flow items", "items: [ {kind: A, metadata: {name: x}}, {} ]\nkind: List\n"),
    ("carriage returns", "items:\r\n- kind: A\r\n  metadata:\r\n    name: x\r\n  data: |\r\n    text\r\n- kind: B\r\n"),
    ("items inside the configuration", "functionConfig:\n  items:\n  - kind: A\nitems:\n- kind: B\n"),
    (
        "a stream",
        "# head\n---\nkind: A\nmetadata:\n  name: x\n---\n# only a comment\n---\nkind: List\nitems:\n- kind: C\n---\n",
    ),
    ("a stream without a first marker", "kind: A\n---\n---\nkind: B\n...\n"),
    ("colons and hashes inside quotes", "a: 'b: c # d'\n\"e: f\": g#h\ni: j:k\n"),
    ("anchors", "items:\n- &a\n  kind: A\n  metadata: &m\n    name: x\n- kind: B\n  metadata: *m\n"),
    ("merge keys", "a: &a {x: y}\nb:\n  <<: *a\n  z: w\n"),
    ("tabs", "a:\tb\nc: d\te\n\tf: g\nh: |\n\ti\n  \tj\n"),
    ("explicit keys", "? a\n: b\n? items\n: - kind: A\n"),
    ("directives", "%YAML 1.2\n---\na: b\n...\n%TAG ! tag:x,2000:\n---\nc: !d e\n"),
    (
        "odd heads",
        "kind: 5\napiVersion: ~\nmetadata:\n  name: true\n  labels:\n    a: [b]\n    c:\n      d: e\n  namespace: >-\n    folded\n",
    ),
    ("a head that goes on", "kind: Name\n  space\nmetadata:\n  name: \"a\\tb\"\n  namespace: 'it''s'\n"),
    ("twice the same", "kind: A\nkind: B\nmetadata:\n  name: x\nmetadata:\n  name: y\nitems:\nitems: []\n"),
    ("escapes", "a: \"\\x41 \\u00e9 \\\" \\\\ \\\n  b\"\nc: \"\\q\"\nd: \"\\ud83d\\ude00\"\n"),
    ("deep", "a:\n  b:\n    c:\n      d:\n      - e:\n        - f:\n            g: h\n"),
    ("line breaks of some", "a: b # c\u{85}d: e\nf: \"g\u{2028}h\"\ni: j\u{2029}k\n"),
    (
        "a configuration in flow style",
        "items:\n- kind: A\n  spec: {a: b, c: [d, \"e-*\"], f: {g: {}}} # h\n  x: [a, b]\nfunctionConfig:\n  spec: {podSecurity: {enforce: baseline, names: [x/y.z, \"*\"]}}\n",
    ),
    (
        "json",
        "{\"kind\": \"List\", \"items\": [{\"kind\": \"A\", \"metadata\": {\"name\": \"x\"}}, {\"kind\": \"B\"}]}\n",
    ),
    ("no final newline", "items:\n- kind: A\n  data: |\n    x"),
];

/// Pieces that change the structure wherever they land.
const SNIPPETS: &[&str] = &[
    "- ",
    "-",
    "\n",
    "  ",
    " ",
    ": ",
    ":",
    " #",
    "# x\n",
    "---\n",
    "...\n",
    "|\n",
    ">\n",
    "|2\n",
    "\"",
    "'",
    "{}",
    "[]",
    "[",
    "}",
    "&a ",
    "*a",
    "!t ",
    "? ",
    "\t",
    "<<: ",
    "items:\n",
    "kind: K\n",
    "metadata:\n",
    "name: n\n",
    "labels:\n",
    "\r\n",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "\\",
    "%",
    "@",
    "`",
    "~",
    "0x1",
    ",",
    "- - ",
    "k: v\n",
    "\"a\": b\n",
    "'a' : b\n",
    "a: |-\n",
    "\u{0}",
    "\u{7f}",
    "==",
    "=",
    "a:b",
    "::",
    "- |\n",
    "annotations:\n",
    "config.kubernetes.io/local-config: 'true'\n",
];

#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    Insert { at: prop::sample::Index, snippet: usize },
    Delete { at: prop::sample::Index, length: usize },
    Indent { line: prop::sample::Index, by: i8 },
    CopyLine { from: prop::sample::Index, to: prop::sample::Index },
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        4 => (index(), 0..SNIPPETS.len()).prop_map(|(at, snippet)| Mutation::Insert { at, snippet }),
        2 => (index(), 1..6usize).prop_map(|(at, length)| Mutation::Delete { at, length }),
        2 => (index(), -3..=3i8).prop_map(|(line, by)| Mutation::Indent { line, by }),
        2 => (index(), index()).prop_map(|(from, to)| Mutation::CopyLine { from, to }),
    ]
}

pub(crate) fn mutate(text: &str, mutations: &[Mutation]) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    for mutation in mutations {
        match mutation {
            Mutation::Insert { at, snippet } => {
                let at = at.index(characters.len() + 1);
                characters.splice(at..at, SNIPPETS[*snippet].chars());
            }
            Mutation::Delete { at, length } if !characters.is_empty() => {
                let at = at.index(characters.len());
                let end = (at + length).min(characters.len());
                characters.drain(at..end);
            }
            Mutation::Delete { .. } => {}
            Mutation::Indent { line, by } => {
                let text: String = characters.iter().collect();
                let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
                if !lines.is_empty() {
                    let line = line.index(lines.len());
                    if *by >= 0 {
                        lines[line].insert_str(0, &" ".repeat(*by as usize));
                    } else {
                        let remove =
                            lines[line].chars().take_while(|c| *c == ' ').count().min(by.unsigned_abs() as usize);
                        lines[line].drain(..remove);
                    }
                }
                characters = lines.concat().chars().collect();
            }
            Mutation::CopyLine { from, to } => {
                let text: String = characters.iter().collect();
                let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
                if !lines.is_empty() {
                    let copy = lines[from.index(lines.len())].clone();
                    let to = to.index(lines.len() + 1);
                    lines.insert(to, copy);
                }
                characters = lines.concat().chars().collect();
            }
        }
    }
    characters.into_iter().collect()
}

fn heads_agree(fast: &Head<'_>, full: &Head<'_>) -> bool {
    // What the lexer calls opaque nobody believes without parsing it.
    fast.opaque || fast == full
}

fn items_agree(fast: &[Item<'_>], full: &[Item<'_>]) -> bool {
    fast.len() == full.len()
        && fast
            .iter()
            .zip(full)
            .all(|(fast, full)| fast.range == full.range && heads_agree(&fast.head, &full.head) && !full.shares_anchor)
}

fn documents_agree(fast: &Document<'_>, full: &Document<'_>) -> bool {
    fast.range == full.range
        && fast.empty == full.empty
        && full.problem.is_none()
        && fast.flow == full.flow
        && fast.root_keys == full.root_keys
        && heads_agree(&fast.head, &full.head)
        && match (&fast.items, &full.items) {
            (None, None) => true,
            (Some((fast_style, fast)), Some((full_style, full))) => fast_style == full_style && items_agree(fast, full),
            _ => false,
        }
}

fn slice_parses_alone(text: &str, item: &Item<'_>) -> Result<(), String> {
    let slice = &text[item.range.clone()];
    // A scalar in a flow sequence, such as `---`, may read as something else alone; it is no resource anyway.
    if item.head.opaque && !slice.trim_start().starts_with(['-', '{']) || slice.trim() == "---" {
        return Ok(());
    }
    let tree = Tree::parse_part(slice).map_err(|error| format!("slice does not parse: {error}\n{slice}"))?;
    let root = tree.root(slice).ok_or("slice is empty")?;
    let element = if slice.trim_start().starts_with('-') { root.items().next().ok_or("no element")? } else { root };
    if item.head.opaque {
        return Ok(());
    }
    let read = |keys: &[&str]| element.find(keys).map(|view| view.scalar_text().to_owned());
    for (keys, seen) in [
        (&["apiVersion"][..], &item.head.api_version),
        (&["kind"], &item.head.kind),
        (&["metadata", "name"], &item.head.name),
        (&["metadata", "namespace"], &item.head.namespace),
    ] {
        if read(keys).as_deref() != seen.as_deref() {
            return Err(format!("{keys:?}: slice says {:?}, the cutter {seen:?}", read(keys)));
        }
    }
    Ok(())
}

/// Ok(true) where the lexer took the text.
fn agree(text: &str) -> Result<bool, String> {
    let full = readers::full(text);
    if let Ok(documents) = &full {
        for document in documents.iter().filter(|document| document.problem.is_none()) {
            for item in document.items.iter().flat_map(|(_, items)| items) {
                slice_parses_alone(text, item)?;
            }
        }
    }
    let Some(fast) = readers::fast(text) else { return Ok(false) };
    let full = full.map_err(|error| format!("the lexer accepts what the parser refuses: {error}"))?;
    if fast.len() != full.len() || !fast.iter().zip(&full).all(|(fast, full)| documents_agree(fast, full)) {
        let (fast, full) = (format!("{fast:#?}"), format!("{full:#?}"));
        let diff = similar::TextDiff::from_lines(&fast, &full);
        return Err(format!("lexer (-) and parser (+) differ:\n{}", diff.unified_diff().context_radius(2)));
    }
    Ok(true)
}

#[test]
fn both_readers_cut_the_seeds_alike() {
    for (name, text) in SEEDS {
        if let Err(error) = agree(text) {
            panic!("{name}: {error}\n{text}");
        }
    }
}

#[test]
fn both_readers_cut_mutants_alike() {
    let config = crate::shared::property(60_000);
    let cases = config.cases;
    let mut runner = TestRunner::new(config);
    let accepted = std::cell::Cell::new(0_u32);
    let strategy = (0..SEEDS.len(), prop::collection::vec(mutation(), 1..5));
    let outcome = runner.run(&strategy, |(seed, mutations)| {
        let text = mutate(SEEDS[seed].1, &mutations);
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
fn the_recorded_platforms_take_the_fast_path() {
    for name in [
        "kubeflow/26.03.resourcelist.yaml.gz",
        "kubeflow/v1.8.1.resourcelist.yaml.gz",
        "kubeflow/26.03.yaml.gz",
        "kubeflow/v1.8.1.yaml.gz",
    ] {
        let Some(text) = crate::shared::read(name) else { return };
        assert_eq!(agree(&text), Ok(true), "{name}");
    }
}
