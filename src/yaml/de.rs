//! A serde `Deserializer` over the span tree, reading as Kubernetes' decoders do.
//!
//! Values go the way of YAML → JSON → typed object: scalars as [`super::resolve`] reads them, null is the same as
//! absent, merge keys are merged, the last of duplicate keys wins, a wrong type is an error. Every error knows the path
//! of its field and its line.

use std::cell::Cell;

use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde_json::{Map, Number, Value};

use super::path::{Path, Segment};
use super::resolve::Scalar;
use super::source::line_of;
use super::tree::{Kind, View};
use crate::typo::not_allowed;

/// Nodes that aliases may add before a document counts as a bomb.
const ALIAS_BUDGET: usize = 1_000_000;

/// How deep a value may be once its aliases are followed: as deep as the parser lets a text be. An alias that stands in
/// what it points to would have no end.
const MAX_DEPTH: usize = 255;

/// Why a document does not decode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What is wrong, without its place.
    pub message: String,
    /// The field.
    pub path: Path,
    /// The 1-based line of the text, where one is known.
    pub line: Option<usize>,
}

impl Error {
    fn at(mut self, view: &View<'_>) -> Self {
        self.line.get_or_insert_with(|| line_of(view.text(), view.range().start));
        self
    }

    fn under(mut self, segment: impl Into<Segment>) -> Self {
        self.path.prepend(segment);
        self
    }
}

impl de::Error for Error {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), path: Path::default(), line: None }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("must be {expected}, not {}", described(&unexpected)))
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("must be {expected}, not {}", described(&unexpected)))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("key `{field}` is required"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::custom(format_args!("key `{field}` is there twice"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(not_allowed("value", variant, expected))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(not_allowed("key", field, expected)).under(field)
    }
}

fn described(unexpected: &de::Unexpected<'_>) -> String {
    match unexpected {
        de::Unexpected::Str(text) => format!("the string \"{text}\""),
        de::Unexpected::Bool(value) => format!("the boolean {value}"),
        de::Unexpected::Signed(value) => format!("the number {value}"),
        de::Unexpected::Unsigned(value) => format!("the number {value}"),
        de::Unexpected::Float(value) => format!("the number {value}"),
        de::Unexpected::Map => "a mapping".to_owned(),
        de::Unexpected::Seq => "a sequence".to_owned(),
        de::Unexpected::Unit | de::Unexpected::Option => "null".to_owned(),
        other => other.to_string(),
    }
}

/// What a type with rules of its own says of a scalar, by the name of its newtype: why it refuses the scalar, or the
/// text that stands for it where the type reads null as a value.
pub type Newtypes = fn(&'static str, Option<Scalar<'_>>) -> Result<Option<&'static str>, String>;

/// Decodes the value of a node.
///
/// # Errors
/// [`Error`] with the path of the field below the node, and its line in the node's text.
pub fn from_view<'de, T: de::Deserialize<'de>>(view: View<'de>) -> Result<T, Error> {
    T::deserialize(Root::new(view).deserializer())
}

/// The value of a node as JSON: what [`from_view`] gives, in half of the time.
///
/// # Errors
/// As [`from_view`].
pub fn value(view: View<'_>) -> Result<Value, Error> {
    plain_value(view).map_or_else(|| from_view(view), Ok)
}

/// The value of a node that holds nothing rare: no alias, no merge key, no key that is no string, no infinity.
fn plain_value(view: View<'_>) -> Option<Value> {
    Some(match view.kind() {
        Kind::Alias(_) => return None,
        Kind::Scalar(_) => match view.scalar()? {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => value.into(),
            Scalar::Int(value) => value.into(),
            Scalar::Uint(value) => value.into(),
            Scalar::Float(value) => Value::Number(Number::from_f64(value)?),
            Scalar::String(text) => text.into(),
        },
        Kind::Mapping { .. } => {
            let mut members = Map::with_capacity(view.entries().count());
            for (key, value) in view.entries() {
                let (Kind::Scalar(_), Some(Scalar::String(name))) = (key.kind(), key.scalar()) else { return None };
                if key.is_merge_key() {
                    return None;
                }
                members.insert(name.to_owned(), plain_value(value)?);
            }
            Value::Object(members)
        }
        Kind::Sequence { .. } => Value::Array(view.items().map(plain_value).collect::<Option<_>>()?),
    })
}

/// Decodes the value of a node whose newtypes have rules that serde's types do not know.
///
/// # Errors
/// As [`from_view`].
pub fn from_view_with<'de, T: de::Deserialize<'de>>(view: View<'de>, newtypes: Newtypes) -> Result<T, Error> {
    T::deserialize(Root { newtypes, ..Root::new(view) }.deserializer())
}

/// A node to decode from, for types that want a `Deserializer`.
#[derive(Debug)]
pub struct Root<'de> {
    view: View<'de>,
    budget: Cell<usize>,
    newtypes: Newtypes,
}

impl<'de> Root<'de> {
    /// The value of this node.
    #[must_use]
    pub fn new(view: View<'de>) -> Self {
        Self { view, budget: Cell::new(ALIAS_BUDGET), newtypes: |_, _| Ok(None) }
    }

    /// Its deserializer.
    #[must_use]
    pub fn deserializer(&self) -> impl de::Deserializer<'de, Error = Error> {
        Deserializer { view: self.view, budget: &self.budget, newtypes: self.newtypes, through_alias: false, depth: 0 }
    }
}

#[derive(Clone, Copy)]
struct Deserializer<'de, 'b> {
    view: View<'de>,
    budget: &'b Cell<usize>,
    newtypes: Newtypes,
    /// Somewhere above stands an alias: each node counts.
    through_alias: bool,
    depth: usize,
}

impl<'de, 'b> Deserializer<'de, 'b> {
    fn child(&self, view: View<'de>) -> Self {
        Self { view, depth: self.depth + 1, ..*self }
    }

    /// Follows an alias, within the budget.
    fn resolved(mut self) -> Result<Self, Error> {
        let view = self.view;
        let target = view.resolved().ok_or_else(|| {
            <Error as de::Error>::custom("the alias points to an anchor outside of this resource; write it out")
                .at(&view)
        })?;
        self.through_alias |= target.id() != view.id();
        if self.through_alias {
            let left =
                self.budget.get().checked_sub(1).ok_or_else(|| {
                    <Error as de::Error>::custom("aliases expand to more than a million nodes").at(&view)
                })?;
            self.budget.set(left);
            if self.depth > MAX_DEPTH {
                return Err(<Error as de::Error>::custom("aliases nest deeper than 255 levels").at(&view));
            }
        }
        self.view = target;
        Ok(self)
    }

    fn wrong_type(&self, expected: &dyn de::Expected) -> Error {
        let unexpected = match self.view.scalar() {
            Some(Scalar::String(text)) => de::Unexpected::Str(text),
            Some(Scalar::Bool(value)) => de::Unexpected::Bool(value),
            Some(Scalar::Int(value)) => de::Unexpected::Signed(value),
            Some(Scalar::Uint(value)) => de::Unexpected::Unsigned(value),
            Some(Scalar::Float(value)) => de::Unexpected::Float(value),
            Some(Scalar::Null) => de::Unexpected::Unit,
            None if self.view.is_mapping() => de::Unexpected::Map,
            None => de::Unexpected::Seq,
        };
        <Error as de::Error>::invalid_type(unexpected, expected).at(&self.view)
    }

    fn visit_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let mut entries = Vec::with_capacity(8);
        collect(&self, 16, &mut entries)?;
        let view = self.view;
        visitor
            .visit_map(MapAccess { parent: self, entries: entries.into_iter(), value: None })
            .map_err(|error| error.at(&view))
    }
}

/// The entries that are read: merge keys resolved as go-yaml v2 does, in order, the last of equal keys in place of the
/// first.
fn collect<'de>(
    map: &Deserializer<'de, '_>,
    depth: usize,
    entries: &mut Vec<(View<'de>, View<'de>)>,
) -> Result<(), Error> {
    for (key, value) in map.view.entries() {
        if key.is_merge_key() {
            let too_deep = || <Error as de::Error>::custom("merge keys are nested too deep").at(&key);
            let depth = depth.checked_sub(1).ok_or_else(too_deep)?;
            let source = map.child(value).resolved()?;
            let sources: Vec<View<'de>> = if source.view.is_sequence() {
                // The first of several sources wins, so it comes last.
                let mut sources: Vec<View<'de>> = source.view.items().collect();
                sources.reverse();
                sources
            } else {
                vec![source.view]
            };
            for view in sources {
                let source = map.child(view).resolved()?;
                if !source.view.is_mapping() {
                    return Err(<Error as de::Error>::custom("a merge key must hold mappings").at(&value));
                }
                collect(&source, depth, entries)?;
            }
        } else {
            put(entries, key, value);
        }
    }
    Ok(())
}

fn put<'de>(entries: &mut Vec<(View<'de>, View<'de>)>, key: View<'de>, value: View<'de>) {
    // Mappings of manifests are short: a search costs less than a table.
    let text = key.scalar_text();
    match entries.iter_mut().find(|(name, _)| name.scalar_text() == text) {
        Some(entry) => *entry = (key, value),
        None => entries.push((key, value)),
    }
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let this = self.resolved()?;
            let value = match this.view.scalar() {
                Some(Scalar::Int(value)) => visitor.visit_i64(value),
                Some(Scalar::Uint(value)) => visitor.visit_u64(value),
                // null leaves Go's zero value.
                Some(Scalar::Null) => visitor.visit_i64(0),
                _ => return Err(this.wrong_type(&visitor)),
            };
            value.map_err(|error: Error| error.at(&this.view))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Deserializer<'de, '_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        let value = match this.view.scalar() {
            Some(Scalar::Null) => visitor.visit_unit(),
            Some(Scalar::Bool(value)) => visitor.visit_bool(value),
            Some(Scalar::Int(value)) => visitor.visit_i64(value),
            Some(Scalar::Uint(value)) => visitor.visit_u64(value),
            Some(Scalar::Float(value)) => visitor.visit_f64(value),
            Some(Scalar::String(text)) => visitor.visit_borrowed_str(text),
            None if this.view.is_mapping() => return this.visit_map(visitor),
            None => return de::Deserializer::deserialize_seq(this, visitor),
        };
        value.map_err(|error: Error| error.at(&this.view))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        match this.view.scalar() {
            Some(Scalar::Bool(value)) => visitor.visit_bool(value).map_err(|error: Error| error.at(&this.view)),
            Some(Scalar::Null) => visitor.visit_bool(false),
            _ => Err(this.wrong_type(&visitor)),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        match this.view.scalar() {
            Some(Scalar::Float(value)) => visitor.visit_f64(value),
            Some(Scalar::Int(value)) => visitor.visit_i64(value),
            Some(Scalar::Uint(value)) => visitor.visit_u64(value),
            Some(Scalar::Null) => visitor.visit_i64(0),
            _ => Err(this.wrong_type(&visitor)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        match this.view.scalar() {
            Some(Scalar::String(text)) => visitor.visit_borrowed_str(text).map_err(|error: Error| error.at(&this.view)),
            Some(Scalar::Null) => visitor.visit_str("").map_err(|error: Error| error.at(&this.view)),
            _ => Err(this.wrong_type(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        if this.view.is_null() { visitor.visit_none() } else { visitor.visit_some(this) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        if this.view.is_null() { visitor.visit_unit() } else { Err(this.wrong_type(&visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        let view = this.view;
        match (self.newtypes)(name, view.scalar()).map_err(|why| <Error as de::Error>::custom(why).at(&view))? {
            Some(text) => visitor.visit_newtype_struct(de::value::BorrowedStrDeserializer::new(text)),
            None => visitor.visit_newtype_struct(this),
        }
        .map_err(|error: Error| error.at(&view))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        if !this.view.is_sequence() && !this.view.is_null() {
            return Err(this.wrong_type(&visitor));
        }
        let items = this.view.items().collect::<Vec<_>>().into_iter();
        visitor.visit_seq(SeqAccess { parent: this, items, index: 0 }).map_err(|error| error.at(&this.view))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        if this.view.is_mapping() || this.view.is_null() {
            this.visit_map(visitor)
        } else {
            Err(this.wrong_type(&visitor))
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let this = self.resolved()?;
        match this.view.scalar() {
            Some(Scalar::String(text)) => visitor
                .visit_enum(IntoDeserializer::<Error>::into_deserializer(text))
                .map_err(|error: Error| error.at(&this.view)),
            _ => Err(this.wrong_type(&visitor)),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        expressible(self.view)?;
        visitor.visit_unit()
    }
}

/// Refuses what JSON cannot say, also where nobody reads it: the way to the API server goes through JSON.
fn expressible(view: View<'_>) -> Result<(), Error> {
    let mut stack = vec![view];
    while let Some(view) = stack.pop() {
        if let Kind::Alias(_) = view.kind() {
            continue;
        }
        if let Some(Scalar::Float(value)) = view.scalar()
            && !value.is_finite()
        {
            return Err(<Error as de::Error>::custom(format_args!("{value} is no number in JSON")).at(&view));
        }
        stack.extend(view.items());
        stack.extend(view.entries().map(|(_, value)| value));
    }
    Ok(())
}

struct MapAccess<'de, 'b> {
    parent: Deserializer<'de, 'b>,
    entries: std::vec::IntoIter<(View<'de>, View<'de>)>,
    value: Option<(View<'de>, View<'de>)>,
}

impl<'de> de::MapAccess<'de> for MapAccess<'de, '_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some((key, value));
        // JSON has only strings for keys: `1: a` reads as "1", and `yes: a` as "true".
        let name = match key.scalar() {
            Some(Scalar::String(text)) => {
                let name: de::value::BorrowedStrDeserializer<'de, Error> =
                    de::value::BorrowedStrDeserializer::new(text);
                return seed.deserialize(name).map(Some).map_err(|error| error.at(&key));
            }
            Some(Scalar::Bool(value)) => value.to_string(),
            Some(Scalar::Int(value)) => value.to_string(),
            Some(Scalar::Uint(value)) => value.to_string(),
            Some(Scalar::Float(value)) if value.is_finite() => value.to_string(),
            _ => return Err(<Error as de::Error>::custom("a key must be a string").at(&key)),
        };
        let name: de::value::StringDeserializer<Error> = name.into_deserializer();
        seed.deserialize(name).map(Some).map_err(|error| error.at(&key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, value)) = self.value.take() else {
            return Err(<Error as de::Error>::custom("a value without a key"));
        };
        seed.deserialize(self.parent.child(value)).map_err(|error| error.at(&value).under(key.scalar_text()))
    }
}

struct SeqAccess<'de, 'b> {
    parent: Deserializer<'de, 'b>,
    items: std::vec::IntoIter<View<'de>>,
    index: usize,
}

impl<'de> de::SeqAccess<'de> for SeqAccess<'de, '_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(self.parent.child(item)).map(Some).map_err(|error| error.at(&item).under(index))
    }
}
