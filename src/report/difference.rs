//! What differs between two lists, resource by resource and line by line: for pages.

use std::collections::BTreeMap;

use similar::{ChangeTag, TextDiff};

use crate::krm::{List, ResourceRef};

/// How many lines stand around a change.
const CONTEXT: usize = 2;

/// What becomes of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is there on both sides.
    Changed,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

impl ChangeKind {
    /// The word that people read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// On which side a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Only in the new text.
    Plus,
    /// Only in the old one.
    Minus,
    /// In both.
    Context,
}

impl Sign {
    /// The character at the begin of the line.
    #[must_use]
    pub const fn as_char(self) -> char {
        match self {
            Self::Plus => '+',
            Self::Minus => '-',
            Self::Context => ' ',
        }
    }
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The side.
    pub sign: Sign,
    /// The line, without its break.
    pub text: String,
}

/// A resource that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The resource.
    pub resource: ResourceRef,
    /// What becomes of it.
    pub kind: ChangeKind,
    /// The lines that differ with those around them, in groups.
    pub hunks: Vec<Vec<Line>>,
}

impl Change {
    /// The difference of two texts of a resource.
    fn new(resource: ResourceRef, kind: ChangeKind, before: &str, after: &str) -> Self {
        let diff = TextDiff::from_lines(before, after);
        let groups = diff.grouped_ops(CONTEXT);
        let hunks = groups.iter().map(|group| {
            let changes = group.iter().flat_map(|op| diff.iter_changes(op));
            let line = |change: similar::Change<&str>| {
                let sign = match change.tag() {
                    ChangeTag::Insert => Sign::Plus,
                    ChangeTag::Delete => Sign::Minus,
                    ChangeTag::Equal => Sign::Context,
                };
                Line { sign, text: change.value().trim_end().to_owned() }
            };
            changes.map(line).collect()
        });
        Self { resource, kind, hunks: hunks.collect() }
    }

    /// How many lines stand on a side.
    #[must_use]
    pub fn count(&self, sign: Sign) -> usize {
        self.hunks.iter().flatten().filter(|line| line.sign == sign).count()
    }
}

/// The resources that differ, in the order of the new list, then those that are gone.
#[must_use]
pub fn changes(before: &List<'_>, after: &List<'_>) -> Vec<Change> {
    let mut old: BTreeMap<ResourceRef, Vec<&str>> = BTreeMap::new();
    for item in before.items() {
        old.entry(item.reference()).or_default().push(item.text());
    }
    // Equal references stand in the same order on both sides.
    old.values_mut().for_each(|texts| texts.reverse());
    let mut changes = Vec::new();
    for item in after.items() {
        let resource = item.reference();
        match old.get_mut(&resource).and_then(Vec::pop) {
            Some(text) if text == item.text() => {}
            Some(text) => changes.push(Change::new(resource, ChangeKind::Changed, text, item.text())),
            None => changes.push(Change::new(resource, ChangeKind::Added, "", item.text())),
        }
    }
    for (resource, texts) in old {
        changes.extend(texts.into_iter().map(|text| Change::new(resource.clone(), ChangeKind::Removed, text, "")));
    }
    changes
}
