//! User namespaces: the labels that Kubeflow's profile controller gives them, and the policies that it makes in them.
//!
//! ```yaml
//! namespace-labels.yaml: |
//!   istio-injection: ""                    # takes the label away, also from namespaces that exist
//!   istio.io/dataplane-mode: "ambient"
//! ```
//!
//! On the way back both keys stay, with other values: a text without them would leave every namespace that exists in ambient.
//!
//! Source of facts: `setNamespaceLabels` and `updateIstioAuthorizationPolicy` in
//! `components/profile-controller/controllers/profile_controller.go` of kubeflow/dashboard.

use super::{Report, say};
use crate::config::Istio;
use crate::istio::members::{DATAPLANE_MODE, INJECTION};
use crate::krm::{Error, Finding, List, Severity};
use crate::kube::names::is_profile;
use crate::kube::profile_labels::{self, KEY};
use crate::passes::profile_text;
use crate::passes::report::KeyChanges;
use crate::rules::Rule;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

pub(super) fn enrol(list: &mut List<'_>, istio: &Istio, report: &mut Report) -> Result<(), Error> {
    if istio.ambient.user_namespaces {
        let found = profile_text::change(list, report, &|labels| {
            let wanted = [(INJECTION, ""), (DATAPLANE_MODE, "ambient")];
            set(
                labels,
                &wanted,
                "user namespaces move to ambient, those that exist too, as soon as the controller reads it",
            )
        })?;
        if !found.any && list.items().iter().any(is_profile) {
            let message = format!(
                "`ambient.userNamespaces` changed nothing: the input holds no ConfigMap with the key `{KEY}` that Kubeflow's \
                 profile controller reads"
            );
            report.add(Finding::new(Rule::UserNamespacesNotFound, Severity::Warning, message));
        }
    }
    policies_at_run_time(list, istio, report)
}

/// The policies that the controller makes are about headers, and none of them is in the input.
fn policies_at_run_time(list: &List<'_>, istio: &Istio, report: &mut Report) -> Result<(), Error> {
    let controller = profile_labels::source(list)?.map(|source| source.place);
    let place = controller.or_else(|| list.items().iter().position(is_profile));
    let Some(item) = place.and_then(|place| list.items().get(place)) else { return Ok(()) };
    let policy = "AuthorizationPolicy \"ns-owner-access-istio\", and one \"user-EMAIL-clusterrole-ROLE\" for each contributor \
                  that the dashboard adds,";
    let (severity, message) = if istio.ambient.user_namespaces {
        let message = format!(
            "the profile controller makes {policy} in every user namespace, for all its pods and by the header that names the \
             user: ztunnel leaves such rules out, so that nobody gets in, the owner included. Give each namespace a waypoint \
             (istioctl waypoint apply -n NAMESPACE --enroll-namespace), label its Services istio.io/ingress-use-waypoint=true, \
             and write the same rules with `targetRefs` to the waypoint; or leave `ambient.userNamespaces` false"
        );
        (Severity::Warning, message)
    } else {
        let message = format!(
            "the profile controller makes {policy} in every user namespace, by the header that names the user: the sidecars \
             there enforce them, which is why user namespaces keep theirs (`ambient.userNamespaces: false`)"
        );
        (Severity::Info, message)
    };
    say(item, Rule::AmbientRunTimePolicies, severity, message, report)
}

pub(super) fn leave(list: &mut List<'_>, report: &mut Report) -> Result<(), Error> {
    profile_text::change(list, report, &|labels| {
        let ambient =
            labels.and_then(|labels| labels.get(DATAPLANE_MODE)).is_some_and(|mode| mode.scalar_text() == "ambient");
        if !ambient {
            return (KeyChanges::default(), Vec::new());
        }
        let wanted = [(INJECTION, "enabled"), (DATAPLANE_MODE, "")];
        set(
            labels,
            &wanted,
            "user namespaces get sidecars again; both keys must stay, so that namespaces that exist follow",
        )
    })?;
    Ok(())
}

fn set(labels: Option<View<'_>>, wanted: &[(&str, &str)], why: &str) -> (KeyChanges, Vec<Finding>) {
    let mut changes = KeyChanges::default();
    for (key, value) in wanted {
        let current = labels.and_then(|labels| labels.get(key)).filter(|value| !value.is_null());
        changes.set(key, current.map(|value| value.scalar_text()), value);
    }
    let field = changes.field(&Path::of(&["data", KEY]));
    let message = format!("{}: {why}", changes.words());
    let findings = vec![Finding::new(Rule::AmbientUserNamespaces, Severity::Info, message).with_field(field)];
    (changes, findings)
}
