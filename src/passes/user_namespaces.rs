//! Pod Security labels of user namespaces, which Kubeflow's profile controller makes.
//!
//! ```yaml
//! kind: ConfigMap
//! metadata: {name: namespace-labels-data}
//! data:
//!   namespace-labels.yaml: |
//!     pod-security.kubernetes.io/enforce: "baseline"   # written into the text
//! ```
//!
//! The controller (kubeflow/dashboard, `components/profile-controller/controllers/profile_controller.go`,
//! `setNamespaceLabels`) sets a label only where a namespace lacks it and never overwrites one: a changed level is for
//! new namespaces, a new key reaches all of them at once. The ConfigMap keeps its name; inside kustomize the hash
//! follows by itself.

use super::profile_text;
use super::report::{KeyChanges, Report};
use crate::config::{Config, Wishes};
use crate::krm::{Error, Finding, List, Severity};
use crate::kube::profile_labels::KEY;
use crate::pod_security::Mode;
use crate::rules::Rule;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some(wishes) = config.user_namespaces.as_ref().filter(|wishes| !wishes.is_empty()) else { return Ok(()) };
    let found = profile_text::change(list, report, &|labels| change(labels, wishes))?;
    if !found.any {
        let mut message = format!(
            "`podSecurity.userNamespaces` changed nothing: the input holds no ConfigMap with the key `{KEY}` that \
             Kubeflow's profile controller reads"
        );
        if !found.others.is_empty() {
            message.push_str(&format!(
                " ({} has the key but another name, and no Deployment of the input mounts it)",
                found.others.join(", ")
            ));
        }
        report.add(Finding::new(Rule::UserNamespacesNotFound, Severity::Warning, message));
    }
    Ok(())
}

/// The changed keys, and what there is to say of them.
fn change(labels: Option<View<'_>>, wishes: &Wishes) -> (KeyChanges, Vec<Finding>) {
    let (changes, new_labels, overwrite) = decide(labels, wishes);
    if changes.is_empty() {
        return (changes, Vec::new());
    }
    let mut message = format!("user namespaces get {}", changes.words());
    if !overwrite.is_empty() {
        message.push_str(&format!(
            "; a namespace that exists keeps the label that it has. To change those too: kubectl label ns -l \
             app.kubernetes.io/part-of=kubeflow-profile {} --overwrite",
            overwrite.join(" ")
        ));
    }
    let field = changes.field(&Path::of(&["data", KEY]));
    let mut findings = vec![Finding::new(Rule::UserNamespaceLabels, Severity::Info, message).with_field(field)];
    if !new_labels.is_empty() {
        let message = format!(
            "{} was not there before: the profile controller sets it on all user namespaces that have no such label, at \
             once and not only on new ones; look at the pods that run there first",
            new_labels.join(" ")
        );
        findings.push(Finding::new(Rule::UserNamespacesAllAtOnce, Severity::Warning, message));
    }
    (changes, findings)
}

/// The changed keys, those that no namespace has yet, and those that the controller will not overwrite.
fn decide(labels: Option<View<'_>>, wishes: &Wishes) -> (KeyChanges, Vec<String>, Vec<String>) {
    let mut changes = KeyChanges::default();
    let (mut new_labels, mut overwrite) = (Vec::new(), Vec::new());
    let mut set = |key: &str, value: &str| {
        let current = labels.and_then(|labels| labels.get(key)).filter(|current| !current.is_null());
        let text = current.map(|current| current.scalar_text());
        changes.set(key, text, value);
        match text {
            // An empty value removes the label from all namespaces.
            None | Some("") => new_labels.push(format!("{key}={value}")),
            Some(text) if text != value => overwrite.push(format!("{key}={value}")),
            Some(_) => {}
        }
    };
    for (mode, wish) in [(Mode::Audit, wishes.audit), (Mode::Enforce, wishes.enforce), (Mode::Warn, wishes.warn)] {
        let Some(wish) = wish else { continue };
        set(mode.level_label(), wish.level.as_str());
        if let Some(version) = wish.version {
            set(mode.version_label(), &version.to_string());
        }
    }
    (changes, new_labels, overwrite)
}
