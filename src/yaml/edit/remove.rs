//! Removing keys and elements: the lines of a block entry, a flow entry with its comma.
//!
//! Where the last entry goes, `{}` or `[]` stays: a key with nothing behind it would be null.

use std::ops::Range;

use super::{EditError, Edits, content_end, ends_with_block_scalar, entry_end, entry_start, refuse_shared};
use crate::yaml::path::Path;
use crate::yaml::source::{line_end, line_of, line_start, next_line};
use crate::yaml::tree::{Kind, View};

/// An entry of a mapping or an element of a sequence.
struct Entry<'t> {
    /// Where it begins: its key, or its dash.
    start: usize,
    end: usize,
    last: View<'t>,
    removed: bool,
}

impl Edits {
    /// Removes keys of the mapping at `path` below `root`. What is not there is none to remove.
    ///
    /// # Errors
    /// [`EditError`] where a key is shared with another place by an anchor, or comes in by an alias or a merge key.
    pub fn remove(&mut self, root: View<'_>, path: &[&str], keys: &[&str]) -> Result<(), EditError> {
        let (mut map, mut name) = (root, None);
        for (depth, key) in path.iter().enumerate() {
            let here = Path::of(&path[..depth]);
            refuse_shared(&map, &here)?;
            let Some((key_view, value)) = map.entry(key) else {
                return if map.get(key).is_some() { Err(alias(&here.join(*key), &map)) } else { Ok(()) };
            };
            (map, name) = (value, Some(key_view));
        }
        let here = Path::of(path);
        if matches!(map.kind(), Kind::Alias(_)) && keys.iter().any(|key| map.get(key).is_some()) {
            return Err(alias(&here, &map));
        }
        refuse_shared(&map, &here)?;
        let mut entries = Vec::new();
        for (key, value) in map.entries() {
            let removed = keys.contains(&key.scalar_text()) && !key.is_merge_key();
            if removed {
                refuse_anchors(&value, &here.join(key.scalar_text()))?;
            }
            entries.push(Entry { start: entry_start(&key), end: entry_end(&key, &value), last: value, removed });
        }
        if let Some(key) = keys.iter().find(|key| map.entry(key).is_none() && map.get(key).is_some()) {
            return Err(alias(&here.join(*key), &map));
        }
        self.remove_entries(map, name, &entries);
        Ok(())
    }

    /// Removes the elements whose `key` is one of `names` from the sequence at `path` below `root`.
    ///
    /// # Errors
    /// [`EditError`] where one is shared with another place by an anchor, or comes in by an alias.
    pub fn remove_elements(
        &mut self,
        root: View<'_>,
        path: &[&str],
        (key, names): (&str, &[&str]),
    ) -> Result<(), EditError> {
        let named =
            |item: View<'_>| item.get(key).and_then(|value| value.as_str()).is_some_and(|word| names.contains(&word));
        self.remove_items(root, path, named)
    }

    /// Removes from the sequence at `path` below `root` what `gone` says of.
    ///
    /// # Errors
    /// As [`Edits::remove_elements`].
    pub fn remove_items(
        &mut self,
        root: View<'_>,
        path: &[&str],
        gone: impl Fn(View<'_>) -> bool,
    ) -> Result<(), EditError> {
        let Some((sequence, key_view)) = super::sequence::sequence_at(root, path)? else { return Ok(()) };
        let mut entries = Vec::new();
        for item in sequence.items() {
            let removed = gone(item);
            if removed {
                refuse_anchors(&item, &Path::of(path).join(entries.len()))?;
            }
            let start = super::sequence::dash(&sequence, &item);
            entries.push(Entry { start, end: content_end(&item), last: item, removed });
        }
        self.remove_entries(sequence, key_view, &entries);
        Ok(())
    }

    /// Removes the element at a place of a sequence, which may be the value of a key.
    pub(super) fn remove_index(
        &mut self,
        (sequence, key): (View<'_>, Option<View<'_>>),
        path: &Path,
        index: usize,
    ) -> Result<(), EditError> {
        let mut entries = Vec::new();
        for (place, item) in sequence.items().enumerate() {
            if place == index {
                refuse_anchors(&item, &path.join(place))?;
            }
            let start = super::sequence::dash(&sequence, &item);
            entries.push(Entry { start, end: content_end(&item), last: item, removed: place == index });
        }
        self.remove_entries(sequence, key, &entries);
        Ok(())
    }

    fn remove_entries(&mut self, parent: View<'_>, name: Option<View<'_>>, entries: &[Entry<'_>]) {
        if entries.iter().all(|entry| !entry.removed) {
            return;
        }
        let (flow, empty) = match parent.kind() {
            Kind::Mapping { flow } => (flow, "{}"),
            Kind::Sequence { flow } => (flow, "[]"),
            _ => return,
        };
        let all = entries.iter().all(|entry| entry.removed);
        match (flow, all) {
            (true, true) => {
                let range = parent.range();
                let end = entries.iter().map(|entry| entry.end).fold(range.end, usize::max);
                self.replace(range.start..end, empty.to_owned());
            }
            (true, false) => self.remove_flow(entries),
            (false, true) => self.empty_block(parent, name, entries, empty),
            (false, false) => self.remove_block(parent.text(), entries),
        }
    }

    /// Each run of removed entries goes with the comma before it, or, at the beginning, the one behind it.
    fn remove_flow(&mut self, entries: &[Entry<'_>]) {
        let mut index = 0;
        while index < entries.len() {
            let run = entries[index..].iter().take_while(|entry| entry.removed).count();
            if run == 0 {
                index += 1;
                continue;
            }
            let next = index + run;
            let range = match (index.checked_sub(1), entries.get(next)) {
                (Some(before), _) => entries[before].end..entries[next - 1].end,
                (None, Some(after)) => entries[index].start..after.start,
                (None, None) => return,
            };
            self.replace(range, String::new());
            index = next;
        }
    }

    fn remove_block(&mut self, text: &str, entries: &[Entry<'_>]) {
        let mut index = 0;
        while index < entries.len() {
            let entry = &entries[index];
            let kept = index + entries[index..].iter().take_while(|entry| entry.removed).count();
            if entry.removed && !stands_alone(text, entry.start) {
                // On the line of a dash: the next entry takes its place there.
                if let Some(next) = entries.get(kept) {
                    self.replace(entry.start..next.start, String::new());
                }
                index = kept;
            } else if entry.removed {
                let before = index.checked_sub(1).map(|before| &entries[before]);
                self.replace(lines_of(text, entry, before), String::new());
            }
            index += 1;
        }
    }

    /// Nothing is left of a block collection: its key keeps an empty one.
    fn empty_block(&mut self, parent: View<'_>, name: Option<View<'_>>, entries: &[Entry<'_>], empty: &str) {
        let text = parent.text();
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return };
        let behind = name.and_then(|name| {
            let end = name.range().end;
            let blanks = text[end..].len() - text[end..].trim_start_matches([' ', '\t']).len();
            text[end + blanks..].starts_with(':').then_some(end + blanks + 1)
        });
        match behind {
            Some(colon) if parent.anchor().is_none() && parent.tag().is_none() && stands_alone(text, first.start) => {
                self.insert_inline(colon, format!(" {empty}"));
                for (index, entry) in entries.iter().enumerate() {
                    let before = index.checked_sub(1).map(|before| &entries[before]);
                    self.replace(lines_of(text, entry, before), String::new());
                }
            }
            _ => self.replace(first.start..last.end, empty.to_owned()),
        }
    }
}

/// Only blanks stand before it on its line.
fn stands_alone(text: &str, start: usize) -> bool {
    text[line_start(text, start)..start].bytes().all(|byte| byte == b' ')
}

/// The lines of an entry that stands alone.
fn lines_of(text: &str, entry: &Entry<'_>, before: Option<&Entry<'_>>) -> Range<usize> {
    let start = line_start(text, entry.start);
    let mut end = next_line(text, entry.end.max(start));
    // Blank lines behind a block scalar may belong to it; those behind this entry, and comments deeper than it, must not
    // become part of one.
    let behind_a_block_scalar = before.is_some_and(|before| ends_with_block_scalar(&before.last));
    if ends_with_block_scalar(&entry.last) || behind_a_block_scalar {
        let inside = |line: &str| {
            let content = line.trim_start_matches(' ');
            content.trim().is_empty() || content.starts_with('#') && line.len() - content.len() > entry.start - start
        };
        while end < text.len() && inside(&text[end..line_end(text, end)]) {
            end = next_line(text, end);
        }
    }
    let unterminated = end == text.len() && !text.ends_with('\n') && start > 0 && !behind_a_block_scalar;
    if unterminated { line_end(text, line_start(text, start - 1))..end } else { start..end }
}

fn alias(path: &Path, view: &View<'_>) -> EditError {
    EditError::Alias { path: path.clone(), line: view.line() }
}

/// Refuses what an alias elsewhere needs.
fn refuse_anchors(view: &View<'_>, path: &Path) -> Result<(), EditError> {
    let mut stack = vec![*view];
    while let Some(view) = stack.pop() {
        if matches!(view.kind(), Kind::Alias(_)) {
            continue;
        }
        if let Some(alias) = view.used_by_alias() {
            let used = line_of(view.text(), alias.range().start);
            return Err(EditError::Shared { path: path.clone(), line: view.line(), used });
        }
        stack.extend(view.items());
        stack.extend(view.entries().map(|(_, value)| value));
    }
    Ok(())
}
