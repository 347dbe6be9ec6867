//! A lexer over lines, for the part of YAML whose reading is beyond doubt: block style with keys on one line, scalars of
//! every style, and flow collections of plain words.
//!
//! Every accepted line is fully accounted for; nothing is guessed. `None` means "ask the parser": anchors, aliases,
//! tags, directives, flow collections of more than words, tabs as white space, explicit keys, merge keys, control characters, and
//! whatever else is rare in the output of kustomize and easy to get wrong. What is read goes to a [`Sink`]: the cutter
//! keeps heads and ranges, the span tree keeps nodes. Property tests hold both to the full parser.

mod flow;
mod scan;
mod sink;

pub(super) use flow::Part;
use sink::Nobody;
pub(super) use sink::{BlockScalar, Sink};

/// Deeper nesting goes to the parser, which has a limit of its own.
const MAX_DEPTH: usize = 100;
/// The parser gives up on longer keys.
const MAX_KEY: usize = 1000;

/// Reads a text, or gives up.
pub(super) fn read<S: Sink>(text: &str, sink: &mut S) -> Option<()> {
    if u32::try_from(text.len()).is_err() || !has_only_plain_characters(text) {
        return None;
    }
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        sink,
        frames: Vec::new(),
        depth: 0,
        expect: Expect::Start,
        any_document: false,
        unheard: Vec::new(),
    };
    lexer.lines(0, None)?;
    Some(())
}

/// No control characters but `\t`, `\n` and `\r\n`, no BOM, no characters that readers disagree on.
fn has_only_plain_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    // As signed numbers, one up, what is beyond ASCII and DEL come below the space, where the control characters are.
    let suspicious = |byte: u8| (byte.wrapping_add(1).cast_signed() < 0x21) & (byte != b'\n');
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
    /// How many collections were open where the lexer began.
    depth: usize,
    expect: Expect<S::Place>,
    /// A document has begun, by its `---` or by its content.
    any_document: bool,
    /// Room for the frames of what the listener is deaf to.
    unheard: Vec<Frame<()>>,
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

    /// Reads lines from a start on, up to the end of the text or, of the value of a key at a column, to the first line that
    /// does not belong to it. Gives the start of that line.
    fn lines(&mut self, mut start: usize, owner: Option<usize>) -> Option<usize> {
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
                    if owner.is_some() {
                        return Some(start);
                    }
                    let end = self.skip_spaces(start + 3);
                    if !self.is_line_end(end) {
                        return None;
                    }
                    self.document_marker(start)?;
                    self.after_line_end(end)
                }
                b'.' if content == start && self.bytes[start..].starts_with(b"...") => return None,
                _ if owner.is_some_and(|owner| self.is_beyond(owner, start, content)) => return Some(start),
                _ => self.structure(start, content)?,
            };
        }
        self.value_is_null()?;
        self.close_all();
        Some(start)
    }

    /// A line does not belong to the value of a key at a column. A sequence may stand at the column of its key.
    fn is_beyond(&self, owner: usize, start: usize, content: usize) -> bool {
        let indent = content - start;
        indent < owner || (indent == owner && !self.is_dash(content))
    }

    fn document_marker(&mut self, start: usize) -> Option<()> {
        self.value_is_null()?;
        self.close_all();
        // What stands before the first marker belongs to the first document.
        self.sink.document(if self.any_document { start } else { 0 })?;
        self.any_document = true;
        self.expect = Expect::Start;
        Some(())
    }

    fn close_all(&mut self) {
        while let Some(frame) = self.frames.pop() {
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
        loop {
            let frame = self.frames.last()?;
            if frame.column == indent && frame.sequence == dash {
                break;
            }
            // A sequence may stand at the column of its key: the key's mapping goes on below it.
            if frame.column < indent || (frame.column == indent && !frame.sequence) {
                return None;
            }
            let place = frame.place;
            self.frames.pop();
            self.sink.close(place);
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
        if self.depth + self.frames.len() == MAX_DEPTH {
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
            let place = self.sink.element(frame.place, line)?;
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
    #[inline(always)]
    fn key_end(&self, start: usize) -> Option<usize> {
        // Most keys are one word.
        let first = self.bytes[start];
        if first.is_ascii_alphanumeric() || matches!(first, b'_' | b'.' | b'/' | b'$') || first >= 0x80 {
            let end = scan::word(self.bytes, start);
            if self.byte(end) == Some(b':') && self.ends_key(end) && end - start <= MAX_KEY {
                return Some(end);
            }
        }
        self.rare_key_end(start)
    }

    /// The end of a key in quotes, or of one that is more than a word.
    #[cold]
    fn rare_key_end(&self, start: usize) -> Option<usize> {
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
                at = scan::text(self.bytes, at);
                match self.byte(at)? {
                    b':' if self.ends_key(at) => break,
                    b'\t' | b'\n' | b'\r' => return None,
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
        if self.sink.is_deaf_to(place) {
            return self.unheard(key_end, column);
        }
        self.value_of_key(key_end, column, place)
    }

    /// What follows the key that ends there, on its line.
    fn value_of_key(&mut self, key_end: usize, column: usize, place: S::Place) -> Option<usize> {
        let content = self.skip_spaces(key_end + 1);
        if self.is_line_end(content) {
            self.expect = Expect::Value { column, place };
            return Some(self.after_line_end(content));
        }
        if self.bytes[content] == b'#' {
            self.expect = Expect::Value { column, place };
            return Some(self.next_line(content));
        }
        // Most values are words.
        if self.bytes[content].is_ascii_alphanumeric() {
            return self.plain(content, column, place);
        }
        self.value(content, column, place)
    }

    /// The whole value of the key that ends there and stands at a column, which nobody wants to hear of. Gives the start of
    /// the line behind it.
    fn unheard(&mut self, key_end: usize, column: usize) -> Option<usize> {
        let mut lexer = Lexer {
            bytes: self.bytes,
            sink: &mut Nobody,
            frames: std::mem::take(&mut self.unheard),
            depth: self.depth + self.frames.len(),
            expect: Expect::Closed,
            any_document: true,
            unheard: Vec::new(),
        };
        lexer.frames.clear();
        let next = lexer.value_of_key(key_end, column, ())?;
        let next = lexer.lines(next, Some(column))?;
        self.unheard = lexer.frames;
        self.expect = Expect::Closed;
        Some(next)
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
            _ => self.plain(start, column, place),
        }
    }

    /// A plain scalar begins here.
    #[inline]
    fn plain(&mut self, start: usize, column: usize, place: S::Place) -> Option<usize> {
        let (end, next, goes_on) = self.plain_text(start)?;
        self.sink.plain(place, start..end)?;
        self.expect = if goes_on { Expect::Plain { column, place } } else { Expect::Closed };
        Some(next)
    }

    /// Text of a plain scalar: where it ends on this line, where the next line begins, and whether the scalar may go on
    /// there. What could be a key, or a tab, is not for us.
    #[inline(always)]
    fn plain_text(&self, start: usize) -> Option<(usize, usize, bool)> {
        let mut at = start;
        loop {
            at = scan::text(self.bytes, at);
            match self.byte(at) {
                None => return Some((at, at, true)),
                Some(b'\n' | b'\r') => return Some((at, self.after_line_end(at), true)),
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
