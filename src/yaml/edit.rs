//! Edits: "set these keys of this mapping" becomes byte ranges, in the style that stands there.
//!
//! Where a key goes: into its sorted place if its siblings are sorted, above the comments of the key that it goes
//! before; else behind the last one; never behind a block scalar, whose end belongs to its text.

mod begin;
mod insert;
mod place;
mod remove;
mod sequence;

use std::ops::Range;

use granit_parser::ScalarStyle;
use serde_json::Value;

use super::emit::{Layout, Notation, double_quoted_inner, flow, json_escaped};
use super::path::Path;
use super::resolve::Scalar;
use super::source::{colon_behind, column, line_of, line_start};
use super::tree::{Kind, NodeId, View};

/// Why a key cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Something on the way is no mapping.
    #[error("`{path}` must be a mapping (line {line})")]
    NotAMapping {
        /// The field.
        path: Path,
        /// Its line.
        line: usize,
    },
    /// What should hold elements is something else.
    #[error("`{path}` must be a sequence (line {line})")]
    NotASequence {
        /// The field.
        path: Path,
        /// Its line.
        line: usize,
    },
    /// The value to replace is a collection.
    #[error("`{path}` must be a scalar (line {line})")]
    NotAScalar {
        /// The field.
        path: Path,
        /// Its line.
        line: usize,
    },
    /// The field has an anchor that is used elsewhere.
    #[error(
        "`{path}` (line {line}) has an anchor that is used on line {used}: changing it would change both; write it out \
         where it is used"
    )]
    Shared {
        /// The field.
        path: Path,
        /// Its line.
        line: usize,
        /// The line of the alias.
        used: usize,
    },
    /// The field is an alias of something that cannot be written out here.
    #[error("`{path}` (line {line}) is an alias or a merge of something that cannot be copied here; write it out")]
    Alias {
        /// The field.
        path: Path,
        /// Its line.
        line: usize,
    },
    /// Two edits of one text meet: a bug of the caller.
    #[error("two edits meet at byte {0}")]
    Overlap(usize),
    /// Two edits of one text write the same key: a bug of the caller.
    #[error("two edits meet at the key `{0}`")]
    SameKey(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edit {
    range: Range<usize>,
    text: String,
    /// Of two insertions at one place, the deeper one comes first.
    column: usize,
    /// The keys that it adds, and the mapping that it adds them to.
    keys: Option<(NodeId, Vec<String>)>,
}

/// Edits of one text, applied at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(Vec<Edit>);

impl Edits {
    /// True where nothing is to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces a range of the text. Only this room writes YAML.
    pub(super) fn replace(&mut self, range: Range<usize>, text: String) {
        self.0.push(Edit { range, text, column: 0, keys: None });
    }

    /// Takes edits of the same text over.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Goes on with a line, so that it comes before whole lines that are new at the same place.
    fn insert_inline(&mut self, at: usize, text: String) {
        self.insert(at, text, usize::MAX);
    }

    /// New lines of a column.
    fn insert(&mut self, at: usize, text: String, column: usize) {
        self.0.push(Edit { range: at..at, text, column, keys: None });
    }

    /// Notes what the last edit adds.
    fn adds(&mut self, map: View<'_>, new: &[(&str, &Value)]) {
        if let Some(edit) = self.0.last_mut() {
            edit.keys = Some((map.id(), new.iter().map(|(key, _)| (*key).to_owned()).collect()));
        }
    }

    /// A key that is added twice.
    fn same_key(&self) -> Option<&str> {
        let mut seen = std::collections::BTreeSet::new();
        let added = self.0.iter().filter_map(|edit| edit.keys.as_ref());
        let mut keys = added.flat_map(|(map, keys)| keys.iter().map(move |key| (map, key.as_str())));
        keys.find(|key| !seen.insert(*key)).map(|(_, key)| key)
    }

    /// The ranges and their new text, in the order of the text.
    pub(super) fn sorted(mut self) -> Result<Vec<(Range<usize>, String)>, EditError> {
        self.0.sort_by(|a, b| (a.range.start, a.range.end, b.column).cmp(&(b.range.start, b.range.end, a.column)));
        if let Some(key) = self.same_key() {
            return Err(EditError::SameKey(key.to_owned()));
        }
        if let Some(pair) = self.0.windows(2).find(|pair| pair[1].range.start < pair[0].range.end) {
            return Err(EditError::Overlap(pair[1].range.start));
        }
        Ok(self.0.into_iter().map(|edit| (edit.range, edit.text)).collect())
    }

    /// The text with all edits made.
    ///
    /// # Errors
    /// [`EditError::Overlap`] where two of them meet.
    pub fn apply(self, text: &str) -> Result<String, EditError> {
        let mut out = String::with_capacity(text.len() + 256);
        let mut copied = 0;
        for (range, new) in self.sorted()? {
            out.push_str(&text[copied..range.start]);
            out.push_str(&new);
            copied = range.end;
        }
        out.push_str(&text[copied..]);
        Ok(out)
    }

    /// Sets keys of the mapping at `path` below `root`; mappings on the way are made where they are missing.
    ///
    /// # Errors
    /// [`EditError`] where something on the way is no mapping, or is shared with another place by an anchor.
    pub fn set(&mut self, root: View<'_>, path: &[&str], entries: &[(&str, Value)]) -> Result<(), EditError> {
        self.set_from(root, (root, &Path::default()), path, entries)
    }

    /// Sets keys of the mapping at `path` below `top`, which stands at a path of its own below `root`.
    fn set_from(
        &mut self,
        root: View<'_>,
        (top, base): (View<'_>, &Path),
        path: &[&str],
        entries: &[(&str, Value)],
    ) -> Result<(), EditError> {
        let mut map = top;
        let mut here = base.clone();
        for (depth, key) in path.iter().enumerate() {
            refuse_shared(&map, &here)?;
            let below = &path[depth + 1..];
            match map.entry(key) {
                Some((_, value)) if value.is_null() => {
                    return self.set_in(root, map, &here, &[(key, nested(below, entries))]);
                }
                Some((_, value)) if value.kind() != value.resolved().map_or(value.kind(), |target| target.kind()) => {
                    let copy = merged(&value, below, entries)
                        .ok_or_else(|| EditError::Alias { path: here.join(*key), line: value.line() })?;
                    self.replace(value.range(), flow(&copy, notation(root, map)));
                    return Ok(());
                }
                Some((_, value)) if value.is_mapping() => map = value,
                Some((_, value)) => {
                    return Err(EditError::NotAMapping { path: here.join(*key), line: value.line() });
                }
                None => {
                    let value = match map.get(key) {
                        // A merge key brings it in: what is written here replaces it whole.
                        Some(inherited) => merged(&inherited, below, entries)
                            .ok_or_else(|| EditError::Alias { path: here.join(*key), line: map.line() })?,
                        None => nested(below, entries),
                    };
                    return self.set_in(root, map, &here, &[(key, value)]);
                }
            }
            here = here.join(*key);
        }
        refuse_shared(&map, &here)?;
        self.set_in(root, map, &here, entries)
    }

    /// Sets everything that the mapping `patch` holds, key by key: mappings are merged, anything else is replaced.
    ///
    /// # Errors
    /// As [`Edits::set`].
    pub fn merge(&mut self, root: View<'_>, patch: &serde_json::Map<String, Value>) -> Result<(), EditError> {
        self.merge_at(root, (root, &Path::default()), &mut Vec::new(), root, patch)
    }

    fn merge_at<'p>(
        &mut self,
        root: View<'_>,
        top: (View<'_>, &Path),
        path: &mut Vec<&'p str>,
        map: View<'_>,
        patch: &'p serde_json::Map<String, Value>,
    ) -> Result<(), EditError> {
        let mut entries = Vec::new();
        for (key, value) in patch {
            match (value, map.get(key)) {
                (Value::Object(inner), Some(child)) if child.is_mapping() => {
                    let stands_here = map.entry(key).is_some_and(|(_, value)| !matches!(value.kind(), Kind::Alias(_)));
                    if stands_here {
                        path.push(key);
                        self.merge_at(root, top, path, child, inner)?;
                        path.pop();
                    } else {
                        // It comes in by an alias or a merge key: a copy with the change takes its place.
                        let mut copy = copy_of(&child, 8, settled).ok_or_else(|| EditError::Alias {
                            path: path.iter().fold(top.1.clone(), |path, key| path.join(*key)).join(key.as_str()),
                            line: child.line(),
                        })?;
                        overlay(&mut copy, inner);
                        entries.push((key.as_str(), copy));
                    }
                }
                _ => entries.push((key.as_str(), value.clone())),
            }
        }
        if entries.is_empty() { Ok(()) } else { self.set_from(root, top, path, &entries) }
    }

    fn set_in(
        &mut self,
        root: View<'_>,
        map: View<'_>,
        path: &Path,
        entries: &[(&str, Value)],
    ) -> Result<(), EditError> {
        let Kind::Mapping { flow: is_flow } = map.kind() else {
            return Err(EditError::NotAMapping { path: path.clone(), line: map.line() });
        };
        let mut new: Vec<(&str, &Value)> = Vec::new();
        for (key, value) in entries {
            match map.entry(key) {
                Some((name, old)) => self.replace_value(root, map, (name, old), &path.join(*key), value)?,
                None => new.push((key, value)),
            }
        }
        new.sort_by(|a, b| a.0.cmp(b.0));
        if new.is_empty() {
            return Ok(());
        }
        if is_flow {
            self.insert_flow(root, map, path, &new)?;
            self.adds(map, &new);
        } else {
            self.insert_block(root, map, &new);
        }
        Ok(())
    }

    fn replace_value(
        &mut self,
        root: View<'_>,
        map: View<'_>,
        (name, old): (View<'_>, View<'_>),
        path: &Path,
        value: &Value,
    ) -> Result<(), EditError> {
        if copy_of(&old, 8, settled).as_ref() == Some(value) {
            return Ok(());
        }
        refuse_shared(&old, path)?;
        let notation = notation(root, map);
        let range = old.range();
        if let Some(tag) = old.tag_range().filter(|_| !(value.is_string() && matches!(old.tag(), Some("!" | "!!str"))))
        {
            // The tag was for the old value.
            if range.is_empty() {
                self.replace(tag, flow(value, notation));
                return Ok(());
            }
            let next = old
                .anchor()
                .map_or(range.start, |anchor| if anchor.start > tag.start { anchor.start } else { range.start });
            self.replace(tag.start..next, String::new());
        }
        match old.kind() {
            Kind::Alias(_) => self.replace(range, flow(value, notation)),
            // Nothing is there: right behind the colon, or behind an anchor that stands between.
            Kind::Scalar(ScalarStyle::Plain) if range.is_empty() => {
                let key = name.range();
                let colon = colon_behind(old.text(), key.end);
                let may_get_one = map.kind().is_flow() && !old.text()[key.clone()].contains('\n');
                if colon.is_none() && !may_get_one {
                    return Err(EditError::NotAScalar { path: path.clone(), line: name.line() });
                }
                let after = colon.unwrap_or(key.end);
                let at = old.anchor().map_or(after, |anchor| anchor.end.max(after));
                let separator = if colon.is_some() { " " } else { ": " };
                self.insert_inline(at, format!("{separator}{}", flow(value, notation)));
            }
            Kind::Scalar(style) => {
                let text = match (style, value) {
                    (ScalarStyle::DoubleQuoted, Value::String(text)) if notation == Notation::Json => {
                        format!("\"{}\"", json_escaped(text))
                    }
                    (ScalarStyle::DoubleQuoted, Value::String(text)) => format!("\"{}\"", double_quoted_inner(text)),
                    (ScalarStyle::SingleQuoted, Value::String(text)) if text.chars().all(|c| !c.is_control()) => {
                        format!("'{}'", text.replace('\'', "''"))
                    }
                    (_, value) => flow(value, notation),
                };
                self.replace(range, text);
            }
            Kind::Mapping { flow: true } | Kind::Sequence { flow: true } => self.replace(range, flow(value, notation)),
            Kind::Mapping { .. } | Kind::Sequence { .. } => {
                return Err(EditError::NotAScalar { path: path.clone(), line: old.line() });
            }
        }
        Ok(())
    }
}

/// Where an entry begins: at its `?`, anchor or tag, else at its key.
fn entry_start(key: &View<'_>) -> usize {
    let start = key.start();
    let before = &key.text()[line_start(key.text(), start)..start];
    let trimmed = before.trim_end_matches([' ', '\t']);
    if trimmed.ends_with('?') { start - (before.len() - trimmed.len()) - 1 } else { start }
}

/// Where an entry ends.
fn entry_end(key: &View<'_>, value: &View<'_>) -> usize {
    if !value.range().is_empty() {
        return content_end(value);
    }
    // Nothing stands behind the colon.
    let key_end = key.range().end;
    value.end().max(colon_behind(key.text(), key_end).unwrap_or(key_end))
}

/// Where a node ends, the colon of a last key without a value included.
fn content_end(view: &View<'_>) -> usize {
    match view.kind() {
        Kind::Mapping { flow: false } => {
            view.entries().last().map_or(view.range().end, |(key, value)| entry_end(&key, &value))
        }
        Kind::Sequence { flow: false } => view.items().last().map_or(view.range().end, |item| content_end(&item)),
        _ => view.end(),
    }
}

fn ends_with_block_scalar(view: &View<'_>) -> bool {
    match view.kind() {
        Kind::Scalar(style) => matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
        Kind::Mapping { flow: false } => view.entries().last().is_some_and(|(_, value)| ends_with_block_scalar(&value)),
        Kind::Sequence { flow: false } => view.items().last().is_some_and(|value| ends_with_block_scalar(&value)),
        _ => false,
    }
}

/// The steps that this document takes: its first nested mapping, its first sequence in a mapping.
#[must_use]
pub fn layout_of(root: View<'_>) -> Layout {
    let text = root.text();
    let mut layout = Layout::KUSTOMIZE;
    let outer = root.entries().next().map_or(0, |(key, _)| column(text, entry_start(&key)));
    let nested = root.entries().find(|(_, value)| value.kind() == Kind::Mapping { flow: false });
    if let Some(inner) = nested.and_then(|(_, value)| value.entries().next()) {
        layout.step = column(text, entry_start(&inner.0)).saturating_sub(outer).max(1);
    }
    let mut maps = vec![root];
    while let Some(map) = maps.pop() {
        for (key, value) in map.entries() {
            match value.kind() {
                Kind::Sequence { flow: false } => {
                    let line = line_start(text, value.range().start);
                    let dash = text[line..].bytes().take_while(|byte| *byte == b' ').count();
                    layout.indent_sequences = dash > column(text, entry_start(&key));
                    return layout;
                }
                Kind::Mapping { flow: false } => maps.push(value),
                _ => {}
            }
        }
    }
    layout
}

/// JSON where the mapping, or the whole text around an empty one, has its keys in double quotes.
fn notation(root: View<'_>, map: View<'_>) -> Notation {
    let quoted = |view: View<'_>| {
        view.kind() == Kind::Mapping { flow: true }
            && view.entries().all(|(key, _)| key.kind() == Kind::Scalar(ScalarStyle::DoubleQuoted))
    };
    let empty = map.entries().next().is_none();
    if (!empty && quoted(map)) || (empty && root.entries().next().is_some() && quoted(root)) {
        Notation::Json
    } else {
        Notation::Yaml
    }
}

fn refuse_shared(view: &View<'_>, path: &Path) -> Result<(), EditError> {
    match view.used_by_alias() {
        Some(alias) => Err(EditError::Shared {
            path: path.clone(),
            line: view.line(),
            used: line_of(view.text(), alias.range().start),
        }),
        None => Ok(()),
    }
}

/// `{a: {b: {entries}}}` for the path `a.b`.
fn nested(path: &[&str], entries: &[(&str, Value)]) -> Value {
    let innermost = entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    path.iter().rev().fold(Value::Object(innermost), |value, key| {
        let mut map = serde_json::Map::new();
        map.insert((*key).to_owned(), value);
        Value::Object(map)
    })
}

/// A copy of a mapping of strings with entries set; None where it holds anything that a copy might misread.
fn merged(source: &View<'_>, path: &[&str], entries: &[(&str, Value)]) -> Option<Value> {
    let mut copy = copy_of(source, 8, strings)?;
    let mut map = copy.as_object_mut()?;
    for key in path {
        map = map.entry((*key).to_owned()).or_insert_with(|| Value::Object(serde_json::Map::new())).as_object_mut()?;
    }
    for (key, value) in entries {
        map.insert((*key).to_owned(), value.clone());
    }
    Some(copy)
}

/// What a scalar is in a copy; None where readers might not agree on it.
type Copied = fn(Scalar<'_>) -> Option<Value>;

/// Labels and annotations are strings, and nothing else is one for sure.
fn strings(scalar: Scalar<'_>) -> Option<Value> {
    match scalar {
        Scalar::String(text) => Some(Value::from(text)),
        _ => None,
    }
}

/// Fields that have types of their own.
fn settled(scalar: Scalar<'_>) -> Option<Value> {
    match scalar {
        Scalar::String(text) => Some(Value::from(text)),
        Scalar::Bool(value) => Some(Value::from(value)),
        Scalar::Int(value) => Some(Value::from(value)),
        _ => None,
    }
}

fn copy_of(view: &View<'_>, depth: usize, copied: Copied) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    if view.is_mapping() {
        let mut map = serde_json::Map::new();
        for (key, value) in view.entries() {
            if key.is_merge_key() {
                return None;
            }
            map.insert(key.as_str()?.to_owned(), copy_of(&value, depth, copied)?);
        }
        return Some(Value::Object(map));
    }
    if view.is_sequence() {
        return view
            .items()
            .map(|item| copy_of(&item, depth, copied))
            .collect::<Option<Vec<Value>>>()
            .map(Value::Array);
    }
    copied(view.scalar()?)
}

/// Puts a patch over a copy: mappings are merged, anything else is replaced.
fn overlay(copy: &mut Value, patch: &serde_json::Map<String, Value>) {
    let Some(map) = copy.as_object_mut() else { return };
    for (key, value) in patch {
        match (map.get_mut(key), value) {
            (Some(old @ Value::Object(_)), Value::Object(inner)) => overlay(old, inner),
            _ => {
                map.insert(key.clone(), value.clone());
            }
        }
    }
}
