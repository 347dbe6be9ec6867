//! An edit of any mapping or sequence of any text: the result can be read, it says what was asked for and nothing else,
//! and no byte outside of the edited place has changed.
//!
//! A case is a head, which chooses edits one after the other, and a text.

use std::ops::Range;

use serde_json::{Map, Value, json};
use unroot::yaml::edit::{EditError, Edits};
use unroot::yaml::path::{Path, Segment};
use unroot::yaml::tree::{Kind, Tree, View};

use crate::case;
use crate::choices::Choices;
use crate::value;

const KEYS: &[&str] =
    &["m", "a", "zz", "labels", "x/y.z", "yes", "é", "pod-security.kubernetes.io/enforce", "1", "name"];

#[derive(Debug)]
enum Edit {
    /// Set this key of the mapping there.
    Set(Path, String, Value),
    /// Remove this key of the mapping there.
    Remove(Path, String),
    /// Put this behind the elements there.
    Append(Path, Value),
    /// Remove the element of this index there.
    RemoveElement(Path, usize),
}

/// The property. `Ok` with how many edits were made.
///
/// # Errors
/// What does not hold.
pub fn hold(case: &[u8]) -> Result<usize, String> {
    let (head, text) = case::parts(case);
    let Ok(text) = str::from_utf8(text) else { return Ok(0) };
    let mut choices = Choices::of(head);
    let mut text = text.to_owned();
    let mut made = 0;
    for _ in 0..3 {
        let Some(after) = step(&text, &mut choices)? else { break };
        text = after;
        made += 1;
    }
    Ok(made)
}

fn step(before: &str, choices: &mut Choices<'_>) -> Result<Option<String>, String> {
    let Ok(tree) = Tree::parse(before) else { return Ok(None) };
    let mut roots = tree.roots(before);
    let (Some(root), None) = (roots.next(), roots.next()) else { return Ok(None) };
    if root.duplicate_key().is_some() {
        return Ok(None);
    }
    let (Some(value), Some(edit)) = (value::of(root), choose(root, choices)) else { return Ok(None) };
    let fail = |what: String, after: &str| {
        format!("{edit:?}: {what}\n--- before {before:?}\n{before}\n--- after {after:?}\n{after}")
    };
    let after = match apply(root, before, &edit) {
        Ok(after) => after,
        Err(error @ (EditError::Overlap(_) | EditError::SameKey(_))) => return Err(fail(error.to_string(), "")),
        Err(_) => return Ok(None),
    };
    let Some(wanted) = wanted(&value, &edit) else { return Ok(None) };
    let seen = value::of_text(&after).ok_or_else(|| fail("the result cannot be read".to_owned(), &after))?;
    let wanted = if seen == wanted { wanted } else { wanted_before_last(&value, &edit).unwrap_or(wanted) };
    if seen != wanted {
        return Err(fail(format!("{seen} is read instead of {wanted}"), &after));
    }
    if let Some(value) = another_reader(before)
        && let (Some(wanted), other) = (self::wanted(&value, &edit), wanted_before_last(&value, &edit))
    {
        let seen =
            another_reader(&after).ok_or_else(|| fail("another reader refuses the result".to_owned(), &after))?;
        if seen != wanted && Some(&seen) != other.as_ref() {
            return Err(fail(format!("another reader reads {seen} instead of {wanted}"), &after));
        }
    }
    let touched = touched(before, &after);
    let replaceable = replaceable(root, before, &edit);
    let inside = replaceable.as_ref().is_some_and(|range| range.start <= touched.start && touched.end <= range.end);
    if !touched.is_empty() && !inside {
        let outside = format!("{:?} at {touched:?} has changed, beyond {replaceable:?}", &before[touched.clone()]);
        return Err(fail(outside, &after));
    }
    // An empty mapping is either.
    if before.trim() != "{}"
        && serde_json::from_str::<Value>(before).is_ok()
        && serde_json::from_str::<Value>(&after).is_err()
    {
        return Err(fail("JSON is JSON no more".to_owned(), &after));
    }
    // A collection that stands there in block style is no value that another could take the place of.
    if matches!(&edit, Edit::Set(_, _, value) if !value.is_object() && !value.is_array()) {
        let tree = Tree::parse(&after).map_err(|error| fail(error.to_string(), &after))?;
        let again = tree.root(&after).and_then(|root| apply(root, &after, &edit).ok());
        if again.as_deref() != Some(&after) {
            return Err(fail(format!("a second time it changes again: {again:?}"), &after));
        }
    }
    Ok(Some(after))
}

/// A way down the tree, as far as the choices lead.
fn choose(root: View<'_>, choices: &mut Choices<'_>) -> Option<Edit> {
    let (mut view, mut path) = (root, Path::default());
    for _ in 0..choices.below(5) {
        if view.is_mapping() {
            let entries: Vec<_> = view.entries().filter(|(key, _)| !key.is_merge_key()).collect();
            let Some((key, child)) = entries.get(choices.below(entries.len())) else { break };
            if !child.is_mapping() && !child.is_sequence() && choices.below(2) == 0 {
                break;
            }
            (view, path) = (*child, path.join(key.scalar_text()));
        } else if view.is_sequence() {
            let items: Vec<_> = view.items().collect();
            let at = choices.below(items.len());
            let Some(child) = items.get(at) else { break };
            (view, path) = (*child, path.join(at));
        } else {
            break;
        }
    }
    let remove = choices.below(3) == 0;
    if view.is_sequence() {
        return Some(if remove {
            Edit::RemoveElement(path, choices.below(view.items().count().max(1)))
        } else {
            Edit::Append(path, new_value(choices))
        });
    }
    let present: Vec<&str> =
        view.entries().filter(|(key, _)| !key.is_merge_key()).map(|(key, _)| key.scalar_text()).collect();
    let key = match present.get(choices.below(present.len())) {
        Some(key) if remove || choices.below(2) == 0 => (*key).to_owned(),
        _ => (*choices.of_these(KEYS)).to_owned(),
    };
    Some(if remove { Edit::Remove(path, key) } else { Edit::Set(path, key, new_value(choices)) })
}

fn new_value(choices: &mut Choices<'_>) -> Value {
    let values = json!([
        "v", "yes", "", "0123", "a: b", "it's \"q\" # c", "é🙂\t", "two\nlines\n", true, 1001, -1, {}, [], {"a": "b"}, ["a"],
        {"drop": ["ALL"], "n": {"m": "1"}}, [{"name": "x", "v": []}], " lead", "- a", "#", "\u{7f}\u{85}",
    ]);
    values.as_array().map(|values| choices.of_these(values).clone()).unwrap_or_default()
}

/// The keys of a path that has no index.
fn keys(path: &Path) -> Option<Vec<&str>> {
    let keys = path.segments().iter().map(|segment| match segment {
        Segment::Key(key) => Some(key.as_str()),
        Segment::Index(_) => None,
    });
    keys.collect()
}

fn apply(root: View<'_>, text: &str, edit: &Edit) -> Result<String, EditError> {
    let mut edits = Edits::default();
    match edit {
        Edit::Set(path, key, value) => match keys(path) {
            Some(keys) => edits.set(root, &keys, &[(key, value.clone())])?,
            None => edits.merge_below(root, path, &Map::from_iter([(key.clone(), value.clone())]))?,
        },
        Edit::Remove(path, key) => {
            if let Some(keys) = keys(path) {
                edits.remove(root, &keys, &[key])?;
            }
        }
        Edit::Append(path, value) => edits.append_below(root, path, value)?,
        Edit::RemoveElement(path, index) => edits.remove_below(root, path, *index)?,
    }
    edits.apply(text)
}

/// The value with the edit made; None where the edit does not say what becomes of it.
fn wanted(value: &Value, edit: &Edit) -> Option<Value> {
    let mut wanted = value.clone();
    let (Edit::Set(path, ..) | Edit::Remove(path, _) | Edit::Append(path, _) | Edit::RemoveElement(path, _)) = edit;
    let mut place = &mut wanted;
    for segment in path.segments() {
        place = match segment {
            Segment::Key(key) => {
                if place.is_null() {
                    *place = json!({});
                }
                place.as_object_mut()?.entry(key.as_str()).or_insert(Value::Null)
            }
            Segment::Index(index) => place.get_mut(*index)?,
        };
    }
    match edit {
        Edit::Set(path, key, value) => {
            if place.is_null() {
                *place = json!({});
            }
            let map = place.as_object_mut()?;
            match (map.get_mut(key), value) {
                (Some(old @ Value::Object(_)), Value::Object(new)) if keys(path).is_none() => overlay(old, new),
                _ => drop(map.insert(key.clone(), value.clone())),
            }
        }
        Edit::Remove(path, key) => {
            keys(path)?;
            place.as_object_mut()?.remove(key);
        }
        Edit::Append(_, value) => place.as_array_mut()?.push(value.clone()),
        Edit::RemoveElement(_, index) => {
            let array = place.as_array_mut()?;
            (*index < array.len()).then(|| array.remove(*index));
        }
    }
    // An edit that writes a null mapping into being where nothing is removed.
    Some(if matches!(edit, Edit::Remove(..)) && value == &wanted { value.clone() } else { wanted })
}

/// An element may also go before one that a block scalar ends.
fn wanted_before_last(value: &Value, edit: &Edit) -> Option<Value> {
    let Edit::Append(path, _) = edit else { return None };
    let mut wanted = wanted(value, edit)?;
    let mut place = &mut wanted;
    for segment in path.segments() {
        place = match segment {
            Segment::Key(key) => place.get_mut(key.as_str())?,
            Segment::Index(index) => place.get_mut(*index)?,
        };
    }
    let elements = place.as_array_mut()?;
    let last = elements.len().checked_sub(1)?;
    elements.swap(last.checked_sub(1)?, last);
    Some(wanted)
}

fn overlay(old: &mut Value, new: &Map<String, Value>) {
    let Some(map) = old.as_object_mut() else { return };
    for (key, value) in new {
        match (map.get_mut(key), value) {
            (Some(old @ Value::Object(_)), Value::Object(inner)) => overlay(old, inner),
            _ => drop(map.insert(key.clone(), value.clone())),
        }
    }
}

/// What a reader that is not ours reads; None where it refuses the text.
fn another_reader(text: &str) -> Option<Value> {
    let mut value: serde_yaml::Value = serde_yaml::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    value.apply_merge().ok()?;
    serde_json::to_value(value).ok()
}

/// The bytes of `before` that are not those of `after`.
fn touched(before: &str, after: &str) -> Range<usize> {
    let equal = |pair: &(u8, u8)| pair.0 == pair.1;
    let start = before.bytes().zip(after.bytes()).take_while(equal).count();
    let most = before.len().min(after.len()) - start;
    let same = before.bytes().rev().zip(after.bytes().rev()).take(most).take_while(equal).count();
    let mut range = start..before.len() - same;
    while !before.is_char_boundary(range.start) {
        range.start -= 1;
    }
    while !before.is_char_boundary(range.end) {
        range.end += 1;
    }
    range
}

/// The bytes that the edit may replace; None where it only inserts.
fn replaceable(root: View<'_>, text: &str, edit: &Edit) -> Option<Range<usize>> {
    let (Edit::Set(path, ..) | Edit::Remove(path, _) | Edit::Append(path, _) | Edit::RemoveElement(path, _)) = edit;
    let (mut view, mut from) = (root, root.start());
    for segment in path.segments() {
        let next = match segment {
            Segment::Key(key) => view.entry(key).map(|(key, value)| (value, key.range().end)),
            Segment::Index(index) => view.items().nth(*index).map(|item| (item, item.start())),
        };
        // What comes in by a merge key is copied.
        (view, from) = next?;
        if matches!(view.kind(), Kind::Alias(_)) || view.is_null() {
            return Some(view.range());
        }
    }
    match edit {
        Edit::Set(_, key, _) => match view.entry(key) {
            Some((_, old)) => Some(old.start()..old.end()),
            // `[a: b]` gets its braces.
            None => (view.kind() == Kind::Mapping { flow: true } && !text[view.range().start..].starts_with('{'))
                .then(|| view.range()),
        },
        Edit::Append(..) => None,
        Edit::Remove(..) | Edit::RemoveElement(..) => {
            let start = text[..from].rfind('\n').map_or(0, |at| at.saturating_sub(1));
            Some(start..behind_blank_lines(text, view.range().end))
        }
    }
}

/// Behind the line of a byte and the blank lines and comments that follow, which a block scalar before them might take in.
fn behind_blank_lines(text: &str, at: usize) -> usize {
    let next = |at: usize| text[at..].find('\n').map_or(text.len(), |end| at + end + 1);
    let mut end = next(at);
    while end < text.len()
        && (text[end..next(end)].trim().is_empty() || text[end..next(end)].trim_start().starts_with('#'))
    {
        end = next(end);
    }
    end
}
