//! The page in a real browser (`tests/browser/web.mjs`): the same bytes as the native command on all golden cases and on both
//! recorded builds of Kubeflow, nothing that leaves the browser, and usable by everyone, also after bad input.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;

use super::wasm::{Case, arguments, command_line, golden, golden_of, kubeflow};
use super::{UNROOT, artefact, example, host, root};
use crate::{html, shared};

#[test]
fn the_page_gives_the_bytes_of_the_native_command_in_chromium_and_is_usable_by_everyone() {
    let Some(page) = artefact("page/index.html") else { return };
    let Some(chromium) = html::browser() else { return };
    let work = tempfile::tempdir().expect("a temporary folder");
    let work = work.path();
    let mut platforms: BTreeMap<&str, PathBuf> = BTreeMap::new();
    for release in ["v1.8.1", "26.03"] {
        let Some(text) = shared::read(&format!("kubeflow/{release}.yaml.gz")) else { continue };
        let path = work.join(format!("{release}.yaml"));
        fs::write(&path, text).expect("a file");
        platforms.insert(release, path);
    }
    let words = [
        "enforce=baseline warn=restricted",
        "istio=cni enforce=strictest",
        "istio=ambient waypoints=auto",
        "istio=cni harden=restricted assumeNonRoot=true enforce=restricted onViolation=warn",
    ];
    let streams = platforms.iter().flat_map(|(release, path)| {
        words.iter().map(move |line| Case {
            name: format!("Kubeflow {release}, {line}"),
            folder: work.to_owned(),
            args: arguments(line),
            input: path.clone(),
        })
    });
    let all: Vec<Case> = golden()
        .into_iter()
        .chain(golden_of("check"))
        .chain(golden_of("plan"))
        .chain(command_line())
        .chain(kubeflow(work))
        .chain(streams)
        .collect();
    assert!(all.len() > 140, "{}", all.len());
    let cases: Vec<_> = all
        .iter()
        .map(|case| {
            let input = case.input.is_file().then_some(&case.input);
            json!({ "name": case.name, "folder": case.folder, "args": case.args, "input": input })
        })
        .collect();
    let task = json!({
        "chromium": chromium,
        "screenshots": root().join("target/screenshots"),
        "page": page.parent(),
        "unroot": UNROOT,
        "kustomize": host("kustomize").map(|kustomize| PathBuf::from(kustomize.get_program())),
        "demo": example("demo").join("platform.yaml"),
        "platforms": platforms,
        "cases": cases,
        "work": work,
    });
    let file = work.join("task.json");
    fs::write(&file, task.to_string()).expect("a file");
    let output = Command::new("node").arg(root().join("tests/browser/web.mjs")).arg(&file).output().expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
