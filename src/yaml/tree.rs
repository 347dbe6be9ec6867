//! The span tree: every node of a text with the bytes that it stands on.
//!
//! One flat list in document order; children follow their parent, and `next` skips a subtree. Aliases are nodes of
//! their own and never expanded, so a bomb of aliases costs nothing. Text is not copied: a scalar that reads as it is
//! written is a range of the source.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StructureStyle};

use super::resolve::{Scalar, resolve};
use super::source::{is_ambiguous_break, line_of};

/// Why a text has no tree.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line})")]
pub struct SyntaxError {
    /// What is wrong.
    pub message: String,
    /// The 1-based line of the parsed text.
    pub line: usize,
    /// The byte of the parsed text.
    pub offset: usize,
}

/// How a node is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mapping, `{}` if flow.
    Mapping {
        /// Written as `{a: b}`.
        flow: bool,
    },
    /// A sequence, `[]` if flow.
    Sequence {
        /// Written as `[a, b]`.
        flow: bool,
    },
    /// A scalar and its quotes.
    Scalar(ScalarStyle),
    /// `*name`, with its target.
    Alias(Option<NodeId>),
}

/// The place of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(u32);

#[derive(Debug)]
enum Value {
    None,
    Slice(Range<u32>),
    Owned(Box<str>),
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    next: u32,
    value: Value,
}

/// An anchor or a tag before a node.
#[derive(Debug)]
struct Property {
    node: NodeId,
    range: Range<usize>,
}

/// The nodes of a text, which is kept elsewhere.
#[derive(Debug, Default)]
pub struct Tree {
    nodes: Vec<Node>,
    roots: Vec<NodeId>,
    anchors: Vec<Property>,
    tags: Vec<(Property, String)>,
}

/// The options under which the parser reads as Kubernetes' readers do.
pub(super) fn parser_options() -> granit_parser::Options {
    granit_parser::options! {
        // go-yaml reads `k: |` + `  x` at the end of a file without a line break as `x`.
        block_scalar_eof_without_line_feed: true,
        emit_anchor_events: true,
        emit_comments: false,
    }
}

pub(super) fn syntax_error(text: &str, error: &ScanError) -> SyntaxError {
    let offset = error.marker().byte_offset().unwrap_or(0).min(text.len());
    SyntaxError { message: error.info(), line: line_of(text, offset), offset }
}

/// Refuses NEL, LS and PS outside quotes: what follows them is a comment to one reader and a key to another. A carriage
/// return without a line feed ends a line to YAML readers and to no tool that shows or cuts lines: refused as well.
///
/// `quoted` gives the ranges of quoted scalars in the order of the text; it is asked only where there is such a
/// character at all.
pub(super) fn refuse_ambiguous_breaks(
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
            });
        }
    }
    Ok(())
}

pub(super) fn byte_range(span: &Span) -> Range<usize> {
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
        if absent && self.text.get(self.last_end..range.start).is_some_and(|between| between.contains('\n')) {
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

impl Tree {
    /// Reads a text of one or more documents.
    ///
    /// # Errors
    /// [`SyntaxError`] where the text is no YAML, nests deeper than 255 levels, or holds a character that YAML readers
    /// disagree on.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::parse_with(text, parser_options())
    }

    /// Reads a part of a larger text, in which an alias may point to an anchor outside of the part.
    ///
    /// # Errors
    /// As [`Tree::parse`].
    pub fn parse_part(text: &str) -> Result<Self, SyntaxError> {
        let mut options = parser_options();
        options.emit_unresolved_aliases = true;
        Self::parse_with(text, options)
    }

    fn parse_with(text: &str, options: granit_parser::Options) -> Result<Self, SyntaxError> {
        if u32::try_from(text.len()).is_err() {
            return Err(SyntaxError { message: "the text is longer than 4 GiB".into(), line: 1, offset: 0 });
        }
        let mut builder = Builder { text, tree: Self::default(), open: Vec::new(), targets: Vec::new(), last_end: 0 };
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
                    let id = builder.push(kind, byte_range(&span), Value::None, anchor, &span);
                    builder.last_end = builder.last_end.max(byte_range(&span).end);
                    builder.open.push(id.0 as usize);
                }
                Event::MappingEnd | Event::SequenceEnd => {
                    let flow = builder.open.last().is_some_and(|index| {
                        matches!(
                            builder.tree.nodes[*index].kind,
                            Kind::Mapping { flow: true } | Kind::Sequence { flow: true }
                        )
                    });
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

    fn quoted(&self) -> Vec<Range<usize>> {
        self.nodes
            .iter()
            .filter(|node| matches!(node.kind, Kind::Scalar(ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted)))
            .map(|node| node.start as usize..node.end as usize)
            .collect()
    }

    /// The root nodes of all documents, seen in `text`, which must be the text that was parsed.
    pub fn roots<'t>(&'t self, text: &'t str) -> impl Iterator<Item = View<'t>> {
        self.roots.iter().map(move |root| View { tree: self, text, id: *root })
    }

    /// The root of the first document.
    #[must_use]
    pub fn root<'t>(&'t self, text: &'t str) -> Option<View<'t>> {
        self.roots(text).next()
    }
}

/// A node seen in its text.
#[derive(Clone, Copy, Debug)]
pub struct View<'t> {
    tree: &'t Tree,
    text: &'t str,
    id: NodeId,
}

impl<'t> View<'t> {
    fn node(&self) -> &'t Node {
        &self.tree.nodes[self.id.0 as usize]
    }

    fn at(&self, id: NodeId) -> Self {
        View { id, ..*self }
    }

    /// The node's place in its tree.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// How it is written.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.node().kind
    }

    /// The whole text around it.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// Its bytes, without anchor and tag. A block scalar begins at its `|`; a block collection ends with its last
    /// descendant, before comments and blank lines.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// Its 1-based line in the text.
    #[must_use]
    pub fn line(&self) -> usize {
        line_of(self.text, self.start())
    }

    /// Where it begins, its anchor and tag included.
    #[must_use]
    pub fn start(&self) -> usize {
        let anchor = self.anchor().map(|range| range.start);
        let tag = self.tree.tags.iter().find(|(tag, _)| tag.node == self.id).map(|(tag, _)| tag.range.start);
        [anchor, tag].into_iter().flatten().fold(self.range().start, usize::min)
    }

    /// The bytes of its anchor, `&` included.
    #[must_use]
    pub fn anchor(&self) -> Option<Range<usize>> {
        self.tree.anchors.iter().find(|anchor| anchor.node == self.id).map(|anchor| anchor.range.clone())
    }

    /// Its explicit tag as it is written, such as `!!str`.
    #[must_use]
    pub fn tag(&self) -> Option<&'t str> {
        self.tree.tags.iter().find(|(tag, _)| tag.node == self.id).map(|(_, tag)| tag.as_str())
    }

    /// The first alias of the text that points to this node.
    #[must_use]
    pub fn used_by_alias(&self) -> Option<View<'t>> {
        self.anchor()?;
        let index = self.tree.nodes.iter().position(|node| node.kind == Kind::Alias(Some(self.id)))?;
        Some(self.at(NodeId(index as u32)))
    }

    /// The node that is read here: an alias is followed. None where it points outside of this text.
    #[must_use]
    pub fn resolved(&self) -> Option<View<'t>> {
        match self.kind() {
            Kind::Alias(target) => target.map(|target| self.at(target)),
            _ => Some(*self),
        }
    }

    /// True for a mapping, also behind an alias.
    #[must_use]
    pub fn is_mapping(&self) -> bool {
        self.resolved().is_some_and(|view| matches!(view.kind(), Kind::Mapping { .. }))
    }

    /// True for a sequence, also behind an alias.
    #[must_use]
    pub fn is_sequence(&self) -> bool {
        self.resolved().is_some_and(|view| matches!(view.kind(), Kind::Sequence { .. }))
    }

    /// What a scalar says in Kubernetes' reading; None for a collection.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar<'t>> {
        let view = self.resolved()?;
        let Kind::Scalar(style) = view.kind() else { return None };
        let text = view.scalar_text();
        let plain = style == ScalarStyle::Plain;
        Some(match view.tag() {
            None | Some("!") if plain && view.range().is_empty() => Scalar::Null,
            None if plain => resolve(text),
            None | Some("!" | "!!str" | "!<tag:yaml.org,2002:str>") => {
                Scalar::String(if plain && view.range().is_empty() { "" } else { text })
            }
            Some(_) => resolve(text),
        })
    }

    /// The text of a scalar after unescaping, whatever its type; "" for a collection or an absent value.
    #[must_use]
    pub fn scalar_text(&self) -> &'t str {
        let Some(view) = self.resolved() else { return "" };
        match &view.node().value {
            Value::None => "",
            _ if view.range().is_empty() => "",
            Value::Slice(range) => &self.text[range.start as usize..range.end as usize],
            Value::Owned(text) => text,
        }
    }

    /// The string that Kubernetes reads here; None for null, numbers, booleans and collections.
    #[must_use]
    pub fn as_str(&self) -> Option<&'t str> {
        match self.scalar()? {
            Scalar::String(text) => Some(text),
            _ => None,
        }
    }

    /// True for null, written or absent.
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.scalar() == Some(Scalar::Null)
    }

    fn children(&self) -> impl Iterator<Item = View<'t>> + use<'t> {
        let view = *self;
        let end = view.node().next;
        let mut at = view.id.0 + 1;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let child = view.at(NodeId(at));
                at = child.node().next;
                child
            })
        })
    }

    /// The elements of a sequence, also behind an alias; none for anything else.
    pub fn items(&self) -> impl Iterator<Item = View<'t>> + use<'t> {
        self.resolved().filter(View::is_sequence).into_iter().flat_map(|view| view.children())
    }

    /// The keys and values of a mapping as they are written (merge keys are not merged), also behind an alias.
    pub fn entries(&self) -> impl Iterator<Item = (View<'t>, View<'t>)> + use<'t> {
        self.resolved().filter(View::is_mapping).into_iter().flat_map(|view| {
            let mut children = view.children();
            std::iter::from_fn(move || Some((children.next()?, children.next()?)))
        })
    }

    /// True for the key `<<`, which merges its value into the mapping.
    #[must_use]
    pub fn is_merge_key(&self) -> bool {
        self.kind() == Kind::Scalar(ScalarStyle::Plain) && self.scalar_text() == "<<" && self.tag().is_none()
    }

    /// The entry of a mapping that is written under `key`: the last one where several are.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(View<'t>, View<'t>)> {
        self.entries().filter(|(name, _)| name.scalar_text() == key).last()
    }

    /// What Kubernetes reads under `key`: the last entry of that name, else what a merge key brings in.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<View<'t>> {
        self.get_within(key, 16)
    }

    fn get_within(&self, key: &str, depth: usize) -> Option<View<'t>> {
        if let Some((_, value)) = self.entry(key) {
            return Some(value);
        }
        let depth = depth.checked_sub(1)?;
        self.entries().filter(|(name, _)| name.is_merge_key()).find_map(|(_, source)| {
            if source.is_mapping() {
                source.get_within(key, depth)
            } else {
                source.items().find_map(|source| source.get_within(key, depth))
            }
        })
    }

    /// What is read along these keys.
    #[must_use]
    pub fn find(&self, keys: &[&str]) -> Option<View<'t>> {
        keys.iter().try_fold(*self, |view, key| view.get(key))
    }

    /// The first key that a mapping at or below this node has twice: both keys.
    #[must_use]
    pub fn duplicate_key(&self) -> Option<(View<'t>, View<'t>)> {
        let mut stack = vec![*self];
        while let Some(view) = stack.pop() {
            if let Kind::Mapping { .. } = view.kind() {
                let mut keys: Vec<View<'t>> =
                    view.entries().map(|(key, _)| key).filter(|key| !key.is_merge_key()).collect();
                keys.sort_by(|a, b| (a.scalar_text(), a.id).cmp(&(b.scalar_text(), b.id)));
                let twice = keys.windows(2).filter(|pair| {
                    pair.iter().all(|key| matches!(key.kind(), Kind::Scalar(_)))
                        && pair[0].scalar_text() == pair[1].scalar_text()
                });
                if let Some(pair) = twice.min_by_key(|pair| pair[1].id) {
                    return Some((pair[0], pair[1]));
                }
            }
            if !matches!(view.kind(), Kind::Alias(_)) {
                stack.extend(view.children());
            }
        }
        None
    }
}
