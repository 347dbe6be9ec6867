//! `docs/rules.md`: a section for each rule, and examples that are so.

use unroot::check::{Options, Source};
use unroot::filter::Given;
use unroot::rules::Rule;

use super::{blocks, read};

/// The sections: code and text.
fn sections() -> Vec<(String, String)> {
    let text = read("docs/rules.md");
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(code) = line.strip_prefix("## ") {
            sections.push((code.to_owned(), String::new()));
        } else if let Some((_, section)) = sections.last_mut() {
            section.push_str(&format!("{line}\n"));
        }
    }
    sections
}

#[test]
fn every_rule_has_a_section_and_every_section_a_rule() {
    let headings: Vec<String> = sections().into_iter().map(|(code, _)| code).collect();
    let codes: Vec<&str> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    assert_eq!(headings, codes, "the headings of docs/rules.md are the registry, in its order");
}

#[test]
fn every_section_says_what_why_and_how_to_mend() {
    for (code, section) in sections() {
        for paragraph in ["What", "Why", "How to mend"] {
            let said = section.split(&format!("\n**{paragraph}**:")).nth(1).map(str::trim_start).unwrap_or_default();
            let words = said.split("\n\n").next().unwrap_or_default().split_whitespace().count();
            assert!(words >= 4, "{code}: **{paragraph}**: has {words} words");
        }
    }
}

/// An example is a paragraph `**Example**`, with the words of the configuration or with a first block that is one; then
/// the input, then the output where something is changed, and a block `text` with what is said. Where the words are a
/// call of `unroot check`, its options are in the place of the configuration, and with `--since` the older render too.
#[test]
fn every_example_comes_out_as_written() {
    let mut examples = 0;
    for (code, section) in sections() {
        let Some((_, example)) = section.split_once("\n**Example**") else { continue };
        examples += 1;
        let words: Vec<String> = match example.lines().next().and_then(|line| line.split('`').nth(1)) {
            Some(words) => words.split_whitespace().map(str::to_owned).collect(),
            None => Vec::new(),
        };
        let is_check = words.starts_with(&["unroot".to_owned(), "check".to_owned()]);
        let mut yaml = blocks(example, "yaml").into_iter();
        let has_file = words.is_empty() || words.iter().any(|word| word == "--config");
        let config = if has_file { yaml.next() } else { None };
        let older = if words.iter().any(|word| word == "--since") { yaml.next() } else { None };
        let input = yaml.next().unwrap_or_else(|| panic!("{code}: no input"));
        let expected = yaml.next();
        assert_eq!(yaml.next(), None, "{code}: a block too many");

        let file = config.as_ref().map(|config| ("unroot.yaml", Ok(config.as_bytes().to_vec())));
        let findings = if is_check {
            assert_eq!(expected, None, "{code}: check changes nothing");
            let level =
                words.iter().position(|word| word == "--level").map(|at| words[at + 1].parse().expect("a level"));
            let source = Source { name: "-", bytes: input.as_bytes() };
            let since = older.iter().map(|older| Source { name: "old.yaml", bytes: older.as_bytes() }).collect();
            let outcome = unroot::check(&[source], &Options { level, config: file, since, ..Options::default() });
            [outcome.findings, outcome.differences].concat()
        } else {
            let outcome = unroot::filter(input.as_bytes(), &Given { file, words: &words });
            let out: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
            match &expected {
                Some(expected) => assert_eq!(out, *expected, "{code}"),
                None => assert!(out.is_empty() || out == input, "{code}: the example does not show what is changed"),
            }
            outcome.findings
        };
        let of_the_rule: Vec<String> =
            findings.iter().filter(|found| found.tags["rule"] == code).map(ToString::to_string).collect();
        let said: Vec<String> =
            blocks(example, "text").iter().flat_map(|block| block.lines()).map(str::to_owned).collect();
        assert_eq!(said, of_the_rule, "{code}");
    }
    assert!(examples >= 35, "{examples}");
}
