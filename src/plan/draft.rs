//! A functionConfig in the making: typed wishes and the reasons for them, written as a commented document, read back by
//! the parser that every configuration goes through, and tried on the list.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::admission::{AdmissionDefaults, Cluster, Origin, namespace_of};
use crate::config::{API_VERSION, Accepted, Config, Harden, Istio, KIND, NamespaceName, Workloads};
use crate::filter::from_file;
use crate::krm::{Error, Finding, List, ResourceRef, Severity};
use crate::kube::profile_labels;
use crate::passes;
use crate::pod_security::{ENFORCE_LABEL, Level, Version};
use crate::rules::Rule;
use crate::yaml::commented::{Element, Entry, Node, document};

/// The level that a namespace shall enforce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) level: Level,
    /// It is weaker than the label that stands there, which the namespace's own pods violate.
    pub(super) lowered: bool,
}

/// What the profile controller shall put on user namespaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct UserWish {
    pub(super) enforce: Option<Level>,
    pub(super) warn: Option<Level>,
}

/// A configuration with its reasons.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) name: String,
    /// What stands at the top, a paragraph a line.
    pub(super) head: Vec<String>,
    pub(super) warn: Option<Level>,
    /// The version that goes with the levels.
    pub(super) version: Option<Version>,
    pub(super) enforce: BTreeMap<String, Wanted>,
    /// Why a level is not higher, by namespace.
    pub(super) reasons: BTreeMap<String, String>,
    /// The pods that would have been refused, with the reasons, by namespace: those that made it give way.
    pub(super) in_the_way: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    pub(super) users: UserWish,
    pub(super) istio: Option<(Istio, String)>,
    pub(super) workloads: Option<(Workloads, String)>,
    pub(super) accepted: Vec<Accepted>,
}

/// The list after a draft was carried out, and what there was to say.
pub(super) struct Settled<'s> {
    pub(super) list: List<'s>,
    pub(super) findings: Vec<Finding>,
}

impl Settled<'_> {
    /// The messages of a rule.
    pub(super) fn said(&self, rule: Rule) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(move |finding| finding.tags.get("rule").is_some_and(|code| code == rule.code()))
    }

    /// What no level settles.
    pub(super) fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Error)
    }
}

impl Draft {
    /// Whether an entry can name a namespace: what is no name at all would be read as a glob, or refused.
    pub(super) fn can_name(name: &str) -> bool {
        serde_json::from_value::<NamespaceName>(name.into()).is_ok()
    }

    /// The configuration as it will be read.
    pub(super) fn config(&self) -> Result<Config, Error> {
        from_file("the plan's configuration", &Ok(self.text().into_bytes()))
    }

    /// Carries it out on a copy of the list, and lowers what the list's own pods would violate until nothing of that is
    /// left.
    ///
    /// # Errors
    /// Where the list cannot be used with it.
    pub(super) fn settle<'s>(&mut self, list: &List<'s>) -> Result<Settled<'s>, Error> {
        let standing = Standing::of(list)?;
        loop {
            let mut copy = list.clone();
            let findings = passes::run(&mut copy, &self.config()?)?;
            let before = (self.enforce.clone(), self.users);
            for finding in findings.iter().filter(|finding| finding.severity == Severity::Error) {
                self.give_way(finding, &standing);
            }
            // Levels only fall, so that this ends.
            if before == (self.enforce.clone(), self.users) {
                return Ok(Settled { list: copy, findings });
            }
        }
    }

    fn give_way(&mut self, finding: &Finding, standing: &Standing) {
        let rule = finding.tags.get("rule").and_then(|code| Rule::of_code(code));
        match (rule, &finding.resource_ref) {
            (Some(Rule::PodSecurityEnforce), Some(pod)) => {
                let violated: Option<Level> = finding.tags.get("psa-level").and_then(|level| level.parse().ok());
                let Some(lower) = violated.and_then(below) else { return };
                let name = standing.real_name(pod);
                let reason = finding.tags.get("psa-reason").cloned().unwrap_or_default();
                let pods = self.in_the_way.entry(name.clone()).or_default();
                pods.entry(format!("{} {}", pod.kind, pod.name)).or_default().insert(reason);
                if standing.user_namespaces.contains(&name) {
                    return self.lower_users(lower, standing);
                }
                if !Self::can_name(&name) {
                    return;
                }
                if self.enforce.get(&name).is_some_and(|wanted| wanted.level <= lower) {
                    return;
                }
                match standing.enforced.get(&name) {
                    Some(stands) if *stands == lower => drop(self.enforce.remove(&name)),
                    Some(stands) => {
                        self.enforce.insert(name, Wanted { level: lower, lowered: *stands > lower });
                    }
                    None if lower == Level::Privileged && !standing.wrong.contains(&name) => {
                        self.enforce.remove(&name);
                    }
                    None => {
                        self.enforce.insert(name, Wanted { level: lower, lowered: false });
                    }
                }
            }
            (Some(Rule::UserNamespacesNeedCni), _) => self.lower_users(Level::Privileged, standing),
            _ => {}
        }
    }

    fn lower_users(&mut self, level: Level, standing: &Standing) {
        if level < self.users.enforce.unwrap_or(standing.of_users) {
            self.users.enforce = (level != standing.of_users).then_some(level);
        }
    }

    /// The document.
    pub(super) fn text(&self) -> String {
        let mut spec = Vec::new();
        let pod_security = self.pod_security();
        if !pod_security.is_empty() {
            spec.push(Entry::new("podSecurity", Node::Mapping(pod_security)));
        }
        if let Some((istio, why)) = &self.istio {
            spec.push(Entry::new("istio", Node::Mapping(istio_entries(istio, why))));
        }
        if let Some((workloads, why)) = &self.workloads {
            spec.push(Entry::new("workloads", Node::Mapping(workloads_entries(workloads, why))));
        }
        if !self.accepted.is_empty() {
            let accepted: Vec<Value> = self.accepted.iter().map(accepted).collect();
            spec.push(Entry::new("accepted", Node::Block(Value::Array(accepted))));
        }
        let entries = [
            Entry::new("apiVersion", Node::Flow(API_VERSION.into())),
            Entry::new("kind", Node::Flow(KIND.into())),
            Entry::new("metadata", Node::Block(json!({ "name": self.name }))),
            Entry::new("spec", Node::Mapping(spec)),
        ];
        document(&self.head, &entries)
    }

    fn pod_security(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        let level = |level: Level| Node::Flow(level.as_str().into());
        if let Some(warn) = self.warn {
            entries
                .push(Entry::new("warn", level(warn)).about("Says what this level would refuse, and refuses nothing."));
        }
        let any = self.warn.is_some() || !self.enforce.is_empty();
        if let Some(version) = self.version.filter(|_| any) {
            entries.push(Entry::new("version", Node::Flow(version.to_string().into())));
        }
        let elements = self.groups();
        if !elements.is_empty() {
            entries.push(Entry::new("namespaces", Node::Sequence(elements)));
        }
        let mut users = Vec::new();
        if let Some(enforce) = self.users.enforce {
            users.push(Entry::new("enforce", level(enforce)));
        }
        if let Some(warn) = self.users.warn {
            users.push(Entry::new("warn", level(warn)));
        }
        if !users.is_empty() {
            entries.push(
                Entry::new("userNamespaces", Node::Mapping(users))
                    .about("What Kubeflow's profile controller puts on the namespaces of users."),
            );
        }
        entries
    }

    /// The namespaces by what they shall enforce, the strictest first.
    fn groups(&self) -> Vec<Element> {
        let mut groups: Vec<(Wanted, Vec<&str>)> = Vec::new();
        for lowered in [false, true] {
            for level in Level::ALL.into_iter().rev() {
                let wanted = Wanted { level, lowered };
                let names = self.enforce.iter().filter(|(_, known)| **known == wanted).map(|(name, _)| name.as_str());
                let names: Vec<&str> = names.collect();
                if !names.is_empty() {
                    groups.push((wanted, names));
                }
            }
        }
        groups.into_iter().map(|(wanted, names)| self.group(wanted, &names)).collect()
    }

    fn group(&self, wanted: Wanted, names: &[&str]) -> Element {
        let Wanted { level, lowered } = wanted;
        let mut comment = vec![if lowered {
            format!("Lowered to {level}: their own pods violate the label that stands there, so they cannot start now.")
        } else {
            format!("All their pods meet {level}, as they are admitted.")
        }];
        for name in names {
            if let Some(reason) = self.reasons.get(*name) {
                comment.push(format!("{name}: {reason}"));
            }
        }
        Element {
            comment,
            entries: vec![
                Entry::new("names", Node::Flow(json!(names))),
                Entry::new("enforce", Node::Flow(level.as_str().into())),
            ],
        }
    }
}

/// What stands in a list before a draft is carried out.
struct Standing {
    /// The labels of its Namespace objects.
    enforced: BTreeMap<String, Level>,
    /// Namespaces whose label is no level, which the API server takes for restricted.
    wrong: BTreeSet<String>,
    user_namespaces: BTreeSet<String>,
    /// What the API server makes of the label on the namespaces of users.
    of_users: Level,
    /// Other names of namespaces, as pods still have them inside kustomize.
    real: BTreeMap<ResourceRef, String>,
}

impl Standing {
    fn of(list: &List<'_>) -> Result<Self, Error> {
        let cluster = Cluster::of_what_can_be_read(list, AdmissionDefaults::default(), None)?;
        let mut standing = Self {
            enforced: BTreeMap::new(),
            wrong: BTreeSet::new(),
            user_namespaces: BTreeSet::new(),
            of_users: users_stand(list),
            real: BTreeMap::new(),
        };
        for (name, namespace) in cluster.namespaces() {
            match namespace.labels.get(ENFORCE_LABEL).map(|label| label.parse()) {
                Some(Ok(level)) => drop(standing.enforced.insert(name.to_owned(), level)),
                Some(Err(_)) => drop(standing.wrong.insert(name.to_owned())),
                None => {}
            }
            if namespace.origin == Origin::Profile {
                standing.user_namespaces.insert(name.to_owned());
            }
        }
        for item in list.items().iter().filter(|item| item.is("v1", "Namespace")) {
            let parsed = item.parse_leniently()?;
            let Some(root) = parsed.root() else { continue };
            let aliases = crate::kube::names::previous_names(root);
            for pod in list.items().iter().filter(|pod| aliases.iter().any(|alias| alias == namespace_of(pod))) {
                standing.real.insert(pod.reference(), item.name().to_owned());
            }
        }
        Ok(standing)
    }

    fn real_name(&self, pod: &ResourceRef) -> String {
        match self.real.get(pod) {
            Some(name) => name.clone(),
            None if pod.namespace.is_empty() => "default".to_owned(),
            None => pod.namespace.clone(),
        }
    }
}

/// What the profile controller has user namespaces enforce, as far as the list says it.
pub(super) fn users_enforce(list: &List<'_>) -> Option<Level> {
    profile_labels::source(list).ok()??.labels.get(ENFORCE_LABEL)?.parse().ok()
}

/// What holds for the namespaces of users: a label that is no level is taken for restricted.
fn users_stand(list: &List<'_>) -> Level {
    let source = profile_labels::source(list).ok().flatten();
    let label = source.as_ref().and_then(|source| source.labels.get(ENFORCE_LABEL));
    label.map_or(Level::Privileged, |label| label.parse().unwrap_or(Level::Restricted))
}

fn below(level: Level) -> Option<Level> {
    match level {
        Level::Privileged => None,
        Level::Baseline => Some(Level::Privileged),
        Level::Restricted => Some(Level::Baseline),
    }
}

fn istio_entries(istio: &Istio, why: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut push = |key, value: Option<Value>| entries.extend(value.map(|value| Entry::new(key, Node::Flow(value))));
    push("mode", istio.mode.map(|mode| mode.as_str().into()));
    push("platform", istio.platform.map(|platform| platform.as_str().into()));
    push("cniNamespace", istio.cni_namespace.as_ref().map(|name| name.as_str().into()));
    push("cniBinDir", istio.cni_bin_dir.as_ref().map(|dir| dir.as_str().into()));
    push("cniConfDir", istio.cni_conf_dir.as_ref().map(|dir| dir.as_str().into()));
    push("version", istio.version.as_ref().map(|version| version.as_str().into()));
    push("hub", istio.hub.as_ref().map(|hub| hub.as_str().into()));
    push("tag", istio.tag.as_ref().map(|tag| tag.as_str().into()));
    let ambient = &istio.ambient;
    let mut keys = Map::new();
    if let Some(namespaces) = &ambient.namespaces {
        let globs: Vec<&str> = namespaces.iter().map(|glob| glob.as_str()).collect();
        keys.insert("namespaces".to_owned(), json!(globs));
    }
    if ambient.user_namespaces {
        keys.insert("userNamespaces".to_owned(), true.into());
    }
    if let Some(name) = &ambient.ztunnel_namespace {
        keys.insert("ztunnelNamespace".to_owned(), name.as_str().into());
    }
    if ambient.waypoints != crate::config::Waypoints::default() {
        keys.insert("waypoints".to_owned(), ambient.waypoints.as_str().into());
    }
    push("ambient", (!keys.is_empty()).then_some(Value::Object(keys)));
    if let Some(first) = entries.first_mut() {
        first.comment.push(why.to_owned());
    }
    entries
}

fn workloads_entries(workloads: &Workloads, why: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    if workloads.harden != Harden::None {
        entries.push(Entry::new("harden", Node::Flow(workloads.harden.as_str().into())).about(why));
    }
    if workloads.assume_non_root {
        entries.push(Entry::new("assumeNonRoot", Node::Flow(true.into())));
    }
    if !workloads.users.is_empty() {
        let users = workloads.users.iter().map(|user| {
            let mut keys = Map::new();
            keys.insert("image".to_owned(), user.image.as_str().into());
            keys.insert("runAsUser".to_owned(), user.run_as_user.into());
            if let Some(group) = user.run_as_group {
                keys.insert("runAsGroup".to_owned(), group.into());
            }
            Value::Object(keys)
        });
        entries.push(Entry::new("users", Node::Block(users.collect())));
    }
    entries
}

fn accepted(entry: &Accepted) -> Value {
    let globs = [("rule", &entry.rule), ("kind", &entry.kind), ("namespace", &entry.namespace), ("name", &entry.name)];
    let mut keys = Map::new();
    for (key, glob) in globs {
        if let Some(glob) = glob {
            keys.insert(key.to_owned(), glob.as_str().into());
        }
    }
    keys.insert("reason".to_owned(), entry.reason.as_str().into());
    if let Some(owner) = &entry.owner {
        keys.insert("owner".to_owned(), owner.as_str().into());
    }
    if let Some(until) = &entry.until {
        keys.insert("until".to_owned(), until.as_str().into());
    }
    Value::Object(keys)
}
