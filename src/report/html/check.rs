//! The page of a check: by namespace each pod that would be refused, why, and what mends it.

use maud::{Markup, html};

use super::{chip, filters, findings, is_error, of_mesh, page, patch, place, pods, text, violation, visible};
use crate::report::{Report, Verdict};

/// The page.
#[must_use]
pub fn render(report: &Report<'_>) -> String {
    let mut namespaces: Vec<(&str, Vec<&Verdict>)> = Vec::new();
    for verdict in &report.verdicts {
        let name = verdict.resource.namespace.as_str();
        match namespaces.iter_mut().find(|(known, _)| *known == name) {
            Some((_, verdicts)) => verdicts.push(verdict),
            None => namespaces.push((name, vec![verdict])),
        }
    }
    let body = html! {
        header {
            h1 { "What Pod Security admission will say" }
            p.lead { (lead(report)) }
        }
        main #main {
            section aria-labelledby="overview" {
                h2 #overview { "Overview" }
                @if namespaces.is_empty() {
                    p { "There are no pods in the input." }
                } @else {
                    (filters(&[("refused", "with refused pods"), ("allowed", "all allowed")]))
                    (overview(&namespaces))
                }
            }
            (findings(report.findings()))
            @if !namespaces.is_empty() {
                section aria-labelledby="by-namespace" {
                    h2 #by-namespace { "By namespace" }
                    @for (number, (name, verdicts)) in namespaces.iter().enumerate() {
                        (namespace(report, number, name, verdicts))
                    }
                }
            }
        }
    };
    page("unroot check", &body)
}

fn lead(report: &Report<'_>) -> Markup {
    let refused = report.verdicts.iter().filter(|verdict| !is_allowed(verdict)).count();
    let errors = report.findings().filter(|finding| is_error(finding)).count();
    html! {
        (pods(report.verdicts.len())) " as they are admitted, with what the Istio of the same input adds to them: "
        strong { (report.verdicts.len() - refused) " allowed, " (refused) " refused or not judged" } "."
        @if errors > 0 { " " (errors) @if errors == 1 { " more error." } @else { " more errors." } }
    }
}

fn is_allowed(verdict: &Verdict) -> bool {
    verdict.judged.as_ref().is_ok_and(|judged| judged.violations.is_empty())
}

fn kind(verdicts: &[&Verdict]) -> &'static str {
    if verdicts.iter().all(|verdict| is_allowed(verdict)) { "allowed" } else { "refused" }
}

fn called(name: &str) -> Markup {
    html! { @if name.is_empty() { em { "no namespace" } } @else { (text(name)) } }
}

fn overview(namespaces: &[(&str, Vec<&Verdict>)]) -> Markup {
    html! {
        table.heat role="table" {
            thead role="rowgroup" {
                tr role="row" {
                    @for title in ["Namespace", "Judged by", "Meets", "Allowed", "Refused", "Not judged"] {
                        th scope="col" role="columnheader" { (title) }
                    }
                }
            }
            tbody role="rowgroup" {
                @for (number, (name, verdicts)) in namespaces.iter().enumerate() {
                    @let failed = verdicts.iter().filter(|verdict| verdict.judged.is_err()).count();
                    @let allowed = verdicts.iter().filter(|verdict| is_allowed(verdict)).count();
                    @let refused = verdicts.len() - failed - allowed;
                    @let judged = verdicts.iter().filter_map(|verdict| verdict.judged.as_ref().ok());
                    @let meets = judged.map(|judged| judged.meets).min();
                    tr role="row" data-ns=(visible(name)) data-level=(kind(verdicts)) {
                        th scope="row" role="rowheader" { a href={ "#ns-" (number) } { (called(name)) } }
                        td role="cell" data-label="Judged by" {
                            @if let Some(first) = verdicts.first() { (first.asked) }
                        }
                        @match meets {
                            Some(level) => { td role="cell" data-label="Meets" class=(level.as_str()) { (level.as_str()) } }
                            None => { td role="cell" data-label="Meets" class="unknown" { "unknown" } }
                        }
                        td role="cell" data-label="Allowed" { (allowed) }
                        td role="cell" data-label="Refused" { (refused) }
                        td role="cell" data-label="Not judged" { (failed) }
                    }
                }
            }
        }
    }
}

fn namespace(report: &Report<'_>, number: usize, name: &str, verdicts: &[&Verdict]) -> Markup {
    let refused: Vec<&&Verdict> = verdicts.iter().filter(|verdict| !is_allowed(verdict)).collect();
    let told: Vec<Markup> = refused.iter().map(|verdict| pod(report, verdict, refused.len())).collect();
    let allowed = verdicts.len() - told.len();
    let broken = verdicts.iter().filter_map(|verdict| verdict.judged.as_ref().ok());
    let broken = broken.flat_map(|judged| &judged.violations);
    html! {
        details.namespace open id={ "ns-" (number) } data-ns=(visible(name)) data-level=(kind(verdicts)) {
            summary {
                h3 { (called(name)) }
                " "
                span.note {
                    (pods(verdicts.len()))
                    @if let Some(first) = verdicts.first() { ", judged by " (first.asked) }
                }
            }
            (of_mesh(broken))
            @for pod in told { (pod) }
            @if allowed > 0 { p { (allowed) " of " (pods(verdicts.len())) " allowed." } }
        }
    }
}

/// A pod that would be refused, or cannot be judged.
fn pod(report: &Report<'_>, verdict: &Verdict, told: usize) -> Markup {
    let resource = &verdict.resource;
    html! {
        article.pod {
            h4 {
                (resource.kind) " " (text(&resource.name)) " "
                span.note { (text(&place(&report.inputs, verdict.input, verdict.line))) }
            }
            @match &verdict.judged {
                Ok(judged) => {
                    p.columns {
                        "meets " (chip(judged.meets)) ", refused by " (chip(verdict.asked.level))
                        @if judged.injected { ", with what Istio's injector adds" }
                    }
                    ul.violations { @for one in &judged.violations { (violation(one, one.mend)) } }
                    @if let Some(mend) = &judged.mend { (patch(mend, told)) }
                }
                Err((_, why)) => { p.unknown { strong { "Not judged" } ": " (text(why)) } }
            }
        }
    }
}
