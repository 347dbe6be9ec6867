//! Cutting line by line: the part of YAML whose reading is beyond doubt.
//!
//! Every accepted line is fully accounted for; nothing is guessed. `None` means "ask the parser": anchors, aliases,
//! tags, directives, flow collections that are not empty, tabs as white space, explicit keys, merge keys, control
//! characters, and whatever else is rare in the output of kustomize and easy to get wrong.

mod flow;

use std::borrow::Cow;

use super::{Document, Head, Item, ItemsStyle, Role, RootKey, close_ranges};
use crate::yaml::resolve::{Scalar, resolve};

/// Deeper nesting goes to the parser, which has a limit of its own.
const MAX_DEPTH: usize = 100;
/// The parser gives up on longer keys.
const MAX_KEY: usize = 1000;

/// Cuts a text of plain block style, or gives up.
#[must_use]
pub fn cut(text: &str) -> Option<Vec<Document<'_>>> {
    if u32::try_from(text.len()).is_err() || !has_only_plain_characters(text) {
        return None;
    }
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        documents: Vec::new(),
        frames: Vec::new(),
        expect: Expect::Start,
        marker_seen: false,
    };
    lexer.run()?;
    let mut documents = lexer.documents;
    close_ranges(text, &mut documents);
    Some(documents)
}

/// No control characters but `\t`, `\n` and `\r\n`, no BOM, no characters that readers disagree on.
fn has_only_plain_characters(text: &str) -> bool {
    let bytes = text.as_bytes();
    let suspicious = |byte: u8| (byte < 0x20 && byte != b'\n') || byte >= 0x7F;
    let mut offset = 0;
    for chunk in bytes.chunks(64) {
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
struct Frame {
    column: usize,
    sequence: bool,
    role: Role,
    /// Of a mapping: which of its tracked keys have been there.
    seen: u16,
}

/// What the next line may be.
#[derive(Clone, Copy)]
enum Expect {
    /// The root of a document.
    Start,
    /// Nothing but what the open collections allow.
    Closed,
    /// The value of a key of the mapping at this column, or nothing.
    Value { column: usize, role: Role },
    /// The content of a dash at this column, or nothing.
    Element { column: usize, role: Role },
    /// More text of a plain scalar that belongs to the collection at this column.
    Plain { column: usize, tracked: bool },
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    documents: Vec<Document<'t>>,
    frames: Vec<Frame>,
    expect: Expect,
    /// The current document has its `---`.
    marker_seen: bool,
}

/// A line without its break.
#[derive(Clone, Copy)]
struct Line {
    start: usize,
    end: usize,
    next: usize,
}

impl<'t> Lexer<'t> {
    fn line(&self, start: usize) -> Line {
        let (end, next) = match memchr::memchr(b'\n', &self.bytes[start..]) {
            Some(distance) => (start + distance, start + distance + 1),
            None => (self.bytes.len(), self.bytes.len()),
        };
        let end = if end > start && self.bytes[end - 1] == b'\r' && next > end { end - 1 } else { end };
        Line { start, end, next }
    }

    fn spaces(&self, from: usize, end: usize) -> usize {
        self.bytes[from..end].iter().take_while(|byte| **byte == b' ').count()
    }

    fn run(&mut self) -> Option<()> {
        let mut at = 0;
        while at < self.bytes.len() {
            let line = self.line(at);
            at = line.next;
            let indent = self.spaces(line.start, line.end);
            let content = line.start + indent;
            if content == line.end {
                continue;
            }
            match self.bytes[content] {
                b'#' => {
                    // A comment ends a plain scalar: text behind it would be an error.
                    if let Expect::Plain { .. } = self.expect {
                        self.expect = Expect::Closed;
                    }
                }
                b'\t' => return None,
                b'-' if indent == 0 && self.bytes[line.start..line.end].starts_with(b"---") => {
                    if self.bytes[line.start + 3..line.end].iter().any(|byte| *byte != b' ') {
                        return None;
                    }
                    self.document_marker(line.start)?;
                }
                b'.' if indent == 0 && self.bytes[line.start..line.end].starts_with(b"...") => return None,
                _ => at = self.structure(line, indent)?,
            }
        }
        self.value_is_null()?;
        Some(())
    }

    fn document_marker(&mut self, start: usize) -> Option<()> {
        self.value_is_null()?;
        let begun = self.marker_seen || self.documents.last().is_some_and(|document| !document.empty);
        if self.documents.is_empty() || begun {
            self.new_document(if self.documents.is_empty() { 0 } else { start });
        }
        self.marker_seen = true;
        self.frames.clear();
        self.expect = Expect::Start;
        Some(())
    }

    fn new_document(&mut self, start: usize) {
        self.documents.push(Document::starting_at(start));
        self.marker_seen = false;
    }

    /// The line after this one's content.
    fn structure(&mut self, line: Line, indent: usize) -> Option<usize> {
        let content = line.start + indent;
        if let Expect::Plain { column, tracked } = self.expect {
            if indent > column {
                if tracked {
                    self.head()?.opaque = true;
                }
                let end = self.plain_text(content, line.end)?;
                if end < line.end {
                    self.expect = Expect::Closed;
                }
                return Some(line.next);
            }
            self.expect = Expect::Closed;
        }
        let dash = self.is_dash(content, line.end);
        match self.expect {
            Expect::Start => {
                if dash {
                    return None;
                }
                if self.documents.is_empty() {
                    self.new_document(0);
                }
                self.documents.last_mut()?.empty = false;
                self.push(indent, false, Role::Root)?;
            }
            Expect::Value { column, role } if indent > column || (indent == column && dash) => {
                self.open(indent, dash, role)?;
            }
            Expect::Element { column, role } if indent > column => self.open(indent, dash, role)?,
            _ => self.value_is_null()?,
        }
        self.expect = Expect::Closed;
        while self.frames.last()?.column > indent {
            self.frames.pop();
        }
        // A sequence may stand at the column of its key: the key's mapping goes on below it.
        if !dash && self.frames.last()?.sequence {
            self.frames.pop();
        }
        let frame = *self.frames.last()?;
        if frame.column != indent || frame.sequence != dash {
            return None;
        }
        if dash {
            self.element(line, content)
        } else {
            let key_end = self.key_end(content, line.end)?;
            self.entry(line, content, key_end)
        }
    }

    fn is_dash(&self, at: usize, end: usize) -> bool {
        self.bytes[at] == b'-' && (at + 1 == end || self.bytes[at + 1] == b' ')
    }

    fn push(&mut self, column: usize, sequence: bool, role: Role) -> Option<()> {
        if self.frames.len() == MAX_DEPTH {
            return None;
        }
        self.frames.push(Frame { column, sequence, role, seen: 0 });
        Some(())
    }

    /// A collection opens where a value was due.
    fn open(&mut self, column: usize, sequence: bool, role: Role) -> Option<()> {
        match role {
            Role::Items if !sequence => return None,
            Role::Items => self.documents.last_mut()?.items = Some((ItemsStyle::Block { column }, Vec::new())),
            Role::Item | Role::Metadata | Role::Labels | Role::Annotations if sequence => self.head()?.opaque = true,
            // A collection where the head wants a word, or inside the labels.
            Role::HeadField => self.head()?.opaque = true,
            _ => {}
        }
        let role = match role {
            Role::Item | Role::Metadata | Role::Labels | Role::Annotations if sequence => Role::Other,
            Role::HeadField => Role::Other,
            role => role,
        };
        self.push(column, sequence, role)
    }

    /// Nothing came where a value was due.
    fn value_is_null(&mut self) -> Option<()> {
        match self.expect {
            Expect::Value { role: Role::Items, .. } => {
                self.documents.last_mut()?.items = Some((ItemsStyle::Null, Vec::new()));
            }
            Expect::Value { role: Role::HeadField, .. } | Expect::Element { role: Role::Item, .. } => {
                self.head()?.opaque = true;
            }
            _ => {}
        }
        self.expect = Expect::Closed;
        Some(())
    }

    fn head(&mut self) -> Option<&mut Head<'t>> {
        let in_item = self.frames.iter().any(|frame| frame.role == Role::Items);
        let document = self.documents.last_mut()?;
        match &mut document.items {
            Some((_, items)) if in_item => items.last_mut().map(|item| &mut item.head),
            _ => Some(&mut document.head),
        }
    }

    /// `- …`, perhaps several on one line.
    fn element(&mut self, line: Line, mut dash: usize) -> Option<usize> {
        loop {
            let frame = *self.frames.last()?;
            let role = if frame.role == Role::Items { Role::Item } else { Role::Other };
            if role == Role::Item {
                let (_, items) = self.documents.last_mut()?.items.as_mut()?;
                items.push(Item { range: line.start..line.start, head: Head::default(), shares_anchor: false });
            }
            let content = dash + 1 + self.spaces(dash + 1, line.end);
            if content == line.end || self.bytes[content] == b'#' {
                self.expect = Expect::Element { column: frame.column, role };
                return Some(line.next);
            }
            if self.bytes[content] == b'\t' {
                return None;
            }
            // Columns count characters, and before the first key of a line there are only spaces and dashes.
            let column = content - line.start;
            if self.is_dash(content, line.end) {
                self.open(column, true, role)?;
                dash = content;
                continue;
            }
            if let Some(key_end) = self.key_end(content, line.end) {
                self.open(column, false, role)?;
                return self.entry(line, content, key_end);
            }
            if role == Role::Item {
                self.head()?.opaque = true;
            }
            return self.value(line, content, frame.column, Role::Other, None);
        }
    }

    /// The end of the key that begins here, before its colon.
    fn key_end(&self, start: usize, end: usize) -> Option<usize> {
        let line = &self.bytes[..end];
        let key_end = match line[start] {
            quote @ (b'"' | b'\'') => {
                let close = start + 1 + line[start + 1..].iter().position(|byte| *byte == quote)?;
                if line[start..close].iter().any(|byte| matches!(byte, b'\\' | b'\t')) {
                    return None;
                }
                close + 1
            }
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'$') || byte >= 0x80 => {
                // Keys are short: one look at each byte costs less than a search for each of the three.
                let mut at = start;
                loop {
                    match line.get(at)? {
                        b':' if at + 1 == end || line[at + 1] == b' ' => break at,
                        b'\t' => return None,
                        b'#' if line[at - 1] == b' ' => return None,
                        _ => at += 1,
                    }
                }
            }
            _ => return None,
        };
        let ends_well = line.get(key_end) == Some(&b':') && (key_end + 1 == end || line[key_end + 1] == b' ');
        let in_quotes = matches!(line[start], b'"' | b'\'');
        let plain = line[key_end - 1] != b' '
            && key_end - start <= MAX_KEY
            && !(in_quotes && memchr::memmem::find(&line[start..key_end], b" #").is_some());
        (ends_well && plain).then_some(key_end)
    }

    /// `key: …`
    fn entry(&mut self, line: Line, start: usize, key_end: usize) -> Option<usize> {
        let quoted = matches!(self.bytes[start], b'"' | b'\'');
        let name = if quoted { &self.text[start + 1..key_end - 1] } else { &self.text[start..key_end] };
        let frame = self.frames.last_mut()?;
        let column = frame.column;
        let (role, field) = frame.role.of_key(name);
        if let Some(field) = field {
            // Twice the same: whoever looks must look at the whole of it.
            if frame.seen & field.bit() != 0 {
                return None;
            }
            frame.seen |= field.bit();
        }
        if frame.role == Role::Root {
            let document = self.documents.last_mut()?;
            document.root_keys.push(RootKey { name: Cow::Borrowed(name), start, end: start });
        }
        let after = key_end + 1;
        let content = after + self.spaces(after, line.end);
        if content == line.end || self.bytes[content] == b'#' {
            self.expect = Expect::Value { column, role };
            return Some(line.next);
        }
        self.value(line, content, column, role, field)
    }

    /// A value on the line of its key or dash.
    fn value(
        &mut self,
        line: Line,
        start: usize,
        column: usize,
        role: Role,
        field: Option<super::HeadField>,
    ) -> Option<usize> {
        let scalar_is_right = matches!(role, Role::Other | Role::HeadField);
        self.expect = Expect::Closed;
        match self.bytes[start] {
            b'|' | b'>' => {
                if !scalar_is_right {
                    return None;
                }
                if field.is_some() {
                    self.head()?.opaque = true;
                }
                self.block_scalar(line, start, column)
            }
            quote @ (b'"' | b'\'') => {
                if !scalar_is_right {
                    return None;
                }
                let (close, last) = self.quoted(line, start, quote, column)?;
                self.only_comment(close + 1, last.end)?;
                if let Some(field) = field {
                    let simple = last.start == line.start
                        && memchr::memchr2(b'\\', b'\'', &self.bytes[start + 1..close]).is_none();
                    let value = Cow::Borrowed(&self.text[start + 1..close]);
                    let head = self.head()?;
                    if let Some(place) = field.of(head) {
                        *place = Some(value);
                    }
                    head.opaque |= !simple;
                }
                Some(last.next)
            }
            open @ (b'{' | b'[') => {
                let close = if open == b'{' { b'}' } else { b']' };
                if self.bytes.get(start + 1) != Some(&close) {
                    let end = (role == Role::Other).then(|| flow::end(&self.bytes[..line.end], start)).flatten()?;
                    self.only_comment(end, line.end)?;
                    return Some(line.next);
                }
                self.only_comment(start + 2, line.end)?;
                match role {
                    Role::Items if open == b'[' => {
                        self.documents.last_mut()?.items = Some((ItemsStyle::Flow { close: start + 1 }, Vec::new()));
                    }
                    Role::Items => return None,
                    Role::HeadField => self.head()?.opaque = true,
                    Role::Metadata | Role::Labels | Role::Annotations if open == b'[' => self.head()?.opaque = true,
                    _ => {}
                }
                Some(line.next)
            }
            _ => {
                if !scalar_is_right {
                    return None;
                }
                let end = self.plain_start(start, line.end)?;
                if let Some(field) = field {
                    let value = self.text[start..end].trim_end_matches(' ');
                    let is_string = matches!(resolve(value), Scalar::String(_));
                    let head = self.head()?;
                    if let Some(place) = field.of(head) {
                        *place = Some(Cow::Borrowed(value));
                    }
                    head.opaque |= !is_string && field.must_be_string();
                }
                if end == line.end {
                    self.expect = Expect::Plain { column, tracked: field.is_some() };
                }
                Some(line.next)
            }
        }
    }

    /// A plain scalar's first line: the end of its text.
    fn plain_start(&self, start: usize, end: usize) -> Option<usize> {
        match self.bytes[start] {
            b'&' | b'*' | b'!' | b'%' | b'@' | b'`' | b',' | b']' | b'}' | b'#' | b'|' | b'>' => return None,
            b'-' | b'?' | b':' if start + 1 == end || self.bytes[start + 1] == b' ' => return None,
            _ => {}
        }
        self.plain_text(start, end)
    }

    /// Text of a plain scalar: where it ends on this line. What could be a key, or a tab, is not for us.
    fn plain_text(&self, start: usize, end: usize) -> Option<usize> {
        let text = &self.bytes[start..end];
        let mut stop = text.len();
        let mut before = b' ';
        for (at, byte) in text.iter().enumerate() {
            match byte {
                b'#' if before == b' ' && at > 0 => {
                    stop = at;
                    break;
                }
                b':' if at + 1 == text.len() || text[at + 1] == b' ' => return None,
                b'\t' => return None,
                _ => {}
            }
            before = *byte;
        }
        // A tab behind the comment's mark is white space in a comment, and that is not for us either.
        (!text[stop..].contains(&b'\t')).then_some(start + stop)
    }

    /// Nothing but blanks and a comment from here to the end of the line.
    fn only_comment(&self, at: usize, end: usize) -> Option<()> {
        let spaces = self.spaces(at, end);
        let rest = &self.bytes[at + spaces..end];
        (rest.is_empty() || (spaces > 0 && rest[0] == b'#')).then_some(())
    }

    /// The closing quote of a quoted scalar and the line that it stands on.
    fn quoted(&self, line: Line, start: usize, quote: u8, column: usize) -> Option<(usize, Line)> {
        let mut line = line;
        let mut at = start + 1;
        loop {
            while let Some(distance) = memchr::memchr2(quote, b'\\', &self.bytes[at..line.end]) {
                at += distance;
                if self.bytes[at] == b'\\' {
                    if quote == b'"' {
                        at = self.escape_end(at, line.end)?;
                    } else {
                        at += 1;
                    }
                } else if quote == b'\'' && at + 1 < line.end && self.bytes[at + 1] == b'\'' {
                    at += 2;
                } else {
                    return Some((at, line));
                }
            }
            if line.next == line.end || line.next >= self.bytes.len() {
                return None;
            }
            line = self.line(line.next);
            let indent = self.spaces(line.start, line.end);
            at = line.start + indent;
            if at < line.end && (indent <= column || self.bytes[at] == b'\t') {
                return None;
            }
        }
    }

    /// The byte after an escape that all readers know.
    fn escape_end(&self, at: usize, end: usize) -> Option<usize> {
        let hexadecimal = |digits: usize| {
            let text = self.bytes.get(at + 2..at + 2 + digits)?;
            let value = u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()?;
            let plain = text.iter().all(u8::is_ascii_hexdigit) && char::from_u32(value).is_some();
            (plain && at + 2 + digits <= end).then_some(at + 2 + digits)
        };
        if at + 1 == end {
            // The line break is escaped.
            return Some(end);
        }
        match self.bytes[at + 1] {
            b'"' | b'\\' | b'n' | b't' | b'r' | b' ' => Some(at + 2),
            b'x' => hexadecimal(2),
            b'u' => hexadecimal(4),
            _ => None,
        }
    }

    /// Skips a block scalar whose header begins at `header` and that belongs to the collection at `column`.
    fn block_scalar(&mut self, line: Line, header: usize, column: usize) -> Option<usize> {
        let mut at = header + 1;
        let mut explicit = None;
        let mut chomping = false;
        while at < line.end {
            match self.bytes[at] {
                b'+' | b'-' if !chomping => chomping = true,
                digit @ b'1'..=b'9' if explicit.is_none() => explicit = Some(usize::from(digit - b'0')),
                _ => break,
            }
            at += 1;
        }
        self.only_comment(at, line.end)?;
        let mut content = explicit.map(|step| column + step);
        let mut deepest_blank = 0;
        let mut next = line.next;
        while next < self.bytes.len() {
            let line = self.line(next);
            let indent = self.spaces(line.start, line.end);
            if line.start + indent == line.end {
                if content.is_none() {
                    deepest_blank = deepest_blank.max(indent);
                }
            } else {
                let due = *content.get_or_insert(indent);
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
                if self.bytes[line.start + indent] == b'\t' && indent == due {
                    return None;
                }
            }
            next = line.next;
        }
        if content.is_none_or(|due| due <= column) && deepest_blank > column {
            return None;
        }
        Some(next)
    }
}
