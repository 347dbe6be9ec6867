//! The API server's defaulting, as far as it changes a verdict: it decodes, defaults, and only then checks.
//!
//! Source: `SetDefaults_Volume` and `SetDefaults_Pod` in `pkg/apis/core/v1/defaults.go` of Kubernetes 1.37. The
//! defaulted `procMount` (`Default`) is left out, since the checks treat it like an absent one.

use k8s_openapi::api::core::v1::{Container, EmptyDirVolumeSource, PodSpec, Volume};

/// Defaults the spec of a Pod: also the spec of a controller's template by the time its pods are made.
///
/// On the host network every container port without a host port becomes a host port, in regular and init containers.
pub fn apply_to_pod(spec: &mut PodSpec) {
    apply_to_template(spec);
    if spec.host_network == Some(true) {
        spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()).for_each(publish_ports);
    }
}

/// Defaults the spec in a controller's template or a PodTemplate, as the object itself is stored.
///
/// Host ports are not defaulted there since Kubernetes 1.28.
pub fn apply_to_template(spec: &mut PodSpec) {
    spec.volumes.iter_mut().flatten().for_each(give_source);
}

fn publish_ports(container: &mut Container) {
    for port in container.ports.iter_mut().flatten() {
        if port.host_port.unwrap_or_default() == 0 {
            port.host_port = Some(port.container_port);
        }
    }
}

/// A volume without any source is an `emptyDir`. Comparing with the empty volume covers every source there is.
fn give_source(volume: &mut Volume) {
    let name = std::mem::take(&mut volume.name);
    if *volume == Volume::default() {
        volume.empty_dir = Some(EmptyDirVolumeSource::default());
    }
    volume.name = name;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(yaml: &str) -> PodSpec {
        serde_yaml::from_str(yaml).unwrap()
    }

    #[test]
    fn a_volume_without_source_becomes_an_empty_dir() {
        for (before, after) in [
            ("[{name: a}]", "[{name: a, emptyDir: {}}]"),
            ("[{name: a, madeUp: {}}]", "[{name: a, emptyDir: {}}]"),
            ("[{name: a, image: {}}, {}]", "[{name: a, image: {}}, {name: '', emptyDir: {}}]"),
            ("[{name: a, hostPath: {path: /}}]", "[{name: a, hostPath: {path: /}}]"),
        ] {
            let mut pod = spec(&format!("volumes: {before}"));
            let mut template = pod.clone();
            apply_to_pod(&mut pod);
            apply_to_template(&mut template);
            assert_eq!(pod, spec(&format!("volumes: {after}")));
            assert_eq!(template, pod);
        }
    }

    #[test]
    fn on_the_host_network_a_pod_publishes_its_ports_and_a_template_does_not() {
        const PORTS: &str =
            "[{ports: [{containerPort: 80}, {containerPort: 81, hostPort: 0}, {containerPort: 82, hostPort: 9}]}]";
        const PUBLISHED: &str = "[{ports: [{containerPort: 80, hostPort: 80}, {containerPort: 81, hostPort: 81}, {containerPort: 82, hostPort: 9}]}]";
        let lists = |host_network: &str, init_and_regular: &str| {
            spec(&format!(
                "{{hostNetwork: {host_network}, initContainers: {init_and_regular}, containers: {init_and_regular}, ephemeralContainers: {PORTS}}}"
            ))
        };
        for (host_network, of_pod) in [("true", PUBLISHED), ("false", PORTS), ("null", PORTS)] {
            let mut pod = lists(host_network, PORTS);
            let mut template = pod.clone();
            apply_to_pod(&mut pod);
            apply_to_template(&mut template);
            assert_eq!(pod, lists(host_network, of_pod));
            assert_eq!(template, lists(host_network, PORTS));
        }
    }
}
