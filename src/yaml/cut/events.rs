//! Cutting with the full parser: any YAML, and JSON.

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, StructureStyle};

use super::{Document, Head, HeadField, Item, ItemsStyle, MAX_RESOURCES, Role, RootKey, SyntaxError, close_ranges};
use crate::yaml::resolve::{Scalar, resolve};
use crate::yaml::source::{line_of, line_start, next_line};
use crate::yaml::tree::{byte_range, parser_options, refuse_ambiguous_breaks, syntax_error};

/// Cuts any text that the parser accepts.
///
/// # Errors
/// [`SyntaxError`] where the text is no YAML.
pub fn cut(text: &str) -> Result<Vec<Document<'_>>, SyntaxError> {
    if u32::try_from(text.len()).is_err() {
        return Err(SyntaxError {
            message: "the text is longer than 4 GiB".into(),
            line: 1,
            offset: 0,
            is_limit: true,
        });
    }
    let has_ambiguous_break = refuse_ambiguous_breaks(text, Vec::new).is_err();
    let mut cutter = Cutter {
        text,
        documents: Vec::new(),
        resources: 0,
        frames: Vec::new(),
        last_end: 0,
        quoted: has_ambiguous_break.then(Vec::new),
        anchors: Vec::new(),
    };
    for event in Parser::new_from_str_with_options(text, parser_options()) {
        let (event, span) = event.map_err(|error| syntax_error(text, &error))?;
        cutter.event(event, &span);
        if cutter.resources > MAX_RESOURCES {
            let message = format!("more than {MAX_RESOURCES} resources in one input; split it");
            let offset = byte_range(&span).start;
            return Err(SyntaxError { message, line: line_of(text, offset), offset, is_limit: true });
        }
    }
    let Cutter { mut documents, quoted, .. } = cutter;
    if let Some(quoted) = quoted {
        refuse_ambiguous_breaks(text, || quoted)?;
    }
    close_ranges(text, &mut documents, |lines| end_marker(text, lines.clone()).unwrap_or(lines.end));
    Ok(documents)
}

/// The start of the line `...` among some lines: it ends a document, wherever it stands.
fn end_marker(text: &str, lines: Range<usize>) -> Option<usize> {
    let mut line = lines.start;
    while line < lines.end {
        if text[line..].starts_with("...") {
            return Some(line);
        }
        line = next_line(text, line);
    }
    None
}

/// An open collection.
struct Frame {
    role: Role,
    mapping: bool,
    flow: bool,
    /// It is itself a key of the mapping around it.
    is_key: bool,
    /// In a mapping: what the value that comes next is; None where a key comes next.
    value: Option<(Role, Option<HeadField>)>,
    /// Which tracked keys have been there.
    seen: u16,
}

struct Cutter<'t> {
    text: &'t str,
    documents: Vec<Document<'t>>,
    /// Documents and elements of lists so far.
    resources: usize,
    frames: Vec<Frame>,
    /// The end of the last token, where the search for the next dash or marker begins.
    last_end: usize,
    /// The quoted scalars, where someone will ask for them.
    quoted: Option<Vec<Range<usize>>>,
    /// Anchor ids with the item that holds them.
    anchors: Vec<(usize, Option<usize>)>,
}

/// A scalar as it stands where a value was due.
struct ScalarValue<'t> {
    text: Cow<'t, str>,
    is_string: bool,
    is_null: bool,
}

impl<'t> Cutter<'t> {
    fn event(&mut self, event: Event<'t>, span: &Span) {
        let range = byte_range(span);
        match event {
            Event::DocumentStart(explicit, _) => self.document_start(explicit, range),
            Event::Scalar(text, style, anchor, tag) => {
                self.define(anchor);
                let is_quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                if let (Some(quoted), true) = (&mut self.quoted, is_quoted) {
                    quoted.push(range.clone());
                }
                let end = match style {
                    // The parser's span of a block scalar runs into the indentation of what follows, and that of an
                    // empty one begins there.
                    ScalarStyle::Literal | ScalarStyle::Folded => match self.text[range.clone()].trim_end().len() {
                        0 => 0,
                        length => range.start + length,
                    },
                    _ => range.end,
                };
                if self.expects_key() {
                    self.key(text, style, range.start);
                } else {
                    // The parser writes an absent scalar as `~`.
                    let absent = range.is_empty() && style == ScalarStyle::Plain;
                    let text = if absent { Cow::Borrowed("") } else { text };
                    let plain = style == ScalarStyle::Plain && tag.is_none_or(|tag| tag.core_suffix() != Some("str"));
                    let resolved = resolve(&text);
                    let value = ScalarValue {
                        is_string: !plain || matches!(resolved, Scalar::String(_)),
                        is_null: plain && resolved == Scalar::Null,
                        text,
                    };
                    self.scalar(value, range);
                }
                self.last_end = self.last_end.max(end);
            }
            Event::Alias(anchor) => {
                self.alias(anchor);
                if self.expects_key() {
                    self.odd_key(range.start);
                    self.key_is_known(Role::Other, None);
                } else {
                    let (role, _) = self.value_starts(range.clone());
                    if role != Role::Other {
                        self.mark_opaque();
                    }
                    if let (Role::Items | Role::Root, Some(document)) = (role, self.documents.last_mut()) {
                        document.problem = Some((range.start, "an alias cannot stand here"));
                    }
                    self.value_ends(range.end);
                }
                self.last_end = range.end;
            }
            Event::MappingStart(style, anchor, _) => {
                self.define(anchor);
                self.open(true, style == StructureStyle::Flow, range);
            }
            Event::SequenceStart(style, anchor, _) => {
                self.define(anchor);
                self.open(false, style == StructureStyle::Flow, range);
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(range.end),
            _ => {}
        }
    }

    fn document_start(&mut self, explicit: bool, marker: Range<usize>) {
        let start = match (self.documents.is_empty(), explicit) {
            (true, _) => 0,
            (false, true) => self.boundary(marker.start),
            (false, false) => self.boundary(self.text.len()),
        };
        self.last_end = self.last_end.max(if explicit { marker.end } else { start });
        self.anchors.clear();
        self.resources += 1;
        self.documents.push(Document::starting_at(start));
    }

    /// The next document begins behind a `...` line, else at the line of its own `---`.
    fn boundary(&self, marker: usize) -> usize {
        let end = end_marker(self.text, next_line(self.text, self.last_end)..marker);
        end.map_or_else(|| line_start(self.text, marker), |end| next_line(self.text, end))
    }

    /// The item around the cursor.
    fn item_index(&self) -> Option<usize> {
        let (_, items) = self.documents.last()?.items.as_ref()?;
        let inside = self.frames.iter().any(|frame| frame.role == Role::Items);
        if inside { items.len().checked_sub(1) } else { None }
    }

    fn define(&mut self, anchor: usize) {
        if anchor != 0 {
            // An item's own anchor is seen before the item is.
            let starts_item = self.frames.last().is_some_and(|frame| frame.role == Role::Items);
            let index = self.item_index();
            let index = if starts_item { Some(index.map_or(0, |index| index + 1)) } else { index };
            self.anchors.push((anchor, index));
        }
    }

    fn alias(&mut self, anchor: usize) {
        let here = self.item_index();
        let there = self.anchors.iter().rev().find(|(id, _)| *id == anchor).and_then(|(_, index)| *index);
        if here != there
            && let Some((_, items)) = self.documents.last_mut().and_then(|document| document.items.as_mut())
        {
            for index in [here, there].into_iter().flatten() {
                if let Some(item) = items.get_mut(index) {
                    item.shares_anchor = true;
                }
            }
        }
    }

    /// The head that the resource around the cursor has.
    fn head(&mut self) -> Option<&mut Head<'t>> {
        let in_item = self.frames.iter().any(|frame| frame.role == Role::Items);
        let document = self.documents.last_mut()?;
        match &mut document.items {
            Some((_, items)) if in_item => items.last_mut().map(|item| &mut item.head),
            _ => Some(&mut document.head),
        }
    }

    fn mark_opaque(&mut self) {
        if let Some(head) = self.head() {
            head.opaque = true;
        }
    }

    /// A key that is no scalar: nothing that a resource has.
    fn odd_key(&mut self, start: usize) {
        self.mark_opaque();
        if self.frames.len() == 1
            && let Some(document) = self.documents.last_mut()
        {
            document.problem = Some((start, "the top-level keys of a resource must be strings"));
        }
    }

    fn expects_key(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.mapping && frame.value.is_none())
    }

    /// A value begins: what it is follows from where it stands.
    fn value_starts(&mut self, range: Range<usize>) -> (Role, Option<HeadField>) {
        let Some(frame) = self.frames.last() else {
            if let Some(document) = self.documents.last_mut() {
                document.empty = false;
            }
            return (Role::Root, None);
        };
        if frame.role == Role::Items {
            self.item_starts(range);
            return (Role::Item, None);
        }
        frame.value.unwrap_or((Role::Other, None))
    }

    /// The column of a block sequence's dashes: the parser gives the place of its first element.
    fn first_dash(&self, element: usize) -> usize {
        let mut line = line_start(self.text, self.last_end);
        while line < element {
            let rest = self.text[line..].trim_start_matches(' ');
            if rest.starts_with('-') && line >= self.last_end {
                return self.text.len() - rest.len() - line;
            }
            line = next_line(self.text, line);
        }
        0
    }

    fn item_starts(&mut self, range: Range<usize>) {
        let (text, last_end) = (self.text, self.last_end);
        let Some(document) = self.documents.last_mut() else { return };
        let Some((style, items)) = &mut document.items else { return };
        let mut start = range.start;
        if let ItemsStyle::Block { column } = *style {
            // The dash may stand on a line of its own, before comments, an anchor or a tag.
            let is_dash = |line: usize| {
                text[line..].bytes().take_while(|byte| *byte == b' ').count() == column
                    && text.as_bytes().get(line + column) == Some(&b'-')
            };
            let mut line = next_line(text, last_end);
            while line < range.start && !is_dash(line) {
                line = next_line(text, line);
            }
            if line > range.start || !is_dash(line) {
                let message = "an element of `items` must begin with a dash on a line of its own";
                document.problem = Some((range.start, message));
            }
            start = line.min(range.start);
            self.last_end = last_end.max(start + column + 1).min(range.start.max(last_end));
        }
        let end = range.end.max(start);
        self.resources += 1;
        items.push(Item { range: start..end, head: Head::default(), shares_anchor: false });
    }

    /// A value ended: the mapping around it expects a key again.
    fn value_ends(&mut self, end: usize) {
        let Some(frame) = self.frames.last_mut() else { return };
        frame.value = None;
        let (role, flow) = (frame.role, frame.flow);
        let Some(document) = self.documents.last_mut() else { return };
        match (role, &mut document.items) {
            (Role::Root, _) => {
                if let Some(key) = document.root_keys.last_mut() {
                    key.end = end;
                }
            }
            (Role::Items, Some((_, items))) if flow => {
                if let Some(item) = items.last_mut() {
                    item.range.end = end;
                }
            }
            _ => {}
        }
    }

    fn scalar(&mut self, value: ScalarValue<'t>, range: Range<usize>) {
        let (role, field) = self.value_starts(range.clone());
        match role {
            // A document that holds nothing but `null` or a marker says nothing.
            Role::Root => {
                if let Some(document) = self.documents.last_mut() {
                    document.empty = value.is_null;
                    document.problem = (!value.is_null).then_some((range.start, "a resource must be a mapping"));
                }
            }
            Role::Items => {
                if let Some(document) = self.documents.last_mut() {
                    document.items = Some((ItemsStyle::Null, Vec::new()));
                    if !value.is_null {
                        document.problem = Some((range.start, "`items` must be a sequence"));
                    }
                }
            }
            Role::Item => self.mark_opaque(),
            Role::Metadata | Role::Labels | Role::Annotations if !value.is_null => self.mark_opaque(),
            Role::HeadField => {
                if let (Some(field), Some(head)) = (field, self.head()) {
                    head.opaque |= !value.is_string && field.must_be_string();
                    if let Some(place) = field.of(head) {
                        *place = Some(value.text);
                    }
                }
            }
            _ => {}
        }
        self.value_ends(range.end);
    }

    fn key(&mut self, name: Cow<'t, str>, style: ScalarStyle, start: usize) {
        let Some(frame) = self.frames.last() else { return };
        let role = frame.role;
        let (value, field) = role.of_key(&name);
        if style == ScalarStyle::Plain && name == "<<" && role != Role::Other {
            self.mark_opaque();
        }
        let explicit = role == Role::Root && self.has_question_mark(start);
        if role == Role::Root
            && let Some(document) = self.documents.last_mut()
        {
            if explicit {
                document.problem = Some((start, "the top-level keys of a resource must be written as `key: value`"));
            }
            if field == Some(HeadField::Items) && document.items.is_some() {
                document.problem = Some((start, "`items` must not be there twice"));
            }
            document.root_keys.push(RootKey { name, start, end: start });
        }
        self.key_is_known(value, field);
    }

    /// True where an explicit key's `?` stands between the last token and this key.
    fn has_question_mark(&self, key: usize) -> bool {
        let between = self.text.get(self.last_end..key).unwrap_or_default();
        between.lines().any(|line| line.trim_start().starts_with('?'))
    }

    fn key_is_known(&mut self, role: Role, field: Option<HeadField>) {
        let Some(frame) = self.frames.last_mut() else { return };
        let twice = field.is_some_and(|field| frame.seen & field.bit() != 0);
        frame.seen |= field.map_or(0, HeadField::bit);
        frame.value = Some((role, field));
        if twice {
            // Whoever looks must look at the whole of it.
            self.mark_opaque();
        }
    }

    fn open(&mut self, mapping: bool, flow: bool, range: Range<usize>) {
        let is_key = self.expects_key();
        let role = if is_key {
            self.odd_key(range.start);
            Role::Other
        } else {
            self.value_starts(range.clone()).0
        };
        let dashes_at = self.first_dash(range.start);
        let braces = self.text.as_bytes().get(range.start) == Some(&b'{');
        let Some(document) = self.documents.last_mut() else { return };
        if role == Role::Item && mapping && flow && !braces {
            document.problem = Some((range.start, "a resource in a flow sequence must stand in braces"));
        }
        let role = match (role, mapping) {
            (Role::Root, true) => {
                document.flow = flow.then(|| range.clone());
                Role::Root
            }
            (Role::Root, false) => {
                document.flow = flow.then(|| range.clone());
                document.problem = Some((range.start, "a resource must be a mapping"));
                Role::Other
            }
            (Role::Items, false) => {
                let style = if flow {
                    ItemsStyle::Flow { close: range.start }
                } else {
                    ItemsStyle::Block { column: dashes_at }
                };
                document.items = Some((style, Vec::new()));
                Role::Items
            }
            (Role::Items, true) => {
                document.problem = Some((range.start, "`items` must be a sequence"));
                Role::Other
            }
            (Role::Item | Role::Metadata | Role::Labels | Role::Annotations, false) | (Role::HeadField, _) => {
                self.mark_opaque();
                Role::Other
            }
            (role, _) => role,
        };
        self.frames.push(Frame { role, mapping, flow, is_key, value: None, seen: 0 });
        // A block collection begins with its first child, which has yet to come.
        if flow {
            self.last_end = self.last_end.max(range.end);
        }
    }

    fn close(&mut self, end: usize) {
        let Some(frame) = self.frames.pop() else { return };
        // The end of a block collection is the end of its last descendant.
        let end = if frame.flow { end } else { self.last_end };
        self.last_end = self.last_end.max(end);
        if frame.is_key {
            self.key_is_known(Role::Other, None);
            return;
        }
        if let Some(document) = self.documents.last_mut() {
            if frame.role == Role::Items
                && let Some((ItemsStyle::Flow { close }, _)) = &mut document.items
            {
                *close = end.saturating_sub(1);
            }
            if self.frames.is_empty()
                && let Some(root) = &mut document.flow
            {
                root.end = end;
            }
        }
        self.value_ends(end);
    }
}
