//! What cannot be used is refused in words, with nothing half-written, and without a panic, a hang or memory beyond a
//! few times the input.

use unroot::check::{Options, Source};
use unroot::filter::{Exit, Given};

fn refuse(name: &str, input: &[u8], message: &str) {
    let words = ["enforce=baseline".to_owned()];
    let outcome = unroot::filter(input, &Given { file: None, words: &words });
    let said = outcome.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(outcome.exit, Exit::Unusable, "{name}: {said}");
    assert!(outcome.pieces().is_empty(), "{name}: something was written");
    assert!(said.contains(message), "{name}: {said}");
    assert_eq!(said.lines().count(), 1, "{name}: {said}");
}

fn accept(name: &str, input: &str) -> String {
    let words = ["enforce=baseline".to_owned()];
    let outcome = unroot::filter(input.as_bytes(), &Given { file: None, words: &words });
    let said = outcome.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert_eq!(outcome.exit, Exit::Done, "{name}: {said}");
    outcome.pieces().iter().map(|piece| piece.as_str()).collect()
}

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";

#[test]
fn bytes_that_are_no_text_are_refused() {
    refuse("empty", b"", "holds no resource");
    refuse("blank", b" \n\t\n", "holds no resource");
    refuse("a marker", b"---\n", "holds no resource");
    refuse("null", b"null\n", "holds no resource");
    refuse("NUL", b"apiVersion: v1\nkind: \0", "NUL byte at byte 22: it is no YAML text (line 2)");
    refuse("invalid UTF-8", b"apiVersion: v1\nkind: \xff", "byte 22 is invalid; convert it to UTF-8 (line 2)");
    refuse("UTF-16", b"\xff\xfea\0", "UTF-16");
    refuse("text", b"hello\n", "a resource must be a mapping (line 1)");
    refuse("a list", b"- a\n", "a resource must be a mapping (line 1)");
}

#[test]
fn a_text_cut_anywhere_is_refused_or_whole() {
    let list = r#"{"apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList", "items": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}]}"#;
    for end in 1..list.len() {
        let words = ["enforce=baseline".to_owned()];
        let outcome = unroot::filter(&list.as_bytes()[..end], &Given { file: None, words: &words });
        assert_eq!(outcome.exit, Exit::Unusable, "cut at {end}");
        assert!(outcome.pieces().is_empty(), "cut at {end}");
    }
}

#[test]
fn nesting_has_a_limit_in_every_notation() {
    let message = "nested deeper than 255 levels (line ";
    for (name, open, close) in [("flow sequences", "[", "]"), ("flow mappings", "{a: ", "}")] {
        let nested = |levels: usize| format!("{NAMESPACE}spec: {}{}\n", open.repeat(levels), close.repeat(levels));
        refuse(name, nested(10_000).as_bytes(), message);
        refuse(name, nested(256).as_bytes(), message);
        accept(name, &nested(254));
    }
    let block = |levels: usize| {
        (0..levels).fold(NAMESPACE.to_owned(), |text, level| format!("{text}{}a:\n", " ".repeat(level)))
    };
    refuse("block mappings", block(1_000).as_bytes(), message);
    refuse("block mappings", block(256).as_bytes(), message);
    accept("block mappings", &block(255));
    refuse("only brackets", "[".repeat(100_000).as_bytes(), message);
}

#[test]
fn merge_keys_and_aliases_have_limits_where_they_are_read() {
    let pod = |spec: &str| {
        let pod = format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\n  namespace: b\nspec:\n{spec}");
        let outcome = unroot::check(&[Source { name: "-", bytes: pod.as_bytes() }], &Options::default());
        assert_eq!(outcome.exit, Exit::Findings);
        outcome.report
    };
    let levels = |start: &str, level: &dyn Fn(usize) -> String, count: usize| {
        (1..count).fold(format!("  x0: &x0 {start}\n"), |text, at| format!("{text}  x{at}: &x{at} {}\n", level(at - 1)))
    };
    let merged = levels("{name: a, image: b}", &|below| format!("{{<<: *x{below}}}"), 40);
    let report = pod(&format!("{merged}  containers:\n  - *x39\n"));
    assert!(report.contains("merge keys are nested too deep"), "{report}");
    let aliased = levels("{name: a, value: b}", &|below| vec![format!("*x{below}"); 10].join(", "), 1);
    let many = vec!["*x0"; 1_000_001].join(", ");
    let report = pod(&format!("{aliased}  containers:\n  - {{name: a, image: b, env: [{many}]}}\n"));
    assert!(report.contains("aliases expand to more than a million nodes"), "{report}");
}

#[test]
fn resources_have_a_limit_in_every_form() {
    let message = "more than 100000 resources in one input; split it (line ";
    let many = |text: &str| text.repeat(100_001);
    refuse("documents", many("---\na: b\n").as_bytes(), message);
    refuse("items", format!("kind: List\nitems:\n{}", many("- a: b\n")).as_bytes(), message);
    refuse("flow", format!("{{\"kind\": \"List\", \"items\": [{}{{}}]}}", many("{},")).as_bytes(), message);
    accept("one less", &format!("{NAMESPACE}{}", "---\n".repeat(99_999)));
}

#[test]
fn bytes_have_a_limit() {
    // None of them is looked at, so that none is really there.
    refuse("zeroes", &vec![0; (1 << 30) + 1], "the input is larger than 1 GiB; split it");
}

#[test]
fn a_bomb_of_aliases_costs_nothing() {
    let mut text = format!("{NAMESPACE}spec:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..40 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("  a{level}: &a{level} [{aliases}]\n"));
    }
    let out = accept("bomb", &text);
    assert!(out.contains("pod-security.kubernetes.io/enforce: baseline"));
    // In the configuration it is decoded, and refused.
    let list = format!(
        "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: []\nfunctionConfig:\n  apiVersion: \
         fn.kubeflow.org/v1alpha1\n  kind: Unroot\n  spec:\n    podSecurity:\n      namespaces: {}\n",
        (0..12).fold("&a0 [x]".to_owned(), |inner, level| {
            let aliases = vec![format!("*a{level}"); 10].join(", ");
            format!("[{inner}, &a{} [{aliases}]]", level + 1)
        })
    );
    let outcome = unroot::filter(list.as_bytes(), &Given::default());
    assert_eq!(outcome.exit, Exit::Unusable);
}

#[test]
fn a_mapping_that_is_merged_into_itself_costs_nothing() {
    let spec = format!("spec: &a\n{}", "  <<: *a\n".repeat(30));
    accept("merge keys", &format!("{NAMESPACE}{spec}"));
    refuse("the root", format!("&a\n{}", "<<: *a\n".repeat(30)).as_bytes(), "");
}

#[test]
fn an_alias_in_what_it_points_to_is_an_error_and_no_end() {
    let injector = |values: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio-sidecar-injector, namespace: istio-system}}\ndata:\n  \
             values: |\n{values}  config: |\n    policy: enabled\n"
        )
    };
    let chain: String = (1..2_000).map(|at| format!("    x{at}: &x{at} [*x{}]\n", at - 1)).collect();
    for values in ["    global: &a\n      x: [*a, *a]\n".to_owned(), format!("    x0: &x0 []\n{chain}")] {
        let words = ["istio=cni".to_owned()];
        let input = injector(&values);
        let outcome = unroot::filter(input.as_bytes(), &Given { file: None, words: &words });
        let said = outcome.findings.iter().map(ToString::to_string).collect::<String>();
        assert!(said.contains("aliases nest deeper than 255 levels"), "{said}");
    }
}

#[test]
fn a_plan_ends_where_the_label_of_user_namespaces_is_no_level() {
    let input = "apiVersion: kubeflow.org/v1\nkind: Profile\nmetadata: {name: user}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: \
                 {name: namespace-labels-data, namespace: kubeflow}\ndata:\n  namespace-labels.yaml: |\n    \
                 pod-security.kubernetes.io/enforce: \"basel1ne\"\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: \
                 user}\nspec: {hostNetwork: true, containers: [{name: a}]}\n";
    let options = unroot::plan::Options { output: unroot::plan::Output::Config, config: None };
    let outcome = unroot::plan(&[Source { name: "-", bytes: input.as_bytes() }], &options);
    // The API server takes the label for restricted, so that only another label lets the pod in.
    assert!(outcome.report.contains("userNamespaces:\n      enforce: privileged"), "{}", outcome.report);
    assert!(!outcome.report.contains("NOT SETTLED"), "{}", outcome.report);
}

#[test]
fn very_long_things_pass() {
    let long = "x".repeat(4_000_000);
    for (name, text) in [
        ("a plain scalar", format!("{NAMESPACE}x: {long}\n")),
        ("a quoted scalar", format!("{NAMESPACE}x: \"{long}\"\n")),
        ("a literal", format!("{NAMESPACE}x: |\n  {long}\n")),
        ("lines of a literal", format!("{NAMESPACE}x: |\n{}", "  x\n".repeat(500_000))),
        ("blank lines in a literal", format!("{NAMESPACE}x: |\n{}  y\n", "  \n".repeat(500_000))),
        (
            "many deep blank lines",
            format!("{NAMESPACE}x: |\n{}{}y\n", format!("{}\n", " ".repeat(100)).repeat(40_000), " ".repeat(100)),
        ),
        ("comment lines", format!("{NAMESPACE}{}x: y\n", "# c\n".repeat(500_000))),
        ("blank lines", format!("{NAMESPACE}{}x: y\n", "\n".repeat(2_000_000))),
        (
            "an anchor in front of many keys",
            format!("{NAMESPACE}x: &a y\n{}", (0..50_000).map(|n| format!("k{n}: *a\n")).collect::<String>()),
        ),
        ("many documents", format!("{NAMESPACE}---\n").repeat(20_000)),
    ] {
        assert!(accept(name, &text).len() > text.len(), "{name}");
        // An anchor sends the whole text through the full parser.
        let text = format!("z: &z y\n{text}");
        assert!(accept(name, &text).len() > text.len(), "{name}, in the parser");
    }
    refuse("a key", format!("{NAMESPACE}{long}: y\n").as_bytes(), "line 5");
}

#[test]
fn a_line_break_of_some_readers_stands_only_in_quotes() {
    for character in ['\u{85}', '\u{2028}', '\u{2029}', '\r'] {
        for (name, text) in [
            ("a comment", format!("{NAMESPACE}# x{character}spec: y\n")),
            ("a plain scalar", format!("{NAMESPACE}x: y{character}  z\n")),
            ("a literal", format!("{NAMESPACE}x: |\n  y{character}  z\n")),
            ("a folded scalar", format!("{NAMESPACE}x: >\n  y{character}  z\n")),
            ("a flow sequence", format!("{NAMESPACE}x: [y,{character}  z]\n")),
        ] {
            refuse(name, text.as_bytes(), &format!("U+{:04X} outside quotes", u32::from(character)));
        }
        for quote in ["'", "\""] {
            accept("quotes", &format!("{NAMESPACE}x: {quote}y{character}  z{quote}\n"));
        }
    }
}

#[test]
fn a_usable_list_comes_back_unchanged_with_the_error_in_its_results() {
    let list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: Namespace\n  metadata:\n    name: b\n    labels: {a: b, a: c}\nfunctionConfig: {apiVersion: v1, kind: ConfigMap, data: {enforce: baseline}}\n";
    let outcome = unroot::filter(list.as_bytes(), &Given::default());
    assert_eq!(outcome.exit, Exit::Unusable);
    let out: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
    // The first namespace could have been labelled: it is not.
    let rest = out.strip_prefix(list).expect("the list as it was");
    assert!(
        rest.starts_with("results:\n- message: \"key `a` is there twice, on line 12 and on line 12; remove one"),
        "{rest}"
    );
    assert!(rest.contains("severity: error"), "{rest}");
}
