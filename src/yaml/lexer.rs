//! A lexer over lines, for the part of YAML whose reading is beyond doubt: block style with keys on one line, scalars of
//! every style, and flow collections of plain words.
//!
//! Every accepted line is fully accounted for; nothing is guessed. `None` means "ask the parser": anchors, aliases,
//! tags, directives, flow collections of more than words, tabs as white space, explicit keys, merge keys, control characters, and
//! whatever else is rare in the output of kustomize and easy to get wrong. What is read goes to a [`Sink`]: the cutter
//! keeps heads and ranges, the span tree keeps nodes. Property tests hold both to the full parser.

mod flow;
mod scan;

use std::ops::Range;

pub(super) use flow::Part;

/// Deeper nesting goes to the parser, which has a limit of its own.
const MAX_DEPTH: usize = 100;
/// The parser gives up on longer keys.
const MAX_KEY: usize = 1000;

/// Who listens to the lexer. `None` from any of these hands the text to the parser.
pub(super) trait Sink {
    /// What the listener knows of a place at which a value may stand, and of a collection that is open.
    type Place: Copy;

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
    /// A dash, on the line that starts there, and where it stands. Gives the place of its content.
    fn element(&mut self, sequence: Self::Place, line: usize, dash: usize) -> Option<Self::Place>;
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
pub(super) struct BlockScalar {
    /// `|` or `>` and what belongs to it.
    pub(super) header: Range<usize>,
    /// From the line after the header to the line of the next token.
    pub(super) lines: Range<usize>,
    /// How far its lines are indented; none where all of them are blank.
    pub(super) indentation: Option<usize>,
}

/// Reads a text, or gives up.
pub(super) fn read<S: Sink>(text: &str, sink: &mut S) -> Option<()> {
    if u32::try_from(text.len()).is_err() || !has_only_plain_characters(text) {
        return None;
    }
    let mut lexer =
        Lexer { bytes: text.as_bytes(), sink, frames: Vec::new(), expect: Expect::Start, any_document: false };
    lexer.run()
}

/// No control characters but `\t`, `\n` and `\r\n`, no BOM, no characters that readers disagree on.
fn has_only_plain_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    // As signed numbers all bytes beyond ASCII are below the space, as control characters are.
    let suspicious = |byte: u8| (byte.cast_signed() < 0x20) & (byte != b'\n') | (byte == 0x7F);
    let mut offset = 0;
    for chunk in bytes.chunks(128) {
        // Without a branch inside, so that the compiler can look at many bytes at once.
        if chunk.iter().fold(false, |any, byte| any | suspicious(*byte)) {
            let wrong = chunk.iter().enumerate().any(|(index, byte)| {
                let at = offset + index;
                match *byte {
                    b'\t' => false,
                    b'\r' => bytes.get(at + 1) != Some(&b'\n'),
                    byte if byte < 0x20 => byte != b'\n',
                    0x7F => true,
                    // C1 controls and NEL; LS and PS; BOM and the noncharacters U+FFFE and U+FFFF.
                    0xC2 => bytes.get(at + 1).is_some_and(|next| *next < 0xA0),
                    0xE2 => bytes.get(at + 1) == Some(&0x80) && matches!(bytes.get(at + 2), Some(0xA8 | 0xA9)),
                    0xEF => {
                        (bytes.get(at + 1) == Some(&0xBB) && bytes.get(at + 2) == Some(&0xBF))
                            || (bytes.get(at + 1) == Some(&0xBF) && matches!(bytes.get(at + 2), Some(0xBE | 0xBF)))
                    }
                    // Beyond the basic plane there are more noncharacters: rare enough to ask.
                    0xF0..=0xF4 => bytes.get(at + 2..at + 4).is_some_and(|tail| tail[0] == 0xBF && tail[1] >= 0xBE),
                    _ => false,
                }
            });
            if wrong {
                return false;
            }
        }
        offset += chunk.len();
    }
    true
}

/// An open block collection.
#[derive(Clone, Copy)]
struct Frame<P> {
    column: usize,
    sequence: bool,
    place: P,
}

/// What the next line may be.
#[derive(Clone, Copy)]
enum Expect<P> {
    /// The root of a document.
    Start,
    /// Nothing but what the open collections allow.
    Closed,
    /// The value of a key of the mapping at this column, or nothing.
    Value { column: usize, place: P },
    /// The content of a dash at this column, or nothing.
    Element { column: usize, place: P },
    /// More text of a plain scalar that belongs to the collection at this column.
    Plain { column: usize, place: P },
}

struct Lexer<'t, 's, S: Sink> {
    bytes: &'t [u8],
    sink: &'s mut S,
    frames: Vec<Frame<S::Place>>,
    expect: Expect<S::Place>,
    /// A document has begun, by its `---` or by its content.
    any_document: bool,
}

impl<S: Sink> Lexer<'_, '_, S> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// After the spaces from here on.
    fn skip_spaces(&self, from: usize) -> usize {
        from + scan::spaces(&self.bytes[from..])
    }

    /// The start of the line after the one of this offset.
    fn next_line(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |distance| from + distance + 1)
    }

    /// A line ends here. A carriage return stands before a line feed, or the text would not be for us.
    fn is_line_end(&self, at: usize) -> bool {
        matches!(self.byte(at), None | Some(b'\n' | b'\r'))
    }

    /// The start of the next line, where a line has ended here.
    fn after_line_end(&self, at: usize) -> usize {
        (at + if self.byte(at) == Some(b'\r') { 2 } else { 1 }).min(self.bytes.len())
    }

    fn run(&mut self) -> Option<()> {
        let mut start = 0;
        while start < self.bytes.len() {
            let content = self.skip_spaces(start);
            let Some(byte) = self.byte(content) else { break };
            start = match byte {
                b'\n' | b'\r' => self.after_line_end(content),
                b'#' => {
                    // A comment ends a plain scalar: text behind it would be an error.
                    if let Expect::Plain { .. } = self.expect {
                        self.expect = Expect::Closed;
                    }
                    self.next_line(content)
                }
                b'\t' => return None,
                b'-' if content == start && self.bytes[start..].starts_with(b"---") => {
                    let end = self.skip_spaces(start + 3);
                    if !self.is_line_end(end) {
                        return None;
                    }
                    self.document_marker(start)?;
                    self.after_line_end(end)
                }
                b'.' if content == start && self.bytes[start..].starts_with(b"...") => return None,
                _ => self.structure(start, content)?,
            };
        }
        self.value_is_null()?;
        self.close_deeper_than(None);
        Some(())
    }

    fn document_marker(&mut self, start: usize) -> Option<()> {
        self.value_is_null()?;
        self.close_deeper_than(None);
        // What stands before the first marker belongs to the first document.
        self.sink.document(if self.any_document { start } else { 0 })?;
        self.any_document = true;
        self.expect = Expect::Start;
        Some(())
    }

    /// Closes the collections beyond a column, or all.
    fn close_deeper_than(&mut self, column: Option<usize>) {
        while let Some(frame) = self.frames.pop_if(|frame| column.is_none_or(|column| frame.column > column)) {
            self.sink.close(frame.place);
        }
    }

    /// A line that is neither blank nor a comment. Gives the start of the next one to look at.
    fn structure(&mut self, start: usize, content: usize) -> Option<usize> {
        let indent = content - start;
        if let Expect::Plain { column, place } = self.expect {
            if indent > column {
                let (end, next, goes_on) = self.plain_text(content)?;
                self.sink.plain_continues(place, content..end)?;
                if !goes_on {
                    self.expect = Expect::Closed;
                }
                return Some(next);
            }
            self.expect = Expect::Closed;
        }
        let dash = self.is_dash(content);
        match self.expect {
            Expect::Start => {
                if !self.any_document {
                    self.any_document = true;
                    self.sink.document(0)?;
                }
                let place = self.sink.root()?;
                self.open(place, content, indent, dash)?;
            }
            Expect::Value { column, place } if indent > column || (indent == column && dash) => {
                self.open(place, content, indent, dash)?;
            }
            Expect::Element { column, place } if indent > column => self.open(place, content, indent, dash)?,
            _ => self.value_is_null()?,
        }
        self.expect = Expect::Closed;
        self.close_deeper_than(Some(indent));
        // A sequence may stand at the column of its key: the key's mapping goes on below it.
        if !dash && let Some(frame) = self.frames.pop_if(|frame| frame.sequence) {
            self.sink.close(frame.place);
        }
        let frame = *self.frames.last()?;
        if frame.column != indent || frame.sequence != dash {
            return None;
        }
        if dash {
            return self.elements(start, content);
        }
        let key_end = self.key_end(content)?;
        self.entry(content, key_end)
    }

    fn is_dash(&self, at: usize) -> bool {
        self.bytes[at] == b'-' && matches!(self.byte(at + 1), None | Some(b' ' | b'\n' | b'\r'))
    }

    /// A collection opens where a value was due.
    fn open(&mut self, place: S::Place, start: usize, column: usize, sequence: bool) -> Option<()> {
        if self.frames.len() == MAX_DEPTH {
            return None;
        }
        let place = self.sink.open(place, start, column, sequence)?;
        self.frames.push(Frame { column, sequence, place });
        Some(())
    }

    /// Nothing came where a value was due.
    fn value_is_null(&mut self) -> Option<()> {
        if let Expect::Value { place, .. } | Expect::Element { place, .. } = self.expect {
            self.sink.null(place)?;
        }
        self.expect = Expect::Closed;
        Some(())
    }

    /// `- …`, perhaps several on one line.
    fn elements(&mut self, line: usize, mut dash: usize) -> Option<usize> {
        loop {
            let frame = *self.frames.last()?;
            let place = self.sink.element(frame.place, line, dash)?;
            let content = self.skip_spaces(dash + 1);
            if self.is_line_end(content) || self.bytes[content] == b'#' {
                self.expect = Expect::Element { column: frame.column, place };
                return Some(self.next_line(content));
            }
            if self.bytes[content] == b'\t' {
                return None;
            }
            // Columns count characters, and before the first key of a line there are only spaces and dashes.
            let column = content - line;
            if self.is_dash(content) {
                self.open(place, content, column, true)?;
                dash = content;
                continue;
            }
            if let Some(key_end) = self.key_end(content) {
                self.open(place, content, column, false)?;
                return self.entry(content, key_end);
            }
            return self.value(content, frame.column, place);
        }
    }

    /// The end of the key that begins here, before its colon.
    fn key_end(&self, start: usize) -> Option<usize> {
        let quote = self.bytes[start];
        let end = if matches!(quote, b'"' | b'\'') {
            let close = start + 1 + memchr::memchr2(quote, b'\n', &self.bytes[start + 1..])?;
            let inner = &self.bytes[start..close];
            // In single quotes two of them would go on.
            let plain = self.bytes[close] == quote
                && !inner.iter().any(|byte| matches!(byte, b'\\' | b'\t'))
                && memchr::memmem::find(inner, b" #").is_none()
                && self.byte(close + 1) == Some(b':')
                && self.ends_key(close + 1);
            plain.then_some(close + 1)?
        } else if quote.is_ascii_alphanumeric() || matches!(quote, b'_' | b'.' | b'/' | b'$') || quote >= 0x80 {
            let mut at = start;
            loop {
                at = scan::find(self.bytes, at, [b':', b'#', b'\t', b'\n']);
                match self.byte(at)? {
                    b':' if self.ends_key(at) => break,
                    b'\t' | b'\n' => return None,
                    b'#' if self.bytes[at - 1] == b' ' => return None,
                    _ => at += 1,
                }
            }
            if self.bytes[at - 1] == b' ' {
                return None;
            }
            at
        } else {
            return None;
        };
        (end - start <= MAX_KEY).then_some(end)
    }

    /// A colon ends a key where a space or the end of the line is behind it.
    fn ends_key(&self, colon: usize) -> bool {
        matches!(self.byte(colon + 1), None | Some(b' ' | b'\n' | b'\r'))
    }

    /// `key: …`
    fn entry(&mut self, start: usize, key_end: usize) -> Option<usize> {
        let quoted = matches!(self.bytes[start], b'"' | b'\'');
        let frame = self.frames.last_mut()?;
        let column = frame.column;
        let place = self.sink.key(&mut frame.place, start..key_end, quoted)?;
        let content = self.skip_spaces(key_end + 1);
        if self.is_line_end(content) {
            self.expect = Expect::Value { column, place };
            return Some(self.after_line_end(content));
        }
        if self.bytes[content] == b'#' {
            self.expect = Expect::Value { column, place };
            return Some(self.next_line(content));
        }
        self.value(content, column, place)
    }

    /// A value on the line of its key or dash.
    fn value(&mut self, start: usize, column: usize, place: S::Place) -> Option<usize> {
        self.expect = Expect::Closed;
        match self.bytes[start] {
            b'|' | b'>' => self.block_scalar(start, column, place),
            quote @ (b'"' | b'\'') => {
                let (end, one_line) = self.quoted_end(start, quote, column)?;
                self.sink.quoted(place, start..end, one_line)?;
                self.only_comment(end)
            }
            b'{' | b'[' => {
                let mut parts = |part| self.sink.flow_part(part);
                let end = flow::end(self.bytes, start, column, &mut parts)?;
                self.sink.flow(place, start..end)?;
                self.only_comment(end)
            }
            b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b',' | b']' | b'}' | b'#' => None,
            b'-' | b'?' | b':' if matches!(self.byte(start + 1), None | Some(b' ' | b'\n' | b'\r')) => None,
            _ => {
                let (end, next, goes_on) = self.plain_text(start)?;
                self.sink.plain(place, start..end)?;
                if goes_on {
                    self.expect = Expect::Plain { column, place };
                }
                Some(next)
            }
        }
    }

    /// Text of a plain scalar: where it ends on this line, where the next line begins, and whether the scalar may go on
    /// there. What could be a key, or a tab, is not for us.
    fn plain_text(&self, start: usize) -> Option<(usize, usize, bool)> {
        let mut at = start;
        loop {
            at = scan::find(self.bytes, at, [b':', b'#', b'\t', b'\n']);
            match self.byte(at) {
                None => return Some((at, at, true)),
                Some(b'\n') => {
                    let end = if self.bytes[at - 1] == b'\r' { at - 1 } else { at };
                    return Some((end, at + 1, true));
                }
                Some(b':') if self.ends_key(at) => return None,
                Some(b'\t') => return None,
                Some(b'#') if at > start && self.bytes[at - 1] == b' ' => {
                    // A tab behind the comment's mark is white space in a comment, and that is not for us either.
                    let next = self.next_line(at);
                    return (!self.bytes[at..next].contains(&b'\t')).then_some((at, next, false));
                }
                _ => at += 1,
            }
        }
    }

    /// Nothing but blanks and a comment from here to the end of the line: the start of the next one.
    fn only_comment(&self, at: usize) -> Option<usize> {
        let end = self.skip_spaces(at);
        if self.is_line_end(end) {
            return Some(self.after_line_end(end));
        }
        (end > at && self.bytes[end] == b'#').then(|| self.next_line(end))
    }

    /// The end of a quoted scalar, and whether it stands on one line.
    fn quoted_end(&self, start: usize, quote: u8, column: usize) -> Option<(usize, bool)> {
        let mut at = start + 1;
        let mut one_line = true;
        loop {
            at += memchr::memchr3(quote, b'\\', b'\n', &self.bytes[at..])?;
            match self.bytes[at] {
                b'\n' => {
                    one_line = false;
                    let line = at + 1;
                    at = self.skip_spaces(line);
                    if !self.is_line_end(at) && (at - line <= column || self.bytes[at] == b'\t') {
                        return None;
                    }
                }
                b'\\' if quote == b'"' => at = self.escape_end(at)?,
                b'\\' => at += 1,
                _ if quote == b'\'' && self.byte(at + 1) == Some(b'\'') => at += 2,
                _ => return Some((at + 1, one_line)),
            }
        }
    }

    /// The byte after an escape that all readers know.
    fn escape_end(&self, at: usize) -> Option<usize> {
        let hexadecimal = |digits: usize| {
            let text = self.bytes.get(at + 2..at + 2 + digits)?;
            let value = u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()?;
            let plain = text.iter().all(u8::is_ascii_hexdigit) && char::from_u32(value).is_some();
            plain.then_some(at + 2 + digits)
        };
        match self.byte(at + 1)? {
            b'"' | b'\\' | b'n' | b't' | b'r' | b' ' => Some(at + 2),
            b'x' => hexadecimal(2),
            b'u' => hexadecimal(4),
            // The line break is escaped.
            b'\n' | b'\r' => Some(at + 1),
            _ => None,
        }
    }

    /// Skips a block scalar whose header begins at `header` and that belongs to the collection at `column`.
    fn block_scalar(&mut self, header: usize, column: usize, place: S::Place) -> Option<usize> {
        let mut at = header + 1;
        let mut explicit = None;
        let mut chomping = false;
        loop {
            match self.byte(at) {
                Some(b'+' | b'-') if !chomping => chomping = true,
                Some(digit @ b'1'..=b'9') if explicit.is_none() => explicit = Some(usize::from(digit - b'0')),
                _ => break,
            }
            at += 1;
        }
        let first_line = self.only_comment(at)?;
        let mut indentation = explicit.map(|step| column + step);
        let mut deepest_blank = 0;
        let mut next = first_line;
        while next < self.bytes.len() {
            let content = self.skip_spaces(next);
            let indent = content - next;
            if self.is_line_end(content) {
                if indentation.is_none() {
                    deepest_blank = deepest_blank.max(indent);
                }
                next = self.after_line_end(content);
                continue;
            }
            let due = *indentation.get_or_insert(indent);
            if indent < due || indent <= column {
                // Deeper than the owner but not as deep as the content: some readers refuse it.
                if indent > column {
                    return None;
                }
                break;
            }
            if explicit.is_none() && deepest_blank > due {
                return None;
            }
            if self.bytes[content] == b'\t' && indent == due {
                return None;
            }
            next = self.next_line(content);
        }
        if indentation.is_none_or(|due| due <= column) && deepest_blank > column {
            return None;
        }
        // A line that is not as deep as its owner has ended the scalar before its first one.
        let indentation = indentation.filter(|due| *due > column);
        self.sink.block(place, &BlockScalar { header: header..at, lines: first_line..next, indentation })?;
        Some(next)
    }
}
