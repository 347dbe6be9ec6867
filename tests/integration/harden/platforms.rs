//! Whole platforms, hardened with the users that `examples/kubeflow/users` holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use unroot::admission::{AdmissionDefaults, Cluster, Outcome};
use unroot::config::Workloads;
use unroot::filter::Given;
use unroot::krm::List;
use unroot::kube::pod::PodKind;
use unroot::pod_security::{Level, Version};

use super::{Ran, run};
use crate::shared;

fn users(release: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/kubeflow/users/{release}.yaml"));
    fs::read_to_string(file).expect("the users of a release")
}

fn hardened(release: &str) -> Option<(String, Ran)> {
    let build = shared::read(&format!("kubeflow/{release}.yaml.gz"))?;
    let config = users(release);
    let given = Given { file: Some(("users.yaml", Ok(config.into_bytes()))), words: &[] };
    let ran = run(&build, &given);
    let again = run(&ran.out, &given);
    assert!(again.out == ran.out, "{release}: a second run changes something");
    Some((build, ran))
}

/// The level of every pod as it is admitted.
fn levels(build: &str) -> BTreeMap<String, Level> {
    let list = List::read(build).expect("a stream");
    let cluster = Cluster::of(&list, AdmissionDefaults::default(), None).expect("a cluster");
    let level = |item| match cluster.admit(item).expect("YAML")?.outcome {
        Outcome::Judged(pod) => Some(pod.meets(Version::Latest)),
        Outcome::Failed { why, .. } => panic!("{why}"),
    };
    list.items()
        .iter()
        .filter_map(|item| Some((format!("{}/{}", item.namespace(), item.name()), level(item)?)))
        .collect()
}

fn short_of_restricted(levels: &BTreeMap<String, Level>) -> Vec<(&str, &str)> {
    levels
        .iter()
        .filter(|(_, level)| **level < Level::Restricted)
        .map(|(name, level)| (name.as_str(), level.as_str()))
        .collect()
}

#[test]
fn kubeflow_1_8_1_reaches_restricted_but_for_two_images_whose_user_nobody_knows() {
    let Some((_, ran)) = hardened("v1.8.1") else { return };
    assert_eq!(
        short_of_restricted(&levels(&ran.out)),
        [
            ("istio-system/oidc-authservice", "baseline"),
            ("kube-system/istio-cni-node", "privileged"),
            ("kubeflow/training-operator", "baseline"),
        ]
    );
    let unknown: Vec<&str> =
        ran.of_rule("harden-user-unknown").into_iter().filter(|line| line.contains("] apps/v1/")).collect();
    assert_eq!(unknown.len(), 2, "{unknown:#?}");
    assert!(
        unknown[0].contains("Deployment/kubeflow/training-operator: ") && unknown[0].contains("\"training-operator\"")
    );
    assert!(
        unknown[1].contains("StatefulSet/istio-system/oidc-authservice: ") && unknown[1].contains("\"authservice\"")
    );
    // The three databases get a user that did not write their volumes.
    let volumes = ran.of_rule("harden-user-and-volume");
    for name in ["katib-mysql", "minio", "mysql"] {
        assert!(volumes.iter().any(|line| line.contains(&format!("/kubeflow/{name} "))), "{name}: {volumes:#?}");
    }
    assert_eq!(volumes.len(), 3);
    assert!(ran.out.contains("fsGroupChangePolicy: OnRootMismatch"));
    assert_eq!(ran.of_rule("harden-needs-decision"), Vec::<&str>::new());
    assert_eq!(ran.of_rule("harden-injected"), Vec::<&str>::new());
}

#[test]
fn kubeflow_26_03_has_nothing_to_harden_but_what_its_controllers_make() {
    let Some((build, ran)) = hardened("26.03") else { return };
    assert_eq!(short_of_restricted(&levels(&ran.out)), [("kube-system/istio-cni-node", "privileged")]);
    assert_eq!(ran.of_rule("harden-pods"), Vec::<&str>::new());
    assert_eq!(ran.of_rule("harden-left-alone").len(), 1);
    let (before, after) = (List::read(&build).unwrap(), List::read(&ran.out).unwrap());
    for (before, after) in before.items().iter().zip(after.items()) {
        assert!(PodKind::of(before).is_none() || before.text() == after.text(), "{}", before.reference());
    }
    for set in [
        "\n  defaultSecurityContextRunAsGroup: \"0\"\n  defaultSecurityContextRunAsNonRoot: \"true\"\n  \
         defaultSecurityContextRunAsUser: \"1000\"\n",
        "\n  mainContainer: |\n    securityContext:\n      allowPrivilegeEscalation: false\n",
        "\n        injectSecurityContext: true\n",
        "\n  secure-pod-defaults: AllowRootBounded\n",
    ] {
        assert_eq!(ran.out.matches(set).count(), 1, "{set}");
    }
}

#[test]
fn with_sidecars_as_shipped_the_mesh_is_named_as_what_is_in_the_way() {
    let Some(build) = shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    let ran = super::with_words(&build, &["harden=restricted", "assumeNonRoot=true"]);
    let injected = ran.of_rule("harden-injected");
    assert_eq!(injected.len(), 1, "{injected:#?}");
    assert!(injected[0].contains("30 pods meet restricted alone and not as admitted"), "{}", injected[0]);
    assert!(injected[0].contains("Set `istio.mode: cni`"));
    let levels = levels(&ran.out);
    assert_eq!(levels.values().filter(|level| **level == Level::Restricted).count(), 20);
}

/// The users of the newest release are those that its manifests name; so each entry is a fact, and none is missing.
#[test]
fn the_users_of_26_03_are_those_that_its_manifests_name() {
    let Some(build) = shared::read("kubeflow/26.03.yaml.gz") else { return };
    let workloads = workloads("26.03");
    let mut used = vec![false; workloads.users.len()];
    let list = List::read(&build).unwrap();
    for item in list.items() {
        let parsed = item.parse_leniently().unwrap();
        let Some(kind) = PodKind::of(item) else { continue };
        let Some(pod) = kind.read(parsed.root().unwrap()).unwrap() else { continue };
        let context = pod.spec.security_context.unwrap_or_default();
        for container in pod.spec.containers {
            let own = container.security_context.unwrap_or_default();
            let image = container.image.unwrap();
            let user = own.run_as_user.or(context.run_as_user).filter(|user| ![0, 1337].contains(user));
            let Some(user) = user else { continue };
            let group = own.run_as_group.or(context.run_as_group);
            let place = workloads.users.iter().position(|known| known.image.matches(&image));
            let place = place.unwrap_or_else(|| panic!("{image} runs as {user}:{group:?} and is not in the list"));
            let known = &workloads.users[place];
            assert_eq!((known.run_as_user, known.run_as_group), (user, group), "{image}");
            used[place] = true;
        }
    }
    assert!(used.iter().all(|used| *used), "{used:?}");
}

#[test]
fn every_user_of_1_8_1_is_of_an_image_that_it_runs() {
    let Some(build) = shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    let workloads = workloads("v1.8.1");
    let mut used = vec![false; workloads.users.len()];
    for line in build.lines() {
        let Some(image) = line.trim_start().trim_start_matches("- ").strip_prefix("image: ") else { continue };
        if let Some(place) = workloads.users.iter().position(|known| known.image.matches(image)) {
            used[place] = true;
        }
    }
    assert!(used.iter().all(|used| *used), "{used:?}");
}

fn workloads(release: &str) -> Workloads {
    let text = users(release);
    let tree = unroot::yaml::tree::Tree::parse(&text).unwrap();
    let root = unroot::yaml::de::Root::new(tree.root(&text).unwrap());
    let config =
        unroot::config::Config::from_object(unroot::config::API_VERSION, unroot::config::KIND, root.deserializer());
    config.unwrap().workloads.unwrap()
}

/// Two pods whose profile stands on their containers: one that can be edited, one whose containers share their context by an
/// anchor; and a gateway, whose container the injector fills in.
const INJECTED: &str = "apiVersion: v1
kind: Namespace
metadata: {name: app, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: free, namespace: app}
spec:
  selector: {matchLabels: {app: free}}
  template:
    metadata: {labels: {app: free}}
    spec:
      containers:
      - name: main
        image: i
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          runAsNonRoot: true
          seccompProfile: {type: RuntimeDefault}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: anchored, namespace: app}
spec:
  selector: {matchLabels: {app: anchored}}
  template: &template
    metadata: {labels: {app: anchored}}
    spec:
      containers:
      - name: main
        image: i
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
          runAsNonRoot: true
          seccompProfile: {type: RuntimeDefault}
x-copy: *template
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway, namespace: app}
spec:
  selector: {matchLabels: {app: gateway}}
  template:
    metadata:
      labels: {app: gateway}
      annotations: {inject.istio.io/templates: gateway}
    spec:
      containers:
      - name: istio-proxy
        image: auto
";

#[test]
fn injected_pods_are_hardened_as_they_are_admitted() {
    for version in ["1.17.5", "1.22.1", "1.28.10"] {
        let Some(istio) = shared::read(&format!("istio/{version}/cni.yaml")) else { return };
        let input = format!("{}\n---\n{INJECTED}", istio.trim_end());
        let ran = super::with_words(&input, &["harden=restricted"]);
        let levels = levels(&ran.out);
        assert_eq!(levels["app/free"], Level::Restricted, "{version}");
        assert_eq!(levels["app/gateway"], Level::Restricted, "{version}: {:#?}", ran.said);
        assert!(
            ran.out.contains("    spec:\n      containers:\n      - name: istio-proxy\n        image: auto\n"),
            "{version}"
        );
        let not_possible = ran.of_rule("harden-not-possible");
        assert!(
            not_possible.len() == 1 && not_possible[0].contains("/app/anchored: left as it is: "),
            "{not_possible:#?}"
        );
        // From 1.28 on the proxy can have a profile of its own.
        let has_value = version == "1.28.10";
        assert_eq!(levels["app/anchored"], if has_value { Level::Restricted } else { Level::Baseline }, "{version}");
        let set: Vec<&str> = ran.of_rule("harden-generated");
        assert_eq!(set.len(), if has_value { 2 } else { 0 }, "{version}: the injector and its copy: {set:#?}");
        assert_eq!(ran.of_rule("harden-injected").len(), usize::from(!has_value), "{version}");
        let again = super::with_words(&ran.out, &["harden=restricted"]);
        assert!(again.out == ran.out, "{version}: a second run changes something");
    }
}
