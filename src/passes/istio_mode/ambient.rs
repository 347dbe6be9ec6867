//! To ambient and out of it: where ztunnel is, and what istio-cni and a ztunnel that are there already have to know.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::control_plane::{PROXY, changes, edit_texts, say};
use super::workloads::{self, Part};
use super::{Plan, Report, cni};
use crate::config::DataplaneMode;
use crate::istio::install::{Install, text_values};
use crate::istio::mode_settings::{Agents, Desired, Document, Setting, Ztunnel, agent_settings};
use crate::istio::platform::PlatformEffect;
use crate::istio::version::Version;
use crate::krm::{Error, Field, Finding, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::edit::Edits;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// Refuses an Istio that has no ambient, and says where it is alpha.
pub(super) fn check(
    list: &List<'_>,
    install: &Install,
    effect: &PlatformEffect,
    plan: &Plan<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    if plan.mode != DataplaneMode::Ambient {
        return Ok(());
    }
    let index = install.istiod.unwrap_or(install.injector);
    let Some(item) = list.items().get(index) else { return Ok(()) };
    let Some(facts) = &install.facts.ambient else {
        return Err(item.error(format!(
            "Istio {} has no ambient mode; upgrade Istio to 1.24 or newer first (1.22 and 1.23 have it as beta), or set \
             `istio.mode: cni`",
            install.version
        )));
    };
    if effect.is_openshift() && facts.ztunnel.openshift.is_none() {
        return Err(item.error(format!(
            "Istio {} has no ambient mode for OpenShift; upgrade Istio to 1.24 or newer first, or set `istio.mode: cni`",
            install.version
        )));
    }
    if facts.alpha {
        report.add_for(item, Finding::new(Rule::AmbientAlpha, Severity::Warning, alpha(&install.version)))?;
    }
    Ok(())
}

/// What is said of a version that has ambient as alpha.
pub(super) fn alpha(version: &Version) -> String {
    format!(
        "ambient is alpha in Istio {version}: upgrade Istio to 1.24 or newer, where it is generally available, before \
         anything depends on it"
    )
}

/// Where ztunnel shall be, or has been.
pub(super) fn namespace(
    list: &List<'_>,
    installs: &[Install],
    newest: Option<usize>,
    plan: &Plan<'_>,
    was_there: bool,
    report: &mut Report,
) -> Result<Option<String>, Error> {
    let existing = &plan.existing_ztunnel;
    if plan.mode != DataplaneMode::Ambient {
        let trusted = || {
            let accounts = installs.iter().filter(|install| install.ambient);
            let account = accounts.filter_map(|install| install.trusted_accounts.as_deref()).next()?;
            account.split(',').find_map(|account| account.trim().strip_suffix("/ztunnel").map(str::to_owned))
        };
        let somewhere = || installs.first().map(|install| install.namespace.clone());
        let namespace = existing.namespace.clone().or_else(trusted).or_else(somewhere);
        return Ok(namespace.filter(|_| was_there));
    }
    let Some(install) = newest.and_then(|newest| installs.get(newest)) else { return Ok(None) };
    let configured = plan.istio.ambient.ztunnel_namespace.as_ref().map(|name| name.as_str());
    let wrong = |message: String| Error::config(message).at_field("spec.istio.ambient.ztunnelNamespace");
    if let Some(existing) = &existing.namespace {
        return match configured.filter(|configured| configured != existing) {
            Some(_) => Err(wrong(format!(
                "ztunnel is in namespace \"{existing}\" of the input and stays where it is; `ztunnelNamespace` must be \
                 \"{existing}\" too, or absent"
            ))),
            None => Ok(Some(existing.clone())),
        };
    }
    let namespace = match configured {
        Some(configured) => configured.to_owned(),
        None => cni::namespace(plan)?,
    };
    let is_served = install.facts.ambient.as_ref().is_none_or(|facts| facts.serves_kube_system);
    if namespace != "kube-system" || is_served {
        return Ok(Some(namespace));
    }
    if configured.is_some() {
        return Err(wrong(format!(
            "istiod {} gives no root certificate to kube-system, so that ztunnel cannot run there; it must be \"{}\", or \
             absent",
            install.version, install.namespace
        )));
    }
    let message = format!(
        "ztunnel goes to \"{}\", since istiod {} gives no root certificate to kube-system (1.21 and newer do)",
        install.namespace, install.version
    );
    if let Some(item) = list.items().get(install.istiod.unwrap_or(install.injector)) {
        report.add_for(item, Finding::new(Rule::ZtunnelNamespace, Severity::Warning, message))?;
    }
    Ok(Some(install.namespace.clone()))
}

/// Whether the input holds anything of ambient.
pub(super) fn is_there(list: &List<'_>, installs: &[Install], plan: &Plan<'_>) -> Result<bool, Error> {
    if !plan.existing_ztunnel.owned.is_empty() || installs.iter().any(|install| install.ambient) {
        return Ok(true);
    }
    let Some(item) = plan.existing.config.and_then(|index| list.items().get(index)) else { return Ok(false) };
    let parsed = item.parse()?;
    let Some(data) = parsed.root().and_then(|root| root.get("data")) else { return Ok(false) };
    let by_variable = data.get("AMBIENT_ENABLED").is_some_and(|word| word.scalar_text() == "true");
    Ok(by_variable || data.get("cni_network_config").is_some_and(|text| text.scalar_text().contains("ambient_enabled")))
}

/// Tells the istio-cni and the ztunnel that are there already, and takes from istio-cni what it must not have.
pub(super) fn edit_agents(
    list: &mut List<'_>,
    installs: &[Install],
    newest: usize,
    plan: &Plan<'_>,
    report: &mut Report,
) -> Result<(), Error> {
    let (Some(install), Some(effect)) = (installs.get(newest), plan.effects.get(newest)) else { return Ok(()) };
    if plan.ztunnel() == Ztunnel::Absent {
        return Ok(());
    }
    let settings = agent_settings(&Agents { facts: install.facts, platform: effect, ztunnel: plan.ztunnel() });
    let of = |document: Document| settings.iter().filter(|setting| setting.document == document).collect();
    // What is going to be removed anyway stays as it is until then.
    if plan.mode != DataplaneMode::Sidecar {
        if let Some(item) = plan.existing.config.and_then(|index| list.items_mut().get_mut(index)) {
            let variables: Vec<&Setting> = of(Document::CniVariables);
            edit_variables(item, &variables, report)?;
            edit_texts(item, &[("cni_network_config", of(Document::CniNetworkConfig))], report)?;
        }
        if let Some(item) = plan.existing.daemon_set.and_then(|index| list.items_mut().get_mut(index)) {
            let groups = [
                (Part::Root, of(Document::CniDaemonSet)),
                (Part::Container, of(Document::CniContainer)),
                (Part::Env, of(Document::CniEnv)),
                (Part::Mounts, of(Document::CniMounts)),
                (Part::Volumes, of(Document::CniVolumes)),
            ];
            workloads::edit(item, "install-cni", &groups, report)?;
        }
        for index in &plan.existing.owned {
            let Some(item) = list.items_mut().get_mut(*index) else { continue };
            if item.kind() == "ClusterRole" && item.name() == "istio-cni" {
                narrow(item, report)?;
            }
        }
    }
    if plan.mode == DataplaneMode::Ambient
        && let Some(item) = plan.existing_ztunnel.daemon_set.and_then(|index| list.items_mut().get_mut(index))
    {
        let groups = [(Part::Root, of(Document::ZtunnelDaemonSet)), (Part::Env, of(Document::ZtunnelEnv))];
        workloads::edit(item, PROXY, &groups, report)?;
    }
    Ok(())
}

/// Keys of the agent's ConfigMap, where it has such keys and not the plugin's JSON.
fn edit_variables(item: &mut Item<'_>, settings: &[&Setting], report: &mut Report) -> Result<(), Error> {
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let Some(data) = root.get("data") else { return Ok(()) };
        let present =
            |path: &[&str]| path.first().and_then(|key| data.get(key)).map(|value| Value::from(value.scalar_text()));
        let changes = changes(settings, present);
        let mut edits = Edits::default();
        let entries: Vec<(&str, Value)> = changes
            .iter()
            .filter_map(|change| match change.desired {
                Desired::Set(value) => Some((*change.path.first()?, value.clone())),
                Desired::Remove { .. } => None,
            })
            .collect();
        if !entries.is_empty() {
            edits.set(root, &["data"], &entries).map_err(|error| item.edit_error(&error))?;
        }
        say(item, root, &[(Path::of(&["data"]), changes)], report);
        edits
    };
    item.apply(edits)
}

/// Kubeflow's overlays for ambient let istio-cni write to every pod, node and namespace. What it needs of that, writing
/// to the status of pods, is in `istio-cni-ambient`.
fn narrow(item: &mut Item<'_>, report: &mut Report) -> Result<(), Error> {
    fn words<'t>(rule: View<'t>, key: &str) -> Vec<&'t str> {
        rule.get(key).into_iter().flat_map(|list| list.items()).map(|word| word.scalar_text()).collect()
    }
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let mut edits = Edits::default();
        let rules = root.get("rules").into_iter().flat_map(|rules| rules.items());
        for (place, rule) in rules.enumerate() {
            let wide = words(rule, "resources").iter().any(|name| matches!(*name, "pods" | "nodes" | "namespaces"));
            let verbs = words(rule, "verbs");
            let kept: Vec<&str> = verbs.iter().copied().filter(|verb| !matches!(*verb, "patch" | "update")).collect();
            if !wide || kept.len() == verbs.len() || kept.is_empty() {
                continue;
            }
            let writes = |verb: View<'_>| matches!(verb.scalar_text(), "patch" | "update");
            edits.remove_items(rule, &["verbs"], writes).map_err(|error| item.edit_error(&error))?;
            let field = Field {
                path: Path::of(&["rules"]).join(place).join("verbs").to_string(),
                current_value: Some(Value::from(verbs)),
                proposed_value: Some(Value::from(kept)),
            };
            let message = "istio-cni may no longer write to pods, nodes and namespaces of the whole cluster: of that it \
                           needs the status of pods alone, which ClusterRole istio-cni-ambient gives it";
            report.add_about(item, root, Finding::new(Rule::IstioSettings, Severity::Info, message).with_field(field));
        }
        edits
    };
    item.apply(edits)
}

/// Says what was missing where the input held a part of ambient.
pub(super) fn half_done(list: &List<'_>, installs: &[Install], since: usize, report: &mut Report) {
    let of_ambient = [Rule::IstioSettings.code(), Rule::IstioObjectAdded.code()];
    let mut seen = BTreeSet::new();
    let missing: Vec<String> = report.findings[since.min(report.findings.len())..]
        .iter()
        .filter(|finding| finding.tags.get("rule").is_some_and(|rule| of_ambient.contains(&rule.as_str())))
        .filter_map(|finding| finding.resource_ref.as_ref())
        .filter(|reference| seen.insert((*reference).clone()))
        .map(|reference| format!("{} {}", reference.kind, reference.name))
        .collect();
    let item = installs.first().and_then(|install| list.items().get(install.istiod.unwrap_or(install.injector)));
    if let Some(item) = item.filter(|_| !missing.is_empty()) {
        let message = format!(
            "ambient was in the input and not complete; what was missing is set or added now: {}",
            missing.join(", ")
        );
        let mut finding = Finding::new(Rule::IstioHalfDone, Severity::Warning, message);
        finding.resource_ref = Some(item.reference());
        report.add(finding);
    }
}

/// `defaultConfig.proxyMetadata` of the mesh, which ztunnel gets as its environment.
pub(super) fn proxy_metadata(list: &List<'_>, install: &Install) -> Result<BTreeMap<String, String>, Error> {
    let Some(item) = install.mesh.and_then(|index| list.items().get(index)) else { return Ok(BTreeMap::new()) };
    let parsed = item.parse()?;
    let Some(root) = parsed.root() else { return Ok(BTreeMap::new()) };
    let mesh = text_values(item, root, "mesh")?;
    let metadata = mesh.pointer("/defaultConfig/proxyMetadata").and_then(Value::as_object);
    Ok(metadata
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect())
}
