//! Elements of a sequence that are told apart by a key, such as `env` by `name`.

use serde_json::{Map, Value};

use super::insert::{can_end_a_literal, ends_with_literal};
use super::{EditError, Edits, content_end, ends_with_block_scalar, layout_of, notation, refuse_shared};
use crate::yaml::emit::{Layout, Notation, block, flow};
use crate::yaml::path::Path;
use crate::yaml::source::{column, line_break, line_end, line_start};
use crate::yaml::tree::{Kind, View};

impl Edits {
    /// Sets keys of the element whose `key` is `name`, in the sequence at `path` below the mapping `root`; the element,
    /// and the sequence, are made where they are missing.
    ///
    /// # Errors
    /// [`EditError`] where something on the way is of another kind, or is shared with another place by an anchor.
    pub fn set_element(
        &mut self,
        root: View<'_>,
        path: &[&str],
        (key, name): (&str, &str),
        entries: &[(&str, Value)],
    ) -> Result<(), EditError> {
        let mut new = Map::from_iter([(key.to_owned(), Value::from(name))]);
        new.extend(entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        let new = Value::Object(new);
        let Some((sequence, _)) = sequence_at(root, path)? else {
            let Some((last, parents)) = path.split_last() else { return Ok(()) };
            return self.set(root, parents, &[(last, Value::Array(vec![new]))]);
        };
        let found = sequence
            .items()
            .enumerate()
            .find(|(_, item)| item.get(key).is_some_and(|value| value.as_str() == Some(name)));
        match found {
            Some((index, item)) if matches!(item.kind(), Kind::Alias(_)) => {
                Err(EditError::Alias { path: Path::of(path).join(index), line: item.line() })
            }
            Some((_, item)) => self.set(item, &[], entries),
            None => {
                self.append(root, sequence, &new);
                Ok(())
            }
        }
    }

    pub(super) fn append(&mut self, root: View<'_>, sequence: View<'_>, new: &Value) {
        let text = sequence.text();
        let last = sequence.items().last();
        if sequence.kind() == (Kind::Sequence { flow: true }) {
            let notation = last.map_or_else(|| notation(root, root), |last| notation(root, last));
            let element = flow(new, notation);
            let Some(last) = last else {
                self.insert_inline(sequence.range().start + 1, element);
                return;
            };
            let (start, end) = (line_start(text, last.start()), last.range().end);
            let alone = text[start..last.start()].bytes().all(|byte| byte == b' ' || byte == b'\t');
            let uncommented = text[end..line_end(text, end)].trim_matches([' ', '\t', ',']).is_empty();
            let separator = if alone && uncommented {
                format!(",{}{}", line_break(text, start), &text[start..last.start()])
            } else {
                ", ".to_owned()
            };
            self.insert_inline(end, format!("{separator}{element}"));
            return;
        }
        let Some(last) = last else { return };
        let at = dash(&sequence, &last);
        let indent = column(text, at);
        // The distance from the dash that the elements keep.
        let same_line = line_start(text, at) == line_start(text, last.start()) && last.start() > at + 1;
        let inner = if same_line { column(text, last.start()) } else { indent + 2 };
        let eol = line_break(text, last.start());
        let layout = Layout { line_break: eol, ..layout_of(root) };
        let element = format!("-{}{}", " ".repeat(inner - indent - 1), block(new, inner, layout));
        let spaces = " ".repeat(indent);
        if ends_with_block_scalar(&last) {
            self.insert(line_start(text, at), format!("{spaces}{element}{eol}"), indent);
        } else {
            let at = line_end(text, content_end(&last));
            let element = if ends_with_literal(new) && !can_end_a_literal(text, at) {
                format!("- {}", flow(new, Notation::Yaml))
            } else {
                element
            };
            self.insert(at, format!("{eol}{spaces}{element}"), indent);
        }
    }
}

/// The sequence at a path, with its key; None where nothing is there.
pub(super) fn sequence_at<'t>(
    root: View<'t>,
    path: &[&str],
) -> Result<Option<(View<'t>, Option<View<'t>>)>, EditError> {
    let (mut view, mut name) = (root, None);
    for (depth, key) in path.iter().enumerate() {
        let here = Path::of(&path[..depth]);
        refuse_shared(&view, &here)?;
        if matches!(view.kind(), Kind::Alias(_)) {
            return Err(EditError::Alias { path: here, line: view.line() });
        }
        let Some((key_view, value)) = view.entry(key) else {
            return match view.get(key) {
                Some(_) => Err(EditError::Alias { path: here.join(*key), line: view.line() }),
                None => Ok(None),
            };
        };
        (view, name) = (value, Some(key_view));
    }
    let here = Path::of(path);
    refuse_shared(&view, &here)?;
    match view.kind() {
        Kind::Sequence { .. } => Ok(Some((view, name))),
        Kind::Alias(_) => Err(EditError::Alias { path: here, line: view.line() }),
        _ if view.is_null() => Ok(None),
        _ => Err(EditError::NotASequence { path: here, line: view.line() }),
    }
}

/// Where an element begins: at the dash before it, in flow style at itself.
pub(super) fn dash(sequence: &View<'_>, item: &View<'_>) -> usize {
    if sequence.kind() == (Kind::Sequence { flow: true }) {
        return item.start();
    }
    let text = item.text();
    let mut line = line_start(text, item.start());
    let mut end = item.start();
    loop {
        let before = text[line..end].trim_end_matches([' ', '\t']);
        if before.ends_with('-') {
            return line + before.len() - 1;
        }
        // The dash stands on a line of its own, perhaps with a comment behind it.
        if before.trim_start().starts_with('-') {
            return line + (before.len() - before.trim_start().len());
        }
        if line == 0 {
            return item.start();
        }
        end = line - 1;
        line = line_start(text, end);
    }
}
