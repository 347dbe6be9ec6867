//! Texts under the keys of a ConfigMap.

use crate::krm::Item;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::embedded::Embedded;
use crate::yaml::path::Path;
use crate::yaml::tree::{Tree, View};

/// What came of a wish to change a text.
pub(super) struct Changed {
    pub(super) edits: Edits,
    /// The text had to be written anew in double quotes.
    pub(super) restyled: bool,
}

/// Changes the YAML or JSON text under `data.KEY`. The error says why the text stays as it is.
pub(super) fn change(
    item: &Item<'_>,
    root: View<'_>,
    key: &str,
    edit: impl FnOnce(View<'_>) -> Result<Edits, EditError>,
) -> Result<Changed, String> {
    let nothing = || Changed { edits: Edits::default(), restyled: false };
    let path = Path::of(&["data", key]);
    let Some(value) = root.find(&["data", key]) else { return Ok(nothing()) };
    let at = |message: String| format!("{path}: {message}");
    let own = value.resolved().is_some_and(|target| target.id() == value.id());
    let Some(embedded) = Embedded::of(value).filter(|_| own) else { return Err(at("must be a text".to_owned())) };
    let text = embedded.text();
    let tree = Tree::parse(text).map_err(|error| {
        let line = item.first_line() + embedded.outer_line(error.line) - 1;
        at(format!("the text is not valid YAML: {} (line {line})", error.message))
    })?;
    let Some(inner) = tree.root(text).filter(|inner| !inner.is_null()) else {
        return Err(at("the text is empty".to_owned()));
    };
    if !inner.is_mapping() {
        return Err(at("the text must be a mapping".to_owned()));
    }
    if let Some((first, _)) = inner.duplicate_key() {
        return Err(at(format!("the text has the key `{}` twice", first.scalar_text())));
    }
    let refused = |error: EditError| at(format!("the text cannot be edited: {error}"));
    let edits = edit(inner).map_err(refused)?;
    if edits.is_empty() {
        return Ok(nothing());
    }
    let encoded = embedded.encode(edits).map_err(refused)?;
    Ok(Changed { edits: encoded.edits, restyled: encoded.restyled })
}
