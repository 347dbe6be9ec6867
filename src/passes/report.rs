//! What passes have to say, with the resource and its file filled in.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::release;
use crate::admission::{AdmissionDefaults, Cluster, Pods};
use crate::config::Config;
use crate::krm::{Error, Field, Finding, Item, List, ResourceRef};
use crate::rules::Rule;
use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// The findings of a run, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    pods: Option<Pods>,
    /// Resources that were said not to decode: several passes come across them.
    undecodable: BTreeSet<ResourceRef>,
}

impl Report {
    /// A finding that is about no resource of the list.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// The pods of the list, each followed to its admission once in a run. No pass that changes pods may come after the
    /// first that asks.
    pub(super) fn pods(&mut self, list: &List<'_>, config: &Config) -> Result<&mut Pods, Error> {
        let pods = match self.pods.take() {
            Some(pods) => pods,
            None => Pods::of(Cluster::of(list, AdmissionDefaults::default(), release(config))?),
        };
        Ok(self.pods.insert(pods))
    }

    /// A finding about a resource that is not parsed at the moment.
    pub(super) fn add_for(&mut self, item: &Item<'_>, mut finding: Finding) -> Result<(), Error> {
        finding.resource_ref = Some(item.reference());
        finding.file = item.parse_leniently()?.root().and_then(Item::file);
        self.push(finding);
        Ok(())
    }

    /// A finding about a resource.
    pub(super) fn add_about(&mut self, item: &Item<'_>, root: View<'_>, mut finding: Finding) {
        finding.resource_ref = Some(item.reference());
        finding.file = Item::file(root);
        self.push(finding);
    }

    fn push(&mut self, finding: Finding) {
        let is_known = finding.tags.get("rule").is_some_and(|rule| rule == Rule::Undecodable.code())
            && finding.resource_ref.as_ref().is_some_and(|resource| !self.undecodable.insert(resource.clone()));
        if !is_known {
            self.findings.push(finding);
        }
    }
}

/// Keys that a rule sets in one mapping, with what they were.
#[derive(Debug, Default)]
pub(super) struct KeyChanges {
    changes: BTreeMap<String, (Option<String>, String)>,
}

impl KeyChanges {
    /// Notes a key that shall have a value; nothing where it has it.
    pub(super) fn set(&mut self, key: &str, current: Option<&str>, proposed: &str) {
        if current != Some(proposed) {
            self.changes.insert(key.to_owned(), (current.map(str::to_owned), proposed.to_owned()));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The keys and their new values, sorted.
    pub(super) fn entries(&self) -> Vec<(&str, Value)> {
        self.changes.iter().map(|(key, (_, proposed))| (key.as_str(), Value::String(proposed.clone()))).collect()
    }

    /// `key=value` of each, sorted.
    pub(super) fn words(&self) -> String {
        let words: Vec<String> = self.changes.iter().map(|(key, (_, proposed))| format!("{key}={proposed}")).collect();
        words.join(" ")
    }

    /// The changed field: the key itself where there is one, else the mapping that holds them.
    pub(super) fn field(&self, map: &Path) -> Field {
        if let (1, Some((key, (current, proposed)))) = (self.changes.len(), self.changes.iter().next()) {
            return Field {
                path: map.join(key.as_str()).to_string(),
                current_value: current.clone().map(Value::String),
                proposed_value: Some(Value::String(proposed.clone())),
            };
        }
        let current: Map<String, Value> = self
            .changes
            .iter()
            .filter_map(|(key, (current, _))| Some((key.clone(), Value::String(current.clone()?))))
            .collect();
        let proposed =
            self.changes.iter().map(|(key, (_, proposed))| (key.clone(), Value::String(proposed.clone()))).collect();
        Field {
            path: map.to_string(),
            current_value: (!current.is_empty()).then_some(Value::Object(current)),
            proposed_value: Some(Value::Object(proposed)),
        }
    }
}
