//! A page for people: one file without any other, readable without scripts, on paper, by day and by night.
//!
//! Everything that comes from the input goes through the template's escaping. The page's policy allows its own style and
//! its one script by their hashes, so that a text that got through would still run nothing.

mod check;
mod difference;
mod plan;
mod style;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::words;
use crate::admission::is_of_istio_init;
use crate::krm::{Finding, Severity};
use crate::pod_security::{Level, Violation};
use crate::yaml::emit::needs_escape;

pub use check::render as check;
pub use plan::{Proposal, render as plan};

/// The page around a body.
fn page(title: &str, body: &Markup) -> String {
    let policy = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        style::STYLE_HASH,
        style::SCRIPT_HASH
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="generator" content=(concat!("unroot ", env!("CARGO_PKG_VERSION")));
                title { (title) }
                style { (PreEscaped(style::STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the report" }
                (body)
                script { (PreEscaped(style::SCRIPT)) }
            }
        }
    };
    let mut page = page.into_string();
    page.push('\n');
    page
}

/// A text of the input, of which no character hides or turns others around.
fn text(text: &str) -> Markup {
    html! { bdi { (visible(text)) } }
}

fn visible(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, character| {
        if needs_escape(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
        line
    })
}

/// A level as a chip; its word carries the meaning, the colour only helps.
fn chip(level: Level) -> Markup {
    html! { span class={ "chip " (level.as_str()) } { (level.as_str()) } }
}

/// Which namespaces are shown, by name with the script and by level without it.
fn filters(levels: &[(&str, &str)]) -> Markup {
    html! {
        form.filters aria-label="Filter" {
            p.find hidden {
                label for="find" { "Namespace" }
                " "
                input #find type="search" autocomplete="off" spellcheck="false" placeholder="part of a name";
                " "
                span #shown role="status" {}
            }
            fieldset {
                legend { "Show" }
                label { input type="radio" name="level" value="all" checked; " all" }
                @for (value, label) in levels {
                    " "
                    label { input type="radio" name="level" value=(value); " " (label) }
                }
            }
        }
    }
}

/// A reason in Pod Security's words, and what to do.
fn violation(violation: &Violation, mend: &str) -> Markup {
    html! {
        li {
            p.words { (text(&words(violation))) }
            p.mend { (mend_text(mend)) }
        }
    }
}

/// A sentence in which back-quotes mark code.
fn mend_text(mend: &str) -> Markup {
    html! {
        @for (place, part) in mend.split('`').enumerate() {
            @if place % 2 == 1 { code { (visible(part)) } } @else { (visible(part)) }
        }
    }
}

/// The configuration that takes away what the injector's init container needs.
const CNI: &str = "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  istio:\n    mode: cni";

/// How many pods of a namespace may unfold their patches without making the page a long one.
const UNFOLDED: usize = 3;

/// What mends a pod, as YAML; unfolded where there are few of them.
fn patch(mend: &str, told: usize) -> Markup {
    html! {
        details.snippet open[told <= UNFOLDED] {
            summary { "What mends it, as a patch" }
            pre { code { (mend) } }
        }
    }
}

/// What takes the injector's init container out of all pods, where any of these is of it.
fn of_mesh<'v>(violations: impl IntoIterator<Item = &'v Violation>) -> Markup {
    html! {
        @if violations.into_iter().any(is_of_istio_init) {
            details.snippet open {
                summary { "What takes istio-init out of its pods, as a functionConfig" }
                pre { code { (CNI) } }
            }
        }
    }
}

/// What there is to say beside the pods.
fn findings<'f>(findings: impl Iterator<Item = &'f Finding>) -> Markup {
    let findings: Vec<&Finding> = findings.collect();
    html! {
        @if !findings.is_empty() {
            section.findings aria-labelledby="findings" {
                h2 #findings { "Findings" }
                ul {
                    @for finding in findings {
                        li {
                            span class={ "severity " (finding.severity.as_str()) } { (finding.severity.as_str()) }
                            " "
                            @if let Some(resource) = &finding.resource_ref { (text(&resource.to_string())) ": " }
                            (mend_text(&finding.message))
                        }
                    }
                }
            }
        }
    }
}

/// The file and line of a resource.
fn place(inputs: &[&str], input: usize, line: usize) -> String {
    match inputs.get(input).copied().unwrap_or_default() {
        "-" => format!("line {line}"),
        name => format!("{name}:{line}"),
    }
}

/// `1 pod`, `2 pods`.
fn pods(count: usize) -> String {
    format!("{count} {}", if count == 1 { "pod" } else { "pods" })
}

/// Whether a finding is an error.
fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}
