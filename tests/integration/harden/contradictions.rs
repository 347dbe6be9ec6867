//! Which fields of a pod stand against a check, so that nothing but a person can make the pod meet it.
//!
//! Written from the standard and the validation of the API, not from what the pass does.

use k8s_openapi::api::core::v1::{PodSpec, SecurityContext};

/// Whether something that the pod states is against the check. `assumes` is `assumeNonRoot`.
pub(super) fn stand_against(check: &str, spec: &PodSpec, assumes: bool) -> bool {
    let contexts = contexts(spec);
    let any = |test: &dyn Fn(&SecurityContext) -> bool| contexts.iter().flatten().any(|context| test(context));
    let privileged = any(&|context| context.privileged == Some(true));
    let adds = |context: &SecurityContext| {
        context.capabilities.as_ref().and_then(|capabilities| capabilities.add.clone()).unwrap_or_default()
    };
    let pod = spec.security_context.as_ref();
    match check {
        "allowPrivilegeEscalation" => {
            privileged
                || any(&|context| context.allow_privilege_escalation == Some(true))
                || any(&|context| adds(context).iter().any(|name| name.ends_with("SYS_ADMIN")))
        }
        "capabilities_restricted" => {
            privileged || any(&|context| adds(context).iter().any(|name| name != "NET_BIND_SERVICE"))
        }
        "runAsNonRoot" => {
            let pod_user = pod.and_then(|pod| pod.run_as_user);
            let unknown = |context: &Option<&SecurityContext>| match context.and_then(|context| context.run_as_user) {
                Some(user) => user == 0,
                None => pod_user == Some(0) || (pod_user.is_none() && !assumes),
            };
            pod.is_some_and(|pod| pod.run_as_non_root == Some(false))
                || any(&|context| context.run_as_non_root == Some(false))
                || contexts.iter().any(unknown)
        }
        "seccompProfile_restricted" | "seccompProfile_baseline" => {
            let states = |of_type: &str, localhost: &Option<String>| match of_type {
                "" => localhost.is_some(),
                "RuntimeDefault" | "Localhost" => false,
                _ => true,
            };
            let of_pod = pod.and_then(|pod| pod.seccomp_profile.as_ref());
            (privileged && of_pod.is_none())
                || of_pod.is_some_and(|profile| states(&profile.type_, &profile.localhost_profile))
                || any(&|context| {
                    context
                        .seccomp_profile
                        .as_ref()
                        .is_some_and(|profile| states(&profile.type_, &profile.localhost_profile))
                })
        }
        "procMount" | "procMount_restricted" => {
            any(&|context| !matches!(context.proc_mount.as_deref(), None | Some("" | "Default")))
        }
        // Host namespaces, ports, paths and probes, privileges, users and volumes are all something that a pod states.
        _ => true,
    }
}

fn contexts(spec: &PodSpec) -> Vec<Option<&SecurityContext>> {
    let init = spec.init_containers.iter().flatten().map(|container| container.security_context.as_ref());
    let regular = spec.containers.iter().map(|container| container.security_context.as_ref());
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|container| container.security_context.as_ref());
    init.chain(regular).chain(ephemeral).collect()
}
