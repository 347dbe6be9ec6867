//! What a plan has to say: the level that each namespace meets in each data plane mode, without and with hardening, and
//! what stands between it and the next one.

mod json;
pub(super) mod text;

use std::collections::BTreeMap;

use super::Located;
use crate::krm::{Finding, ResourceRef};
use crate::pod_security::{Level, Violation};

/// A column of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// Istio as the input has it.
    AsIs,
    /// Sidecars with `istio-init`.
    Sidecar,
    /// Sidecars under istio-cni.
    Cni,
    /// No sidecars.
    Ambient,
}

impl Column {
    /// All columns, in order.
    pub const ALL: [Self; 4] = [Self::AsIs, Self::Sidecar, Self::Cni, Self::Ambient];

    /// The word that programs read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AsIs => "asIs",
            Self::Sidecar => "sidecar",
            Self::Cni => "cni",
            Self::Ambient => "ambient",
        }
    }

    /// The words that people read.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::AsIs => "as is",
            column => column.as_str(),
        }
    }
}

/// Whether pods are taken as they are, or as `workloads.harden: restricted` with `assumeNonRoot` makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pods {
    /// As they are.
    AsTheyAre,
    /// Hardened.
    Hardened,
}

impl Pods {
    /// Both, in order.
    pub const ALL: [Self; 2] = [Self::AsTheyAre, Self::Hardened];
}

/// The Istio of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IstioFound {
    /// istiod's namespace.
    pub namespace: String,
    /// `default` where unnamed.
    pub revision: String,
    /// istiod's image tag without variant.
    pub version: String,
    /// The data plane mode that it is in.
    pub mode: Column,
}

/// What a pod breaks, or why nothing can be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The pod comes before Pod Security admission.
    Judged {
        /// What it breaks of baseline.
        baseline: Vec<Violation>,
        /// What it breaks of restricted.
        restricted: Vec<Violation>,
        /// Istio's injector changes it.
        injected: bool,
    },
    /// It cannot be told.
    Unknown(String),
}

impl Answer {
    /// What the pod breaks of a level; None where nothing can be said.
    #[must_use]
    pub fn violations(&self, level: Level) -> Option<&[Violation]> {
        match (self, level) {
            (Self::Unknown(_), _) => None,
            (Self::Judged { .. }, Level::Privileged) => Some(&[]),
            (Self::Judged { baseline, .. }, Level::Baseline) => Some(baseline),
            (Self::Judged { restricted, .. }, Level::Restricted) => Some(restricted),
        }
    }
}

/// A resource with a pod.
#[derive(Clone, Debug)]
pub struct PlannedPod {
    /// The resource.
    pub resource: ResourceRef,
    /// The input that it came from.
    pub input: usize,
    /// The line on which it begins there.
    pub line: usize,
    /// What there is to say, each answer once: most pods come out alike in several columns.
    pub answers: Vec<Answer>,
    /// Which answer holds, by column; None for a mode that this Istio cannot run.
    pub as_is: [Option<usize>; 4],
    /// The same of the hardened pod.
    pub hardened: [Option<usize>; 4],
    /// A patch that brings the pod to restricted as far as its own fields do; only where it was asked for.
    pub mend: Option<String>,
    /// An agent of Istio on the node, which needs its privileges.
    pub is_agent: bool,
}

impl PlannedPod {
    /// What there is to say of the pod in a column.
    #[must_use]
    pub fn answer(&self, column: Column, pods: Pods) -> Option<&Answer> {
        let places = match pods {
            Pods::AsTheyAre => &self.as_is,
            Pods::Hardened => &self.hardened,
        };
        self.answers.get(places[column as usize]?)
    }
}

/// A namespace with its pods.
#[derive(Clone, Debug)]
pub struct PlannedNamespace {
    /// Its name.
    pub name: String,
    /// Whether the input has the Namespace object.
    pub in_input: bool,
    /// What its label enforces.
    pub enforce: Option<Level>,
    /// The pods, in input order.
    pub pods: Vec<PlannedPod>,
}

/// What stands between a namespace and a level.
#[derive(Clone, Copy, Debug)]
pub struct Blocker<'p> {
    /// The pod.
    pub pod: &'p PlannedPod,
    /// What it breaks of the level.
    pub violations: &'p [Violation],
}

impl Blocker<'_> {
    /// Whether the same pod breaks the same.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self.pod, other.pod) && self.violations == other.violations
    }
}

impl PlannedNamespace {
    /// The strictest level that all pods meet; None where one of them has no answer, or the mode is none of this Istio.
    #[must_use]
    pub fn level(&self, column: Column, pods: Pods) -> Option<Level> {
        let meets = |level: Level| {
            self.pods.iter().all(|pod| {
                let violations = pod.answer(column, pods).and_then(|answer| answer.violations(level));
                violations.is_some_and(<[Violation]>::is_empty)
            })
        };
        Level::ALL.into_iter().rev().find(|level| meets(*level))
    }

    /// The level above the one that is met, and what blocks it.
    #[must_use]
    pub fn blockers(&self, column: Column, pods: Pods) -> Option<(Level, Vec<Blocker<'_>>)> {
        let next = match self.level(column, pods)? {
            Level::Privileged => Level::Baseline,
            Level::Baseline => Level::Restricted,
            Level::Restricted => return None,
        };
        let blocking = self.pods.iter().filter_map(|pod| {
            let violations = pod.answer(column, pods)?.violations(next)?;
            (!violations.is_empty()).then_some(Blocker { pod, violations })
        });
        Some((next, blocking.collect()))
    }

    /// The pods of which nothing can be said in a column, and why.
    pub fn unknown(&self, column: Column, pods: Pods) -> impl Iterator<Item = (&PlannedPod, &str)> {
        self.pods.iter().filter_map(move |pod| match pod.answer(column, pods)? {
            Answer::Unknown(why) => Some((pod, why.as_str())),
            Answer::Judged { .. } => None,
        })
    }
}

/// All that a plan has to say.
#[derive(Clone, Debug)]
pub struct Plan<'n> {
    /// The names of the inputs.
    pub inputs: Vec<&'n str>,
    /// The name of the configuration that came with them.
    pub config: Option<&'n str>,
    /// The Istio of the input.
    pub istio: Option<IstioFound>,
    /// Modes that cannot be had, and why.
    pub unavailable: BTreeMap<Column, String>,
    /// The namespaces in the order of the input, then those that only pods name.
    pub namespaces: Vec<PlannedNamespace>,
    /// What there is to say beside it.
    pub findings: Vec<Located>,
}

impl Plan<'_> {
    /// What there is to say beside the matrix.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().map(|located| &located.finding)
    }
}

pub use json::render as json;
pub use text::render as text;
