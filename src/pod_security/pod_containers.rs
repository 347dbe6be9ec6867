//! One walk over the three container lists of a pod, in upstream's order (`policy/visitor.go`, v0.37.2).
//!
//! Ephemeral containers have a type of their own in the API; the checks see the fields that both types share.

use k8s_openapi::api::core::v1::{
    self as core, ContainerPort, EphemeralContainer, Lifecycle, PodSpec, Probe, SecurityContext,
};

/// What the checks look at in a container of any of the three lists.
pub(crate) struct Container<'a> {
    pub(crate) name: &'a str,
    pub(crate) security_context: Option<&'a SecurityContext>,
    pub(crate) ports: &'a [ContainerPort],
    /// Liveness, readiness and startup probe.
    pub(crate) probes: [Option<&'a Probe>; 3],
    pub(crate) lifecycle: Option<&'a Lifecycle>,
}

/// The containers of a pod: init (sidecars among them), regular, ephemeral, each list in its own order.
pub(crate) fn containers(spec: &PodSpec) -> impl Iterator<Item = Container<'_>> {
    let init = spec.init_containers.iter().flatten();
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    init.chain(&spec.containers).map(Container::from).chain(ephemeral.map(Container::from))
}

impl<'a> From<&'a core::Container> for Container<'a> {
    fn from(container: &'a core::Container) -> Self {
        Self {
            name: &container.name,
            security_context: container.security_context.as_ref(),
            ports: container.ports.as_deref().unwrap_or_default(),
            probes: [&container.liveness_probe, &container.readiness_probe, &container.startup_probe]
                .map(Option::as_ref),
            lifecycle: container.lifecycle.as_ref(),
        }
    }
}

impl<'a> From<&'a EphemeralContainer> for Container<'a> {
    fn from(container: &'a EphemeralContainer) -> Self {
        Self {
            name: &container.name,
            security_context: container.security_context.as_ref(),
            ports: container.ports.as_deref().unwrap_or_default(),
            probes: [&container.liveness_probe, &container.readiness_probe, &container.startup_probe]
                .map(Option::as_ref),
            lifecycle: container.lifecycle.as_ref(),
        }
    }
}
