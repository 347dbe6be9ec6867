//! `README.md` and `--help`: the same keys and flags as the program has.

use std::fs;
use std::process::Command;

use unroot::check::{Options, Source};
use unroot::config::Config;

use super::{blocks, read, root, run};

fn help(command: &[&str]) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_unroot")).args(command).arg("--help").output().expect("the unroot binary");
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The keys that the parser names when it meets one that it does not know.
fn known_keys() -> Vec<String> {
    let error = Config::from_pairs([("zzz", "1")]).expect_err("an unknown key");
    error.message.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_help_names_the_keys_of_the_parser() {
    let help = help(&[]);
    let (_, keys) = help.split_once("\nKeys of KEY=VALUE").expect("a section on the keys");
    let lines = keys.lines().skip(1).take_while(|line| line.starts_with("  "));
    let mut named: Vec<String> = lines
        .filter(|line| !line.starts_with("   "))
        .flat_map(|line| line.trim_start().split("  ").next().unwrap_or_default().split(", "))
        .map(str::to_owned)
        .collect();
    let mut known = known_keys();
    named.sort();
    known.sort();
    assert_eq!(named, known);
}

#[test]
fn the_help_fits_a_terminal_and_is_the_same_everywhere() {
    for line in help(&[]).lines() {
        assert!(line.chars().count() <= 112, "{line}");
    }
}

/// Flags of the programs around unroot.
const FLAGS_OF_OTHERS: &[&str] = &[
    "--allow-alpha-wasm",
    "--allow-exec",
    "--dir",
    "--directory",
    "--dry-run",
    "--enable-alpha-plugins",
    "--enable-exec",
    "--exec",
    "--force-conflicts",
    "--image",
    "--install",
    "--post-renderer",
    "--post-renderer-args",
    "--results-dir",
    "--server-side",
];

#[test]
fn flags_and_words_of_the_readme_are_known() {
    let readme = read("README.md");
    // A subcommand that is documented is one whose flags are known.
    let help = [help(&[]), help(&["check"]), help(&["plan"])].concat();
    let options: Vec<&str> = help
        .lines()
        .filter(|line| line.trim_start().starts_with('-'))
        .flat_map(|line| line.split([' ', ',']))
        .filter(|word| word.starts_with("--"))
        .collect();
    assert!(options.contains(&"--config"), "{options:?}");
    let mut flags = 0;
    for word in readme.split([' ', '\n', '`', ',', '(', ')']).filter(|word| word.starts_with("--") && word.len() > 3) {
        let flag = word.split(['=', '.']).next().unwrap_or_default();
        if flag.trim_matches('-').is_empty() {
            continue;
        }
        flags += 1;
        assert!(options.contains(&flag) || FLAGS_OF_OTHERS.contains(&flag), "{word}");
    }
    assert!(flags > 8, "{flags}");

    let mut words = 0;
    for line in blocks(&readme, "").iter().flat_map(|block| block.lines()) {
        // A variable of the environment is in capitals, a key of ours never is.
        for word in line.split_whitespace().filter(|word| {
            word.split_once('=').is_some_and(|(key, _)| !key.starts_with('-') && key.contains(char::is_lowercase))
        }) {
            words += 1;
            Config::from_words([word]).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
    assert!(words >= 4, "{words}");
}

#[test]
fn the_readme_leads_to_every_example() {
    let readme = read("README.md");
    for entry in fs::read_dir(root().join("examples")).expect("examples/") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(readme.contains(&format!("(examples/{name})")), "examples/{name} is not linked");
    }
}

#[test]
fn the_difference_of_the_first_screen_is_a_part_of_the_demo_s() {
    let shown = blocks(&read("README.md"), "diff").into_iter().next().expect("a difference");
    let recorded = read("examples/demo/expected.diff");
    let mut lines = recorded.lines();
    let mut changed = 0;
    for line in shown.lines().filter(|line| !line.starts_with("@@")) {
        assert!(
            lines.any(|recorded| recorded == line),
            "not in examples/demo/expected.diff, or not in this order: {line}"
        );
        changed += usize::from(line.starts_with(['+', '-']));
    }
    assert!(changed >= 4, "{changed}");
}

#[test]
fn the_verdict_that_is_shown_is_that_of_the_demo() {
    let platform = read("examples/demo/platform.yaml");
    let outcome = run(&platform, &read("examples/demo/unroot.yaml"));
    let labelled: String = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
    let source = Source { name: "labelled.yaml", bytes: labelled.as_bytes() };
    let report = unroot::check(&[source], &Options::default()).report;
    let shown: Vec<String> =
        blocks(&read("README.md"), "text").into_iter().filter(|block| block.contains("judged by")).collect();
    assert!(!shown.is_empty(), "no verdict is shown");
    for block in shown {
        assert!(report.contains(&block), "{block}\nis not in\n{report}");
    }
}

#[test]
fn the_matrix_that_is_shown_is_that_of_the_demo() {
    let platform = read("examples/demo/platform.yaml");
    let source = Source { name: "platform.yaml", bytes: platform.as_bytes() };
    let plan = unroot::plan(&[source], &unroot::plan::Options::default()).report;
    let readme = read("README.md");
    let shown: Vec<String> =
        blocks(&readme, "text").into_iter().filter(|block| block.starts_with("namespace  ")).collect();
    assert_eq!(shown.len(), 1, "the matrix is shown once");
    assert!(plan.contains(&shown[0]), "{}\nis not in\n{plan}", shown[0]);
    let (_, next) = plan.rsplit_once("Next:\n  ").expect("a last command");
    assert!(readme.contains(next.trim_end()), "{next}");
}
