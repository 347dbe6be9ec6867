//! Findings that a person has looked at: they stay, as information that quotes the reason.
//!
//! What the API server itself would refuse cannot be accepted away: the pods would not start all the same.

use crate::config::Accepted;
use crate::krm::{Finding, ResourceRef, Severity};
use crate::rules::Rule;

/// Applies the entries, and says which of them match nothing.
pub(super) fn apply(mut findings: Vec<Finding>, accepted: &[Accepted]) -> Vec<Finding> {
    let mut unused = Vec::new();
    for (index, entry) in accepted.iter().enumerate() {
        let mut used = false;
        let mut refused = false;
        for finding in &mut findings {
            let code = finding.tags.get("rule").map(String::as_str).unwrap_or_default();
            let none = ResourceRef::default();
            let resource = finding.resource_ref.as_ref().unwrap_or(&none);
            if !entry.matches(code, &resource.kind, &resource.namespace, &resource.name) {
                continue;
            }
            if !Rule::of_code(code).is_some_and(Rule::can_be_accepted) {
                refused = true;
                continue;
            }
            used = true;
            if finding.severity != Severity::Info {
                finding.severity = Severity::Info;
                finding.message.push_str(&quoted(entry));
            }
        }
        if !used {
            unused.push(not_used(index, entry, refused));
        }
    }
    findings.extend(unused);
    findings
}

fn quoted(entry: &Accepted) -> String {
    let mut text = format!(" (accepted: \"{}\"", entry.reason.as_str());
    for (word, value) in [
        ("owner", entry.owner.as_ref().map(|owner| owner.as_str())),
        ("until", entry.until.as_ref().map(|until| until.as_str())),
    ] {
        if let Some(value) = value {
            text.push_str(&format!(", {word} {value}"));
        }
    }
    text.push(')');
    text
}

fn not_used(index: usize, entry: &Accepted, refused: bool) -> Finding {
    let why = if refused {
        "matches only findings that cannot be accepted, since the API server itself would refuse these resources; mend \
         them, or set `onViolation: warn`"
    } else {
        "matches no finding; remove it, or correct its globs"
    };
    let message = format!("`accepted[{index}]` (reason: \"{}\") {why}", entry.reason.as_str());
    Finding::new(Rule::AcceptedUnused, Severity::Warning, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(rule: Rule, severity: Severity) -> Finding {
        let mut finding = Finding::new(rule, severity, "said");
        finding.resource_ref = Some(ResourceRef {
            kind: "Deployment".into(),
            namespace: "a".into(),
            name: "b".into(),
            ..ResourceRef::default()
        });
        finding
    }

    fn applied(findings: Vec<Finding>, entry: serde_json::Value) -> Vec<(String, String)> {
        let entries: Vec<Accepted> = vec![serde_json::from_value(entry).unwrap()];
        apply(findings, &entries)
            .into_iter()
            .map(|finding| (finding.severity.as_str().to_owned(), finding.message))
            .collect()
    }

    #[test]
    fn a_matching_finding_becomes_information_that_quotes_the_reason() {
        let entry = serde_json::json!({"rule": "strictest-*", "reason": "tested", "owner": "platform team", "until": "2027-06"});
        let said = applied(vec![finding(Rule::StrictestBelowFloor, Severity::Error)], entry);
        assert_eq!(
            said,
            [("info".to_owned(), "said (accepted: \"tested\", owner platform team, until 2027-06)".to_owned())]
        );
    }

    #[test]
    fn an_entry_that_matches_nothing_is_a_warning() {
        let entry = serde_json::json!({"namespace": "other", "reason": "tested"});
        let said = applied(vec![finding(Rule::StrictestBelowFloor, Severity::Error)], entry);
        assert_eq!(said[0].0, "error");
        assert_eq!(said[1].0, "warning");
        assert!(said[1].1.starts_with("`accepted[0]` (reason: \"tested\") matches no finding"), "{}", said[1].1);
    }

    #[test]
    fn what_the_api_server_refuses_cannot_be_accepted() {
        let said =
            applied(vec![finding(Rule::PodSecurityEnforce, Severity::Error)], serde_json::json!({"reason": "tested"}));
        assert_eq!(said[0], ("error".to_owned(), "said".to_owned()));
        assert!(said[1].1.contains("cannot be accepted"), "{}", said[1].1);
    }
}
