//! The verb `check`: what Pod Security admission will say of every pod, as it is admitted. Nothing is changed.

mod sieve;
mod since;

use std::collections::{BTreeMap, BTreeSet};

use crate::admission::{Cluster, Outcome as Fate, depends_on_version, namespace_of, other_webhooks};
use crate::config::Config;
use crate::filter::{Exit, from_file};
use crate::harden::injected::is_node_agent;
use crate::harden::mend;
use crate::krm::{Error, Finding, Item, List, ResourceRef, Severity};
use crate::passes;
use crate::pod_security::{Level, LevelVersion, Version, Violation};
use crate::report::{self, Judged, Located, Output, Report, Verdict};
use crate::rules::Rule;
use crate::sources::{self, Lines};

pub use crate::sources::Source;
pub use sieve::Sieve;

/// How the pods are to be judged, and how it is to be said.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The level for all pods; absent, that of each pod's own namespace.
    pub level: Option<Level>,
    /// The version for all pods.
    pub version: Option<Version>,
    /// The form of the report.
    pub output: Output,
    /// The configuration that shall have been applied: its name and its bytes, or why it cannot be read.
    pub config: Option<(&'a str, Result<Vec<u8>, String>)>,
    /// An older render, which may be several files: only what is worse than in it is then an error.
    pub since: Vec<Source<'a>>,
}

/// What a check came to.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// The report, for standard output; empty where the input is unusable.
    pub report: String,
    /// What there is to say beside the report.
    pub findings: Vec<Finding>,
    /// The differences from an older render; they are in the report and not among the findings.
    pub differences: Vec<Finding>,
    /// Violations, which are in the report and not among the findings.
    pub violations: usize,
}

/// Judges the pods of all sources, which are one input.
#[must_use]
pub fn check(sources: &[Source<'_>], options: &Options<'_>) -> Outcome {
    match run(sources, options) {
        Ok(outcome) => outcome,
        Err(error) => Outcome {
            exit: Exit::Unusable,
            report: String::new(),
            findings: vec![error.to_finding()],
            differences: Vec::new(),
            violations: 0,
        },
    }
}

fn run(sources: &[Source<'_>], options: &Options<'_>) -> Result<Outcome, Error> {
    let config = match &options.config {
        Some((name, bytes)) => Some(from_file(name, bytes)?),
        None => None,
    };
    let release = config.as_ref().and_then(passes::release);
    let (mut list, mut report) = if options.since.is_empty() {
        let (list, defaults) = sources::read(sources)?;
        let cluster = Cluster::of(&list, defaults, release)?;
        let mut report = Report::new(sources.iter().map(|source| source.name).collect());
        for problem in cluster.problems() {
            report.say(locate(&list, problem.clone()));
        }
        judge(&list, &cluster, options, &mut report, &mut |_, _| {})?;
        (list, report)
    } else {
        since::run(sources, options, release)?
    };
    if let Some(config) = &config {
        for missing in not_applied(&mut list, config)? {
            report.say(missing);
        }
    }
    let violations = report.violations();
    let failed = violations > 0 || report.has_errors();
    Ok(Outcome {
        exit: if failed { Exit::Findings } else { Exit::Done },
        report: report::render(&report, options.output),
        findings: report.findings().cloned().collect(),
        differences: report.differences().map(|located| located.finding.clone()).collect(),
        violations,
    })
}

/// Judges every pod of a list. `seen` hears of each that gets a verdict.
fn judge(
    list: &List<'_>,
    cluster: &Cluster,
    options: &Options<'_>,
    report: &mut Report<'_>,
    seen: &mut dyn FnMut(&Item<'_>, &Fate),
) -> Result<(), Error> {
    let mut webhooks: BTreeMap<String, usize> = BTreeMap::new();
    let mut namespaces = BTreeSet::new();
    let mut lines = Lines::default();
    for item in list.items() {
        let Some(subject) = cluster.admit(item)? else { continue };
        let line = lines.of(item, subject.offset);
        let namespace = namespace_of(item);
        let (policy, label_errors) = cluster.policy(namespace);
        let asked = LevelVersion {
            level: options.level.unwrap_or(policy.enforce.level),
            version: options.version.unwrap_or(if options.level.is_some() {
                Version::Latest
            } else {
                policy.enforce.version
            }),
        };
        let mut say = |rule, severity, message: String| {
            let mut finding = Finding::new(rule, severity, message);
            finding.resource_ref = Some(item.reference());
            report.say(Located { finding, input: item.input(), line: Some(line) });
        };
        if options.level.is_none() && namespaces.insert(namespace.to_owned()) {
            for error in label_errors {
                say(Rule::InvalidLabel, Severity::Warning, format!("namespace \"{namespace}\": {error}"));
            }
        }
        if let Some(message) = &subject.duplicate_key {
            let message =
                format!("{message}; the last one is read, as the API server does, and strict clients refuse it");
            say(Rule::DuplicateKey, Severity::Warning, message);
        }
        let judged = match &subject.outcome {
            Fate::Failed { why, undecodable } => {
                let rule = if *undecodable { Rule::Undecodable } else { Rule::InjectionRefused };
                say(rule, Severity::Error, why.clone());
                Err((rule, why.clone()))
            }
            Fate::Judged(pod) => {
                if let Some(doubt) = &pod.doubt {
                    let message = format!(
                        "what Istio's injector adds cannot be predicted, so the pod is judged without it: {doubt}"
                    );
                    say(Rule::InjectionUnpredictable, Severity::Warning, message);
                }
                for webhook in cluster.other_webhooks(namespace, pod) {
                    *webhooks.entry(webhook.to_owned()).or_default() += 1;
                }
                let violations = pod.violations(asked);
                if let Some(message) = depends_on_version(pod, asked, &violations) {
                    say(Rule::PodSecurityVersion, Severity::Warning, message);
                }
                let mend = match options.output {
                    Output::Html if !violations.is_empty() => mend(cluster, item, asked.level, &violations)?,
                    _ => None,
                };
                let meets = pod.meets(asked.version);
                Ok(Judged { injected: pod.injected, exempt: pod.exempt, meets, violations, mend })
            }
        };
        seen(item, &subject.outcome);
        report.verdicts.push(Verdict { resource: item.reference(), input: item.input(), line, asked, judged });
    }
    if let Some(finding) = other_webhooks(&webhooks) {
        report.say(Located { finding, input: 0, line: None });
    }
    Ok(())
}

/// A patch for the pod of a resource; none for an agent on the node, which needs what it has.
fn mend(cluster: &Cluster, item: &Item<'_>, level: Level, violations: &[Violation]) -> Result<Option<String>, Error> {
    let candidate = cluster.candidate(item)?.filter(|_| !is_node_agent(item));
    Ok(candidate.and_then(|found| mend::patch(item, found.kind, found.pod.as_ref().ok()?, level, violations)))
}

/// What a run of the filter would still change.
fn not_applied(list: &mut List<'_>, config: &Config) -> Result<Vec<Located>, Error> {
    let before: Vec<ResourceRef> = list.items().iter().map(Item::reference).collect();
    let findings = passes::run(list, config)?;
    let after: BTreeSet<ResourceRef> = list.items().iter().map(Item::reference).collect();
    let mut missing = Vec::new();
    let mut told = BTreeSet::new();
    for mut change in findings.into_iter().filter(tells_a_change) {
        told.extend(change.resource_ref.clone());
        change.tags.insert("not-applied", change.tags.get("rule").cloned().unwrap_or_default());
        change.tags.insert("rule", Rule::ConfigNotApplied.code().to_owned());
        change.severity = Severity::Error;
        change.message = format!("{NOT_APPLIED} do this: {}", change.message);
        missing.push(locate(list, change));
    }
    // A change that no finding tells of must not pass for none.
    let touched = list.items().iter().filter(|item| item.is_changed() || item.is_added()).map(Item::reference);
    let removed = before.into_iter().filter(|reference| !after.contains(reference));
    for reference in touched.chain(removed).filter(|reference| !told.contains(reference)).collect::<Vec<_>>() {
        let message = format!("{NOT_APPLIED} change this resource");
        let mut finding = Finding::new(Rule::ConfigNotApplied, Severity::Error, message);
        finding.resource_ref = Some(reference);
        missing.push(locate(list, finding));
    }
    Ok(missing)
}

const NOT_APPLIED: &str = "the configuration has not been applied; a run would still";

/// Whether a finding tells of something that the run has done, and not only of what is so.
fn tells_a_change(finding: &Finding) -> bool {
    let rule = finding.tags.get("rule").and_then(|code| Rule::of_code(code));
    let whole_object = matches!(rule, Some(Rule::IstioObjectAdded | Rule::IstioObjectRemoved));
    finding.severity == Severity::Info && (finding.field.is_some() || whole_object)
}

/// A finding with the place of its resource in the input.
fn locate(list: &List<'_>, finding: Finding) -> Located {
    let reference = finding.resource_ref.clone().unwrap_or_default();
    let item: Option<&Item<'_>> = list.items().iter().find(|item| item.reference() == reference);
    Located { input: item.map_or(0, Item::input), line: item.map(Item::first_line), finding }
}
