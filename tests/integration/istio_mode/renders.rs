//! Every recorded render of the sidecar mode becomes the recorded one of the cni mode, as a stream and as a list.

use unroot::istio::platform::Platform;
use unroot::krm::Severity;

use super::{config, done, run};
use crate::istio_objects::normal::normal;
use crate::istio_objects::renders::{Docs, Key, at_hand, read_text, shared, without_flags};
use crate::istio_objects::{Case, assert_same, cases};

fn keys<'c>(case: &'c Case, mode: &'c str) -> Vec<(&'c str, &'c str)> {
    let mut keys = vec![("mode", mode), ("cniNamespace", case.namespace)];
    if case.platform != Platform::None {
        keys.push(("platform", case.platform.as_str()));
    }
    keys
}

fn text(case: &Case, file: &str) -> String {
    std::fs::read_to_string(shared().join("istio").join(&case.version).join(file)).unwrap()
}

/// The documents of a stream, without their separators and last line breaks.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n---\n").map(|part| part.trim_end().trim_start_matches("---\n")).filter(|part| !part.trim().is_empty())
}

/// The documents of a stream by what they are.
fn documents(text: &str) -> Vec<(Key, &str)> {
    parts(text).map(|part| (head(part), part)).collect()
}

/// What a document of a render is: its top and its metadata are written one key a line.
fn head(part: &str) -> Key {
    let metadata =
        part.lines().skip_while(|line| *line != "metadata:").skip(1).take_while(|line| line.starts_with(' '));
    let top: Vec<&str> = part.lines().collect();
    let metadata: Vec<&str> = metadata.collect();
    let field = |lines: &[&str], name: &str| -> String {
        lines.iter().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned()
    };
    let api_version = field(&top, "apiVersion: ");
    Key {
        group: api_version.rsplit_once('/').map_or("", |(group, _)| group).to_owned(),
        kind: field(&top, "kind: "),
        namespace: field(&metadata, "  namespace: "),
        name: field(&metadata, "  name: "),
    }
}

pub(super) fn assert_untouched(what: &str, input: &str, output: &str, source: &Docs, wanted: &Docs) {
    let before = documents(input);
    let after = documents(output);
    let mut count = 0;
    for (key, part) in &before {
        let Some(wanted) = wanted.get(key) else { continue };
        if normal(wanted) == normal(&source[key]) {
            let found = after.iter().find(|(other, _)| other == key);
            assert_eq!(found.map(|(_, text)| *text), Some(*part), "{what}: {key:?}");
            count += 1;
        }
    }
    assert!(count > 10, "{what}: only {count} documents are untouched");
    let order = |documents: &[(Key, &str)], others: &[(Key, &str)]| -> Vec<Key> {
        let kept = documents.iter().filter(|(key, _)| others.iter().any(|(other, _)| other == key));
        kept.map(|(key, _)| key.clone()).collect()
    };
    assert_eq!(order(&before, &after), order(&after, &before), "{what}: reordered");
}

#[test]
fn a_sidecar_render_becomes_the_cni_render_and_comes_back() {
    if !at_hand() {
        return;
    }
    for case in cases() {
        let name = case.name();
        let (sidecar, cni) = case.read();
        let input = text(&case, case.sidecar);
        let there = done(&name, &input, &keys(&case, "cni"));
        assert_same(&name, &read_text(&there), &cni);
        assert_untouched(&name, &input, &there, &sidecar, &cni);
        let back = done(&name, &there, &keys(&case, "sidecar"));
        if case.platform == Platform::None {
            assert!(back == input, "{name} does not come back byte for byte");
        } else {
            let kept: Docs = cni.into_iter().filter(|(key, _)| sidecar.contains_key(key)).collect();
            assert_same(&format!("{name}, back"), &read_text(&back), &without_flags(&kept));
        }
    }
}

#[test]
fn a_cni_render_becomes_the_sidecar_render() {
    if !at_hand() {
        return;
    }
    for case in cases() {
        let name = case.name();
        let (mut sidecar, cni) = case.read();
        if name == "1.28.10/cni-registry.yaml" {
            // Its two renders were not made with the same settings.
            continue;
        }
        if case.platform != Platform::None {
            // No render is on file: the platform's own, without what sidecars lack.
            let kept = cni.iter().filter(|(key, _)| sidecar.contains_key(*key));
            sidecar = without_flags(&kept.map(|(key, value)| (key.clone(), value.clone())).collect());
        }
        let input = text(&case, &case.cni);
        let output = done(&name, &input, &keys(&case, "sidecar"));
        assert_same(&name, &read_text(&output), &sidecar);
        assert_untouched(&name, &input, &output, &cni, &sidecar);
    }
}

/// The same documents as elements of a ResourceList.
pub(super) fn as_list(stream: &str, config: &str) -> String {
    let indent = |text: &str, first: &str| {
        let lines = text.lines().enumerate();
        let line = |(index, line): (usize, &str)| match (index, line) {
            (0, line) => format!("{first}{line}\n"),
            (_, "") => "\n".to_owned(),
            (_, line) => format!("  {line}\n"),
        };
        lines.map(line).collect::<String>()
    };
    let items: String = parts(stream).map(|part| indent(part, "- ")).collect();
    let config = if config.is_empty() { String::new() } else { format!("functionConfig:\n{}", indent(config, "  ")) };
    format!("apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n{items}{config}")
}

pub(super) fn items(list: &str) -> &str {
    let start = list.find("items:\n").unwrap();
    &list[start..list.find("\nfunctionConfig:").unwrap()]
}

#[test]
fn a_list_says_the_same_as_a_stream() {
    if !at_hand() {
        return;
    }
    for case in cases() {
        let name = case.name();
        let input = text(&case, case.sidecar);
        let stream = done(&name, &input, &keys(&case, "cni"));
        let list = as_list(&input, &config(&keys(&case, "cni")));
        let outcome = unroot::filter(list.as_bytes(), &unroot::Given::default());
        let there: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
        assert_eq!(items(&there), items(&as_list(&stream, "x: y\n")), "{name}");
        // Whatever has changed is told.
        let before = documents(&input);
        for (key, part) in documents(&stream) {
            if before.iter().any(|(other, text)| *other == key && *text == part) {
                continue;
            }
            let told = outcome.findings.iter().any(|finding| {
                let reference = finding.resource_ref.as_ref();
                finding.severity == Severity::Info
                    && reference.is_some_and(|reference| {
                        reference.kind == key.kind && reference.name == key.name && reference.namespace == key.namespace
                    })
            });
            assert!(told, "{name}: nothing is said of {key:?}");
        }
    }
}

#[test]
fn several_revisions_share_one_istio_cni() {
    if !at_hand() {
        return;
    }
    for version in ["1.22.1", "1.28.10"] {
        let folder = shared().join("istio").join(version);
        let file = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        // What both revisions have, such as the gateways, is there once.
        let plain = file("sidecar.yaml");
        let first = documents(&plain);
        let revision = file("sidecar-revision.yaml");
        let more: String = documents(&revision)
            .into_iter()
            .filter(|(key, _)| first.iter().all(|(other, _)| other != key))
            .map(|(_, part)| format!("---\n{part}\n"))
            .collect();
        let input = format!("{plain}{more}");
        let there = done(version, &input, &[("mode", "cni")]);
        let docs = read_text(&there);
        assert_eq!(crate::istio_objects::owned(&docs).len(), 7, "{version}");
        let (plain, named) = (read_text(&file("cni.yaml")), read_text(&file("cni-revision.yaml")));
        for (key, wanted) in
            plain.iter().chain(&named).filter(|(key, _)| key.name.starts_with("istio-sidecar-injector"))
        {
            if key.kind == "ConfigMap" {
                assert_eq!(normal(&docs[key]), normal(wanted), "{version} {key:?}");
            }
        }
        assert!(done(version, &there, &[("mode", "sidecar")]) == input, "{version} does not come back");
        // In ambient both istiods serve the one ztunnel.
        let ambient = done(version, &input, &[("mode", "ambient")]);
        assert_eq!(ambient.matches("\nkind: DaemonSet\n").count(), 2, "{version}");
        for (key, istiod) in read_text(&ambient).iter().filter(|(key, _)| key.name.starts_with("istiod")) {
            if key.kind == "Deployment" {
                assert!(istiod.to_string().contains("PILOT_ENABLE_AMBIENT"), "{version} {key:?}");
                assert!(istiod.to_string().contains("kube-system/ztunnel"), "{version} {key:?}");
            }
        }
        let back = done(version, &ambient, &[("mode", "sidecar")]);
        assert!(back.replace("      proxyMetadata: {}\n", "") == input, "{version} does not come back");
        // The canary is newer: istio-cni follows it.
        let newer = format!("{}{}", file("sidecar.yaml"), more.replace(version, "1.29.0"));
        let docs = read_text(&done(version, &newer, &[("mode", "cni")]));
        let daemon_set = docs.iter().find(|(key, _)| key.kind == "DaemonSet").unwrap().1;
        let image = daemon_set["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap();
        assert!(image.ends_with("/install-cni:1.29.0"), "{image}");
        assert_eq!(daemon_set["metadata"]["labels"]["istio.io/rev"], "canary");
        // Two of one version with different registries: nothing says which one is right.
        let other = format!("{}{}", file("sidecar.yaml"), more.replace("/pilot:", "/mirror/pilot:"));
        let refused = run(&other, &[("mode", "cni")]);
        assert!(refused.messages().contains("set `istio.hub` and `istio.tag`"), "{}", refused.messages());
    }
}
