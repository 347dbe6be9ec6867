//! A difference of a resource, line by line, for the page.

use maud::{Markup, html};
use similar::{ChangeTag, TextDiff};

use super::{text, visible};
use crate::krm::ResourceRef;

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
    const fn word(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Added => "added",
            Self::Removed => "removed",
        }
    }
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    tag: ChangeTag,
    text: String,
}

/// A resource that a configuration would change.
#[derive(Clone, Debug)]
pub struct Change {
    resource: ResourceRef,
    kind: ChangeKind,
    /// The hunks.
    hunks: Vec<Vec<Line>>,
}

impl Change {
    /// The difference of two texts of a resource.
    #[must_use]
    pub fn new(resource: ResourceRef, kind: ChangeKind, before: &str, after: &str) -> Self {
        let diff = TextDiff::from_lines(before, after);
        let groups = diff.grouped_ops(CONTEXT);
        let hunks = groups.iter().map(|group| {
            let changes = group.iter().flat_map(|op| diff.iter_changes(op));
            changes.map(|change| Line { tag: change.tag(), text: visible(change.value().trim_end()) }).collect()
        });
        Self { resource, kind, hunks: hunks.collect() }
    }

    fn count(&self, tag: ChangeTag) -> usize {
        self.hunks.iter().flatten().filter(|line| line.tag == tag).count()
    }
}

/// All changes, each to unfold.
pub(super) fn render(changes: &[Change]) -> Markup {
    html! {
        @for change in changes {
            details.change {
                summary {
                    span.kind { (change.kind.word()) } " " (text(&change.resource.to_string())) " "
                    span.counts {
                        span.plus { "+" (change.count(ChangeTag::Insert)) } " "
                        span.minus { "−" (change.count(ChangeTag::Delete)) }
                    }
                }
                pre.diff {
                    @for (place, hunk) in change.hunks.iter().enumerate() {
                        @if place > 0 { span.gap { "⋯\n" } }
                        @for line in hunk {
                            @match line.tag {
                                ChangeTag::Insert => { ins { "+" (line.text) "\n" } }
                                ChangeTag::Delete => { del { "-" (line.text) "\n" } }
                                ChangeTag::Equal => { span { " " (line.text) "\n" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
