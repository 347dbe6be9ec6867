//! Adding keys to a mapping that is there: in flow style behind the last one, in block style in their sorted place.

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::{EditError, Edits, content_end, ends_with_block_scalar, entry_start, layout_of, notation};
use crate::yaml::emit::{Layout, Notation, block, double_quoted_inner, flow, is_literal, scalar};
use crate::yaml::path::Path;
use crate::yaml::source::{column, line_break, line_end, line_start, next_line};
use crate::yaml::tree::{Kind, View};

impl Edits {
    pub(super) fn insert_flow(
        &mut self,
        root: View<'_>,
        map: View<'_>,
        path: &Path,
        new: &[(&str, &Value)],
    ) -> Result<(), EditError> {
        let notation = notation(root, map);
        let written: Vec<String> =
            new.iter().map(|(key, value)| format!("{}: {}", scalar(key, notation), flow(value, notation))).collect();
        let last = map.entries().last().filter(|(_, value)| !value.range().is_empty());
        if !map.text()[map.range().start..].starts_with('{') {
            // `[a: b]`: the one pair of a mapping that has no braces.
            let Some((_, value)) = last else {
                return Err(EditError::NotAMapping { path: path.clone(), line: map.line() });
            };
            self.insert_inline(map.range().start, "{".to_owned());
            self.insert_inline(value.range().end, format!(", {}}}", written.join(", ")));
            return Ok(());
        }
        let Some((key, value)) = last else {
            // Behind the brace: `{}`, or a last entry whose value is nothing.
            let separator = if map.entries().next().is_some() { ", " } else { "" };
            self.insert_inline(map.range().start + 1, format!("{}{separator}", written.join(", ")));
            return Ok(());
        };
        let text = map.text();
        let start = line_start(text, key.start());
        let alone = text[start..key.start()].bytes().all(|byte| byte == b' ' || byte == b'\t');
        let end = value.range().end;
        let uncommented = text[end..line_end(text, end)].trim_matches([' ', '\t', ',']).is_empty();
        let separator = if alone && uncommented {
            format!(",{}{}", line_break(text, start), &text[start..key.start()])
        } else {
            ", ".to_owned()
        };
        let insertion: String = written.iter().map(|entry| format!("{separator}{entry}")).collect();
        self.insert_inline(end, insertion);
        Ok(())
    }

    pub(super) fn insert_block(&mut self, root: View<'_>, map: View<'_>, new: &[(&str, &Value)]) {
        let text = map.text();
        let siblings: Vec<(View<'_>, View<'_>)> = map.entries().collect();
        let Some((first, _)) = siblings.first() else { return };
        let indent = column(text, entry_start(first));
        let layout = layout_of(root);
        let sorted = siblings.is_sorted_by(|a, b| a.0.scalar_text() <= b.0.scalar_text());
        // A merge key overrides what stands before it in Kubernetes' reader: behind it is safe.
        let merges = siblings.iter().any(|(key, _)| key.is_merge_key());
        let quotes = common_quotes(&siblings);
        let closed = siblings.last().is_some_and(|(_, value)| ends_with_block_scalar(value));
        for (key, value) in new {
            let mut before = siblings.len();
            if sorted && !merges {
                before = siblings.partition_point(|(sibling, _)| sibling.scalar_text() < *key);
            }
            if before == siblings.len() && closed {
                before -= 1;
            }
            let eol = line_break(text, siblings[before.min(siblings.len() - 1)].0.start());
            let entry = match (value, &quotes) {
                (Value::String(text), Some(ScalarStyle::DoubleQuoted)) => {
                    format!("{}: \"{}\"", scalar(key, Notation::Yaml), double_quoted_inner(text))
                }
                (Value::String(text), Some(_)) if !text.chars().any(char::is_control) => {
                    format!("{}: '{}'", scalar(key, Notation::Yaml), text.replace('\'', "''"))
                }
                _ => entry_text(key, value, indent, Layout { line_break: eol, ..layout }),
            };
            let spaces = " ".repeat(indent);
            if let Some((sibling, _)) = siblings.get(before) {
                let start = entry_start(sibling);
                let line = line_start(text, start);
                if text[line..start].bytes().all(|byte| byte == b' ') {
                    let at = above_comments(text, line, indent);
                    self.insert(at, format!("{spaces}{entry}{eol}"), indent);
                } else {
                    // The first key stands on the line of a dash.
                    self.insert(start, format!("{entry}{eol}{spaces}"), indent);
                }
            } else {
                let at = line_end(text, content_end(&map));
                let entry = if ends_with_literal(value) && !can_end_a_literal(text, at) {
                    format!("{}: {}", scalar(key, Notation::Yaml), flow(value, Notation::Yaml))
                } else {
                    entry
                };
                self.insert(at, format!("{eol}{spaces}{entry}"), indent);
            }
            self.adds(map, &[(key, value)]);
        }
    }
}

/// The quotes that all values of a mapping of scalars stand in, if they all do.
fn common_quotes(siblings: &[(View<'_>, View<'_>)]) -> Option<ScalarStyle> {
    let mut styles = siblings.iter().map(|(_, value)| match value.kind() {
        Kind::Scalar(style @ (ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)) => Some(style),
        _ => None,
    });
    let first = styles.next()??;
    styles.all(|style| style == Some(first)).then_some(first)
}

fn entry_text(key: &str, value: &Value, indent: usize, layout: Layout) -> String {
    let mut entry = serde_json::Map::new();
    entry.insert(key.to_owned(), value.clone());
    block(&Value::Object(entry), indent, layout)
}

/// What is written of a value in block style may end with a literal that keeps its last line break.
pub(super) fn ends_with_literal(value: &Value) -> bool {
    match value {
        Value::String(text) => is_literal(text),
        Value::Object(map) => map.values().next_back().is_some_and(ends_with_literal),
        Value::Array(values) => values.last().is_some_and(ends_with_literal),
        _ => false,
    }
}

/// A literal that is written at `at` keeps its text: a line break follows, and no line of blanks that would belong to it.
pub(super) fn can_end_a_literal(text: &str, at: usize) -> bool {
    let next = next_line(text, at);
    let blanks = &text[next..line_end(text, next)];
    text[at..].contains('\n') && (blanks.is_empty() || !blanks.trim().is_empty())
}

/// The start of the comment lines that stand right above `line` at the same column: they belong to its key.
fn above_comments(text: &str, line: usize, indent: usize) -> usize {
    let mut at = line;
    while at > 0 {
        let above = line_start(text, at - 1);
        let content = &text[above..at];
        let spaces = content.bytes().take_while(|byte| *byte == b' ').count();
        if spaces != indent || content.as_bytes().get(spaces) != Some(&b'#') {
            break;
        }
        at = above;
    }
    at
}
