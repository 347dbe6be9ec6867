//! [SARIF 2.1.0](https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html): what code scanning shows beside the
//! lines of the input.

use serde_json::{Value, json};

use super::{Located, Report, Verdict, words};
use crate::krm::{ResourceRef, Severity};
use crate::rules::Rule;

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const HOME: &str = env!("CARGO_PKG_REPOSITORY");

pub(super) fn render(report: &Report<'_>) -> String {
    let mut results: Vec<(Rule, Value)> = Vec::new();
    for verdict in &report.verdicts {
        violations(report, verdict, &mut results);
    }
    for located in report.differences().chain(&report.findings) {
        results.extend(finding(report, located));
    }
    let rules: Vec<Rule> = Rule::ALL.iter().copied().filter(|rule| results.iter().any(|(of, _)| of == rule)).collect();
    let results: Vec<Value> = results
        .into_iter()
        .map(|(rule, mut result)| {
            result["ruleIndex"] = json!(rules.iter().position(|listed| *listed == rule));
            result
        })
        .collect();
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "unroot",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": HOME,
                "rules": rules.into_iter().map(described).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    // Maps of texts are always JSON.
    format!("{}\n", serde_json::to_string_pretty(&log).unwrap_or_default())
}

fn described(rule: Rule) -> Value {
    json!({
        "id": rule.code(),
        "shortDescription": {"text": rule.meaning()},
        "helpUri": format!("{HOME}/blob/main/docs/rules.md#{}", rule.code()),
    })
}

fn violations(report: &Report<'_>, verdict: &Verdict, results: &mut Vec<(Rule, Value)>) {
    let Ok(judged) = &verdict.judged else { return };
    for violation in &judged.violations {
        let rule = Rule::PodSecurityEnforce;
        let text = format!("violates PodSecurity \"{}\": {}. {}", verdict.asked, words(violation), violation.mend);
        let mut result =
            result(report, rule, "error", &text, verdict.input, Some(verdict.line), Some(&verdict.resource));
        result["properties"] = json!({
            "psa-level": verdict.asked.level.as_str(),
            "psa-version": verdict.asked.version.to_string(),
            "psa-check": violation.check,
            "psa-reason": violation.reason,
            "psa-detail": violation.detail,
        });
        let key = format!("{}/{}", verdict.resource, violation.check);
        result["partialFingerprints"] = json!({"resourceAndCheck/v1": key});
        results.push((rule, result));
    }
}

fn finding(report: &Report<'_>, Located { finding, input, line }: &Located) -> Option<(Rule, Value)> {
    let rule = Rule::of_code(finding.tags.get("rule")?)?;
    let level = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    Some((rule, result(report, rule, level, &finding.message, *input, *line, finding.resource_ref.as_ref())))
}

fn result(
    report: &Report<'_>,
    rule: Rule,
    level: &str,
    text: &str,
    input: usize,
    line: Option<usize>,
    resource: Option<&ResourceRef>,
) -> Value {
    let name = report.inputs.get(input).copied().unwrap_or_default();
    let mut location = json!({"physicalLocation": {"artifactLocation": {"uri": uri(name)}, "region": {"startLine": line.unwrap_or(1)}}});
    if let Some(resource) = resource {
        location["logicalLocations"] = json!([{"fullyQualifiedName": resource.to_string(), "kind": "resource"}]);
    }
    json!({
        "ruleId": rule.code(),
        "level": level,
        "message": {"text": text},
        "locations": [location],
    })
}

/// The name of a file as a relative or absolute URI reference; standard input has none, so it gets a word.
fn uri(name: &str) -> String {
    if name == "-" {
        return "stdin".to_owned();
    }
    let mut uri = String::new();
    let is_absolute = name.starts_with('/');
    if is_absolute {
        uri.push_str("file://");
    }
    for byte in name.strip_prefix("./").unwrap_or(name).bytes() {
        match byte {
            b'\\' => uri.push('/'),
            byte if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_become_uris() {
        for (name, expected) in [
            ("-", "stdin"),
            ("platform.yaml", "platform.yaml"),
            ("./a/b c.yaml", "a/b%20c.yaml"),
            ("/srv/é.yaml", "file:///srv/%C3%A9.yaml"),
            ("dir\\file.yaml", "dir/file.yaml"),
            ("c:x", "c%3Ax"),
        ] {
            assert_eq!(uri(name), expected, "{name}");
        }
    }
}
