//! Hardens pod templates of the nine kinds towards a level, and the settings by which controllers make other pods.
//!
//! ```yaml
//! kind: Deployment
//! spec:
//!   template:
//!     spec:
//!       securityContext:
//!         seccompProfile: {type: RuntimeDefault}        # on the pod: covers injected containers too
//!       containers:
//!       - name: main
//!         securityContext:
//!           allowPrivilegeEscalation: false
//!           capabilities: {drop: [ALL]}
//!           runAsNonRoot: true                          # only beside a user that is known
//! ```
//!
//! What each field needs is decided in [`crate::harden`]; this pass judges pods before and after, edits their texts in
//! their own style, and says what is left for a person. A pod that meets the level as it is admitted is not touched.
//! The agents of Istio on the node are left alone.

mod fill;
mod findings;
mod generated;
mod injector;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::PodSpec;

use super::release;
use super::report::Report;
use crate::admission::{AdmissionDefaults, Cluster, Outcome};
use crate::config::{Config, Harden, Workloads};
use crate::harden::injected::{SECCOMP, is_node_agent, leave_to_injector};
use crate::harden::{ContainerList, Patch, Slot, harden};
use crate::krm::{Error, Item, List};
use crate::kube::pod::PodKind;
use crate::pod_security::{Level, LevelVersion, Version, Violation, defaults, evaluate};
use crate::rules::Rule;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

pub(super) use generated::findings as generated_findings;

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some(workloads) = &config.workloads else { return Ok(()) };
    let level = match workloads.harden {
        Harden::None => return Ok(()),
        Harden::Baseline => Level::Baseline,
        Harden::Restricted => Level::Restricted,
    };
    findings::contradicting_users(workloads, report);
    let cluster = Cluster::of(list, AdmissionDefaults::default(), release(config))?;
    let mut run = Run { level, workloads, cluster, short_by_injection: BTreeMap::new() };
    for item in list.items_mut() {
        let Some(kind) = PodKind::of(item).filter(|_| !item.is_local_config()) else { continue };
        run.pod(item, kind, report)?;
    }
    if level == Level::Restricted {
        generated::run(list, workloads, report)?;
        injector::run(list, config, &mut run, report)?;
    }
    findings::short_by_injection(&run.short_by_injection, level, report);
    Ok(())
}

/// What is the same for all pods of a run.
struct Run<'c> {
    level: Level,
    workloads: &'c Workloads,
    cluster: Cluster,
    /// What pods fall short of only by what the injector adds, with their names.
    short_by_injection: BTreeMap<String, Vec<String>>,
}

/// What is wrong with a pod.
#[derive(Default)]
struct Judgement {
    /// By what it says itself.
    own: Vec<Violation>,
    /// By what the injector adds alone.
    injected: Vec<Violation>,
    /// The pod as it says itself, with the injector's words for containers that it leaves to the injector.
    spec: PodSpec,
}

impl Judgement {
    /// The checks that an edit may help with. Of what the injector adds, a profile on the pod is all that reaches it.
    fn violated(&self) -> BTreeSet<&'static str> {
        let seccomp = self.injected.iter().map(|violation| violation.check).filter(|check| *check == SECCOMP);
        self.own.iter().map(|violation| violation.check).chain(seccomp).collect()
    }
}

impl Run<'_> {
    fn pod(&mut self, item: &mut Item<'_>, kind: &PodKind, report: &mut Report) -> Result<(), Error> {
        let Some(before) = self.judge(item, kind, report)? else { return Ok(()) };
        let violated = before.violated();
        if violated.is_empty() {
            self.note_injection(item, &before);
            return Ok(());
        }
        if is_node_agent(item) {
            return findings::left_alone(item, self.level, report);
        }
        let (edits, patch) = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { return Ok(()) };
            let patch = harden(&before.spec, &violated, self.workloads, true);
            let spec = Path::of(kind.spec_path());
            let edits = edits(root, &patch, &Places::of_pod(&spec)).and_then(|edits| {
                // Edits that meet each other are found only here.
                edits.clone().apply(item.text()).map(|_| edits)
            });
            let edits = match edits {
                Ok(edits) => edits,
                Err(error) => {
                    let why = item.edit_error(&error).with_place();
                    findings::not_possible(item, root, &why, report);
                    self.note_injection(item, &before);
                    return Ok(());
                }
            };
            if !edits.is_empty() {
                findings::hardened(item, root, self.level, &patch, &Places::of_pod(&spec), report);
            }
            (edits, patch)
        };
        item.apply(edits)?;
        findings::users(item, &patch, kind, report)?;
        let Some(after) = self.judge(item, kind, report)? else { return Ok(()) };
        findings::undecided(item, self.level, &after.own, &patch, report)?;
        self.note_injection(item, &after);
        Ok(())
    }

    fn note_injection(&mut self, item: &Item<'_>, judgement: &Judgement) {
        for violation in &judgement.injected {
            let name = item.reference().to_string();
            self.short_by_injection.entry(violation.reason.to_owned()).or_default().push(name);
        }
    }

    /// Judges a pod by itself, and as it is admitted. None where there is no pod, or none that can be read.
    fn judge(&self, item: &Item<'_>, kind: &PodKind, report: &mut Report) -> Result<Option<Judgement>, Error> {
        let latest = LevelVersion { level: self.level, version: Version::Latest };
        let pod = {
            let parsed = item.parse_leniently()?;
            let Some(root) = parsed.root() else { return Ok(None) };
            match kind.read(root) {
                Ok(None) => return Ok(None),
                Ok(Some(pod)) => pod,
                Err(error) => {
                    let why = item.decode_error(&error).with_place();
                    findings::undecodable(item, root, &why, report);
                    return Ok(None);
                }
            }
        };
        let admitted = match self.cluster.admit(item)?.map(|subject| subject.outcome) {
            Some(Outcome::Judged(admitted)) if admitted.injected && admitted.doubt.is_none() => Some(admitted),
            _ => None,
        };
        let mut spec = pod.spec;
        leave_to_injector(&mut spec, admitted.as_ref().map(|admitted| &admitted.pod.spec));
        let mut defaulted = spec.clone();
        defaults::apply_to_pod(&mut defaulted);
        let own = evaluate(self.level, Version::Latest, &pod.metadata, &defaulted);
        let is_new = |violation: &Violation| own.iter().all(|known| known.check != violation.check);
        let injected = admitted.map(|admitted| admitted.violations(latest)).unwrap_or_default();
        let injected = injected.into_iter().filter(is_new).collect();
        Ok(Some(Judgement { own, injected, spec }))
    }
}

/// Where the parts of a pod stand in a text.
struct Places<'p> {
    /// The mapping that holds the pod's `securityContext`.
    pod: Path,
    container: Box<dyn Fn(Slot) -> Path + 'p>,
}

impl<'p> Places<'p> {
    fn of_pod(spec: &'p Path) -> Self {
        let of = move |(list, index): (ContainerList, usize)| spec.join(list.key()).join(index);
        Self { pod: spec.clone(), container: Box::new(of) }
    }
}

/// The edits that a patch comes to in a text.
fn edits(root: View<'_>, patch: &Patch, places: &Places<'_>) -> Result<Edits, EditError> {
    let mut edits = Edits::default();
    let in_context = |entries: &crate::harden::Entries| {
        crate::harden::Entries::from_iter([(CONTEXT.to_owned(), serde_json::Value::Object(entries.clone()))])
    };
    if !patch.pod.is_empty() {
        edits.merge_below(root, &places.pod, &in_context(&patch.pod))?;
    }
    for (slot, entries) in &patch.containers {
        edits.merge_below(root, &(places.container)(*slot), &in_context(entries))?;
    }
    for slot in &patch.drop_all_as_well {
        let dropped = (places.container)(*slot).join(CONTEXT).join("capabilities").join("drop");
        edits.append_below(root, &dropped, &"ALL".into())?;
    }
    Ok(edits)
}

/// The key of the fields that this pass sets.
const CONTEXT: &str = "securityContext";
