//! What the Pod Security labels of the output will do to the pods of the input.
//!
//! An `enforce` label that the namespace's own pods violate would keep them from starting: a finding for each pod and
//! reason, in Pod Security's words. `warn` and `audit` only talk: one line per namespace. Namespaces that Kubeflow's
//! profile controller makes are judged by the labels that it gives them.

use std::collections::BTreeMap;

use super::report::Report;
use crate::admission::{AdmittedPod, Cluster, Outcome, Pods, depends_on_version, namespace_of, other_webhooks};
use crate::config::{Config, OnViolation};
use crate::krm::{Error, Finding, Item, List, ResourceRef, Severity};
use crate::kube::pod::PodKind;
use crate::kube::profile_labels;
use crate::pod_security::{ENFORCE_LABEL, Level, LevelVersion, Mode, Policy, Violation};
use crate::rules::Rule;

/// Pods of the mesh that have to be on the node, and their level.
const NODE_AGENTS: [&str; 2] = ["istio-cni", "ztunnel"];

pub(super) fn run(list: &mut List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let cluster_findings = Judge { list, config, talk: BTreeMap::new(), webhooks: BTreeMap::new() }.run(report)?;
    for finding in cluster_findings {
        report.add(finding);
    }
    user_namespaces(list, config, report)
}

/// How many pods of a namespace a mode would talk about.
#[derive(Default)]
struct Talk {
    pods: usize,
    of_mode: BTreeMap<Mode, usize>,
}

struct Judge<'l, 's> {
    list: &'l List<'s>,
    config: &'l Config,
    talk: BTreeMap<String, Talk>,
    webhooks: BTreeMap<String, usize>,
}

impl Judge<'_, '_> {
    fn run(mut self, report: &mut Report) -> Result<Vec<Finding>, Error> {
        // Labels were written since the pods were first asked for.
        report.pods(self.list, self.config)?.reread_namespaces(self.list)?;
        let mut said = Vec::new();
        for (place, item) in self.list.items().iter().enumerate() {
            if PodKind::of(item).is_none() {
                continue;
            }
            let pods = report.pods(self.list, self.config)?;
            if let Some(policy) = watched(pods.cluster(), namespace_of(item)) {
                let findings = self.judge(pods, place, item, &policy)?;
                for finding in findings {
                    report.add_for(item, finding)?;
                }
            }
        }
        let pods = report.pods(self.list, self.config)?;
        if pods.was_asked() {
            said.extend(pods.cluster().problems().iter().cloned());
        }
        let cluster = pods.cluster();
        said.extend(self.talk.iter().filter_map(|(namespace, talk)| talk_of(cluster, namespace, talk)));
        said.extend(other_webhooks(&self.webhooks));
        Ok(said)
    }

    fn judge(
        &mut self,
        pods: &mut Pods,
        place: usize,
        item: &Item<'_>,
        policy: &Policy,
    ) -> Result<Vec<Finding>, Error> {
        let namespace = namespace_of(item);
        let Some(subject) = pods.get(place, item)?.cloned() else { return Ok(Vec::new()) };
        let pod = match subject.outcome {
            Outcome::Failed { why, undecodable } => {
                let rule = if undecodable { Rule::Undecodable } else { Rule::InjectionRefused };
                return Ok(vec![Finding::new(rule, Severity::Error, why)]);
            }
            Outcome::Judged(pod) => pod,
        };
        for webhook in pods.cluster().other_webhooks(namespace, &pod) {
            *self.webhooks.entry(webhook.to_owned()).or_default() += 1;
        }
        let mut findings = Vec::new();
        if let Some(doubt) = &pod.doubt {
            let message =
                format!("what Istio's injector adds cannot be predicted, so the pod is judged without it: {doubt}");
            findings.push(Finding::new(Rule::InjectionUnpredictable, Severity::Warning, message));
        }
        self.enforced(item, namespace, &pod, policy.enforce, &mut findings);
        let talk = self.talk.entry(namespace.to_owned()).or_default();
        talk.pods += 1;
        for mode in [Mode::Audit, Mode::Warn] {
            if !pod.violations(policy.mode(mode)).is_empty() {
                *talk.of_mode.entry(mode).or_default() += 1;
            }
        }
        Ok(findings)
    }

    fn enforced(
        &self,
        item: &Item<'_>,
        namespace: &str,
        pod: &AdmittedPod,
        asked: LevelVersion,
        findings: &mut Vec<Finding>,
    ) {
        let severity = weight(self.config);
        let violations = pod.violations(asked);
        for violation in &violations {
            findings.push(violated(item, namespace, pod, asked, violation, severity));
        }
        if let Some(message) = depends_on_version(pod, asked, &violations) {
            findings.push(Finding::new(Rule::PodSecurityVersion, Severity::Warning, message));
        }
    }
}

/// How bad it is that pods would be refused.
const fn weight(config: &Config) -> Severity {
    match config.on_violation {
        OnViolation::Fail => Severity::Error,
        OnViolation::Warn => Severity::Warning,
    }
}

/// The policy of a namespace whose labels do anything.
fn watched(cluster: &Cluster, namespace: &str) -> Option<Policy> {
    let (policy, _) = cluster.policy(namespace);
    let does_something = Mode::ALL.into_iter().any(|mode| policy.mode(mode).level > Level::Privileged);
    (cluster.namespace(namespace).is_some() && does_something).then_some(policy)
}

fn violated(
    item: &Item<'_>,
    namespace: &str,
    pod: &AdmittedPod,
    asked: LevelVersion,
    violation: &Violation,
    severity: Severity,
) -> Finding {
    let said = crate::pod_security::aggregate(std::slice::from_ref(violation));
    let injected = if pod.injected { " with what Istio's injector adds" } else { "" };
    let mut message = format!(
        "its pod{injected} violates PodSecurity \"{asked}\", which namespace \"{namespace}\" enforces: {said}. {}",
        violation.mend
    );
    if NODE_AGENTS.iter().any(|agent| item.name().starts_with(agent)) && item.kind() == "DaemonSet" {
        message.push_str(&format!(
            " A node agent of Istio needs privileged: add `{{names: [{namespace}], enforce: privileged}}` to `podSecurity.namespaces`, or \
             give it a namespace of its own."
        ));
    }
    let mut finding = Finding::new(Rule::PodSecurityEnforce, severity, message);
    finding.tags.extend([
        ("psa-level", asked.level.to_string()),
        ("psa-version", asked.version.to_string()),
        ("psa-check", violation.check.to_owned()),
        ("psa-reason", violation.reason.to_owned()),
        ("psa-detail", violation.detail.clone()),
    ]);
    finding
}

/// One line about `audit` and `warn`, where their labels have something to say.
fn talk_of(cluster: &Cluster, name: &str, talk: &Talk) -> Option<Finding> {
    let namespace = cluster.namespace(name)?;
    let (policy, _) = cluster.policy(name);
    let said: Vec<String> = talk
        .of_mode
        .iter()
        .filter(|(mode, _)| namespace.labels.contains_key(mode.level_label()))
        .map(|(mode, count)| {
            let verb = if *mode == Mode::Audit { "be noted in the audit log" } else { "be warned of" };
            format!("{mode}={}: {count} of {} pods would {verb}", policy.mode(*mode), talk.pods)
        })
        .collect();
    if said.is_empty() {
        return None;
    }
    let mut finding = Finding::new(Rule::PodSecurityWarn, Severity::Info, said.join("; "));
    finding.resource_ref = Some(namespace_ref(name));
    Some(finding)
}

fn namespace_ref(name: &str) -> ResourceRef {
    ResourceRef {
        api_version: "v1".to_owned(),
        kind: "Namespace".to_owned(),
        name: name.to_owned(),
        namespace: String::new(),
    }
}

/// Says where even a pod that meets `restricted` could not start in a user namespace, since the mesh is rootful.
fn user_namespaces(list: &List<'_>, config: &Config, report: &mut Report) -> Result<(), Error> {
    let Some(source) = profile_labels::source(list)? else { return Ok(()) };
    if !source.labels.contains_key(ENFORCE_LABEL) {
        return Ok(());
    }
    let item = &list.items()[source.place];
    let cluster = report.pods(list, config)?.cluster();
    let asked = cluster.policy_of_labels(&source.labels).enforce;
    let violations = cluster.violations_of_injection(&source.labels, asked);
    if violations.is_empty() {
        return Ok(());
    }
    let message = format!(
        "user namespaces enforce {asked}, but every pod there that gets a sidecar would be refused for what Istio's injector adds: {}. Set \
         `istio.mode: cni`, which takes the privileges to the node, or ask for less in `podSecurity.userNamespaces`",
        crate::pod_security::aggregate(&violations)
    );
    // A level that this run asks for is an error; one that stood there is a violation as any other.
    let asked = config.user_namespaces.as_ref().is_some_and(|wishes| wishes.enforce.is_some());
    let severity = match config.on_violation {
        OnViolation::Warn if !asked => Severity::Warning,
        _ => Severity::Error,
    };
    report.add_for(item, Finding::new(Rule::UserNamespacesNeedCni, severity, message))
}
