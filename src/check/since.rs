//! `check --since OLD`: what is otherwise than in an older render, for the gate of an upgrade. What is worse is an error,
//! what a person has to compare a warning, what is safer an info; what is as it was is not told, however bad it is.
//!
//! Resources are the same where group, kind, namespace and name are; the version of the API does not count. Names that
//! carry kustomize's hash are those of ConfigMaps, and these are found by what reads them (`kube/profile_labels`).
//! A thing is called worse only where that is certain; of the rest a warning says what to compare.

mod exemptions;
mod levels;
mod mesh;
mod pods;
mod policies;

use std::collections::{BTreeMap, BTreeSet};

use super::{Options, Source, judge, locate};
use crate::admission::{Cluster, Outcome as Fate, namespace_of};
use crate::istio::injector::Release;
use crate::istio::members::{DATAPLANE_MODE, INJECT, Texts};
use crate::krm::{Error, Finding, Item, List, ResourceRef, Severity};
use crate::pod_security::{Level, LevelVersion, Violation};
use crate::report::{Located, Output, Report, Verdict};
use crate::rules::Rule;
use crate::sources;

/// What makes a resource the same in both renders.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: String,
    group: String,
    kind: String,
    name: String,
    /// Which one it is of those that have no name of their own yet.
    nth: usize,
}

/// A pod of a render.
#[derive(Clone, Debug, Default)]
struct Pod {
    labels: Texts,
    /// In the mesh: injected, or enrolled in ambient.
    is_member: bool,
    /// It says itself that it shall not be.
    opts_out: bool,
    /// What the injector adds cannot be told, so that it may be worse than it looks.
    is_doubtful: bool,
    /// What it breaks of each level.
    breaks: BTreeMap<Level, Vec<Violation>>,
}

/// A render, judged.
struct Side<'s> {
    list: List<'s>,
    cluster: Cluster,
    verdicts: Vec<Verdict>,
    /// A pod for each verdict.
    pods: Vec<Pod>,
    places: BTreeMap<Key, usize>,
    /// The places of the Namespace objects in the list, by name.
    namespaces: BTreeMap<String, usize>,
    findings: Vec<Located>,
    /// How many inputs come before its own in the report.
    inputs_before: usize,
}

/// The newer list, and the report about what is otherwise in it.
pub(super) fn run<'s>(
    sources: &[Source<'s>],
    options: &Options<'s>,
    release: Option<Release>,
) -> Result<(List<'s>, Report<'s>), Error> {
    if options.output == Output::Html {
        return Err(Error::config("`--since` has no page; `--output` must be text, jsonl or sarif"));
    }
    let new = Side::read(sources, options, release, 0)?;
    let old = Side::read(&options.since, options, release, sources.len())?;
    let mut differences = Vec::new();
    levels::compare(&old, &new, &mut differences)?;
    exemptions::compare(&old, &new, &mut differences);
    mesh::compare(&old, &new, &mut differences)?;
    pods::compare(&old, &new, &mut differences);
    policies::compare(&old, &new, &mut differences)?;
    let about = |located: &Located| {
        let reference = located.finding.resource_ref.clone().unwrap_or_default();
        (located.finding.tags.get("rule").cloned(), reference.kind, reference.namespace, reference.name)
    };
    let known: BTreeSet<_> = old.findings.iter().map(about).collect();
    let fresh = new.findings.into_iter().filter(|located| !known.contains(&about(located)));
    differences.extend(fresh);
    let names = |sources: &[Source<'s>]| sources.iter().map(|source| source.name).collect::<Vec<_>>();
    Ok((new.list, Report::since(names(sources), &names(&options.since), differences)))
}

impl<'s> Side<'s> {
    fn read(
        sources: &[Source<'s>],
        options: &Options<'_>,
        release: Option<Release>,
        inputs_before: usize,
    ) -> Result<Self, Error> {
        Self::read_unnamed(sources, options, release, inputs_before).map_err(|mut error| {
            // There are always two inputs here, so that an error must say which one it is about.
            if let [only] = sources {
                error.place.source_name.get_or_insert_with(|| only.name.to_owned());
            }
            error
        })
    }

    fn read_unnamed(
        sources: &[Source<'s>],
        options: &Options<'_>,
        release: Option<Release>,
        inputs_before: usize,
    ) -> Result<Self, Error> {
        let (list, defaults) = sources::read(sources)?;
        let cluster = Cluster::of(&list, defaults, release)?;
        let mut report = Report::new(Vec::new());
        cluster.problems().iter().for_each(|problem| report.say(locate(&list, problem.clone())));
        let mut pods = Vec::new();
        judge(&list, &cluster, options, &mut report, &mut |item, fate| pods.push(seen(&cluster, options, item, fate)))?;
        let (mut places, mut count) = (BTreeMap::new(), BTreeMap::new());
        for (place, verdict) in report.verdicts.iter().enumerate() {
            let mut key = key(&verdict.resource);
            let nth = count.entry(key.clone()).or_insert(0);
            key.nth = *nth;
            *nth += 1;
            places.insert(key, place);
        }
        let verdicts = std::mem::take(&mut report.verdicts);
        let objects = list.items().iter().enumerate();
        let namespaces = objects
            .filter(|(_, item)| item.is("v1", "Namespace") && !item.is_local_config())
            .map(|(place, item)| (item.name().to_owned(), place))
            .collect();
        Ok(Self { namespaces, list, cluster, verdicts, pods, places, findings: report.into_findings(), inputs_before })
    }

    /// The namespaces that something of the render is in, or that it makes.
    fn namespaces(&self) -> BTreeSet<&str> {
        let pods = self.places.keys().map(|key| key.namespace.as_str());
        let used = self.list.namespaces_in_use().map(|(name, _)| name);
        self.cluster.namespaces().map(|(name, _)| name).chain(used).chain(pods).collect()
    }

    /// The pods of a namespace, or all.
    fn pods_in<'a>(&'a self, namespace: Option<&'a str>) -> impl Iterator<Item = (&'a Key, &'a Pod, &'a Verdict)> {
        let first = Key { namespace: namespace.unwrap_or_default().to_owned(), ..Key::default() };
        self.places
            .range(first..)
            .take_while(move |(key, _)| namespace.is_none_or(|namespace| key.namespace == namespace))
            .filter_map(|(key, place)| Some((key, self.pods.get(*place)?, self.verdicts.get(*place)?)))
    }

    fn pod(&self, key: &Key) -> Option<(&Pod, &Verdict)> {
        let place = *self.places.get(key)?;
        Some((self.pods.get(place)?, self.verdicts.get(place)?))
    }

    /// A finding about a resource of this render.
    fn about(&self, item: &Item<'_>, finding: Finding) -> Located {
        let finding = Finding { resource_ref: Some(item.reference()), ..finding };
        Located { finding, input: self.inputs_before + item.input(), line: Some(item.first_line()) }
    }

    /// A finding about a pod of this render.
    fn about_pod(&self, verdict: &Verdict, finding: Finding) -> Located {
        let finding = Finding { resource_ref: Some(verdict.resource.clone()), ..finding };
        Located { finding, input: self.inputs_before + verdict.input, line: Some(verdict.line) }
    }

    /// A finding about a namespace, of which the render may hold no object.
    fn about_namespace(&self, name: &str, finding: Finding) -> Located {
        match self.namespaces.get(name).and_then(|place| self.list.items().get(*place)) {
            Some(item) => self.about(item, finding),
            None => self.about_absent("v1", "Namespace", name, finding),
        }
    }

    fn about_absent(&self, api_version: &str, kind: &str, name: &str, finding: Finding) -> Located {
        let reference = ResourceRef {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            namespace: String::new(),
        };
        let finding = Finding { resource_ref: Some(reference), ..finding };
        Located { finding, input: self.inputs_before, line: None }
    }
}

/// A difference, with what was and what is.
fn difference(rule: Rule, severity: Severity, message: String, before: &str, after: &str) -> Finding {
    let mut finding = Finding::new(rule, severity, message);
    finding.tags.insert("before", before.to_owned());
    finding.tags.insert("after", after.to_owned());
    finding
}

fn key(resource: &ResourceRef) -> Key {
    let group = resource.api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let namespace = if resource.namespace.is_empty() { "default" } else { &resource.namespace };
    Key {
        namespace: namespace.to_owned(),
        group: group.to_owned(),
        kind: resource.kind.clone(),
        name: resource.name.clone(),
        nth: 0,
    }
}

fn seen(cluster: &Cluster, options: &Options<'_>, item: &Item<'_>, fate: &Fate) -> Pod {
    let Fate::Judged(admitted) = fate else { return Pod::default() };
    let namespace = cluster.namespace(namespace_of(item));
    let metadata = &admitted.pod.metadata;
    let texts = |texts: &Option<Texts>| texts.clone().unwrap_or_default();
    let (labels, annotations) = (texts(&metadata.labels), texts(&metadata.annotations));
    let on_host = admitted.pod.spec.host_network == Some(true);
    let word = labels.get(DATAPLANE_MODE).or_else(|| namespace.and_then(|found| found.labels.get(DATAPLANE_MODE)));
    let enrolled = !on_host && word.is_some_and(|word| word == "ambient");
    let inject = labels.get(INJECT).or_else(|| annotations.get(INJECT));
    let version = options.version.unwrap_or_else(|| cluster.policy(namespace_of(item)).0.enforce.version);
    let breaks =
        Level::ALL.into_iter().map(|level| (level, admitted.violations(LevelVersion { level, version }))).collect();
    Pod {
        is_member: admitted.injected || enrolled,
        is_doubtful: admitted.doubt.is_some(),
        opts_out: !admitted.injected
            && !enrolled
            && (inject.is_some_and(|word| word == "false")
                || labels.get(DATAPLANE_MODE).is_some_and(|it| it == "none")),
        labels,
        breaks,
    }
}

/// The first names of several, and how many there are.
fn shown<'a>(names: impl IntoIterator<Item = &'a Key>) -> String {
    const SHOWN: usize = 3;
    let names: Vec<String> = names.into_iter().map(|key| format!("{} \"{}\"", key.kind, key.name)).collect();
    let more = if names.len() > SHOWN { format!(" and {} more", names.len() - SHOWN) } else { String::new() };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}
