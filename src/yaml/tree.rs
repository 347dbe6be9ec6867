//! The span tree: every node of a text with the bytes that it stands on.
//!
//! One flat list in document order; children follow their parent, and `next` skips a subtree. Aliases are nodes of
//! their own and never expanded, so a bomb of aliases costs nothing. Text is not copied: a scalar that reads as it is
//! written is a range of the source.
//!
//! As in the cutter two readers give the same answer: [`lines`] for what the line lexer knows, [`events`] for the rest.

mod events;
mod lines;

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::resolve::{Scalar, resolve};
use super::source::line_of;
pub(super) use events::{byte_range, parser_options, refuse_ambiguous_breaks, syntax_error};

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
    /// The text is more than is read; it may be valid.
    pub is_limit: bool,
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

impl Kind {
    /// A collection in brackets or braces.
    pub(super) const fn is_flow(&self) -> bool {
        matches!(self, Self::Mapping { flow: true } | Self::Sequence { flow: true })
    }
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
        match lines::read(text) {
            Some(tree) => Ok(tree),
            None => events::read(text, options),
        }
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
        let tag = self.tag_range().map(|range| range.start);
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

    /// The bytes of its explicit tag.
    #[must_use]
    pub fn tag_range(&self) -> Option<Range<usize>> {
        self.tree.tags.iter().find(|(tag, _)| tag.node == self.id).map(|(tag, _)| tag.range.clone())
    }

    /// Where it ends, its anchor and tag included, which is more than its own end only where nothing stands behind them.
    #[must_use]
    pub fn end(&self) -> usize {
        let anchor = self.anchor().map(|range| range.end);
        let tag = self.tag_range().map(|range| range.end);
        [anchor, tag].into_iter().flatten().fold(self.range().end, usize::max)
    }

    /// The first alias of the text that points to this node.
    #[must_use]
    pub fn used_by_alias(&self) -> Option<View<'t>> {
        self.anchor()?;
        let index = self.tree.nodes.iter().position(|node| node.kind == Kind::Alias(Some(self.id)))?;
        Some(self.at(NodeId(index as u32)))
    }

    /// The first alias at or below this node, outside of a range of the text, that points into the range.
    #[must_use]
    pub fn alias_into(&self, range: &Range<usize>) -> Option<View<'t>> {
        let nodes = (self.id.0..self.node().next).map(|id| self.at(NodeId(id)));
        nodes.into_iter().find(|view| {
            !range.contains(&view.range().start)
                && matches!(view.kind(), Kind::Alias(Some(target)) if range.contains(&self.at(target).range().start))
        })
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
        self.get_unseen(key, 16, &mut Vec::new())
    }

    fn get_unseen(&self, key: &str, depth: usize, seen: &mut Vec<NodeId>) -> Option<View<'t>> {
        if let Some((_, value)) = self.entry(key) {
            return Some(value);
        }
        self.merged_unseen(key, depth.checked_sub(1)?, seen)
    }

    /// What merge keys bring in. A mapping is asked once: it may be merged into many, and by an alias into itself.
    fn merged_unseen(&self, key: &str, depth: usize, seen: &mut Vec<NodeId>) -> Option<View<'t>> {
        let mut ask = |source: View<'t>| {
            let source = source.resolved().filter(|source| !seen.contains(&source.id))?;
            seen.push(source.id);
            source.get_unseen(key, depth, seen)
        };
        self.entries()
            .filter(|(name, _)| name.is_merge_key())
            .find_map(|(_, source)| if source.is_mapping() { ask(source) } else { source.items().find_map(&mut ask) })
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
        let mut keys = Vec::new();
        while let Some(view) = stack.pop() {
            if let Kind::Mapping { .. } = view.kind() {
                keys.clear();
                keys.extend(view.entries().map(|(key, _)| key).filter(|key| !key.is_merge_key()));
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

/// The two readers apart, for the test that holds them together.
#[doc(hidden)]
pub mod readers {
    use super::{SyntaxError, Tree};

    /// The full parser.
    pub fn full(text: &str) -> Result<Tree, SyntaxError> {
        super::events::read(text, super::parser_options())
    }

    /// The line lexer.
    #[must_use]
    pub fn fast(text: &str) -> Option<Tree> {
        super::lines::read(text)
    }
}
