//! An Istio that a custom resource describes: istioctl's `IstioOperator`, the Sail operator's `Istio`, `IstioCNI` and `ZTunnel`.
//!
//! The resource is rewritten and its controller makes the rest; what the controller rendered and someone put into the same
//! list is left alone. istioctl sets the injector's flag from `components.cni` (istio repository,
//! `operator/pkg/render/manifest.go`, before 1.24 `operator/pkg/translate/translate.go`), Sail has no such step
//! (sail-operator, `api/v1/*_types.go`).

mod istio_operator;
mod sail;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::Report;
use super::control_plane::{Change, put, say};
use crate::config::{DataplaneMode, Istio};
use crate::istio::facts::{Facts, FactsLookup, facts_for};
use crate::istio::mode_settings::Desired;
use crate::istio::platform::{Platform, PlatformEffect};
use crate::istio::version::{ImageTag, Version};
use crate::krm::{Error, Finding, Item, List, Severity};
use crate::rules::Rule;
use crate::yaml::de;
use crate::yaml::edit::{EditError, Edits};
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// Where new agents go.
const DEFAULT_NAMESPACE: &str = "kube-system";

/// What custom resources of the list describe.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// The revisions of their control planes.
    pub(super) revisions: Vec<String>,
    /// istio-cni and ztunnel are theirs.
    pub(super) manages_cni: bool,
    /// One of them has another mode now.
    pub(super) changed: bool,
}

impl Described {
    pub(super) fn is_empty(&self) -> bool {
        self.revisions.is_empty() && !self.manages_cni
    }
}

/// A path, and what has to stand there.
type Wish = (&'static [&'static str], Desired);

/// What becomes of one resource.
#[derive(Default)]
struct Rewrite {
    wishes: Vec<Wish>,
    /// A gateway that the profile would turn on, and that was off: to be named in the list of gateways that is there.
    gateway_off: Option<&'static str>,
    /// The revision that it describes, where it describes a control plane.
    revision: String,
}

impl Rewrite {
    fn set(&mut self, path: &'static [&'static str], value: Value) {
        self.wishes.push((path, Desired::Set(value)));
    }

    fn remove(&mut self, path: &'static [&'static str]) {
        self.wishes.push((path, Desired::Remove { around: 0 }));
    }
}

/// The mode that is asked for.
struct Mode<'c> {
    istio: &'c Istio,
    mode: DataplaneMode,
}

pub(super) fn run(
    list: &mut List<'_>,
    istio: &Istio,
    mode: DataplaneMode,
    report: &mut Report,
) -> Result<Described, Error> {
    let mode = Mode { istio, mode };
    let mut described = Described::default();
    let mut sail = Vec::new();
    for index in 0..list.items().len() {
        let Some(item) = list.items_mut().get_mut(index).filter(|item| !item.is_local_config()) else { continue };
        let sails = item.api_version().starts_with("sailoperator.io/");
        match item.kind() {
            "IstioOperator" if item.api_version().starts_with("install.istio.io/") => {
                let revision = rewrite(item, report, |item, spec| mode.istio_operator(item, spec))?;
                if revision.is_some() {
                    mode.said_of_version(item, &["spec", "tag"], report)?;
                }
                described.manages_cni |= revision.is_some();
                described.revisions.extend(revision);
                described.changed |= item.is_changed();
            }
            "Istio" if sails => {
                described.revisions.push("default".to_owned());
                described.revisions.push(item.name().to_owned());
                described.manages_cni = true;
                sail.push(index);
            }
            _ => {}
        }
    }
    if !sail.is_empty() {
        described.changed |= sail::run(list, &sail, &mode, report)?;
    }
    Ok(described)
}

/// Applies wishes to one resource; the revision that it describes, where it describes a control plane.
fn rewrite(
    item: &mut Item<'_>,
    report: &mut Report,
    wishes: impl FnOnce(&Item<'_>, View<'_>) -> Result<Option<Rewrite>, Error>,
) -> Result<Option<String>, Error> {
    let (edits, revision) = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(None) };
        let spec = root.get("spec").unwrap_or(root);
        let Some(rewrite) = wishes(item, spec)? else { return Ok(None) };
        let wishes: Vec<(&[&str], Option<Value>, Desired)> = rewrite
            .wishes
            .into_iter()
            .map(|(path, desired)| {
                let current = root.find(path).and_then(|view| de::value(view).ok());
                (path, current, desired)
            })
            .filter(|(_, current, desired)| match desired {
                Desired::Set(value) => current.as_ref() != Some(value),
                Desired::Remove { .. } => current.is_some(),
            })
            .collect();
        let changes: Vec<Change<'_>> =
            wishes.iter().map(|(path, current, desired)| Change { path, current: current.clone(), desired }).collect();
        let mut edits = make(root, &changes).map_err(|error| item.edit_error(&error))?;
        if let Some(gateway) = rewrite.gateway_off {
            let off = [("enabled", Value::Bool(false))];
            let list = ["spec", "components", "ingressGateways"];
            edits.set_element(root, &list, ("name", gateway), &off).map_err(|error| item.edit_error(&error))?;
        }
        say(item, root, &[(Path::default(), changes)], report);
        (edits, rewrite.revision)
    };
    item.apply(edits)?;
    Ok(Some(revision))
}

/// The edits of changes. A mapping of which nothing is left goes with what it held.
fn make(root: View<'_>, changes: &[Change<'_>]) -> Result<Edits, EditError> {
    let mut edits = Edits::default();
    let mut patch = Map::new();
    let mut gone: BTreeSet<&[&str]> = BTreeSet::new();
    for change in changes {
        match change.desired {
            Desired::Set(value) => put(&mut patch, change.path, value.clone()),
            Desired::Remove { .. } => {
                gone.insert(change.path);
            }
        }
    }
    loop {
        let emptied = gone.iter().find_map(|path| {
            let (_, parents) = path.split_last()?;
            let map = root.find(parents)?;
            let is_kept = parents.len() < 2
                || changes
                    .iter()
                    .any(|change| matches!(change.desired, Desired::Set(_)) && change.path.starts_with(parents));
            let all = map.entries().all(|(key, _)| {
                gone.iter().any(|path| {
                    path.split_last().is_some_and(|(last, above)| above == parents && *last == key.scalar_text())
                })
            });
            (!is_kept && all).then_some(parents)
        });
        let Some(parents) = emptied else { break };
        gone.retain(|path| !path.starts_with(parents));
        gone.insert(parents);
    }
    let mut removed: BTreeMap<&[&str], Vec<&str>> = BTreeMap::new();
    for path in gone {
        if let Some((last, parents)) = path.split_last() {
            removed.entry(parents).or_default().push(last);
        }
    }
    for (parents, keys) in removed {
        edits.remove(root, parents, &keys)?;
    }
    edits.merge(root, &patch)?;
    Ok(edits)
}

fn word<'t>(spec: View<'t>, path: &[&str]) -> Option<&'t str> {
    spec.find(path).map(|value| value.scalar_text()).filter(|text| !text.is_empty())
}

impl Mode<'_> {
    /// istio-cni is there.
    fn is_on(&self) -> bool {
        self.mode != DataplaneMode::Sidecar
    }

    fn is_ambient(&self) -> bool {
        self.mode == DataplaneMode::Ambient
    }

    fn bin_dir<'d>(&'d self, own: Option<&'d str>) -> Option<&'d str> {
        self.istio.cni_bin_dir.as_ref().map(|dir| dir.as_str()).or(own)
    }

    /// What is known of the version that a resource names, or the configuration; None where neither does.
    fn facts(&self, item: &Item<'_>, version: Option<Version>) -> Result<Option<&'static Facts>, Error> {
        let stated = self.istio.version.as_ref().and_then(|version| version.as_str().parse().ok());
        let Some(version) = version.or(stated) else { return Ok(None) };
        match facts_for(&version) {
            FactsLookup::Known(facts) | FactsLookup::Newer(facts) => {
                if self.is_ambient() && facts.ambient.is_none() {
                    return Err(item.error(format!(
                        "Istio {version} has no ambient mode; upgrade Istio to 1.24 or newer first (1.22 and 1.23 have it as \
                         beta), or set `istio.mode: cni`"
                    )));
                }
                Ok(Some(facts))
            }
            FactsLookup::TooOld => {
                Err(item.error(format!("Istio {version} is too old: 1.17 is the oldest that unroot knows")))
            }
        }
    }

    /// Whether Istio is newer than all that is known, or has ambient as alpha.
    fn said_of_version(&self, item: &Item<'_>, field: &[&str], report: &mut Report) -> Result<(), Error> {
        let version = {
            let parsed = item.parse()?;
            let text = parsed.root().and_then(|root| word(root, field)).unwrap_or_default().to_owned();
            ImageTag::split(&text).base.parse::<Version>().ok()
        };
        let Some(version) = version else { return Ok(()) };
        let (rule, message) = match facts_for(&version) {
            FactsLookup::Newer(_) => (
                Rule::IstioTooNew,
                "Istio is newer than all that unroot knows; it is treated as the newest version that it knows"
                    .to_owned(),
            ),
            FactsLookup::Known(facts)
                if self.is_ambient() && facts.ambient.as_ref().is_some_and(|ambient| ambient.alpha) =>
            {
                (Rule::AmbientAlpha, super::ambient::alpha(&version))
            }
            _ => return Ok(()),
        };
        report.add_for(item, Finding::new(rule, Severity::Warning, message))
    }

    /// The configured platform; None where none is configured, which needs no version either.
    fn platform(
        &self,
        item: &Item<'_>,
        version: Option<Version>,
    ) -> Result<Option<(&'static Facts, PlatformEffect)>, Error> {
        let facts = self.facts(item, version)?;
        let Some(platform) = self.istio.platform else { return Ok(None) };
        let Some(facts) = facts else {
            return Err(item.error(
                "what the platform means depends on Istio's version, which is not in this resource; set `istio.version` in \
                 the configuration",
            ));
        };
        let platform: Platform = platform.as_str().parse().unwrap_or_default();
        let effect =
            platform.effect(facts).map_err(|error| Error::config(error.to_string()).at_field("spec.istio.platform"))?;
        Ok(Some((facts, effect)))
    }

    /// The namespace of istio-cni: where it is, else the configured one.
    fn namespace(&self, existing: Option<&str>, default: &str) -> Result<String, Error> {
        let configured = self.istio.cni_namespace.as_ref().map(|name| name.as_str());
        match (existing, configured) {
            (Some(existing), Some(configured)) if existing != configured => Err(Error::config(format!(
                "istio-cni is in namespace \"{existing}\" of the input and stays where it is; `cniNamespace` must be \
                 \"{existing}\" too, or absent"
            ))
            .at_field("spec.istio.cniNamespace")),
            (Some(existing), _) => Ok(existing.to_owned()),
            (None, configured) => Ok(configured.unwrap_or(default).to_owned()),
        }
    }

    /// The namespace of ztunnel: where it is, else the configured one, else that of istio-cni.
    fn ztunnel_namespace(&self, existing: Option<&str>, of_cni: &str) -> Result<String, Error> {
        let configured = self.istio.ambient.ztunnel_namespace.as_ref().map(|name| name.as_str());
        match (existing, configured) {
            (Some(existing), Some(configured)) if existing != configured => Err(Error::config(format!(
                "ztunnel is in namespace \"{existing}\" of the input and stays where it is; `ztunnelNamespace` must be \
                 \"{existing}\" too, or absent"
            ))
            .at_field("spec.istio.ambient.ztunnelNamespace")),
            (Some(existing), _) => Ok(existing.to_owned()),
            (None, configured) => Ok(configured.unwrap_or(of_cni).to_owned()),
        }
    }
}

const CNI_BIN_DIR: &[&str] = &["spec", "values", "cni", "cniBinDir"];
const CNI_CONF_DIR: &[&str] = &["spec", "values", "cni", "cniConfDir"];
const PLATFORM: &[&str] = &["spec", "values", "global", "platform"];
const TRUSTED_NAMESPACE: &[&str] = &["spec", "values", "pilot", "trustedZtunnelNamespace"];
