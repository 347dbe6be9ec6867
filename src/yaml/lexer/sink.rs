//! Who listens to the lexer, and what it hears.

use std::ops::Range;

use super::Part;

/// Who listens to the lexer. `None` from any of these hands the text to the parser.
pub(in crate::yaml) trait Sink {
    /// What the listener knows of a place at which a value may stand, and of a collection that is open.
    type Place: Copy;

    /// The listener wants to hear nothing of what stands at the place of a value.
    fn is_deaf_to(&self, place: Self::Place) -> bool {
        let _ = place;
        false
    }

    /// A document begins at this offset.
    fn document(&mut self, start: usize) -> Option<()>;
    /// The root of the document follows.
    fn root(&mut self) -> Option<Self::Place>;
    /// A block collection begins at a place. Gives the place of the collection itself.
    fn open(&mut self, place: Self::Place, start: usize, column: usize, sequence: bool) -> Option<Self::Place>;
    /// The innermost collection has ended.
    fn close(&mut self, collection: Self::Place);
    /// A key, its quotes included. Gives the place of its value.
    fn key(&mut self, mapping: &mut Self::Place, key: Range<usize>, quoted: bool) -> Option<Self::Place>;
    /// A dash, on the line that starts there. Gives the place of its content.
    fn element(&mut self, sequence: Self::Place, line: usize) -> Option<Self::Place>;
    /// Nothing came where a value was due.
    fn null(&mut self, place: Self::Place) -> Option<()>;
    /// The first line of a plain scalar, perhaps with spaces behind it.
    fn plain(&mut self, place: Self::Place, text: Range<usize>) -> Option<()>;
    /// One more line of the plain scalar that came last.
    fn plain_continues(&mut self, place: Self::Place, text: Range<usize>) -> Option<()>;
    /// A quoted scalar, its quotes included, perhaps of several lines.
    fn quoted(&mut self, place: Self::Place, quotes: Range<usize>, one_line: bool) -> Option<()>;
    /// A block scalar.
    fn block(&mut self, place: Self::Place, scalar: &BlockScalar) -> Option<()>;
    /// A part of a flow collection, before the whole of it.
    fn flow_part(&mut self, part: Part) {
        let _ = part;
    }
    /// `{…}` or `[…]` of plain words.
    fn flow(&mut self, place: Self::Place, range: Range<usize>) -> Option<()>;
}

/// A block scalar in its text.
pub(in crate::yaml) struct BlockScalar {
    /// `|` or `>` and what belongs to it.
    pub(in crate::yaml) header: Range<usize>,
    /// From the line after the header to the line of the next token.
    pub(in crate::yaml) lines: Range<usize>,
    /// How far its lines are indented; none where all of them are blank.
    pub(in crate::yaml) indentation: Option<usize>,
}

/// Listens to what nobody wants to hear. What is left of the lexer then is whether the text is well-formed.
pub(super) struct Nobody;

impl Sink for Nobody {
    type Place = ();

    fn document(&mut self, _: usize) -> Option<()> {
        None
    }

    fn root(&mut self) -> Option<()> {
        None
    }

    fn open(&mut self, (): (), _: usize, _: usize, _: bool) -> Option<()> {
        Some(())
    }

    fn close(&mut self, (): ()) {}

    fn key(&mut self, (): &mut (), _: Range<usize>, _: bool) -> Option<()> {
        Some(())
    }

    fn element(&mut self, (): (), _: usize) -> Option<()> {
        Some(())
    }

    fn null(&mut self, (): ()) -> Option<()> {
        Some(())
    }

    fn plain(&mut self, (): (), _: Range<usize>) -> Option<()> {
        Some(())
    }

    fn plain_continues(&mut self, (): (), _: Range<usize>) -> Option<()> {
        Some(())
    }

    fn quoted(&mut self, (): (), _: Range<usize>, _: bool) -> Option<()> {
        Some(())
    }

    fn block(&mut self, (): (), _: &BlockScalar) -> Option<()> {
        Some(())
    }

    fn flow(&mut self, (): (), _: Range<usize>) -> Option<()> {
        Some(())
    }
}
