//! Who Pod Security admission leaves alone: the `exemptions` of a `PodSecurityConfiguration`.
//!
//! Source: `admission/admission.go` and `admission/api/types.go` of pod-security-admission v0.37.2, and the
//! [admission configuration](https://kubernetes.io/docs/tasks/configure-pod-container/enforce-standards-admission-controller/).

/// Exemptions come before every check. Names compare exactly: there are no globs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exemptions {
    /// Users whose requests are not judged. Manifests do not say who will apply them, so [`Exemptions::exempts`] leaves them out.
    pub usernames: Vec<String>,
    /// Runtime classes whose pods are not judged.
    pub runtime_classes: Vec<String>,
    /// Namespaces whose pods are not judged.
    pub namespaces: Vec<String>,
}

impl Exemptions {
    /// Whether a pod is left alone for its namespace or its `spec.runtimeClassName`. An empty name is never exempt.
    #[must_use]
    pub fn exempts(&self, namespace: &str, runtime_class: Option<&str>) -> bool {
        listed(&self.namespaces, namespace) || listed(&self.runtime_classes, runtime_class.unwrap_or_default())
    }
}

fn listed(names: &[String], name: &str) -> bool {
    !name.is_empty() && names.iter().any(|listed| listed == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_and_non_empty_names_are_exempt() {
        let exemptions = Exemptions {
            usernames: vec!["admin".into()],
            runtime_classes: vec!["kata".into(), String::new()],
            namespaces: vec!["kube-system".into(), String::new()],
        };
        for (namespace, runtime_class, exempt) in [
            ("kube-system", None, true),
            ("kube-system", Some("runc"), true),
            ("kubeflow", Some("kata"), true),
            ("kubeflow", Some("Kata"), false),
            ("kube", None, false),
            ("admin", None, false),
            ("kata", Some("kube-system"), false),
            ("", None, false),
            ("", Some(""), false),
        ] {
            assert_eq!(exemptions.exempts(namespace, runtime_class), exempt, "{namespace} {runtime_class:?}");
        }
        assert!(!Exemptions::default().exempts("kube-system", None));
    }
}
