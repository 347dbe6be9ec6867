//! The filter on any bytes, in every mode.
//!
//! No panic; the exit codes as documented; a run that has nothing to do writes what it read; a second run changes nothing;
//! what is written can be read, as JSON where it was; the same input gives the same bytes, messages included.
//!
//! A case is a head, whose first byte chooses the configuration, and the input.

use serde_json::Value;
use unroot::filter::{Exit, Given};
use unroot::krm::Severity;
use unroot::yaml::cut;

use crate::case;

/// `KEY=VALUE` words.
const WORDS: &[&[&str]] = &[
    &["floor=privileged"],
    &[],
    &["enforce=baseline", "warn=restricted", "version=v1.30", "userNamespaces=baseline"],
    &["enforce=strictest", "floor=privileged", "audit=restricted"],
    &["istio=sidecar"],
    &["istio=cni", "platform=gke"],
    &["istio=cni", "platform=openshift", "cniNamespace=istio-cni"],
    &["istio=ambient", "waypoints=auto"],
    &["istio=ambient", "platform=k3d", "ztunnelNamespace=istio-system"],
    &["harden=restricted", "assumeNonRoot=true"],
    &["harden=baseline", "onViolation=warn"],
    &["istio=cni", "harden=restricted", "enforce=strictest", "userNamespaces=restricted", "onViolation=warn"],
    &["enforce=restricted", "onViolation=warn"],
];

/// What words cannot say, as the file of `--config`.
const FILES: &[&str] = &[
    "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nmetadata: {name: unroot}\nspec:\n  podSecurity:\n    enforce: baseline\n    namespaces:\n    - {names: [kube-system, a], enforce: privileged, warn: baseline}\n    - {names: [\"k*\"], enforce: strictest, enforceVersion: v1.28}\n    userNamespaces: {enforce: restricted, warn: restricted, version: v1.29}\n  onViolation: warn\n",
    "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  istio:\n    mode: ambient\n    version: 1.28.10\n    ambient: {namespaces: [\"k*\", a], userNamespaces: true, waypoints: auto}\n  workloads:\n    harden: restricted\n    users:\n    - {image: \"*\", runAsUser: 1000, runAsGroup: 1000}\n",
    "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  istio: {mode: cni, version: 1.22.1, cniBinDir: /a, cniConfDir: /b}\n  accepted:\n  - {rule: \"*\", reason: tried}\n",
];

struct Ran {
    exit: Exit,
    out: String,
    said: String,
    errors: usize,
}

fn run(input: &[u8], choice: usize) -> Ran {
    let words: Vec<String> =
        WORDS.get(choice).into_iter().flat_map(|words| words.iter()).map(|word| (*word).to_owned()).collect();
    let file = choice.checked_sub(WORDS.len()).and_then(|at| FILES.get(at));
    let file = file.map(|text| ("unroot.yaml", Ok(text.as_bytes().to_vec())));
    let outcome = unroot::filter(input, &Given { file, words: &words });
    Ran {
        exit: outcome.exit,
        out: outcome.pieces().iter().map(|piece| piece.as_str()).collect(),
        said: outcome.findings.iter().map(|finding| format!("{finding}\n")).collect(),
        errors: outcome.findings.iter().filter(|finding| finding.severity == Severity::Error).count(),
    }
}

/// The property. `Ok` with how the run ended.
///
/// # Errors
/// What does not hold.
pub fn hold(case: &[u8]) -> Result<Exit, String> {
    let (head, input) = case::parts(case);
    let choice = usize::from(head.first().copied().unwrap_or(0)) % (WORDS.len() + FILES.len());
    let text = str::from_utf8(input).unwrap_or_default();
    let ran = run(input, choice);
    let fail = |what: &str| {
        Err(format!(
            "{what}\n--- configuration {choice}\n--- input {text:?}\n{text}\n--- {:?}, output {:?}\n{}\n--- said\n{}",
            ran.exit, ran.out, ran.out, ran.said
        ))
    };
    if ran.said.contains("two edits meet") {
        return fail("two edits meet");
    }
    if (ran.errors > 0) != (ran.exit != Exit::Done) {
        return fail("the exit code is not that of the findings");
    }
    let is_list = !ran.out.is_empty() && is_resource_list(&ran.out);
    match ran.exit {
        Exit::Done if ran.out.is_empty() => return fail("nothing is written"),
        Exit::Findings if !ran.out.is_empty() && !is_list => return fail("a stream is written in spite of an error"),
        Exit::Unusable if !ran.out.is_empty() && !is_list => return fail("a stream is written from an unusable input"),
        Exit::Unusable if !ran.out.is_empty() && !same(&ran.out, text) => return fail("an unusable list has changed"),
        // The first configuration asks for nothing.
        Exit::Done if choice == 0 && !same(&ran.out, text) => return fail("there was nothing to do"),
        _ => {}
    }
    if ran.out.is_empty() {
        return Ok(ran.exit);
    }
    if cut::readers::full(&ran.out).is_err() {
        return fail("the output cannot be read");
    }
    if serde_json::from_str::<Value>(text).is_ok() && serde_json::from_str::<Value>(&ran.out).is_err() {
        return fail("JSON is JSON no more");
    }
    let again = run(input, choice);
    if again.out != ran.out || again.said != ran.said {
        return fail(&format!("the same input gives something else\n{}\n{}", again.out, again.said));
    }
    if ran.exit == Exit::Unusable {
        // What was wrong may have been in the results, which are gone.
        return Ok(ran.exit);
    }
    let second = run(ran.out.as_bytes(), choice);
    if second.exit != ran.exit || !same(&second.out, &ran.out) {
        return fail(&format!("a second run: {:?}\n{}\n--- said\n{}\n---", second.exit, second.out, second.said));
    }
    Ok(ran.exit)
}

fn is_resource_list(text: &str) -> bool {
    let documents = cut::readers::full(text).unwrap_or_default();
    documents.iter().any(|document| document.head.kind.as_deref() == Some("ResourceList"))
}

/// The same but for what is said about it.
fn same(one: &str, other: &str) -> bool {
    without_results(one) == without_results(other)
}

/// A list without its `results`, and without the line breaks and the comma that they need before them.
#[must_use]
pub fn without_results(text: &str) -> String {
    let documents = cut::readers::full(text).unwrap_or_default();
    let list = documents.iter().find(|document| document.head.kind.as_deref() == Some("ResourceList"));
    let Some(list) = list else { return text.to_owned() };
    let key = list.root_keys.iter().find(|key| key.name == "results");
    match (&list.flow, key) {
        (Some(_), _) => {
            let (start, end) = key.map_or((text.len(), text.len()), |key| (key.start, key.end));
            let kept = format!("{}{}", &text[..start], &text[end..]);
            kept.chars().filter(|letter| !letter.is_whitespace() && *letter != ',').collect()
        }
        (None, Some(key)) => {
            let start = text[..key.start].rfind('\n').map_or(0, |at| at + 1);
            let eol = match &text.as_bytes()[..start] {
                [] => "",
                [.., b'\r', b'\n'] => "\r\n",
                _ => "\n",
            };
            format!("{}{eol}{}", text[..start].trim_end(), text[key.end..].trim_end()).trim_end().to_owned()
        }
        (None, None) => text.trim_end().to_owned(),
    }
}
