//! The table of what makes pods at run time: who, which pods, what they lack of restricted, and which setting decides.
//!
//! Read from the sources at the releases that Kubeflow 1.8.1 to 26.03 ship: kubeflow/pipelines 2.0.5 to 2.16.0
//! (`backend/src/v2/compiler/argocompiler`, `manifests/.../sync.py`), argo-workflows 3.3 to 3.7
//! (`workflow/controller/workflowpod.go`), kserve 0.11 to 0.16 (`pkg/webhook/admission/pod`), knative/serving 1.10 to 1.21
//! (`pkg/reconciler/revision/resources/queue.go`), katib 0.16 to 0.19 (`pkg/controller.v1beta1/suggestion/composer`), trainer
//! 2.1 and the notebook and tensorboard controllers. None of these pods falls short of baseline.

mod judge;

use super::lacks::Lacks;
use super::platform::{Controller, Platform};
use crate::krm::{Error, List};

/// What decides about the security context of generated pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    /// A setting in the manifests.
    Setting {
        /// Which one.
        what: &'static str,
        /// Whether `workloads.harden` sets it, and how far.
        hardened: &'static str,
    },
    /// No manifest reaches it.
    None {
        /// Why, or what to do instead.
        why: &'static str,
    },
}

/// A kind of pods that a controller makes.
#[derive(Debug)]
pub struct Factory {
    /// A stable word for it.
    pub code: &'static str,
    /// Who makes them.
    pub controller: Controller,
    /// The name that its users know it by.
    pub component: &'static str,
    /// The pods, or their part.
    pub pods: &'static str,
    /// What they lack in which releases, in words.
    pub lacks: &'static str,
    /// What decides.
    pub knob: Knob,
    judge: fn(&Evidence<'_, '_>) -> Result<Option<Lacks>, Error>,
}

/// What a list shows of the factories.
#[derive(Debug)]
pub struct Evidence<'l, 's> {
    list: &'l List<'s>,
    platform: &'l Platform,
}

impl<'l, 's> Evidence<'l, 's> {
    /// The evidence of a list.
    #[must_use]
    pub fn of(list: &'l List<'s>, platform: &'l Platform) -> Self {
        Self { list, platform }
    }

    /// What the pods of a factory lack, as the list has its settings now; None where the list does not hold its
    /// controller, or its pods reach restricted.
    ///
    /// # Errors
    /// Where a resource that must be looked into is no YAML.
    pub fn lacks(&self, factory: &Factory) -> Result<Option<Lacks>, Error> {
        if self.platform.find(factory.controller).is_none() {
            return Ok(None);
        }
        Ok((factory.judge)(self)?.filter(|lacks| !lacks.is_empty()))
    }
}

/// All factories, in the order of the documentation.
pub static FACTORIES: &[Factory] = &[
    Factory {
        code: "pipelines-system",
        controller: Controller::Pipelines,
        component: "Kubeflow Pipelines",
        pods: "driver, launcher and importer pods of pipelines",
        lacks: "up to 2.15 (Kubeflow 1.11): all four; from 2.16 (26.03) nothing",
        knob: Knob::Setting {
            what: "`mainContainer` and `workflowDefaults` in ConfigMap `workflow-controller-configmap`",
            hardened: "all; up to Pipelines 2.2 without `runAsNonRoot`, see workflows-main",
        },
        judge: judge::pipelines_system,
    },
    Factory {
        code: "pipelines-user",
        controller: Controller::Pipelines,
        component: "Kubeflow Pipelines",
        pods: "containers of pipeline steps",
        lacks: "up to 2.15 (Kubeflow 1.11): all four; from 2.16 (26.03) runAsNonRoot",
        knob: Knob::Setting {
            what: "from 2.16 `defaultSecurityContextRunAsNonRoot`, `…RunAsUser` and `…RunAsGroup` in ConfigMap \
                   `pipeline-install-config`; before, as for pipelines-system",
            hardened: "all: \"true\", \"1000\" and \"0\"; `ml-pipeline` must restart",
        },
        judge: judge::pipelines_user,
    },
    Factory {
        code: "workflows-executor",
        controller: Controller::Workflows,
        component: "Argo Workflows",
        pods: "init and wait containers of workflows",
        lacks: "up to Kubeflow 1.11: all four; 26.03 ships the setting",
        knob: Knob::Setting {
            what: "`executor` in ConfigMap `workflow-controller-configmap`",
            hardened: "all, with user 65532 as 26.03 has it",
        },
        judge: judge::workflows_executor,
    },
    Factory {
        code: "workflows-main",
        controller: Controller::Workflows,
        component: "Argo Workflows",
        pods: "main containers of workflows, those of Pipelines version 1 and hand-made ones too",
        lacks: "all four, in every release",
        knob: Knob::Setting {
            what: "`mainContainer` and `workflowDefaults` in ConfigMap `workflow-controller-configmap`",
            hardened: "all, with user 1000 where a workflow says none; up to Pipelines 2.2 without `runAsNonRoot`, since \
                       those cannot write output artifacts as another user than root (kubeflow/pipelines issue 9783)",
        },
        judge: judge::workflows_main,
    },
    Factory {
        code: "pipelines-profiles",
        controller: Controller::PipelinesProfiles,
        component: "kubeflow-pipelines-profile-controller",
        pods: "Deployments ml-pipeline-ui-artifact (and up to Kubeflow 1.10 ml-pipeline-visualizationserver) of each profile",
        lacks: "all four; from Kubeflow 1.11 on only with `ARTIFACTS_PROXY_ENABLED: \"true\"`",
        knob: Knob::None {
            why: "they are written by the Python text `sync.py`; from Kubeflow 1.11 on keep `ARTIFACTS_PROXY_ENABLED` \"false\" in \
                  ConfigMap `pipeline-install-config`",
        },
        judge: judge::pipelines_profiles,
    },
    Factory {
        code: "pipelines-viewers",
        controller: Controller::PipelinesViewers,
        component: "ml-pipeline-viewer-crd",
        pods: "viewers of pipeline outputs",
        lacks: "all four, in every release",
        knob: Knob::Setting {
            what: "`viewer-pod-template.json` in ConfigMap `ml-pipeline-ui-configmap`, which reaches the pod and not its \
                   containers",
            hardened: "seccompProfile; runAsNonRoot with `assumeNonRoot`; the rest has no setting",
        },
        judge: judge::pipelines_viewers,
    },
    Factory {
        code: "notebooks",
        controller: Controller::Notebooks,
        component: "the notebook controller and jupyter-web-app",
        pods: "notebooks",
        lacks: "all four, in every release",
        knob: Knob::None {
            why: "neither the controller nor the form that creates them has a field for it (kubeflow/kubeflow issue 5825)",
        },
        judge: judge::always,
    },
    Factory {
        code: "tensorboards",
        controller: Controller::Tensorboards,
        component: "the tensorboard controller",
        pods: "tensorboards",
        lacks: "all four, in every release",
        knob: Knob::None { why: "the controller has no field for it" },
        judge: judge::always,
    },
    Factory {
        code: "volume-viewers",
        controller: Controller::VolumeViewers,
        component: "the volumes web app and its controller",
        pods: "file browsers of volumes",
        lacks: "runAsNonRoot and seccompProfile",
        knob: Knob::Setting {
            what: "`viewer-spec.yaml` in ConfigMap `volumes-web-app-viewer-spec`",
            hardened: "seccompProfile; runAsNonRoot with a user of `workloads.users` or `assumeNonRoot`",
        },
        judge: judge::volume_viewers,
    },
    Factory {
        code: "kserve-predictors",
        controller: Controller::KServe,
        component: "KServe",
        pods: "predictors, and the agents and batchers that copy their context",
        lacks: "Kubeflow 1.8 and 1.9: all four; from 1.10.2 on seccompProfile (`kserve-huggingfaceserver-multinode`: all four)",
        knob: Knob::Setting {
            what: "the containers of each `ClusterServingRuntime`, which has no field for the pod",
            hardened: "all; runAsNonRoot with a user of `workloads.users` or `assumeNonRoot`",
        },
        judge: judge::kserve_predictors,
    },
    Factory {
        code: "kserve-storage-initializer",
        controller: Controller::KServe,
        component: "KServe",
        pods: "init container storage-initializer of predictors",
        lacks: "KServe 0.11 to 0.13 copies the predictor's context; from 0.14 on all four (kserve issue 5373)",
        knob: Knob::Setting {
            what: "`ClusterStorageContainer` `default`",
            hardened: "all; its image runs as 1000, and under istio-cni KServe sets the proxy's user itself",
        },
        judge: judge::kserve_storage_initializer,
    },
    Factory {
        code: "kserve-modelcars",
        controller: Controller::KServe,
        component: "KServe",
        pods: "modelcar containers of predictors whose storageUri is an `oci://` image",
        lacks: "allowPrivilegeEscalation, capabilities, seccompProfile",
        knob: Knob::None {
            why: "only `uidModelcar` is set; `enableModelcar: false` in ConfigMap `inferenceservice-config` keeps them out",
        },
        judge: judge::kserve_modelcars,
    },
    Factory {
        code: "knative-queue-proxy",
        controller: Controller::Knative,
        component: "Knative Serving",
        pods: "container queue-proxy of serverless predictors",
        lacks: "up to 1.11 (Kubeflow 1.8): seccompProfile; from 1.12 on nothing",
        knob: Knob::None { why: "its context stands in the code; Knative 1.12 has it" },
        judge: judge::knative_queue_proxy,
    },
    Factory {
        code: "knative-services",
        controller: Controller::Knative,
        component: "Knative Serving",
        pods: "containers of Knative Services that say nothing themselves",
        lacks: "all four",
        knob: Knob::Setting {
            what: "`secure-pod-defaults` in ConfigMap `config-features` of knative-serving",
            hardened: "\"enabled\" up to 1.11, which does not set runAsNonRoot; \"AllowRootBounded\" from 1.21 on; between \
                       them, and for runAsNonRoot, \"enabled\" with `assumeNonRoot`",
        },
        judge: judge::knative_services,
    },
    Factory {
        code: "katib-suggestions",
        controller: Controller::Katib,
        component: "Katib",
        pods: "suggestion services of experiments",
        lacks: "all four, in every release (katib issue 2613)",
        knob: Knob::Setting {
            what: "`runtime.suggestions[]` in `katib-config.yaml` of ConfigMap `katib-config`",
            hardened: "all; runAsNonRoot with a user of `workloads.users` or `assumeNonRoot`",
        },
        judge: judge::katib_suggestions,
    },
    Factory {
        code: "katib-metrics-collectors",
        controller: Controller::Katib,
        component: "Katib",
        pods: "metrics collectors beside trials",
        lacks: "all four, unless they copy the trial's context",
        knob: Knob::Setting {
            what: "`init.controller.injectSecurityContext` in `katib-config.yaml` of ConfigMap `katib-config`",
            hardened: "true: they copy the trial's context; `katib-controller` must restart",
        },
        judge: judge::katib_metrics_collectors,
    },
    Factory {
        code: "katib-early-stopping",
        controller: Controller::Katib,
        component: "Katib",
        pods: "early stopping services of experiments",
        lacks: "all four, in every release",
        knob: Knob::None { why: "`runtime.earlyStoppings[]` has no field for it: leave early stopping out" },
        judge: judge::katib_early_stopping,
    },
    Factory {
        code: "katib-trials",
        controller: Controller::Katib,
        component: "Katib",
        pods: "trials from the templates that the user interface offers",
        lacks: "all four; other trials are as their users write them",
        knob: Knob::Setting {
            what: "the texts of ConfigMap `trial-templates`",
            hardened: "all; runAsNonRoot with a user of `workloads.users` or `assumeNonRoot`",
        },
        judge: judge::katib_trials,
    },
    Factory {
        code: "trainer-runtimes",
        controller: Controller::Trainer,
        component: "Trainer",
        pods: "nodes and initializers of TrainJobs",
        lacks: "all four",
        knob: Knob::Setting {
            what: "the pod templates of each `ClusterTrainingRuntime`",
            hardened: "all; runAsNonRoot where the runtime, or `workloads.users`, names a user, or with `assumeNonRoot`",
        },
        judge: judge::trainer_runtimes,
    },
    Factory {
        code: "training-operator-init",
        controller: Controller::TrainingOperator,
        component: "the training operator",
        pods: "init container init-pytorch of PyTorchJobs",
        lacks: "all four, in every release",
        knob: Knob::None {
            why: "its template is a file in the image: mount another one at /etc/config/initContainer.yaml of Deployment \
                  `training-operator`",
        },
        judge: judge::always,
    },
];

#[cfg(test)]
mod tests {
    use super::FACTORIES;

    #[test]
    fn every_factory_has_a_code_of_its_own() {
        let mut codes: Vec<&str> = FACTORIES.iter().map(|factory| factory.code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
