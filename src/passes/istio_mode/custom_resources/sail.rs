//! The Sail operator's resources, which are cluster-wide: `Istio`, of which there may be several, and the `IstioCNI` and
//! the `ZTunnel` that all of them share.
//!
//! ```yaml
//! kind: Istio
//! spec:
//!   profile: ambient                                      # ambient
//!   values:
//!     pilot: {cni: {enabled: true}, trustedZtunnelNamespace: kube-system}
//! ```
//!
//! `ZTunnel` is `v1` in the operators that come with Istio 1.28 and newer, `v1alpha1` with a `profile` of its own before.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    CNI_BIN_DIR, CNI_CONF_DIR, DEFAULT_NAMESPACE, Mode, PLATFORM, Rewrite, TRUSTED_NAMESPACE, put, rewrite, word,
};
use crate::istio::facts::Facts;
use crate::istio::mode_settings::Desired;
use crate::istio::platform::{Platform, PlatformEffect};
use crate::istio::version::Version;
use crate::krm::{Error, Finding, List, ResourceRef, Severity};
use crate::passes::istio_mode::cni;
use crate::passes::report::Report;
use crate::rules::Rule;
use crate::yaml::tree::View;

/// Where Sail puts an `IstioCNI` that names no namespace.
const CNI_NAMESPACE: &str = "istio-cni";
/// Where it puts such a `ZTunnel`.
const ZTUNNEL_NAMESPACE: &str = "ztunnel";

const FLAG: &[&str] = &["spec", "values", "pilot", "cni", "enabled"];
const PROFILE: &[&str] = &["spec", "profile"];
const CNI_AMBIENT: &[&str] = &["spec", "values", "cni", "ambient", "enabled"];

/// The install that `Istio` resources describe.
struct Sail {
    /// Where the first `Istio` is in the list.
    istio: usize,
    api_version: String,
    name: String,
    version: String,
}

/// True where something has changed.
pub(super) fn run(list: &mut List<'_>, istios: &[usize], mode: &Mode<'_>, report: &mut Report) -> Result<bool, Error> {
    let Some(sail) = read(list, istios)? else { return Ok(false) };
    let istio_cni = find(list, "IstioCNI");
    let ztunnel = find(list, "ZTunnel");
    let cni_there = namespace_of(list, istio_cni, CNI_NAMESPACE)?;
    let ztunnel_there = namespace_of(list, ztunnel, ZTUNNEL_NAMESPACE)?;
    let cni_namespace = if mode.is_on() {
        mode.namespace(cni_there.as_deref(), DEFAULT_NAMESPACE)?
    } else {
        DEFAULT_NAMESPACE.to_owned()
    };
    let ztunnel_namespace = match (mode.is_ambient(), ztunnel_there) {
        (true, there) => Some(mode.ztunnel_namespace(there.as_deref(), &cni_namespace)?),
        (false, there) => there,
    };
    let mut changed = false;
    for index in istios {
        let Some(item) = list.items_mut().get_mut(*index) else { continue };
        rewrite(item, report, |item, spec| {
            let version = word(spec, &["version"]).and_then(|version| version.parse::<Version>().ok());
            mode.facts(item, version.clone())?;
            let platform = mode.platform(item, version)?;
            Ok(Some(istio(mode, spec, platform, ztunnel_namespace.as_deref())))
        })?;
        mode.said_of_version(item, &["spec", "version"], report)?;
        changed |= item.is_changed();
    }
    // What is removed comes last: the places of the others stay.
    let mut gone = BTreeSet::new();
    agent(list, &sail, mode, ("IstioCNI", istio_cni, &cni_namespace), mode.is_on(), &mut gone, report)?;
    let namespace = ztunnel_namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    agent(list, &sail, mode, ("ZTunnel", ztunnel, namespace), mode.is_ambient(), &mut gone, report)?;
    changed |= !gone.is_empty();
    cni::remove(list, &gone, report)?;
    Ok(changed)
}

fn read(list: &List<'_>, istios: &[usize]) -> Result<Option<Sail>, Error> {
    let Some((istio, item)) = istios.first().and_then(|index| Some((*index, list.items().get(*index)?))) else {
        return Ok(None);
    };
    let parsed = item.parse()?;
    let version = parsed.root().and_then(|root| word(root, &["spec", "version"])).unwrap_or_default().to_owned();
    Ok(Some(Sail { istio, api_version: item.api_version().to_owned(), name: item.name().to_owned(), version }))
}

fn find(list: &List<'_>, kind: &str) -> Option<usize> {
    list.items().iter().position(|item| {
        item.kind() == kind && item.api_version().starts_with("sailoperator.io/") && !item.is_local_config()
    })
}

fn namespace_of(list: &List<'_>, index: Option<usize>, default: &str) -> Result<Option<String>, Error> {
    let Some(item) = index.and_then(|index| list.items().get(index)) else { return Ok(None) };
    let parsed = item.parse()?;
    let named = parsed.root().and_then(|root| word(root, &["spec", "namespace"]));
    Ok(Some(named.unwrap_or(default).to_owned()))
}

/// `Istio`.
fn istio(
    mode: &Mode<'_>,
    spec: View<'_>,
    platform: Option<(&'static Facts, PlatformEffect)>,
    ztunnel_namespace: Option<&str>,
) -> Rewrite {
    let mut rewrite = Rewrite::default();
    let profile = word(spec, &["profile"]);
    let openshift = platform.is_some_and(|(_, effect)| effect.is_openshift());
    let present = spec.find(&["values", "pilot", "cni", "enabled"]).is_some();
    // On OpenShift it is on unless it is set to false.
    if mode.is_on() || present || openshift || profile == Some("openshift") {
        rewrite.set(FLAG, json!(mode.is_on()));
    }
    if let Some((facts, effect)) = platform
        && facts.minor >= 24
        && effect.named
    {
        rewrite.set(PLATFORM, json!(effect.platform.as_str()));
    }
    if let Some(namespace) = ztunnel_namespace {
        if mode.is_ambient() {
            rewrite.set(TRUSTED_NAMESPACE, json!(namespace));
        } else if word(spec, &["values", "pilot", "trustedZtunnelNamespace"]) == Some(namespace) {
            rewrite.remove(TRUSTED_NAMESPACE);
        }
    }
    ambient_profile(mode, profile, &mut rewrite);
    rewrite
}

fn ambient_profile(mode: &Mode<'_>, profile: Option<&str>, rewrite: &mut Rewrite) {
    match profile {
        Some("openshift-ambient") if !mode.is_ambient() => rewrite.set(PROFILE, json!("openshift")),
        Some("ambient") if !mode.is_ambient() => rewrite.remove(PROFILE),
        Some("openshift-ambient") => {}
        _ if mode.is_ambient() => rewrite.set(PROFILE, json!("ambient")),
        _ => {}
    }
}

/// `IstioCNI`.
fn istio_cni(mode: &Mode<'_>, spec: Option<View<'_>>, platform: Option<(&'static Facts, PlatformEffect)>) -> Rewrite {
    let mut rewrite = Rewrite::default();
    let effect = platform.map(|(_, effect)| effect);
    if let Some((facts, effect)) = platform
        && facts.minor >= 24
        && effect.named
    {
        rewrite.set(PLATFORM, json!(effect.platform.as_str()));
    }
    // Sail has no cluster to ask when it renders: GKE's directory has to be written down.
    let own = effect.filter(|effect| effect.platform == Platform::Gke).and_then(|effect| effect.cni_bin_dir);
    if let Some(dir) = mode.bin_dir(own) {
        rewrite.set(CNI_BIN_DIR, json!(dir));
    }
    if let Some(dir) = &mode.istio.cni_conf_dir {
        rewrite.set(CNI_CONF_DIR, json!(dir.as_str()));
    }
    let ambient = spec.and_then(|spec| word(spec, &["values", "cni", "ambient", "enabled"]));
    match ambient {
        // Whoever says it by value needs no profile.
        Some("true") if mode.is_ambient() => {}
        Some("true") => rewrite.remove(CNI_AMBIENT),
        Some(_) if mode.is_ambient() => rewrite.set(CNI_AMBIENT, json!(true)),
        _ => ambient_profile(mode, spec.and_then(|spec| word(spec, &["profile"])), &mut rewrite),
    }
    rewrite
}

/// `ZTunnel`. Since `v1` the `Istio` that it names gives it its revision and its global values.
fn ztunnel(sail: &Sail, is_new: bool) -> Rewrite {
    let mut rewrite = Rewrite::default();
    if !is_new {
        return rewrite;
    }
    if has_target(&sail.version) {
        rewrite.set(&["spec", "targetRef"], json!({"kind": "Istio", "name": sail.name}));
    } else {
        rewrite.set(PROFILE, json!("ambient"));
    }
    rewrite
}

/// Whether the operator of an Istio's version has `ZTunnel` as `v1`.
fn has_target(version: &str) -> bool {
    version.parse::<Version>().is_ok_and(|version| (version.major(), version.minor()) >= (1, 28))
}

/// Makes, rewrites or removes the resource of an agent.
fn agent(
    list: &mut List<'_>,
    sail: &Sail,
    mode: &Mode<'_>,
    (kind, found, namespace): (&str, Option<usize>, &str),
    wanted: bool,
    gone: &mut BTreeSet<usize>,
    report: &mut Report,
) -> Result<(), Error> {
    let version = sail.version.parse().ok();
    let platform = match list.items().get(sail.istio) {
        Some(item) if wanted => mode.platform(item, version)?,
        _ => None,
    };
    let of = |spec: Option<View<'_>>| match kind {
        "IstioCNI" => istio_cni(mode, spec, platform),
        _ => ztunnel(sail, spec.is_none()),
    };
    match (found, wanted) {
        (Some(index), true) => {
            let Some(item) = list.items_mut().get_mut(index) else { return Ok(()) };
            let mut other = None;
            rewrite(item, report, |_, spec| {
                other = word(spec, &["version"]).filter(|own| *own != sail.version).map(str::to_owned);
                Ok(Some(of(Some(spec))))
            })?;
            if let Some(other) = other {
                let message =
                    format!("{kind} is of version {other} and Istio of {}; they should be the same", sail.version);
                report.add_for(item, Finding::new(Rule::IstioVersionDrift, Severity::Warning, message))?;
            }
        }
        (Some(index), false) => {
            gone.insert(index);
        }
        (None, true) => {
            let api_version = match kind {
                "ZTunnel" if !has_target(&sail.version) => "sailoperator.io/v1alpha1",
                _ => sail.api_version.as_str(),
            };
            let mut object = Map::new();
            put(&mut object, &["apiVersion"], json!(api_version));
            put(&mut object, &["kind"], json!(kind));
            put(&mut object, &["metadata", "name"], json!("default"));
            let mut spec = vec![(&["spec", "namespace"][..], json!(namespace))];
            for (path, desired) in of(None).wishes {
                if let Desired::Set(value) = desired {
                    spec.push((path, value));
                }
            }
            if !sail.version.is_empty() {
                spec.push((&["spec", "version"], json!(sail.version)));
            }
            spec.sort_by_key(|(path, _)| *path);
            for (path, value) in spec {
                put(&mut object, path, value);
            }
            let file = format!("{}_default.yaml", kind.to_lowercase());
            list.append(Value::Object(object), sail.istio, &file)?;
            let mut finding = Finding::new(Rule::IstioObjectAdded, Severity::Info, "added, of the version of Istio");
            finding.resource_ref = Some(ResourceRef {
                api_version: api_version.to_owned(),
                kind: kind.to_owned(),
                name: "default".to_owned(),
                namespace: String::new(),
            });
            report.add(finding);
        }
        (None, false) => {}
    }
    Ok(())
}
