//! The cutter: where documents and their items begin and end, and what each of them is.
//!
//! Two readers give the same answer. [`lines`] is a lexer over lines that knows a part of YAML whose reading is beyond
//! doubt, at the speed of memory; at anything else it says so, and the whole text goes through the full parser in
//! [`events`]. A property test holds them together: what the lexer accepts, the parser cuts alike.

mod events;
mod lines;

use std::borrow::Cow;
use std::ops::Range;

use super::source::line_start;
pub use super::tree::SyntaxError;

/// How many documents and elements of lists a text may have. Kubeflow has about a thousand; what the cutter notes of each
/// takes ten times the room of the smallest, so that without an end a small input could fill the memory.
pub const MAX_RESOURCES: usize = 100_000;

/// What a resource says of itself at its top: enough to decide whether anyone has to look further.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head<'t> {
    /// `apiVersion`.
    pub api_version: Option<Cow<'t, str>>,
    /// `kind`.
    pub kind: Option<Cow<'t, str>>,
    /// `metadata.name`.
    pub name: Option<Cow<'t, str>>,
    /// `metadata.generateName`.
    pub generate_name: Option<Cow<'t, str>>,
    /// `metadata.namespace`.
    pub namespace: Option<Cow<'t, str>>,
    /// `metadata.annotations['config.kubernetes.io/local-config']`.
    pub local_config: Option<Cow<'t, str>>,
    /// The head could not be read for certain, or its labels or annotations are no map of scalars: parse the resource
    /// to know, or to say what is wrong.
    pub opaque: bool,
}

/// A range of the text that holds one element of a top-level `items`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item<'t> {
    /// In block style from the start of the first line to the start of the line after the last, comments that follow
    /// included; in flow style the value itself.
    pub range: Range<usize>,
    /// What it is.
    pub head: Head<'t>,
    /// It holds an anchor that is used after it, or an alias to one before it.
    pub shares_anchor: bool,
}

/// A top-level key of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKey<'t> {
    /// The key.
    pub name: Cow<'t, str>,
    /// Where the key begins.
    pub start: usize,
    /// Where its entry ends: in block style the start of the next key's line or the end of the document, in flow style
    /// the end of the value.
    pub end: usize,
}

/// How the elements of `items` are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemsStyle {
    /// `- ` at this column.
    Block {
        /// The column of the dashes.
        column: usize,
    },
    /// `[a, b]`, with the offset of the closing bracket.
    Flow {
        /// The offset of `]`.
        close: usize,
    },
    /// `items:` with nothing behind it, or null.
    Null,
}

/// One document of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'t> {
    /// From the end of the document before it, its `---` line and directives included.
    pub range: Range<usize>,
    /// Nothing but comments and blank lines.
    pub empty: bool,
    /// Its root is written as `{…}`: where the root begins and ends.
    pub flow: Option<Range<usize>>,
    /// What its root says of itself.
    pub head: Head<'t>,
    /// The keys of its root mapping.
    pub root_keys: Vec<RootKey<'t>>,
    /// The elements of its top-level `items`, where that is a sequence.
    pub items: Option<(ItemsStyle, Vec<Item<'t>>)>,
    /// Its root, or its `items`, is something that a resource cannot be: what, and where.
    pub problem: Option<(usize, &'static str)>,
}

impl Document<'_> {
    fn starting_at(start: usize) -> Self {
        Self {
            range: start..start,
            empty: true,
            flow: None,
            head: Head::default(),
            root_keys: Vec::new(),
            items: None,
            problem: None,
        }
    }
}

/// What a node is to the cutter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The root of a document.
    Root,
    /// The sequence `items` of a root.
    Items,
    /// An element of `items`.
    Item,
    /// `metadata` of a root or an item.
    Metadata,
    /// `metadata.labels`.
    Labels,
    /// `metadata.annotations`.
    Annotations,
    /// A place where only a scalar is right: a field of the head, a label, an annotation.
    HeadField,
    /// Anything else.
    Other,
}

/// A field that the cutter follows: duplicates of it must not go unseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeadField {
    ApiVersion,
    Kind,
    Metadata,
    Items,
    Name,
    GenerateName,
    Namespace,
    Labels,
    Annotations,
    LocalConfig,
}

impl HeadField {
    const fn bit(self) -> u16 {
        1 << self as u16
    }

    const fn must_be_string(self) -> bool {
        !matches!(self, Self::LocalConfig)
    }

    /// Where its value is kept; only scalars have a place.
    fn of<'h, 't>(self, head: &'h mut Head<'t>) -> Option<&'h mut Option<Cow<'t, str>>> {
        match self {
            Self::ApiVersion => Some(&mut head.api_version),
            Self::Kind => Some(&mut head.kind),
            Self::Name => Some(&mut head.name),
            Self::GenerateName => Some(&mut head.generate_name),
            Self::Namespace => Some(&mut head.namespace),
            Self::LocalConfig => Some(&mut head.local_config),
            Self::Metadata | Self::Items | Self::Labels | Self::Annotations => None,
        }
    }
}

impl Role {
    /// What the value of a key of this mapping is.
    fn of_key(self, key: &str) -> (Self, Option<HeadField>) {
        match (self, key) {
            (Self::Root, "items") => (Self::Items, Some(HeadField::Items)),
            (Self::Root | Self::Item, "apiVersion") => (Self::HeadField, Some(HeadField::ApiVersion)),
            (Self::Root | Self::Item, "kind") => (Self::HeadField, Some(HeadField::Kind)),
            (Self::Root | Self::Item, "metadata") => (Self::Metadata, Some(HeadField::Metadata)),
            (Self::Metadata, "name") => (Self::HeadField, Some(HeadField::Name)),
            (Self::Metadata, "generateName") => (Self::HeadField, Some(HeadField::GenerateName)),
            (Self::Metadata, "namespace") => (Self::HeadField, Some(HeadField::Namespace)),
            (Self::Metadata, "labels") => (Self::Labels, Some(HeadField::Labels)),
            (Self::Metadata, "annotations") => (Self::Annotations, Some(HeadField::Annotations)),
            (Self::Annotations, "config.kubernetes.io/local-config") => (Self::HeadField, Some(HeadField::LocalConfig)),
            (Self::Labels | Self::Annotations, _) => (Self::HeadField, None),
            _ => (Self::Other, None),
        }
    }
}

/// Block entries end where the next one's line begins, which is known only once all are seen. `content_end` says where the
/// content of lines ends that end a document, which may be before a `...`.
fn close_ranges(text: &str, documents: &mut [Document<'_>], content_end: impl Fn(Range<usize>) -> usize) {
    let ends: Vec<usize> =
        documents.iter().skip(1).map(|document| document.range.start).chain(std::iter::once(text.len())).collect();
    for (document, end) in documents.iter_mut().zip(ends) {
        document.range.end = end;
        if document.flow.is_none() {
            let last = document.root_keys.last().map_or(end, |key| content_end(line_start(text, key.start)..end));
            let starts = document.root_keys.iter().skip(1).map(|key| line_start(text, key.start));
            let starts: Vec<usize> = starts.chain(std::iter::once(last)).collect();
            for (key, end) in document.root_keys.iter_mut().zip(starts) {
                key.end = end;
            }
        }
        let items_end = document.root_keys.iter().rev().find(|key| key.name == "items").map_or(end, |key| key.end);
        if let Some((ItemsStyle::Block { .. }, items)) = &mut document.items {
            let starts = items.iter().skip(1).map(|item| item.range.start);
            let ends: Vec<usize> = starts.chain(std::iter::once(items_end)).collect();
            for (item, end) in items.iter_mut().zip(ends) {
                item.range.end = end;
            }
        }
    }
}

/// Cuts a text into documents.
///
/// # Errors
/// [`SyntaxError`] where the text is no YAML.
pub fn cut(text: &str) -> Result<Vec<Document<'_>>, SyntaxError> {
    if let Some(documents) = lines::cut(text) {
        return Ok(documents);
    }
    events::cut(text)
}

/// Cuts a text that the line lexer knows all of; none where it would take the parser.
#[must_use]
pub fn cut_plain(text: &str) -> Option<Vec<Document<'_>>> {
    lines::cut(text)
}

/// The two readers apart, for the test that holds them together.
#[doc(hidden)]
pub mod readers {
    pub use super::events::cut as full;
    pub use super::lines::cut as fast;
}
