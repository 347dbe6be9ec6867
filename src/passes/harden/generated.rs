//! The settings by which controllers make pods at run time, and what these pods cannot reach.
//!
//! ```yaml
//! kind: ConfigMap
//! metadata: {name: workflow-controller-configmap}
//! data:
//!   executor: |
//!     imagePullPolicy: IfNotPresent
//!     securityContext:                 # written into the text, where it says nothing else
//!       runAsNonRoot: true
//! ```
//!
//! Which settings there are: [`crate::kubeflow::factories`]. Each is recognised by kind and name, filled in where it says
//! nothing, and reported with its field.

mod pods;
mod settings;
mod workflows;

use super::{Report, Rule, findings as say, text};
use crate::config::{Config, Harden, Workloads};
use crate::krm::{Error, Field, Finding, Item, List, ResourceRef, Severity};
use crate::kube::profile_labels;
use crate::kubeflow::factories::{Evidence, FACTORIES, Factory, Knob};
use crate::kubeflow::lacks::Lacks;
use crate::kubeflow::platform::Platform;
use crate::pod_security::{ENFORCE_LABEL, Level};
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// What decides about every setting.
struct Wish<'w> {
    workloads: &'w Workloads,
    platform: Platform,
}

/// A resource with settings, while they are changed.
struct Resource<'i, 's> {
    item: &'i Item<'s>,
    root: View<'i>,
    edits: Edits,
    /// Keys of a ConfigMap to set, all of them at once.
    data: Vec<(String, serde_json::Value)>,
    /// The fields that change.
    fields: Vec<Path>,
    /// What else to say in the result about the change.
    notes: Vec<String>,
    warnings: Vec<(Rule, String)>,
}

impl Resource<'_, '_> {
    fn is_config_map(&self, name: &str) -> bool {
        self.item.is("v1", "ConfigMap")
            && self.item.name().strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// Changes the text under a key of a ConfigMap.
    fn text(&mut self, key: &str, edit: impl FnOnce(View<'_>) -> Result<Edits, EditError>) {
        match text::change(self.item, self.root, key, edit) {
            Ok(changed) if !changed.edits.is_empty() => {
                self.edits.extend(changed.edits);
                self.fields.push(Path::of(&["data", key]));
                if changed.restyled {
                    let message = format!(
                        "the text of `data.{key}` was written anew in double quotes: its style has no place for a change"
                    );
                    self.notes.push(message);
                }
            }
            Ok(_) => {}
            Err(why) => self.warnings.push((Rule::HardenNotPossible, format!("left as it is: {why}"))),
        }
    }

    /// Sets keys of a ConfigMap.
    fn data(&mut self, entries: &[(&str, &str)]) {
        self.data.extend(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
    }

    /// Makes the edits of what is to be set.
    fn set_data(&mut self) {
        if self.data.is_empty() {
            return;
        }
        let data = std::mem::take(&mut self.data);
        let values: Vec<(&str, serde_json::Value)> =
            data.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
        match self.edits.set(self.root, &["data"], &values) {
            Ok(()) => self.fields.extend(values.iter().map(|(key, _)| Path::of(&["data", key]))),
            Err(error) => {
                let why = self.item.edit_error(&error).with_place();
                self.warnings.push((Rule::HardenNotPossible, format!("left as it is: {why}")));
            }
        }
    }
}

pub(super) fn run(list: &mut List<'_>, workloads: &Workloads, report: &mut Report) -> Result<(), Error> {
    let wish = Wish { workloads, platform: Platform::of(list)? };
    let mut restart = Vec::new();
    for item in list.items_mut() {
        if item.is_local_config() || !is_setting(item) {
            continue;
        }
        let edits = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let mut resource = Resource {
                item,
                root,
                edits: Edits::default(),
                data: Vec::new(),
                fields: Vec::new(),
                notes: Vec::new(),
                warnings: Vec::new(),
            };
            let reader = change(&mut resource, &wish);
            resource.set_data();
            let Resource { mut edits, fields, notes, warnings, .. } = resource;
            if let Err(error) = edits.clone().apply(item.text()) {
                say::not_possible(item, root, &item.edit_error(&error).with_place(), report);
                edits = Edits::default();
            } else if !edits.is_empty() {
                restart.extend(reader.map(|reader| (item.namespace().to_owned(), reader)));
                report.add_about(item, root, changed(&fields, &notes));
            }
            for (rule, message) in warnings {
                report.add_about(item, root, Finding::new(rule, Severity::Warning, message));
            }
            edits
        };
        item.apply(edits)?;
    }
    for (namespace, deployment) in restart {
        let of_namespace = if namespace.is_empty() { String::new() } else { format!(" -n {namespace}") };
        let message = format!(
            "reads its settings only when it starts: kubectl rollout restart deployment/{deployment}{of_namespace}"
        );
        let mut finding = Finding::new(Rule::RestartNeeded, Severity::Info, message);
        finding.resource_ref = Some(ResourceRef {
            api_version: "apps/v1".to_owned(),
            kind: "Deployment".to_owned(),
            name: deployment.to_owned(),
            namespace,
        });
        report.add(finding);
    }
    Ok(())
}

fn changed(fields: &[Path], notes: &[String]) -> Finding {
    let mut message = "pods that a controller makes at run time are hardened towards restricted".to_owned();
    for note in notes {
        message.push_str("; ");
        message.push_str(note);
    }
    let path = say::common(&fields.iter().collect::<Vec<_>>()).to_string();
    let field = Field { path, current_value: None, proposed_value: None };
    Finding::new(Rule::HardenGenerated, Severity::Info, message).with_field(field)
}

/// The custom resources with pods in them.
const KINDS: [(&str, &str); 5] = [
    ("serving.kserve.io/", "ClusterServingRuntime"),
    ("serving.kserve.io/", "ServingRuntime"),
    ("serving.kserve.io/", "ClusterStorageContainer"),
    ("trainer.kubeflow.org/", "ClusterTrainingRuntime"),
    ("trainer.kubeflow.org/", "TrainingRuntime"),
];

/// The ConfigMaps with settings, without kustomize's hash.
const CONFIG_MAPS: [&str; 7] = [
    "workflow-controller-configmap",
    "pipeline-install-config",
    "katib-config",
    "trial-templates",
    "config-features",
    "volumes-web-app-viewer-spec",
    "ml-pipeline-ui-configmap",
];

fn is_setting(item: &Item<'_>) -> bool {
    KINDS.iter().any(|(group, kind)| item.kind() == *kind && item.api_version().starts_with(group))
        || (item.is("v1", "ConfigMap") && CONFIG_MAPS.iter().any(|name| item.name().starts_with(name)))
}

/// Changes a resource and names the Deployment that has to restart for it.
fn change(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) -> Option<&'static str> {
    match resource.item.kind() {
        "ConfigMap" if resource.is_config_map("workflow-controller-configmap") => workflows::controller(resource, wish),
        "ConfigMap" if resource.is_config_map("pipeline-install-config") => {
            return workflows::pipelines(resource, wish);
        }
        "ConfigMap" if resource.is_config_map("katib-config") => return settings::katib(resource, wish),
        "ConfigMap" if resource.is_config_map("trial-templates") => pods::trials(resource, wish),
        "ConfigMap" if resource.is_config_map("config-features") => settings::knative(resource, wish),
        "ConfigMap" if resource.is_config_map("volumes-web-app-viewer-spec") => pods::volume_viewer(resource, wish),
        "ConfigMap" if resource.is_config_map("ml-pipeline-ui-configmap") => settings::pipeline_viewer(resource, wish),
        "ClusterServingRuntime" | "ServingRuntime" => pods::serving_runtime(resource, wish),
        "ClusterStorageContainer" => pods::storage_container(resource, wish),
        "ClusterTrainingRuntime" | "TrainingRuntime" => pods::training_runtime(resource, wish),
        _ => {}
    }
    None
}

/// Says which generated pods cannot reach the level of user namespaces, as the list has their settings now.
pub(crate) fn findings(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let wished = config.user_namespaces.as_ref().and_then(|wishes| wishes.enforce).map(|wish| wish.level);
    let hardens = config.workloads.as_ref().is_some_and(|workloads| workloads.harden != Harden::None);
    if wished.is_none() && !hardens {
        return Ok(());
    }
    let stands = profile_labels::source(list)?.and_then(|source| source.labels.get(ENFORCE_LABEL)?.parse().ok());
    if wished.or(stands) != Some(Level::Restricted) {
        return Ok(());
    }
    let platform = Platform::of(list)?;
    let evidence = Evidence::of(list, &platform);
    for factory in FACTORIES {
        let Some(lacks) = evidence.lacks(factory)? else { continue };
        let finding = Finding::new(Rule::GeneratedPods, Severity::Warning, message(factory, &lacks));
        match platform.find(factory.controller).and_then(|found| list.items().get(found.place)) {
            Some(item) => report.add_for(item, finding)?,
            None => report.add(finding),
        }
    }
    Ok(())
}

fn message(factory: &Factory, lacks: &Lacks) -> String {
    let knob = match factory.knob {
        Knob::Setting { what, hardened } => format!("set {what} (`workloads.harden: restricted` sets {hardened})"),
        Knob::None { why } => format!("there is no setting for it: {why}"),
    };
    format!(
        "user namespaces enforce restricted, and {}, which {} makes there, lack {lacks}, so that they are refused; {knob}",
        factory.pods, factory.component
    )
}
