//! What Istio's migration guide names as reasons not to migrate yet, or not to migrate so.
//!
//! Source of facts: Istio's documentation, `ambient/migrate/before-you-begin`.

use super::{Report, say};
use crate::istio::install::INJECTOR;
use crate::istio::members::{Member, Members, Reach};
use crate::krm::{Error, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::tree::{Tree, View};

/// The variable by which a sidecar learns to talk to pods of ambient.
const HBONE: &str = "ISTIO_META_ENABLE_HBONE";
/// The driver by which pods get their identity from SPIRE.
const SPIRE_DRIVER: &str = "csi.spiffe.io";

pub(super) fn report(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    if !members.any_ambient() {
        return Ok(());
    }
    for item in list.items().iter().filter(|item| !item.is_local_config()) {
        let found = virtual_machine(item)?.or(spire(item)).or(multicluster(item)?);
        if let Some((rule, message)) = found {
            say(item, rule, Severity::Warning, message, report)?;
        }
    }
    sidecars(list, members, report)
}

type Found = Option<(Rule, String)>;

fn virtual_machine(item: &Item<'_>) -> Result<Found, Error> {
    if !item.api_version().starts_with("networking.istio.io/") {
        return Ok(None);
    }
    let about = match item.kind() {
        "WorkloadEntry" | "WorkloadGroup" => true,
        "ServiceEntry" => {
            item.parse_leniently()?.root().is_some_and(|root| root.find(&["spec", "workloadSelector"]).is_some())
        }
        _ => false,
    };
    Ok(about.then(|| {
        let message = "is about virtual machines, which ambient does not support: they keep their own proxy, which must be able \
                       to talk to ztunnel; do not migrate the namespaces that they call before you have tried it";
        (Rule::AmbientVirtualMachines, message.to_owned())
    }))
}

fn spire(item: &Item<'_>) -> Found {
    let group = item.api_version().split('/').next().unwrap_or_default();
    let is_its_own = group == "spire.spiffe.io";
    let injects = item.is("v1", "ConfigMap") && item.name().contains(INJECTOR) && item.text().contains(SPIRE_DRIVER);
    let uses = matches!(item.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "Pod" | "Job" | "CronJob")
        && item.text().contains(SPIRE_DRIVER);
    (is_its_own || injects || uses).then(|| {
        let message = "takes identities from SPIRE, which ztunnel does not support: pods of ambient get their identities from \
                       istiod; policies that name SPIRE's identities no longer match them";
        (Rule::AmbientSpire, message.to_owned())
    })
}

fn multicluster(item: &Item<'_>) -> Result<Found, Error> {
    let says = |what: &str| {
        let message = format!(
            "{what}: several clusters are in this mesh. Ambient supports that only in part (1.27 alpha, one network per \
             cluster, all clusters alike); migrate no cluster before you have tried it with all of them"
        );
        Some((Rule::AmbientMulticluster, message))
    };
    if item.is("v1", "Secret") && item.text().contains("istio/multiCluster") {
        let parsed = item.parse_leniently()?;
        let label = parsed.root().and_then(|root| root.find(&["metadata", "labels", "istio/multiCluster"]));
        return Ok(if label.is_some_and(|label| label.scalar_text() == "true") {
            says("gives istiod the API of another cluster")
        } else {
            None
        });
    }
    if item.is("v1", "Namespace") || matches!(item.kind(), "Deployment" | "Service" | "Gateway") {
        const NETWORK: &str = "topology.istio.io/network";
        if !item.text().contains(NETWORK) {
            return Ok(None);
        }
        let parsed = item.parse_leniently()?;
        let label = parsed.root().and_then(|root| root.find(&["metadata", "labels", NETWORK]));
        let network = label.map_or("", |label| label.scalar_text());
        return Ok(if network.is_empty() { None } else { says(&format!("is of network \"{network}\"")) });
    }
    Ok(None)
}

/// Sidecars that stay must be able to talk to pods of ambient.
fn sidecars(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    let why = "a sidecar without it sends plaintext to pods of ambient, where policies by identity refuse it";
    let stay = members.namespaces.values().any(|namespace| namespace.after == Reach::Sidecar)
        || members.workloads.iter().any(|workload| matches!(workload.member, Member::Sidecar | Member::Proxy));
    for item in list.items().iter().filter(|item| stay && is_mesh(item)) {
        let parsed = item.parse_leniently()?;
        let Some(mesh) = parsed.root().and_then(|root| root.find(&["data", "mesh"])) else { continue };
        let text = mesh.scalar_text();
        let Ok(tree) = Tree::parse(text) else { continue };
        let says = tree.root(text).and_then(|mesh| variable(mesh.get("defaultConfig")?));
        if says != Some("true") {
            let message = format!("`defaultConfig.proxyMetadata.{HBONE}` is not \"true\": {why}");
            say(item, Rule::AmbientSidecarHbone, Severity::Warning, message, report)?;
        }
    }
    for item in list.items().iter().filter(|item| item.kind() == "ProxyConfig" && !item.is_local_config()) {
        let parsed = item.parse_leniently()?;
        let value = parsed.root().and_then(|root| root.find(&["spec", "environmentVariables", HBONE]));
        if value.is_some_and(|value| value.scalar_text() != "true") {
            let message = format!("turns {HBONE} off: {why}");
            say(item, Rule::AmbientSidecarHbone, Severity::Warning, message, report)?;
        }
    }
    for workload in members.workloads.iter().filter(|workload| workload.member == Member::Sidecar) {
        let Some(text) = workload.annotations.get("proxy.istio.io/config") else { continue };
        let Ok(tree) = Tree::parse(text) else { continue };
        let says = tree.root(text).and_then(variable);
        if let Some(item) = list.items().get(workload.place).filter(|_| says.is_some_and(|word| word != "true")) {
            let message = format!("its annotation proxy.istio.io/config turns {HBONE} off: {why}");
            say(item, Rule::AmbientSidecarHbone, Severity::Warning, message, report)?;
        }
    }
    Ok(())
}

fn is_mesh(item: &Item<'_>) -> bool {
    item.is("v1", "ConfigMap")
        && !item.is_local_config()
        && (item.name() == "istio" || item.name().starts_with("istio-"))
        && item.text().contains("defaultConfig")
}

fn variable(config: View<'_>) -> Option<&str> {
    config.find(&["proxyMetadata", HBONE]).map(|value| value.scalar_text())
}
