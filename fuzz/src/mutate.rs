//! Changes of a text that somebody who edits YAML might make, rightly or not, and some that nobody would.

use crate::choices::Choices;

/// Pieces that change the structure wherever they land.
const SNIPPETS: &[&str] = &[
    "- ",
    "-",
    "\n",
    "  ",
    " ",
    ": ",
    ":",
    " #",
    "# x\n",
    "---\n",
    "...\n",
    "|\n",
    ">\n",
    "|2\n",
    "\"",
    "'",
    "{}",
    "[]",
    "[",
    "}",
    "{",
    "]",
    "&a ",
    "*a",
    "!t ",
    "!!str ",
    "!!binary ",
    "? ",
    "\t",
    "<<: ",
    "<<: *a\n",
    "items:\n",
    "kind: K\n",
    "kind: List\n",
    "metadata:\n",
    "name: n\n",
    "labels:\n",
    "spec:\n",
    "\r\n",
    "\r",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "é",
    "🙂",
    "\\",
    "%",
    "@",
    "`",
    "~",
    "0x1",
    ",",
    "- - ",
    "k: v\n",
    "\"a\": b\n",
    "'a' : b\n",
    "a: |-\n",
    "\u{0}",
    "\u{7f}",
    "==",
    "=",
    "a:b",
    "::",
    "- |\n",
    "annotations:\n",
    "config.kubernetes.io/local-config: 'true'\n",
    "%YAML 1.1\n---\n",
    "---\n---\n",
    "functionConfig:\n",
    "results:\n",
    "|+\n",
    ">-\n",
    "\\n",
    "\"\\\n",
    "{a: b, ",
    "pod-security.kubernetes.io/enforce: restricted\n",
    "istio-injection: enabled\n",
    "sidecar.istio.io/inject: \"false\"\n",
    "securityContext:\n",
    "runAsNonRoot: true\n",
    "hostNetwork: true\n",
    "privileged: true\n",
    "runAsUser: 0\n",
    "namespace: kube-system\n",
    "containers: []\n",
    "null",
];

/// Values that one reader or the other takes for something else.
const HARD_SCALARS: &[&str] = &[
    "yes",
    "no",
    "on",
    "y",
    "~",
    "null",
    "Null",
    "0123",
    "0o17",
    "1_000",
    "1e3",
    "1.5",
    ".inf",
    ".nan",
    "0x1F",
    "1:30",
    "2001-01-01",
    "-",
    "?",
    "''",
    "\"\"",
    "{}",
    "[]",
    "{a: b}",
    "[a, {b: c}]",
    "|\n  a\n  b",
    ">-\n  a\n\n  b",
    "|2\n   a",
    "*a",
    "&a b",
    "!!str 1",
    "!!int \"1\"",
    "! a",
    "'it''s'",
    "\"a\\tb\\u00e9\"",
    "a #b",
    "a: b",
    "\"a\\\n  b\"",
    "a\n  b",
    "-1",
    "18446744073709551616",
    "9223372036854775808",
    "99999999999999999999999",
    "é🙂",
    "<<",
    "=",
    "%",
    "@a",
    "`",
    "restricted",
    "baseline",
    "privileged",
    "strictest",
    "true",
    "false",
    "\"true\"",
    "enabled",
    "disabled",
    "latest",
    "v1.30",
    "v1.99999999999",
    "RuntimeDefault",
    "Unconfined",
    "Localhost",
    "0",
    "\"0\"",
    "-0",
    "kube-system",
    "istio-system",
    "",
];

/// The text after one to four changes.
#[must_use]
pub fn mutate(text: &str, choices: &mut Choices<'_>) -> String {
    let mut text = text.to_owned();
    for _ in 0..=choices.below(4) {
        text = change(&text, choices);
    }
    text
}

fn change(text: &str, choices: &mut Choices<'_>) -> String {
    match choices.below(24) {
        0..=2 => insert(text, choices),
        3 => delete(text, choices),
        4 | 5 => indent(text, choices, false),
        6 => indent(text, choices, true),
        7 | 8 => with_lines(text, |lines| {
            let copied = lines[choices.below(lines.len())].clone();
            lines.insert(choices.below(lines.len() + 1), copied);
        }),
        9 => with_lines(text, |lines| {
            let block = block(lines, choices.below(lines.len()));
            let copied: Vec<String> = lines[block.clone()].to_vec();
            let to = choices.below(lines.len() + 1);
            lines.splice(to..to, copied);
        }),
        10 => with_lines(text, |lines| drop(lines.remove(choices.below(lines.len())))),
        11 => with_lines(text, |lines| drop(lines.drain(block(lines, choices.below(lines.len()))))),
        12 => with_lines(text, |lines| {
            let (one, other) = (choices.below(lines.len()), choices.below(lines.len()));
            lines.swap(one, other);
        }),
        13..=15 => replace_value(text, choices),
        16 => quote(text, choices),
        17 => to_flow(text, choices),
        18 => comment(text, choices),
        19 => share(text, choices),
        20 => line_ends(text, choices),
        21 if choices.below(4) == 0 => format!("\u{feff}{text}"),
        22 if choices.below(4) == 0 => text[..boundary(text, choices.below(text.len() + 1))].to_owned(),
        23 => with_lines(text, |lines| {
            let at = choices.below(lines.len() + 1);
            let column = lines.get(at).map_or(0, |line| depth(line));
            let snippet = choices.of_these(SNIPPETS);
            let end = if snippet.ends_with('\n') { "" } else { "\n" };
            lines.insert(at, format!("{}{snippet}{end}", " ".repeat(column)));
        }),
        _ => insert(text, choices),
    }
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn insert(text: &str, choices: &mut Choices<'_>) -> String {
    let at = boundary(text, choices.below(text.len() + 1));
    format!("{}{}{}", &text[..at], choices.of_these(SNIPPETS), &text[at..])
}

fn delete(text: &str, choices: &mut Choices<'_>) -> String {
    let start = boundary(text, choices.below(text.len() + 1));
    let end = boundary(text, (start + 1 + choices.below(6)).min(text.len())).max(start);
    format!("{}{}", &text[..start], &text[end..])
}

fn with_lines(text: &str, change: impl FnOnce(&mut Vec<String>)) -> String {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    if !lines.is_empty() {
        change(&mut lines);
    }
    lines.concat()
}

fn depth(line: &str) -> usize {
    line.bytes().take_while(|byte| *byte == b' ').count()
}

/// A line and the deeper ones behind it.
fn block(lines: &[String], first: usize) -> std::ops::Range<usize> {
    let column = depth(&lines[first]);
    let rest = lines[first + 1..].iter().take_while(|line| line.trim().is_empty() || depth(line) > column);
    first..first + 1 + rest.count()
}

fn indent(text: &str, choices: &mut Choices<'_>, whole_block: bool) -> String {
    with_lines(text, |lines| {
        let first = choices.below(lines.len());
        let range = if whole_block { block(lines, first) } else { first..first + 1 };
        let by = [1, 2, 3, 4][choices.below(4)];
        let outwards = choices.below(2) == 0;
        for line in &mut lines[range] {
            if outwards {
                line.drain(..depth(line).min(by));
            } else {
                line.insert_str(0, &" ".repeat(by));
            }
        }
    })
}

/// Where the value on a line begins and ends, if one stands behind a colon or a dash.
fn value_on(line: &str) -> Option<std::ops::Range<usize>> {
    let start = line.find(": ").or_else(|| line.find("- ")).map(|at| at + 2)?;
    let end = line.trim_end_matches(['\n', '\r']).len();
    (start < end).then_some(start..end)
}

/// The lines on which a value stands.
fn some_value(lines: &[String], choices: &mut Choices<'_>) -> Option<(usize, std::ops::Range<usize>)> {
    let first = choices.below(lines.len());
    (0..lines.len()).map(|step| (first + step) % lines.len()).find_map(|at| Some((at, value_on(&lines[at])?)))
}

fn replace_value(text: &str, choices: &mut Choices<'_>) -> String {
    with_lines(text, |lines| {
        if let Some((at, value)) = some_value(lines, choices) {
            let inner = " ".repeat(depth(&lines[at]));
            let new = choices.of_these(HARD_SCALARS).replace('\n', &format!("\n{inner}"));
            lines[at].replace_range(value, &new);
        }
    })
}

fn quote(text: &str, choices: &mut Choices<'_>) -> String {
    with_lines(text, |lines| {
        if let Some((at, value)) = some_value(lines, choices) {
            let old = lines[at][value.clone()].trim_matches(['"', '\'']).to_owned();
            let mark = *choices.of_these(&["\"", "'", ""]);
            lines[at].replace_range(value, &format!("{mark}{old}{mark}"));
        }
    })
}

/// A block of `key: value` lines as a flow collection.
fn to_flow(text: &str, choices: &mut Choices<'_>) -> String {
    with_lines(text, |lines| {
        let first = choices.below(lines.len());
        let Some(at) = (0..lines.len())
            .map(|step| (first + step) % lines.len())
            .find(|at| lines[*at].trim_end().ends_with(':') && block(lines, *at).len() > 1)
        else {
            return;
        };
        let range = block(lines, at);
        let head = lines[at].trim_end().to_owned();
        let inner: Vec<String> = lines[at + 1..range.end].iter().map(|line| line.trim().to_owned()).collect();
        let over_lines = choices.below(3) == 0;
        let (open, close) = if inner.iter().all(|line| line.starts_with("- ")) { ("[", "]") } else { ("{", "}") };
        let entries: Vec<&str> = inner.iter().map(|line| line.strip_prefix("- ").unwrap_or(line)).collect();
        let column = " ".repeat(depth(&lines[at]) + 2);
        let (start, separator) =
            if over_lines { (format!("\n{column}"), format!(",\n{column}")) } else { (String::new(), ", ".to_owned()) };
        let flow = format!("{head} {open}{start}{}{close}\n", entries.join(&separator));
        lines.splice(range, [flow]);
    })
}

fn comment(text: &str, choices: &mut Choices<'_>) -> String {
    with_lines(text, |lines| {
        let at = choices.below(lines.len());
        match choices.below(4) {
            0 => {
                let end = lines[at].trim_end_matches(['\n', '\r']).len();
                lines[at].insert_str(end, " # c");
            }
            1 => lines.insert(at, "\n".to_owned()),
            2 => lines.insert(at, format!("{}# c: d\n", " ".repeat(depth(&lines[at])))),
            _ => lines.insert(at, "# c\n".to_owned()),
        }
    })
}

/// One value gets an anchor; another becomes its alias.
fn share(text: &str, choices: &mut Choices<'_>) -> String {
    with_lines(text, |lines| {
        if choices.below(2) == 0
            && let Some((at, value)) = some_value(lines, choices)
        {
            lines[at].insert_str(value.start, "&a ");
        } else {
            let at = choices.below(lines.len());
            let end = lines[at].trim_end().len();
            if lines[at][..end].ends_with(':') {
                lines[at].insert_str(end, " &a");
            }
        }
        if let Some((at, value)) = some_value(lines, choices) {
            lines[at].replace_range(value, "*a");
        }
    })
}

fn line_ends(text: &str, choices: &mut Choices<'_>) -> String {
    match choices.below(3) {
        0 => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        1 => text.strip_suffix('\n').unwrap_or(text).to_owned(),
        _ => with_lines(text, |lines| {
            let at = choices.below(lines.len());
            if lines[at].ends_with('\n') && !lines[at].ends_with("\r\n") {
                let end = lines[at].len() - 1;
                lines[at].insert(end, '\r');
            }
        }),
    }
}
