//! `global.proxy.seccompProfile` in the injector's values, from Istio 1.28 on.
//!
//! Injected containers take the pod's profile. Where the pod has none they can have one of their own only by this value:
//! for pods of the list whose profile stands on their containers and cannot move, and for pods of users, which KServe and
//! others make with a profile on each container. `istioctl`'s API of 1.28.0 refuses the value in an IstioOperator, so it
//! is set where it ends up: in the injector's ConfigMap, and in the copy that istiod's chart keeps.

use serde_json::{Map, Value, json};

use super::{Report, Rule, Run, findings, text};
use crate::config::Config;
use crate::istio::install::{self, Stated};
use crate::krm::{Error, Field, Finding, List, Severity};
use crate::kube::profile_labels;
use crate::yaml::edit::Edits;
use crate::yaml::path::Path;

/// The minor of Istio 1 that brought the value.
const SINCE: u32 = 28;

/// The reason that Pod Security gives where a container has no profile.
pub(super) const REASON: &str = "seccompProfile";

pub(super) fn run(list: &mut List<'_>, config: &Config, run: &mut Run<'_>, report: &mut Report) -> Result<(), Error> {
    let has_users = profile_labels::source(list)?.is_some();
    if !has_users && !run.short_by_injection.contains_key(REASON) {
        return Ok(());
    }
    let version = config.istio.as_ref().and_then(|istio| istio.version.as_ref()).map(|version| version.as_str());
    // A control plane that cannot be told is the mode's to refuse; pods are hardened without it.
    let Ok(installs) = install::find(list, &Stated { version, hub: None, tag: None }) else { return Ok(()) };
    let mut all = !installs.is_empty();
    for install in &installs {
        if install.version.major() == 1 && install.version.minor() < SINCE {
            all = false;
            continue;
        }
        let profile = install.value(&["global", "proxy", "seccompProfile"]).filter(|profile| !profile.is_null());
        if profile.is_some_and(|profile| profile.get("type").is_some()) {
            continue;
        }
        set(list, install.injector, &["values"], report)?;
        if let Some(copy) = install.values_copy {
            set(list, copy, &["merged-values", "original-values"], report)?;
        }
    }
    if all {
        run.short_by_injection.remove(REASON);
    }
    Ok(())
}

fn set(list: &mut List<'_>, place: usize, keys: &[&str], report: &mut Report) -> Result<(), Error> {
    let Some(item) = list.items_mut().get_mut(place) else { return Ok(()) };
    let patch: Map<String, Value> =
        Map::from_iter([("global".to_owned(), json!({"proxy": {"seccompProfile": {"type": "RuntimeDefault"}}}))]);
    let edits = {
        let parsed = item.parse()?;
        let Some(root) = parsed.root() else { return Ok(()) };
        let mut edits = Edits::default();
        for key in keys {
            let changed = text::change(item, root, key, |inner| {
                let mut edits = Edits::default();
                edits.merge(inner, &patch)?;
                Ok(edits)
            });
            match changed {
                Ok(changed) => edits.extend(changed.edits),
                Err(why) => findings::not_possible(item, root, &why, report),
            }
        }
        if !edits.is_empty() {
            let paths: Vec<Path> = keys.iter().map(|key| Path::of(&["data", key])).collect();
            let field = Field {
                path: findings::common(&paths.iter().collect::<Vec<_>>()).to_string(),
                current_value: None,
                proposed_value: Some(Value::Object(patch.clone())),
            };
            let message = "injected containers get the seccomp profile RuntimeDefault by `global.proxy.seccompProfile`, also in pods \
                           that have none of their own";
            report.add_about(
                item,
                root,
                Finding::new(Rule::HardenGenerated, Severity::Info, message).with_field(field),
            );
        }
        edits
    };
    item.apply(edits)
}
