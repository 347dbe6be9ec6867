//! Flow collections of plain words and simple quotes, such as `{enforce: baseline, names: [a, "b-*"]}`, perhaps on several
//! lines: what people write in a configuration, and Istio in its templates.

use std::ops::Range;

use super::{MAX_KEY, scan};

/// Deeper ones go to the parser.
const MAX_DEPTH: usize = 16;

/// What a flow collection is made of, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::yaml) enum Part {
    /// `{` or `[`.
    Open {
        /// Where it stands.
        at: usize,
        /// It is a brace.
        mapping: bool,
    },
    /// A word, or a text in quotes with them.
    Scalar(Range<usize>),
    /// The end of the innermost collection, bracket included.
    Close(usize),
}

/// The end of the collection that opens at `start` and belongs to the block collection at `column`; none where it is
/// anything but plain words. `each` is told of its parts.
pub(super) fn end(bytes: &[u8], start: usize, column: usize, each: &mut dyn FnMut(Part)) -> Option<usize> {
    Flow { bytes, column, each }.collection(start, 0)
}

struct Flow<'t, 'e> {
    bytes: &'t [u8],
    column: usize,
    each: &'e mut dyn FnMut(Part),
}

impl Flow<'_, '_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    fn collection(&mut self, start: usize, depth: usize) -> Option<usize> {
        let mapping = self.byte(start)? == b'{';
        let close = if mapping { b'}' } else { b']' };
        (self.each)(Part::Open { at: start, mapping });
        let mut at = self.blank(start + 1)?;
        while self.byte(at)? != close {
            if depth == MAX_DEPTH {
                return None;
            }
            if mapping {
                at = self.scalar(at)?;
                if self.byte(at) != Some(b':') || self.byte(at + 1) != Some(b' ') {
                    return None;
                }
                at += 2;
            }
            at = match self.byte(at)? {
                b'{' | b'[' => self.collection(at, depth + 1)?,
                _ => self.scalar(at)?,
            };
            if self.byte(at)? == b',' {
                if !matches!(self.byte(at + 1)?, b' ' | b'\n' | b'\r') {
                    return None;
                }
                at = self.blank(at + 1)?;
            } else {
                at = self.blank(at)?;
                // Behind an entry without a comma only the end can come.
                if self.byte(at)? != close {
                    return None;
                }
            }
        }
        (self.each)(Part::Close(at + 1));
        Some(at + 1)
    }

    /// After spaces and line breaks. What follows a line break stands deeper than the collection's owner; a bracket that
    /// closes may stand as deep.
    fn blank(&self, from: usize) -> Option<usize> {
        let mut at = from + scan::spaces(self.bytes.get(from..)?);
        while matches!(self.byte(at)?, b'\n' | b'\r') {
            let line = at + if self.bytes[at] == b'\r' { 2 } else { 1 };
            at = line + scan::spaces(self.bytes.get(line..)?);
            let least = match self.byte(at)? {
                b'\n' | b'\r' => 0,
                b'}' | b']' => self.column,
                _ => self.column + 1,
            };
            if at - line < least {
                return None;
            }
        }
        Some(at)
    }

    /// The end of a word that no reader takes for anything but a scalar, or of quotes with nothing special in them.
    fn scalar(&mut self, start: usize) -> Option<usize> {
        let rest = &self.bytes[start..];
        let end = start
            + match rest.first()? {
                quote @ (b'"' | b'\'') => {
                    let inner = &rest[1..];
                    let length =
                        inner.iter().position(|byte| byte == quote || matches!(byte, b'\\' | b'\t' | b'\n'))?;
                    // Two single quotes are one inside, and double quotes may touch what follows.
                    let ends_well = inner[length] == *quote && inner.get(length + 1) != Some(quote);
                    (ends_well && length <= MAX_KEY).then_some(length + 2)?
                }
                first if first.is_ascii_alphanumeric() || matches!(first, b'_' | b'/') => {
                    let in_word = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_./-".contains(byte);
                    let length = rest.iter().take_while(in_word).count();
                    (length <= MAX_KEY).then_some(length)?
                }
                _ => return None,
            };
        (self.each)(Part::Scalar(start..end));
        Some(end)
    }
}
