//! What the documents say is so: links, names of tests and files, commands, examples; and the structure of the code that
//! `ARCHITECTURE.md` promises.

mod architecture;
mod limits;
mod readme;
mod rules;

use std::fs;
use std::path::{Path, PathBuf};

use unroot::Given;
use unroot::filter::{Exit, Outcome};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder, sorted.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                collect(&path, extension, found);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    collect(&root().join(folder), extension, &mut found);
    assert!(!found.is_empty(), "no {extension} in {folder}");
    found.sort();
    found
}

/// All documents.
fn documents() -> Vec<PathBuf> {
    let mut documents: Vec<PathBuf> =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"]
            .map(|name| root().join(name))
            .into();
    documents.extend(files("docs", "md"));
    documents.extend(files("examples", "md"));
    documents
}

/// The fenced blocks of a language, in order; "" is a block that names none.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        // In a list a block is indented.
        let Some(found) = line.trim_start().strip_prefix("```") else { continue };
        let indent = line.len() - line.trim_start().len();
        let block: String = lines
            .by_ref()
            .take_while(|line| !line.trim_start().starts_with("```"))
            .map(|line| format!("{}\n", line.get(indent..).unwrap_or_default()))
            .collect();
        if found == language {
            blocks.push(block);
        }
    }
    blocks
}

/// A text without its fenced blocks.
fn prose(text: &str) -> String {
    let mut is_prose = true;
    text.lines()
        .filter(|line| {
            let fence = line.trim_start().starts_with("```");
            is_prose ^= fence;
            is_prose && !fence
        })
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The words of a prose that stand in single back-quotes.
fn quoted(text: &str) -> Vec<String> {
    prose(text).split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Runs the filter with a configuration in a file.
fn run<'s>(input: &'s str, config: &str) -> Outcome<'s> {
    let file = Some(("unroot.yaml", Ok(config.as_bytes().to_vec())));
    unroot::filter(input.as_bytes(), &Given { file, words: &[] })
}

/// A heading's anchor, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for document in documents() {
        let text = read(&document);
        for target in prose(&text).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("https://") {
                continue;
            }
            links += 1;
            let (path, fragment) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { document.clone() } else { document.with_file_name(path) };
            assert!(file.exists(), "{}: {target}", document.display());
            if !fragment.is_empty() {
                let there = read(&file)
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .any(|line| anchor(line.trim_start_matches('#').trim_start()) == fragment);
                assert!(there, "{}: {target} is no heading", document.display());
            }
        }
    }
    assert!(links > 20, "{links}");
}

#[test]
fn every_file_that_is_named_is_there() {
    let folders = ["src/", "tests/", "docs/", "fn-config/", "examples/", "scripts/", "bench/", ".ci/"];
    let mut names = 0;
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "docs/rules.md"] {
        for name in quoted(&read(document)) {
            if !folders.iter().any(|folder| name.starts_with(folder)) || name.contains(['<', '*', ' ']) {
                continue;
            }
            names += 1;
            let path = name.split("::").next().unwrap_or(&name);
            assert!(root().join(path).exists(), "{document} names {name}");
        }
    }
    assert!(names > 20, "{names}");
}

#[test]
fn every_test_that_is_named_is_there() {
    let tests: Vec<(String, String)> = files("tests/integration", "rs")
        .into_iter()
        .map(|path| (path.file_name().expect("a name").to_string_lossy().into_owned(), read(&path)))
        .collect();
    let mut names = 0;
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        for name in quoted(&read(document)) {
            let Some((file, test)) = name.split_once(".rs::") else { continue };
            names += 1;
            let there = tests.iter().any(|(found, text)| {
                *found == format!("{file}.rs")
                    && text.lines().any(|line| line.trim_start().starts_with(&format!("fn {test}(")))
            });
            assert!(there, "{document} names {name}");
        }
    }
    assert!(names > 15, "{names}");
}

#[test]
fn every_configuration_in_a_document_is_one() {
    let namespaces = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";
    let mut configurations = 0;
    for document in documents() {
        for block in blocks(&read(&document), "yaml").iter().filter(|block| block.contains("kind: Unroot\n")) {
            configurations += 1;
            let outcome = run(namespaces, block);
            let said: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
            assert_eq!(outcome.exit, Exit::Done, "{}: {said:#?}\n{block}", document.display());
        }
    }
    assert!(configurations >= 4, "{configurations}");
}
