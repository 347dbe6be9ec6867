//! What the injector makes of a pod: template, the user's own containers on top, order, probes.
//!
//! Left out is what Pod Security cannot see: environment variables for probes, metrics and clusters, scrape annotations,
//! the status annotation.
//!
//! Source of facts: `injectPod`, `RunTemplate`, `reapplyOverwrittenContainers`, `reorderPod` and `patchRewriteProbe` in
//! `pkg/kube/inject/{inject,webhook,app_probe}.go` of Istio 1.17 to 1.30.

use std::borrow::Cow;

use serde_json::{Value as Json, json};

use super::annotations::{self, PROXY_CONFIG, parse_bool};
use super::istiod::Settings;
use super::merge::merge_pod;
use super::mesh::truth;
use super::openshift;
use super::schema::{self, INTERCEPTION_MODES};
use super::template::{Environment, TemplateError, Value, go_quote};
use super::text::read_yaml;
use super::{InjectedPod, NamespaceView, PodView};

const PROXY: &str = "istio-proxy";
const VALIDATION: &str = "istio-validation";
const INIT: &str = "istio-init";
const CORE_DUMP: &str = "enable-core-dump";

/// The annotation that an injected pod carries.
const STATUS: &str = "sidecar.istio.io/status";
/// The annotation in which the injector keeps a user's own containers of an injected pod.
const OVERRIDES: &str = "proxy.istio.io/overrides";
pub(super) const TEMPLATES: &str = "inject.istio.io/templates";
const NATIVE_SIDECAR: &str = "sidecar.istio.io/nativeSidecar";
const INTERCEPTION_MODE: &str = "sidecar.istio.io/interceptionMode";
const REWRITE_PROBES: &str = "sidecar.istio.io/rewriteAppHTTPProbers";
const STATUS_PORT: &str = "status.sidecar.istio.io/port";

/// The user that proxies run as unless something says otherwise.
pub(super) const PROXY_USER: i64 = 1337;

/// Injects a pod that passed both gates.
pub(super) fn inject(
    settings: &Settings,
    namespace: &NamespaceView<'_>,
    pod: &PodView<'_>,
) -> Result<InjectedPod, TemplateError> {
    if let Some(why) = annotations::refused(settings.release, pod.metadata) {
        return Err(TemplateError::Failed(why));
    }
    let mut original = to_json(namespace, pod)?;
    let on_openshift = settings.openshift()?;
    if on_openshift && settings.release.openshift_resets_shared_user() {
        openshift::reset_shared_user(&mut original, settings.release.openshift_looks_at_init_containers());
    }
    let annotation = annotation(&original, PROXY_CONFIG).map(str::to_owned);
    let proxy_config = settings.mesh.proxy_config_with(annotation.as_deref()).map_err(TemplateError::Failed)?;

    let kept = kept_containers(&original)?;
    let seen = as_written(&original, &kept);
    let ids = if on_openshift && settings.release.openshift_proxy_ids() {
        openshift::proxy_ids(namespace.annotations)
    } else {
        (PROXY_USER, PROXY_USER)
    };
    let data = template_data(settings, namespace, pod, &seen, &proxy_config, ids)?;

    let mut merged = original.clone();
    let mut injected = Vec::new();
    for name in selected_templates(settings, &original) {
        let patch = rendered(settings, &name, &data)?;
        note_containers(&mut injected, &patch);
        let is_native = |container: &OfTemplate| container.list == "initContainers" && container.name == PROXY;
        let proxy_is_native = injected.iter().any(is_native) && has(&merged, "containers", PROXY);
        if proxy_is_native && native(settings, &merged)? {
            let moved = take(&mut merged, "containers", PROXY);
            edit(&mut merged, "initContainers", |containers| containers.extend(moved));
        }
        merge_pod(&mut merged, patch);
    }
    reapply_own_containers(settings, &mut merged, &original, &injected, &kept);
    if settings.release.adjusts_init_container_user() {
        adjust_init_container_user(&mut merged, &original, &proxy_config);
    }
    rewrite_probes(settings, &mut merged)?;
    for (name, value) in &settings.injected_annotations {
        merged["metadata"]["annotations"][name.as_str()] = value.as_str().into();
    }
    let hold = truth(&proxy_config_for_order(settings, annotation.as_deref())?, "holdApplicationUntilProxyStarts")
        || truth(&settings.values["global"]["proxy"], "holdApplicationUntilProxyStarts");
    reorder(settings, &mut merged, hold);
    from_json(merged)
}

fn to_json(namespace: &NamespaceView<'_>, pod: &PodView<'_>) -> Result<Json, TemplateError> {
    let unwritable = |error: serde_json::Error| TemplateError::Unsupported(format!("a pod that is no JSON: {error}"));
    let mut metadata = serde_json::to_value(pod.metadata).map_err(unwritable)?;
    metadata["namespace"] = namespace.name.into();
    // Both are there after defaulting and decoding, and the code below writes into them.
    for map in ["annotations", "labels"] {
        if !metadata[map].is_object() {
            metadata[map] = json!({});
        }
    }
    Ok(json!({"metadata": metadata, "spec": serde_json::to_value(pod.spec).map_err(unwritable)?}))
}

fn from_json(mut pod: Json) -> Result<InjectedPod, TemplateError> {
    let refused = |error: serde_json::Error| {
        TemplateError::Failed(format!("the injected pod cannot be decoded (check the injection template): {error}"))
    };
    let metadata = serde_json::from_value(pod["metadata"].take()).map_err(refused)?;
    let spec = serde_json::from_value(pod["spec"].take()).map_err(refused)?;
    Ok(InjectedPod { metadata, spec })
}

/// The pod's settings for the proxy, on the mesh's.
fn proxy_config_for_order(settings: &Settings, annotation: Option<&str>) -> Result<Json, TemplateError> {
    settings.mesh.proxy_config_with(annotation).map_err(TemplateError::Failed)
}

fn template_data<'v>(
    settings: &'v Settings,
    namespace: &NamespaceView<'_>,
    pod: &PodView<'_>,
    seen: &'v Json,
    proxy_config: &'v Json,
    (uid, gid): (i64, i64),
) -> Result<Value<'v>, TemplateError> {
    let (api_version, kind, name) = match &pod.owner {
        Some(owner) => (owner.api_version, owner.kind, owner.name),
        None => ("v1", "Pod", pod.metadata.name.as_deref().unwrap_or_default()),
    };
    let deployment = [("Name", Value::str(name)), ("Namespace", Value::str(namespace.name))];
    let types = [("Kind", Value::str(kind)), ("APIVersion", Value::str(api_version))];
    Ok(Value::composed(
        "inject.SidecarTemplateData",
        [
            ("TypeMeta", Value::composed("v1.TypeMeta", types)),
            ("DeploymentMeta", Value::composed("types.NamespacedName", deployment)),
            ("ObjectMeta", schema::OBJECT_META.value(Some(&seen["metadata"]))),
            ("Spec", schema::POD_SPEC.value(Some(&seen["spec"]))),
            ("ProxyConfig", schema::PROXY_CONFIG.value(Some(proxy_config))),
            ("MeshConfig", schema::MESH_CONFIG.value(Some(&settings.mesh.config))),
            ("Values", settings.template_values.clone()),
            ("Revision", Value::str(&settings.revision)),
            ("NativeSidecars", Value::Bool(settings.native_sidecars()?)),
            ("ProxyImage", Value::str(&proxy_image(settings, proxy_config, seen))),
            ("ProxyUID", Value::Int(uid)),
            ("ProxyGID", Value::Int(gid)),
            ("InboundTrafficPolicyMode", Value::str(settings.mesh.inbound_traffic_policy_mode())),
            ("CompliancePolicy", Value::str(settings.variable("COMPLIANCE_POLICY")?.unwrap_or_default())),
            // 1.17 only: how many worker threads the proxy gets.
            ("EstimatedConcurrency", Value::Int(2)),
        ],
    ))
}

fn proxy_image(settings: &Settings, proxy_config: &Json, seen: &Json) -> String {
    let global = &settings.values["global"];
    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let image = global["proxy"]["image"].as_str().filter(|image| !image.is_empty()).unwrap_or("proxyv2");
    let mut tag = if global["tag"].is_null() { String::new() } else { text(&global["tag"]) };
    let variant = global["variant"].as_str().filter(|_| settings.release.image_variant()).unwrap_or_default();
    let kind = proxy_config["image"]["imageType"].as_str().unwrap_or(variant);
    let kind = annotation(seen, "sidecar.istio.io/proxyImageType").unwrap_or(kind);
    if !kind.is_empty() {
        for known in ["-distroless", "-debug"] {
            if let Some(base) = tag.strip_suffix(known) {
                tag = base.to_owned();
                break;
            }
        }
        if kind != "default" {
            tag = format!("{tag}-{kind}");
        }
    }
    format!("{}/{image}:{tag}", global["hub"].as_str().unwrap_or_default())
}

/// The names of the templates for this pod, aliases replaced.
fn selected_templates(settings: &Settings, pod: &Json) -> Vec<String> {
    let asked = annotation(pod, TEMPLATES);
    let names = match asked {
        Some(asked) => asked.split(',').map(|name| name.trim().to_owned()).collect(),
        None => settings.default_templates.clone(),
    };
    let aliased = |name: String| settings.aliases.get(&name).cloned().unwrap_or_else(|| vec![name]);
    names.into_iter().flat_map(aliased).collect()
}

/// Renders a template into a patch for the pod.
fn rendered(settings: &Settings, name: &str, data: &Value<'_>) -> Result<Json, TemplateError> {
    let Some(template) = settings.template(name) else {
        let known: Vec<&str> = settings.template_names().collect();
        return Err(TemplateError::Failed(format!(
            "requested template {} not found; have {}",
            go_quote(name),
            known.join(", ")
        )));
    };
    let template = template.as_ref().map_err(Clone::clone)?;
    let text = template.render(data.clone(), &Environment { variables: &settings.environment })?;
    match read_yaml(&text) {
        Ok(patch @ Json::Object(_)) => Ok(patch),
        Ok(Json::Null) => Ok(json!({})),
        Ok(_) => Err(TemplateError::Failed(format!("the injection template {} renders no mapping", go_quote(name)))),
        Err(error) => {
            Err(TemplateError::Failed(format!("the injection template {} renders no YAML: {error}", go_quote(name))))
        }
    }
}

fn native(settings: &Settings, pod: &Json) -> Result<bool, TemplateError> {
    if settings.release.native_sidecar_annotation() {
        match annotation(pod, NATIVE_SIDECAR) {
            Some("true") => return Ok(true),
            Some("false") => return Ok(false),
            _ => {}
        }
    }
    settings.native_sidecars()
}

/// The pod as its author wrote it: without what an earlier injection added, and with what it took away.
fn as_written<'p>(original: &'p Json, kept: &Json) -> Cow<'p, Json> {
    if annotation(original, STATUS).is_none() && kept.as_object().is_some_and(serde_json::Map::is_empty) {
        return Cow::Borrowed(original);
    }
    let mut seen = original.clone();
    strip(&mut seen);
    reinsert(&mut seen, kept);
    Cow::Owned(seen)
}

/// A container of the rendered templates.
struct OfTemplate {
    list: &'static str,
    name: String,
    run_as_user: Option<i64>,
}

/// Notes the containers of one more template, of which what it says last counts.
fn note_containers(known: &mut Vec<OfTemplate>, patch: &Json) {
    for list in ["containers", "initContainers"] {
        for container in patch["spec"][list].as_array().into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or_default();
            let run_as_user = container["securityContext"]["runAsUser"].as_i64();
            match known.iter_mut().find(|known| known.list == list && known.name == name) {
                Some(known) => known.run_as_user = run_as_user.or(known.run_as_user),
                None => known.push(OfTemplate { list, name: name.to_owned(), run_as_user }),
            }
        }
    }
}

/// A pod that was injected before loses what was injected, as far as the status annotation names it.
fn strip(pod: &mut Json) {
    let status = annotation(pod, STATUS).and_then(|status| serde_json::from_str::<Json>(status).ok());
    let Some(status) = status.filter(Json::is_object) else { return };
    for list in ["containers", "initContainers"] {
        let injected = names(&status, list);
        edit(pod, list, |containers| {
            containers.retain(|container| !injected.iter().any(|name| container["name"] == name.as_str()));
        });
    }
    if let Some(annotations) = pod["metadata"]["annotations"].as_object_mut() {
        annotations.remove(STATUS);
    }
}

/// The names in a list of the status annotation.
fn names(status: &Json, list: &str) -> Vec<String> {
    let names = status[list].as_array().into_iter().flatten();
    names.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// The user's own containers that an earlier injection kept.
fn kept_containers(pod: &Json) -> Result<Json, TemplateError> {
    match annotation(pod, OVERRIDES) {
        None => Ok(json!({})),
        Some(text) => serde_json::from_str(text)
            .map_err(|error| TemplateError::Failed(format!("annotation {OVERRIDES} cannot be read: {error}"))),
    }
}

fn reinsert(pod: &mut Json, kept: &Json) {
    for list in ["containers", "initContainers"] {
        for container in kept[list].as_array().into_iter().flatten() {
            if !has(pod, list, container["name"].as_str().unwrap_or_default()) {
                edit(pod, list, |containers| containers.push(container.clone()));
            }
        }
    }
}

/// What the user's own container of an injected name says comes last, field by field.
fn reapply_own_containers(
    settings: &Settings,
    merged: &mut Json,
    original: &Json,
    injected: &[OfTemplate],
    kept: &Json,
) {
    let status =
        annotation(original, STATUS).and_then(|status| serde_json::from_str(status).ok()).unwrap_or(Json::Null);
    for list in ["containers", "initContainers"] {
        let injected_before = names(&status, list);
        for template in injected.iter().filter(|template| template.list == list) {
            let name = template.name.as_str();
            if injected_before.iter().any(|known| known == name) {
                continue;
            }
            // An own proxy stands among the containers even where the template has it as a native sidecar.
            let among_containers = list == "initContainers" && settings.release.knows_native_sidecars();
            let own = (kept[list].as_array().and_then(|kept| kept.iter().find(|container| container["name"] == name)))
                .or_else(|| if among_containers { find(original, "containers", name) } else { None })
                .or_else(|| find(original, list, name));
            let Some(own) = own else { continue };
            let mut own = own.clone();
            if settings.release.resets_user_of_own_proxy()
                && template.run_as_user.is_some_and(|user| user != PROXY_USER)
                && let Some(context) = own["securityContext"].as_object_mut()
            {
                context.remove("runAsUser");
                context.remove("runAsGroup");
            }
            if let Some(container) = own.as_object_mut() {
                container
                    .retain(|name, value| !value.is_null() && !(name == "image" && (value == "auto" || value == "")));
            }
            merge_pod(merged, json!({"spec": {list: [own]}}));
        }
    }
}

/// The validation container runs as the user of the user's own proxy; with TPROXY the proxy stays root.
fn adjust_init_container_user(merged: &mut Json, original: &Json, proxy_config: &Json) {
    let own = find(original, "containers", PROXY).or_else(|| find(original, "initContainers", PROXY));
    let Some(context) = own.map(|own| &own["securityContext"]) else { return };
    let (user, group) = (context["runAsUser"].clone(), context["runAsGroup"].clone());
    if user.is_null() && group.is_null() {
        return;
    }
    let Some(name) = [INIT, VALIDATION].into_iter().find(|name| has(merged, "initContainers", name)) else { return };
    let mode = schema::Kind::Enum(&INTERCEPTION_MODES).value(proxy_config.get("interceptionMode"));
    let tproxy = matches!(mode, Value::Enum(_, "TPROXY")) || annotation(merged, INTERCEPTION_MODE) == Some("TPROXY");
    if tproxy && !user.is_null() {
        let list = if has(merged, "containers", PROXY) { "containers" } else { "initContainers" };
        if let Some(proxy) = find_mut(merged, list, PROXY) {
            proxy["securityContext"]["runAsUser"] = 0.into();
        }
    }
    if !tproxy
        && name == VALIDATION
        && let Some(validation) = find_mut(merged, "initContainers", VALIDATION)
    {
        for (field, value) in [("runAsUser", user), ("runAsGroup", group)] {
            if !value.is_null() {
                validation["securityContext"][field] = value;
            }
        }
    }
}

/// Probes go through the agent: a TCP probe becomes an HTTP one, and so loses its host.
fn rewrite_probes(settings: &Settings, pod: &mut Json) -> Result<(), TemplateError> {
    let release = settings.release;
    let in_init = release.knows_native_sidecars() && has(pod, "initContainers", PROXY);
    if !has(pod, "containers", PROXY) && !in_init {
        return Ok(());
    }
    let asked = annotation(pod, REWRITE_PROBES).and_then(parse_bool);
    if !asked.unwrap_or_else(|| truth(&settings.values["sidecarInjectorWebhook"], "rewriteAppHTTPProbe")) {
        return Ok(());
    }
    let tcp = release.always_rewrites_tcp_probes()
        || settings.variable("REWRITE_TCP_PROBES")?.and_then(parse_bool).unwrap_or(true);
    let of_annotation = annotation(pod, STATUS_PORT).and_then(|port| port.trim().parse().ok());
    let of_mesh = settings.mesh.proxy_config()["statusPort"].as_i64();
    let port: i64 = of_annotation.or(of_mesh).unwrap_or(15020);
    let lists: &[&str] =
        if release.rewrites_init_container_probes() { &["containers", "initContainers"] } else { &["containers"] };
    for list in lists {
        let containers = pod["spec"][*list].as_array_mut().into_iter().flatten();
        for container in containers.filter(|container| container["name"] != PROXY) {
            for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
                rewrite_handler(container.get_mut(probe), port, tcp);
            }
            if release.rewrites_lifecycle_handlers() {
                for handler in ["preStop", "postStart"] {
                    rewrite_handler(
                        container.get_mut("lifecycle").and_then(|lifecycle| lifecycle.get_mut(handler)),
                        port,
                        true,
                    );
                }
            }
        }
    }
    Ok(())
}

fn rewrite_handler(handler: Option<&mut Json>, port: i64, tcp: bool) {
    let Some(handler) = handler.and_then(Json::as_object_mut) else { return };
    if let Some(http) = handler.get_mut("httpGet").filter(|http| http.is_object()) {
        http["port"] = port.into();
        return;
    }
    let tcp = tcp && handler.get("tcpSocket").is_some_and(Json::is_object);
    if tcp {
        handler.remove("tcpSocket");
        handler.insert("httpGet".to_owned(), json!({"port": port}));
    }
}

/// The places of the injected containers among the others.
fn reorder(settings: &Settings, pod: &mut Json, hold: bool) {
    move_container(pod, "containers", PROXY, hold);
    if settings.release.knows_native_sidecars() && has(pod, "initContainers", PROXY) {
        for name in [CORE_DUMP, PROXY, VALIDATION, INIT] {
            move_container(pod, "initContainers", name, true);
        }
    } else {
        move_container(pod, "initContainers", VALIDATION, true);
        move_container(pod, "initContainers", INIT, false);
        move_container(pod, "initContainers", CORE_DUMP, false);
    }
}

fn move_container(pod: &mut Json, list: &str, name: &str, first: bool) {
    if let Some(container) = take(pod, list, name) {
        edit(pod, list, |containers| containers.insert(if first { 0 } else { containers.len() }, container));
    }
}

fn annotation<'p>(pod: &'p Json, name: &str) -> Option<&'p str> {
    pod["metadata"]["annotations"].get(name)?.as_str()
}

fn find<'p>(pod: &'p Json, list: &str, name: &str) -> Option<&'p Json> {
    pod["spec"][list].as_array()?.iter().find(|container| container["name"] == name)
}

fn find_mut<'p>(pod: &'p mut Json, list: &str, name: &str) -> Option<&'p mut Json> {
    pod["spec"][list].as_array_mut()?.iter_mut().find(|container| container["name"] == name)
}

fn has(pod: &Json, list: &str, name: &str) -> bool {
    find(pod, list, name).is_some()
}

fn take(pod: &mut Json, list: &str, name: &str) -> Option<Json> {
    let containers = pod["spec"][list].as_array_mut()?;
    let at = containers.iter().position(|container| container["name"] == name)?;
    Some(containers.remove(at))
}

/// Changes a list of containers.
fn edit(pod: &mut Json, list: &str, change: impl FnOnce(&mut Vec<Json>)) {
    let place = &mut pod["spec"][list];
    let mut containers = match place.take() {
        Json::Array(containers) => containers,
        _ => Vec::new(),
    };
    change(&mut containers);
    *place = Json::Array(containers);
}
