//! The page of a plan: the matrix as a heat map, what the proposed configuration is and changes, and by namespace each pod
//! with what it breaks in which mode.

use maud::{Markup, html};

use super::difference;
use super::{chip, filters, findings, of_mesh, page, patch, place, pods, text, violation, visible};
use crate::admission::is_of_istio_init;
use crate::pod_security::{Level, Violation};
use crate::report::difference::Change;
use crate::report::plan::text::{AGENT, Cell, next};
use crate::report::plan::{Answer, Column, Plan, PlannedNamespace, PlannedPod, Pods};

/// The configuration that a plan proposes, and what it would change.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The functionConfig as text.
    pub config: String,
    /// What it changes in the input.
    pub changes: Vec<Change>,
}

/// The page.
#[must_use]
pub fn render(plan: &Plan<'_>, proposal: &Proposal) -> String {
    let body = html! {
        header {
            h1 { "What would it take to run rootless?" }
            p.lead { (lead(plan)) }
        }
        main #main {
            (matrix(plan))
            (proposed(plan, proposal))
            (findings(plan.findings()))
            section aria-labelledby="by-namespace" {
                h2 #by-namespace { "By namespace" }
                @for (number, one) in plan.namespaces.iter().enumerate() { (namespace(plan, number, one)) }
            }
        }
        footer { p { "Next: " code.command { (next(plan)) } } }
    };
    page("unroot plan", &body)
}

fn lead(plan: &Plan<'_>) -> Markup {
    let count: usize = plan.namespaces.iter().map(|namespace| namespace.pods.len()).sum();
    let namespaces = plan.namespaces.len();
    html! {
        (pods(count)) " in " (namespaces) @if namespaces == 1 { " namespace" } @else { " namespaces" } ". "
        @match &plan.istio {
            Some(istio) => {
                "Istio " (text(&istio.version)) " in " (text(&istio.namespace)) ", revision " (text(&istio.revision))
                ", data plane mode " strong { (istio.mode.as_str()) } "."
            }
            None => {
                @let why = plan.unavailable.values().next().map(String::as_str).unwrap_or_default();
                "No data plane mode to choose: " (text(why)) "."
            }
        }
    }
}

/// The words by which the level filter shows namespaces.
const FILTER: [(&str, &str); 4] = [
    ("privileged", "privileged as it is"),
    ("baseline", "baseline as it is"),
    ("restricted", "restricted as it is"),
    ("unknown", "without an answer"),
];

/// What the level filter takes a namespace for.
fn kind(namespace: &PlannedNamespace) -> &'static str {
    match namespace.level(Column::AsIs, Pods::AsTheyAre) {
        Some(level) => level.as_str(),
        None => "unknown",
    }
}

fn matrix(plan: &Plan<'_>) -> Markup {
    html! {
        section aria-labelledby="matrix" {
            h2 #matrix { "The strictest level that all pods meet" }
            p {
                "As they are admitted, with what Istio adds to them, in each data plane mode. Below it, where that differs, with "
                code { "workloads.harden: restricted" } " and all images taken to run without root."
            }
            (filters(&FILTER))
            table.heat role="table" {
                thead role="rowgroup" {
                    tr role="row" {
                        th scope="col" role="columnheader" { "Namespace" }
                        th scope="col" role="columnheader" { "Enforces" }
                        @for column in Column::ALL { th scope="col" role="columnheader" { (title(column)) } }
                    }
                }
                tbody role="rowgroup" {
                    @for (number, namespace) in plan.namespaces.iter().enumerate() {
                        tr role="row" data-ns=(visible(&namespace.name)) data-level=(kind(namespace)) {
                            th scope="row" role="rowheader" { a href={ "#ns-" (number) } { (text(&namespace.name)) } }
                            td role="cell" data-label="Enforces" {
                                @match namespace.enforce { Some(level) => { (level.as_str()) }, None => { "–" } }
                            }
                            @for column in Column::ALL { (cell(plan, namespace, column)) }
                        }
                    }
                }
            }
            @if plan.istio.is_some() {
                @for (column, why) in &plan.unavailable { p.note { "No " (title(*column)) ": " (text(why)) "." } }
            }
        }
    }
}

const fn title(column: Column) -> &'static str {
    match column {
        Column::AsIs => "As is",
        Column::Sidecar => "sidecar",
        Column::Cni => "cni",
        Column::Ambient => "ambient",
    }
}

fn cell(plan: &Plan<'_>, namespace: &PlannedNamespace, column: Column) -> Markup {
    let as_is = Cell::of(plan, namespace, column, Pods::AsTheyAre);
    let hardened = Cell::of(plan, namespace, column, Pods::Hardened);
    let class = match as_is {
        Cell::Level(level) => level.as_str(),
        Cell::Unknown => "unknown",
        Cell::NoPods | Cell::Unavailable => "nothing",
    };
    let better = match hardened {
        Cell::Level(level) if hardened != as_is => Some(level),
        _ => None,
    };
    html! {
        td role="cell" class=(class) data-label=(title(column)) {
            span { @if as_is == Cell::Unavailable { "–" } @else { (as_is.word()) } }
            @if let Some(level) = better { " " span.hardened { "hardened " (chip(level)) } }
        }
    }
}

fn proposed(plan: &Plan<'_>, proposal: &Proposal) -> Markup {
    let changes = proposal.changes.len();
    html! {
        section aria-labelledby="proposal" {
            h2 #proposal { "The configuration that gets there" }
            p {
                "What " code { "unroot plan --output config" } " prints: as far as it goes without touching pods, where that is \
                 possible."
            }
            pre { code { (proposal.config) } }
            h3 { "What it would change" }
            @if changes == 0 {
                p { "Nothing." }
            } @else {
                p { (changes) @if changes == 1 { " resource." } @else { " resources. All other bytes stay as they are." } }
                (difference::render(&proposal.changes))
            }
            @if plan.namespaces.is_empty() { p { "There is no namespace in the input." } }
        }
    }
}

fn namespace(plan: &Plan<'_>, number: usize, namespace: &PlannedNamespace) -> Markup {
    let short: Vec<(&PlannedPod, Groups<'_>)> =
        namespace.pods.iter().map(|pod| (pod, groups(pod))).filter(|(_, groups)| !groups.is_empty()).collect();
    let told: Vec<Markup> = short.iter().map(|(one, groups)| pod(plan, one, groups, short.len())).collect();
    let broken = short.iter().flat_map(|(_, groups)| groups);
    let broken = broken.flat_map(|(_, answer)| answer.violations(Level::Baseline).unwrap_or_default());
    let clean = namespace.pods.len() - told.len();
    html! {
        details.namespace open id={ "ns-" (number) } data-ns=(visible(&namespace.name)) data-level=(kind(namespace)) {
            summary {
                h3 { (text(&namespace.name)) }
                " "
                @if namespace.pods.is_empty() {
                    span.note { "no pods in the input" }
                } @else {
                    span.note { (pods(namespace.pods.len())) }
                    @if let Some(level) = namespace.level(Column::AsIs, Pods::AsTheyAre) { " " (chip(level)) }
                }
                @if let Some(level) = namespace.enforce { " " span.note { "enforces " (level.as_str()) } }
                @if !namespace.in_input { " " span.note { "not in the input itself" } }
            }
            (of_mesh(broken))
            @for pod in told { (pod) }
            @if clean > 0 && clean == namespace.pods.len() {
                p { "All " (clean) " meet restricted in every mode." }
            } @else if clean > 0 {
                p { (clean) " more meet restricted in every mode." }
            }
        }
    }
}

/// The answers about a pod, with the columns that they hold in.
type Groups<'p> = Vec<(Vec<Column>, &'p Answer)>;

/// What there is to say of a pod that falls short of restricted somewhere, or has no answer.
fn groups(pod: &PlannedPod) -> Groups<'_> {
    let mut groups: Groups<'_> = Vec::new();
    for column in Column::ALL {
        let Some(answer) = pod.answer(column, Pods::AsTheyAre) else { continue };
        match groups.iter_mut().find(|(_, known)| *known == answer) {
            Some((columns, _)) => columns.push(column),
            None => groups.push((vec![column], answer)),
        }
    }
    groups.retain(|(_, answer)| answer.violations(Level::Restricted).is_none_or(|broken| !broken.is_empty()));
    groups
}

fn pod(plan: &Plan<'_>, pod: &PlannedPod, groups: &Groups<'_>, told: usize) -> Markup {
    html! {
        article.pod {
            h4 {
                (pod.resource.kind) " " (text(&pod.resource.name)) " "
                span.note { (text(&place(&plan.inputs, pod.input, pod.line))) }
            }
            @for (columns, answer) in groups { (group(columns, answer, pod.is_agent)) }
            @if let Some(mend) = &pod.mend { (patch(mend, told)) }
        }
    }
}

fn group(columns: &[Column], answer: &Answer, is_agent: bool) -> Markup {
    let titles: Vec<&str> = columns.iter().map(|column| column.title()).collect();
    let titles = titles.join(", ");
    html! {
        @match answer {
            Answer::Unknown(why) => {
                p.unknown { strong { "No answer" } " (" (titles) "): " (text(why)) }
            }
            Answer::Judged { baseline, restricted, injected } => {
                @let beyond: Vec<&Violation> = restricted.iter().filter(|one| adds(baseline, one)).collect();
                p.columns {
                    (titles)
                    @if *injected { ", with what Istio's injector adds" }
                    ": "
                    @if !baseline.is_empty() { "refused by " (chip(Level::Baseline)) }
                    @else { "meets " (chip(Level::Baseline)) ", refused by " (chip(Level::Restricted)) }
                }
                ul.violations {
                    @for one in baseline { (violation(one, if is_agent { AGENT } else { one.mend })) }
                    @if !is_agent { @for one in beyond { (violation(one, one.mend)) } }
                }
            }
        }
    }
}

/// Whether restricted says of a pod what baseline has not said already.
fn adds(baseline: &[Violation], violation: &Violation) -> bool {
    let said = |known: &Violation| {
        (known.reason == violation.reason && known.detail == violation.detail)
            || (is_of_istio_init(known) && is_of_istio_init(violation))
    };
    !baseline.iter().any(said)
}
