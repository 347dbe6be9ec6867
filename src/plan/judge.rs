//! Every pod decoded once and judged in every column, as it is and hardened.
//!
//! Most pods come out alike in several columns: what no injector touches is judged once. A pod is hardened as the pass
//! `harden` does it, on what is decoded; the injectors then give `seccompProfile` where they know the value.

use std::collections::BTreeMap;

use crate::admission::{AdmittedPod, Candidate, Cluster, Outcome, World};
use crate::config::{Ambient, Config, DataplaneMode, Harden, Workloads};
use crate::harden::harden;
use crate::harden::injected::{SECCOMP, is_node_agent, leave_to_injector};
use crate::krm::Item;
use crate::kube::pod::PodToBe;
use crate::pod_security::{Level, LevelVersion, Version, Violation, defaults, evaluate};
use crate::report::plan::{Answer, Column};
use crate::rules::Rule;

/// A column's world, before and after `harden` has set what injectors give to containers.
struct Scenario {
    world: World,
    hardened: Option<World>,
}

/// What is the same for all pods.
pub(super) struct Judge<'c> {
    cluster: &'c Cluster,
    scenarios: [Option<Scenario>; 4],
    workloads: Workloads,
}

/// What came out for a pod.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) answers: Vec<Answer>,
    pub(super) as_is: [Option<usize>; 4],
    pub(super) hardened: [Option<usize>; 4],
    /// Why a column has no answer, with the rule; each reason once.
    pub(super) unknown: Vec<(Rule, String)>,
    /// The pod as it is admitted now.
    pub(super) admitted: Option<Box<AdmittedPod>>,
}

impl<'c> Judge<'c> {
    pub(super) fn new(
        cluster: &'c Cluster,
        config: &Config,
        revision: Option<&str>,
        unavailable: &BTreeMap<Column, String>,
    ) -> Self {
        let none = Ambient::default();
        let ambient = config.istio.as_ref().map_or(&none, |istio| &istio.ambient);
        let scenarios = Column::ALL.map(|column| {
            let mode = match column {
                Column::AsIs => None,
                Column::Sidecar => Some(DataplaneMode::Sidecar),
                Column::Cni => Some(DataplaneMode::Cni),
                Column::Ambient => Some(DataplaneMode::Ambient),
            };
            (!unavailable.contains_key(&column)).then(|| {
                let world = cluster.world(mode, ambient, revision);
                let hardened = cluster.with_seccomp_profile(&world);
                Scenario { world, hardened }
            })
        });
        let users = config.workloads.as_ref().map(|workloads| workloads.users.clone()).unwrap_or_default();
        let workloads = Workloads { harden: Harden::Restricted, assume_non_root: true, users };
        Self { cluster, scenarios, workloads }
    }

    /// Judges a pod in all columns.
    pub(super) fn pod(&self, item: &Item<'_>, namespace: &str, candidate: &Candidate) -> Judged {
        let pod = match (&candidate.pod, self.cluster.unread_labels(namespace)) {
            (Ok(pod), None) => pod,
            (Err(why), _) => return self.nothing(Rule::Undecodable, why.clone()),
            (Ok(_), Some(why)) => {
                let why =
                    format!("the labels that the profile controller gives to its namespace cannot be read: {why}");
                return self.nothing(Rule::Undecodable, why);
            }
        };
        let mut found = Found { judge: self, item, candidate, pod, judged: Judged::default(), admitted: Vec::new() };
        found.as_is();
        found.hardened();
        found.judged
    }

    /// The same reason in all columns.
    fn nothing(&self, rule: Rule, why: String) -> Judged {
        let all = Column::ALL.map(|column| self.scenarios[column as usize].as_ref().map(|_| 0));
        Judged {
            answers: vec![Answer::Unknown(why.clone())],
            as_is: all,
            hardened: all,
            unknown: vec![(rule, why)],
            admitted: None,
        }
    }
}

struct Found<'f, 's> {
    judge: &'f Judge<'f>,
    item: &'f Item<'s>,
    candidate: &'f Candidate,
    pod: &'f PodToBe,
    judged: Judged,
    /// The pod as it is admitted, for each answer that has one.
    admitted: Vec<Option<Box<AdmittedPod>>>,
}

impl Found<'_, '_> {
    fn as_is(&mut self) {
        let in_ambient = self.judge.cluster.is_in_ambient(self.item, self.pod);
        for column in Column::ALL {
            let Some(scenario) = &self.judge.scenarios[column as usize] else { continue };
            let now = self.judged.as_is[Column::AsIs as usize];
            let never_injected = now.and_then(|now| self.admitted.get(now)?.as_ref()).is_some_and(|pod| !pod.injected);
            let same = !in_ambient && (scenario.world.injects_as_is() || never_injected);
            let place = match now.filter(|_| same) {
                Some(now) => now,
                None => self.answer(&scenario.world, self.pod.clone()),
            };
            self.judged.as_is[column as usize] = Some(place);
        }
        let now = self.judged.as_is[Column::AsIs as usize];
        self.judged.admitted = now.and_then(|now| self.admitted.get(now)?.clone());
    }

    fn hardened(&mut self) {
        if is_node_agent(self.item) {
            self.judged.hardened = self.judged.as_is;
            return;
        }
        let mut of_answer: BTreeMap<usize, usize> = BTreeMap::new();
        for column in Column::ALL {
            let (Some(scenario), Some(before)) =
                (&self.judge.scenarios[column as usize], self.judged.as_is[column as usize])
            else {
                continue;
            };
            let after = match of_answer.get(&before) {
                Some(after) => *after,
                None => self.hardened_answer(scenario, before),
            };
            of_answer.insert(before, after);
            self.judged.hardened[column as usize] = Some(after);
        }
    }

    /// What comes of the pod behind an answer when it is hardened.
    fn hardened_answer(&mut self, scenario: &Scenario, before: usize) -> usize {
        let Some(Some(admitted)) = self.admitted.get(before) else { return before };
        let Some(Answer::Judged { restricted, injected, .. }) = self.judged.answers.get(before) else { return before };
        if restricted.is_empty() {
            return before;
        }
        let mut spec = self.pod.spec.clone();
        let own = if *injected {
            leave_to_injector(&mut spec, Some(&admitted.pod.spec));
            let mut defaulted = spec.clone();
            defaults::apply_to_pod(&mut defaulted);
            evaluate(Level::Restricted, Version::Latest, &self.pod.metadata, &defaulted)
        } else {
            restricted.clone()
        };
        let of_injection = restricted.iter().filter(|violation| violation.check == SECCOMP);
        let violated = own.iter().chain(of_injection).map(|violation| violation.check).collect();
        let patch = harden(&spec, &violated, &self.judge.workloads, true);
        let world = scenario.hardened.as_ref().filter(|_| *injected);
        if patch.is_empty() && world.is_none() {
            return before;
        }
        let mut pod = self.pod.clone();
        patch.apply(&mut pod.spec);
        self.answer(world.unwrap_or(&scenario.world), pod)
    }

    /// Judges a pod in a world and gives the place of the answer.
    fn answer(&mut self, world: &World, pod: PodToBe) -> usize {
        let (answer, admitted) = match self.judge.cluster.admit_in(world, self.item, self.candidate, pod) {
            Outcome::Failed { why, .. } => (self.unknown(Rule::InjectionRefused, why), None),
            Outcome::Judged(pod) => match &pod.doubt {
                Some(doubt) => {
                    let why = format!("what Istio's injector adds cannot be predicted: {doubt}");
                    (self.unknown(Rule::InjectionUnpredictable, why), None)
                }
                None => (judged(&pod), Some(pod)),
            },
        };
        if let Some(same) = self.judged.answers.iter().position(|known| *known == answer) {
            return same;
        }
        self.judged.answers.push(answer);
        self.admitted.push(admitted);
        self.judged.answers.len() - 1
    }

    fn unknown(&mut self, rule: Rule, why: String) -> Answer {
        if self.judged.unknown.iter().all(|(_, known)| *known != why) {
            self.judged.unknown.push((rule, why.clone()));
        }
        Answer::Unknown(why)
    }
}

fn judged(pod: &AdmittedPod) -> Answer {
    let violations = |level| pod.violations(LevelVersion { level, version: Version::Latest });
    let restricted: Vec<Violation> = violations(Level::Restricted);
    // A pod of Windows may meet restricted and not baseline.
    let baseline = violations(Level::Baseline);
    Answer::Judged { baseline, restricted, injected: pod.injected }
}
