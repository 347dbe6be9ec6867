//! The HTML reports: nothing of the input gets out of its place, and in a real Chromium they are what they promise.

use std::path::{Path, PathBuf};
use std::process::Command;

use unroot::check::{self, Source};
use unroot::filter::Exit;
use unroot::plan::{self, Output};
use unroot::pod_security::Level;

use crate::plan::{builds, planned};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn demo() -> String {
    std::fs::read_to_string(root().join("examples/demo/platform.yaml")).expect("the demo's platform")
}

fn checked(input: &str) -> String {
    let options = check::Options {
        level: Some(Level::Restricted),
        output: unroot::report::Output::Html,
        ..check::Options::default()
    };
    check::check(&[Source { name: "-", bytes: input.as_bytes() }], &options).report
}

/// Names, images and reasons that would do harm in a page that takes them for its own.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "</title></style><img src=x onerror=alert(2)>",
    "\" autofocus onfocus=\"alert(3)",
    "' onmouseover='alert(4)",
    "{{7*7}}${7*7}&lt;b&gt;",
    "\u{202e}gnp.exe\u{7}\u{2028}",
];

/// A platform of such names: resources, namespaces, containers, versions of Istio, and a pod that does not decode.
fn hostile() -> String {
    let mut documents = Vec::new();
    for text in HOSTILE {
        let name = serde_json::to_string(text).expect("JSON");
        documents.push(format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{pod-security.kubernetes.io/enforce: {name}}}}}\n"));
        documents.push(format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {name}}}\nspec:\n  hostNetwork: true\n  containers:\n  - \
             {{name: {name}, image: {name}, securityContext: {{privileged: true}}}}\n  volumes:\n  - {{name: {name}, hostPath: {{path: /}}}}\n"
        ));
        documents.push(format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: fine}}\nspec: {{template: {{spec: {{containers: \
             [{{name: m, image: 5, args: {name}}}]}}}}}}\n"
        ));
    }
    documents.join("---\n")
}

#[test]
fn nothing_of_the_input_becomes_part_of_the_page() {
    for page in [planned(&hostile(), Output::Html, None), checked(&hostile())] {
        assert_eq!(page.matches("<script").count(), 1, "the page has one script");
        assert_eq!(page.matches("<style").count(), 1);
        assert!(!page.contains("<img") && !page.contains("onerror=alert(2)>\""), "an element came in");
        for start in page.split('<').skip(1) {
            let tag: String = start.chars().take_while(|letter| *letter != '>').collect();
            // Every other part is a value between quotes.
            let tag: String = tag.split('"').step_by(2).collect();
            assert!(!tag.contains("onfocus") && !tag.contains("onmouseover"), "an attribute came in: {tag}");
        }
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "the name is there to read");
        assert!(!page.contains('\u{7}'), "a control character came through");
    }
}

#[test]
fn a_page_asks_for_nothing_outside() {
    for page in [planned(&demo(), Output::Html, None), checked(&demo())] {
        for word in ["src=", "http:", "https:", "url(", "@import", "<link"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}

#[test]
fn a_page_says_what_the_plan_says() {
    let Some([stream, _]) = builds("v1.8.1") else { return };
    let page = planned(&stream, Output::Html, None);
    let plan: serde_json::Value = serde_json::from_str(&planned(&stream, Output::Json, None)).expect("JSON");
    let escaped =
        |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut said = 0;
    for namespace in plan["namespaces"].as_array().expect("namespaces") {
        for blocker in namespace["blockers"].as_array().expect("blockers") {
            for violation in blocker["violations"].as_array().expect("violations") {
                let (reason, detail) =
                    (violation["reason"].as_str().expect("a text"), violation["detail"].as_str().expect("a text"));
                assert!(page.contains(&escaped(&format!("{reason} ({detail})"))), "{reason} ({detail})");
                said += 1;
            }
        }
    }
    assert!(said > 100, "{said}");
    for line in planned(&stream, Output::Config, None).lines() {
        assert!(page.contains(&escaped(line)), "{line}");
    }
}

/// Chromium and what drives it; None, said on standard error, where one of them is missing. In CI they must be there.
pub(crate) fn browser() -> Option<PathBuf> {
    let on_path = |name: &str| {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|path| path.is_file())
    };
    let chromium = on_path("chromium").or_else(|| on_path("chromium-browser"));
    let packages = root().join("bin/browser/node_modules");
    let missing = match (&chromium, on_path("node"), packages.is_dir()) {
        (None, ..) => "chromium is not on PATH",
        (_, None, _) => "node is not on PATH",
        (.., false) => "bin/browser is not there: run scripts/tools.sh",
        _ => return chromium,
    };
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

#[test]
fn pages_are_usable_in_chromium_by_day_and_by_night_narrow_and_wide_and_on_paper() {
    let Some(chromium) = browser() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut pages = vec![
        ("demo-plan", planned(&demo(), Output::Html, None)),
        ("demo-check", checked(&demo())),
        ("hostile-plan", planned(&hostile(), Output::Html, None)),
        ("hostile-check", checked(&hostile())),
        ("empty-plan", planned("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", Output::Html, None)),
    ];
    if let Some([stream, _]) = builds("v1.8.1") {
        pages.push(("kubeflow-1.8.1-plan", planned(&stream, Output::Html, None)));
    }
    let files: Vec<PathBuf> = pages.iter().map(|(name, page)| written(folder.path(), name, page)).collect();
    let output = Command::new("node")
        .arg(root().join("tests/browser/page.mjs"))
        .arg(chromium)
        .arg(root().join("target/screenshots"))
        .args(&files)
        .output()
        .expect("node");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn written(folder: &Path, name: &str, page: &str) -> PathBuf {
    let file = folder.join(format!("{name}.html"));
    std::fs::write(&file, page).expect("a page");
    file
}

#[test]
fn a_check_as_a_page_ends_as_a_check_does() {
    let options = check::Options {
        output: unroot::report::Output::Html,
        level: Some(Level::Restricted),
        ..check::Options::default()
    };
    let outcome = check::check(&[Source { name: "-", bytes: demo().as_bytes() }], &options);
    assert_eq!(outcome.exit, Exit::Findings);
    let outcome = plan::plan(
        &[Source { name: "-", bytes: demo().as_bytes() }],
        &plan::Options { output: Output::Html, ..plan::Options::default() },
    );
    assert_eq!(outcome.exit, Exit::Done);
}
