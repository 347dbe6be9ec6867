//! Settings that are single words or templates: Katib, Knative, viewers of pipeline outputs.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::{Resource, Wish};
use crate::harden::{ContainerList, Patch, harden};
use crate::kube::pod::decode;
use crate::kubeflow::platform::Controller;
use crate::passes::harden::{Places, Rule, edits, fill, findings};
use crate::pod_security::{Level, Version, evaluate};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// `katib-config`: suggestions are containers with a few keys more; the flag copies a trial's context to its collector.
pub(super) fn katib(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) -> Option<&'static str> {
    let mut flag = false;
    let mut patch = Patch::default();
    resource.text("katib-config.yaml", |config| {
        patch = suggestions(config, wish);
        let places = Places {
            pod: Path::default(),
            container: Box::new(|(_, index)| Path::of(&["runtime", "suggestions"]).join(index)),
        };
        let mut all = edits(config, &patch, &places)?;
        let controller = config.find(&["init", "controller"]);
        if controller
            .is_some_and(|controller| controller.get("injectSecurityContext").is_none_or(|flag| flag.is_null()))
        {
            all.set(config, &["init", "controller"], &[("injectSecurityContext", Value::Bool(true))])?;
            flag = true;
        }
        Ok(all)
    });
    if let Some(message) = findings::unknown_users(&patch) {
        resource.warnings.push((Rule::HardenUserUnknown, message));
    }
    flag.then_some("katib-controller")
}

fn suggestions(config: View<'_>, wish: &Wish<'_>) -> Patch {
    let list = config.find(&["runtime", "suggestions"]);
    let containers = list.iter().flat_map(View::items).map(|suggestion| {
        let mut container = decode::<Container>(suggestion).unwrap_or_default();
        let algorithm = suggestion.get("algorithmName").map(|name| name.scalar_text()).unwrap_or_default();
        algorithm.clone_into(&mut container.name);
        container
    });
    let spec = PodSpec { containers: containers.collect(), ..PodSpec::default() };
    let violated = evaluate(Level::Restricted, Version::Latest, &ObjectMeta::default(), &spec);
    let violated: BTreeSet<&str> = violated.iter().map(|violation| violation.check).collect();
    let mut patch = harden(&spec, &violated, wish.workloads, false);
    // Elements that are no containers are left as they are.
    let readable: Vec<bool> = list.iter().flat_map(View::items).map(|one| decode::<Container>(one).is_ok()).collect();
    let keep = |(_, index): &(ContainerList, usize)| readable.get(*index) == Some(&true);
    patch.containers.retain(|slot, _| keep(slot));
    patch.drop_all_as_well.retain(keep);
    patch
}

/// `config-features` of Knative Serving: defaults for what a Service does not say.
pub(super) fn knative(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    const KEY: &str = "secure-pod-defaults";
    let platform = &wish.platform;
    let said = resource.root.find(&["data", KEY]).is_some_and(|value| !value.scalar_text().is_empty());
    if said || resource.item.namespace() == "knative-eventing" || platform.find(Controller::Knative).is_none() {
        return;
    }
    let value = if wish.workloads.assume_non_root || platform.is_before(Controller::Knative, (1, 12, 0)) {
        "enabled"
    } else if platform.is_from(Controller::Knative, (1, 21, 0)) {
        "AllowRootBounded"
    } else {
        let message = "`secure-pod-defaults` was not set: from Knative 1.12 to 1.20 it also sets `runAsNonRoot`, and an image that \
                       runs as root would not start with it; set it, or `workloads.assumeNonRoot`";
        resource.warnings.push((Rule::HardenUserUnknown, message.to_owned()));
        return;
    };
    resource.data(&[(KEY, value)]);
}

/// `ml-pipeline-ui-configmap`: the template reaches the pod alone.
pub(super) fn pipeline_viewer(resource: &mut Resource<'_, '_>, wish: &Wish<'_>) {
    let assume = wish.workloads.assume_non_root;
    resource.text("viewer-pod-template.json", |template| {
        let existing = template.find(&["spec", "securityContext"]);
        let mut wanted = Map::new();
        if assume {
            wanted.insert("runAsNonRoot".to_owned(), Value::Bool(true));
        }
        wanted.insert("seccompProfile".to_owned(), json!({"type": "RuntimeDefault"}));
        let patch = fill::unsaid(existing, &wanted);
        let mut edits = crate::yaml::edit::Edits::default();
        if !patch.is_empty() {
            let whole = Map::from_iter([("spec".to_owned(), json!({"securityContext": patch}))]);
            edits.merge(template, &whole)?;
        }
        Ok(edits)
    });
}
