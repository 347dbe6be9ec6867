//! Pods that controllers make at run time and keep out of the mesh by an annotation, which ambient does not read.
//!
//! ```yaml
//! kind: ConfigMap
//! metadata: {name: workflow-controller-configmap}
//! data:
//!   workflowDefaults: |
//!     spec:
//!       podMetadata:
//!         labels:
//!           istio.io/dataplane-mode: none
//! ```
//!
//! Source of facts: Kubeflow Pipelines `backend/src/apiserver/template/{argo,v2}_template.go` (the annotation on every
//! workflow), Argo `workflow/controller/config.go` (`workflowDefaults`), Katib
//! `pkg/controller.v1beta1/suggestion/composer/composer.go`.

use serde_json::{Map, Value};

use super::{Report, mark, say};
use crate::istio::members::{DATAPLANE_MODE, Members, Reach};
use crate::krm::{Error, Field, Finding, Item, List, Severity};
use crate::passes::data_text;
use crate::rules::Rule;
use crate::yaml::edit::Edits;
use crate::yaml::emit::{Layout, block};
use crate::yaml::path::Path;

/// The settings of Argo's workflow controller, without kustomize's hash.
const WORKFLOWS: &str = "workflow-controller-configmap";
const KEY: &str = "workflowDefaults";
const LABELS: [&str; 3] = ["spec", "podMetadata", "labels"];

/// The marks: the key is new, or only the label in it.
const NEW_KEY: &str = "workflowDefaults";
const NEW_LABEL: &str = "workflowDefaults.spec.podMetadata.labels";

pub(super) fn keep_out(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    if !members.namespaces.values().any(|namespace| namespace.after == Reach::Ambient) {
        return Ok(());
    }
    for item in list.items_mut().iter_mut().filter(|item| is_workflows(item)) {
        workflows(item, report)?;
    }
    let users = members.namespaces.values().any(|namespace| namespace.is_user && namespace.after == Reach::Ambient);
    let katib = list.items().iter().find(|item| item.is("v1", "ConfigMap") && item.name().starts_with("katib-config"));
    if let Some(item) = katib.filter(|item| users && !item.is_local_config()) {
        let message = format!(
            "Katib keeps its suggestion services and trials out of the mesh by the annotation sidecar.istio.io/inject, which \
             ambient does not read: in a user namespace of ambient they are enrolled. There is no setting for suggestion \
             services; give the pods of trials the label {DATAPLANE_MODE}: none in their templates"
        );
        say(item, Rule::AmbientGeneratedPods, Severity::Warning, message, report)?;
    }
    Ok(())
}

fn is_workflows(item: &Item<'_>) -> bool {
    item.is("v1", "ConfigMap")
        && !item.is_local_config()
        && item.name().strip_prefix(WORKFLOWS).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn workflows(item: &mut Item<'_>, report: &mut Report) -> Result<(), Error> {
    let (edits, new) = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let value = root.find(&["data", KEY]).filter(|value| !value.is_null());
        let is_new = value.is_none_or(|value| value.as_str().is_some_and(|text| text.trim().is_empty()));
        let whole = whole();
        let edits = if is_new {
            let mut edits = Edits::default();
            edits
                .set(root, &["data"], &[(KEY, Value::from(text_of(&whole)))])
                .map_err(|error| item.edit_error(&error))?;
            edits
        } else {
            let changed = data_text::change(item, root, KEY, |inner| {
                let mut edits = Edits::default();
                let said = inner.find(&LABELS).and_then(|labels| labels.get(DATAPLANE_MODE));
                if said.is_none() {
                    edits.merge(inner, &whole)?;
                }
                Ok(edits)
            });
            match changed {
                Ok(changed) => changed.edits,
                Err(why) => {
                    let message =
                        format!("workflows' pods would be enrolled, and their settings were left as they are: {why}");
                    report.add_about(item, root, Finding::new(Rule::AmbientGeneratedPods, Severity::Warning, message));
                    return Ok(());
                }
            }
        };
        if edits.is_empty() {
            return Ok(());
        }
        let message = format!(
            "pods of workflows get the label {DATAPLANE_MODE}=none: Pipelines keeps them out of the mesh by an annotation, which \
             ambient does not read"
        );
        let field = Field { path: Path::of(&["data", KEY]).to_string(), current_value: None, proposed_value: None };
        report.add_about(
            item,
            root,
            Finding::new(Rule::AmbientGeneratedPods, Severity::Info, message).with_field(field),
        );
        (edits, is_new)
    };
    item.apply(edits)?;
    mark::set(item, if new { NEW_KEY } else { NEW_LABEL })
}

fn whole() -> Map<String, Value> {
    let label = Map::from_iter([(DATAPLANE_MODE.to_owned(), Value::from("none"))]);
    LABELS.iter().rev().fold(label, |inner, key| Map::from_iter([((*key).to_owned(), Value::Object(inner))]))
}

fn text_of(whole: &Map<String, Value>) -> String {
    format!("{}\n", block(&Value::Object(whole.clone()), 0, Layout::KUSTOMIZE))
}

pub(super) fn leave(list: &mut List<'_>, report: &mut Report) -> Result<(), Error> {
    for item in list.items_mut().iter_mut().filter(|item| is_workflows(item) && mark::may_have(item)) {
        let edits = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let mut edits = Edits::default();
            let text = root.find(&["data", KEY]).and_then(|value| value.as_str()).unwrap_or_default();
            match mark::of(root) {
                Some(NEW_KEY) if text == text_of(&whole()) => {
                    edits.remove(root, &["data"], &[KEY]).map_err(|error| item.edit_error(&error))?
                }
                // Others may have written into a text that this pass began.
                Some(NEW_KEY | NEW_LABEL) => {
                    let changed = data_text::change(item, root, KEY, |inner| {
                        let mut edits = Edits::default();
                        let alone = |path: &[&str]| inner.find(path).is_some_and(|map| map.entries().count() == 1);
                        match (alone(&LABELS), alone(&LABELS[..2])) {
                            (true, true) => edits.remove(inner, &LABELS[..1], &LABELS[1..2])?,
                            (true, false) => edits.remove(inner, &LABELS[..2], &LABELS[2..])?,
                            _ => edits.remove(inner, &LABELS, &[DATAPLANE_MODE])?,
                        }
                        Ok(edits)
                    });
                    edits = changed.map(|changed| changed.edits).unwrap_or_default();
                }
                _ => continue,
            }
            let message = "pods of workflows no longer get the label that kept them out of ambient";
            report.add_about(item, root, Finding::new(Rule::AmbientGeneratedPods, Severity::Info, message));
            edits
        };
        item.apply(edits)?;
        mark::clear(item)?;
    }
    Ok(())
}
