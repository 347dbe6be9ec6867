//! The verb `plan`: what would it take to run without root? Nothing is changed.
//!
//! For each namespace the strictest level that all its pods meet as they are admitted, with the Istio of the input as it
//! is and in each data plane mode, without and with hardening.

mod changes;
mod draft;
mod judge;
mod modes;
mod rootless;
mod stages;

use std::collections::{BTreeMap, BTreeSet};

use crate::admission::{AdmissionDefaults, Cluster, Origin, namespace_of, other_webhooks};
use crate::config::Config;
use crate::filter::{Exit, from_file};
use crate::harden::injected::is_node_agent;
use crate::harden::mend;
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::kube::names::previous_names;
use crate::passes;
use crate::pod_security::{ENFORCE_LABEL, Level};
use crate::report::plan::{self as report, Column, Plan, PlannedNamespace, PlannedPod};
use crate::report::{Located, html};
use crate::rules::Rule;
use crate::sources::{self, Lines, Source};

use judge::{Judge, Judged};
use modes::Modes;

/// The form of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For people at a terminal that shows colours.
    ColouredText,
    /// For programs.
    Json,
    /// A functionConfig that gets there.
    Config,
    /// The way there, a functionConfig for each stage.
    Stages,
    /// A page.
    Html,
}

/// What the plan shall be about, and how it is to be said.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// The form.
    pub output: Output,
    /// A configuration that says more of the platform: its name and its bytes, or why it cannot be read.
    pub config: Option<(&'a str, Result<Vec<u8>, String>)>,
}

/// What a plan came to.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// The plan, for standard output; empty where the input is unusable.
    pub report: String,
    /// What there is to say beside it.
    pub findings: Vec<Finding>,
}

/// Makes a plan for all sources, which are one input.
#[must_use]
pub fn plan(sources: &[Source<'_>], options: &Options<'_>) -> Outcome {
    match run(sources, options) {
        Ok(outcome) => outcome,
        Err(error) => Outcome { exit: Exit::Unusable, report: String::new(), findings: vec![error.to_finding()] },
    }
}

fn run(sources: &[Source<'_>], options: &Options<'_>) -> Result<Outcome, Error> {
    let config = match &options.config {
        Some((name, bytes)) => from_file(name, bytes)?,
        None => Config::default(),
    };
    let (list, defaults) = sources::read(sources)?;
    let names = sources.iter().map(|source| source.name).collect();
    let mut plan = of_list(&list, names, defaults, &config, options.output == Output::Html)?;
    plan.config = options.config.as_ref().map(|(name, _)| *name);
    let report = match options.output {
        Output::Text => report::text(&plan, false),
        Output::ColouredText => report::text(&plan, true),
        Output::Json => report::json(&plan),
        Output::Html => {
            let proposal = changes::proposal(&list, &plan, &config);
            html::plan(&plan, &proposal)
        }
        Output::Config | Output::Stages => {
            let render = if options.output == Output::Config { rootless::render } else { stages::render };
            let (text, problems) = render(&list, &plan, &config)?;
            plan.findings.extend(problems.into_iter().map(|finding| Located { finding, input: 0, line: None }));
            text
        }
    };
    Ok(Outcome { exit: Exit::Done, report, findings: plan.findings().cloned().collect() })
}

/// The plan for a list.
fn of_list<'n>(
    list: &List<'_>,
    inputs: Vec<&'n str>,
    defaults: AdmissionDefaults,
    config: &Config,
    with_mends: bool,
) -> Result<Plan<'n>, Error> {
    let cluster = Cluster::of_what_can_be_read(list, defaults, passes::release(config))?;
    let Modes { istio, unavailable } = Modes::of(list, config)?;
    let revision = istio.as_ref().map(|istio| istio.revision.as_str());
    let judge = Judge::new(&cluster, config, revision, &unavailable);
    let mut namespaces = Namespaces::of(list, &cluster)?;
    let mut findings: Vec<Located> =
        cluster.problems().iter().map(|finding| Located { finding: finding.clone(), input: 0, line: None }).collect();
    let mut webhooks: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = Lines::default();
    for item in list.items() {
        let Some(candidate) = cluster.candidate(item)? else { continue };
        let line = lines.of(item, candidate.offset);
        let name = namespace_of(item);
        let Judged { answers, as_is, hardened, unknown, admitted } = judge.pod(item, name, &candidate);
        let mut say = |rule, severity, message: String| {
            let mut finding = Finding::new(rule, severity, message);
            finding.resource_ref = Some(item.reference());
            findings.push(Located { finding, input: item.input(), line: Some(line) });
        };
        if let Some(message) = &candidate.duplicate_key {
            let message =
                format!("{message}; the last one is read, as the API server does, and strict clients refuse it");
            say(Rule::DuplicateKey, Severity::Warning, message);
        }
        for (rule, why) in unknown {
            let message = format!("namespace \"{name}\" has no answer while this pod has none: {why}");
            say(rule, Severity::Error, message);
        }
        if let Some(pod) = admitted {
            for webhook in cluster.other_webhooks(name, &pod) {
                *webhooks.entry(webhook.to_owned()).or_default() += 1;
            }
        }
        let is_agent = is_node_agent(item);
        let mend = candidate.pod.as_ref().ok().filter(|_| with_mends && !is_agent).and_then(|pod| {
            let now = as_is[Column::AsIs as usize].and_then(|now| answers.get(now)?.violations(Level::Restricted));
            mend::patch(item, candidate.kind, pod, Level::Restricted, now.unwrap_or_default())
        });
        let resource = item.reference();
        let pod = PlannedPod { resource, input: item.input(), line, answers, as_is, hardened, mend, is_agent };
        namespaces.of_pod(name, &cluster).pods.push(pod);
    }
    findings.extend(invalid_labels(&namespaces, &cluster));
    findings.extend(other_webhooks(&webhooks).map(|finding| Located { finding, input: 0, line: None }));
    Ok(Plan { inputs, config: None, istio, unavailable, namespaces: namespaces.all, findings })
}

/// The namespaces of a plan in their order, and the names that lead to them.
struct Namespaces {
    all: Vec<PlannedNamespace>,
    places: BTreeMap<String, usize>,
}

impl Namespaces {
    fn of(list: &List<'_>, cluster: &Cluster) -> Result<Self, Error> {
        let mut namespaces = Self { all: Vec::new(), places: BTreeMap::new() };
        let is_one = |item: &&Item<'_>| item.is("v1", "Namespace") && !item.is_local_config();
        let mut aliases = Vec::new();
        for item in list.items().iter().filter(is_one) {
            let place = namespaces.place(item.name(), cluster);
            let parsed = item.parse_leniently()?;
            aliases.extend(parsed.root().map(previous_names).unwrap_or_default().into_iter().map(|name| (name, place)));
        }
        // Resources may still name a namespace as it was called before kustomize renamed it.
        for (name, place) in aliases {
            namespaces.places.entry(name).or_insert(place);
        }
        Ok(namespaces)
    }

    fn place(&mut self, name: &str, cluster: &Cluster) -> usize {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        let found = cluster.namespace(name);
        let label = found.and_then(|found| found.labels.get(ENFORCE_LABEL));
        let place = self.all.len();
        self.all.push(PlannedNamespace {
            name: name.to_owned(),
            in_input: found.is_some_and(|found| found.origin == Origin::Object),
            enforce: label.and_then(|label| label.parse::<Level>().ok()),
            pods: Vec::new(),
        });
        self.places.insert(name.to_owned(), place);
        place
    }

    fn of_pod(&mut self, name: &str, cluster: &Cluster) -> &mut PlannedNamespace {
        let place = self.place(name, cluster);
        &mut self.all[place]
    }
}

/// Labels that are no level or version.
fn invalid_labels(namespaces: &Namespaces, cluster: &Cluster) -> Vec<Located> {
    let mut told = BTreeSet::new();
    let mut findings = Vec::new();
    for namespace in &namespaces.all {
        for error in cluster.policy(&namespace.name).1 {
            let message = format!("namespace \"{}\": {error}", namespace.name);
            if told.insert(message.clone()) {
                let finding = Finding::new(Rule::InvalidLabel, Severity::Warning, message);
                findings.push(Located { finding, input: 0, line: None });
            }
        }
    }
    findings
}
