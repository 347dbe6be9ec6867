//! The span tree by the line lexer, for what people and kustomize mostly write.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::{Kind, Node, NodeId, Tree, Value};
use crate::yaml::lexer::{self, BlockScalar, Part, Sink};

/// Reads a text of one document, or gives up.
pub(super) fn read(text: &str) -> Option<Tree> {
    // A key and its value take some thirty bytes in most manifests.
    let tree = Tree { nodes: Vec::with_capacity(text.len() / 16), ..Tree::default() };
    let mut reader = Reader { text, tree, open: Vec::with_capacity(16), last_end: 0, any_document: false };
    lexer::read(text, &mut reader)?;
    // Without content there is a null somewhere, and where is for the parser to say.
    (!reader.tree.roots.is_empty()).then_some(reader.tree)
}

struct Reader<'t> {
    text: &'t str,
    tree: Tree,
    open: Vec<usize>,
    /// Where the last token ended: there an absent value stands.
    last_end: usize,
    any_document: bool,
}

impl Reader<'_> {
    fn push(&mut self, kind: Kind, range: Range<usize>, value: Value) -> usize {
        let index = self.tree.nodes.len();
        if self.open.is_empty() {
            self.tree.roots.push(NodeId(index as u32));
        }
        let (start, end) = (range.start as u32, range.end as u32);
        self.tree.nodes.push(Node { kind, start, end, next: index as u32 + 1, value });
        self.last_end = range.end;
        index
    }

    fn scalar(&mut self, style: ScalarStyle, range: Range<usize>, value: Value) {
        self.push(Kind::Scalar(style), range, value);
    }

    /// A scalar in quotes on one line.
    fn quoted_scalar(&mut self, quotes: Range<usize>) {
        let inner = quotes.start + 1..quotes.end - 1;
        let text = &self.text[inner.clone()];
        let as_written = slice(&inner);
        let (style, value) = if self.text.as_bytes()[quotes.start] == b'"' {
            let value = if text.contains('\\') { Value::Owned(unescaped(text).into()) } else { as_written };
            (ScalarStyle::DoubleQuoted, value)
        } else {
            let value = if text.contains('\'') { Value::Owned(text.replace("''", "'").into()) } else { as_written };
            (ScalarStyle::SingleQuoted, value)
        };
        self.scalar(style, quotes, value);
    }
}

fn slice(range: &Range<usize>) -> Value {
    Value::Slice(range.start as u32..range.end as u32)
}

/// The text of double quotes, whose escapes the lexer has checked.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = |count: usize| {
            let code = escape.get(1..=count).and_then(|digits| u32::from_str_radix(digits, 16).ok());
            (code.and_then(char::from_u32), count + 1)
        };
        let (character, length) = match escape.as_bytes().first() {
            Some(b'n') => (Some('\n'), 1),
            Some(b't') => (Some('\t'), 1),
            Some(b'r') => (Some('\r'), 1),
            Some(b'x') => digits(2),
            Some(b'u') => digits(4),
            // A quote, a backslash, a space.
            _ => (escape.chars().next(), 1),
        };
        out.extend(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

impl Sink for Reader<'_> {
    type Place = ();

    fn document(&mut self, _: usize) -> Option<()> {
        // Where an empty document's null stands is for the parser to say.
        (!std::mem::replace(&mut self.any_document, true)).then_some(())
    }

    fn root(&mut self) -> Option<()> {
        Some(())
    }

    fn open(&mut self, (): (), start: usize, _: usize, sequence: bool) -> Option<()> {
        let kind = if sequence { Kind::Sequence { flow: false } } else { Kind::Mapping { flow: false } };
        let index = self.push(kind, start..start, Value::None);
        self.open.push(index);
        // An absent first element stands behind its dash.
        self.last_end += usize::from(sequence);
        Some(())
    }

    fn close(&mut self, (): ()) {
        let Some(index) = self.open.pop() else { return };
        let next = self.tree.nodes.len() as u32;
        let node = &mut self.tree.nodes[index];
        node.next = next;
        node.end = node.start.max(self.last_end as u32);
    }

    fn key(&mut self, (): &mut (), key: Range<usize>, quoted: bool) -> Option<()> {
        if quoted {
            self.quoted_scalar(key);
        } else {
            let value = slice(&key);
            self.scalar(ScalarStyle::Plain, key, value);
        }
        Some(())
    }

    fn element(&mut self, (): (), _: usize) -> Option<()> {
        Some(())
    }

    fn null(&mut self, (): ()) -> Option<()> {
        self.scalar(ScalarStyle::Plain, self.last_end..self.last_end, Value::None);
        Some(())
    }

    fn plain(&mut self, (): (), text: Range<usize>) -> Option<()> {
        let range = text.start..text.start + self.text[text].trim_end_matches(' ').len();
        let value = slice(&range);
        self.scalar(ScalarStyle::Plain, range, value);
        Some(())
    }

    fn plain_continues(&mut self, (): (), text: Range<usize>) -> Option<()> {
        let line_breaks = self.text[self.last_end..text.start].bytes().filter(|byte| *byte == b'\n').count();
        let more = self.text[text.clone()].trim_end_matches(' ');
        let node = self.tree.nodes.last_mut()?;
        let mut folded = match &mut node.value {
            Value::Owned(value) => std::mem::take(value).into_string(),
            Value::Slice(range) => self.text[range.start as usize..range.end as usize].to_owned(),
            Value::None => return None,
        };
        // One line break is a space, and of several the first is not there.
        folded.extend(std::iter::repeat_n('\n', line_breaks - 1));
        if line_breaks == 1 {
            folded.push(' ');
        }
        folded.push_str(more);
        node.value = Value::Owned(folded.into());
        self.last_end = text.start + more.len();
        node.end = self.last_end as u32;
        Some(())
    }

    fn quoted(&mut self, (): (), quotes: Range<usize>, one_line: bool) -> Option<()> {
        one_line.then(|| self.quoted_scalar(quotes))
    }

    fn block(&mut self, (): (), scalar: &BlockScalar) -> Option<()> {
        let header = &self.text[scalar.header.clone()];
        let lines = &self.text[scalar.lines.clone()];
        // Folding, and what is left of blank lines alone, is for the parser.
        let indentation = scalar.indentation?;
        if !header.starts_with('|') || lines.trim_end().is_empty() {
            return None;
        }
        let mut value = String::with_capacity(lines.len());
        for line in lines.split_inclusive('\n') {
            let content = line.trim_end_matches('\n').trim_end_matches('\r');
            value.push_str(content.get(indentation..).unwrap_or_default());
            if line.ends_with('\n') {
                value.push('\n');
            }
        }
        if !header.contains('+') {
            let ends = value.ends_with('\n');
            value.truncate(value.trim_end_matches('\n').len());
            if ends && !header.contains('-') {
                value.push('\n');
            }
        }
        let end = scalar.lines.start + lines.trim_end().len();
        self.scalar(ScalarStyle::Literal, scalar.header.start..end, Value::Owned(value.into()));
        Some(())
    }

    fn flow_part(&mut self, part: Part) {
        match part {
            Part::Open { at, mapping } => {
                let kind = if mapping { Kind::Mapping { flow: true } } else { Kind::Sequence { flow: true } };
                let index = self.push(kind, at..at + 1, Value::None);
                self.open.push(index);
            }
            Part::Scalar(range) if matches!(self.text.as_bytes()[range.start], b'"' | b'\'') => {
                self.quoted_scalar(range);
            }
            Part::Scalar(range) => {
                let value = slice(&range);
                self.scalar(ScalarStyle::Plain, range, value);
            }
            Part::Close(end) => {
                self.last_end = end;
                self.close(());
            }
        }
    }

    fn flow(&mut self, (): (), _: Range<usize>) -> Option<()> {
        Some(())
    }
}
