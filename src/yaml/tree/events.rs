//! The span tree by the full parser.

use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StructureStyle};

use super::{Kind, Node, NodeId, Property, SyntaxError, Tree, Value};
use crate::yaml::source::{is_ambiguous_break, line_of};

/// The options under which the parser reads as Kubernetes' readers do.
pub(in crate::yaml) fn parser_options() -> granit_parser::Options {
    granit_parser::options! {
        // go-yaml reads `k: |` + `  x` at the end of a file without a line break as `x`.
        block_scalar_eof_without_line_feed: true,
        emit_anchor_events: true,
        emit_comments: false,
    }
}

pub(in crate::yaml) fn syntax_error(text: &str, error: &ScanError) -> SyntaxError {
    let offset = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let is_limit = *error.kind() == ErrorKind::RecursionLimitExceeded;
    // The parser's own limit.
    let message = if is_limit { "nested deeper than 255 levels".to_owned() } else { error.info() };
    SyntaxError { message, line: line_of(text, offset), offset, is_limit }
}

/// Refuses NEL, LS and PS outside quotes: what follows them is a comment to one reader and a key to another. A carriage
/// return without a line feed ends a line to YAML readers and to no tool that shows or cuts lines: refused as well.
///
/// `quoted` gives the ranges of quoted scalars in the order of the text; it is asked only where there is such a
/// character at all.
pub(in crate::yaml) fn refuse_ambiguous_breaks(
    text: &str,
    quoted: impl FnOnce() -> Vec<Range<usize>>,
) -> Result<(), SyntaxError> {
    // All begin with one of three bytes, which ordinary text seldom has.
    let mut ambiguous = memchr::memchr3_iter(b'\r', 0xC2, 0xE2, text.as_bytes())
        .filter(|offset| text.as_bytes()[*offset] != b'\r' || text.as_bytes().get(offset + 1) != Some(&b'\n'))
        .filter_map(|offset| Some((offset, text.get(offset..)?.chars().next()?)))
        .filter(|(_, character)| *character == '\r' || is_ambiguous_break(*character))
        .peekable();
    if ambiguous.peek().is_none() {
        return Ok(());
    }
    let quoted = quoted();
    for (offset, character) in ambiguous {
        let before = quoted.partition_point(|range| range.start <= offset);
        if before == 0 || !quoted[before - 1].contains(&offset) {
            return Err(SyntaxError {
                message: format!(
                    "the character U+{:04X} outside quotes is a line break to some YAML readers and text to others; \
                     remove it or write it as an escape in double quotes",
                    u32::from(character)
                ),
                line: line_of(text, offset),
                offset,
                is_limit: false,
            });
        }
    }
    Ok(())
}

pub(in crate::yaml) fn byte_range(span: &Span) -> Range<usize> {
    span.byte_range().unwrap_or(0..0)
}

struct Builder<'t> {
    text: &'t str,
    tree: Tree,
    open: Vec<usize>,
    /// Anchor ids and their nodes, for aliases.
    targets: Vec<(usize, NodeId)>,
    /// Where the last token ended: the header of a block scalar stands behind it.
    last_end: usize,
}

impl<'t> Builder<'t> {
    fn push(&mut self, kind: Kind, range: Range<usize>, value: Value, anchor: usize, span: &Span) -> NodeId {
        let id = NodeId(self.tree.nodes.len() as u32);
        if self.open.is_empty() {
            self.tree.roots.push(id);
        }
        if anchor != 0 {
            self.targets.push((anchor, id));
        }
        if let Some(tag) = span.tag_span() {
            let range = byte_range(&tag);
            self.last_end = self.last_end.max(range.end);
            self.tree.tags.push((Property { node: id, range: range.clone() }, self.text[range].to_owned()));
        }
        self.tree.nodes.push(Node { kind, start: range.start as u32, end: range.end as u32, next: id.0 + 1, value });
        id
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, anchor: usize, span: &Span) {
        let mut range = byte_range(span);
        // The parser finds out that there is nothing only at the next token, perhaps lines below.
        let absent = range.is_empty() && style == ScalarStyle::Plain;
        let bare = anchor == 0 && span.tag_span().is_none() && !self.is_in(&Kind::is_flow);
        let is_below = || self.text.get(self.last_end..range.start).is_some_and(|between| between.contains('\n'));
        if absent && (bare || is_below()) {
            range = self.last_end..self.last_end;
        }
        if matches!(style, ScalarStyle::Literal | ScalarStyle::Folded) {
            // An anchor's own event comes later: a header is never inside its name, since names hold no blanks.
            range = self.block_scalar_range(span, range);
        }
        // What reads as it is written is a slice of the text itself.
        let offset = (value.as_ptr() as usize).wrapping_sub(self.text.as_ptr() as usize);
        let value = if self.text.get(offset..offset.saturating_add(value.len())) == Some(value) {
            Value::Slice(offset as u32..(offset + value.len()) as u32)
        } else {
            Value::Owned(value.into())
        };
        // The parser writes an absent scalar as `~`: its span is empty.
        self.push(Kind::Scalar(style), range.clone(), value, anchor, span);
        self.last_end = range.end;
    }

    /// What is open has a kind such as this.
    fn is_in(&self, is: &dyn Fn(&Kind) -> bool) -> bool {
        self.open.last().is_some_and(|index| is(&self.tree.nodes[*index].kind))
    }

    /// The first dash of a block sequence. Where it stands at the column of its key the parser begins only behind it.
    fn dash(&self, begin: usize) -> usize {
        if !self.is_in(&|kind| matches!(kind, Kind::Mapping { .. })) {
            return begin;
        }
        let bytes = self.text.as_bytes();
        let mut at = self.last_end;
        while at < begin {
            match bytes[at] {
                b'#' if at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n') => {
                    at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |distance| at + distance);
                }
                // Names of anchors and tags hold dashes, too.
                b'&' | b'!' => at += bytes[at..].iter().take_while(|byte| !byte.is_ascii_whitespace()).count(),
                b'-' => return at,
                _ => at += 1,
            }
        }
        begin
    }

    /// From the `|` to the end of the last line that is not blank; the parser's own span begins after the header and
    /// runs into the indentation of the next line.
    fn block_scalar_range(&self, span: &Span, content: Range<usize>) -> Range<usize> {
        let bytes = self.text.as_bytes();
        let mut at = self.last_end.max(span.tag_span().map_or(0, |tag| byte_range(&tag).end));
        let mut header = content.start;
        while at < content.start.max(self.last_end) {
            match bytes[at] {
                b'#' if at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n') => {
                    at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |distance| at + distance);
                }
                b'|' | b'>' if at == 0 || matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b':') => {
                    header = at;
                    break;
                }
                _ => at += 1,
            }
        }
        let indicators = bytes[header..].iter().skip(1).take_while(|byte| b"+-123456789".contains(byte)).count();
        // An empty scalar's content begins wherever the next token does.
        match self.text[content.clone()].trim_end().len() {
            0 => header..header + 1 + indicators,
            length => header..content.start + length,
        }
    }

    fn close(&mut self, flow_end: Option<usize>) {
        let Some(index) = self.open.pop() else { return };
        let next = self.tree.nodes.len() as u32;
        let last_child_end = self.tree.nodes[index..].iter().map(|node| node.end).max().unwrap_or(0);
        let node = &mut self.tree.nodes[index];
        node.next = next;
        node.end = flow_end.map_or(last_child_end, |end| end as u32).max(node.start);
        self.last_end = self.last_end.max(node.end as usize);
    }
}

/// Reads a text of one or more documents.
pub(super) fn read(text: &str, options: granit_parser::Options) -> Result<Tree, SyntaxError> {
    if u32::try_from(text.len()).is_err() {
        return Err(SyntaxError {
            message: "the text is longer than 4 GiB".into(),
            line: 1,
            offset: 0,
            is_limit: true,
        });
    }
    let mut builder = Builder { text, tree: Tree::default(), open: Vec::new(), targets: Vec::new(), last_end: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| syntax_error(text, &error))?;
        match event {
            Event::Scalar(value, style, anchor, _) => builder.scalar(&value, style, anchor, &span),
            Event::MappingStart(style, anchor, _) => {
                let kind = Kind::Mapping { flow: style == StructureStyle::Flow };
                let id = builder.push(kind, byte_range(&span), Value::None, anchor, &span);
                builder.last_end = builder.last_end.max(byte_range(&span).end);
                builder.open.push(id.0 as usize);
            }
            Event::SequenceStart(style, anchor, _) => {
                let kind = Kind::Sequence { flow: style == StructureStyle::Flow };
                let range = byte_range(&span);
                let (start, end) = if style == StructureStyle::Flow {
                    (range.start, range.end)
                } else {
                    let dash = builder.dash(range.start);
                    (dash, dash + 1)
                };
                let id = builder.push(kind, start..end, Value::None, anchor, &span);
                builder.last_end = builder.last_end.max(end);
                builder.open.push(id.0 as usize);
            }
            Event::MappingEnd | Event::SequenceEnd => {
                let flow = builder.is_in(&Kind::is_flow);
                builder.close(flow.then(|| byte_range(&span).end));
            }
            Event::Alias(anchor) => {
                let target = builder.targets.iter().rev().find(|(id, _)| *id == anchor).map(|(_, node)| *node);
                builder.push(Kind::Alias(target), byte_range(&span), Value::None, 0, &span);
                builder.last_end = byte_range(&span).end;
            }
            Event::UnresolvedAlias(_) => {
                builder.push(Kind::Alias(None), byte_range(&span), Value::None, 0, &span);
                builder.last_end = byte_range(&span).end;
            }
            Event::Anchor(id, _) => {
                if let Some((_, node)) = builder.targets.iter().rev().find(|(anchor, _)| *anchor == id) {
                    builder.tree.anchors.push(Property { node: *node, range: byte_range(&span) });
                }
            }
            _ => {}
        }
    }
    let tree = builder.tree;
    refuse_ambiguous_breaks(text, || tree.quoted())?;
    Ok(tree)
}
