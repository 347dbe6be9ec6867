//! For programs: one JSON object.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Column, Plan, PlannedNamespace, PlannedPod, Pods};
use crate::pod_security::{Level, Violation};

#[derive(Serialize)]
struct Whole<'a> {
    istio: Option<Istio<'a>>,
    unavailable: BTreeMap<Column, &'a str>,
    namespaces: Vec<Namespace<'a>>,
}

#[derive(Serialize)]
struct Istio<'a> {
    namespace: &'a str,
    revision: &'a str,
    version: &'a str,
    mode: Column,
}

#[derive(Serialize)]
struct Namespace<'a> {
    name: &'a str,
    enforce: Option<&'static str>,
    levels: Levels,
    hardened: Levels,
    blockers: Vec<Blocker<'a>>,
    /// Pods that leave a level open. Only where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Unknown<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Levels {
    as_is: Option<&'static str>,
    sidecar: Option<&'static str>,
    cni: Option<&'static str>,
    ambient: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    api_version: &'a str,
    kind: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct Blocker<'a> {
    mode: Column,
    level: &'static str,
    #[serde(flatten)]
    named: Named<'a>,
    violations: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    reason: &'static str,
    detail: &'a str,
}

#[derive(Serialize)]
struct Unknown<'a> {
    mode: Column,
    #[serde(flatten)]
    named: Named<'a>,
    error: &'a str,
}

impl Serialize for Column {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The plan as JSON, with its last line break.
#[must_use]
pub fn render(plan: &Plan<'_>) -> String {
    let whole = Whole {
        istio: plan.istio.as_ref().map(|istio| Istio {
            namespace: &istio.namespace,
            revision: &istio.revision,
            version: &istio.version,
            mode: istio.mode,
        }),
        unavailable: plan.unavailable.iter().map(|(column, why)| (*column, why.as_str())).collect(),
        namespaces: plan.namespaces.iter().map(namespace).collect(),
    };
    // Nothing in it can fail to be JSON.
    let mut text = serde_json::to_string_pretty(&whole).unwrap_or_default();
    text.push('\n');
    text
}

fn namespace(namespace: &PlannedNamespace) -> Namespace<'_> {
    let levels = |pods| {
        let level = |column| namespace.level(column, pods).map(Level::as_str);
        Levels {
            as_is: level(Column::AsIs),
            sidecar: level(Column::Sidecar),
            cni: level(Column::Cni),
            ambient: level(Column::Ambient),
        }
    };
    let blockers = Column::ALL.into_iter().filter_map(|mode| Some((mode, namespace.blockers(mode, Pods::AsTheyAre)?)));
    let blockers = blockers.flat_map(|(mode, (level, blocking))| {
        blocking.into_iter().map(move |blocker| Blocker {
            mode,
            level: level.as_str(),
            named: named(blocker.pod),
            violations: blocker.violations.iter().map(reason).collect(),
        })
    });
    let unknown = Column::ALL.into_iter().flat_map(|mode| {
        let open = namespace.unknown(mode, Pods::AsTheyAre);
        open.map(move |(pod, error)| Unknown { mode, named: named(pod), error })
    });
    Namespace {
        name: &namespace.name,
        enforce: namespace.enforce.map(Level::as_str),
        levels: levels(Pods::AsTheyAre),
        hardened: levels(Pods::Hardened),
        blockers: blockers.collect(),
        unknown: unknown.collect(),
    }
}

fn named(pod: &PlannedPod) -> Named<'_> {
    Named { api_version: &pod.resource.api_version, kind: &pod.resource.kind, name: &pod.resource.name }
}

fn reason(violation: &Violation) -> Reason<'_> {
    Reason { reason: violation.reason, detail: &violation.detail }
}
