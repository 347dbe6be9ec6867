//! Pods: which level each meets, and what it breaks that it did not break.

use super::{Side, difference};
use crate::krm::{Finding, Severity};
use crate::pod_security::{Violation, aggregate};
use crate::report::{Judged, Located, Verdict};
use crate::rules::Rule;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) {
    for (key, pod, verdict) in new.pods_in(None) {
        let before = old.pod(key);
        let was = before.map(|(_, verdict)| verdict);
        // Of a pod that cannot be judged there is an error among the findings.
        let Ok(judged) = &verdict.judged else { continue };
        if let Some(Ok(before)) = was.map(|verdict| &verdict.judged)
            && (before.meets > judged.meets || (before.meets < judged.meets && !pod.is_doubtful))
        {
            // By the level that is asked for anyway they are told one by one.
            let told = verdict.asked.level == before.meets && !judged.exempt;
            let breaks = pod.breaks.get(&before.meets).filter(|_| !told).map(Vec::as_slice).unwrap_or_default();
            found.push(new.about_pod(verdict, of_level(before, judged, breaks)));
        }
        let known: &[Violation] = match was.map(|verdict| &verdict.judged) {
            Some(Ok(before)) => &before.violations,
            _ => &[],
        };
        for violation in judged.violations.iter().filter(|violation| is_new(violation, known)) {
            found.push(new.about_pod(verdict, of_violation(verdict, violation, was.is_none())));
        }
    }
}

fn of_level(before: &Judged, after: &Judged, breaks: &[Violation]) -> Finding {
    let (was, is) = (before.meets.as_str(), after.meets.as_str());
    if after.meets > before.meets {
        let message = format!("the pod meets {is}; it was {was}");
        return difference(Rule::SaferThanBefore, Severity::Info, message, was, is);
    }
    let why = if breaks.is_empty() { String::new() } else { format!(": {}", aggregate(breaks)) };
    difference(Rule::PodLevelLowered, Severity::Error, format!("the pod met {was}, and now only {is}{why}"), was, is)
}

fn of_violation(verdict: &Verdict, violation: &Violation, is_new_pod: bool) -> Finding {
    let words = aggregate(std::slice::from_ref(violation));
    let new = if is_new_pod { "the pod is new and violates" } else { "newly violates" };
    let message = format!("{new} PodSecurity \"{}\": {words}. {}", verdict.asked, violation.mend);
    let before = if is_new_pod { "absent" } else { "allowed" };
    let mut finding = difference(Rule::NewViolation, Severity::Error, message, before, &words);
    finding.tags.extend([
        ("psa-level", verdict.asked.level.to_string()),
        ("psa-version", verdict.asked.version.to_string()),
        ("psa-check", violation.check.to_owned()),
        ("psa-reason", violation.reason.to_owned()),
        ("psa-detail", violation.detail.clone()),
    ]);
    finding
}

/// The pod did not break this check, or its detail names something that it did not name. The order of names is none: it
/// changes with native sidecars.
fn is_new(violation: &Violation, known: &[Violation]) -> bool {
    let known: Vec<&str> =
        known.iter().filter(|known| known.check == violation.check).flat_map(|known| words(&known.detail)).collect();
    known.is_empty() || words(&violation.detail).any(|word| !known.contains(&word))
}

/// The words of a detail, without what a list of names changes around them: `containers "a", "b"` and `container "a"`.
fn words(detail: &str) -> impl Iterator<Item = &str> {
    detail
        .split_whitespace()
        .map(|word| word.trim_matches([',', '(', ')']))
        .map(|word| if word.starts_with('"') { word } else { word.strip_suffix('s').unwrap_or(word) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(check: &'static str, detail: &str) -> Violation {
        Violation { check, reason: "", detail: detail.to_owned(), mend: "" }
    }

    #[test]
    fn a_violation_is_new_where_it_names_something_new() {
        for (before, after, expected) in [
            ("containers \"a\", \"b\" must set x", "containers \"b\", \"a\" must set x", false),
            ("containers \"a\", \"b\" must set x", "container \"b\" must set x", false),
            ("pod or container \"a\" must set x", "container \"a\" must set x", false),
            ("container \"b\" must set x", "containers \"a\", \"b\" must set x", true),
            ("container \"pod\" must set x", "container \"pods\" must set x", true),
            ("hostNetwork=true", "hostNetwork=true, hostPID=true", true),
        ] {
            let known = [violation("c", before), violation("other", after)];
            assert_eq!(is_new(&violation("c", after), &known), expected, "{before} -> {after}");
        }
        assert!(is_new(&violation("c", "hostNetwork=true"), &[]));
    }
}
