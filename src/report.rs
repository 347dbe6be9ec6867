//! The forms in which `check` tells its verdicts. A form changes nothing in what is said.

pub mod difference;
pub mod html;
mod jsonl;
pub mod plan;
mod sarif;
mod since;
mod text;

use crate::krm::{Finding, ResourceRef, Severity};
use crate::pod_security::{Level, LevelVersion, Violation};
use crate::rules::Rule;

/// A form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line and pod-bearing resource.
    Jsonl,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// A page.
    Html,
}

/// What is said of one resource.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The resource.
    pub resource: ResourceRef,
    /// The input that it came from.
    pub input: usize,
    /// The line on which it begins there.
    pub line: usize,
    /// The level that it was judged by.
    pub asked: LevelVersion,
    /// What came out, or the rule and the reason why nothing could.
    pub judged: Result<Judged, (Rule, String)>,
}

/// What came out for a pod.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Istio's injector changes the pod.
    pub injected: bool,
    /// The cluster's configuration exempts it.
    pub exempt: bool,
    /// The strictest level that the pod meets.
    pub meets: Level,
    /// What it breaks of the level asked for.
    pub violations: Vec<Violation>,
    /// A patch that brings the pod to that level as far as its own fields do; only where it was asked for.
    pub mend: Option<String>,
}

/// A finding with its place in the input.
#[derive(Clone, Debug)]
pub struct Located {
    /// The finding.
    pub finding: Finding,
    /// The input that it is about.
    pub input: usize,
    /// The line there.
    pub line: Option<usize>,
}

/// All that a check has to say.
#[derive(Clone, Debug)]
pub struct Report<'n> {
    inputs: Vec<&'n str>,
    /// The verdicts in input order.
    pub verdicts: Vec<Verdict>,
    findings: Vec<Located>,
    since: Option<Since>,
}

/// What is otherwise than in an older render, in place of the verdicts.
#[derive(Clone, Debug)]
struct Since {
    /// How many of the last inputs are the older render.
    inputs: usize,
    /// What is worse is an error, what a person must compare a warning, what is safer an info.
    differences: Vec<Located>,
}

impl<'n> Report<'n> {
    /// A report about inputs of these names.
    #[must_use]
    pub fn new(inputs: Vec<&'n str>) -> Self {
        Self { inputs, verdicts: Vec::new(), findings: Vec::new(), since: None }
    }

    /// A report about what is otherwise than in an older render, the inputs of which come last.
    #[must_use]
    pub fn since(inputs: Vec<&'n str>, old: &[&'n str], differences: Vec<Located>) -> Self {
        let since = Since { inputs: old.len(), differences };
        Self { inputs: [&inputs[..], old].concat(), since: Some(since), ..Self::new(Vec::new()) }
    }

    /// What is otherwise than in an older render.
    pub fn differences(&self) -> impl Iterator<Item = &Located> {
        self.since.iter().flat_map(|since| &since.differences)
    }

    /// The findings with their places.
    #[must_use]
    pub(crate) fn into_findings(self) -> Vec<Located> {
        self.findings
    }

    /// Adds a finding.
    pub fn say(&mut self, located: Located) {
        self.findings.push(located);
    }

    /// The findings, without violations.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().map(|located| &located.finding)
    }

    /// How many violations there are.
    #[must_use]
    pub fn violations(&self) -> usize {
        let judged = self.verdicts.iter().filter_map(|verdict| verdict.judged.as_ref().ok());
        judged.map(|judged| judged.violations.len()).sum()
    }

    /// Whether a finding is an error, or a difference is.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        let differences = self.differences().map(|located| &located.finding);
        self.findings().chain(differences).any(|finding| finding.severity == Severity::Error)
    }
}

/// The report in a form, with its last line break.
#[must_use]
pub fn render(report: &Report<'_>, output: Output) -> String {
    if let Some(since) = &report.since {
        match output {
            Output::Text => return since::text(report, since),
            Output::Jsonl => return since::jsonl(report, since),
            Output::Sarif | Output::Html => {}
        }
    }
    match output {
        Output::Text => text::render(report),
        Output::Jsonl => jsonl::render(report),
        Output::Sarif => sarif::render(report),
        Output::Html => html::check(report),
    }
}

/// Upstream's words for one violation: `reason (detail)`.
fn words(violation: &Violation) -> String {
    crate::pod_security::aggregate(std::slice::from_ref(violation))
}
