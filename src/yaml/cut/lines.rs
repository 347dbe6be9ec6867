//! Cutting by the line lexer: heads and ranges of what it reads.

use std::borrow::Cow;
use std::ops::Range;

use super::{Document, Head, HeadField, Item, ItemsStyle, MAX_RESOURCES, Role, RootKey, close_ranges};
use crate::yaml::lexer::{self, BlockScalar, Sink};
use crate::yaml::resolve::{Scalar, resolve};

/// Cuts a text of plain block style, or gives up.
#[must_use]
pub fn cut(text: &str) -> Option<Vec<Document<'_>>> {
    let mut cutter = Cutter { text, documents: Vec::new(), resources: 0, in_items: false };
    lexer::read(text, &mut cutter)?;
    let mut documents = cutter.documents;
    // A `...` is for the parser.
    close_ranges(text, &mut documents, |lines| lines.end);
    Some(documents)
}

struct Cutter<'t> {
    text: &'t str,
    documents: Vec<Document<'t>>,
    /// Documents and elements of lists so far.
    resources: usize,
    /// The sequence `items` of a root is open.
    in_items: bool,
}

/// What is known of a value or an open collection.
#[derive(Clone, Copy)]
struct Place {
    role: Role,
    field: Option<HeadField>,
    /// Of a mapping: which of its tracked keys have been there.
    seen: u16,
}

impl Place {
    const fn of(role: Role) -> Self {
        Self { role, field: None, seen: 0 }
    }
}

impl<'t> Cutter<'t> {
    fn head(&mut self) -> Option<&mut Head<'t>> {
        let document = self.documents.last_mut()?;
        match &mut document.items {
            Some((_, items)) if self.in_items => items.last_mut().map(|item| &mut item.head),
            _ => Some(&mut document.head),
        }
    }

    /// One more document or element. Where they are too many, that is for the parser to say.
    fn count(&mut self) -> Option<()> {
        self.resources += 1;
        (self.resources <= MAX_RESOURCES).then_some(())
    }

    fn is_opaque(&mut self) -> Option<()> {
        self.head()?.opaque = true;
        Some(())
    }

    /// A field of the head whose text is not the one that is written. The head of a root says what the whole text is, so
    /// it must be known.
    fn is_unread(&mut self) -> Option<()> {
        if self.in_items { self.is_opaque() } else { None }
    }

    /// A scalar where there may be one.
    fn scalar(&mut self, place: Place) -> Option<()> {
        match place.role {
            Role::Other | Role::HeadField => Some(()),
            Role::Item => self.is_opaque(),
            Role::Root | Role::Items | Role::Metadata | Role::Labels | Role::Annotations => None,
        }
    }

    fn set(&mut self, field: HeadField, value: Range<usize>, certain: bool) -> Option<()> {
        let value = &self.text[value];
        let head = self.head()?;
        if let Some(place) = field.of(head) {
            *place = Some(Cow::Borrowed(value));
        }
        head.opaque |= !certain;
        Some(())
    }
}

impl Sink for Cutter<'_> {
    type Place = Place;

    fn is_deaf_to(&self, place: Place) -> bool {
        place.role == Role::Other && place.field.is_none()
    }

    fn document(&mut self, start: usize) -> Option<()> {
        self.count()?;
        self.documents.push(Document::starting_at(start));
        Some(())
    }

    fn root(&mut self) -> Option<Place> {
        self.documents.last_mut()?.empty = false;
        Some(Place::of(Role::Root))
    }

    fn open(&mut self, place: Place, _: usize, column: usize, sequence: bool) -> Option<Place> {
        let role = match place.role {
            Role::Root | Role::Items if sequence != (place.role == Role::Items) => return None,
            Role::Items => {
                self.documents.last_mut()?.items = Some((ItemsStyle::Block { column }, Vec::new()));
                self.in_items = true;
                Role::Items
            }
            Role::Item | Role::Metadata | Role::Labels | Role::Annotations if sequence => {
                self.is_opaque()?;
                Role::Other
            }
            // A collection where the head wants a word, or inside the labels.
            Role::HeadField => {
                self.is_opaque()?;
                Role::Other
            }
            role => role,
        };
        Some(Place::of(role))
    }

    fn close(&mut self, collection: Place) {
        self.in_items &= collection.role != Role::Items;
    }

    fn key(&mut self, mapping: &mut Place, key: Range<usize>, quoted: bool) -> Option<Place> {
        if mapping.role == Role::Other {
            return Some(Place::of(Role::Other));
        }
        let name = if quoted { &self.text[key.start + 1..key.end - 1] } else { &self.text[key.clone()] };
        let (role, field) = mapping.role.of_key(name);
        if let Some(field) = field {
            // Twice the same: whoever looks must look at the whole of it.
            if mapping.seen & field.bit() != 0 {
                return None;
            }
            mapping.seen |= field.bit();
        }
        if mapping.role == Role::Root {
            let start = key.start;
            self.documents.last_mut()?.root_keys.push(RootKey { name: Cow::Borrowed(name), start, end: start });
        }
        Some(Place { role, field, seen: 0 })
    }

    fn element(&mut self, sequence: Place, line: usize, _: usize) -> Option<Place> {
        if sequence.role != Role::Items {
            return Some(Place::of(Role::Other));
        }
        self.count()?;
        let (_, items) = self.documents.last_mut()?.items.as_mut()?;
        items.push(Item { range: line..line, head: Head::default(), shares_anchor: false });
        Some(Place::of(Role::Item))
    }

    fn null(&mut self, place: Place) -> Option<()> {
        match place.role {
            Role::Items => {
                self.documents.last_mut()?.items = Some((ItemsStyle::Null, Vec::new()));
                Some(())
            }
            Role::HeadField | Role::Item => self.is_opaque(),
            _ => Some(()),
        }
    }

    fn plain(&mut self, place: Place, text: Range<usize>) -> Option<()> {
        self.scalar(place)?;
        let Some(field) = place.field else { return Some(()) };
        let value = self.text[text.clone()].trim_end_matches(' ');
        let certain = !field.must_be_string() || matches!(resolve(value), Scalar::String(_));
        self.set(field, text.start..text.start + value.len(), certain)
    }

    fn plain_continues(&mut self, place: Place, _: Range<usize>) -> Option<()> {
        if place.field.is_some() { self.is_unread() } else { Some(()) }
    }

    fn quoted(&mut self, place: Place, quotes: Range<usize>, one_line: bool) -> Option<()> {
        self.scalar(place)?;
        let Some(field) = place.field else { return Some(()) };
        let inner = quotes.start + 1..quotes.end - 1;
        let certain = one_line && memchr::memchr2(b'\\', b'\'', &self.text.as_bytes()[inner.clone()]).is_none();
        if !certain {
            self.is_unread()?;
        }
        self.set(field, inner, certain)
    }

    fn block(&mut self, place: Place, _: &BlockScalar) -> Option<()> {
        self.scalar(place)?;
        if place.field.is_some() { self.is_unread() } else { Some(()) }
    }

    fn flow(&mut self, place: Place, range: Range<usize>) -> Option<()> {
        let mapping = self.text.as_bytes()[range.start] == b'{';
        let empty = range.len() == 2;
        match place.role {
            Role::Other => Some(()),
            Role::Item => self.is_opaque(),
            _ if !empty => None,
            Role::Items if mapping => None,
            Role::Items => {
                let style = ItemsStyle::Flow { close: range.end - 1 };
                self.documents.last_mut()?.items = Some((style, Vec::new()));
                Some(())
            }
            Role::HeadField => self.is_opaque(),
            Role::Metadata | Role::Labels | Role::Annotations if !mapping => self.is_opaque(),
            _ => Some(()),
        }
    }
}
