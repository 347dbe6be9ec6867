//! The second gate: istiod's own decision, for a pod that a webhook sent to it.
//!
//! Source of facts: `injectRequired` in `pkg/kube/inject/inject.go`, `IgnoredNamespaces` in `initializer.go` (1.17 to 1.30).

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Selector, SelectorExt};

use super::release::Release;
use super::webhook::Labels;
use super::{NotInjected, PodView};

/// The label and, where there is no label, the annotation that decides for one pod.
pub(super) const INJECT: &str = "sidecar.istio.io/inject";

const IGNORED_NAMESPACES: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// The parts of `data.config` that decide.
#[derive(Clone, Debug, Default)]
pub(super) struct Policy {
    /// `policy`: inject by default, or only on demand. Any other word means never.
    pub(super) policy: String,
    /// `neverInjectSelector`
    pub(super) never: Vec<Selector>,
    /// `alwaysInjectSelector`
    pub(super) always: Vec<Selector>,
}

/// The selectors that count: istiod passes over invalid and empty ones.
pub(super) fn effective_selectors(selectors: Vec<LabelSelector>) -> Vec<Selector> {
    let parsed = selectors.into_iter().filter_map(|selector| Selector::try_from(selector).ok());
    parsed.filter(|selector| !selector.selects_all()).collect()
}

impl Policy {
    /// Why the pod is not injected, if it is not.
    pub(super) fn refuses(&self, release: Release, namespace: &str, pod: &PodView<'_>) -> Option<NotInjected> {
        if pod.spec.host_network == Some(true) {
            return Some(NotInjected::HostNetwork);
        }
        if IGNORED_NAMESPACES.contains(&namespace) {
            return Some(NotInjected::IgnoredNamespace);
        }
        let none = Labels::new();
        let labels = pod.metadata.labels.as_ref().unwrap_or(&none);
        let word = labels.get(INJECT).or_else(|| pod.metadata.annotations.as_ref().and_then(|map| map.get(INJECT)));
        let asked = word.and_then(|word| release.asks_for_injection(word));
        let wanted = asked.or_else(|| {
            let matches = |selectors: &[Selector]| selectors.iter().any(|selector| selector.matches(labels));
            if matches(&self.never) {
                Some(false)
            } else if matches(&self.always) {
                Some(true)
            } else {
                None
            }
        });
        let injects = match self.policy.as_str() {
            "enabled" => wanted.unwrap_or(true),
            "disabled" => wanted.unwrap_or(false),
            _ => false,
        };
        if injects {
            None
        } else if asked == Some(false) {
            Some(NotInjected::OptedOut)
        } else {
            Some(NotInjected::Policy)
        }
    }
}

impl Release {
    /// What a value of `sidecar.istio.io/inject` asks for; `None` leaves it to the policy.
    #[must_use]
    pub fn asks_for_injection(self, word: &str) -> Option<bool> {
        if self.strict_inject_words() {
            return match word {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            };
        }
        if word.is_empty() {
            return None;
        }
        Some(matches!(word.to_lowercase().as_str(), "y" | "yes" | "true" | "on"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_what_the_release_makes_of_them() {
        let (old, new) = (Release::new(26, 8), Release::new(27, 0));
        let rows = [
            ("true", Some(true), Some(true)),
            ("false", Some(false), Some(false)),
            ("", None, None),
            ("Yes", Some(true), None),
            ("y", Some(true), None),
            ("ON", Some(true), None),
            ("TRUE", Some(true), None),
            ("1", Some(false), None),
            ("enabled", Some(false), None),
        ];
        for (word, before, after) in rows {
            assert_eq!((old.asks_for_injection(word), new.asks_for_injection(word)), (before, after), "{word}");
        }
    }
}
