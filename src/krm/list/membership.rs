//! Adding and removing resources, in the style of the list.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::{Map, Value};

use super::List;
use crate::krm::error::Error;
use crate::krm::item::{Item, Place};
use crate::yaml::cut::{Document, Head, ItemsStyle};
use crate::yaml::edit::layout_of;
use crate::yaml::emit::{Layout, block};
use crate::yaml::source::{line_break, line_start, next_line};
use crate::yaml::tree::Kind;

/// The annotation by which a host knows a resource's file.
const PATH_ANNOTATION: &str = "internal.config.kubernetes.io/path";

/// Where a new resource goes, and what it looks like there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// A block sequence with its dashes at this column.
    Block {
        /// The column.
        column: usize,
        /// Where the new element goes.
        at: usize,
    },
    /// A flow sequence.
    Flow {
        /// Where its last element begins.
        last: usize,
        /// Where that ends.
        at: usize,
    },
    /// Documents.
    Stream {
        /// They are JSON.
        json: bool,
    },
}

impl Tail {
    pub(super) fn of(document: &Document<'_>, is_list: bool) -> Option<Self> {
        if !is_list {
            return Some(Self::Stream { json: document.flow.is_some() });
        }
        let (style, items) = document.items.as_ref()?;
        let last = items.last()?;
        Some(match style {
            ItemsStyle::Block { column } => Self::Block { column: *column, at: last.range.end },
            ItemsStyle::Flow { .. } => Self::Flow { last: last.range.start, at: last.range.end },
            ItemsStyle::Null => return None,
        })
    }
}

impl<'s> List<'s> {
    /// Adds a resource at the end, written as the list's own are and laid out as the resource at `like` is. `file` is the
    /// path that the host shall give it, used only where the host names the files of the others.
    ///
    /// # Errors
    /// Where the input has no place for another resource.
    pub fn append(&mut self, mut object: Value, like: usize, file: &str) -> Result<(), Error> {
        let Some(tail) = self.tail else {
            return Err(Error::input("the input holds no list that a resource could be added to"));
        };
        // A host names the file of every resource, or of none.
        if self.items.get(like).is_some_and(|item| item.text().contains(PATH_ANNOTATION)) {
            annotate(&mut object, file);
        }
        let source = self.text;
        let at = match tail {
            Tail::Block { at, .. } | Tail::Flow { at, .. } => at,
            Tail::Stream { .. } => source.len(),
        };
        let eol = line_break(source, line_start(source, at.saturating_sub(1)));
        let layout = Layout { line_break: eol, ..self.layout_like(like)? };
        // The first of several new resources ends the line that the input left open.
        let open = !source[..at].is_empty() && !source[..at].ends_with('\n') && !self.items.iter().any(Item::is_added);
        let ended = if open { eol } else { "" };
        let pretty = |object: &Value| serde_json::to_string_pretty(object).unwrap_or_default();
        let (place, separator, text) = match tail {
            Tail::Block { column, .. } => {
                let text = format!("{}- {}{eol}", " ".repeat(column), block(&object, column + 2, layout));
                (Place::Element, ended.to_owned(), text)
            }
            Tail::Stream { json: false } => {
                (Place::Document, format!("{ended}---{eol}"), block(&object, 0, layout) + eol)
            }
            Tail::Stream { json: true } => {
                (Place::Document, format!("{ended}---{eol}"), pretty(&object).replace('\n', eol) + eol)
            }
            Tail::Flow { last, .. } => {
                let line = line_start(source, last);
                let indent = &source[line..last];
                if line > 0 && indent.trim().is_empty() {
                    let text = pretty(&object).replace('\n', &format!("{eol}{indent}"));
                    (Place::FlowElement, format!(",{eol}{indent}"), text)
                } else {
                    (Place::FlowElement, ",".to_owned(), object.to_string())
                }
            }
        };
        let head = head_of(&object);
        self.items.push(Item {
            source,
            range: at..at,
            changed: Some(text),
            separator,
            place,
            position: "a resource that this run adds".to_owned(),
            input: 0,
            shares_anchor: false,
            head,
        });
        Ok(())
    }

    fn layout_like(&self, index: usize) -> Result<Layout, Error> {
        let Some(item) = self.items.get(index) else { return Ok(Layout::KUSTOMIZE) };
        let parsed = item.parse_leniently()?;
        Ok(parsed
            .root()
            .filter(|root| root.kind() == Kind::Mapping { flow: false })
            .map_or(Layout::KUSTOMIZE, layout_of))
    }

    /// Removes the resources at these places.
    ///
    /// # Errors
    /// Where another resource needs an anchor of one of them.
    pub fn remove(&mut self, indexes: &BTreeSet<usize>) -> Result<(), Error> {
        for index in indexes {
            let Some(item) = self.items.get(*index) else { continue };
            if item.shares_anchor {
                return Err(
                    item.error("an anchor is shared with another resource; write it out before this one can go")
                );
            }
            let range = match item.place {
                Place::Document => item.range.clone(),
                Place::Element => item.range.start..end_of_content(item)?,
                Place::FlowElement => self.with_comma(*index, indexes),
            };
            if !item.is_added() {
                self.removed.push(range);
            }
        }
        let mut index = 0;
        self.items.retain(|_| {
            index += 1;
            !indexes.contains(&(index - 1))
        });
        Ok(())
    }

    /// An element goes with the comma before it where one before it stays, else with the one behind it.
    fn with_comma(&self, index: usize, removed: &BTreeSet<usize>) -> Range<usize> {
        let range = self.items[index].range.clone();
        let (before, after) = (&self.text[..range.start], &self.text[range.end..]);
        let first = (0..index).all(|before| removed.contains(&before) || self.items[before].is_added())
            || before.trim_end().ends_with('[');
        if first {
            let blanks = after.len() - after.trim_start().len();
            return match after.trim_start().strip_prefix(',') {
                Some(rest) => range.start..range.end + blanks + 1 + (rest.len() - rest.trim_start().len()),
                None => range,
            };
        }
        before.trim_end().strip_suffix(',').map_or(range.clone(), |kept| kept.len()..range.end)
    }
}

/// The end of an element's last line. Comments that follow belong to what comes next and stay; blank lines go.
fn end_of_content(item: &Item<'_>) -> Result<usize, Error> {
    let parsed = item.parse_leniently()?;
    let end = parsed.root().map_or(0, |root| root.range().end);
    let end = item.range.start + next_line(item.text(), end.min(item.text().len()));
    let rest = &item.source[end.min(item.range.end)..item.range.end];
    Ok(if item.is_changed() || !rest.contains('#') { item.range.end } else { end })
}

fn head_of(object: &Value) -> Head<'static> {
    let word = |keys: &[&str]| {
        let value = keys.iter().try_fold(object, |value, key| value.get(key));
        value.and_then(Value::as_str).map(|text| Cow::Owned(text.to_owned()))
    };
    Head {
        api_version: word(&["apiVersion"]),
        kind: word(&["kind"]),
        name: word(&["metadata", "name"]),
        namespace: word(&["metadata", "namespace"]),
        ..Head::default()
    }
}

fn annotate(object: &mut Value, file: &str) {
    let metadata = object.get_mut("metadata").and_then(Value::as_object_mut);
    let annotations = metadata.map(|metadata| {
        let missing = !metadata.contains_key("annotations");
        let entry = metadata.entry("annotations").or_insert_with(|| Value::Object(Map::new()));
        if missing {
            // Sorted, as all else that is written.
            let value = entry.take();
            metadata.shift_remove("annotations");
            metadata.shift_insert(0, "annotations".to_owned(), value);
        }
        &mut metadata["annotations"]
    });
    if let Some(Value::Object(annotations)) = annotations {
        annotations.insert(PATH_ANNOTATION.to_owned(), Value::from(file));
    }
}
