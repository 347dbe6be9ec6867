//! `check --since`: between recorded platforms it reports what their recorded verdicts say has changed, and each kind of
//! difference, in both directions, on small renders.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use unroot::check::{Options, Outcome, Source, check};
use unroot::filter::{Exit, Given};
use unroot::krm::Severity;
use unroot::pod_security::Level;
use unroot::report::Output;

use super::lines;
use crate::shared::read;

fn compared(old: &str, new: &str, output: Output, level: Option<Level>) -> Outcome {
    let since = vec![Source { name: "old.yaml", bytes: old.as_bytes() }];
    check(
        &[Source { name: "new.yaml", bytes: new.as_bytes() }],
        &Options { level, output, since, ..Options::default() },
    )
}

/// Kind, namespace and name.
type Resource = (String, String, String);

fn resource(line: &Value) -> Resource {
    let word = |key: &str| line[key].as_str().expect("a text").to_owned();
    (word("kind"), word("namespace"), word("name"))
}

/// What a recorded pod meets.
fn meets(verdicts: [&Value; 2]) -> &'static str {
    match verdicts.map(|verdict| verdict["allowed"].as_bool().expect("a verdict")) {
        [_, true] => "restricted",
        [true, false] => "baseline",
        [false, false] => "privileged",
    }
}

/// The level and the injection that are recorded for each pod, as built or in a mode.
fn recorded(release: &str, mode: Option<&str>) -> Option<BTreeMap<Resource, (&'static str, bool)>> {
    let text = read(&format!("kubeflow-verdicts/{release}.jsonl.gz"))?;
    let pods = lines(&text).map(|line| {
        let of = |level: &str| match mode {
            Some(mode) => line["modes"][mode][level].clone(),
            None => line[level]["latest"]["admitted"].clone(),
        };
        (resource(&line), (meets([&of("baseline"), &of("restricted")]), line["injected"] == true))
    });
    Some(pods.collect())
}

type Differences = BTreeSet<(Resource, String, String)>;

/// The differences of levels, of pods and of namespaces, that are recorded.
fn expected(
    old: &BTreeMap<Resource, (&'static str, bool)>,
    new: &BTreeMap<Resource, (&'static str, bool)>,
) -> Differences {
    const WORST_FIRST: [&str; 3] = ["privileged", "baseline", "restricted"];
    let rank = |level: &str| WORST_FIRST.iter().position(|word| *word == level);
    let lowest = |pods: &BTreeMap<Resource, (&'static str, bool)>, namespace: &str| {
        let levels = pods.iter().filter(|(resource, _)| resource.1 == namespace).map(|(_, (level, _))| *level);
        levels.min_by_key(|level| rank(level))
    };
    let mut expected = Differences::new();
    for (resource, (level, _)) in new {
        if let Some((before, _)) = old.get(resource).filter(|(before, _)| before != level) {
            expected.insert((resource.clone(), (*before).to_owned(), (*level).to_owned()));
        }
        let namespace = &resource.1;
        if let (Some(before), Some(after)) = (lowest(old, namespace), lowest(new, namespace))
            && before != after
        {
            let object = ("Namespace".to_owned(), String::new(), namespace.clone());
            expected.insert((object, before.to_owned(), after.to_owned()));
        }
    }
    expected
}

/// The differences of levels that were reported.
fn reported(report: &str) -> Differences {
    let is_level = |word: &Value| ["privileged", "baseline", "restricted"].iter().any(|level| word == level);
    lines(report)
        .filter(|line| is_level(&line["before"]) && is_level(&line["after"]))
        .map(|line| {
            let word = |key: &str| line[key].as_str().expect("a text").to_owned();
            (resource(&line), word("before"), word("after"))
        })
        .collect()
}

fn worse(outcome: &Outcome) -> usize {
    outcome.differences.iter().filter(|finding| finding.severity == Severity::Error).count()
}

fn of_rule<'l>(lines: &'l [Value], rule: &str) -> Vec<&'l Value> {
    lines.iter().filter(|line| line["rule"] == rule).collect()
}

#[test]
fn an_upgrade_of_kubeflow_reports_what_its_verdicts_say_has_changed() {
    let (Some(old), Some(new)) = (read("kubeflow/v1.8.1.yaml.gz"), read("kubeflow/26.03.yaml.gz")) else { return };
    let (Some(before), Some(after)) = (recorded("v1.8.1", None), recorded("26.03", None)) else { return };
    let outcome = compared(&old, &new, Output::Jsonl, None);
    let expected = expected(&before, &after);
    assert!(expected.len() > 35, "{}", expected.len());
    assert_eq!(reported(&outcome.report), expected);
    let all: Vec<Value> = lines(&outcome.report).collect();
    for rule in ["level-lowered", "pod-level-lowered", "new-violation", "rootful-again", "out-of-mesh", "policy-weaker"]
    {
        assert!(of_rule(&all, rule).is_empty(), "{rule}");
    }
    let left =
        before.iter().filter(|(resource, (_, injected))| *injected && after.get(*resource).is_some_and(|it| !it.1));
    assert_eq!(left.count(), 0);
    // Its pods are gone with it.
    let lost = of_rule(&all, "policy-lost");
    assert_eq!(lost.len(), 1);
    assert_eq!((&lost[0]["name"], &lost[0]["severity"]), (&json!("minio-service"), &json!("info")));
    let changed: Vec<&Value> = of_rule(&all, "policy-changed").into_iter().map(|line| &line["name"]).collect();
    assert_eq!(changed, ["ml-pipeline-ui"]);
    // New pods of the mesh's namespaces that stay out by their own word.
    let exempt: BTreeSet<Resource> = of_rule(&all, "new-exemption").into_iter().map(resource).collect();
    assert_eq!(exempt.len(), 2);
    for resource in &exempt {
        assert!(!before.contains_key(resource) && after.get(resource).is_some_and(|(_, injected)| !injected));
    }
    assert_eq!((outcome.exit, worse(&outcome)), (Exit::Findings, 2));
}

#[test]
fn the_way_back_to_sidecars_reports_what_the_verdicts_of_that_mode_say_and_the_way_there_passes() {
    let Some(cni) = read("kubeflow/26.03.yaml.gz") else { return };
    let (Some(before), Some(mut after)) = (recorded("26.03", None), recorded("26.03", Some("sidecar-native"))) else {
        return;
    };
    let config =
        b"apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec: {istio: {mode: sidecar}, onViolation: warn}\n";
    let given = Given { file: Some(("unroot.yaml", Ok(config.to_vec()))), words: &[] };
    let rewritten = unroot::filter(cni.as_bytes(), &given);
    assert_eq!(rewritten.exit, Exit::Done);
    let sidecar: String = rewritten.pieces().iter().map(|piece| piece.as_str()).collect();
    // The mode itself takes istio-cni away.
    after.retain(|resource, _| resource.1 != "kube-system");
    let expected = expected(&before, &after);
    assert_eq!(expected.len(), 32 + 3);

    for level in [None, Some(Level::Restricted), Some(Level::Baseline)] {
        let outcome = compared(&cni, &sidecar, Output::Jsonl, level);
        assert_eq!(outcome.exit, Exit::Findings);
        let all: Vec<Value> = lines(&outcome.report).collect();
        assert_eq!(reported(&outcome.report), expected);
        assert_eq!(of_rule(&all, "rootful-again").len(), 1);
        let violating: BTreeSet<Resource> = of_rule(&all, "new-violation").into_iter().map(resource).collect();
        let lowered = expected.iter().map(|(resource, ..)| resource).filter(|resource| resource.0 != "Namespace");
        assert_eq!(violating, lowered.cloned().collect());
        let reasons = if level == Some(Level::Baseline) { 1 } else { 3 };
        assert_eq!(of_rule(&all, "new-violation").len(), 32 * reasons);
        assert!(all.iter().all(|line| line["severity"] == "error"));
    }
    let back = compared(&sidecar, &cni, Output::Jsonl, None);
    assert_eq!((back.exit, worse(&back)), (Exit::Done, 0));
    assert_eq!(reported(&back.report).len(), expected.len());
}

#[test]
fn two_equal_renders_differ_in_nothing_whatever_is_wrong_with_both() {
    for release in ["v1.8.1", "26.03"] {
        let Some(stream) = read(&format!("kubeflow/{release}.yaml.gz")) else { return };
        for level in [None, Some(Level::Restricted)] {
            let outcome = compared(&stream, &stream, Output::Jsonl, level);
            assert_eq!(
                (outcome.exit, outcome.report.as_str(), outcome.findings.len()),
                (Exit::Done, "", 0),
                "{release}"
            );
            let text = compared(&stream, &stream, Output::Text, level).report;
            assert_eq!(text, "since old.yaml: nothing is otherwise\n");
        }
        let list = read(&format!("kubeflow/{release}.resourcelist.yaml.gz")).expect("the same as a list");
        let outcome = compared(&stream, &list, Output::Jsonl, None);
        assert_eq!((outcome.exit, outcome.report.as_str()), (Exit::Done, ""), "{release}");
    }
    let broken = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostPID: true, containers: 5}\n";
    assert_eq!(compared(broken, broken, Output::Jsonl, Some(Level::Baseline)).exit, Exit::Done);
}

const NAMESPACE: &str =
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {pod-security.kubernetes.io/enforce: baseline}}\n";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: a, labels: {app: x}}\nspec: {containers: [{name: c}]}\n";

fn policy(kind: &str, spec: &str) -> String {
    let api = if kind == "NetworkPolicy" { "networking.k8s.io/v1" } else { "security.istio.io/v1" };
    format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: q, namespace: a}}\nspec: {spec}\n")
}

/// `rule severity` of each difference between two renders that have the same namespace and pod.
fn differences(old: &[&str], new: &[&str]) -> Vec<String> {
    let render = |parts: &[&str]| parts.join("---\n");
    let outcome = compared(&render(old), &render(new), Output::Jsonl, None);
    assert!(outcome.exit != Exit::Unusable, "{:?}", outcome.findings);
    let has_error = lines(&outcome.report).any(|line| line["severity"] == "error");
    assert_eq!(outcome.exit, if has_error { Exit::Findings } else { Exit::Done });
    assert_eq!(lines(&outcome.report).count(), outcome.differences.len());
    let word = |line: &Value, key: &str| line[key].as_str().expect("a text").to_owned();
    lines(&outcome.report).map(|line| format!("{} {}", word(&line, "rule"), word(&line, "severity"))).collect()
}

#[test]
fn a_policy_that_says_less_is_worse_and_one_that_says_more_is_not() {
    const GONE: &str = "";
    let x = "selector: {matchLabels: {app: x}}";
    let (weaker, changed, safer) = ("policy-weaker error", "policy-changed warning", "safer-than-before info");
    for (kind, old, new, expected, back) in [
        ("AuthorizationPolicy", "{}", GONE, "policy-lost error", ""),
        ("AuthorizationPolicy", "{action: AUDIT, rules: [{}]}", GONE, "policy-lost warning", ""),
        ("AuthorizationPolicy", "{action: DENY, rules: [{}]}", "{rules: [{}]}", weaker, weaker),
        ("AuthorizationPolicy", "{action: DENY, rules: [{}]}", "{action: AUDIT, rules: [{}]}", weaker, safer),
        ("AuthorizationPolicy", "{}", "{rules: [{}]}", weaker, safer),
        (
            "AuthorizationPolicy",
            "{action: ALLOW, rules: [{to: [{a: 1}]}]}",
            "{rules: [{to: [{a: 1}]}, {to: []}]}",
            weaker,
            safer,
        ),
        ("AuthorizationPolicy", "{rules: [{to: [{a: 1}]}]}", "{rules: [{to: [{a: 2}]}]}", changed, changed),
        ("AuthorizationPolicy", "{rules: [{to: [{a: 1}]}]}", "{rules: [{to: [{a: 2}]}, {}]}", weaker, safer),
        (
            "AuthorizationPolicy",
            "{action: DENY, rules: [{to: [{a: 1}]}, {to: [{a: 2}]}]}",
            "{action: DENY, rules: [{to: [{a: 2}]}]}",
            weaker,
            safer,
        ),
        (
            "AuthorizationPolicy",
            "{action: DENY, rules: [{to: [{a: 1}]}]}",
            "{action: DENY, rules: [{to: [{a: 2}]}]}",
            changed,
            changed,
        ),
        (
            "AuthorizationPolicy",
            "{action: CUSTOM, provider: {name: a}, rules: [{}]}",
            "{action: CUSTOM, provider: {name: b}, rules: [{}]}",
            changed,
            changed,
        ),
        ("AuthorizationPolicy", "{rules: []}", "{selector: {matchLabels: {app: z}}}", weaker, changed),
        (
            "AuthorizationPolicy",
            "{targetRefs: [{kind: Service, name: a}]}",
            "{targetRefs: [{kind: Service, name: b}]}",
            changed,
            changed,
        ),
        ("PeerAuthentication", "{mtls: {mode: STRICT}}", "{mtls: {mode: PERMISSIVE}}", weaker, safer),
        ("PeerAuthentication", "{mtls: {mode: STRICT}}", "{}", weaker, safer),
        ("PeerAuthentication", "{mtls: {mode: PERMISSIVE}}", "{mtls: {mode: DISABLE}}", weaker, safer),
        ("PeerAuthentication", "{mtls: {mode: STRICT}}", GONE, "policy-lost error", ""),
        ("PeerAuthentication", "{mtls: {mode: DISABLE}}", GONE, safer, "new-exemption error"),
        (
            "PeerAuthentication",
            "{mtls: {mode: STRICT}}",
            "{mtls: {mode: STRICT}, portLevelMtls: {80: {mode: PERMISSIVE}}}",
            weaker,
            safer,
        ),
        (
            "PeerAuthentication",
            "{mtls: {mode: STRICT}}",
            "{mtls: {mode: STRICT}, portLevelMtls: {80: {mode: UNSET}}}",
            "",
            "",
        ),
        ("RequestAuthentication", "{jwtRules: [{issuer: a}]}", GONE, "policy-lost error", ""),
        ("RequestAuthentication", "{jwtRules: [{issuer: a}]}", "{}", weaker, safer),
        ("RequestAuthentication", "{jwtRules: [{issuer: a}]}", "{jwtRules: [{issuer: b}]}", changed, changed),
        ("NetworkPolicy", "{podSelector: {}}", GONE, "policy-lost error", ""),
        ("NetworkPolicy", "{podSelector: {}}", "{podSelector: {}, ingress: [{}]}", weaker, safer),
        ("NetworkPolicy", "{podSelector: {}, policyTypes: [Ingress, Egress]}", "{podSelector: {}}", weaker, safer),
        ("NetworkPolicy", "{podSelector: {}}", "{podSelector: {}, egress: [{}]}", safer, weaker),
        (
            "NetworkPolicy",
            "{podSelector: {}, ingress: [{ports: [{port: 1}]}]}",
            "{podSelector: {}, ingress: [{ports: [{port: 2}]}]}",
            changed,
            changed,
        ),
        (
            "NetworkPolicy",
            "{podSelector: {}}",
            "{podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [x]}]}}",
            weaker,
            changed,
        ),
    ] {
        for selector in ["", x] {
            // The same for a policy that is for the pod by its labels.
            let spec = |spec: &str| match (selector, kind) {
                ("", _) | (_, "NetworkPolicy") => spec.to_owned(),
                _ if spec.contains("selector") || spec.contains("targetRefs") => spec.to_owned(),
                _ => format!("{{{selector}, {}", &spec[1..]).replace(", }", "}"),
            };
            let [old, new] =
                [old, new].map(|text| if text.is_empty() { String::new() } else { policy(kind, &spec(text)) });
            fn parts(policy: &str) -> Vec<&str> {
                [NAMESPACE, POD, policy].into_iter().filter(|part| !part.is_empty()).collect()
            }
            let words = |word: &str| if word.is_empty() { Vec::new() } else { vec![word.to_owned()] };
            assert_eq!(differences(&parts(&old), &parts(&new)), words(expected), "{kind} {old} -> {new}");
            assert_eq!(differences(&parts(&new), &parts(&old)), words(back), "back: {kind} {old} -> {new}");
        }
    }
}

#[test]
fn what_a_policy_is_for_decides_about_its_loss() {
    let deny = policy("AuthorizationPolicy", "{selector: {matchLabels: {app: x}}}");
    let renamed = deny.replace("name: q", "name: r");
    let other_pod = POD.replace("app: x", "app: z");
    let allow = policy("AuthorizationPolicy", "{rules: [{to: [{a: 1}]}]}").replace("name: q", "name: allow");
    let strict = policy("PeerAuthentication", "{mtls: {mode: STRICT}}").replace("name: q", "name: strict");
    let permissive = policy("PeerAuthentication", "{mtls: {mode: PERMISSIVE}}");
    let deny = deny.as_str();
    for (name, old, new, expected) in [
        ("renamed", vec![NAMESPACE, POD, deny], vec![NAMESPACE, POD, &renamed], vec![]),
        ("with its pod", vec![NAMESPACE, POD, deny], vec![NAMESPACE], vec!["policy-lost info"]),
        ("with its namespace", vec![NAMESPACE, POD, deny], vec![&NAMESPACE.replace("name: a", "name: b")[..]], vec![]),
        (
            "the pod has other labels",
            vec![NAMESPACE, POD, deny],
            vec![NAMESPACE, &other_pod, deny],
            vec!["policy-weaker error"],
        ),
        ("gone, and other labels", vec![NAMESPACE, POD, deny], vec![NAMESPACE, &other_pod], vec!["policy-lost error"]),
        (
            "another version of the API",
            vec![NAMESPACE, POD, deny],
            vec![NAMESPACE, POD, &deny.replace("/v1", "/v1beta1")[..]],
            vec![],
        ),
        (
            "more is let in",
            vec![NAMESPACE, POD, deny],
            vec![NAMESPACE, POD, deny, &allow],
            vec!["policy-changed warning"],
        ),
        ("nothing was limited", vec![NAMESPACE, POD], vec![NAMESPACE, POD, &allow], vec![]),
        (
            "plain text",
            vec![NAMESPACE, POD, &strict],
            vec![NAMESPACE, POD, &strict, &permissive],
            vec!["new-exemption error"],
        ),
        ("plain text was let in", vec![NAMESPACE, POD], vec![NAMESPACE, POD, &permissive], vec![]),
    ] {
        assert_eq!(differences(&old, &new), expected, "{name}");
    }
}

#[test]
fn levels_exemptions_and_pods_that_are_worse_are_told() {
    let label = |text: &str| NAMESPACE.replace("enforce: baseline", text);
    let configuration = |body: &str| {
        format!("apiVersion: pod-security.admission.config.k8s.io/v1\nkind: PodSecurityConfiguration\n{body}\n")
    };
    let host = POD.replace("spec: {", "spec: {hostPID: true, ");
    let many = host.replace("hostPID: true", "hostPID: true, hostIPC: true");
    let broken = POD.replace("[{name: c}]", "5");
    let (lowered, safer) = ("level-lowered error", "safer-than-before info");
    for (name, old, new, expected) in [
        ("lower", vec![NAMESPACE.to_owned()], vec![label("enforce: privileged")], vec![lowered]),
        ("gone", vec![NAMESPACE.to_owned()], vec![label("audit: baseline")], vec![lowered, safer]),
        ("higher", vec![NAMESPACE.to_owned()], vec![label("enforce: restricted")], vec![safer]),
        (
            "older",
            vec![NAMESPACE.to_owned()],
            vec![label("enforce: baseline, pod-security.kubernetes.io/enforce-version: v1.20")],
            vec!["level-lowered warning"],
        ),
        ("warn", vec![label("warn: baseline")], vec![label("x: y")], vec!["level-lowered warning"]),
        ("no object", vec![NAMESPACE.to_owned(), POD.to_owned()], vec![POD.to_owned()], vec![lowered]),
        (
            "default",
            vec![POD.to_owned(), configuration("defaults: {enforce: baseline}")],
            vec![POD.to_owned()],
            vec![lowered, lowered],
        ),
        (
            "exempt",
            vec![POD.to_owned()],
            vec![POD.to_owned(), configuration("exemptions: {namespaces: [a], usernames: [u]}")],
            vec!["new-exemption error"; 2],
        ),
        (
            "exempt before",
            vec![POD.to_owned(), configuration("exemptions: {namespaces: [a]}")],
            vec![POD.to_owned()],
            vec![],
        ),
        (
            "new, below the default",
            vec![POD.to_owned(), configuration("defaults: {enforce: restricted}")],
            vec![
                POD.to_owned(),
                NAMESPACE.replace("name: a", "name: b"),
                configuration("defaults: {enforce: restricted}"),
            ],
            vec!["new-exemption error"],
        ),
        (
            "worse pod",
            vec![NAMESPACE.to_owned(), POD.to_owned()],
            vec![NAMESPACE.to_owned(), host.clone()],
            vec!["pod-level-lowered error", "pod-level-lowered error", "new-violation error"],
        ),
        ("known violation", vec![NAMESPACE.to_owned(), host.clone()], vec![NAMESPACE.to_owned(), host.clone()], vec![]),
        (
            "one more of the same check",
            vec![NAMESPACE.to_owned(), host.clone()],
            vec![NAMESPACE.to_owned(), many.clone()],
            vec!["new-violation error"],
        ),
        ("one less", vec![NAMESPACE.to_owned(), many], vec![NAMESPACE.to_owned(), host.clone()], vec![]),
        ("new pod", vec![NAMESPACE.to_owned()], vec![NAMESPACE.to_owned(), host], vec!["new-violation error"]),
        (
            "undecodable",
            vec![NAMESPACE.to_owned(), POD.to_owned()],
            vec![NAMESPACE.to_owned(), broken],
            vec!["undecodable error"],
        ),
    ] {
        let [old, new] = [&old, &new].map(|parts| parts.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(differences(&old, &new), expected, "{name}");
    }
}

#[test]
fn who_leaves_the_mesh_is_told() {
    let enrolled =
        NAMESPACE.replace("{pod-security.kubernetes.io/enforce: baseline}", "{istio.io/dataplane-mode: ambient}");
    let none = NAMESPACE.replace("{pod-security.kubernetes.io/enforce: baseline}", "{}");
    let out = POD.replace("app: x", "app: x, istio.io/dataplane-mode: none");
    for (name, old, new, expected) in [
        ("the namespace", vec![&enrolled[..], POD], vec![&none[..], POD], vec!["out-of-mesh error"; 2]),
        ("the pod", vec![&enrolled, POD], vec![&enrolled, &out], vec!["out-of-mesh error"]),
        ("into it", vec![&none, POD], vec![&enrolled, POD], vec!["safer-than-before info"; 2]),
        ("a new pod", vec![&enrolled], vec![&enrolled, &out], vec!["new-exemption error"]),
        ("a new pod elsewhere", vec![&none], vec![&none, &out], vec![]),
    ] {
        assert_eq!(differences(&old, &new), expected, "{name}");
    }
}

#[test]
fn a_pod_of_which_nobody_knows_what_is_injected_passes_for_no_better_one() {
    let webhook = "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: w}\nwebhooks:\n\
                   - name: sidecar-injector.istio.io\n  admissionReviewVersions: [v1]\n  sideEffects: None\n  \
                   clientConfig: {service: {name: istiod, namespace: istio-system}}\n  \
                   rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]\n";
    let host = POD.replace("spec: {", "spec: {hostIPC: true, ");
    let found = differences(&[NAMESPACE, &host], &[NAMESPACE, POD, webhook]);
    assert_eq!(found, ["safer-than-before info", "injection-unpredictable warning"]);
    assert_eq!(differences(&[NAMESPACE, POD, webhook], &[NAMESPACE, POD, webhook]), Vec::<String>::new());
}

#[test]
fn an_older_render_that_cannot_be_used_is_named() {
    for (old, new, output, message) in [
        ("", POD, Output::Text, "(old.yaml)"),
        ("a: [", POD, Output::Jsonl, "old.yaml"),
        ("\0", POD, Output::Sarif, "old.yaml"),
        ("kind: Pod\n", POD, Output::Text, "old.yaml"),
        (POD, "a: [", Output::Text, "new.yaml"),
        (POD, "---\nhello\n", Output::Text, "new.yaml"),
        (POD, POD, Output::Html, "`--since` has no page"),
    ] {
        let outcome = compared(old, new, output, None);
        assert_eq!((outcome.exit, outcome.report.as_str()), (Exit::Unusable, ""), "{old:?}");
        let said = outcome.findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(said.contains(message) && said.lines().count() == 1, "{old:?}: {said}");
    }
}

#[test]
fn hostile_names_stay_in_their_line_and_many_resources_take_no_time_beyond_them() {
    let hostile = NAMESPACE.replace("name: a", "name: \"a\\e[31m\\nworse in namespace b\"");
    let text =
        compared(&hostile, &hostile.replace("enforce: baseline", "enforce: privileged"), Output::Text, None).report;
    assert!(!text.contains('\u{1b}') && !text.lines().any(|line| line == "worse in namespace b"), "{text}");

    let many = |letter: &str| {
        (0..4000)
            .map(|n| {
                let pod = POD.replace("name: p, namespace: a", &format!("name: p, namespace: a{n}"));
                let policy = policy("NetworkPolicy", "{podSelector: {}}")
                    .replace("name: q, namespace: a", &format!("name: {letter}{n}, namespace: a{n}"));
                format!("---\n{pod}---\n{policy}")
            })
            .collect::<String>()
    };
    let started = std::time::Instant::now();
    let outcome = compared(
        &many("q"),
        &many("r").replace("podSelector: {}", "podSelector: {}, ingress: [{}]"),
        Output::Jsonl,
        None,
    );
    assert_eq!(worse(&outcome), 4000);
    assert!(started.elapsed() < std::time::Duration::from_secs(60), "{:?}", started.elapsed());
}

#[test]
fn the_log_for_code_scanning_points_at_the_file_that_has_the_resource() {
    let deny = policy("AuthorizationPolicy", "{}");
    let old = [NAMESPACE, POD, &deny].join("---\n");
    let new = [&NAMESPACE.replace("baseline", "privileged"), POD].join("---\n");
    let log: Value = serde_json::from_str(&compared(&old, &new, Output::Sarif, None).report).expect("JSON");
    super::sarif::assert_valid(&log);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let place = |result: &Value| {
        let location = &result["locations"][0]["physicalLocation"];
        json!([result["ruleId"], location["artifactLocation"]["uri"], location["region"]["startLine"]])
    };
    let places: Vec<Value> = results.iter().map(place).collect();
    assert_eq!(places, [json!(["level-lowered", "new.yaml", 1]), json!(["policy-lost", "old.yaml", 9])]);
}
