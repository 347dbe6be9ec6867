//! A difference of resources, line by line, for the page.

use maud::{Markup, html};

use super::{text, visible};
use crate::report::difference::{Change, Sign};

/// All changes, each to unfold.
pub(super) fn render(changes: &[Change]) -> Markup {
    html! {
        @for change in changes {
            details.change {
                summary {
                    span.kind { (change.kind.as_str()) } " " (text(&change.resource.to_string())) " "
                    span.counts {
                        span.plus { "+" (change.count(Sign::Plus)) } " "
                        span.minus { "−" (change.count(Sign::Minus)) }
                    }
                }
                pre.diff {
                    @for (place, hunk) in change.hunks.iter().enumerate() {
                        @if place > 0 { span.gap { "⋯\n" } }
                        @for line in hunk {
                            @match line.sign {
                                Sign::Plus => { ins { "+" (visible(&line.text)) "\n" } }
                                Sign::Minus => { del { "-" (visible(&line.text)) "\n" } }
                                Sign::Context => { span { " " (visible(&line.text)) "\n" } }
                            }
                        }
                    }
                }
            }
        }
    }
}
