//! What the pods of each factory lack, by the settings and releases that a list shows.

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Evidence;
use crate::krm::{Error, Item};
use crate::kube::pod::decode;
use crate::kubeflow::lacks::{Field, Lacks};
use crate::kubeflow::platform::Controller;
use crate::pod_security::{Level, Version, evaluate};
use crate::yaml::embedded::Embedded;
use crate::yaml::resolve::Scalar;
use crate::yaml::tree::{Tree, View};

type Judged = Result<Option<Lacks>, Error>;

/// From which release of Pipelines on its own containers have a context.
const PIPELINES_WITH_CONTEXT: (u32, u32, u32) = (2, 16, 0);

pub(super) fn always(_: &Evidence<'_, '_>) -> Judged {
    Ok(Some(Lacks::all()))
}

pub(super) fn pipelines_system(evidence: &Evidence<'_, '_>) -> Judged {
    if evidence.platform.is_from(Controller::Pipelines, PIPELINES_WITH_CONTEXT) {
        return Ok(None);
    }
    workflows_main(evidence)
}

pub(super) fn pipelines_user(evidence: &Evidence<'_, '_>) -> Judged {
    if !evidence.platform.is_from(Controller::Pipelines, PIPELINES_WITH_CONTEXT) {
        return workflows_main(evidence);
    }
    let said = evidence.texts("pipeline-install-config", |key, value| {
        key == "defaultSecurityContextRunAsNonRoot" && value.scalar_text() == "true"
    })?;
    let of_workflows = workflows_main(evidence)?.unwrap_or_default();
    let lacks = Lacks::of(&[Field::RunAsNonRoot]);
    let is_set = said.contains(&true) || !of_workflows.contains(Field::RunAsNonRoot);
    Ok((!is_set).then_some(lacks))
}

pub(super) fn workflows_executor(evidence: &Evidence<'_, '_>) -> Judged {
    let lacks = evidence.inside(WORKFLOWS, "executor", |executor| Lacks::beside(&[executor.get("securityContext")]))?;
    Ok(Some(lacks.unwrap_or_else(Lacks::all)))
}

const WORKFLOWS: &str = "workflow-controller-configmap";

pub(super) fn workflows_main(evidence: &Evidence<'_, '_>) -> Judged {
    let main = evidence.inside(WORKFLOWS, "mainContainer", |main| Lacks::beside(&[main.get("securityContext")]))?;
    let pod = evidence.inside(WORKFLOWS, "workflowDefaults", |defaults| {
        Lacks::beside(&[defaults.find(&["spec", "securityContext"])])
    })?;
    Ok(Some(main.unwrap_or_else(Lacks::all).in_both(&of_pod(pod.unwrap_or_else(Lacks::all)))))
}

/// A pod's own context has two of the four fields.
fn of_pod(mut lacks: Lacks) -> Lacks {
    lacks.extend(Lacks::of(&[Field::AllowPrivilegeEscalation, Field::Capabilities]));
    lacks
}

pub(super) fn pipelines_profiles(evidence: &Evidence<'_, '_>) -> Judged {
    let visualization = evidence.platform.is_before(Controller::Pipelines, (2, 15, 0));
    let proxy = evidence.texts("pipeline-install-config", |key, value| {
        key == "ARTIFACTS_PROXY_ENABLED" && value.scalar_text().eq_ignore_ascii_case("true")
    })?;
    Ok((visualization || proxy.contains(&true)).then(Lacks::all))
}

pub(super) fn pipelines_viewers(evidence: &Evidence<'_, '_>) -> Judged {
    let lacks = evidence.inside("ml-pipeline-ui-configmap", "viewer-pod-template.json", |template| {
        of_pod(Lacks::beside(&[template.find(&["spec", "securityContext"])]))
    })?;
    Ok(Some(lacks.unwrap_or_else(Lacks::all)))
}

pub(super) fn volume_viewers(evidence: &Evidence<'_, '_>) -> Judged {
    let lacks = evidence
        .inside("volumes-web-app-viewer-spec", "viewer-spec.yaml", |viewer| viewer.get("podSpec").map(of_pod_spec))?;
    Ok(lacks.flatten())
}

pub(super) fn kserve_predictors(evidence: &Evidence<'_, '_>) -> Judged {
    let of_runtime = |root: View<'_>| {
        let mut lacks = root.get("spec").map(of_pod_spec).unwrap_or_default();
        lacks.extend(root.find(&["spec", "workerSpec"]).map(of_pod_spec).unwrap_or_default());
        lacks
    };
    evidence.resources("serving.kserve.io/", &["ClusterServingRuntime"], of_runtime)
}

pub(super) fn kserve_storage_initializer(evidence: &Evidence<'_, '_>) -> Judged {
    if evidence.platform.is_before(Controller::KServe, (0, 14, 0)) {
        return Ok(None);
    }
    let of_container = |root: View<'_>| Lacks::beside(&[root.find(&["spec", "container", "securityContext"])]);
    let lacks = evidence.resources("serving.kserve.io/", &["ClusterStorageContainer"], of_container)?;
    Ok(Some(lacks.unwrap_or_else(Lacks::all)))
}

pub(super) fn kserve_modelcars(evidence: &Evidence<'_, '_>) -> Judged {
    let enabled = evidence.inside("inferenceservice-config", "storageInitializer", |settings| {
        settings.get("enableModelcar").and_then(|value| value.scalar()) == Some(Scalar::Bool(true))
    })?;
    Ok((enabled == Some(true))
        .then(|| Lacks::of(&[Field::AllowPrivilegeEscalation, Field::Capabilities, Field::SeccompProfile])))
}

pub(super) fn knative_queue_proxy(evidence: &Evidence<'_, '_>) -> Judged {
    let is_old = evidence.platform.is_before(Controller::Knative, (1, 12, 0));
    Ok(is_old.then(|| Lacks::of(&[Field::SeccompProfile])))
}

pub(super) fn knative_services(evidence: &Evidence<'_, '_>) -> Judged {
    let mut lacks = Lacks::all();
    for item in evidence.config_maps("config-features") {
        if item.namespace() == "knative-eventing" {
            continue;
        }
        let parsed = item.parse_leniently()?;
        let word =
            parsed.root().and_then(|root| root.find(&["data", "secure-pod-defaults"])).map(|word| word.scalar_text());
        let sets_user = evidence.platform.is_from(Controller::Knative, (1, 12, 0));
        lacks = match word.map(str::to_ascii_lowercase).as_deref() {
            Some("enabled") if sets_user => Lacks::default(),
            Some("enabled" | "allowrootbounded") => Lacks::of(&[Field::RunAsNonRoot]),
            _ => lacks,
        };
    }
    Ok(Some(lacks))
}

pub(super) fn katib_suggestions(evidence: &Evidence<'_, '_>) -> Judged {
    let lacks = evidence.inside(KATIB, KATIB_KEY, |config| {
        let suggestions = config.find(&["runtime", "suggestions"]);
        merged(suggestions.iter().flat_map(View::items).map(|one| Lacks::beside(&[one.get("securityContext")])))
    })?;
    Ok(lacks)
}

const KATIB: &str = "katib-config";
const KATIB_KEY: &str = "katib-config.yaml";

pub(super) fn katib_metrics_collectors(evidence: &Evidence<'_, '_>) -> Judged {
    let copies = evidence.inside(KATIB, KATIB_KEY, |config| {
        let flag = config.find(&["init", "controller", "injectSecurityContext"]);
        flag.and_then(|flag| flag.scalar()) == Some(Scalar::Bool(true))
    })?;
    Ok((copies != Some(true)).then(Lacks::all))
}

pub(super) fn katib_early_stopping(evidence: &Evidence<'_, '_>) -> Judged {
    let offered = evidence.inside(KATIB, KATIB_KEY, |config| {
        config.find(&["runtime", "earlyStoppings"]).is_some_and(|services| services.items().next().is_some())
    })?;
    Ok((offered == Some(true)).then(Lacks::all))
}

pub(super) fn katib_trials(evidence: &Evidence<'_, '_>) -> Judged {
    let mut all: Option<Lacks> = None;
    for item in evidence.config_maps("trial-templates") {
        let parsed = item.parse_leniently()?;
        let Some(data) = parsed.root().and_then(|root| root.get("data")) else { continue };
        for (_, value) in data.entries() {
            let Some(embedded) = Embedded::of(value) else { continue };
            let Ok(tree) = Tree::parse(embedded.text()) else { continue };
            let Some(trial) = tree.root(embedded.text()) else { continue };
            let lacks =
                merged(crate::kubeflow::trials::pod_specs(trial).into_iter().map(|(_, spec)| of_pod_spec(spec)));
            all.get_or_insert_with(Lacks::default).extend(lacks);
        }
    }
    Ok(all)
}

pub(super) fn trainer_runtimes(evidence: &Evidence<'_, '_>) -> Judged {
    let of_runtime = |root: View<'_>| {
        let jobs = root.find(&["spec", "template", "spec", "replicatedJobs"]);
        let specs =
            jobs.iter().flat_map(View::items).filter_map(|job| job.find(&["template", "spec", "template", "spec"]));
        merged(specs.map(of_pod_spec))
    };
    evidence.resources("trainer.kubeflow.org/", &["ClusterTrainingRuntime"], of_runtime)
}

fn merged(all: impl Iterator<Item = Lacks>) -> Lacks {
    all.fold(Lacks::default(), |mut merged, lacks| {
        merged.extend(lacks);
        merged
    })
}

/// What a pod's spec lacks, by the checks themselves.
fn of_pod_spec(spec: View<'_>) -> Lacks {
    let Ok(spec) = decode::<PodSpec>(spec) else { return Lacks::all() };
    let violations = evaluate(Level::Restricted, Version::Latest, &ObjectMeta::default(), &spec);
    violations.iter().filter_map(|violation| Field::of_check(violation.check)).collect()
}

impl Evidence<'_, '_> {
    /// The ConfigMaps of a name, with or without kustomize's hash.
    fn config_maps(&self, name: &str) -> impl Iterator<Item = &Item<'_>> {
        let items = self.list.items().iter().filter(|item| item.is("v1", "ConfigMap") && !item.is_local_config());
        items.filter(move |item| {
            item.name().strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
    }

    /// Something of every value of a ConfigMap.
    fn texts<T>(&self, name: &str, read: impl Fn(&str, View<'_>) -> T) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for item in self.config_maps(name) {
            let parsed = item.parse_leniently()?;
            let data = parsed.root().and_then(|root| root.get("data"));
            all.extend(data.iter().flat_map(View::entries).map(|(key, value)| read(key.scalar_text(), value)));
        }
        Ok(all)
    }

    /// Something of the YAML or JSON text under a key of a ConfigMap.
    fn inside<T>(&self, name: &str, key: &str, read: impl Fn(View<'_>) -> T) -> Result<Option<T>, Error> {
        for item in self.config_maps(name) {
            let parsed = item.parse_leniently()?;
            let Some(embedded) = parsed.root().and_then(|root| root.find(&["data", key])).and_then(Embedded::of) else {
                continue;
            };
            let Ok(tree) = Tree::parse(embedded.text()) else { continue };
            if let Some(inner) = tree.root(embedded.text()) {
                return Ok(Some(read(inner)));
            }
        }
        Ok(None)
    }

    /// What the resources of some kinds lack together.
    fn resources(&self, group: &str, kinds: &[&str], read: impl Fn(View<'_>) -> Lacks) -> Judged {
        let mut all: Option<Lacks> = None;
        for item in self.list.items().iter().filter(|item| kinds.contains(&item.kind()) && !item.is_local_config()) {
            if !item.api_version().starts_with(group) {
                continue;
            }
            let parsed = item.parse_leniently()?;
            let Some(root) = parsed.root() else { continue };
            all.get_or_insert_with(Lacks::default).extend(read(root));
        }
        Ok(all)
    }
}
