//! Puts the settings of a control plane into its documents, in place.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Report;
use super::workloads::{self, Part};
use crate::istio::install::{DISCOVERY, Install, text_values};
use crate::istio::mode_settings::{Desired, Document, Setting};
use crate::krm::{Error, Field, Finding, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::embedded::Embedded;
use crate::yaml::path::Path;
use crate::yaml::tree::{Tree, View};

/// The proxy's container, in a gateway as in ztunnel.
pub(super) const PROXY: &str = "istio-proxy";

/// A setting that does not hold yet.
pub(super) struct Change<'a> {
    pub(super) path: &'a [&'a str],
    pub(super) current: Option<Value>,
    pub(super) desired: &'a Desired,
}

pub(super) fn apply(
    list: &mut List<'_>,
    install: &Install,
    settings: Vec<Setting>,
    report: &mut Report,
) -> Result<(), Error> {
    let of = |document: Document| settings.iter().filter(move |setting| setting.document == document);
    let texts = |list: &mut List<'_>, index: usize, keys: &[(&'static str, Document)], report: &mut Report| {
        let Some(item) = list.items_mut().get_mut(index) else { return Ok(()) };
        let keys: Vec<(&str, Vec<&Setting>)> =
            keys.iter().map(|(key, document)| (*key, of(*document).collect())).collect();
        edit_texts(item, &keys, report)
    };
    texts(
        list,
        install.injector,
        &[("config", Document::InjectorConfig), ("values", Document::InjectorValues)],
        report,
    )?;
    if let Some(index) = install.values_copy {
        let keys = [("merged-values", Document::MergedValues), ("original-values", Document::OriginalValues)];
        texts(list, index, &keys, report)?;
    }
    if let Some(index) = install.mesh {
        texts(list, index, &[("mesh", Document::MeshConfig)], report)?;
    }
    let env: Vec<&Setting> = of(Document::IstiodEnv).collect();
    if let Some(item) = install.istiod.and_then(|index| list.items_mut().get_mut(index)) {
        workloads::edit(item, DISCOVERY, &[(Part::Env, env)], report)?;
    }
    let gateway = [
        (Part::Root, of(Document::GatewayDeployment).collect::<Vec<_>>()),
        (Part::Env, of(Document::GatewayEnv).collect()),
    ];
    if gateway.iter().any(|(_, settings)| !settings.is_empty()) {
        for item in list.items_mut() {
            if is_gateway(item)? {
                workloads::edit(item, PROXY, &gateway, report)?;
            }
        }
    }
    Ok(())
}

pub(super) fn changes<'a>(settings: &[&'a Setting], present: impl Fn(&[&str]) -> Option<Value>) -> Vec<Change<'a>> {
    settings
        .iter()
        .filter_map(|setting| {
            let current = present(&setting.path);
            let desired = setting.change(current.as_ref())?;
            Some(Change { path: &setting.path, current, desired })
        })
        .collect()
}

/// Documents that stand as texts under keys of a ConfigMap.
pub(super) fn edit_texts(
    item: &mut Item<'_>,
    keys: &[(&str, Vec<&Setting>)],
    report: &mut Report,
) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let mut edits = Edits::default();
        let mut said = Vec::new();
        for (key, settings) in keys {
            let Some(view) = root.find(&["data", key]).filter(|_| !settings.is_empty()) else { continue };
            let values = text_values(item, root, key)?;
            let at = |path: &[&str]| path.iter().try_fold(&values, |value, key| value.get(key)).cloned();
            let changes = changes(settings, at);
            if changes.is_empty() {
                continue;
            }
            if view.resolved().is_none_or(|target| target.id() != view.id()) {
                let error = EditError::Alias { path: Path::of(&["data", key]), line: view.line() };
                return Err(item.edit_error(&error));
            }
            let restyled = edit_text(item, view, &changes, &mut edits)?;
            let field = Path::of(&["data", key]);
            said.push((field.clone(), changes));
            if restyled {
                let message = format!(
                    "the text of `{field}` was written anew in double quotes: its style has no place for a change"
                );
                report.add_about(item, root, Finding::new(Rule::TextRestyled, Severity::Info, message));
            }
        }
        say(item, root, &said, report);
        edits
    };
    item.apply(edits)
}

/// Puts a value into a patch, at a path.
pub(super) fn put(patch: &mut Map<String, Value>, path: &[&str], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let map = parents
        .iter()
        .try_fold(patch, |map, key| map.entry(*key).or_insert_with(|| Value::Object(Map::new())).as_object_mut());
    map.and_then(|map| map.insert((*last).to_owned(), value));
}

fn edit_text(item: &Item<'_>, view: View<'_>, changes: &[Change<'_>], edits: &mut Edits) -> Result<bool, Error> {
    let refused = |error: EditError| item.edit_error(&error);
    let Some(embedded) = Embedded::of(view) else { return Ok(false) };
    let text = embedded.text();
    let tree =
        Tree::parse(text).map_err(|error| item.error_at(error.message.clone(), embedded.outer_line(error.line)))?;
    let Some(inner) = tree.root(text) else { return Ok(false) };
    let mut inside = Edits::default();
    let mut patch = Map::new();
    let mut removed: BTreeMap<&[&str], Vec<&str>> = BTreeMap::new();
    for change in changes {
        match (change.desired, change.path.split_last()) {
            (Desired::Set(value), Some(_)) => put(&mut patch, change.path, value.clone()),
            (Desired::Remove { around }, Some((last, parents))) => {
                let (mut last, mut parents) = (*last, parents);
                for _ in 0..*around {
                    let alone = inner.find(parents).is_some_and(|map| map.entries().count() == 1);
                    match parents.split_last().filter(|_| alone) {
                        Some((parent, above)) => (last, parents) = (parent, above),
                        None => break,
                    }
                }
                removed.entry(parents).or_default().push(last);
            }
            (_, None) => {}
        }
    }
    for (parents, keys) in removed {
        inside.remove(inner, parents, &keys).map_err(refused)?;
    }
    inside.merge(inner, &patch).map_err(refused)?;
    let encoded = embedded.encode(inside).map_err(refused)?;
    edits.extend(encoded.edits);
    Ok(encoded.restyled)
}

/// Whether a Deployment is a gateway that is installed with the control plane, and not one that is injected.
fn is_gateway(item: &Item<'_>) -> Result<bool, Error> {
    if !item.is("apps/v1", "Deployment") || item.is_local_config() || !item.text().contains(PROXY) {
        return Ok(false);
    }
    let parsed = item.parse()?;
    let Some(root) = parsed.root() else { return Ok(false) };
    let component = root.find(&["metadata", "labels", "operator.istio.io/component"]);
    Ok(component.is_some_and(|name| matches!(name.scalar_text(), "IngressGateways" | "EgressGateways")))
}

/// One result for the changes of a resource, in groups of one document each: below a field, or of the resource itself.
pub(super) fn say(item: &Item<'_>, root: View<'_>, groups: &[(Path, Vec<Change<'_>>)], report: &mut Report) {
    let mut words = Vec::new();
    let (mut current, mut proposed) = (Map::new(), Map::new());
    for (field, change) in groups.iter().flat_map(|(field, changes)| changes.iter().map(move |change| (field, change)))
    {
        let name = Path::of(change.path).to_string();
        let name = if groups.len() > 1 && !field.is_empty() { format!("{field}: {name}") } else { name };
        if let Some(value) = &change.current {
            current.insert(name.clone(), value.clone());
        }
        match change.desired {
            Desired::Set(value) => {
                words.push(format!("set {name} to {value}"));
                proposed.insert(name, value.clone());
            }
            Desired::Remove { .. } => words.push(format!("removed {name}")),
        }
    }
    if words.is_empty() {
        return;
    }
    // The field that all of them have in common.
    let mut paths = groups.iter().flat_map(|(field, changes)| {
        changes.iter().map(move |change| match field.is_empty() {
            true => Path::of(change.path),
            false => field.clone(),
        })
    });
    let first = paths.next().unwrap_or_default();
    let common = paths.fold(first, |common, path| common.shared_with(&path));
    let field = Field {
        path: common.to_string(),
        current_value: (!current.is_empty()).then_some(Value::Object(current)),
        proposed_value: (!proposed.is_empty()).then_some(Value::Object(proposed)),
    };
    report.add_about(item, root, Finding::new(Rule::IstioSettings, Severity::Info, words.join(", ")).with_field(field));
}
