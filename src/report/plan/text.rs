//! For people: the matrix, then by namespace what stands in the way in Pod Security's own words, then what to type next.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};

use super::{Blocker, Column, Plan, PlannedNamespace, Pods};
use crate::krm::results::one_line;
use crate::pod_security::{Level, Violation};

/// How many pods a line names.
const NAMED: usize = 3;

/// What there is to do about an agent of Istio on the node.
pub(in crate::report) const AGENT: &str =
    "A node agent of Istio needs this. Keep its namespace privileged, and other pods out of it.";

/// What a cell of the matrix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Cell {
    Level(Level),
    NoPods,
    Unknown,
    Unavailable,
}

impl Cell {
    pub(in crate::report) fn of(plan: &Plan<'_>, namespace: &PlannedNamespace, column: Column, pods: Pods) -> Self {
        match namespace.level(column, pods) {
            _ if plan.unavailable.contains_key(&column) => Self::Unavailable,
            _ if namespace.pods.is_empty() => Self::NoPods,
            Some(level) => Self::Level(level),
            None => Self::Unknown,
        }
    }

    pub(in crate::report) const fn word(self) -> &'static str {
        match self {
            Self::Level(level) => level.as_str(),
            Self::NoPods => "no pods",
            Self::Unknown => "unknown",
            Self::Unavailable => "-",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Level(Level::Privileged) => AnsiColor::Red.on_default(),
            Self::Level(Level::Baseline) => AnsiColor::Yellow.on_default(),
            Self::Level(Level::Restricted) => AnsiColor::Green.on_default(),
            Self::Unknown => AnsiColor::Red.on_default().bold(),
            Self::NoPods | Self::Unavailable => Style::new().dimmed(),
        }
    }
}

// Writing to a string cannot fail.
fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}

/// The plan as text, with its last line break.
#[must_use]
pub fn render(plan: &Plan<'_>, colour: bool) -> String {
    let mut text = String::new();
    match &plan.istio {
        Some(istio) => line(
            &mut text,
            format_args!(
                "Istio {} in {}, revision {}, data plane mode {}",
                one_line(&istio.version),
                one_line(&istio.namespace),
                one_line(&istio.revision),
                istio.mode.as_str()
            ),
        ),
        None => {
            let why = plan.unavailable.values().next().map(|why| one_line(why)).unwrap_or_default();
            line(&mut text, format_args!("No data plane mode to choose: {why}"));
        }
    }
    text.push('\n');
    matrix(&mut text, plan, colour);
    for namespace in &plan.namespaces {
        of_namespace(&mut text, plan, namespace);
    }
    text.push_str("\nNext:\n");
    line(&mut text, format_args!("  {}", next(plan)));
    text
}

/// The strictest level that each namespace meets, by mode.
fn matrix(text: &mut String, plan: &Plan<'_>, colour: bool) {
    let names = plan.namespaces.iter().map(|namespace| one_line(&namespace.name).chars().count());
    let width = names.max().unwrap_or_default().max("namespace".len());
    let _ = write!(text, "{:width$}  {:10}", "namespace", "enforces");
    for column in Column::ALL {
        let _ = write!(text, "  {:10}", column.title());
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    for namespace in &plan.namespaces {
        let enforced = namespace.enforce.map_or("-", Level::as_str);
        let as_is = Column::ALL.map(|column| Cell::of(plan, namespace, column, Pods::AsTheyAre));
        row(text, &one_line(&namespace.name), enforced, &as_is, width, colour);
        let hardened = Column::ALL.map(|column| Cell::of(plan, namespace, column, Pods::Hardened));
        if hardened != as_is {
            row(text, "  hardened", "", &hardened, width, colour);
        }
    }
    for (column, why) in plan.unavailable.iter().filter(|_| plan.istio.is_some()) {
        line(text, format_args!("\nno {}: {}", column.title(), one_line(why)));
    }
}

fn row(text: &mut String, name: &str, enforced: &str, cells: &[Cell], width: usize, colour: bool) {
    let _ = write!(text, "{name:width$}  {enforced:10}");
    let mut blanks = String::new();
    for cell in cells {
        let word = cell.word();
        if colour {
            let style = cell.style();
            let _ = write!(text, "{blanks}  {style}{word}{style:#}");
        } else {
            let _ = write!(text, "{blanks}  {word}");
        }
        blanks = " ".repeat(10_usize.saturating_sub(word.len()));
    }
    text.push('\n');
}

/// What stands between a namespace and its next level; columns with the same answer together.
fn of_namespace(text: &mut String, plan: &Plan<'_>, namespace: &PlannedNamespace) {
    let mut told: Vec<(Vec<Column>, Level, Vec<Blocker<'_>>)> = Vec::new();
    for column in Column::ALL {
        let Some((level, blocking)) = namespace.blockers(column, Pods::AsTheyAre) else { continue };
        let same = |known: &&mut (Vec<Column>, Level, Vec<Blocker<'_>>)| {
            let pairs = known.2.iter().zip(&blocking);
            known.1 == level && known.2.len() == blocking.len() && pairs.into_iter().all(|(one, two)| one.is(two))
        };
        match told.iter_mut().find(same) {
            Some((columns, ..)) => columns.push(column),
            None => told.push((vec![column], level, blocking)),
        }
    }
    let open = unknown(namespace);
    if told.is_empty() && open.is_empty() {
        return;
    }
    line(text, format_args!("\nnamespace {}", one_line(&namespace.name)));
    for (columns, level, blocking) in told {
        let titles: Vec<&str> = columns.iter().map(|column| column.title()).collect();
        line(text, format_args!("  {level} ({}) is blocked by {}", titles.join(", "), pods(blocking.len())));
        let mended = columns.iter().filter(|column| namespace.level(**column, Pods::Hardened) >= Some(level));
        let mended: Vec<&str> = mended.map(|column| column.title()).collect();
        for (reason, details) in by_reason(&blocking) {
            of_reason(text, reason, &details);
            if mended.len() < columns.len()
                && let Some((violation, blocked)) = details.first()
            {
                let agent = blocked.iter().all(|blocker| blocker.pod.is_agent);
                line(text, format_args!("      mend: {}", if agent { AGENT } else { violation.mend }));
            }
        }
        if !mended.is_empty() {
            let all = if mended.len() == columns.len() { String::new() } else { format!(" ({})", mended.join(", ")) };
            line(text, format_args!("    `workloads.harden: restricted` mends this{all}"));
        }
    }
    for (columns, pod, why) in open {
        let titles: Vec<&str> = columns.iter().map(|column| column.title()).collect();
        let place = one_line(&format!("{} {}", pod.resource.kind, pod.resource.name));
        line(text, format_args!("  no answer ({}): {place}{}: {}", titles.join(", "), at(plan, pod), one_line(why)));
    }
}

/// The pods without an answer, with the columns and the reason.
pub(in crate::report) fn unknown(namespace: &PlannedNamespace) -> Vec<(Vec<Column>, &super::PlannedPod, &str)> {
    let mut open: Vec<(Vec<Column>, &super::PlannedPod, &str)> = Vec::new();
    for column in Column::ALL {
        for (pod, why) in namespace.unknown(column, Pods::AsTheyAre) {
            match open.iter_mut().find(|(_, known, reason)| std::ptr::eq(*known, pod) && *reason == why) {
                Some((columns, ..)) => columns.push(column),
                None => open.push((vec![column], pod, why)),
            }
        }
    }
    open
}

fn at(plan: &Plan<'_>, pod: &super::PlannedPod) -> String {
    let input = plan.inputs.get(pod.input).copied().unwrap_or_default();
    if input == "-" { format!(" (line {})", pod.line) } else { one_line(&format!(" ({input}:{})", pod.line)) }
}

/// What is broken in the same words, and by whom.
type Broken<'p> = (&'p Violation, Vec<Blocker<'p>>);

/// The blockers by reason and then by detail, in the order of the first that breaks it.
fn by_reason<'p>(blocking: &[Blocker<'p>]) -> Vec<(&'static str, Vec<Broken<'p>>)> {
    let mut found: Vec<(&str, Vec<Broken<'_>>)> = Vec::new();
    for blocker in blocking {
        for violation in blocker.violations {
            let place = found.iter().position(|(reason, _)| *reason == violation.reason).unwrap_or_else(|| {
                found.push((violation.reason, Vec::new()));
                found.len() - 1
            });
            let details = &mut found[place].1;
            match details.iter_mut().find(|(known, _)| known.detail == violation.detail) {
                Some((_, pods)) => pods.push(*blocker),
                None => details.push((violation, vec![*blocker])),
            }
        }
    }
    found
}

/// A reason with the first of its details: a terminal is no place for all of them.
fn of_reason(text: &mut String, reason: &str, details: &[Broken<'_>]) {
    let all: usize = details.iter().map(|(_, blocked)| blocked.len()).sum();
    line(text, format_args!("    {reason}: {}", pods(all)));
    let mut told = 0;
    for (violation, blocked) in details.iter().take(NAMED) {
        told += blocked.len();
        let detail = if violation.detail.is_empty() { String::new() } else { format!(": {}", violation.detail) };
        line(text, format_args!("      {}{}", named(blocked), one_line(&detail)));
    }
    if told < all {
        line(text, format_args!("      and {} more", all - told));
    }
}

fn named(blockers: &[Blocker<'_>]) -> String {
    let names: Vec<String> = blockers
        .iter()
        .take(NAMED)
        .map(|blocker| one_line(&format!("{} {}", blocker.pod.resource.kind, blocker.pod.resource.name)))
        .collect();
    let more = blockers.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

fn pods(count: usize) -> String {
    format!("{count} {}", if count == 1 { "pod" } else { "pods" })
}

/// The command to type next.
pub(in crate::report) fn next(plan: &Plan<'_>) -> String {
    let files: Vec<String> = plan.inputs.iter().map(|name| shell_word(name)).collect();
    let files = files.join(" ");
    let config = plan.config.map(|name| format!("--config {} ", shell_word(name))).unwrap_or_default();
    // A shell empties the file that it writes to before anybody reads it.
    let target = if plan.config == Some(TARGET) { "rootless-next.yaml" } else { TARGET };
    format!("unroot plan {config}--output config {files} > {target}")
}

const TARGET: &str = "rootless.yaml";

/// A word that a shell takes as this text.
fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./@+=:,-".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", one_line(text).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        for (word, expected) in [
            ("-", "-"),
            ("a/b.yaml", "a/b.yaml"),
            ("a b", "'a b'"),
            ("it's", "'it'\\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(word), expected);
        }
    }
}
