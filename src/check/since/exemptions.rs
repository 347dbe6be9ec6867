//! Whom the cluster's configuration leaves alone now.

use super::{Side, difference};
use crate::krm::Severity;
use crate::pod_security::Exemptions;
use crate::report::Located;
use crate::rules::Rule;

pub(super) fn compare(old: &Side<'_>, new: &Side<'_>, found: &mut Vec<Located>) {
    let of = |side: &Side<'_>| side.cluster.configured().exemptions.clone();
    let [before, after] = [of(old), of(new)];
    type Names = fn(&Exemptions) -> &Vec<String>;
    let lists: [(&str, Names); 3] = [
        ("usernames", |exempt| &exempt.usernames),
        ("runtimeClasses", |exempt| &exempt.runtime_classes),
        ("namespaces", |exempt| &exempt.namespaces),
    ];
    for (list, names) in lists {
        let (was, is) = (names(&before), names(&after));
        let fresh: Vec<String> = is
            .iter()
            .filter(|name| !name.is_empty() && !was.contains(name))
            .map(|name| format!("\"{name}\""))
            .collect();
        if !fresh.is_empty() {
            let message = format!(
                "`exemptions.{list}` leaves {} alone, which it did not; take it away, and give both renders the \
                 PodSecurityConfiguration of their cluster",
                fresh.join(", ")
            );
            let finding = difference(Rule::NewExemption, Severity::Error, message, &was.join(", "), &is.join(", "));
            let kind = "PodSecurityConfiguration";
            found.push(new.about_absent("pod-security.admission.config.k8s.io/v1", kind, "", finding));
        }
    }
}
