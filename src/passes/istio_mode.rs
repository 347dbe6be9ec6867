//! The data plane mode of every Istio in the list: sidecars with `istio-init`, or sidecars under istio-cni.
//!
//! ```yaml
//! kind: ConfigMap
//! metadata: {name: istio-sidecar-injector, namespace: istio-system}
//! data:
//!   values: |-
//!     {"pilot": {"cni": {"enabled": true}}}   # the one flag that decides
//! ```
//!
//! To `cni`, the objects of istio-cni that are missing are added; to `sidecar`, those that its installation made are
//! removed. The injection template is never touched, and neither is what the user changed by hand: what comes out is what
//! `istioctl manifest generate` of the same version renders for the other mode, with the user's own settings. The mode is
//! the state that the list shall reach, so a half-done one is completed.

mod cni;
mod control_plane;
mod custom_resources;
mod findings;
mod restarts;
mod sidecar;

use super::report::Report;
use crate::config::{Config, DataplaneMode, Istio};
use crate::istio::install::{self, ExistingCni, Install, Stated};
use crate::istio::mode_settings::{ControlPlane, Redirection, settings};
use crate::istio::platform::{Platform, PlatformEffect};
use crate::krm::{Error, Finding, List, Severity};
use crate::rules::Rule;

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some(istio) = &config.istio else { return Ok(()) };
    let redirection = match istio.mode {
        Some(DataplaneMode::Sidecar) => Redirection::IstioInit,
        Some(DataplaneMode::Cni) => Redirection::IstioCni,
        Some(DataplaneMode::Ambient) => return Ok(()),
        None => {
            let message = "`istio` has no `mode`, so nothing of Istio was changed";
            report.add(Finding::new(Rule::NothingAsked, Severity::Warning, message));
            return Ok(());
        }
    };
    refuse_ambient(list)?;
    let stated = Stated {
        version: istio.version.as_ref().map(|version| version.as_str()),
        hub: istio.hub.as_ref().map(|hub| hub.as_str()),
        tag: istio.tag.as_ref().map(|tag| tag.as_str()),
    };
    let described = custom_resources::run(list, istio, redirection, report)?;
    let existing = ExistingCni::find(list)?;
    let mut installs = install::find(list, &stated)?;
    if installs.is_empty() && described.is_empty() {
        return nothing_found(list, report);
    }
    // What a custom resource describes, its controller makes.
    installs.retain(|install| {
        let kept = !described.revisions.contains(&install.revision_name().to_owned());
        if !kept {
            findings::left_to_controller(list, install, report);
        }
        kept
    });
    let newest = newest(&installs, istio)?;
    let mut plan = Plan { istio, redirection, existing, effects: Vec::new() };
    for install in &installs {
        plan.effects.push(effect(istio, install)?);
    }
    let mut changed = described.changed;
    for (install, effect) in installs.iter().zip(&plan.effects) {
        findings::about_install(list, install, report);
        changed |= install.redirection() != redirection;
        let plane = ControlPlane {
            facts: install.facts,
            redirection,
            platform: effect,
            namespace: &install.namespace,
            bin_dir: istio.cni_bin_dir.as_ref().map(|dir| dir.as_str()),
            conf_dir: istio.cni_conf_dir.as_ref().map(|dir| dir.as_str()),
        };
        control_plane::apply(list, install, settings(&plane), report)?;
    }
    // Before objects come and go: these findings know objects by their places.
    findings::about_list(list, &installs, &plan, report)?;
    if let Some(newest) = newest.filter(|_| !described.manages_cni) {
        changed |= match redirection {
            Redirection::IstioCni => cni::run(list, &installs, newest, &plan, report)?,
            Redirection::IstioInit => sidecar::run(list, &installs, &plan, report)?,
        };
    }
    if changed {
        restarts::report(list, redirection, report)?;
    }
    Ok(())
}

/// What the run wants and what it has found.
struct Plan<'c> {
    istio: &'c Istio,
    redirection: Redirection,
    existing: ExistingCni,
    /// What the platform means for each install.
    effects: Vec<PlatformEffect>,
}

/// The place of the install whose version the shared istio-cni takes.
fn newest(installs: &[Install], istio: &Istio) -> Result<Option<usize>, Error> {
    let Some((place, newest)) = installs.iter().enumerate().max_by(|(at, one), (bt, two)| {
        // The first of equals, for the same answer in whatever order they stand.
        one.version.cmp(&two.version).then(bt.cmp(at))
    }) else {
        return Ok(None);
    };
    let settled = istio.hub.is_some() && istio.tag.is_some();
    let differs = |install: &&Install| {
        install.version == newest.version
            && (&install.images.hub, &install.images.tag) != (&newest.images.hub, &newest.images.tag)
    };
    match installs.iter().find(differs).filter(|_| !settled) {
        Some(other) => Err(Error::input(format!(
            "revisions \"{}\" and \"{}\" are both of Istio {} but take their images from different places, and istio-cni \
             is shared; set `istio.hub` and `istio.tag`",
            newest.revision_name(),
            other.revision_name(),
            newest.version
        ))),
        None => Ok(Some(place)),
    }
}

/// The platform that is configured, else the one that the list names to istiod.
fn platform(istio: &Istio, install: &Install) -> Platform {
    let configured = istio.platform.and_then(|platform| platform.as_str().parse().ok());
    configured.or(install.platform).unwrap_or_default()
}

fn effect(istio: &Istio, install: &Install) -> Result<PlatformEffect, Error> {
    platform(istio, install).effect(install.facts).map_err(|error| match istio.platform {
        Some(_) => Error::config(error.to_string()).at_field("spec.istio.platform"),
        None => Error::input(error.to_string()),
    })
}

fn refuse_ambient(list: &List<'_>) -> Result<(), Error> {
    let ztunnel = list.items().iter().find(|item| {
        !item.is_local_config()
            && (item.is("apps/v1", "DaemonSet") && item.name() == "ztunnel" || item.kind() == "ZTunnel")
    });
    match ztunnel {
        Some(item) => Err(item.error("this Istio runs ambient, and the way out of it is not yet in this version")),
        None => Ok(()),
    }
}

/// Neither a control plane nor a resource that describes one.
fn nothing_found(list: &List<'_>, report: &mut Report) -> Result<(), Error> {
    let is_istio = |item: &&crate::krm::Item<'_>| {
        let group = item.api_version().split('/').next().unwrap_or_default();
        !item.is_local_config()
            && (group.ends_with(".istio.io")
                || group == "sailoperator.io"
                || (item.name().starts_with("istio-cni")
                    && matches!(item.kind(), "DaemonSet" | "ConfigMap" | "ServiceAccount")))
    };
    match list.items().iter().find(is_istio) {
        Some(item) => Err(item.error(
            "the input holds objects of Istio but neither istiod nor the ConfigMap \"istio-sidecar-injector\", which \
             decides the data plane mode; add them, or leave `istio.mode` out for this input",
        )),
        None => {
            let message = "the input holds no Istio, so `istio.mode` changed nothing";
            report.add(Finding::new(Rule::NoIstio, Severity::Warning, message));
            Ok(())
        }
    }
}
