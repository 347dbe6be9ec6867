//! What is otherwise than in an older render: by namespace for people, or one JSON object a line.

use std::fmt::Write;

use serde::Serialize;

use super::{Located, Report, Since};
use crate::krm::results::one_line;
use crate::krm::{ResourceRef, Severity};

/// In the order of the report: what fails comes first.
const SEVERITIES: [(Severity, &str); 3] =
    [(Severity::Error, "worse"), (Severity::Warning, "to compare"), (Severity::Info, "better or no loss")];

/// The namespace that a difference is in; of the cluster "".
fn namespace(located: &Located) -> &str {
    match &located.finding.resource_ref {
        Some(resource) if resource.kind == "Namespace" => &resource.name,
        Some(resource) => &resource.namespace,
        None => "",
    }
}

pub(super) fn text(report: &Report<'_>, since: &Since) -> String {
    let old = report.inputs[report.inputs.len() - since.inputs..].join(", ");
    let mut text = String::new();
    let mut totals = Vec::new();
    for (severity, word) in SEVERITIES {
        let mut of_it: Vec<&Located> =
            since.differences.iter().filter(|located| located.finding.severity == severity).collect();
        if of_it.is_empty() {
            continue;
        }
        totals.push(format!("{} {word}", of_it.len()));
        of_it.sort_by_key(|located| namespace(located));
        let mut last = None;
        for located in of_it {
            let namespace = namespace(located);
            if last != Some(namespace) {
                let blank = if last.is_some() { "\n" } else { "" };
                let place = if namespace.is_empty() {
                    "in the cluster".to_owned()
                } else {
                    format!("in namespace {namespace}")
                };
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{blank}{word} {}", one_line(&place));
                last = Some(namespace);
            }
            difference(&mut text, report, located);
        }
        text.push('\n');
    }
    let totals = if totals.is_empty() { "nothing is otherwise".to_owned() } else { totals.join(", ") };
    let _ = writeln!(text, "since {}: {totals}", one_line(&old));
    text
}

fn difference(text: &mut String, report: &Report<'_>, located: &Located) {
    let finding = &located.finding;
    let input = report.inputs.get(located.input).copied().unwrap_or_default();
    let rule = finding.tags.get("rule").map(String::as_str).unwrap_or_default();
    let resource = finding.resource_ref.as_ref().map(shown).unwrap_or_default();
    let place = match located.line {
        Some(line) if input == "-" => format!(" (line {line})"),
        Some(line) => format!(" ({input}:{line})"),
        None => String::new(),
    };
    let about = format!("{resource}{place}");
    // What is safer needs no second look.
    let _ = match finding.severity {
        Severity::Info => writeln!(text, "  {}", one_line(&format!("{about}: {}", finding.message))),
        _ => {
            writeln!(text, "  {}\n    {}", one_line(format!("{rule}: {about}").trim_end()), one_line(&finding.message))
        }
    };
}

fn shown(resource: &ResourceRef) -> String {
    format!("{} {} {}", resource.api_version, resource.kind, resource.name).trim_end().to_owned()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    rule: &'a str,
    severity: Severity,
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    file: &'a str,
    line: Option<usize>,
    before: &'a str,
    after: &'a str,
    message: &'a str,
}

pub(super) fn jsonl(report: &Report<'_>, since: &Since) -> String {
    let mut text = String::new();
    let nobody = ResourceRef::default();
    for located in &since.differences {
        let finding = &located.finding;
        let resource = finding.resource_ref.as_ref().unwrap_or(&nobody);
        let tag = |name: &str| finding.tags.get(name).map(String::as_str).unwrap_or_default();
        let line = Line {
            rule: tag("rule"),
            severity: finding.severity,
            api_version: &resource.api_version,
            kind: &resource.kind,
            namespace: &resource.namespace,
            name: &resource.name,
            file: report.inputs.get(located.input).copied().unwrap_or_default(),
            line: located.line,
            before: tag("before"),
            after: tag("after"),
            message: &finding.message,
        };
        // Nothing in a line can fail to be JSON.
        text.push_str(&serde_json::to_string(&line).unwrap_or_default());
        text.push('\n');
    }
    text
}
