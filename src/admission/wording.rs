//! What `check` and the filter say alike of pods as they are admitted.

use std::collections::BTreeMap;

use super::AdmittedPod;
use crate::krm::{Finding, Severity};
use crate::pod_security::{LevelVersion, Version, Violation};
use crate::rules::Rule;

/// Says from which version on a pod that `latest` allows is allowed, where clusters in use would refuse it.
pub(crate) fn depends_on_version(pod: &AdmittedPod, asked: LevelVersion, violations: &[Violation]) -> Option<String> {
    if asked.version != Version::Latest || !violations.is_empty() {
        return None;
    }
    let since = pod.allowed_since(asked.level)?;
    Some(format!(
        "{asked} allows the pod only from {since} of the policies on: a cluster of an older version refuses it"
    ))
}

/// Names the webhooks once: what they do to a pod is in no manifest.
pub(crate) fn other_webhooks(webhooks: &BTreeMap<String, usize>) -> Option<Finding> {
    if webhooks.is_empty() {
        return None;
    }
    let named: Vec<String> = webhooks
        .iter()
        .map(|(name, pods)| format!("{name} ({pods} {})", if *pods == 1 { "pod" } else { "pods" }))
        .collect();
    let message = format!(
        "other mutating webhooks of the input see pods, which are judged without what these may change: {}",
        named.join(", ")
    );
    Some(Finding::new(Rule::OtherWebhooks, Severity::Info, message))
}
