//! For people: by namespace, what is violated, in Pod Security's own words, and how to mend it.

use std::fmt::Write;

use super::{Report, Verdict, words};
use crate::krm::results::one_line;
use crate::pod_security::Violation;

pub(super) fn render(report: &Report<'_>) -> String {
    let mut namespaces: Vec<&str> = Vec::new();
    for verdict in &report.verdicts {
        if !namespaces.contains(&verdict.resource.namespace.as_str()) {
            namespaces.push(&verdict.resource.namespace);
        }
    }
    let mut text = String::new();
    for namespace in namespaces {
        let verdicts: Vec<&Verdict> =
            report.verdicts.iter().filter(|verdict| verdict.resource.namespace == namespace).collect();
        of_namespace(&mut text, report, namespace, &verdicts);
    }
    text.push_str(&totals(report));
    text
}

// Writing to a string cannot fail.
fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}

fn of_namespace(text: &mut String, report: &Report<'_>, namespace: &str, verdicts: &[&Verdict]) {
    let Some(first) = verdicts.first() else { return };
    let asked = first.asked;
    match namespace {
        "" => line(text, format_args!("no namespace, judged by {asked}")),
        _ => line(text, format_args!("namespace {}, judged by {asked}", one_line(namespace))),
    }
    let mut allowed = 0;
    for verdict in verdicts {
        match &verdict.judged {
            Ok(judged) if judged.violations.is_empty() => allowed += 1,
            Ok(judged) => {
                let injected = if judged.injected { ", with what Istio's injector adds" } else { "" };
                line(text, format_args!("  {}{injected}; it meets {}", place(report, verdict), judged.meets));
                judged.violations.iter().for_each(|violation| of_violation(text, violation));
            }
            Err((_, why)) => {
                line(text, format_args!("  {}", place(report, verdict)));
                line(text, format_args!("    error: {}", one_line(why)));
            }
        }
    }
    if allowed > 0 {
        line(text, format_args!("  {allowed} of {} allowed", pods(verdicts.len())));
    }
    text.push('\n');
}

fn place(report: &Report<'_>, verdict: &Verdict) -> String {
    let resource = &verdict.resource;
    let input = report.inputs.get(verdict.input).copied().unwrap_or_default();
    let words = format!("{} {} {}", resource.api_version, resource.kind, resource.name);
    let place = if input == "-" { format!("line {}", verdict.line) } else { format!("{input}:{}", verdict.line) };
    one_line(&format!("{words} ({place})"))
}

fn of_violation(text: &mut String, violation: &Violation) {
    line(text, format_args!("    {}", one_line(&words(violation))));
    line(text, format_args!("      mend: {}", violation.mend));
}

fn pods(count: usize) -> String {
    format!("{count} {}", if count == 1 { "pod" } else { "pods" })
}

fn totals(report: &Report<'_>) -> String {
    let (mut allowed, mut refused, mut failed) = (0, 0, 0);
    for verdict in &report.verdicts {
        match &verdict.judged {
            Ok(judged) if judged.violations.is_empty() => allowed += 1,
            Ok(_) => refused += 1,
            Err(_) => failed += 1,
        }
    }
    let mut parts = Vec::new();
    for (count, word) in [(allowed, "allowed"), (refused, "refused"), (failed, "not judged")] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    match report.verdicts.len() {
        0 => "no pods in the input\n".to_owned(),
        count => format!("{}: {}\n", pods(count), parts.join(", ")),
    }
}
