//! What the injector does on OpenShift, where namespaces bring the users that their pods run as.
//!
//! The ranges are written by the cluster; a manifest rarely has them, and then the proxy's user stays 1337.
//!
//! Source of facts: `pkg/kube/inject/openshift.go`, `isSidecarUserMatchingAppUser` in `webhook.go`.

use std::collections::BTreeMap;

use serde_json::Value as Json;

const UID_RANGE: &str = "openshift.io/sa.scc.uid-range";
const SUPPLEMENTAL_GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";

/// The proxy's user and group: the last of the namespace's ranges.
pub(super) fn proxy_ids(annotations: Option<&BTreeMap<String, String>>) -> (i64, i64) {
    let range = |name: &str| annotations?.get(name).map(String::as_str);
    let user = range(UID_RANGE).and_then(last_of_block);
    let group = range(SUPPLEMENTAL_GROUPS).or_else(|| range(UID_RANGE));
    let group = group.and_then(|groups| {
        let blocks: Option<Vec<i64>> = groups.split(',').map(last_of_block).collect();
        blocks?.first().copied()
    });
    (user.unwrap_or(super::pod::PROXY_USER), group.unwrap_or(super::pod::PROXY_USER))
}

/// `START/SIZE` or `START-END`
fn last_of_block(block: &str) -> Option<i64> {
    let number = |text: &str| text.parse::<u32>().ok().map(i64::from);
    match block.split_once('/') {
        Some((start, size)) => Some(number(start)? + number(size)? - 1),
        None => number(block.split_once('-')?.1),
    }
}

/// An own proxy with the same user as the application loses it: OpenShift has set it, not the user.
pub(super) fn reset_shared_user(pod: &mut Json, looks_at_init_containers: bool) {
    let lists: &[&str] = if looks_at_init_containers { &["containers", "initContainers"] } else { &["containers"] };
    let (mut proxy, mut application) = (0, 0);
    for list in lists {
        for container in pod["spec"][*list].as_array().into_iter().flatten() {
            let Some(user) = container["securityContext"]["runAsUser"].as_i64() else { continue };
            match container["name"].as_str() {
                Some("istio-proxy") => proxy = user,
                Some("istio-init" | "istio-validation") => {}
                _ => application = user,
            }
        }
    }
    if proxy != application {
        return;
    }
    // The first one counts, and containers come before init containers.
    for list in ["containers", "initContainers"] {
        let containers = pod["spec"][list].as_array_mut().into_iter().flatten();
        if let Some(own) = containers.into_iter().find(|container| container["name"] == "istio-proxy") {
            if let Some(context) = own["securityContext"].as_object_mut() {
                context.remove("runAsUser");
                context.remove("runAsGroup");
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_from_the_namespace() {
        let annotations = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        assert_eq!(proxy_ids(None), (1337, 1337));
        assert_eq!(proxy_ids(Some(&annotations(&[(UID_RANGE, "1000620000/10000")]))), (1_000_629_999, 1_000_629_999));
        let both = annotations(&[(UID_RANGE, "5-9"), (SUPPLEMENTAL_GROUPS, "100/10,7/2")]);
        assert_eq!(proxy_ids(Some(&both)), (9, 109));
    }

    #[test]
    fn a_shared_user_is_reset() {
        let pod = |proxy: i64| {
            serde_json::json!({"spec": {"containers": [
                {"name": "app", "securityContext": {"runAsUser": 7}},
                {"name": "istio-proxy", "securityContext": {"runAsUser": proxy, "runAsGroup": 7}},
            ]}})
        };
        let mut shared = pod(7);
        reset_shared_user(&mut shared, true);
        assert_eq!(shared["spec"]["containers"][1]["securityContext"], serde_json::json!({}));
        let mut own = pod(8);
        reset_shared_user(&mut own, true);
        assert_eq!(own, pod(8));
    }
}
