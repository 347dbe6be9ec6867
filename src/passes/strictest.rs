//! `strictest`: the strictest level that every pod of a namespace meets, as it is admitted after this run's changes.
//!
//! A level that cannot be found out is none: the label then stays as it is.

use std::collections::BTreeMap;

use super::report::Report;
use crate::admission::{Outcome, Pods, Subject, namespace_of};
use crate::config::{Config, Enforce, PodSecurity};
use crate::krm::{Error, Finding, List, ResourceRef, Severity};
use crate::kube::names::previous_names;
use crate::pod_security::{Level, Version};
use crate::rules::Rule;

/// How many pods a message names.
const NAMED: usize = 5;

/// The levels of the list's namespaces that shall be as strict as can be; one without a level keeps its label.
pub(super) fn levels(
    list: &List<'_>,
    config: &Config,
    pod_security: &PodSecurity,
    report: &mut Report,
) -> Result<BTreeMap<String, Level>, Error> {
    let mut levels = BTreeMap::new();
    for item in list.items().iter().filter(|item| item.is("v1", "Namespace") && !item.is_local_config()) {
        let Some(wish) = pod_security.wish_for(item.name()).wishes.enforce else { continue };
        if wish.level != Enforce::Strictest {
            continue;
        }
        let mut names = item.parse_leniently()?.root().map(previous_names).unwrap_or_default();
        names.push(item.name().to_owned());
        let pods = report.pods(list, config)?;
        let found = strictest(list, pods, &names, wish.version.unwrap_or(Version::Latest))?;
        let finding = match found {
            Strictest::NoPods => {
                let message =
                    "enforce stays as it is: no pod of this namespace is in the input, so `strictest` says nothing";
                Some((Rule::StrictestUnknown, Severity::Warning, message.to_owned()))
            }
            Strictest::Unknown(why) => {
                let message = format!("enforce stays as it is, since `strictest` cannot be found out: {why}");
                Some((Rule::StrictestUnknown, Severity::Error, message))
            }
            Strictest::Level { level, weakest } => {
                levels.insert(item.name().to_owned(), level);
                (level < pod_security.floor).then(|| {
                    let message = format!(
                        "the strictest level that all pods of this namespace meet is {level}, below `floor: {}`; {}; see `unroot check \
                         --level {}`",
                        pod_security.floor,
                        named(&weakest, level),
                        pod_security.floor
                    );
                    (Rule::StrictestBelowFloor, Severity::Error, message)
                })
            }
        };
        if let Some((rule, severity, message)) = finding {
            report.add_for(item, Finding::new(rule, severity, message))?;
        }
    }
    Ok(levels)
}

enum Strictest {
    Level { level: Level, weakest: Vec<ResourceRef> },
    NoPods,
    Unknown(String),
}

fn strictest(list: &List<'_>, pods: &mut Pods, names: &[String], version: Version) -> Result<Strictest, Error> {
    let mut found: Option<(Level, Vec<ResourceRef>)> = None;
    let mut unknown = None;
    for (place, item) in list.items().iter().enumerate() {
        if !names.iter().any(|name| name == namespace_of(item)) {
            continue;
        }
        let Some(Subject { outcome, .. }) = pods.get(place, item)? else { continue };
        let pod = match outcome {
            Outcome::Failed { why, .. } => {
                unknown.get_or_insert_with(|| format!("{}: {why}", item.reference()));
                continue;
            }
            Outcome::Judged(pod) => pod,
        };
        if let Some(doubt) = &pod.doubt {
            unknown
                .get_or_insert_with(|| format!("the injection of {} cannot be predicted: {doubt}", item.reference()));
            continue;
        }
        let level = pod.meets(version);
        match &mut found {
            Some((weakest, resources)) if *weakest == level => resources.push(item.reference()),
            Some((weakest, _)) if *weakest < level => {}
            _ => found = Some((level, vec![item.reference()])),
        }
    }
    Ok(match (unknown, found) {
        (Some(why), _) => Strictest::Unknown(why),
        (None, Some((level, weakest))) => Strictest::Level { level, weakest },
        (None, None) => Strictest::NoPods,
    })
}

fn named(weakest: &[ResourceRef], level: Level) -> String {
    let names: Vec<String> =
        weakest.iter().take(NAMED).map(|resource| format!("{} {}", resource.kind, resource.name)).collect();
    let more = weakest.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more} {} no more than {level}", names.join(", "), if weakest.len() == 1 { "meets" } else { "meet" })
}
