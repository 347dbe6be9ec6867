//! Where hardening meets Istio's injector: what it adds is not in the pod's text, and some containers are its to fill in.

use k8s_openapi::api::core::v1::{Capabilities, Container, PodSpec, SeccompProfile, SecurityContext};

use crate::krm::Item;

/// The image of a container that Istio's injector fills in.
const IMAGE_OF_INJECTOR: &str = "auto";

/// The check that a pod's own profile answers for containers that are added to it.
pub const SECCOMP: &str = "seccompProfile_restricted";

/// Puts what the injector makes of containers with its image, as gateways have them, into their places: what is written there
/// overrides the injector field by field. Without an injection nothing is known of them.
pub fn leave_to_injector(spec: &mut PodSpec, admitted: Option<&PodSpec>) {
    let is_its = |container: &Container| container.image.as_deref() == Some(IMAGE_OF_INJECTOR);
    if !spec.containers.iter().any(is_its) {
        return;
    }
    if let Some(admitted) = admitted {
        spec.security_context.clone_from(&admitted.security_context);
        for container in spec.containers.iter_mut().filter(|container| is_its(container)) {
            if let Some(made) = admitted.containers.iter().find(|made| made.name == container.name) {
                container.clone_from(made);
            }
        }
    }
    // Emptied, not removed: the others keep their places.
    for container in spec.containers.iter_mut().filter(|container| is_its(container)) {
        container.security_context = faultless();
    }
}

/// A context that no check objects to.
fn faultless() -> Option<SecurityContext> {
    Some(SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".to_owned()]), add: None }),
        run_as_non_root: Some(true),
        seccomp_profile: Some(SeccompProfile { type_: "RuntimeDefault".to_owned(), localhost_profile: None }),
        ..SecurityContext::default()
    })
}

/// istio-cni and ztunnel: what they do on the node is their job.
#[must_use]
pub fn is_node_agent(item: &Item<'_>) -> bool {
    item.kind() == "DaemonSet" && ["istio-cni", "ztunnel"].iter().any(|agent| item.name().starts_with(agent))
}
