//! The structure that `ARCHITECTURE.md` promises.

use std::collections::BTreeSet;
use std::path::Path;

use super::{files, read, root};

/// The rooms of the library, from the ground up; a room uses only rooms of the rows above its own.
const ROOMS: &[&[&str]] = &[
    &["typo", "rules"],
    &["yaml"],
    &["krm"],
    &["kube"],
    &["pod_security", "istio"],
    &["kubeflow"],
    &["config"],
    &["admission", "harden"],
    &["passes", "report"],
    &["filter", "sources"],
    &["check", "plan"],
    &["cli"],
];

/// What a room knows nothing of, beyond the order.
const APART: &[(&str, &[&str])] = &[("pod_security", &["yaml", "krm", "kube"])];

fn room_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).expect("a file of src");
    let first = inside.iter().next().expect("a name").to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn row(room: &str) -> Option<usize> {
    ROOMS.iter().position(|rooms| rooms.contains(&room))
}

/// The product's lines of a file: what stands before its tests, without comments.
fn product_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate();
    lines
        .take_while(|(_, line)| !line.starts_with("mod tests"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The library's files but those that hold only tests, with their room.
fn library() -> Vec<(String, String, String)> {
    files("src", "rs")
        .into_iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| (path.display().to_string(), room_of(&path), read(&path)))
        .filter(|(_, room, _)| room != "main")
        .collect()
}

#[test]
fn rooms_use_only_rooms_below_them() {
    let mut uses = BTreeSet::new();
    for (path, room, text) in library() {
        if room == "lib" {
            continue;
        }
        let own = row(&room).unwrap_or_else(|| panic!("{path}: the room `{room}` has no place in the order"));
        for (number, line) in product_lines(&text) {
            for used in line.split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
                if used == room {
                    continue;
                }
                let place = format!("{path}:{}: `{room}` uses `{used}`", number + 1);
                let other = row(&used).unwrap_or_else(|| panic!("{place}, which has no place in the order"));
                assert!(other < own, "{place}, which is not below it");
                let apart = APART.iter().any(|(one, others)| *one == room && others.contains(&used.as_str()));
                assert!(!apart, "{place}, of which it shall know nothing");
                uses.insert((room.clone(), used));
            }
        }
    }
    // The rule means something only while rooms are found.
    assert!(uses.len() > 10, "{uses:?}");
}

#[test]
fn the_library_touches_no_process_file_or_clock() {
    let refused = [
        // Written in one with others, an import would not be seen.
        "use std::{",
        "std::fs",
        "std::env",
        "net::Tcp",
        "net::Udp",
        "net::ToSocketAddrs",
        "std::process",
        "std::time",
        "std::thread",
        "std::os",
        "io::stdin",
        "io::stdout",
        "io::stderr",
        "env!(\"PATH",
        "include_str!(",
        "include_bytes!(",
        "SystemTime",
        "Instant::",
    ];
    for (path, _, text) in library() {
        for (number, line) in product_lines(&text) {
            let found = refused.iter().find(|word| line.replace("env!(\"CARGO_PKG_", "").contains(**word));
            assert_eq!(found, None, "{path}:{}: {line}", number + 1);
        }
    }
}

#[test]
fn passes_write_no_text_into_items() {
    // That they cannot is the compiler's business as long as these are private.
    let edits = read("src/yaml/edit.rs");
    for function in ["fn replace(", "fn insert("] {
        let line = edits.lines().find(|line| line.contains(function)).unwrap_or_else(|| panic!("{function}"));
        assert!(!line.trim_start().starts_with("pub fn"), "{line}");
    }
    let item = read("src/krm/item.rs");
    let changed = item.lines().find(|line| line.trim_start().contains("changed: Option<String>")).expect("the field");
    assert!(!changed.trim_start().starts_with("pub changed"), "{changed}");
}

#[test]
fn no_file_is_longer_than_a_room_may_be() {
    for path in files("src", "rs").into_iter().chain(files("tests/integration", "rs")) {
        let lines = read(&path).lines().count();
        assert!(lines <= 600, "{} has {lines} lines: it is two rooms", path.display());
        assert_ne!(path.file_name().expect("a name"), "mod.rs", "{}", path.display());
    }
}

#[test]
fn every_dependency_has_its_reason() {
    let (manifest, architecture) = (read("Cargo.toml"), read("ARCHITECTURE.md"));
    let (_, dependencies) = manifest.split_once("\n[dependencies]\n").expect("dependencies");
    let names =
        dependencies.lines().take_while(|line| !line.starts_with('[')).filter_map(|line| line.split_once(" = "));
    let mut dependencies = 0;
    for (name, _) in names.filter(|(name, _)| !name.starts_with('#')) {
        dependencies += 1;
        let there = architecture.lines().any(|line| {
            line.strip_prefix("| ")
                .and_then(|row| row.split(" | ").next())
                .is_some_and(|cell| cell.split([',', ' ', '(', ')', '`']).any(|word| word == name))
        });
        assert!(there, "ARCHITECTURE.md does not say why {name}");
    }
    assert!(dependencies > 10, "{dependencies}");
}
