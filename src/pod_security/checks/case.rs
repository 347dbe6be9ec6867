//! The rows of the checks' unit tables. The registry's tests read the same rows, to prove that they cover every
//! container list.

use std::ops::RangeInclusive;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Check;
use crate::pod_security::Version;

/// A pod and what one check says of it in the first and the last of some versions.
pub(crate) struct Case {
    name: &'static str,
    minors: RangeInclusive<u32>,
    pod: Pod,
    annotations: &'static [(&'static str, &'static str)],
    /// `reason (detail)`, or `None` where the pod passes.
    forbidden: Option<&'static str>,
}

enum Pod {
    /// The members of the pod's spec.
    Spec(&'static str),
    /// The members of a container: three pods, with it in each of the container lists.
    EachList(&'static str),
}

impl Case {
    pub(crate) const fn passes(name: &'static str, minors: RangeInclusive<u32>, spec: &'static str) -> Self {
        Self { name, minors, pod: Pod::Spec(spec), annotations: &[], forbidden: None }
    }

    pub(crate) const fn passes_in_each_list(
        name: &'static str,
        minors: RangeInclusive<u32>,
        container: &'static str,
    ) -> Self {
        Self { name, minors, pod: Pod::EachList(container), annotations: &[], forbidden: None }
    }

    pub(crate) const fn fails(
        name: &'static str,
        minors: RangeInclusive<u32>,
        spec: &'static str,
        forbidden: &'static str,
    ) -> Self {
        Self { name, minors, pod: Pod::Spec(spec), annotations: &[], forbidden: Some(forbidden) }
    }

    pub(crate) const fn fails_in_each_list(
        name: &'static str,
        minors: RangeInclusive<u32>,
        container: &'static str,
        forbidden: &'static str,
    ) -> Self {
        Self { name, minors, pod: Pod::EachList(container), annotations: &[], forbidden: Some(forbidden) }
    }

    pub(crate) const fn with(mut self, annotations: &'static [(&'static str, &'static str)]) -> Self {
        self.annotations = annotations;
        self
    }

    pub(crate) const fn is_pass(&self) -> bool {
        self.forbidden.is_none()
    }

    pub(crate) fn versions(&self) -> [Version; 2] {
        [Version::V1(*self.minors.start()), Version::V1(*self.minors.end())]
    }

    pub(crate) fn metadata(&self) -> ObjectMeta {
        let annotations = self.annotations.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        ObjectMeta { annotations: Some(annotations), ..ObjectMeta::default() }
    }

    pub(crate) fn specs(&self) -> Vec<PodSpec> {
        let texts = match self.pod {
            Pod::Spec(members) => vec![format!("{{{members}}}")],
            Pod::EachList(container) => ["initContainers", "containers", "ephemeralContainers"]
                .map(|list| format!("{{{list}: [{{{container}}}]}}"))
                .into(),
        };
        texts.iter().map(|text| serde_yaml::from_str(text).expect(self.name)).collect()
    }
}

/// Asserts what every row says.
pub(crate) fn assert_rows_hold(check: &Check, cases: &[Case]) {
    for case in cases {
        for spec in case.specs() {
            for version in case.versions() {
                let forbidden = check.revision(version).and_then(|judge| judge(&case.metadata(), &spec));
                let found = forbidden.map(|forbidden| format!("{} ({})", forbidden.reason, forbidden.detail));
                assert_eq!(found.as_deref(), case.forbidden, "{} at {version}: {spec:?}", case.name);
            }
        }
    }
}
