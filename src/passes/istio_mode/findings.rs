//! What is said of an Istio beside what is changed: where its parts do not fit each other, and what cni asks of others.

use super::{Plan, Report};
use crate::config::DataplaneMode;
use crate::istio::install::Install;
use crate::istio::mode_settings::{Redirection, Ztunnel};
use crate::istio::platform::Platform;
use crate::krm::{Error, Finding, Item, List, ResourceRef, Severity};
use crate::rules::Rule;
use crate::yaml::tree::View;

/// KServe's storage initializer takes the proxy's user, whose traffic is not redirected, from this version on.
const KSERVE_TAKES_PROXY_USER: (u32, u32, u32) = (0, 13, 1);

pub(super) fn left_to_controller(list: &List<'_>, install: &Install, report: &mut Report) {
    let Some(item) = list.items().get(install.injector) else { return };
    let message = format!(
        "revision \"{}\" is described by a custom resource of the input, which says the mode; its rendered objects are left \
         to its controller",
        install.revision_name()
    );
    say(item, Rule::LeftToController, Severity::Warning, message, report);
}

/// What one install says about itself.
pub(super) fn about_install(list: &List<'_>, install: &Install, report: &mut Report) {
    let about = |index: usize, rule: Rule, severity: Severity, message: String, report: &mut Report| {
        if let Some(item) = list.items().get(index) {
            say(item, rule, severity, message, report);
        }
    };
    let istiod = install.istiod.unwrap_or(install.injector);
    if install.is_newer {
        let message = format!(
            "Istio {} is newer than all that unroot knows; it is treated as 1.{}, so compare what comes out with istioctl's \
             own render",
            install.version, install.facts.minor
        );
        about(istiod, Rule::IstioTooNew, Severity::Warning, message, report);
    }
    for key in &install.images.not_used {
        let message = format!("`istio.{key}` says something else than istiod's image, which counts");
        about(istiod, Rule::IstioKeyNotUsed, Severity::Warning, message, report);
    }
    let tag = install.value(&["global", "tag"]).map(|tag| tag.as_str().map_or_else(|| tag.to_string(), str::to_owned));
    if let Some(tag) = tag.filter(|tag| install.istiod.is_some() && !tag.is_empty() && !same_tag(tag, install)) {
        let message = format!(
            "`global.tag` in `data.values` is {tag} and istiod is {}: pods get a proxy of another version than their control \
             plane; set it to {}",
            install.images.tag, install.images.tag
        );
        about(install.injector, Rule::IstioVersionDrift, Severity::Warning, message, report);
    }
}

fn same_tag(tag: &str, install: &Install) -> bool {
    let with_variant = install.images.variant.as_ref().map(|variant| format!("{}-{variant}", install.images.tag));
    tag == install.images.tag || Some(tag) == with_variant.as_deref()
}

/// What the rest of the list means for the mode. Before objects are added or removed, since it goes by their places.
pub(super) fn about_list(
    list: &List<'_>,
    installs: &[Install],
    plan: &Plan<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    without_namespace(list, report);
    if plan.redirection() == Redirection::IstioInit {
        return Ok(());
    }
    existing_cni(list, installs, plan, report)?;
    existing_ztunnel(list, installs, plan, report);
    without_mesh(list, installs, plan, report);
    platform_not_stated(list, installs, plan, report);
    cni_namespace(list, plan, report);
    ztunnel_namespace(list, plan, report);
    storage_initializer(list, installs, report)
}

/// Namespaced resources of Istio without a namespace land wherever kubectl points to, as Kubeflow's own CNI trees of
/// 1.8 to 1.10 have them.
fn without_namespace(list: &List<'_>, report: &mut Report) {
    for item in list.items().iter().filter(|item| item.namespace().is_empty() && !item.is_local_config()) {
        let group = item.api_version().split('/').next().unwrap_or_default();
        let namespaced =
            matches!(group, "networking.istio.io" | "security.istio.io" | "telemetry.istio.io" | "extensions.istio.io");
        if namespaced {
            let message = "has no namespace, so it lands in whatever namespace the apply command points to; add one";
            say(item, Rule::IstioNamespaceAbsent, Severity::Warning, message.to_owned(), report);
        }
    }
}

fn existing_cni(list: &List<'_>, installs: &[Install], plan: &Plan<'_>, report: &mut Report) -> Result<(), Error> {
    for item in plan.existing.owned.iter().filter_map(|index| list.items().get(*index)) {
        if item.kind() == "ClusterRole" {
            let parsed = item.parse()?;
            if let Some(verb) = parsed.root().and_then(too_wide) {
                let message = format!(
                    "allows istio-cni to {verb} pods, nodes or namespaces of the whole cluster, which it never does; remove \
                     the verb"
                );
                say(item, Rule::CniRightsTooWide, Severity::Warning, message, report);
            }
        }
    }
    let Some(item) = plan.existing.daemon_set.and_then(|index| list.items().get(index)) else { return Ok(()) };
    let tag = plan.existing.image.as_deref().and_then(tag_of);
    let newest = installs.iter().max_by(|one, two| one.version.cmp(&two.version));
    if let (Some(tag), Some(install)) = (tag, newest)
        && !same_tag(tag, install)
    {
        let message = format!(
            "istio-cni is {tag} and istiod is {}; they should be the same: set the image's tag to {}",
            install.images.tag, install.images.tag
        );
        say(item, Rule::IstioVersionDrift, Severity::Warning, message, report);
    }
    let Some(effect) = plan.effects.first() else { return Ok(()) };
    let configured = plan.istio.cni_bin_dir.as_ref().map(|dir| dir.as_str()).or(effect.cni_bin_dir);
    if let Some(dir) = configured.filter(|dir| !plan.existing.host_paths.contains(dir.trim_end_matches('/'))) {
        let message = format!(
            "this istio-cni was there already and is left as it is, but its nodes' directory of CNI plugins should be {dir}; \
             change volume `cni-bin-dir`, or remove istio-cni from the input to have it made anew"
        );
        say(item, Rule::CniPlatform, Severity::Warning, message, report);
    }
    Ok(())
}

/// A ztunnel that was there already, of another version than istiod.
fn existing_ztunnel(list: &List<'_>, installs: &[Install], plan: &Plan<'_>, report: &mut Report) {
    let existing = &plan.existing_ztunnel;
    let Some(item) = existing.daemon_set.and_then(|index| list.items().get(index)) else { return };
    let newest = installs.iter().max_by(|one, two| one.version.cmp(&two.version));
    let tag = existing.image.as_deref().and_then(tag_of);
    if let (DataplaneMode::Ambient, Some(tag), Some(install)) = (plan.mode, tag, newest)
        && !same_tag(tag, install)
    {
        let message = format!(
            "ztunnel is {tag} and istiod is {}; they should be the same: set the image's tag to {}",
            install.images.tag, install.images.tag
        );
        say(item, Rule::IstioVersionDrift, Severity::Warning, message, report);
    }
}

/// The tag of an image, without its digest.
fn tag_of(image: &str) -> Option<&str> {
    let (_, tag) = image.rsplit_once('/')?.1.split_once(':')?;
    Some(tag.split('@').next().unwrap_or(tag))
}

/// Where the list does not hold the mesh's settings, they cannot be told of ambient.
fn without_mesh(list: &List<'_>, installs: &[Install], plan: &Plan<'_>, report: &mut Report) {
    if plan.mode != DataplaneMode::Ambient {
        return;
    }
    for install in installs.iter().filter(|install| install.mesh.is_none()) {
        let Some(item) = list.items().get(install.istiod.unwrap_or(install.injector)) else { continue };
        let message = "ConfigMap \"istio\" of this control plane, which holds the mesh's settings, is not in the input: set \
                       `defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE` to \"true\" in its `data.mesh`";
        say(item, Rule::IstioHalfDone, Severity::Warning, message.to_owned(), report);
    }
}

/// A verb that writes to more than a pod's status. Deleting pods is how the older repair works.
fn too_wide<'t>(role: View<'t>) -> Option<&'t str> {
    fn words<'t>(rule: View<'t>, key: &str) -> Vec<&'t str> {
        rule.get(key).into_iter().flat_map(|list| list.items()).map(|word| word.scalar_text()).collect()
    }
    let rules = role.get("rules")?;
    let node_role = role.find(&["metadata", "name"])?.scalar_text() != "istio-cni-repair-role";
    rules.items().filter(|_| node_role).find_map(|rule| {
        let wide = words(rule, "resources").iter().any(|name| matches!(*name, "pods" | "nodes" | "namespaces" | "*"));
        let mut verbs = words(rule, "verbs").into_iter();
        let verb =
            verbs.find(|verb| matches!(*verb, "patch" | "update" | "create" | "delete" | "deletecollection" | "*"));
        verb.filter(|_| wide)
    })
}

/// A platform that the list shows and the configuration does not name.
fn platform_not_stated(list: &List<'_>, installs: &[Install], plan: &Plan<'_>, report: &mut Report) {
    if plan.istio.platform.is_some() {
        return;
    }
    if let Some((install, platform)) = installs.iter().find_map(|install| Some((install, install.platform?)))
        && let Some(item) = list.items().get(install.injector).filter(|_| platform != Platform::None)
    {
        let message = format!(
            "istio-cni is set up for {platform}, which the control plane names; set `istio.platform: {platform}` to say so"
        );
        say(item, Rule::PlatformNotStated, Severity::Info, message, report);
        return;
    }
    let shown = list.items().iter().filter(|item| !item.is_local_config() && item.kind() != "CustomResourceDefinition");
    for item in shown {
        let Some(platform) = platform_of(item) else { continue };
        let message = format!(
            "shows that this is {platform}, but the configuration does not say so: istio-cni would write to directories that \
             nodes there do not use; set `istio.platform: {platform}`, or `none` if it is not"
        );
        say(item, Rule::PlatformNotStated, Severity::Warning, message, report);
        return;
    }
}

fn platform_of(item: &Item<'_>) -> Option<Platform> {
    const GKE: [&str; 4] =
        ["cloud.google.com/gke-", "cloud.google.com/neg", "cloud.google.com/backend-config", "networking.gke.io/"];
    let group = item.api_version().split('/').next().unwrap_or_default();
    if group.ends_with(".openshift.io") {
        return Some(Platform::OpenShift);
    }
    if group == "cloud.google.com" || group.ends_with(".gke.io") {
        return Some(Platform::Gke);
    }
    let in_text = matches!(item.kind(), "Service" | "Ingress" | "Deployment" | "DaemonSet" | "StatefulSet")
        && GKE.iter().any(|mark| item.text().contains(mark));
    if in_text {
        return Some(Platform::Gke);
    }
    let is_cni = item.kind() == "DaemonSet" && item.name().contains("istio-cni");
    (is_cni && item.text().contains("/home/kubernetes/bin")).then_some(Platform::Gke)
}

/// A namespace that the cluster does not have by itself.
fn cni_namespace(list: &List<'_>, plan: &Plan<'_>, report: &mut Report) {
    let configured = plan.istio.cni_namespace.as_ref().map(|name| name.as_str());
    let Some(name) = plan.existing.namespace.as_deref().or(configured).filter(|name| *name != "kube-system") else {
        return;
    };
    let is_there = list.items().iter().any(|item| item.is("v1", "Namespace") && item.name() == name);
    if is_there {
        return;
    }
    let message =
        format!("namespace \"{name}\" of istio-cni is not in the input; it must exist and admit privileged pods");
    let mut finding = Finding::new(Rule::CniNamespaceNotInInput, Severity::Warning, message);
    finding.resource_ref = Some(ResourceRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: name.to_owned(),
        namespace: String::new(),
    });
    report.add(finding);
}

/// A namespace for ztunnel that the cluster does not have by itself, and that is not istiod's own.
fn ztunnel_namespace(list: &List<'_>, plan: &Plan<'_>, report: &mut Report) {
    let Ztunnel::Present { namespace } = plan.ztunnel() else { return };
    let is_there = list.items().iter().any(|item| item.is("v1", "Namespace") && item.name() == namespace);
    let is_said = plan.existing.namespace.as_deref() == Some(namespace)
        || plan.istio.cni_namespace.as_ref().is_some_and(|name| name.as_str() == namespace);
    if is_there || is_said || namespace == "kube-system" || plan.existing_ztunnel.daemon_set.is_some() {
        return;
    }
    let message =
        format!("namespace \"{namespace}\" of ztunnel is not in the input; it must exist and admit privileged pods");
    let mut finding = Finding::new(Rule::ZtunnelNamespace, Severity::Warning, message);
    finding.resource_ref = Some(ResourceRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: namespace.to_owned(),
        namespace: String::new(),
    });
    report.add(finding);
}

/// Under istio-cni an init container's traffic goes to a proxy that is not there yet, unless it has the proxy's user.
fn storage_initializer(list: &List<'_>, installs: &[Install], report: &mut Report) -> Result<(), Error> {
    if installs.iter().all(|install| install.native_sidecars) {
        return Ok(());
    }
    for item in list.items() {
        if !item.is("apps/v1", "Deployment") || !item.name().contains("kserve-controller") || item.is_local_config() {
            continue;
        }
        let parsed = item.parse()?;
        let Some(containers) = parsed.root().and_then(|root| root.find(&["spec", "template", "spec", "containers"]))
        else {
            continue;
        };
        let image = containers
            .items()
            .filter_map(|container| container.get("image"))
            .find(|image| image.scalar_text().contains("kserve-controller"));
        let tag = image.and_then(|image| image.scalar_text().rsplit_once(':')).map_or("", |(_, tag)| tag);
        if kserve_version(tag).is_some_and(|version| version >= KSERVE_TAKES_PROXY_USER) {
            continue;
        }
        let message = format!(
            "KServe {tag} gives its storage initializer no user of its own: in injected predictors it cannot download models \
             under istio-cni; annotate InferenceServices with serving.kserve.io/storage-initializer-uid: \"1337\", take KServe \
             0.13.1 or newer, or switch istiod to native sidecars (ENABLE_NATIVE_SIDECARS)"
        );
        say(item, Rule::StorageInitializer, Severity::Warning, message, report);
    }
    Ok(())
}

fn kserve_version(tag: &str) -> Option<(u32, u32, u32)> {
    let numbers = tag.trim_start_matches('v').split('-').next()?;
    let mut parts = numbers.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

fn say(item: &Item<'_>, rule: Rule, severity: Severity, message: String, report: &mut Report) {
    let mut finding = Finding::new(rule, severity, message);
    finding.resource_ref = Some(item.reference());
    finding.file = item.parse_leniently().ok().and_then(|parsed| Item::file(parsed.root()?));
    report.add(finding);
}
