//! Writes what the targets begin with: `cargo run --package unroot-fuzz --example corpus FOLDER`.
//!
//! The seeds of the properties, the golden cases, and, where `UNROOT_SHARED` has them, small parts of recorded platforms:
//! a few resources each, so that a run takes milliseconds.

use std::error::Error;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use unroot::yaml::cut::{self, Document};
use unroot_fuzz::{case, seeds};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// No case is longer.
const LONGEST: usize = 100_000;

fn main() -> Outcome {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("give the folder of the corpora")?);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let golden = |name: &str| files(&root.join("tests/golden").join(name), "yaml");

    let own: Vec<String> = seeds::all().map(str::to_owned).collect();
    let mut inputs = [golden("filter")?, golden("check")?, golden("plan")?].concat();
    inputs.extend(files(&root.join("examples"), "yaml")?);
    inputs.retain(|text| text.len() < LONGEST);
    let parts = platform_parts()?;
    let small = |texts: &[String], most: usize| -> Vec<String> {
        texts.iter().filter(|text| text.len() < most).cloned().collect()
    };

    let reading = [own.clone(), small(&inputs, 6_000), small(&parts, 6_000)].concat();
    write(&folder.join("readers"), reading.iter().map(|text| text.clone().into_bytes()))?;
    write(&folder.join("edits"), reading.iter().enumerate().map(|(at, text)| case::of(&head(at), text)))?;
    let running = [own, inputs, parts].concat();
    for target in ["filter", "verbs"] {
        write(&folder.join(target), running.iter().enumerate().map(|(at, text)| case::of(&head(at), text)))?;
    }
    let mut configurations = golden("config")?;
    configurations.extend(files(&root.join("fn-config"), "yaml")?);
    configurations.push(
        "enforce=baseline\nwarn=restricted\nistio=cni\nplatform=gke\nharden=restricted\nfloor=privileged".to_owned(),
    );
    configurations.push(
        "version=v1.30\nuserNamespaces=baseline\nonViolation=warn\nassumeNonRoot=true\nwaypoints=auto".to_owned(),
    );
    write(&folder.join("configuration"), configurations.into_iter().map(String::into_bytes))
}

/// Any choices, others for each case.
fn head(at: usize) -> Vec<u8> {
    (0..case::HEAD).map(|byte| (at.wrapping_mul(31 + byte) >> (byte % 3)) as u8).collect()
}

fn write(folder: &Path, cases: impl Iterator<Item = Vec<u8>>) -> Outcome {
    fs::create_dir_all(folder)?;
    for (at, case) in cases.enumerate() {
        fs::write(folder.join(format!("seed-{at:04}")), case)?;
    }
    Ok(())
}

fn files(folder: &Path, extension: &str) -> Outcome<Vec<String>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Outcome<_>>()?;
    paths.sort();
    let mut texts = Vec::new();
    for path in paths {
        if path.is_dir() {
            texts.extend(files(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            texts.push(fs::read_to_string(path)?);
        }
    }
    Ok(texts)
}

/// Of each recorded platform: its Istio, alone and with the pods of a namespace, and the resources of each namespace.
fn platform_parts() -> Outcome<Vec<String>> {
    let shared = std::env::var_os("UNROOT_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let mut parts = Vec::new();
    for release in ["26.03", "v1.8.1"] {
        let path = shared.join(format!("kubeflow/{release}.yaml.gz"));
        let Ok(bytes) = fs::read(&path) else {
            eprintln!("{} is not there: no recorded platform among the seeds", path.display());
            continue;
        };
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text)?;
        let documents = cut::cut(&text)?;
        let kind = |document: &Document<'_>| document.head.kind.clone().unwrap_or_default().into_owned();
        let written = |document: &&Document<'_>| text[document.range.clone()].to_owned();
        let namespace = |document: &Document<'_>| {
            let name = if kind(document) == "Namespace" { &document.head.name } else { &document.head.namespace };
            name.clone().unwrap_or_default().into_owned()
        };
        let interesting = |document: &&Document<'_>| {
            let dull = [
                "CustomResourceDefinition",
                "ClusterRole",
                "Role",
                "RoleBinding",
                "ClusterRoleBinding",
                "ServiceAccount",
            ];
            !dull.contains(&kind(document).as_str()) && document.range.len() < 60_000
        };
        let istio: String = documents
            .iter()
            .filter(interesting)
            .filter(|document| {
                namespace(document) == "istio-system" || kind(document).ends_with("WebhookConfiguration")
            })
            .map(|document| written(&document))
            .collect();
        let mut namespaces: Vec<String> = documents.iter().map(namespace).collect();
        namespaces.sort();
        namespaces.dedup();
        parts.push(istio.clone());
        for name in namespaces.iter().filter(|name| !name.is_empty()) {
            let all: Vec<&Document<'_>> =
                documents.iter().filter(interesting).filter(|document| namespace(document) == *name).collect();
            for few in all.chunks(5) {
                let part: String = few.iter().map(written).collect();
                let label = format!(
                    "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  labels:\n    istio-injection: enabled\n  name: {name}\n"
                );
                parts.push(format!("{label}{part}"));
                parts.push(as_list(few.iter().map(|document| text[document.range.clone()].to_owned())));
            }
            if let Some(first) = all.first()
                && parts.len() % 3 == 0
            {
                parts.push(format!("{istio}{}", written(first)));
            }
        }
    }
    parts.retain(|part| part.len() < LONGEST);
    Ok(parts)
}

/// Documents as the items of a ResourceList.
fn as_list(documents: impl Iterator<Item = String>) -> String {
    let mut list = "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems:\n".to_owned();
    for document in documents {
        let lines = document.lines().filter(|line| *line != "---" && !line.is_empty());
        for (at, line) in lines.enumerate() {
            list.push_str(if at == 0 { "- " } else { "  " });
            list.push_str(line);
            list.push('\n');
        }
    }
    list
}
