//! The way to rootless in stages that can each be looked at and taken back: warn, cni, baseline, harden, restricted.
//!
//! A stream of functionConfigs, each a document of its own, with what to check first, what to restart and delete, and how
//! to go back as comments. Every stage is tried on what the stage before leaves, so that the commands are those of this
//! platform. The way is that of Kubeflow's proposal "Rootless Kubeflow": first everybody sees what would be refused, then
//! the mesh loses its root, then it is enforced; pods are hardened last, since that can keep them from starting.

use std::collections::BTreeSet;

use super::draft::{Draft, Settled, Wanted, users_enforce};
use super::rootless;
use crate::admission::{AdmissionDefaults, Cluster, Origin};
use crate::config::{Config, DataplaneMode, Harden, Workloads};
use crate::krm::{Error, Finding, List};
use crate::kube::profile_labels;
use crate::kube::profile_labels::PART_OF;
use crate::pod_security::{ENFORCE_LABEL, Level, WARN_LABEL};
use crate::report::plan::{Column, Plan, PlannedNamespace, Pods};
use crate::rules::Rule;

/// How many names a sentence holds.
const NAMED: usize = 5;

/// A stage before it is written.
struct Stage<'a> {
    name: &'static str,
    what: &'a str,
    draft: Draft,
    first: Vec<String>,
    back: Vec<String>,
}

/// All stages as a stream of documents, and what no configuration settles.
pub(super) fn render(list: &List<'_>, plan: &Plan<'_>, config: &Config) -> Result<(String, Vec<Finding>), Error> {
    let mut way = Way { plan, config, list: list.clone(), text: String::new(), problems: Vec::new(), number: 0 };
    way.warn()?;
    way.mesh()?;
    way.enforce(Level::Baseline)?;
    way.harden()?;
    way.enforce(Level::Restricted)?;
    Ok((way.text, way.problems))
}

/// The stages so far, and the list as they leave it.
struct Way<'w, 's> {
    plan: &'w Plan<'w>,
    config: &'w Config,
    list: List<'s>,
    text: String,
    problems: Vec<Finding>,
    number: usize,
}

impl Way<'_, '_> {
    fn draft(&self) -> Draft {
        Draft { version: rootless::version(self.config), accepted: self.config.accepted.clone(), ..Draft::default() }
    }

    fn has_users(&self) -> bool {
        profile_labels::source(&self.list).is_ok_and(|source| source.is_some())
    }

    fn warn(&mut self) -> Result<(), Error> {
        let mut draft = self.draft();
        draft.warn = Some(Level::Restricted);
        draft.users.warn = self.has_users().then_some(Level::Restricted);
        let cluster = Cluster::of_what_can_be_read(&self.list, AdmissionDefaults::default(), None)?;
        let is_new = |name: &&str| {
            let found = cluster.namespace(name).filter(|found| found.origin == Origin::Object);
            found.is_some_and(|found| !found.labels.contains_key(WARN_LABEL)) && Draft::can_name(name)
        };
        let labelled: Vec<String> =
            cluster.namespaces().map(|(name, _)| name).filter(is_new).map(str::to_owned).collect();
        let mut back = if labelled.is_empty() { Vec::new() } else { vec![unlabel(&labelled, WARN_LABEL)] };
        if draft.users.warn.is_some() {
            back.push("For user namespaces, the ConfigMap as it was, and then:".to_owned());
            back.push(command(&format!("kubectl label namespace -l {}={} {WARN_LABEL}-", PART_OF.0, PART_OF.1)));
        }
        self.stage(Stage {
            name: "warn",
            what: "Whoever creates a pod is told what restricted would refuse of it. Nothing is refused.",
            draft,
            first: vec![
                "What the warnings will say of these manifests:".to_owned(),
                command("unroot check --level restricted INPUT"),
            ],
            back,
        })
    }

    fn mesh(&mut self) -> Result<(), Error> {
        let mut draft = self.draft();
        let (mode, column) = rootless::target(self.plan, self.config);
        let found = self.plan.istio.as_ref();
        let name = match mode {
            DataplaneMode::Sidecar => "sidecar",
            DataplaneMode::Cni => "cni",
            DataplaneMode::Ambient => "ambient",
        };
        let (mut first, mut back) = (Vec::new(), Vec::new());
        let now = found.map(|found| found.mode.as_str()).unwrap_or_default();
        let what = match rootless::istio(self.plan, self.config) {
            None => "There is no data plane mode to change in this input.".to_owned(),
            Some(_) if now == column.as_str() => {
                format!("The mesh is in mode {name} already; what of it is missing is added.")
            }
            Some(_) => {
                first.push(
                    "Where the nodes are not plain Linux with /opt/cni/bin, set `istio.platform` (gke, openshift, k3s, …): --config of \
                     `unroot plan` takes it."
                        .to_owned(),
                );
                first.push("The namespace of istio-cni must admit privileged pods.".to_owned());
                back.push(format!("The same stage with `mode: {now}`, then restart the same pods."));
                format!("The mesh goes from {now} to {name}: {}", MESH)
            }
        };
        draft.istio = rootless::istio(self.plan, self.config);
        if back.is_empty() {
            back.push("Nothing to take back.".to_owned());
        }
        self.stage(Stage { name, what: &what, draft, first, back })
    }

    fn enforce(&mut self, level: Level) -> Result<(), Error> {
        let mut draft = self.draft();
        let cluster = Cluster::of_what_can_be_read(&self.list, AdmissionDefaults::default(), None)?;
        let mut names = BTreeSet::new();
        for namespace in self.plan.namespaces.iter().filter(|one| one.in_input && !one.pods.is_empty()) {
            let stands = cluster.namespace(&namespace.name).filter(|found| found.origin == Origin::Object);
            let stands = stands.and_then(|found| found.labels.get(ENFORCE_LABEL)?.parse().ok());
            if !Draft::can_name(&namespace.name)
                || stands.unwrap_or(Level::Privileged) >= level
                || has_unknown(namespace)
            {
                continue;
            }
            draft.enforce.insert(namespace.name.clone(), Wanted { level, lowered: false });
            names.insert(namespace.name.clone());
        }
        let users = self.has_users() && level == Level::Baseline;
        if users && users_enforce(&self.list).unwrap_or(Level::Privileged) < level {
            draft.users.enforce = Some(level);
        }
        // What falls short is found out here, so that the sentences below are about what remains. An error comes again,
        // and is told, where the stage is written.
        drop(draft.settle(&self.list));
        let raised: Vec<String> = draft.enforce.keys().filter(|name| names.contains(*name)).cloned().collect();
        let short: Vec<String> = names
            .iter()
            .filter(|name| draft.enforce.get(*name).is_none_or(|wanted| wanted.level < level))
            .cloned()
            .collect();
        let in_the_way = std::mem::take(&mut draft.in_the_way);
        let mut what =
            format!("Namespaces whose pods all meet {level} enforce it: pods below are refused from now on.");
        if raised.is_empty() && draft.users.enforce.is_none() {
            what = format!("No namespace is to be raised to {level}: those that can enforce it do already.");
        }
        let mut first = vec![
            "What would be refused of these manifests:".to_owned(),
            command(&format!("unroot check --level {level} OUTPUT_OF_THE_STAGE_BEFORE")),
        ];
        if !raised.is_empty() {
            first.push("Running pods that would be refused, also those that are in no manifest:".to_owned());
            first.push(command(&format!(
                "kubectl label --dry-run=server --overwrite namespace {} {ENFORCE_LABEL}={level}",
                raised.join(" ")
            )));
        }
        if !short.is_empty() {
            first.push(format!("Not yet, since pods of them do not meet {level}:"));
            for name in &short {
                let pods = in_the_way.get(name).into_iter().flatten();
                let pods: Vec<String> = pods
                    .map(|(pod, reasons)| {
                        let reasons: Vec<&str> = reasons.iter().map(String::as_str).collect();
                        format!("{pod} ({})", reasons.join(", "))
                    })
                    .collect();
                first.push(format!("  {name}: {}", some(&pods)));
            }
        }
        if level == Level::Restricted && self.has_users() {
            first.push(
                "The namespaces of users stay at what they enforce: pods that Kubeflow's controllers make there may lack what \
                 restricted asks for. unroot says which, once `userNamespaces.enforce: restricted` is set."
                    .to_owned(),
            );
        }
        let back = match (raised.is_empty(), draft.users.enforce) {
            (true, None) => "Nothing to take back.".to_owned(),
            (true, Some(_)) => "The ConfigMap of the stage before.".to_owned(),
            (false, _) if level == Level::Baseline => unlabel(&raised, ENFORCE_LABEL),
            (false, _) => command(&format!(
                "kubectl label --overwrite namespace {} {ENFORCE_LABEL}={}",
                raised.join(" "),
                Level::Baseline
            )),
        };
        let name = if level == Level::Baseline { "baseline" } else { "restricted" };
        self.stage(Stage { name, what: &what, draft, first, back: vec![back] })
    }

    fn harden(&mut self) -> Result<(), Error> {
        let mut draft = self.draft();
        let given = self.config.workloads.clone().unwrap_or_default();
        let workloads = Workloads { harden: Harden::Restricted, ..given };
        draft.workloads = Some((workloads, "Fills in what pods leave unsaid; what they state stays.".to_owned()));
        let mut first = vec![
            "Start the hardened pods in a test cluster: what writes to a place that only root may write to does not start."
                .to_owned(),
        ];
        let tried = draft.settle(&self.list);
        let planned: BTreeSet<_> =
            self.plan.namespaces.iter().flat_map(|namespace| &namespace.pods).map(|pod| &pod.resource).collect();
        let unknown = tried.as_ref().map_or(0, |settled| {
            let pods = settled.said(Rule::HardenUserUnknown).filter_map(|finding| finding.resource_ref.as_ref());
            pods.filter(|pod| planned.contains(pod)).collect::<BTreeSet<_>>().len()
        });
        if unknown > 0 {
            first.push(format!(
                "{unknown} resources have images whose user nobody knows, so they do not get runAsNonRoot and stay short of restricted. Add the \
                 images to `workloads.users` of a file for `unroot plan --config`; `assumeNonRoot: true` takes it for granted \
                 that they run without root."
            ));
        }
        self.stage(Stage {
            name: "harden",
            what: "Pod templates get what restricted asks for, as far as they do not say otherwise.",
            draft,
            first,
            back: vec!["Apply the output of the stage before: labels still ask for no more than baseline.".to_owned()],
        })
    }

    /// Tries a stage on the list, writes it down and goes on from what it leaves.
    fn stage(&mut self, stage: Stage<'_>) -> Result<(), Error> {
        self.number += 1;
        let Stage { name, what, mut draft, first, back } = stage;
        draft.name = format!("unroot-{}-{name}", self.number);
        let settled = draft.settle(&self.list);
        let mut head = vec![format!("Stage {} of 5: {name}. {what}", self.number)];
        if self.number == 1 {
            head.push(
                "Each document of this stream is the configuration of a stage: put it into a file of its own."
                    .to_owned(),
            );
        }
        if self.number > 1 {
            head.push("Run it on the output of the stage before.".to_owned());
        }
        section(&mut head, "Check first:", first);
        match settled {
            Ok(settled) => {
                section(&mut head, "Restart:", restarts(&settled));
                section(&mut head, "Delete:", deletions(&settled));
                let errors: Vec<Finding> = settled.errors().cloned().collect();
                section(
                    &mut head,
                    "Not settled, so that the filter ends with 1:",
                    errors.iter().map(ToString::to_string).collect(),
                );
                self.problems.extend(errors);
                self.list = settled.list;
            }
            Err(error) => {
                let problem = rootless::refused(&error);
                section(&mut head, "Not usable:", vec![problem.to_string()]);
                self.problems.push(problem);
            }
        }
        section(&mut head, "To go back:", back);
        draft.head = head;
        if self.number > 1 {
            self.text.push_str("---\n");
        }
        self.text.push_str(&draft.text());
        Ok(())
    }
}

const MESH: &str = "pods change when they restart.";

fn has_unknown(namespace: &PlannedNamespace) -> bool {
    Column::ALL.into_iter().any(|column| namespace.unknown(column, Pods::AsTheyAre).next().is_some())
}

fn section(head: &mut Vec<String>, title: &str, lines: Vec<String>) {
    let mut lines = lines.into_iter().map(|line| format!("  {line}")).peekable();
    if lines.peek().is_some() {
        head.push(String::new());
        head.push(title.to_owned());
        head.extend(lines);
    }
}

/// A line that somebody will copy.
fn command(words: &str) -> String {
    format!("  {words}")
}

fn unlabel(names: &[String], label: &str) -> String {
    command(&format!("kubectl label namespace {} {label}-", names.join(" ")))
}

/// The first of some names, and how many more there are.
fn some(names: &[String]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let named: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
    if more > 0 { format!("{} and {more} more", named.join(", ")) } else { named.join(", ") }
}

/// What the run said must restart.
fn restarts(settled: &Settled<'_>) -> Vec<String> {
    commands(settled.said(Rule::RestartNeeded))
}

/// What the run said must be deleted, by hand or before it is applied.
fn deletions(settled: &Settled<'_>) -> Vec<String> {
    let removed = settled.said(Rule::IstioObjectRemoved);
    let replaced = settled.said(Rule::HardenPods).filter(|finding| finding.message.contains(COMMANDS));
    commands(removed.chain(replaced))
}

/// How a command begins in a message, behind the words about it.
const COMMANDS: &str = ": kubectl ";

/// The messages with their commands on lines of their own; what several commands have in common is said once.
fn commands<'f>(findings: impl Iterator<Item = &'f Finding>) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for finding in findings {
        let Some(at) = finding.message.rfind(COMMANDS) else {
            lines.push(finding.message.clone());
            continue;
        };
        let (words, typed) = finding.message.split_at(at);
        if last != Some(words) {
            lines.push(format!("{words}:"));
            last = Some(words);
        }
        lines.push(command(typed.trim_start_matches(": ")));
    }
    lines
}
