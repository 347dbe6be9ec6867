//! Argo Workflows and Kubeflow Pipelines: containers of workflows.

use serde_json::{Map, Value};

use super::{Resource, Wish};
use crate::kubeflow::platform::Controller;
use crate::passes::harden::fill::{container_context, pod_context};
use crate::yaml::edit::Edits;
use crate::yaml::emit::{Layout, block};

/// The user of Argo's own images, as Kubeflow 26.03 ships it.
const EXECUTOR: (i64, Option<i64>) = (65532, None);
/// The user of steps that name none.
const STEPS: (i64, Option<i64>) = (1000, None);

/// Before this release Pipelines cannot write output artifacts as another user than root (kubeflow/pipelines issue 9783).
const WITHOUT_ROOT: (u32, u32, u32) = (2, 3, 0);

/// `workflow-controller-configmap`, which the controller watches.
pub(super) fn controller(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    let needs_root = wish.platform.is_before(Controller::Pipelines, WITHOUT_ROOT);
    let steps = (!needs_root).then_some(STEPS);
    fill(resource, "executor", &["securityContext"], &|existing| container_context(existing, Some(EXECUTOR)));
    // The user stands in the workflow's own context, which every template can override.
    fill(resource, "mainContainer", &["securityContext"], &|existing| container_context(existing, None));
    fill(resource, "workflowDefaults", &["spec", "securityContext"], &|existing| pod_context(existing, steps));
    if resource.edits.is_empty() {
        return;
    }
    if needs_root {
        resource.notes.push(
            "`runAsNonRoot` is left out for steps of workflows, since Pipelines before 2.3 cannot write output artifacts as \
             another user than root (kubeflow/pipelines issue 9783)"
                .to_owned(),
        );
    } else {
        resource.notes.push("steps of workflows run as user 1000 where a workflow names none".to_owned());
    }
}

/// Fills in a security context of a text, which is made where there is none.
fn fill(
    resource: &mut Resource<'_, '_>,
    key: &str,
    path: &[&str],
    context: &dyn Fn(Option<crate::yaml::tree::View<'_>>) -> Map<String, Value>,
) {
    let value = resource.root.find(&["data", key]).filter(|value| !value.is_null());
    if value.is_none_or(|value| value.as_str().is_some_and(|text| text.trim().is_empty())) {
        let whole = path.iter().rev().fold(Value::Object(context(None)), |inner, key| {
            Value::Object(Map::from_iter([((*key).to_owned(), inner)]))
        });
        let text = format!("{}\n", block(&whole, 0, Layout::KUSTOMIZE));
        resource.data(&[(key, &text)]);
        return;
    }
    resource.text(key, |inner| {
        let patch = context(inner.find(path));
        let mut edits = Edits::default();
        if !patch.is_empty() {
            let whole =
                path.iter().rev().fold(patch, |inner, key| Map::from_iter([((*key).to_owned(), Value::Object(inner))]));
            edits.merge(inner, &whole)?;
        }
        Ok(edits)
    });
}

/// The keys that Pipelines reads from 2.16 on, with what its own tests set them to.
const STEP_CONTEXT: [(&str, &str); 3] = [
    ("defaultSecurityContextRunAsNonRoot", "true"),
    ("defaultSecurityContextRunAsUser", "1000"),
    ("defaultSecurityContextRunAsGroup", "0"),
];

/// `pipeline-install-config`: `runAsNonRoot` alone would stop images that run as root, so it comes with a user.
pub(super) fn pipelines(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) -> Option<&'static str> {
    let said = |key: &str| {
        let value = resource.root.find(&["data", key]);
        value.map(|value| value.scalar_text().to_owned()).filter(|text| !text.is_empty())
    };
    let knows = wish.platform.is_from(Controller::Pipelines, (2, 16, 0))
        || STEP_CONTEXT.iter().any(|(key, _)| resource.root.find(&["data", key]).is_some());
    let root = said("defaultSecurityContextRunAsNonRoot").is_some_and(|text| text != "true")
        || said("defaultSecurityContextRunAsUser").is_some_and(|text| text == "0");
    if !knows || root {
        return None;
    }
    let entries: Vec<(&str, &str)> = STEP_CONTEXT.into_iter().filter(|(key, _)| said(key).is_none()).collect();
    if entries.is_empty() {
        return None;
    }
    let or = |key: &str, default: &str| said(key).unwrap_or_else(|| default.to_owned());
    resource.notes.push(format!(
        "steps of pipelines run as {}:{}, whatever their component says; images that need another user do not start",
        or(STEP_CONTEXT[1].0, STEP_CONTEXT[1].1),
        or(STEP_CONTEXT[2].0, STEP_CONTEXT[2].1)
    ));
    resource.data(&entries);
    Some("ml-pipeline")
}
