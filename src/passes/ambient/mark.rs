//! The annotation on what this pass adds or changes, by which the way back knows it.

use serde_json::Value;

use crate::krm::{Error, Item};
use crate::yaml::edit::Edits;
use crate::yaml::tree::View;

/// Its name.
pub(super) const MARK: &str = "fn.kubeflow.org/unroot-ambient";
/// Its value on an object that this pass adds.
pub(super) const ADDED: &str = "added";

const ANNOTATIONS: [&str; 2] = ["metadata", "annotations"];

/// What the mark of a resource says.
pub(super) fn of<'t>(root: View<'t>) -> Option<&'t str> {
    root.find(&ANNOTATIONS)?.get(MARK).map(|value| value.scalar_text())
}

/// A cheap first look.
pub(super) fn may_have(item: &Item<'_>) -> bool {
    item.text().contains(MARK) && !item.is_local_config()
}

/// Sets the mark.
pub(super) fn set(item: &mut Item<'_>, value: &str) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let mut edits = Edits::default();
        if of(root) != Some(value) {
            edits.set(root, &ANNOTATIONS, &[(MARK, Value::from(value))]).map_err(|error| item.edit_error(&error))?;
        }
        edits
    };
    item.apply(edits)
}

/// Takes the mark away, and the mapping with it where nothing else is in it.
pub(super) fn clear(item: &mut Item<'_>) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let Some(annotations) = root.find(&ANNOTATIONS) else { return Ok(()) };
        let mut edits = Edits::default();
        let alone = annotations.entries().count() == 1;
        let removed = if alone && annotations.get(MARK).is_some() {
            edits.remove(root, &ANNOTATIONS[..1], &ANNOTATIONS[1..])
        } else {
            edits.remove(root, &ANNOTATIONS, &[MARK])
        };
        removed.map_err(|error| item.edit_error(&error))?;
        edits
    };
    item.apply(edits)
}
