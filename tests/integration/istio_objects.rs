//! istio-cni's objects and the control plane's settings, compared with what istioctl renders.

// The lints' leave for tests reaches helper functions only inside of a module that is marked so.

pub(crate) mod ambient;
mod minor_settings;
mod minors;
pub(crate) mod normal;
pub(crate) mod renders;

use std::collections::BTreeMap;

use serde_json::Value;
use unroot::istio::facts::{self, Evidence};
use unroot::istio::mode_settings::{ControlPlane, Redirection, Ztunnel, settings};
use unroot::istio::objects::cni::{CniInstall, objects, owned_by_cni};
use unroot::istio::platform::Platform;

use normal::{differences, normal};
use renders::{Docs, Key, apply, install_of, key_of, read, shared, without_flags};

/// One pair of renders: the file of the cni mode, of the sidecar mode, the platform and the CNI's namespace.
pub(crate) struct Case {
    pub(crate) version: String,
    pub(crate) cni: String,
    pub(crate) sidecar: &'static str,
    pub(crate) platform: Platform,
    pub(crate) namespace: &'static str,
}

impl Case {
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.version, self.cni)
    }

    pub(crate) fn read(&self) -> (Docs, Docs) {
        let dir = shared().join("istio").join(&self.version);
        let (sidecar, mut cni) = (read(&dir.join(self.sidecar)), read(&dir.join(&self.cni)));
        if self.name() == "1.28.10/cni-registry.yaml" {
            // DIFFERENCE: this render was made with `values.cni.chained: true`, its sidecar render without. It is the
            // chart's default and changes no object; only the documents that repeat the values have it.
            assert_eq!(renders::remove_chained(&mut cni), 3);
        }
        (sidecar, cni)
    }

    fn install(&self, sidecar: &Docs) -> CniInstall {
        install_of(sidecar, self.platform, self.namespace)
    }
}

/// A case for every recorded cni render.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let root = shared().join("istio");
    let mut versions: Vec<String> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    versions.sort();
    for version in versions {
        let mut files: Vec<String> = std::fs::read_dir(root.join(&version))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("cni"))
            .collect();
        files.sort();
        for cni in files.iter() {
            let variant = cni.strip_prefix("cni").unwrap().strip_suffix(".yaml").unwrap().trim_start_matches('-');
            // istioctl finds GKE's directory by asking the cluster; a render without one has the wrong directory.
            if variant == "gke" && files.contains(&"cni-gke-bindir.yaml".to_owned()) {
                continue;
            }
            let (sidecar, platform, namespace) = match variant {
                "registry" => ("sidecar-registry.yaml", Platform::None, "kube-system"),
                "revision" => ("sidecar-revision.yaml", Platform::None, "kube-system"),
                "istio-system" => ("sidecar.yaml", Platform::None, "istio-system"),
                "" => ("sidecar.yaml", Platform::None, "kube-system"),
                "gke-bindir" => ("sidecar.yaml", Platform::Gke, "kube-system"),
                platform => ("sidecar.yaml", platform.parse().unwrap(), "kube-system"),
            };
            cases.push(Case { version: version.clone(), cni: cni.clone(), sidecar, platform, namespace });
        }
    }
    assert!(cases.len() >= 22, "only {} cni renders found", cases.len());
    cases
}

fn built(install: &CniInstall) -> Docs {
    let values = objects(install).into_iter().map(|object| serde_json::to_value(object).unwrap());
    values.map(|value| (key_of(&value), value)).collect()
}

/// The differences of two sets of objects, as lines.
fn compare(found: &Docs, wanted: &Docs) -> Vec<String> {
    let mut lines = Vec::new();
    for key in found.keys().chain(wanted.keys().filter(|key| !found.contains_key(*key))) {
        match (found.get(key), wanted.get(key)) {
            (Some(found), Some(wanted)) => {
                lines.extend(
                    differences(&normal(found), &normal(wanted)).into_iter().map(|line| format!("{key:?} {line}")),
                );
            }
            (Some(_), None) => lines.push(format!("{key:?} is too much")),
            _ => lines.push(format!("{key:?} is missing")),
        }
    }
    lines
}

pub(crate) fn assert_same(what: &str, found: &Docs, wanted: &Docs) {
    let lines = compare(found, wanted);
    assert!(lines.is_empty(), "{what}:\n{}", lines.join("\n"));
}

fn added(sidecar: &Docs, cni: &Docs) -> Docs {
    cni.iter().filter(|(key, _)| !sidecar.contains_key(*key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn control_plane<'a>(case: &Case, install: &'a CniInstall, redirection: Redirection) -> ControlPlane<'a> {
    assert_eq!(case.platform, install.platform.platform);
    ControlPlane {
        facts: install.facts,
        redirection,
        ztunnel: Ztunnel::Absent,
        trusted_accounts: Some("istio-system/ztunnel"),
        platform: &install.platform,
        namespace: "istio-system",
        bin_dir: None,
        conf_dir: None,
    }
}

#[test]
fn objects_equal_those_of_istioctl() {
    if !renders::at_hand() {
        return;
    }
    for case in cases() {
        let (sidecar, cni) = case.read();
        let wanted = added(&sidecar, &cni);
        assert!(wanted.len() >= 7, "{}", case.name());
        assert_same(&case.name(), &built(&case.install(&sidecar)), &wanted);
    }
}

#[test]
fn settings_explain_every_other_difference() {
    if !renders::at_hand() {
        return;
    }
    for case in cases() {
        let (sidecar, cni) = case.read();
        let install = case.install(&sidecar);
        let wanted: Docs = cni.into_iter().filter(|(key, _)| sidecar.contains_key(key)).collect();
        let settings = settings(&control_plane(&case, &install, Redirection::IstioCni));
        let mut docs = sidecar.clone();
        assert!(apply(&mut docs, &settings) > 0, "{}", case.name());
        assert_same(&case.name(), &docs, &wanted);
        assert_eq!(apply(&mut docs, &settings), 0, "{}: a second run changes something", case.name());
    }
}

#[test]
fn the_way_back_turns_the_flags_off_and_keeps_the_platform() {
    if !renders::at_hand() {
        return;
    }
    for case in cases() {
        let (sidecar, cni) = case.read();
        let install = case.install(&sidecar);
        let mut docs: Docs = cni.into_iter().filter(|(key, _)| sidecar.contains_key(key)).collect();
        let wanted = if case.platform == Platform::None { sidecar } else { without_flags(&docs) };
        apply(&mut docs, &settings(&control_plane(&case, &install, Redirection::IstioInit)));
        assert_same(&case.name(), &docs, &wanted);
    }
}

#[test]
fn exactly_the_added_objects_are_owned() {
    if !renders::at_hand() {
        return;
    }
    for case in cases() {
        let (sidecar, cni) = case.read();
        let wanted: Vec<Key> = added(&sidecar, &cni).into_keys().collect();
        assert_eq!(owned(&cni), wanted, "{}", case.name());
        assert_eq!(owned(&sidecar), [], "{}", case.name());
    }
}

/// Kubeflow's own trees: 1.8.1 ships 1.17.5 as rendered, 26.03 a render of 1.29.0 with images of 1.28.0.
#[test]
fn objects_equal_those_of_kubeflow() {
    if !renders::at_hand() {
        return;
    }
    let root = shared().join("kubeflow-istio");
    for (file, facts, image_tag) in
        [("v1.8.1/cni/istio-install.yaml", 17, "1.17.5"), ("26.03/cni-base.yaml", 29, "1.28.0")]
    {
        let docs = read(&root.join(file));
        let wanted: Docs = owned(&docs).into_iter().map(|key| (key.clone(), docs[&key].clone())).collect();
        assert_eq!(wanted.len(), 7, "{file}");
        let mut install = install_of(&docs, Platform::None, "kube-system");
        install.facts = facts::all().iter().find(|row| row.minor == facts).unwrap();
        assert_eq!(install.tag, image_tag);
        assert_same(file, &built(&install), &wanted);
    }
}

/// A row may call itself rendered only where a test above compares it with that render.
#[test]
fn rows_called_rendered_are_compared() {
    if !renders::at_hand() {
        return;
    }
    for row in facts::all() {
        if let Evidence::Rendered(version) = row.evidence {
            let kubeflow = version == "1.29.0";
            assert!(kubeflow || shared().join("istio").join(version).is_dir(), "{version}");
            assert!(version.starts_with(&format!("1.{}.", row.minor)), "{version}");
        }
    }
}

pub(crate) fn owned(docs: &Docs) -> Vec<Key> {
    let no_labels = serde_json::Map::new();
    docs.iter()
        .filter(|(key, value)| {
            let labels = value["metadata"]["labels"].as_object().unwrap_or(&no_labels);
            let labels: BTreeMap<&str, &str> =
                labels.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
            let api_version = value["apiVersion"].as_str().unwrap();
            owned_by_cni(api_version, &key.kind, &key.name, labels)
        })
        .map(|(key, _)| key.clone())
        .collect()
}

/// The value at a path, `Null` where there is none.
fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(value, |value, key| &value[key])
}
