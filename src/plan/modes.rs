//! Which Istio the input has, and which data plane modes it can run.

use std::collections::BTreeMap;

use crate::config::{Config, Istio};
use crate::istio::install::{self, Install, Stated, discovery};
use crate::istio::mode_settings::Redirection;
use crate::istio::platform::Platform;
use crate::krm::{Error, List};
use crate::report::plan::{Column, IstioFound};

/// The first minor of Istio 1 with an ambient that can be installed.
const AMBIENT_SINCE: u32 = 19;

/// What stands instead of a mode that is not to be had.
const NO_ISTIO: &str = "the input holds no Istio";

/// The Istio of an input and what it cannot do.
#[derive(Debug, Default)]
pub(super) struct Modes {
    pub(super) istio: Option<IstioFound>,
    pub(super) unavailable: BTreeMap<Column, String>,
}

impl Modes {
    fn none(why: &str) -> Self {
        let modes = [Column::Sidecar, Column::Cni, Column::Ambient];
        Self { istio: None, unavailable: modes.into_iter().map(|mode| (mode, why.to_owned())).collect() }
    }

    /// Reads them off a list. An Istio that cannot be read leaves the modes open, and says why.
    pub(super) fn of(list: &List<'_>, config: &Config) -> Result<Self, Error> {
        let none = Istio::default();
        let istio = config.istio.as_ref().unwrap_or(&none);
        let stated = Stated {
            version: istio.version.as_ref().map(|version| version.as_str()),
            hub: istio.hub.as_ref().map(|hub| hub.as_str()),
            tag: istio.tag.as_ref().map(|tag| tag.as_str()),
        };
        let installs = match install::find(list, &stated) {
            Ok(installs) => installs,
            Err(error) => return Ok(Self::none(&reason(&error))),
        };
        let Some(install) = chosen(&installs) else {
            let described = list.items().iter().find(|item| is_description(item.api_version(), item.kind()));
            return Ok(Self::none(&described.map_or_else(
                || NO_ISTIO.to_owned(),
                |item| format!("what the controller of {} makes of it is not in the input", item.reference()),
            )));
        };
        let mode = if runs_ambient(list, install)? {
            Column::Ambient
        } else {
            match install.redirection() {
                Redirection::IstioInit => Column::Sidecar,
                Redirection::IstioCni => Column::Cni,
            }
        };
        let found = IstioFound {
            namespace: install.namespace.clone(),
            revision: install.revision_name().to_owned(),
            version: install.images.tag.clone(),
            mode,
        };
        let mut modes = Self { istio: Some(found), unavailable: BTreeMap::new() };
        for install in &installs {
            if let Err(error) = platform(istio, install).effect(install.facts) {
                modes = Self { istio: modes.istio, ..Self::none(&error.to_string()) };
            }
        }
        let too_old =
            installs.iter().find(|install| install.version.major() == 1 && install.version.minor() < AMBIENT_SINCE);
        if let Some(install) = too_old {
            let why = format!("ambient needs Istio 1.{AMBIENT_SINCE} or newer, this is {}", install.version);
            modes.unavailable.entry(Column::Ambient).or_insert(why);
        }
        Ok(modes)
    }
}

/// Why an Istio cannot be read, with the resource and the field that it is about.
fn reason(error: &Error) -> String {
    let said = error.to_finding().to_string();
    said.strip_prefix("[error] ").unwrap_or(&said).to_owned()
}

/// The default revision, else the newest; the first of equals.
fn chosen(installs: &[Install]) -> Option<&Install> {
    installs
        .iter()
        .enumerate()
        .max_by(|(at, one), (bt, two)| {
            let by_revision = one.revision.is_none().cmp(&two.revision.is_none());
            by_revision.then_with(|| one.version.cmp(&two.version)).then_with(|| bt.cmp(at))
        })
        .map(|(_, install)| install)
}

fn platform(istio: &Istio, install: &Install) -> Platform {
    let configured = istio.platform.and_then(|platform| platform.as_str().parse().ok());
    configured.or(install.platform).unwrap_or_default()
}

fn is_description(api_version: &str, kind: &str) -> bool {
    (api_version.starts_with("install.istio.io/") && kind == "IstioOperator")
        || (api_version.starts_with("sailoperator.io/") && kind == "Istio")
}

fn runs_ambient(list: &List<'_>, install: &Install) -> Result<bool, Error> {
    let Some(item) = install.istiod.and_then(|place| list.items().get(place)) else { return Ok(false) };
    let parsed = item.parse_leniently()?;
    let Some(container) = parsed.root().and_then(discovery) else { return Ok(false) };
    let mut variables = container.get("env").into_iter().flat_map(|env| env.items());
    let ambient =
        variables.find(|variable| variable.get("name").and_then(|name| name.as_str()) == Some("PILOT_ENABLE_AMBIENT"));
    Ok(ambient.and_then(|variable| variable.get("value")).is_some_and(|value| value.scalar_text() == "true"))
}
