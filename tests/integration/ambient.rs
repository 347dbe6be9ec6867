//! Ambient: who is enrolled, what becomes of every policy, and that none is lost in silence.

mod bad_input;
mod enrolment;
mod kubeflow;
mod model;
mod network_policies;
mod property;
mod rows;
mod waypoints;

use serde::Deserialize;
use serde_json::Value;
use unroot::filter::Exit;
use unroot::krm::Finding;
use unroot::{Given, filter};

/// A control plane, as small as it can be.
const PLANE: &str = "apiVersion: v1
kind: Namespace
metadata:
  name: istio-system
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: istio-sidecar-injector
  namespace: istio-system
data:
  config: |-
    policy: enabled
    defaultTemplates: [sidecar]
    templates:
      sidecar: |
        spec:
          containers:
          - name: istio-proxy
            image: proxyv2
  values: |-
    {
      \"pilot\": {
        \"cni\": {
          \"enabled\": true
        }
      }
    }
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: istio
  namespace: istio-system
data:
  mesh: |-
    defaultConfig:
      proxyMetadata:
        ISTIO_META_ENABLE_HBONE: \"true\"
    rootNamespace: istio-system
    trustDomain: cluster.local
---
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    app: istiod
    istio.io/rev: default
  name: istiod
  namespace: istio-system
spec:
  selector:
    matchLabels:
      istio: pilot
  template:
    metadata:
      labels:
        istio: pilot
        sidecar.istio.io/inject: \"false\"
    spec:
      containers:
      - image: docker.io/istio/pilot:1.28.10
        name: discovery
";

/// What a run wrote and said.
struct Run {
    text: String,
    findings: Vec<Finding>,
    exit: Exit,
}

impl Run {
    /// What was said about a resource, as `severity rule: message`.
    fn about(&self, kind: &str, name: &str) -> Vec<String> {
        self.findings
            .iter()
            .filter(|finding| finding.resource_ref.as_ref().is_some_and(|one| one.kind == kind && one.name == name))
            .map(|finding| format!("{} {}: {}", finding.severity.as_str(), finding.tags["rule"], finding.message))
            .collect()
    }

    /// What a rule said, as `severity message`.
    fn of_rule(&self, rule: &str) -> Vec<String> {
        let found = self.findings.iter().filter(|finding| finding.tags["rule"] == rule);
        found.map(|finding| format!("{} {}", finding.severity.as_str(), finding.message)).collect()
    }

    fn messages(&self) -> String {
        self.findings.iter().map(|finding| format!("{finding}\n")).collect()
    }

    fn docs(&self) -> Vec<Value> {
        docs(&self.text)
    }

    fn doc(&self, kind: &str, name: &str) -> Option<Value> {
        self.docs().into_iter().find(|doc| doc["kind"] == kind && doc["metadata"]["name"] == name)
    }
}

fn docs(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    documents.map(|document| Value::deserialize(document).unwrap()).filter(|doc| !doc.is_null()).collect()
}

fn run_with(input: &str, istio: &str) -> Run {
    let config = format!(
        "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nmetadata:\n  name: unroot\nspec:\n  onViolation: warn\n  istio: {istio}\n"
    );
    let file = Some(("unroot.yaml", Ok(config.into_bytes())));
    let outcome = filter(input.as_bytes(), &Given { file, words: &[] });
    let text = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
    Run { text, exit: outcome.exit, findings: outcome.findings }
}

/// A list of resources, which are written even where a finding is an error.
fn list(text: &str) -> String {
    let items: String = text
        .split("---\n")
        .filter(|part| !part.trim().is_empty())
        .map(|part| {
            let mut lines = part.lines();
            let first = lines.next().unwrap_or_default();
            let rest: String = lines.map(|line| format!("  {line}\n")).collect();
            format!("- {first}\n{rest}")
        })
        .collect();
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}")
}

/// The items of a list.
fn items(text: &str) -> Vec<Value> {
    let list: Value = serde_yaml::from_str(text).unwrap();
    list["items"].as_array().cloned().unwrap_or_default()
}

/// A namespace of the mesh with one Deployment and its Service, beside the control plane.
fn mesh(more: &str) -> String {
    format!("{PLANE}---\n{NAMESPACE}---\n{APP}---\n{SERVICE}{}{more}", if more.is_empty() { "" } else { "---\n" })
}

const NAMESPACE: &str = "apiVersion: v1
kind: Namespace
metadata:
  labels:
    istio-injection: enabled
  name: web
";

const APP: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  namespace: web
spec:
  selector:
    matchLabels:
      app: app
  template:
    metadata:
      labels:
        app: app
    spec:
      containers:
      - image: app:1
        name: main
";

const SERVICE: &str = "apiVersion: v1
kind: Service
metadata:
  name: svc
  namespace: web
spec:
  ports:
  - name: http
    port: 80
    targetPort: 80
  selector:
    app: app
";
