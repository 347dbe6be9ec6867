//! The text of labels that Kubeflow's profile controller gives to user namespaces, changed in place.
//!
//! The text is a flat map of strings; with anything else in it the controller does not start.

use super::report::{KeyChanges, Report};
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::kube::names::previous_names;
use crate::kube::profile_labels::{KEY, is_default_name, mounted_names};
use crate::rules::Rule;
use crate::yaml::edit::Edits;
use crate::yaml::embedded::Embedded;
use crate::yaml::path::Path;
use crate::yaml::tree::{Tree, View};

/// Which ConfigMaps there are.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// One that the controller reads.
    pub(super) any: bool,
    /// The names of others that have the key.
    pub(super) others: Vec<String>,
}

/// Decides from the labels that stand, None where there are none, and says what it does.
type Decide<'d> = &'d dyn Fn(Option<View<'_>>) -> (KeyChanges, Vec<Finding>);

/// Changes the text of every ConfigMap that the controller reads.
pub(super) fn change(list: &mut List<'_>, report: &mut Report, decide: Decide<'_>) -> Result<Found, Error> {
    let mounted = mounted_names(list)?;
    let mut found = Found::default();
    for item in list.items_mut() {
        if !item.is("v1", "ConfigMap") || item.is_local_config() || !item.text().contains(KEY) {
            continue;
        }
        let edits = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let Some(value) = root.find(&["data", KEY]) else { continue };
            let is_mounted = mounted.iter().any(|mount| {
                mount.is_in(item.namespace())
                    && (mount.name == item.name() || previous_names(root).contains(&mount.name))
            });
            if !is_default_name(item.name()) && !is_mounted {
                found.others.push(item.name().to_owned());
                continue;
            }
            found.any = true;
            edit_text(item, root, value, decide, report)?
        };
        item.apply(edits)?;
    }
    Ok(found)
}

fn edit_text(
    item: &Item<'_>,
    root: View<'_>,
    value: View<'_>,
    decide: Decide<'_>,
    report: &mut Report,
) -> Result<Edits, Error> {
    let path = Path::of(&["data", KEY]);
    let wrong = |message: String, line: usize| item.error_at(message, line).at_field(path.to_string());
    let Some(embedded) =
        Embedded::of(value).filter(|_| value.resolved().is_some_and(|target| target.id() == value.id()))
    else {
        return Err(wrong(
            "must be a text; the profile controller reads a map of strings there".to_owned(),
            value.line(),
        ));
    };
    let text = embedded.text();
    let tree = Tree::parse(text).map_err(|error| {
        wrong(format!("the text is not valid YAML: {}", error.message), embedded.outer_line(error.line))
    })?;
    let mut documents = tree.roots(text);
    let labels = documents.next();
    if documents.next().is_some() {
        return Err(wrong("the text must be one YAML document".to_owned(), value.line()));
    }
    // Nothing, nothing but comments, or null: the controller reads no labels.
    let (labels, nothing) = if labels.is_some_and(|labels| labels.is_null()) { (None, labels) } else { (labels, None) };
    if let Some(labels) = labels {
        if !labels.is_mapping() {
            let line = embedded.outer_line(labels.line());
            return Err(wrong("the text must be a map of strings".to_owned(), line));
        }
        if let Some((key, _)) = labels.entries().find(|(key, value)| key.scalar().is_none() || value.scalar().is_none())
        {
            let line = embedded.outer_line(key.line());
            let message = format!("the text must be a map of strings, and `{}` is none", key.scalar_text());
            return Err(wrong(message, line));
        }
        if let Some((first, second)) = labels.duplicate_key() {
            let lines = [first, second].map(|key| item.first_line() + embedded.outer_line(key.line()) - 1);
            let message = format!(
                "key `{}` is there twice, on line {} and on line {}; remove one",
                first.scalar_text(),
                lines[0],
                lines[1]
            );
            return Err(item.error(message).at_field(path.to_string()));
        }
    }
    let (changes, findings) = decide(labels);
    if changes.is_empty() {
        return Ok(Edits::default());
    }
    let mut inner = Edits::default();
    match labels {
        Some(labels) => inner.set(labels, &[], &changes.entries()).map_err(|error| item.edit_error(&error))?,
        None => inner.begin(text, nothing, &changes.entries()),
    }
    let encoded = embedded.encode(inner).map_err(|error| item.edit_error(&error))?;
    for finding in findings {
        report.add_about(item, root, finding);
    }
    if encoded.restyled {
        let message =
            format!("the text of `{KEY}` was written anew in double quotes: its style has no place for a change");
        report.add_about(item, root, Finding::new(Rule::TextRestyled, Severity::Info, message));
    }
    Ok(encoded.edits)
}
