//! Labels of istio-cni's objects: those that say who installed them are copied from the install around them.

use std::collections::BTreeMap;

use crate::istio::facts::Facts;
use crate::istio::version::Version;

/// Label by which istioctl and the charts mark what belongs to istio-cni.
pub(super) const COMPONENT: (&str, &str) = ("operator.istio.io/component", "Cni");

/// What the labels of an install have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstallLabels {
    /// `release` and `app.kubernetes.io/instance`: the Helm release, `istio` for istioctl.
    pub release: String,
    /// `istio.io/rev`; `None` for the default revision.
    pub revision: Option<String>,
    /// `install.operator.istio.io/owning-resource`, `unknown` unless an `IstioOperator` in the cluster owns the install.
    pub owning_resource: String,
    /// `app.kubernetes.io/*`, which installs from 1.24 on carry.
    pub recommended: Option<RecommendedLabels>,
}

/// The part of `app.kubernetes.io/*` that differs among installs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecommendedLabels {
    /// `app.kubernetes.io/managed-by`: `Helm`, also from istioctl.
    pub managed_by: String,
    /// `app.kubernetes.io/version`.
    pub version: String,
    /// `helm.sh/chart` without the chart's name; `None`: the install does not carry the label.
    pub chart_version: Option<String>,
}

/// How an object says what it is, which differs among the charts' templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    /// `app: istio-cni`.
    App,
    /// `k8s-app` with this value.
    K8sApp(&'static str),
    /// `k8s-app` with this value, and no `release`.
    K8sAppWithoutRelease(&'static str),
    /// The component and the recommended labels alone.
    Component,
    /// The recommended labels alone.
    Recommended,
}

impl InstallLabels {
    /// The labels that istioctl gives an install of the default revision, for a list that shows no other.
    #[must_use]
    pub fn of_istioctl(facts: &Facts, version: &Version) -> Self {
        let version = version.to_string();
        Self {
            release: "istio".to_owned(),
            revision: None,
            owning_resource: "unknown".to_owned(),
            recommended: facts.recommended_labels.then(|| RecommendedLabels {
                managed_by: "Helm".to_owned(),
                chart_version: Some(version.clone()),
                version,
            }),
        }
    }

    /// All labels of an object.
    pub(super) fn of(&self, marker: Marker) -> BTreeMap<String, String> {
        let mut labels = self.recommended();
        let mut set = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
        match marker {
            Marker::Recommended => return labels,
            Marker::Component => {
                set(COMPONENT.0, COMPONENT.1);
                return labels;
            }
            Marker::App => set("app", super::ISTIO_CNI),
            Marker::K8sApp(value) | Marker::K8sAppWithoutRelease(value) => set("k8s-app", value),
        };
        if !matches!(marker, Marker::K8sAppWithoutRelease(_)) {
            set("release", &self.release);
        }
        set("istio.io/rev", self.revision.as_deref().unwrap_or("default"));
        set("install.operator.istio.io/owning-resource", &self.owning_resource);
        set(COMPONENT.0, COMPONENT.1);
        labels
    }

    /// `app.kubernetes.io/*` and `helm.sh/chart`, which pod templates carry too.
    pub(super) fn recommended(&self) -> BTreeMap<String, String> {
        let mut labels = self.recommended_for(super::ISTIO_CNI, &self.release);
        if let Some(chart) = labels.get_mut("helm.sh/chart") {
            // The chart of istio-cni is called `cni`.
            *chart = chart.trim_start_matches("istio-").to_owned();
        }
        labels
    }

    /// Those of a chart that is called as what it installs, in this Helm release.
    pub(in crate::istio::objects) fn recommended_for(&self, name: &str, release: &str) -> BTreeMap<String, String> {
        let Some(recommended) = &self.recommended else { return BTreeMap::new() };
        let mut labels: BTreeMap<String, String> = [
            ("app.kubernetes.io/instance", release),
            ("app.kubernetes.io/managed-by", &recommended.managed_by),
            ("app.kubernetes.io/name", name),
            ("app.kubernetes.io/part-of", "istio"),
            ("app.kubernetes.io/version", &recommended.version),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        if let Some(version) = &recommended.chart_version {
            labels.insert("helm.sh/chart".to_owned(), format!("{name}-{version}"));
        }
        labels
    }
}
