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

use super::{Report, say};
use crate::istio::members::{DATAPLANE_MODE, Members, Reach};
use crate::krm::{Error, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::tree::Tree;

/// The settings of Argo's workflow controller, without kustomize's hash.
const WORKFLOWS: &str = "workflow-controller-configmap";
const KEY: &str = "workflowDefaults";
const LABELS: [&str; 3] = ["spec", "podMetadata", "labels"];

pub(super) fn report(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    if !members.namespaces.values().any(|namespace| namespace.after == Reach::Ambient) {
        return Ok(());
    }
    for item in list.items().iter().filter(|item| is_workflows(item)) {
        if lacks_label(item)? {
            let message = format!(
                "Pipelines keeps the pods of workflows out of the mesh by the annotation sidecar.istio.io/inject, which ambient \
                 does not read: those in a namespace of ambient are enrolled; to keep them out, set \
                 spec.podMetadata.labels[{DATAPLANE_MODE}]: none in `data.{KEY}`"
            );
            say(item, Rule::AmbientGeneratedPods, Severity::Warning, message, report)?;
        }
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

/// The settings of all workflows have no such label.
fn lacks_label(item: &Item<'_>) -> Result<bool, Error> {
    let parsed = item.parse_leniently()?;
    let Some(root) = parsed.root() else { return Ok(false) };
    let text = root.find(&["data", KEY]).map(|value| value.scalar_text()).unwrap_or_default();
    let tree = Tree::parse(text).ok();
    let labels = tree.as_ref().and_then(|tree| tree.root(text)?.find(&LABELS));
    Ok(labels.and_then(|labels| labels.get(DATAPLANE_MODE)).is_none())
}
