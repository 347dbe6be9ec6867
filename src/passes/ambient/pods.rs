//! Pod templates: their own words about the mesh.
//!
//! ```yaml
//! metadata:
//!   labels:
//!     istio.io/dataplane-mode: ambient    # in the place of sidecar.istio.io/inject: "true", which would still inject
//! ---
//! metadata:
//!   annotations: {sidecar.istio.io/inject: "false"}
//!   labels: {istio.io/dataplane-mode: none}   # it was out of the mesh, and ztunnel would take it in
//! ---
//! metadata:
//!   annotations: {inject.istio.io/templates: gateway}
//!   labels: {sidecar.istio.io/inject: "true"}   # its namespace no longer asks for its proxy
//! ```

use super::namespaces::LabelChange;
use super::{Report, mark, say};
use crate::istio::members::{DATAPLANE_MODE, INJECT, Member, Members, REVISION, Reach, Workload};
use crate::krm::{Error, Item, List, Severity};
use crate::rules::Rule;

pub(super) fn enrol(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    for workload in &members.workloads {
        let namespace = members.namespaces.get(&workload.namespace);
        let enrolled = namespace.is_some_and(|namespace| namespace.after == Reach::Ambient);
        let Some(item) = list.items_mut().get_mut(workload.place) else { continue };
        let path: Vec<&str> = workload.metadata.iter().copied().chain(["labels"]).collect();
        let asks = workload.labels.get(INJECT).is_some_and(|word| word == "true");
        if workload.held_by_selector && asks && enrolled {
            let message = format!(
                "keeps its sidecar: its selector needs the label {INJECT}, and a selector cannot be changed; delete the \
                 resource, take the label out of `spec.selector` and out of the template, and run again"
            );
            say(item, Rule::AmbientPodKept, Severity::Warning, message, report)?;
            continue;
        }
        match workload.member {
            Member::Ambient if asks => {
                let change = LabelChange {
                    path: &path,
                    set: vec![(DATAPLANE_MODE, "ambient".to_owned())],
                    remove: vec![INJECT],
                };
                change.apply(item, Rule::AmbientPod, ": the old label would still have it injected", report)?;
            }
            // A gateway that its chart made says no to injection, and ztunnel must not take it in either.
            Member::Outside | Member::Proxy if enrolled && !workload.host_network && stays_out(workload) => {
                let set = vec![(DATAPLANE_MODE, "none".to_owned())];
                add(item, workload, &path, set, ": it was not in the mesh and stays out of it", report)?;
            }
            Member::Proxy if enrolled && workload.has_own_template() && !refuses(workload) => {
                let revision = namespace.and_then(|namespace| namespace.labels.get(REVISION));
                let set = std::iter::once((INJECT, "true".to_owned()))
                    .chain(revision.map(|revision| (REVISION, revision.clone())))
                    .collect();
                add(
                    item,
                    workload,
                    &path,
                    set,
                    ": it keeps its proxy, which its namespace asks for no longer",
                    report,
                )?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Adds labels that are not there, and marks the resource with their keys unless the way back can tell.
fn add(
    item: &mut Item<'_>,
    workload: &Workload,
    path: &[&str],
    mut set: Vec<(&str, String)>,
    why: &str,
    report: &mut Report,
) -> Result<(), Error> {
    set.retain(|(key, _)| !workload.labels.contains_key(*key));
    let keys = set.iter().map(|(key, _)| *key).collect::<Vec<_>>().join(",");
    let change = LabelChange { path, set, remove: Vec::new() };
    if change.apply(item, Rule::AmbientPod, why, report)? && !(refuses(workload) && keys == DATAPLANE_MODE) {
        mark::set(item, &keys)?;
    }
    Ok(())
}

fn stays_out(workload: &Workload) -> bool {
    workload.member == Member::Outside || refuses(workload)
}

fn refuses(workload: &Workload) -> bool {
    workload.inject_word().is_some_and(|word| word == "false")
}

pub(super) fn leave(list: &mut List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    for workload in &members.workloads {
        let Some(item) = list.items_mut().get_mut(workload.place) else { continue };
        let path: Vec<&str> = workload.metadata.iter().copied().chain(["labels"]).collect();
        let marked = match mark::may_have(item) {
            true => item.parse()?.root().and_then(mark::of).map(str::to_owned),
            false => None,
        };
        let (set, remove) = match &marked {
            Some(keys) => (Vec::new(), keys.split(',').collect()),
            None if workload.labels.get(DATAPLANE_MODE).is_some_and(|mode| mode == "ambient") => {
                (vec![(INJECT, "true".to_owned())], vec![DATAPLANE_MODE])
            }
            // It refuses a sidecar, so without ambient the label says nothing more.
            None if refuses(workload)
                && workload.labels.get(DATAPLANE_MODE).is_some_and(|mode| mode == "none")
                && members.was_ambient(&workload.namespace) =>
            {
                (Vec::new(), vec![DATAPLANE_MODE])
            }
            None => continue,
        };
        let change = LabelChange { path: &path, set, remove };
        change.apply(item, Rule::AmbientPod, ", as it was before ambient", report)?;
        if marked.is_some() {
            mark::clear(item)?;
        }
    }
    Ok(())
}
