//! Pods as they will be admitted: the joint between Istio and Pod Security.
//!
//! A pod is what its controller makes of a template, what the injector of *this* list adds to it (decided by the list's
//! webhooks, labels and values), and what the API server fills in; only then it is judged. `check`, `strictest` and the
//! findings about labels all ask this module, and nothing else knows both sides.
//!
//! Order of the steps: mutating admission (`MutatingAdmissionWebhook`) comes before validating admission, where
//! `PodSecurity` stands; the API server defaults before and after (kubernetes `pkg/kubeapiserver/options/plugins.go`).

mod cluster;
mod configuration;
mod what_if;
mod wording;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Capabilities, Container, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::istio::injector::{NamespaceView, Owner, PodView, Prediction};
use crate::krm::{Error, Item, List};
use crate::kube::pod::{PodKind, PodToBe};
use crate::pod_security::{self, Level, LevelVersion, Version, Violation, defaults};

pub use cluster::{Cluster, Namespace, Origin};
pub use configuration::{AdmissionDefaults, is_admission_configuration};
pub use what_if::{Candidate, World};
pub(crate) use wording::{depends_on_version, other_webhooks};

/// What becomes of the pod of a resource.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It comes before Pod Security admission.
    Judged(Box<AdmittedPod>),
    /// It never comes so far: the object does not decode, or the injector refuses its pod.
    Failed {
        /// Why, with field and line where they are known.
        why: String,
        /// Whether the object itself cannot be decoded.
        undecodable: bool,
    },
}

/// How a detail begins that names the injector's init container and no container of the pod's own.
const ONLY_ISTIO_INIT: &str = "container \"istio-init\"";

/// No field of the pod's own mends what the injector adds.
const MEND_ISTIO_INIT: &str =
    "Istio's injector adds this container. Set `istio.mode: cni`, which takes its privileges to the node.";

/// Whether a violation is of the injector's init container, which goes with the data plane mode.
#[must_use]
pub fn is_of_istio_init(violation: &Violation) -> bool {
    violation.mend == MEND_ISTIO_INIT
}

/// A pod as Pod Security admission sees it.
#[derive(Clone, Debug)]
pub struct AdmittedPod {
    /// The pod.
    pub pod: PodToBe,
    /// Istio's injector changes it.
    pub injected: bool,
    /// What of the injection cannot be told; the pod is then judged without it.
    pub doubt: Option<String>,
    /// The cluster's configuration exempts it from every level.
    pub exempt: bool,
}

impl AdmittedPod {
    /// What the pod breaks of a level; nothing where it is exempt.
    #[must_use]
    pub fn violations(&self, asked: LevelVersion) -> Vec<Violation> {
        if self.exempt {
            return Vec::new();
        }
        let mut violations = pod_security::evaluate(asked.level, asked.version, &self.pod.metadata, &self.pod.spec);
        if self.injected {
            for violation in &mut violations {
                if violation.detail.starts_with(ONLY_ISTIO_INIT) {
                    violation.mend = MEND_ISTIO_INIT;
                }
            }
        }
        violations
    }

    /// The strictest level that allows the pod.
    #[must_use]
    pub fn meets(&self, version: Version) -> Level {
        pod_security::meets(version, &self.pod.metadata, &self.pod.spec)
    }

    /// From which version on a level allows the pod, where an older one from v1.29 on refuses it.
    #[must_use]
    pub fn allowed_since(&self, level: Level) -> Option<Version> {
        /// The oldest version that clusters of today are judged by.
        const OLDEST_MINOR: u32 = 29;
        if self.exempt {
            return None;
        }
        pod_security::allowed_since(level, OLDEST_MINOR, &self.pod.metadata, &self.pod.spec)
    }
}

/// A resource that is a pod or makes one, judged once for all levels and versions.
#[derive(Clone, Debug)]
pub struct Subject {
    /// What becomes of its pod.
    pub outcome: Outcome,
    /// The byte of the input at which the resource begins: a line would have to be counted for each.
    pub offset: usize,
    /// A key that is there twice: the API server reads the last.
    pub duplicate_key: Option<String>,
}

/// The namespace in which a resource without one is created, as `kubectl` does without a context of its own.
const DEFAULT_NAMESPACE: &str = "default";

/// The namespace that a resource's pod will be in.
#[must_use]
pub fn namespace_of<'i>(item: &'i Item<'_>) -> &'i str {
    match item.namespace() {
        "" => DEFAULT_NAMESPACE,
        namespace => namespace,
    }
}

impl Cluster {
    /// Reads a resource and follows its pod up to Pod Security admission; `None` for a resource without a pod.
    ///
    /// # Errors
    /// Where the resource is no YAML.
    pub fn admit(&self, item: &Item<'_>) -> Result<Option<Subject>, Error> {
        let Some(candidate) = self.candidate(item)? else { return Ok(None) };
        let outcome = match candidate.pod {
            Ok(pod) => self.follow(&World::default(), item, candidate.kind, pod),
            Err(why) => Outcome::Failed { why, undecodable: true },
        };
        Ok(Some(Subject { outcome, offset: candidate.offset, duplicate_key: candidate.duplicate_key }))
    }

    fn follow(&self, world: &World, item: &Item<'_>, kind: &PodKind, mut pod: PodToBe) -> Outcome {
        defaults::apply_to_pod(&mut pod.spec);
        let name = namespace_of(item);
        let exempt = self.configured.exemptions.exempts(name, pod.spec.runtime_class_name.as_deref());
        let owner = Owner { api_version: item.api_version(), kind: item.kind(), name: item.name() };
        let view = PodView { metadata: &pod.metadata, spec: &pod.spec, owner: (!kind.is_pod()).then_some(owner) };
        let (mut pod, injected, doubt) = match self.predict(world, &self.view(name), &view) {
            Prediction::NotInjected(_) => (pod, false, None),
            Prediction::Injected(injected) => {
                (PodToBe { metadata: injected.metadata, spec: injected.spec }, true, None)
            }
            Prediction::Unpredictable { why } => (pod, true, Some(why)),
            Prediction::Refused { why } => {
                return Outcome::Failed { why: format!("Istio's injector refuses the pod: {why}"), undecodable: false };
            }
        };
        defaults::apply_to_pod(&mut pod.spec);
        Outcome::Judged(Box::new(AdmittedPod { pod, injected, doubt, exempt }))
    }

    /// What a level forbids of that which Istio's injector adds to a pod that by itself meets `restricted`, in a namespace
    /// with these labels; nothing where it is not injected.
    #[must_use]
    pub fn violations_of_injection(&self, labels: &BTreeMap<String, String>, asked: LevelVersion) -> Vec<Violation> {
        let pod = faultless();
        // The name is free: no injector knows it.
        let namespace = NamespaceView { name: "user", labels: Some(labels), annotations: None };
        let view = PodView { metadata: &pod.metadata, spec: &pod.spec, owner: None };
        match self.injectors.predict(&namespace, &view) {
            Prediction::Injected(mut pod) => {
                defaults::apply_to_pod(&mut pod.spec);
                pod_security::evaluate(asked.level, asked.version, &pod.metadata, &pod.spec)
            }
            _ => Vec::new(),
        }
    }

    /// The mutating webhooks of others that see a pod: what they do is not in the manifests.
    #[must_use]
    pub fn other_webhooks(&self, namespace: &str, pod: &AdmittedPod) -> Vec<&str> {
        self.injectors.others_that_see(&self.view(namespace), &pod.pod.metadata)
    }
}

/// A pod that meets `restricted` in every version.
fn faultless() -> PodToBe {
    let context = SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        ..SecurityContext::default()
    };
    let container = Container { name: "main".to_owned(), security_context: Some(context), ..Container::default() };
    let profile = SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None };
    let pod_context = PodSecurityContext {
        run_as_non_root: Some(true),
        seccomp_profile: Some(profile),
        ..PodSecurityContext::default()
    };
    let metadata = ObjectMeta { name: Some("pod".to_owned()), ..ObjectMeta::default() };
    let spec = PodSpec { containers: vec![container], security_context: Some(pod_context), ..PodSpec::default() };
    PodToBe { metadata, spec }
}

/// The pods of a list, each decoded when it is first asked for.
#[derive(Debug)]
pub struct Pods {
    cluster: Cluster,
    subjects: BTreeMap<usize, Option<Subject>>,
}

impl Pods {
    /// The pods of a cluster.
    #[must_use]
    pub fn of(cluster: Cluster) -> Self {
        Self { cluster, subjects: BTreeMap::new() }
    }

    /// What the list says of its cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Takes the labels of namespaces anew from a list whose pods have stayed as they were.
    ///
    /// # Errors
    /// As [`Cluster::of`].
    pub fn reread_namespaces(&mut self, list: &List<'_>) -> Result<(), Error> {
        self.cluster.reread_namespaces(list)
    }

    /// Whether any pod was looked at.
    #[must_use]
    pub fn was_asked(&self) -> bool {
        !self.subjects.is_empty()
    }

    /// The pod of the resource at a place of the list.
    ///
    /// # Errors
    /// Where the resource is no YAML, or has a key twice: readers do not agree on what such a resource says.
    pub fn get(&mut self, place: usize, item: &Item<'_>) -> Result<Option<&Subject>, Error> {
        if PodKind::of(item).is_none() {
            return Ok(None);
        }
        if !self.subjects.contains_key(&place) {
            let subject = self.cluster.admit(item)?;
            if let Some(message) = subject.as_ref().and_then(|subject| subject.duplicate_key.as_ref()) {
                return Err(item.error(format!("{message}; remove one")));
            }
            self.subjects.insert(place, subject);
        }
        Ok(self.subjects.get(&place).and_then(Option::as_ref))
    }
}
