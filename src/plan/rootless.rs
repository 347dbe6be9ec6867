//! The functionConfig that gets a platform as far as it can without touching its pods: minimal, commented, and tried on
//! the input before it is printed.
//!
//! Levels are written where they are stricter than the label that stands there, one entry for each level; what has no
//! pods in the input, or no answer, keeps its label. A label that the namespace's own pods violate is lowered, since the
//! filter would refuse the list. Pods are hardened only where a namespace would stay privileged without it.

use super::draft::{Draft, UserWish, Wanted, users_enforce};
use crate::config::{Config, DataplaneMode, Harden, Istio, Workloads};
use crate::krm::{Error, Finding, List, Severity};
use crate::kube::profile_labels;
use crate::pod_security::{Level, Version};
use crate::report::plan::{Column, Plan, PlannedNamespace, Pods};
use crate::rules::Rule;

/// The data plane mode of the configuration, and its column.
pub(super) fn target(plan: &Plan<'_>, config: &Config) -> (DataplaneMode, Column) {
    let mode = config.istio.as_ref().and_then(|istio| istio.mode).unwrap_or(DataplaneMode::Cni);
    let column = match mode {
        DataplaneMode::Sidecar => Column::Sidecar,
        DataplaneMode::Cni => Column::Cni,
        DataplaneMode::Ambient => Column::Ambient,
    };
    (mode, if plan.unavailable.contains_key(&column) { Column::AsIs } else { column })
}

/// `spec.istio`, with the reason for the mode; None where the mode is not to be had.
pub(super) fn istio(plan: &Plan<'_>, config: &Config) -> Option<(Istio, String)> {
    let (mode, column) = target(plan, config);
    let found = plan.istio.as_ref().filter(|_| column != Column::AsIs)?;
    let now = if found.mode == column {
        format!("Istio {} is in this mode already; the levels hold only in it.", found.version)
    } else {
        format!("Istio {} is in mode {} now; {}", found.version, found.mode.as_str(), why(mode))
    };
    let istio = config.istio.clone().unwrap_or_default();
    Some((Istio { mode: Some(mode), ..istio }, now))
}

const fn why(mode: DataplaneMode) -> &'static str {
    match mode {
        DataplaneMode::Sidecar => "this is what the configuration asks for.",
        DataplaneMode::Cni => "istio-cni takes the privileges of istio-init to the node.",
        DataplaneMode::Ambient => "pods of the mesh lose their sidecars.",
    }
}

/// The version that the user's configuration has for what is enforced.
pub(super) fn version(config: &Config) -> Option<Version> {
    config.pod_security.as_ref()?.modes.enforce.version
}

/// The configuration as text, and what no configuration settles.
pub(super) fn render(list: &List<'_>, plan: &Plan<'_>, config: &Config) -> Result<(String, Vec<Finding>), Error> {
    let (text, _, problems) = carried_out(list, plan, config);
    Ok((text, problems))
}

/// The configuration as text, and the list after it was carried out; None where the filter refuses it.
pub(super) fn tried<'s>(list: &List<'s>, plan: &Plan<'_>, config: &Config) -> (String, Option<List<'s>>) {
    let (text, after, _) = carried_out(list, plan, config);
    (text, after)
}

fn carried_out<'s>(list: &List<'s>, plan: &Plan<'_>, config: &Config) -> (String, Option<List<'s>>, Vec<Finding>) {
    let mut draft = draft(list, plan, config);
    let (after, problems) = match draft.settle(list) {
        Ok(settled) => {
            let problems = settled.errors().cloned().collect();
            (Some(settled.list), problems)
        }
        Err(error) => (None, vec![refused(&error)]),
    };
    draft.head.extend(remarks(plan, &problems));
    if after.is_some() && problems.is_empty() && draft.enforce.is_empty() && draft.users == UserWish::default() {
        draft.head.push("Every namespace with pods in the input enforces what its pods meet already.".to_owned());
    }
    (draft.text(), after, problems)
}

/// What the filter says of a list that it cannot use.
pub(super) fn refused(error: &Error) -> Finding {
    let mut finding = error.to_finding();
    finding.severity = Severity::Error;
    finding.message = format!("the filter refuses the input with this configuration: {}", finding.message);
    finding
}

fn draft(list: &List<'_>, plan: &Plan<'_>, config: &Config) -> Draft {
    let (_, column) = target(plan, config);
    let mut draft = Draft {
        name: "unroot".to_owned(),
        head: vec![
            "What `unroot plan` proposes for this input. To use it:".to_owned(),
            "  unroot --config THIS_FILE < INPUT > OUTPUT".to_owned(),
        ],
        version: version(config),
        istio: istio(plan, config),
        accepted: config.accepted.clone(),
        ..Draft::default()
    };
    let mut hardened = Vec::new();
    let named = |namespace: &&PlannedNamespace| {
        namespace.in_input && !namespace.pods.is_empty() && Draft::can_name(&namespace.name)
    };
    for namespace in plan.namespaces.iter().filter(named) {
        let Some(mut level) = namespace.level(column, Pods::AsTheyAre) else { continue };
        if level == Level::Privileged && namespace.level(column, Pods::Hardened) > Some(Level::Privileged) {
            hardened.push(namespace.name.as_str());
            level = Level::Baseline;
        } else {
            draft.reasons.extend(reason(namespace, column).map(|reason| (namespace.name.clone(), reason)));
        }
        if level > namespace.enforce.unwrap_or(Level::Privileged) {
            draft.enforce.insert(namespace.name.clone(), Wanted { level, lowered: false });
        }
    }
    if !hardened.is_empty() {
        let users = config.workloads.as_ref().map(|workloads| workloads.users.clone()).unwrap_or_default();
        let workloads = Workloads { harden: Harden::Baseline, assume_non_root: false, users };
        let why = format!("Without it these would stay privileged: {}.", hardened.join(", "));
        draft.workloads = Some((workloads, why));
    }
    let has_users = profile_labels::source(list).is_ok_and(|source| source.is_some());
    if has_users && users_enforce(list).unwrap_or(Level::Privileged) < Level::Baseline {
        draft.users.enforce = Some(Level::Baseline);
    }
    draft
}

/// What stands between a namespace and the level above, in one line.
pub(super) fn reason(namespace: &PlannedNamespace, column: Column) -> Option<String> {
    let (level, blocking) = namespace.blockers(column, Pods::AsTheyAre)?;
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for violation in blocking.iter().flat_map(|blocker| blocker.violations) {
        match reasons.iter_mut().find(|(reason, _)| *reason == violation.reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((violation.reason, 1)),
        }
    }
    let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason} ({count})")).collect();
    let mends = if namespace.level(column, Pods::Hardened) >= Some(level) { "; hardening can mend that" } else { "" };
    let pods = if blocking.len() == 1 { "1 pod does" } else { "pods do" };
    let count = if blocking.len() == 1 { String::new() } else { format!("{} ", blocking.len()) };
    Some(format!("{count}{pods} not meet {level}: {}{mends}.", reasons.join(", ")))
}

/// What the configuration leaves alone, and why.
fn remarks(plan: &Plan<'_>, problems: &[Finding]) -> Vec<String> {
    let mut remarks = Vec::new();
    let named = |wanted: &dyn Fn(&PlannedNamespace) -> bool| {
        let names = plan.namespaces.iter().filter(|namespace| wanted(namespace));
        names.map(|namespace| namespace.name.as_str()).collect::<Vec<_>>().join(", ")
    };
    for (words, names) in [
        ("No pods of these are in the input, so they keep their labels", named(&|one| one.pods.is_empty())),
        ("These are not in the input, so no label can be written", named(&|one| !one.in_input)),
        (
            "Of these nothing can be said, see `unroot plan`",
            named(&|one| Column::ALL.into_iter().any(|column| one.unknown(column, Pods::AsTheyAre).next().is_some())),
        ),
    ] {
        if !names.is_empty() {
            remarks.push(format!("{words}: {names}."));
        }
    }
    for problem in problems {
        let rule = problem.tags.get("rule").map(String::as_str).unwrap_or_default();
        let what = if rule == Rule::InputUnusable.code() { "NOT USABLE" } else { "NOT SETTLED" };
        remarks.push(format!("{what}: {problem}"));
    }
    remarks
}
