//! An Istio that a custom resource describes: istioctl's `IstioOperator`, the Sail operator's `Istio` and `IstioCNI`.
//!
//! The resource is rewritten and its controller makes the rest; what the controller rendered and someone put into the same
//! list is left alone. istioctl sets the injector's flag from `components.cni` (istio repository,
//! `operator/pkg/render/manifest.go`, before 1.24 `operator/pkg/translate/translate.go`), Sail has no such step
//! (sail-operator, `api/v1/*_types.go`).

use serde_json::{Map, Value, json};

use super::control_plane::{Change, put, say};
use super::{Platform, Report};
use crate::config::{DataplaneMode, Istio};
use crate::istio::facts::{Facts, FactsLookup, facts_for};
use crate::istio::mode_settings::Desired;
use crate::istio::platform::PlatformEffect;
use crate::istio::version::{ImageTag, Version};
use crate::krm::{Error, Finding, Item, List, ResourceRef, Severity};
use crate::rules::Rule;
use crate::yaml::de;
use crate::yaml::edit::Edits;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// Where a new istio-cni goes.
const DEFAULT_NAMESPACE: &str = "kube-system";
/// Where Sail puts an `IstioCNI` that names no namespace.
const SAIL_NAMESPACE: &str = "istio-cni";

/// What custom resources of the list describe.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// The revisions of their control planes.
    pub(super) revisions: Vec<String>,
    /// istio-cni is theirs.
    pub(super) manages_cni: bool,
    /// One of them has another mode now.
    pub(super) changed: bool,
}

impl Described {
    pub(super) fn is_empty(&self) -> bool {
        self.revisions.is_empty() && !self.manages_cni
    }
}

/// A path, and the value that has to stand there.
type Wish = (&'static [&'static str], Value);

struct Mode<'c> {
    istio: &'c Istio,
    on: bool,
}

pub(super) fn run(
    list: &mut List<'_>,
    istio: &Istio,
    mode: DataplaneMode,
    report: &mut Report,
) -> Result<Described, Error> {
    let mode = Mode { istio, on: mode != DataplaneMode::Sidecar };
    let mut described = Described::default();
    let mut sail = None;
    for index in 0..list.items().len() {
        let Some(item) = list.items_mut().get_mut(index).filter(|item| !item.is_local_config()) else { continue };
        let mut newer = false;
        let sails = item.api_version().starts_with("sailoperator.io/");
        match item.kind() {
            "IstioOperator" if item.api_version().starts_with("install.istio.io/") => {
                let revision = rewrite(item, report, |item, spec| mode.istio_operator(item, spec, &mut newer))?;
                described.manages_cni |= revision.is_some();
                described.revisions.extend(revision);
                described.changed |= item.is_changed();
            }
            "Istio" if sails => {
                rewrite(item, report, |item, spec| mode.sail_istio(item, spec, &mut newer))?;
                described.revisions.push("default".to_owned());
                described.revisions.push(item.name().to_owned());
                described.manages_cni = true;
                described.changed |= item.is_changed();
                sail.get_or_insert(index);
            }
            _ => continue,
        }
        if newer {
            let message =
                "Istio is newer than all that unroot knows; it is treated as the newest version that it knows";
            let mut finding = Finding::new(Rule::IstioTooNew, Severity::Warning, message);
            finding.resource_ref = Some(item.reference());
            report.add(finding);
        }
    }
    if let Some(index) = sail {
        sail_cni(list, index, &mode, report)?;
    }
    Ok(described)
}

/// Applies wishes to one resource; the revision that it describes, where it describes a control plane.
fn rewrite(
    item: &mut Item<'_>,
    report: &mut Report,
    wishes: impl FnOnce(&Item<'_>, View<'_>) -> Result<Option<(Vec<Wish>, String)>, Error>,
) -> Result<Option<String>, Error> {
    let (edits, revision) = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(None) };
        let spec = root.get("spec").unwrap_or(root);
        let Some((wishes, revision)) = wishes(item, spec)? else { return Ok(None) };
        let wishes: Vec<(&[&str], Option<Value>, Desired)> = wishes
            .into_iter()
            .map(|(path, value)| {
                let current = root.find(path).and_then(|view| de::from_view::<Value>(view).ok());
                (path, current, Desired::Set(value))
            })
            .filter(|(_, current, desired)| !matches!(desired, Desired::Set(value) if current.as_ref() == Some(value)))
            .collect();
        let changes: Vec<Change<'_>> =
            wishes.iter().map(|(path, current, desired)| Change { path, current: current.clone(), desired }).collect();
        let mut patch = Map::new();
        for (path, _, desired) in &wishes {
            if let Desired::Set(value) = desired {
                put(&mut patch, path, value.clone());
            }
        }
        let mut edits = Edits::default();
        edits.merge(root, &patch).map_err(|error| item.edit_error(&error))?;
        say(item, root, &[(Path::default(), changes)], report);
        (edits, revision)
    };
    item.apply(edits)?;
    Ok(Some(revision))
}

fn word<'t>(spec: View<'t>, path: &[&str]) -> Option<&'t str> {
    spec.find(path).map(|value| value.scalar_text()).filter(|text| !text.is_empty())
}

impl Mode<'_> {
    fn istio_operator(
        &self,
        item: &Item<'_>,
        spec: View<'_>,
        newer: &mut bool,
    ) -> Result<Option<(Vec<Wish>, String)>, Error> {
        let profile = word(spec, &["profile"]).unwrap_or("default");
        let is_file = profile.contains('/') || profile.ends_with(".yaml");
        if is_file || word(spec, &["installPackagePath"]).is_some() {
            let field = if is_file { "spec.profile" } else { "spec.installPackagePath" };
            return Err(item
                .error("names files whose settings are unknown here; write them into this resource")
                .at_field(field));
        }
        let on =
            |component: &str| spec.find(&["components", component, "enabled"]).map(|flag| flag.scalar_text() == "true");
        if profile.ends_with("ambient") || on("ztunnel") == Some(true) {
            return Err(item.error("this Istio runs ambient, and the way out of it is not yet in this version"));
        }
        let has_control_plane = profile != "empty" || on("pilot") == Some(true);
        if !has_control_plane && spec.find(&["components", "cni"]).is_none() {
            return Ok(None);
        }
        let version = word(spec, &["tag"]).and_then(|tag| ImageTag::split(tag).base.parse::<Version>().ok());
        *newer = version.as_ref().is_some_and(|version| matches!(facts_for(version), FactsLookup::Newer(_)));
        let platform = self.platform(item, version)?;
        let mut wishes: Vec<Wish> = Vec::new();
        let present = on("cni");
        if self.on {
            let named = word(spec, &["components", "cni", "namespace"]);
            let own = word(spec, &["namespace"]).unwrap_or("istio-system");
            let existing = named.or((present == Some(true)).then_some(own));
            let namespace = self.namespace(existing, DEFAULT_NAMESPACE)?;
            wishes.push((&["spec", "components", "cni", "enabled"], json!(true)));
            if existing.is_none() {
                wishes.push((&["spec", "components", "cni", "namespace"], json!(namespace)));
            }
        } else if present == Some(true) || (present.is_none() && profile.starts_with("openshift")) {
            wishes.push((&["spec", "components", "cni", "enabled"], json!(false)));
        }
        if let Some((facts, effect)) = platform {
            if facts.minor >= 24 && effect.named {
                wishes.push((&["spec", "values", "global", "platform"], json!(effect.platform.as_str())));
            } else if effect.is_openshift() {
                wishes.push((&["spec", "values", "profile"], json!("openshift")));
            }
            if self.on {
                // istioctl finds GKE's directory itself where it knows the platform.
                let own = effect.cni_bin_dir.filter(|_| effect.platform == Platform::Gke && !effect.named);
                wishes.extend(self.bin_dir(own).map(|dir| (CNI_BIN_DIR, json!(dir))));
            }
        } else if self.on {
            wishes.extend(self.bin_dir(None).map(|dir| (CNI_BIN_DIR, json!(dir))));
        }
        if let Some(dir) = self.istio.cni_conf_dir.as_ref().filter(|_| self.on) {
            wishes.push((CNI_CONF_DIR, json!(dir.as_str())));
        }
        Ok(Some((wishes, word(spec, &["revision"]).unwrap_or("default").to_owned())))
    }

    fn sail_istio(
        &self,
        item: &Item<'_>,
        spec: View<'_>,
        newer: &mut bool,
    ) -> Result<Option<(Vec<Wish>, String)>, Error> {
        const FLAG: &[&str] = &["spec", "values", "pilot", "cni", "enabled"];
        if word(spec, &["profile"]).is_some_and(|profile| profile.ends_with("ambient")) {
            return Err(item.error("this Istio runs ambient, and the way out of it is not yet in this version"));
        }
        let version = word(spec, &["version"]).and_then(|version| version.parse::<Version>().ok());
        *newer = version.as_ref().is_some_and(|version| matches!(facts_for(version), FactsLookup::Newer(_)));
        let platform = self.platform(item, version)?;
        let openshift = platform.is_some_and(|(_, effect)| effect.is_openshift());
        let present = spec.find(&["values", "pilot", "cni", "enabled"]).is_some();
        let mut wishes: Vec<Wish> = Vec::new();
        // On OpenShift it is on unless it is set to false.
        if self.on || present || openshift || word(spec, &["profile"]) == Some("openshift") {
            wishes.push((FLAG, json!(self.on)));
        }
        if let Some((facts, effect)) = platform
            && facts.minor >= 24
            && effect.named
        {
            wishes.push((&["spec", "values", "global", "platform"], json!(effect.platform.as_str())));
        }
        Ok(Some((wishes, String::new())))
    }

    fn sail_istio_cni(
        &self,
        spec: View<'_>,
        platform: Option<(&'static Facts, PlatformEffect)>,
    ) -> Result<Vec<Wish>, Error> {
        self.namespace(Some(word(spec, &["namespace"]).unwrap_or(SAIL_NAMESPACE)), SAIL_NAMESPACE)?;
        Ok(self.sail_values(platform))
    }

    fn sail_values(&self, platform: Option<(&'static Facts, PlatformEffect)>) -> Vec<Wish> {
        let mut wishes: Vec<Wish> = Vec::new();
        let effect = platform.map(|(_, effect)| effect);
        if let Some((facts, effect)) = platform
            && facts.minor >= 24
            && effect.named
        {
            wishes.push((&["spec", "values", "global", "platform"], json!(effect.platform.as_str())));
        }
        // Sail has no cluster to ask when it renders: GKE's directory has to be written down.
        let own = effect.filter(|effect| effect.platform == Platform::Gke).and_then(|effect| effect.cni_bin_dir);
        wishes.extend(self.bin_dir(own).map(|dir| (CNI_BIN_DIR, json!(dir))));
        if let Some(dir) = &self.istio.cni_conf_dir {
            wishes.push((CNI_CONF_DIR, json!(dir.as_str())));
        }
        wishes
    }

    fn bin_dir<'d>(&'d self, own: Option<&'d str>) -> Option<&'d str> {
        self.istio.cni_bin_dir.as_ref().map(|dir| dir.as_str()).or(own)
    }

    /// The configured platform; None where none is configured, which needs no version either.
    fn platform(
        &self,
        item: &Item<'_>,
        version: Option<Version>,
    ) -> Result<Option<(&'static Facts, PlatformEffect)>, Error> {
        let stated = self.istio.version.as_ref().and_then(|version| version.as_str().parse().ok());
        let facts = match version.or(stated).map(|version| (facts_for(&version), version)) {
            Some((FactsLookup::Known(facts) | FactsLookup::Newer(facts), _)) => Some(facts),
            Some((FactsLookup::TooOld, version)) => {
                return Err(item.error(format!("Istio {version} is too old: 1.17 is the oldest that unroot knows")));
            }
            None => None,
        };
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
}

const CNI_BIN_DIR: &[&str] = &["spec", "values", "cni", "cniBinDir"];
const CNI_CONF_DIR: &[&str] = &["spec", "values", "cni", "cniConfDir"];

/// Sail's `IstioCNI`: made, rewritten or removed.
fn sail_cni(list: &mut List<'_>, istio: usize, mode: &Mode<'_>, report: &mut Report) -> Result<(), Error> {
    let (api_version, version) = {
        let Some(item) = list.items().get(istio) else { return Ok(()) };
        let parsed = item.parse()?;
        let version = parsed.root().and_then(|root| word(root, &["spec", "version"])).unwrap_or_default().to_owned();
        (item.api_version().to_owned(), version)
    };
    let found = list.items().iter().position(|item| {
        item.kind() == "IstioCNI" && item.api_version().starts_with("sailoperator.io/") && !item.is_local_config()
    });
    match (found, mode.on) {
        (Some(index), true) => {
            let Some(item) = list.items_mut().get_mut(index) else { return Ok(()) };
            let mut other = None;
            rewrite(item, report, |item, spec| {
                other = word(spec, &["version"]).filter(|own| *own != version).map(str::to_owned);
                let platform = mode.platform(item, version.parse().ok())?;
                Ok(Some((mode.sail_istio_cni(spec, platform)?, String::new())))
            })?;
            if let Some(other) = other {
                let message = format!("IstioCNI is of version {other} and Istio of {version}; they should be the same");
                let mut finding = Finding::new(Rule::IstioVersionDrift, Severity::Warning, message);
                finding.resource_ref = Some(item.reference());
                report.add(finding);
            }
        }
        (Some(index), false) => {
            if let Some(item) = list.items().get(index) {
                let message = format!(
                    "removed; apply deletes nothing, so when the pods of the mesh have restarted: kubectl delete istiocni {}",
                    item.name()
                );
                let mut finding = Finding::new(Rule::IstioObjectRemoved, Severity::Info, message);
                finding.resource_ref = Some(item.reference());
                report.add(finding);
            }
            list.remove(&[index].into())?;
        }
        (None, true) => {
            let namespace = mode.namespace(None, DEFAULT_NAMESPACE)?;
            let item = list.items().get(istio);
            let platform = item.map_or(Ok(None), |item| mode.platform(item, version.parse().ok()))?;
            let mut object = Map::new();
            put(&mut object, &["apiVersion"], json!(api_version));
            put(&mut object, &["kind"], json!("IstioCNI"));
            put(&mut object, &["metadata", "name"], json!("default"));
            put(&mut object, &["spec", "namespace"], json!(namespace));
            for (path, value) in mode.sail_values(platform) {
                put(&mut object, path, value);
            }
            if !version.is_empty() {
                put(&mut object, &["spec", "version"], json!(version));
            }
            list.append(Value::Object(object), istio, "istiocni_default.yaml")?;
            let mut finding = Finding::new(Rule::IstioObjectAdded, Severity::Info, "added, of the version of Istio");
            finding.resource_ref = Some(ResourceRef {
                api_version,
                kind: "IstioCNI".to_owned(),
                name: "default".to_owned(),
                namespace: String::new(),
            });
            report.add(finding);
        }
        (None, false) => {}
    }
    Ok(())
}
