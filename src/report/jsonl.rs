//! One JSON object per line and pod-bearing resource, in input order.

use serde::Serialize;

use super::{Report, Verdict};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    api_version: &'a str,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    level: &'static str,
    version: String,
    #[serde(flatten)]
    outcome: Outcome<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Judged { allowed: bool, injected: bool, meets: &'static str, violations: Vec<Reason<'a>> },
    Failed { error: &'a str },
}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'static str,
    detail: &'a str,
}

pub(super) fn render(report: &Report<'_>) -> String {
    let mut text = String::new();
    for verdict in &report.verdicts {
        // Nothing in a line can fail to be JSON.
        text.push_str(&serde_json::to_string(&line(verdict)).unwrap_or_default());
        text.push('\n');
    }
    text
}

fn line(verdict: &Verdict) -> Line<'_> {
    let outcome = match &verdict.judged {
        Ok(judged) => Outcome::Judged {
            allowed: judged.violations.is_empty(),
            injected: judged.injected,
            meets: judged.meets.as_str(),
            violations: judged
                .violations
                .iter()
                .map(|violation| Reason { reason: violation.reason, detail: &violation.detail })
                .collect(),
        },
        Err((_, error)) => Outcome::Failed { error },
    };
    Line {
        api_version: &verdict.resource.api_version,
        kind: &verdict.resource.kind,
        namespace: &verdict.resource.namespace,
        name: &verdict.resource.name,
        level: verdict.asked.level.as_str(),
        version: verdict.asked.version.to_string(),
        outcome,
    }
}
