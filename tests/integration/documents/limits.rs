//! `docs/limits.md`: each limit with its words, and what `make bench` allows.

use unroot::krm::form::MAX_INPUT;
use unroot::yaml::cut::MAX_RESOURCES;

use super::read;

/// The cells of the table's rows whose head begins with `first`.
fn rows(text: &str, first: &str) -> Vec<Vec<String>> {
    let table = text.split(&format!("\n| {first} |")).nth(1).unwrap_or_else(|| panic!("no table of {first}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()).collect()
}

#[test]
fn each_limit_is_the_codes_and_its_words_are_tested() {
    let tests = read("tests/integration/bad_input.rs");
    let rows = rows(&read("docs/limits.md"), "what");
    let mut messages = 0;
    for row in &rows {
        let said = &row[2];
        if let Some(message) = said.strip_prefix('`').and_then(|said| said.strip_suffix('`')) {
            messages += 1;
            assert!(tests.contains(message), "{message}: no test in bad_input.rs");
        }
    }
    assert_eq!(messages, 6);
    assert_eq!(MAX_INPUT, 1 << 30, "{}", rows[0][1]);
    assert_eq!(rows[1][1].replace(',', ""), MAX_RESOURCES.to_string());
}

#[test]
fn worst_cases_are_those_of_the_bench() {
    let bench = read("bench/whole_process.py");
    let rows = rows(&read("docs/limits.md"), "worst case");
    assert_eq!(rows.len(), bench.split("def limits()").next().unwrap_or_default().matches("\": (").count());
    for row in rows {
        // The table says how large it is.
        let name = row[0].replace(" (6 MB)", "");
        let bound = row[1].strip_prefix("at most ").and_then(|bound| bound.strip_suffix(" MiB")).expect("a bound");
        let line = bench.lines().find(|line| line.trim_start().starts_with(&format!("\"{name}\": ("))).expect(&name);
        assert!(line.ends_with(&format!(", {bound}),")), "{name}: {line}");
    }
}
