//! Pod Security labels of user namespaces, which Kubeflow's profile controller makes.
//!
//! ```yaml
//! kind: ConfigMap
//! metadata: {name: namespace-labels-data}
//! data:
//!   namespace-labels.yaml: |
//!     pod-security.kubernetes.io/enforce: "baseline"   # written into the text
//! ```
//!
//! The controller (kubeflow/dashboard, `components/profile-controller/controllers/profile_controller.go`,
//! `setNamespaceLabels`) sets a label only where a namespace lacks it and never overwrites one: a changed level is for
//! new namespaces, a new key reaches all of them at once. The ConfigMap keeps its name; inside kustomize the hash
//! follows by itself.

use super::report::{KeyChanges, Report};
use crate::config::{Config, Wishes};
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::kube::names::previous_names;
use crate::kube::profile_labels::{KEY, is_default_name, mounted_names};
use crate::pod_security::Mode;
use crate::rules::Rule;
use crate::yaml::edit::Edits;
use crate::yaml::embedded::Embedded;
use crate::yaml::path::Path;
use crate::yaml::tree::{Tree, View};

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some(wishes) = config.user_namespaces.as_ref().filter(|wishes| !wishes.is_empty()) else { return Ok(()) };
    let mounted = mounted_names(list)?;
    let mut found = false;
    let mut others = Vec::new();
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
                others.push(item.name().to_owned());
                continue;
            }
            found = true;
            edit_text(item, root, value, wishes, report)?
        };
        item.apply(edits)?;
    }
    if !found {
        let mut message = format!(
            "`podSecurity.userNamespaces` changed nothing: the input holds no ConfigMap with the key `{KEY}` that \
             Kubeflow's profile controller reads"
        );
        if !others.is_empty() {
            message.push_str(&format!(
                " ({} has the key but another name, and no Deployment of the input mounts it)",
                others.join(", ")
            ));
        }
        report.add(Finding::new(Rule::UserNamespacesNotFound, Severity::Warning, message));
    }
    Ok(())
}

fn edit_text(
    item: &Item<'_>,
    root: View<'_>,
    value: View<'_>,
    wishes: &Wishes,
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
    let (changes, new_labels, overwrite) = decide(labels, wishes);
    if changes.is_empty() {
        return Ok(Edits::default());
    }
    let mut inner = Edits::default();
    match labels {
        Some(labels) => inner.set(labels, &[], &changes.entries()).map_err(|error| item.edit_error(&error))?,
        None => inner.begin(text, nothing, &changes.entries()),
    }
    let encoded = embedded.encode(inner).map_err(|error| item.edit_error(&error))?;
    let mut message = format!("user namespaces get {}", changes.words());
    if !overwrite.is_empty() {
        message.push_str(&format!(
            "; a namespace that exists keeps the label that it has. To change those too: kubectl label ns -l \
             app.kubernetes.io/part-of=kubeflow-profile {} --overwrite",
            overwrite.join(" ")
        ));
    }
    let finding = Finding::new(Rule::UserNamespaceLabels, Severity::Info, message).with_field(changes.field(&path));
    report.add_about(item, root, finding);
    if !new_labels.is_empty() {
        let message = format!(
            "{} was not there before: the profile controller sets it on all user namespaces that have no such label, at \
             once and not only on new ones; look at the pods that run there first",
            new_labels.join(" ")
        );
        report.add_about(item, root, Finding::new(Rule::UserNamespacesAllAtOnce, Severity::Warning, message));
    }
    if encoded.restyled {
        let message =
            format!("the text of `{KEY}` was written anew in double quotes: its style has no place for a change");
        report.add_about(item, root, Finding::new(Rule::TextRestyled, Severity::Info, message));
    }
    Ok(encoded.edits)
}

/// The changed keys, those that no namespace has yet, and those that the controller will not overwrite.
fn decide(labels: Option<View<'_>>, wishes: &Wishes) -> (KeyChanges, Vec<String>, Vec<String>) {
    let mut changes = KeyChanges::default();
    let (mut new_labels, mut overwrite) = (Vec::new(), Vec::new());
    let mut set = |key: &str, value: &str| {
        let current = labels.and_then(|labels| labels.get(key)).filter(|current| !current.is_null());
        let text = current.map(|current| current.scalar_text());
        changes.set(key, text, value);
        match text {
            // An empty value removes the label from all namespaces.
            None | Some("") => new_labels.push(format!("{key}={value}")),
            Some(text) if text != value => overwrite.push(format!("{key}={value}")),
            Some(_) => {}
        }
    };
    for (mode, wish) in [(Mode::Audit, wishes.audit), (Mode::Enforce, wishes.enforce), (Mode::Warn, wishes.warn)] {
        let Some(wish) = wish else { continue };
        set(mode.level_label(), wish.level.as_str());
        if let Some(version) = wish.version {
            set(mode.version_label(), &version.to_string());
        }
    }
    (changes, new_labels, overwrite)
}
