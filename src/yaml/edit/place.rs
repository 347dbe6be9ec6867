//! Edits at places that keys alone do not reach: below the elements of sequences.

use serde_json::{Map, Value};

use super::{EditError, Edits, refuse_shared};
use crate::yaml::path::{Path, Segment};
use crate::yaml::tree::{Kind, View};

impl Edits {
    /// Sets everything that `patch` holds in the mapping at `path`, which must be there, as [`Edits::merge`] does.
    ///
    /// # Errors
    /// [`EditError`] where something on the way is of another kind, or is shared with another place by an anchor.
    pub fn merge_below(&mut self, root: View<'_>, path: &Path, patch: &Map<String, Value>) -> Result<(), EditError> {
        let map = reach(root, path)?;
        self.merge_at(root, (map, path), &mut Vec::new(), map, patch)
    }

    /// Adds an element to the end of the sequence at `path`, which must be there; before the last element where a block
    /// scalar ends it.
    ///
    /// # Errors
    /// As [`Edits::merge_below`].
    pub fn append_below(&mut self, root: View<'_>, path: &Path, value: &Value) -> Result<(), EditError> {
        let sequence = reach(root, path)?;
        if !matches!(sequence.kind(), Kind::Sequence { .. }) {
            return Err(EditError::NotASequence { path: path.clone(), line: sequence.line() });
        }
        self.append(root, sequence, value);
        Ok(())
    }
}

impl Edits {
    /// Removes the element at an index of the sequence at `path`, which must be there.
    ///
    /// # Errors
    /// As [`Edits::merge_below`].
    pub fn remove_below(&mut self, root: View<'_>, path: &Path, index: usize) -> Result<(), EditError> {
        let sequence = reach(root, path)?;
        if !matches!(sequence.kind(), Kind::Sequence { .. }) {
            return Err(EditError::NotASequence { path: path.clone(), line: sequence.line() });
        }
        let key = match path.segments().split_last() {
            Some((Segment::Key(key), above)) => {
                let above = above.iter().try_fold(root, |view, segment| match segment {
                    Segment::Key(key) => view.entry(key).map(|(_, value)| value),
                    Segment::Index(index) => view.items().nth(*index),
                });
                above.and_then(|map| map.entry(key)).map(|(key, _)| key)
            }
            _ => None,
        };
        self.remove_index((sequence, key), path, index)
    }
}

/// The node at a path, if a change of it changes nothing else.
fn reach<'t>(root: View<'t>, path: &Path) -> Result<View<'t>, EditError> {
    let mut view = root;
    let mut here = Path::default();
    for segment in path.segments() {
        refuse(&view, &here)?;
        let (next, inherited) = match segment {
            Segment::Key(key) => {
                let next = view.entry(key).map(|(_, value)| value);
                (next, next.is_none() && view.get(key).is_some())
            }
            Segment::Index(index) => (view.items().nth(*index), false),
        };
        here = match segment {
            Segment::Key(key) => here.join(key.as_str()),
            Segment::Index(index) => here.join(*index),
        };
        view = match next {
            Some(next) => next,
            None if inherited => return Err(EditError::Alias { path: here, line: view.line() }),
            None => return Err(EditError::NotAMapping { path: here, line: view.line() }),
        };
    }
    refuse(&view, &here)?;
    Ok(view)
}

fn refuse(view: &View<'_>, path: &Path) -> Result<(), EditError> {
    if matches!(view.kind(), Kind::Alias(_)) {
        return Err(EditError::Alias { path: path.clone(), line: view.line() });
    }
    refuse_shared(view, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::tree::Tree;

    fn edited(text: &str, path: Path, patch: Value) -> Result<String, EditError> {
        let tree = Tree::parse(text).unwrap();
        let root = tree.root(text).unwrap();
        let mut edits = Edits::default();
        match &patch {
            Value::Object(map) => edits.merge_below(root, &path, map)?,
            value => edits.append_below(root, &path, value)?,
        }
        edits.apply(text)
    }

    fn element() -> Path {
        Path::of(&["a"]).join(0)
    }

    #[test]
    fn elements_are_changed_in_their_own_style_and_the_document_s() {
        let context = || serde_json::json!({"c": {"drop": ["ALL"], "x": false}});
        for (text, expected) in [
            ("a:\n- n: x\n", "a:\n- c:\n    drop:\n    - ALL\n    x: false\n  n: x\n"),
            ("a:\n  - n: x\n", "a:\n  - c:\n      drop:\n        - ALL\n      x: false\n    n: x\n"),
            ("a: [{n: x}]\n", "a: [{n: x, c: {drop: [ALL], x: false}}]\n"),
            ("a:\n- n: x\n  c: {y: 1} # why\n", "a:\n- n: x\n  c: {y: 1, drop: [ALL], x: false} # why\n"),
            ("a:\n- c:\n  n: x\n", "a:\n- c: {drop: [ALL], x: false}\n  n: x\n"),
            ("{\"a\": [{\"n\": \"x\"}]}", "{\"a\": [{\"n\": \"x\", \"c\": {\"drop\": [\"ALL\"], \"x\": false}}]}"),
            ("b: &b {z: 1}\na:\n- c: *b\n  n: x\n", "b: &b {z: 1}\na:\n- c: {z: 1, drop: [ALL], x: false}\n  n: x\n"),
        ] {
            assert_eq!(edited(text, element(), context()).as_deref(), Ok(expected), "{text}");
        }
        let list = element().join("d");
        for (text, expected) in [
            ("a:\n- d:\n  - A\n  n: x\n", "a:\n- d:\n  - A\n  - ALL\n  n: x\n"),
            ("a:\n- d: [A]\n", "a:\n- d: [A, ALL]\n"),
        ] {
            assert_eq!(edited(text, list.clone(), "ALL".into()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_element_goes_by_its_place() {
        for (text, index, expected) in [
            ("a:\n- d:\n  - A\n  - B # b\n  n: x\n", 1, "a:\n- d:\n  - A\n  n: x\n"),
            ("a:\n- d:\n  - p: 1\n    q: 2\n  - B\n", 0, "a:\n- d:\n  - B\n"),
            ("a:\n- d: [A, B]\n", 1, "a:\n- d: [A]\n"),
            ("a:\n- d: [A, B]\n", 2, "a:\n- d: [A, B]\n"),
        ] {
            let tree = Tree::parse(text).unwrap();
            let mut edits = Edits::default();
            edits.remove_below(tree.root(text).unwrap(), &element().join("d"), index).unwrap();
            assert_eq!(edits.apply(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_shared_stays() {
        for text in ["a:\n- &x {n: x}\n- *x\n", "a: &a\n- n: x\nb: *a\n", "b: &a\n- n: x\na: *a\n", "a: []\n", "a: x\n"]
        {
            assert!(edited(text, element(), serde_json::json!({"c": 1})).is_err(), "{text}");
        }
    }
}
