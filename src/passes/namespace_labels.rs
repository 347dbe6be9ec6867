//! Pod Security labels on the Namespaces of the list.
//!
//! ```yaml
//! metadata:
//!   labels:
//!     pod-security.kubernetes.io/enforce: baseline     # written
//!     pod-security.kubernetes.io/warn: restricted      # written
//! ```
//!
//! A stricter level that is already there is kept, with its version, unless an entry of the configuration names that
//! very namespace. Namespaces that resources are in but that the list does not hold are named, never invented.
//! The labels are those of KEP-2579 and `k8s.io/pod-security-admission` `api/constants.go`.

use std::collections::{BTreeMap, BTreeSet};

use super::report::{KeyChanges, Report};
use super::strictest;
use crate::config::{Config, Enforce, PodSecurity, Wish};
use crate::krm::{Error, Finding, List, ResourceRef, Severity};
use crate::kube::names::{is_profile, previous_names};
use crate::pod_security::{Level, Mode, Version};
use crate::rules::Rule;
use crate::yaml::edit::Edits;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

const LABELS: [&str; 2] = ["metadata", "labels"];

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some(pod_security) = &config.pod_security else { return Ok(()) };
    let mut namespaces = BTreeSet::new();
    let strictest = strictest::levels(list, config, pod_security, report)?;
    for item in list.items_mut() {
        if !item.is("v1", "Namespace") || item.is_local_config() {
            continue;
        }
        let (edits, names) = {
            let parsed = item.parse()?;
            let Some(root) = parsed.root() else { continue };
            let mut edits = Edits::default();
            let changes =
                decide(pod_security, &strictest, item.name(), root, |finding| report.add_about(item, root, finding));
            if !changes.is_empty() {
                edits.set(root, &LABELS, &changes.entries()).map_err(|error| item.edit_error(&error))?;
                let message = format!("set {}", changes.words());
                let finding = Finding::new(Rule::NamespaceLabels, Severity::Info, message)
                    .with_field(changes.field(&Path::of(&LABELS)));
                report.add_about(item, root, finding);
            }
            let mut names = previous_names(root);
            names.push(item.name().to_owned());
            (edits, names)
        };
        item.apply(edits)?;
        namespaces.extend(names);
    }
    name_missing_namespaces(list, pod_security, &namespaces, report);
    Ok(())
}

/// The labels to write on one namespace.
fn decide(
    pod_security: &PodSecurity,
    strictest: &BTreeMap<String, Level>,
    name: &str,
    root: View<'_>,
    mut say: impl FnMut(Finding),
) -> KeyChanges {
    let wanted = pod_security.wish_for(name);
    let enforce = wanted.wishes.enforce.and_then(|wish| match wish.level {
        Enforce::Level(level) => Some(Wish { level, version: wish.version }),
        Enforce::Strictest => strictest.get(name).map(|level| Wish { level: *level, version: wish.version }),
    });
    let labels = root.find(&LABELS);
    let current = |key: &str| labels.and_then(|labels| labels.get(key)).filter(|value| !value.is_null());
    let mut changes = KeyChanges::default();
    for (mode, wish) in [(Mode::Audit, wanted.wishes.audit), (Mode::Enforce, enforce), (Mode::Warn, wanted.wishes.warn)]
    {
        let Some(wish) = wish else { continue };
        let level = current(mode.level_label());
        match level.map(|level| level.scalar_text().parse::<Level>()) {
            Some(Ok(level)) if level > wish.level && !wanted.by_exact_name => {
                let message = format!(
                    "{mode} stays {level}, which is stricter than {}; to lower it, name this namespace in an entry of \
                     `podSecurity.namespaces`",
                    wish.level
                );
                say(Finding::new(Rule::StricterLabelKept, Severity::Info, message));
                continue;
            }
            Some(Err(error)) => {
                let text = level.map(|level| level.scalar_text()).unwrap_or_default();
                let message =
                    format!("label `{}` is \"{text}\" but {error}; replaced by {}", mode.level_label(), wish.level);
                say(Finding::new(Rule::InvalidLabel, Severity::Warning, message));
            }
            _ => {}
        }
        changes.set(mode.level_label(), level.and_then(|level| level.as_str()), wish.level.as_str());
        if let Some(version) = wish.version {
            let label = current(mode.version_label());
            if let Some(text) = label.map(|label| label.scalar_text())
                && let Err(error) = text.parse::<Version>()
            {
                let message =
                    format!("label `{}` is \"{text}\" but {error}; replaced by {version}", mode.version_label());
                say(Finding::new(Rule::InvalidLabel, Severity::Warning, message));
            }
            changes.set(mode.version_label(), label.and_then(|label| label.as_str()), &version.to_string());
        }
    }
    changes
}

/// Says which namespaces of the configuration or of the resources cannot be labelled, since they are not there.
fn name_missing_namespaces(
    list: &List<'_>,
    pod_security: &PodSecurity,
    namespaces: &BTreeSet<String>,
    report: &mut Report,
) {
    let mut in_use = BTreeSet::new();
    for (name, used_by) in list.namespaces_in_use() {
        in_use.insert(name);
        if namespaces.contains(name) || pod_security.wish_for(name).wishes.is_empty() {
            continue;
        }
        let profile = list.items().iter().any(|item| is_profile(item) && item.name() == name);
        let what_to_do = if profile {
            "Kubeflow's profile controller makes it; its labels are those of `podSecurity.userNamespaces`"
        } else {
            "label it where it is made, or add a Namespace object"
        };
        let message =
            format!("namespace \"{name}\" is not in the input, so it got no label ({used_by} is in it); {what_to_do}");
        let mut finding = Finding::new(Rule::NamespaceNotInInput, Severity::Info, message);
        finding.resource_ref = Some(ResourceRef {
            api_version: "v1".to_owned(),
            kind: "Namespace".to_owned(),
            name: name.to_owned(),
            namespace: String::new(),
        });
        report.add(finding);
    }
    let mut named = BTreeSet::new();
    for name in pod_security.namespaces.iter().flat_map(|entry| &entry.names) {
        let known = namespaces.contains(name.as_str()) || in_use.contains(name.as_str());
        if name.is_exact() && !known && named.insert(name.as_str()) {
            let message = format!(
                "`podSecurity.namespaces` names \"{name}\", but no Namespace and no resource of the input is about it; \
                 is it misspelt?",
                name = name.as_str()
            );
            report.add(Finding::new(Rule::NamespaceNotFound, Severity::Warning, message));
        }
    }
}
