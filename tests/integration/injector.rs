//! Predicted injections against Istio's own injector: `istioctl kube-inject` on one Deployment, single cases with the verdicts of
//! the admitted pods, and both Kubeflow releases as a whole in every mode.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::{env, fs};

use flate2::read::GzDecoder;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use unroot::istio::injector::{InjectedPod, Injectors, NamespaceView, NotInjected, Owner, PodView, Prediction};
use unroot::pod_security::{Level, Version, defaults, evaluate};

#[test]
fn pods_get_what_istioctl_adds_to_them() {
    let mut compared = 0;
    for version in ["1.17.5", "1.22.1", "1.28.10"] {
        for mode in ["sidecar", "cni"] {
            for seccomp in ["", "noseccomp-"] {
                for native in ["", "-native"] {
                    let Some(install) = text(&format!("istio/{version}/{mode}.yaml")) else { return };
                    let Some(input) = text(&format!("istio/injected-{seccomp}input.yaml")) else { return };
                    let recorded = format!("istio/{version}/injected-{seccomp}{mode}{native}.yaml");
                    let Some(expected) = text(&recorded) else { return };
                    let mut list = documents(&install);
                    set_native(&mut list, !native.is_empty());
                    // kube-inject asks no webhook; here the namespace has to open the first gate.
                    list.push(json!({
                        "apiVersion": "v1", "kind": "Namespace",
                        "metadata": {"name": "team-a", "labels": {"istio-injection": "enabled"}},
                    }));
                    list.extend(documents(&input));
                    let input = Input::of(list);
                    let Prediction::Injected(pod) = input.predict(input.pod("Deployment", "team-a", "web")) else {
                        panic!("{recorded}")
                    };
                    let template = &documents(&expected)[0]["spec"]["template"];
                    let mut expected: PodSpec = decoded(template["spec"].clone());
                    let mut actual = pod.spec;
                    // Names and order are told by the comparison of the rest.
                    for spec in [&mut expected, &mut actual] {
                        without_environment(spec);
                    }
                    assert_eq!(json!(actual), json!(expected), "{recorded}");
                    let added = [
                        "istio.io/rev",
                        "kubectl.kubernetes.io/default-container",
                        "sidecar.istio.io/interceptionMode",
                    ];
                    let expected: ObjectMeta = decoded(template["metadata"].clone());
                    for name in added {
                        let of = |metadata: &ObjectMeta| {
                            metadata.annotations.as_ref().and_then(|map| map.get(name)).cloned()
                        };
                        assert_eq!(of(&pod.metadata), of(&expected), "{recorded}: {name}");
                    }
                    assert_eq!(pod.metadata.labels, expected.labels, "{recorded}");
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(compared, 24);
}

#[derive(Deserialize)]
struct Case {
    id: String,
    note: String,
    install: String,
    values: Option<Value>,
    config: Option<Value>,
    native: Option<bool>,
    manifests: String,
    expected: Vec<Expected>,
}

/// The input of a case: an Istio install with the case's changes, then its own manifests.
fn composed(case: &Case) -> Option<Vec<Value>> {
    let mut list = documents(&text(&case.install)?);
    if let Some(native) = case.native {
        set_native(&mut list, native);
    }
    for (key, patch) in [("values", &case.values), ("config", &case.config)] {
        if let Some(patch) = patch {
            edit_injector(&mut list, key, |text| merge_patch(text, patch));
        }
    }
    list.extend(documents(&case.manifests));
    Some(list)
}

/// The single cases as they are recorded, each with its input.
pub(crate) fn composed_cases() -> Option<Vec<(Value, Vec<Value>)>> {
    let cases = lines::<Value>("kubeflow-verdicts/injection-cases.jsonl.gz")?;
    cases.into_iter().map(|case| Some((case.clone(), composed(&decoded(case))?))).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    kind: String,
    namespace: String,
    name: String,
    injected: bool,
    injection_error: Option<String>,
    baseline: Option<Verdict>,
    restricted: Option<Verdict>,
    init_containers: Option<Vec<String>>,
    containers: Option<Vec<String>>,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Verdict {
    allowed: bool,
    violations: Vec<(String, String)>,
}

#[test]
fn single_pods_become_what_the_webhook_makes_of_them() {
    let Some(cases) = lines::<Case>("kubeflow-verdicts/injection-cases.jsonl.gz") else { return };
    let (mut pods, mut refused) = (0, 0);
    for case in cases {
        let Some(list) = composed(&case) else { return };
        let input = Input::of(list);
        for expected in &case.expected {
            let about = format!("{} ({}): {} {}", case.id, case.note, expected.kind, expected.name);
            let pod = input.pod(&expected.kind, &expected.namespace, &expected.name);
            let prediction = input.predict(pod);
            if expected.injection_error.is_some() {
                assert!(matches!(&prediction, Prediction::Refused { .. }), "{about}: {prediction:?}");
                refused += 1;
                continue;
            }
            let (injected, mut pod) = admitted(pod, prediction, &about);
            assert_eq!(injected, expected.injected, "{about}");
            if let Some(names) = &expected.init_containers {
                assert_eq!(*names, container_names(pod.spec.init_containers.as_deref()), "{about}");
            }
            if let Some(names) = &expected.containers {
                assert_eq!(*names, container_names(Some(&pod.spec.containers)), "{about}");
            }
            defaults::apply_to_pod(&mut pod.spec);
            for (level, verdict) in [(Level::Baseline, &expected.baseline), (Level::Restricted, &expected.restricted)] {
                let judged = verdict_of(level, Version::Latest, &pod);
                assert_eq!(Some(&judged), verdict.as_ref(), "{about}: {level}");
            }
            pods += 1;
        }
    }
    assert_eq!((pods, refused), (71, 1));
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    kind: String,
    namespace: String,
    name: String,
    injected: bool,
    baseline: BTreeMap<String, RawAndAdmitted>,
    restricted: BTreeMap<String, RawAndAdmitted>,
    modes: BTreeMap<String, BTreeMap<String, Verdict>>,
}

#[derive(Deserialize)]
struct RawAndAdmitted {
    admitted: Verdict,
}

/// Which value of the injector is the mode: `istio_cni.enabled` to 1.23, `pilot.cni.enabled` from 1.24.
fn mode_patch(release: &str, mode: &str) -> Value {
    let cni = mode.starts_with("cni");
    match release {
        "v1.8.1" => json!({"istio_cni": {"enabled": cni}}),
        _ => json!({"pilot": {"cni": {"enabled": cni}}}),
    }
}

#[test]
fn whole_platforms_are_admitted_as_recorded() {
    let mut judged = BTreeMap::new();
    for release in ["v1.8.1", "26.03"] {
        let Some(build) = text(&format!("kubeflow/{release}.yaml.gz")) else { return };
        let Some(recorded) = lines::<Recorded>(&format!("kubeflow-verdicts/{release}.jsonl.gz")) else { return };
        let list = documents(&build);
        let as_built = Input::of(list.clone());
        let mut by_mode = BTreeMap::new();
        for mode in ["sidecar", "cni", "sidecar-native", "cni-native"] {
            let mut list = list.clone();
            let patch = mode_patch(release, mode);
            edit_injector(&mut list, "values", |text| merge_patch(text, &patch));
            set_native(&mut list, mode.ends_with("native"));
            by_mode.insert(mode, Input::of(list));
        }
        let mut problems = String::new();
        let mut count = 0;
        for line in recorded {
            let about = format!("{release}: {} {}/{}", line.kind, line.namespace, line.name);
            let mut check = |what: &str, expected: &Verdict, level, version, pod: &InjectedPod| {
                let judged = verdict_of(level, version, pod);
                count += 1;
                if judged != *expected {
                    let _ = writeln!(problems, "{about} {what}: {judged:?} instead of {expected:?}");
                }
            };
            let source = as_built.pod(&line.kind, &line.namespace, &line.name);
            let (injected, mut pod) = admitted(source, as_built.predict(source), &about);
            assert_eq!(injected, line.injected, "{about}");
            defaults::apply_to_pod(&mut pod.spec);
            for (level, verdicts) in [(Level::Baseline, &line.baseline), (Level::Restricted, &line.restricted)] {
                check("latest", &verdicts["latest"].admitted, level, Version::Latest, &pod);
                check("v1.25", &verdicts["v1.25"].admitted, level, Version::V1(25), &pod);
            }
            for (mode, verdicts) in &line.modes {
                let mut pod = match by_mode.get(mode.as_str()) {
                    Some(input) => admitted(source, input.predict(source), &about).1,
                    None => admitted(source, Prediction::NotInjected(NotInjected::NotSelected), &about).1,
                };
                defaults::apply_to_pod(&mut pod.spec);
                check(mode, &verdicts["baseline"], Level::Baseline, Version::Latest, &pod);
                check(mode, &verdicts["restricted"], Level::Restricted, Version::Latest, &pod);
            }
        }
        assert!(problems.is_empty(), "{problems}");
        judged.insert(release, count);
    }
    assert_eq!(judged, BTreeMap::from([("26.03", 714), ("v1.8.1", 500)]));
}

/// What a list holds of interest here.
struct Input {
    injectors: Injectors,
    namespaces: BTreeMap<String, ObjectMeta>,
    pods: Vec<Value>,
}

impl Input {
    fn of(list: Vec<Value>) -> Self {
        let of_kind = |kind: &str| list.iter().filter(|item| item["kind"] == kind).cloned().collect::<Vec<_>>();
        let configurations: Vec<MutatingWebhookConfiguration> =
            of_kind("MutatingWebhookConfiguration").into_iter().map(decoded).collect();
        let config_maps: Vec<ConfigMap> = of_kind("ConfigMap").into_iter().map(decoded).collect();
        let deployments: Vec<Deployment> = of_kind("Deployment").into_iter().map(decoded).collect();
        let namespaces = of_kind("Namespace").into_iter().map(decoded::<Namespace>);
        Self {
            injectors: Injectors::find(&configurations, &config_maps, &deployments, None),
            namespaces: namespaces.map(|it| (it.metadata.name.clone().unwrap_or_default(), it.metadata)).collect(),
            pods: list.into_iter().filter(|item| template_of(item).is_some()).collect(),
        }
    }

    fn pod(&self, kind: &str, namespace: &str, name: &str) -> &Value {
        let mut pods = self.pods.iter();
        let found =
            pods.find(|it| it["kind"] == kind && it["metadata"]["name"] == name && namespace_of(it) == namespace);
        found.unwrap_or_else(|| panic!("{kind} {namespace}/{name} is not in the input"))
    }

    fn predict(&self, resource: &Value) -> Prediction {
        let (metadata, spec) = pod_of(resource);
        let name = namespace_of(resource);
        let namespace = self.namespaces.get(name);
        let namespace = NamespaceView {
            name,
            labels: namespace.map(|metadata| metadata.labels.as_ref().unwrap_or(&EMPTY)),
            annotations: namespace.and_then(|metadata| metadata.annotations.as_ref()),
        };
        let word = |value: &'static str| resource[value].as_str().unwrap_or_default();
        let owner = Owner {
            api_version: word("apiVersion"),
            kind: word("kind"),
            name: resource["metadata"]["name"].as_str().unwrap_or_default(),
        };
        let owner = (owner.kind != "Pod").then_some(owner);
        self.injectors.predict(&namespace, &PodView { metadata: &metadata, spec: &spec, owner })
    }
}

static EMPTY: BTreeMap<String, String> = BTreeMap::new();

fn namespace_of(resource: &Value) -> &str {
    resource["metadata"]["namespace"].as_str().unwrap_or("default")
}

/// The pod template of a resource; a Pod is its own.
fn template_of(resource: &Value) -> Option<&Value> {
    match resource["kind"].as_str()? {
        "Pod" => Some(resource),
        "PodTemplate" => resource.get("template"),
        "ReplicationController" | "ReplicaSet" | "Deployment" | "StatefulSet" | "DaemonSet" | "Job" => {
            resource["spec"].get("template")
        }
        "CronJob" => resource["spec"]["jobTemplate"]["spec"].get("template"),
        _ => None,
    }
    .filter(|_| !resource["apiVersion"].as_str().unwrap_or_default().contains("kubeflow"))
}

fn pod_of(resource: &Value) -> (ObjectMeta, PodSpec) {
    let template = template_of(resource).expect("a pod template");
    let metadata = template.get("metadata").cloned().unwrap_or_else(|| json!({}));
    (decoded(metadata), decoded(template["spec"].clone()))
}

/// The pod after a prediction that must be certain.
fn admitted(resource: &Value, prediction: Prediction, about: &str) -> (bool, InjectedPod) {
    match prediction {
        Prediction::Injected(pod) => (true, *pod),
        Prediction::NotInjected(_) => {
            let (metadata, spec) = pod_of(resource);
            (false, InjectedPod { metadata, spec })
        }
        other => panic!("{about}: {other:?}"),
    }
}

fn verdict_of(level: Level, version: Version, pod: &InjectedPod) -> Verdict {
    let violations = evaluate(level, version, &pod.metadata, &pod.spec);
    let violations: Vec<(String, String)> =
        violations.into_iter().map(|violation| (violation.reason.to_owned(), violation.detail)).collect();
    Verdict { allowed: violations.is_empty(), violations }
}

fn container_names(containers: Option<&[k8s_openapi::api::core::v1::Container]>) -> Vec<String> {
    containers.into_iter().flatten().map(|container| container.name.clone()).collect()
}

/// Environment variables are left out of the prediction, and so are the paths of rewritten probes; quantities come back from Go
/// in their shortest form, and zeros not at all.
fn without_environment(spec: &mut PodSpec) {
    let PodSpec { containers, init_containers, .. } = spec;
    for container in containers.iter_mut().chain(init_containers.iter_mut().flatten()) {
        container.env = None;
        container.resources = None;
        for probe in [&mut container.readiness_probe, &mut container.startup_probe].into_iter().flatten() {
            probe.initial_delay_seconds = probe.initial_delay_seconds.filter(|seconds| *seconds != 0);
        }
        if container.name != "istio-proxy"
            && let Some(http) = container.readiness_probe.as_mut().and_then(|probe| probe.http_get.as_mut())
        {
            http.path = None;
        }
    }
    if init_containers.as_ref().is_some_and(Vec::is_empty) {
        *init_containers = None;
    }
}

/// Sets istiod's `ENABLE_NATIVE_SIDECARS`.
fn set_native(list: &mut [Value], native: bool) {
    for item in
        list.iter_mut().filter(|item| item["kind"] == "Deployment" && item["metadata"]["labels"]["app"] == "istiod")
    {
        let containers = item["spec"]["template"]["spec"]["containers"].as_array_mut().expect("containers");
        let variables = containers[0]["env"].as_array_mut().expect("variables");
        variables.retain(|variable| variable["name"] != "ENABLE_NATIVE_SIDECARS");
        variables.push(json!({"name": "ENABLE_NATIVE_SIDECARS", "value": native.to_string()}));
    }
}

/// Changes a text in the injector's ConfigMap as a parsed value.
fn edit_injector(list: &mut [Value], key: &str, change: impl Fn(&mut Value)) {
    for item in list.iter_mut().filter(|item| item["kind"] == "ConfigMap") {
        if item["metadata"]["name"].as_str().is_some_and(|name| name.starts_with("istio-sidecar-injector")) {
            let text = item["data"][key].as_str().expect("a text");
            let mut value = documents(text).remove(0);
            change(&mut value);
            item["data"][key] = value.to_string().into();
        }
    }
}

/// RFC 7386.
fn merge_patch(target: &mut Value, patch: &Value) {
    let Some(members) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in members {
        if value.is_null() {
            target.as_object_mut().expect("an object").remove(name);
        } else {
            merge_patch(&mut target[name.as_str()], value);
        }
    }
}

fn documents(text: &str) -> Vec<Value> {
    let documents =
        serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).expect("YAML"));
    documents.filter(|document| !document.is_null()).collect()
}

fn decoded<T: DeserializeOwned>(value: Value) -> T {
    let shown = value.to_string();
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {shown}"))
}

/// A file of the shared data, unpacked where it is packed. Without the data a test is skipped, though not in CI.
fn text(path: &str) -> Option<String> {
    let full = located(path)?;
    if full.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        GzDecoder::new(File::open(full).expect("readable")).read_to_string(&mut text).expect("gzip");
        return Some(text);
    }
    Some(fs::read_to_string(full).expect("readable"))
}

fn lines<T: DeserializeOwned>(path: &str) -> Option<Vec<T>> {
    let file = BufReader::new(GzDecoder::new(File::open(located(path)?).expect("readable")));
    Some(file.lines().map(|line| serde_json::from_str(&line.expect("text")).expect("JSON")).collect())
}

fn located(path: &str) -> Option<PathBuf> {
    let root = env::var_os("UNROOT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let full = root.join(path);
    if full.exists() {
        return Some(full);
    }
    assert!(env::var("CI").as_deref() != Ok("true"), "{} is missing", full.display());
    eprintln!("skipped: {} is missing", full.display());
    None
}
