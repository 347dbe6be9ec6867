//! YAML or JSON inside a scalar, such as a file in a ConfigMap: edited on its decoded text, put back in its own style.

use std::ops::Range;

use granit_parser::ScalarStyle;

use super::edit::{EditError, Edits};
use super::emit::{double_quoted, double_quoted_inner};
use super::source::{line_break, line_start, next_line};
use super::tree::{Kind, View};

/// The text inside a scalar, with the way back to the bytes around it.
#[derive(Debug)]
pub struct Embedded<'t> {
    scalar: View<'t>,
    text: &'t str,
    /// The outer offset of each byte of the text, and of its end; None where the style has no such map.
    offsets: Option<Vec<usize>>,
    indent: usize,
}

/// The new bytes of the scalar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reencoded {
    /// The edits of the outer text.
    pub edits: Edits,
    /// The scalar had to be written anew in double quotes, since its style has no place for the change.
    pub restyled: bool,
}

impl<'t> Embedded<'t> {
    /// The text of a scalar; None for a collection.
    #[must_use]
    pub fn of(scalar: View<'t>) -> Option<Self> {
        let text = scalar.as_str()?;
        let mut embedded = Self { scalar, text, offsets: None, indent: 0 };
        match scalar.kind() {
            Kind::Scalar(ScalarStyle::Literal) => embedded.map_literal(),
            Kind::Scalar(ScalarStyle::DoubleQuoted) => embedded.map_double_quoted(),
            Kind::Scalar(ScalarStyle::SingleQuoted) => embedded.map_single_quoted(),
            _ => {}
        }
        Some(embedded)
    }

    /// The decoded text.
    #[must_use]
    pub fn text(&self) -> &'t str {
        self.text
    }

    /// The 1-based line of the outer text on which the decoded text's `line` stands; the scalar's own where unknown.
    #[must_use]
    pub fn outer_line(&self, line: usize) -> usize {
        match self.scalar.kind() {
            Kind::Scalar(ScalarStyle::Literal | ScalarStyle::Folded) => self.scalar.line() + line,
            _ => self.scalar.line(),
        }
    }

    /// Turns edits of the decoded text into edits of the outer one.
    ///
    /// # Errors
    /// [`EditError::Overlap`] where two edits meet.
    pub fn encode(&self, edits: Edits) -> Result<Reencoded, EditError> {
        let style = self.scalar.kind();
        let sorted = edits.clone().sorted()?;
        let fits = match style {
            Kind::Scalar(ScalarStyle::SingleQuoted) => {
                sorted.iter().all(|(_, text)| !text.chars().any(char::is_control))
            }
            // A literal block has no escapes.
            Kind::Scalar(ScalarStyle::Literal) => sorted.iter().all(|(range, text)| {
                (!self.is_after_last_line(range) || (range.is_empty() && text.ends_with('\n') && self.indent > 0))
                    && text.chars().all(|character| character == '\n' || !character.is_control())
            }),
            _ => true,
        };
        let mut outer = Edits::default();
        let Some(offsets) = self.offsets.as_ref().filter(|_| fits) else {
            let text = edits.apply(self.text)?;
            outer.replace(self.scalar.range(), double_quoted(&text));
            return Ok(Reencoded { edits: outer, restyled: true });
        };
        let eol = line_break(self.scalar.text(), self.scalar.range().start);
        for (range, text) in sorted {
            let spaces = " ".repeat(self.indent);
            let text = match style {
                Kind::Scalar(ScalarStyle::Literal) if self.is_after_last_line(&range) => {
                    text.lines().map(|line| format!("{spaces}{line}{eol}")).collect()
                }
                Kind::Scalar(ScalarStyle::Literal) => text.replace('\n', &format!("{eol}{spaces}")),
                Kind::Scalar(ScalarStyle::SingleQuoted) => text.replace('\'', "''"),
                _ => double_quoted_inner(&text),
            };
            outer.replace(offsets[range.start]..offsets[range.end], text);
        }
        Ok(Reencoded { edits: outer, restyled: false })
    }

    /// Behind the last line break, where a new line of a literal block begins without its indentation.
    fn is_after_last_line(&self, range: &Range<usize>) -> bool {
        range.end == self.text.len() && (self.text.is_empty() || self.text.ends_with('\n'))
    }

    /// Line by line: the content's indentation is what the raw line has more than the decoded one.
    fn map_literal(&mut self) {
        let raw = self.scalar.text();
        let mut start = next_line(raw, self.scalar.range().start);
        let mut offsets = Vec::with_capacity(self.text.len() + 1);
        let mut indent = None;
        for line in self.text.split_inclusive('\n') {
            let end = super::source::line_end(raw, start);
            let content = line.trim_end_matches('\n');
            if !content.is_empty() {
                let Some(more) = (end - start).checked_sub(content.len()) else { return };
                indent.get_or_insert(more);
            }
            let from = (start + indent.unwrap_or(0)).min(end);
            if raw.get(from..end) != Some(content) && !content.is_empty() {
                return;
            }
            offsets.extend((0..content.len()).map(|byte| from + byte));
            if line.ends_with('\n') {
                offsets.push(end.max(from));
            }
            start = next_line(raw, start);
        }
        let end = if self.text.ends_with('\n') { start } else { line_start(raw, start.saturating_sub(1)) };
        offsets.push(match offsets.last() {
            Some(last) if !self.text.ends_with('\n') => last + 1,
            _ => end,
        });
        self.indent = indent.unwrap_or(0);
        self.offsets = Some(offsets);
    }

    fn map_single_quoted(&mut self) {
        let range = self.scalar.range();
        let inner = range.start + 1..range.end.saturating_sub(1);
        let Some(raw) = self.scalar.text().get(inner.clone()) else { return };
        if raw.contains('\n') {
            return;
        }
        let mut offsets = Vec::with_capacity(self.text.len() + 1);
        let mut at = inner.start;
        for character in self.text.chars() {
            offsets.extend((0..character.len_utf8()).map(|byte| at + byte));
            at += if character == '\'' { 2 } else { character.len_utf8() };
        }
        offsets.push(at);
        if at == inner.end {
            self.offsets = Some(offsets);
        }
    }

    fn map_double_quoted(&mut self) {
        let range = self.scalar.range();
        let inner = range.start + 1..range.end.saturating_sub(1);
        let Some(raw) = self.scalar.text().get(inner.clone()) else { return };
        if raw.contains('\n') {
            return;
        }
        let mut offsets = Vec::with_capacity(self.text.len() + 1);
        let mut at = inner.start;
        for character in self.text.chars() {
            offsets.extend(std::iter::repeat_n(at, character.len_utf8()));
            let rest = &self.scalar.text()[at..inner.end];
            at += match rest.strip_prefix('\\').and_then(|escape| escape.chars().next()) {
                None if rest.starts_with(character) => character.len_utf8(),
                None => return,
                Some('x') => 4,
                // JSON's surrogate pairs are two escapes for one character.
                Some('u') if u32::from(character) > 0xFFFF => 12,
                Some('u') => 6,
                Some('U') => 10,
                Some(_) => 2,
            };
            if at > inner.end || !self.scalar.text().is_char_boundary(at) {
                return;
            }
        }
        offsets.push(at);
        if at == inner.end {
            self.offsets = Some(offsets);
        }
    }
}
