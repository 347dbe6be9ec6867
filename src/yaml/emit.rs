//! Writing YAML and JSON that every reader reads alike.
//!
//! Scalars follow one rule: plain only where no reader of YAML 1.1 or 1.2 can take the text for anything but that
//! string, else double quotes on one line. Proven by go-yaml v2 and v3, `sigs.k8s.io/yaml`, kyaml, PyYAML and
//! `serde_yaml` on the recorded list of hard strings.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde_json::Value;

/// How a new scalar or collection is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML, plain where that is safe.
    Yaml,
    /// JSON: keys and strings in double quotes, with JSON's escapes.
    Json,
}

/// True where the text as a plain scalar is this string to every reader.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    const RESERVED: [&str; 11] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"];
    let bytes = text.as_bytes();
    let Some(first) = bytes.first() else { return false };
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_./@+=-".contains(&byte);
    let rest = bytes.iter().enumerate().skip(1).all(|(index, byte)| match byte {
        // A colon is text only between two characters of the word.
        b':' => bytes.get(index + 1).is_some_and(|next| inner(*next)),
        byte => inner(*byte),
    });
    (first.is_ascii_alphabetic() || matches!(first, b'_' | b'/'))
        && rest
        && !RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// A string as a scalar of one line.
#[must_use]
pub fn scalar(text: &str, notation: Notation) -> Cow<'_, str> {
    match notation {
        Notation::Yaml if is_plain(text) => Cow::Borrowed(text),
        Notation::Yaml => Cow::Owned(double_quoted(text)),
        Notation::Json => Cow::Owned(format!("\"{}\"", json_escaped(text))),
    }
}

/// The text in YAML's double quotes, on one line.
#[must_use]
pub fn double_quoted(text: &str) -> String {
    format!("\"{}\"", double_quoted_inner(text))
}

/// The text as it stands between YAML's double quotes.
#[must_use]
pub fn double_quoted_inner(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            character if needs_escape(character) => {
                let code = u32::from(character);
                // Writing to a String cannot fail.
                let _ = match code {
                    0..=0xFF => write!(out, "\\x{code:02x}"),
                    0x100..=0xFFFF => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            character => out.push(character),
        }
    }
    out
}

/// Controls, blanks that do not look like one, marks without a width, private use: what an editor would not show.
#[must_use]
pub const fn needs_escape(character: char) -> bool {
    matches!(
        character,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{e000}'..='\u{f8ff}'
            | '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{f0000}'..='\u{10ffff}'
    )
}

/// The text as it stands between JSON's double quotes.
#[must_use]
pub fn json_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            character if needs_escape(character) => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            character => out.push(character),
        }
    }
    out
}

/// A value on one line: `{a: b}`, or JSON.
#[must_use]
pub fn flow(value: &Value, notation: Notation) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::String(text) => scalar(text, notation).into_owned(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(|value| flow(value, notation)).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}: {}", scalar(key, notation), flow(value, notation)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// How block collections are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Columns per level of mappings.
    pub step: usize,
    /// The dashes of a sequence stand deeper than its key.
    pub indent_sequences: bool,
    /// The line break.
    pub line_break: &'static str,
}

impl Layout {
    /// As kustomize and kubectl write.
    pub const KUSTOMIZE: Self = Self { step: 2, indent_sequences: false, line_break: "\n" };
}

/// A value as block lines at `column`, without the indentation of its first line and without a final line break.
#[must_use]
pub fn block(value: &Value, column: usize, layout: Layout) -> String {
    let mut out = String::new();
    write_block(&mut out, value, column, layout);
    out
}

fn write_block(out: &mut String, value: &Value, column: usize, layout: Layout) {
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    new_line(out, column, layout);
                }
                out.push_str(&scalar(key, Notation::Yaml));
                out.push(':');
                write_value(out, value, column, layout);
            }
        }
        Value::Array(values) if !values.is_empty() => {
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    new_line(out, column, layout);
                }
                out.push_str("- ");
                write_block(out, value, column + 2, layout);
            }
        }
        value => out.push_str(&flow(value, Notation::Yaml)),
    }
}

/// What follows a key's colon.
fn write_value(out: &mut String, value: &Value, column: usize, layout: Layout) {
    let deeper = match value {
        Value::Object(entries) if !entries.is_empty() => column + layout.step,
        Value::Array(values) if !values.is_empty() && layout.indent_sequences => column + layout.step,
        Value::Array(values) if !values.is_empty() => column,
        Value::String(text) if is_literal(text) => {
            write_literal(out, text, column + layout.step, layout);
            return;
        }
        value => {
            out.push(' ');
            out.push_str(&flow(value, Notation::Yaml));
            return;
        }
    };
    new_line(out, deeper, layout);
    write_block(out, value, deeper, layout);
}

/// A text of several lines that a literal block scalar holds without any doubt: no blank at an end, nothing to escape.
pub(super) fn is_literal(text: &str) -> bool {
    let body = text.strip_suffix('\n').unwrap_or(text);
    body.contains('\n')
        && !body.ends_with('\n')
        && !body.starts_with([' ', '\n', '\t'])
        && body.lines().all(|line| !line.ends_with([' ', '\t', '\r']) && !line.starts_with('\t'))
        && !body.chars().any(|character| character != '\n' && needs_escape(character))
}

fn write_literal(out: &mut String, text: &str, column: usize, layout: Layout) {
    let body = text.strip_suffix('\n');
    out.push_str(if body.is_some() { " |" } else { " |-" });
    for line in body.unwrap_or(text).split('\n') {
        if line.is_empty() {
            out.push_str(layout.line_break);
        } else {
            new_line(out, column, layout);
            out.push_str(line);
        }
    }
}

fn new_line(out: &mut String, column: usize, layout: Layout) {
    out.push_str(layout.line_break);
    out.extend(std::iter::repeat_n(' ', column));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_is_plain_only_where_all_readers_agree() {
        for plain in ["restricted", "v1.30", "istio.io/rev", "a:b", "_x", "/etc", "key_1", "http://x.y/z"] {
            assert_eq!(scalar(plain, Notation::Yaml), plain);
        }
        for (text, quoted) in [
            ("", "\"\""),
            ("yes", "\"yes\""),
            ("Off", "\"Off\""),
            ("1.30", "\"1.30\""),
            ("0x1F", "\"0x1F\""),
            ("a: b", "\"a: b\""),
            ("a:", "\"a:\""),
            ("a\n", "\"a\\n\""),
            ("-x", "\"-x\""),
            ("2001-01-01", "\"2001-01-01\""),
            ("é", "\"é\""),
            ("\u{a0}\u{2028}\u{7}", "\"\\xa0\\u2028\\x07\""),
        ] {
            assert_eq!(scalar(text, Notation::Yaml), quoted);
        }
        assert_eq!(scalar("a\u{7}\u{10fffd}", Notation::Json), "\"a\\u0007\\udbff\\udffd\"");
    }

    #[test]
    fn a_value_is_laid_out_as_kustomize_does() {
        let value = serde_json::json!({
            "kind": "ConfigMap",
            "metadata": {"name": "x", "labels": {}},
            "list": [{"a": 1, "b": ["on"]}, "c", []],
            "text": "one\ntwo\n",
            "open": "one\n\ntwo",
            "hard": "one \ntwo",
        });
        let expected = "kind: ConfigMap\nmetadata:\n  name: x\n  labels: {}\nlist:\n- a: 1\n  b:\n  - \"on\"\n- c\n- []\ntext: |\n  one\n  two\nopen: |-\n  one\n\n  two\nhard: \"one \\ntwo\"";
        assert_eq!(block(&value, 0, Layout::KUSTOMIZE), expected);
    }
}
