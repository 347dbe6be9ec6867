//! To istio-cni, and in ambient to ztunnel too: the objects that are missing are added. What only ambient has goes with it.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::{Plan, Report, ambient};
use crate::config::DataplaneMode;
use crate::istio::install::Install;
use crate::istio::mode_settings::Redirection;
use crate::istio::objects::cni::{self, CniInstall};
use crate::istio::objects::ztunnel::{self, ZtunnelInstall};
use crate::krm::{Error, Finding, Item, List, ResourceRef, Severity};
use crate::rules::Rule;

/// Where a new istio-cni goes: `istio-system` can stay restricted so.
const DEFAULT_NAMESPACE: &str = "kube-system";

/// True where something was added.
pub(super) fn run(
    list: &mut List<'_>,
    installs: &[Install],
    newest: usize,
    plan: &Plan<'_>,
    report: &mut Report,
) -> Result<bool, Error> {
    let (Some(install), Some(effect)) = (installs.get(newest), plan.effects.get(newest)) else { return Ok(false) };
    let namespace = namespace(plan)?;
    let cni = CniInstall {
        facts: install.facts,
        ambient: install.facts.ambient.as_ref().filter(|_| plan.mode == DataplaneMode::Ambient),
        platform: *effect,
        // Asked for below, where something is missing.
        hub: install.images.hub.clone().unwrap_or_default(),
        tag: install.images.tag.clone(),
        variant: install.images.variant.clone(),
        image_pull_policy: install.text(&["global", "imagePullPolicy"]).map(str::to_owned),
        image_pull_secrets: install.pull_secrets(),
        namespace: namespace.clone(),
        bin_dir: plan.istio.cni_bin_dir.as_ref().map(|dir| dir.as_str().to_owned()),
        conf_dir: plan.istio.cni_conf_dir.as_ref().map(|dir| dir.as_str().to_owned()),
        labels: install.labels.clone(),
        log_level: install.text(&["global", "logging", "level"]).map(str::to_owned),
        log_as_json: install.value(&["global", "logAsJson"]) == Some(&Value::Bool(true)),
        native_nftables: install.value(&["global", "nativeNftables"]) == Some(&Value::Bool(true)),
        network_policy: install.value(&["global", "networkPolicy", "enabled"]) == Some(&Value::Bool(true)),
    };
    let mut missing = Vec::new();
    for object in cni::objects(&cni) {
        let (reference, value) = written(&object)?;
        if !plan.existing.has(&reference.kind, &reference.namespace, &reference.name) {
            missing.push((reference, value));
        }
    }
    if let (Some(facts), Some(namespace)) = (cni.ambient, &plan.ztunnel_namespace) {
        let text = |path: &[&str]| install.text(path).map(str::to_owned);
        let ztunnel = ZtunnelInstall {
            cni: &cni,
            facts,
            version: install.version.clone(),
            namespace: namespace.clone(),
            istiod_namespace: install.namespace.clone(),
            cluster: text(&["global", "multiCluster", "clusterName"]),
            network: text(&["global", "network"]),
            ca_address: text(&["global", "caAddress"]),
            proxy_metadata: ambient::proxy_metadata(list, install)?,
        };
        for object in ztunnel::objects(&ztunnel) {
            let (reference, value) = written(&object)?;
            if !plan.existing_ztunnel.has(&reference.kind, &reference.namespace, &reference.name) {
                missing.push((reference, value));
            }
        }
    }
    let like = install.istiod.unwrap_or(install.injector);
    if !missing.is_empty() && install.images.hub.is_none() {
        let about = list.items().get(like).map(|item| item.error(NO_HUB));
        return Err(about.unwrap_or_else(|| Error::input(NO_HUB)));
    }
    let parts: Vec<&ResourceRef> =
        missing.iter().map(|(reference, _)| reference).filter(|reference| !is_of_ambient(reference)).collect();
    half_done(list, installs, plan, &parts, report);
    let folder = folder(list, like)?;
    for (reference, value) in &missing {
        let file = format!("{folder}{}_{}.yaml", reference.kind.to_lowercase(), reference.name);
        list.append(value.clone(), like, &file)?;
        let message = format!("added, as Istio {} has it", install.version);
        let mut finding = Finding::new(Rule::IstioObjectAdded, Severity::Info, message);
        finding.resource_ref = Some(reference.clone());
        report.add(finding);
    }
    if !missing.is_empty() && install.images.pinned {
        let message = format!(
            "istiod's image is pinned by a digest; those of added objects are {}/…:{} and are not",
            cni.hub, install.images.tag
        );
        report.add(Finding::new(Rule::ImageNotPinned, Severity::Warning, message));
    }
    let removed = remove_ambient(list, plan, report)?;
    Ok(!missing.is_empty() || removed)
}

/// Takes away what only ambient has, where the mode is another now.
fn remove_ambient(list: &mut List<'_>, plan: &Plan<'_>, report: &mut Report) -> Result<bool, Error> {
    if plan.mode == DataplaneMode::Ambient {
        return Ok(false);
    }
    let mut gone = plan.existing_ztunnel.owned.clone();
    gone.extend(plan.existing.ambient.iter().copied());
    remove(list, &gone, report)
}

/// Removes objects and says how to remove them from the cluster. True where there were any.
pub(super) fn remove(list: &mut List<'_>, gone: &BTreeSet<usize>, report: &mut Report) -> Result<bool, Error> {
    for item in gone.iter().filter_map(|index| list.items().get(*index)) {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { continue };
        let namespace = if item.namespace().is_empty() { String::new() } else { format!(" -n {}", item.namespace()) };
        let message = format!(
            "removed; apply deletes nothing, so when the pods of the mesh have restarted: kubectl delete {} {}{namespace}",
            item.kind().to_lowercase(),
            item.name()
        );
        report.add_about(item, root, Finding::new(Rule::IstioObjectRemoved, Severity::Info, message));
    }
    list.remove(gone)?;
    Ok(!gone.is_empty())
}

fn written(object: &impl Serialize) -> Result<(ResourceRef, Value), Error> {
    let value = serde_json::to_value(object)
        .map_err(|error| Error::input(format!("an object of Istio cannot be written: {error}")))?;
    Ok((reference(&value), value))
}

const NO_HUB: &str = "the input does not show the registry of Istio's images: istiod's image must be called `pilot`, or set \
                      `istio.hub` in the configuration";

/// Where istio-cni is, or shall be.
pub(super) fn namespace(plan: &Plan<'_>) -> Result<String, Error> {
    let configured = plan.istio.cni_namespace.as_ref().map(|name| name.as_str());
    match (&plan.existing.namespace, configured) {
        (Some(existing), Some(configured)) if existing != configured => Err(Error::config(format!(
            "istio-cni is in namespace \"{existing}\" of the input and stays where it is; `cniNamespace` must be \
             \"{existing}\" too, or absent"
        ))
        .at_field("spec.istio.cniNamespace")),
        (Some(existing), _) => Ok(existing.clone()),
        (None, configured) => Ok(configured.unwrap_or(DEFAULT_NAMESPACE).to_owned()),
    }
}

/// Says what was missing where flag and objects did not agree.
fn half_done(list: &List<'_>, installs: &[Install], plan: &Plan<'_>, missing: &[&ResourceRef], report: &mut Report) {
    for install in installs {
        let Some(item) = list.items().get(install.injector) else { continue };
        let flag = install.redirection() == Redirection::IstioCni;
        let message = if flag && !missing.is_empty() {
            let names: Vec<String> =
                missing.iter().map(|reference| format!("{} {}", reference.kind, reference.name)).collect();
            format!("pods were injected for istio-cni, which was not complete in the input: added {}", names.join(", "))
        } else if !flag && plan.existing.daemon_set.is_some() {
            "istio-cni was in the input, but pods were injected with istio-init, which needs root; the injector's flag is \
             set now"
                .to_owned()
        } else if !flag && !plan.existing.owned.is_empty() {
            "parts of istio-cni were in the input without its DaemonSet; they are kept, and what was missing is added"
                .to_owned()
        } else {
            continue;
        };
        let mut finding = Finding::new(Rule::IstioHalfDone, Severity::Warning, message);
        finding.resource_ref = Some(item.reference());
        report.add(finding);
    }
}

/// Whether no install without ambient has such an object.
fn is_of_ambient(reference: &ResourceRef) -> bool {
    reference.name.starts_with(ztunnel::ZTUNNEL) || reference.name == "istio-cni-ambient"
}

fn reference(value: &Value) -> ResourceRef {
    let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    ResourceRef {
        api_version: text("/apiVersion"),
        kind: text("/kind"),
        name: text("/metadata/name"),
        namespace: text("/metadata/namespace"),
    }
}

/// The folder of the install's file, with its slash.
fn folder(list: &List<'_>, index: usize) -> Result<String, Error> {
    let Some(item) = list.items().get(index) else { return Ok(String::new()) };
    let parsed = item.parse()?;
    let file = parsed.root().and_then(Item::file);
    Ok(file.and_then(|file| file.path.rfind('/').map(|slash| file.path[..=slash].to_owned())).unwrap_or_default())
}
