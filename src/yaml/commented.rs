//! New documents with comments, for people: typed values and sentences in, YAML out.
//!
//! Comments stand on lines of their own before what they are about, as deep as it, and are broken at blanks, but for
//! commands, which are marked as such by four blanks: somebody will copy them. Control
//! characters in them are escaped, so that a name of the input cannot end a comment.

use serde_json::Value;

use super::emit::{Layout, Notation, block, flow, needs_escape, scalar};

/// How long a line of a comment gets, its indentation included.
const WIDTH: usize = 110;

/// What a paragraph begins with that is a command, or another line that must stay whole.
pub const COMMAND: &str = "    ";

/// A node with what people shall read about its parts.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Laid out as new values are elsewhere.
    Block(Value),
    /// On one line.
    Flow(Value),
    /// A mapping with comments.
    Mapping(Vec<Entry>),
    /// A sequence of mappings with comments.
    Sequence(Vec<Element>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What stands before it, a paragraph a line.
    pub comment: Vec<String>,
    /// The key.
    pub key: &'static str,
    /// The value.
    pub value: Node,
}

/// An element of a sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// What stands before it, a paragraph a line.
    pub comment: Vec<String>,
    /// The element's keys.
    pub entries: Vec<Entry>,
}

impl Entry {
    /// An entry that needs no word.
    #[must_use]
    pub fn new(key: &'static str, value: Node) -> Self {
        Self { comment: Vec::new(), key, value }
    }

    /// With a paragraph before it.
    #[must_use]
    pub fn about(mut self, paragraph: impl Into<String>) -> Self {
        self.comment.push(paragraph.into());
        self
    }
}

/// The document of a mapping, with comments at its head and its last line break.
#[must_use]
pub fn document(head: &[String], entries: &[Entry]) -> String {
    let mut out = String::new();
    comment(&mut out, head, 0);
    for entry in entries {
        write_entry(&mut out, entry, 0, true);
    }
    out
}

fn write_entry(out: &mut String, entry: &Entry, column: usize, indent_key: bool) {
    comment(out, &entry.comment, column);
    if indent_key {
        indent(out, column);
    }
    out.push_str(&scalar(entry.key, Notation::Yaml));
    out.push(':');
    match &entry.value {
        Node::Flow(value) => {
            out.push(' ');
            out.push_str(&flow(value, Notation::Yaml));
            out.push('\n');
        }
        Node::Block(value) => {
            let text = block(&serde_json::json!({ entry.key: value }), column, Layout::KUSTOMIZE);
            // The key is written already.
            out.push_str(text.get(scalar(entry.key, Notation::Yaml).len() + 1..).unwrap_or_default());
            out.push('\n');
        }
        Node::Mapping(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Node::Sequence(elements) if elements.is_empty() => out.push_str(" []\n"),
        Node::Mapping(entries) => {
            out.push('\n');
            for entry in entries {
                write_entry(out, entry, column + 2, true);
            }
        }
        Node::Sequence(elements) => {
            out.push('\n');
            for element in elements {
                comment(out, &element.comment, column);
                indent(out, column);
                out.push_str("- ");
                for (index, entry) in element.entries.iter().enumerate() {
                    write_entry(out, entry, column + 2, index > 0);
                }
            }
        }
    }
}

fn indent(out: &mut String, column: usize) {
    out.extend(std::iter::repeat_n(' ', column));
}

fn comment(out: &mut String, paragraphs: &[String], column: usize) {
    for paragraph in paragraphs {
        let paragraph: String = paragraph.chars().flat_map(shown).collect();
        if paragraph.starts_with(COMMAND) {
            write_line(out, &paragraph, column);
            continue;
        }
        let room = WIDTH.saturating_sub(column + 2);
        let mut line = String::new();
        // Blanks at the front are an indentation that every line keeps.
        let blanks = paragraph.len() - paragraph.trim_start().len();
        for word in paragraph.split_whitespace() {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
                write_line(out, &line, column);
                line.clear();
            }
            if line.is_empty() {
                indent(&mut line, blanks);
            } else {
                line.push(' ');
            }
            line.push_str(word);
        }
        write_line(out, &line, column);
    }
}

fn write_line(out: &mut String, line: &str, column: usize) {
    indent(out, column);
    out.push('#');
    if !line.is_empty() {
        out.push(' ');
        out.push_str(line);
    }
    out.push('\n');
}

/// A character as it may stand in a comment.
fn shown(character: char) -> impl Iterator<Item = char> {
    let hidden = needs_escape(character);
    let escaped = hidden.then(|| character.escape_default());
    let plain = (!hidden).then_some(character);
    escaped.into_iter().flatten().chain(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::yaml::tree::Tree;

    #[test]
    fn values_and_comments_stand_where_they_belong() {
        let entries = [
            Entry::new("kind", Node::Flow(json!("Unroot"))).about("What it is."),
            Entry::new(
                "spec",
                Node::Mapping(vec![
                    Entry::new(
                        "namespaces",
                        Node::Sequence(vec![Element {
                            comment: vec!["Why.".to_owned()],
                            entries: vec![
                                Entry::new("names", Node::Flow(json!(["a", "on"]))),
                                Entry::new("enforce", Node::Flow(json!("baseline"))),
                            ],
                        }]),
                    ),
                    Entry::new("users", Node::Block(json!([{"image": "*/dex:*", "runAsUser": 1001}]))),
                    Entry::new("none", Node::Mapping(Vec::new())),
                ]),
            ),
        ];
        let text = document(&["Head.".to_owned(), String::new()], &entries);
        let expected = "# Head.\n#\n# What it is.\nkind: Unroot\nspec:\n  namespaces:\n  # Why.\n  - names: [a, \"on\"]\n    enforce: baseline\n  \
                        users:\n  - image: \"*/dex:*\"\n    runAsUser: 1001\n  none: {}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_text_ends_a_comment() {
        let hostile = "a\nspec: {}\u{2028}b\r\u{85}c\u{7}";
        let text = document(&[], &[Entry::new("a", Node::Flow(json!(1))).about(hostile)]);
        assert_eq!(text.lines().count(), 2, "{text}");
        let tree = Tree::parse(&text).expect("YAML");
        assert_eq!(tree.root(&text).expect("a document").entries().count(), 1);
    }

    #[test]
    fn long_comments_are_broken_at_blanks() {
        let command = format!("{COMMAND}{}", "word ".repeat(50));
        assert!(document(&[command], &[]).starts_with("#     word word"));
        let text = document(&[format!("  {}", "word ".repeat(50))], &[Entry::new("a", Node::Flow(json!(1)))]);
        assert!(
            text.lines().all(|line| line.chars().count() <= WIDTH && (line.starts_with("#   word") || line == "a: 1")),
            "{text}"
        );
        assert_eq!(text.matches("word").count(), 50);
    }
}
