//! The values of Go that templates see.
//!
//! Go's types matter to a template: a missing label is `""` because labels are a `map[string]string`, a missing Helm value is
//! no value at all; comparing a number with a string is an error. So the variants follow Go's types, not JSON's.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Map, Value as Json};

use super::TemplateError;
use crate::istio::injector::schema::{Field, Kind, Schema};

/// One value. What is decoded of an object's JSON is decoded when a template asks for it.
#[derive(Debug, Clone)]
pub(in crate::istio::injector) enum Value<'v> {
    /// No value at all: a missing key of a `map[string]any`, an untyped nil.
    Invalid,
    /// An interface that holds nil: an explicit `null` in a map or list.
    Nil,
    Bool(bool),
    /// All of Go's integer types.
    Int(i64),
    /// Every number of JSON and YAML.
    Float(f64),
    Str(Rc<str>),
    List(Rc<Vec<Value<'v>>>),
    /// `map[string]any`
    Map(Rc<BTreeMap<String, Value<'v>>>),
    /// `map[string]string`
    Labels(Labels<'v>),
    /// A struct that is put together from values: Go's type and the fields.
    Composed(&'static str, Rc<BTreeMap<&'static str, Value<'v>>>),
    /// A struct, or a pointer to one, that is decoded; nothing is a nil pointer.
    Struct(&'static Schema, Option<&'v Json>),
    /// A protobuf enum with its name.
    Enum(i64, &'static str),
}

/// A `map[string]string`.
#[derive(Debug, Clone)]
pub(in crate::istio::injector) enum Labels<'v> {
    /// Of an object.
    Decoded(Option<&'v Map<String, Json>>),
    /// By a function.
    Made(Rc<BTreeMap<String, String>>),
}

impl Labels<'_> {
    pub(super) fn made(labels: BTreeMap<String, String>) -> Self {
        Self::Made(Rc::new(labels))
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Decoded(members) => members.map_or(0, Map::len),
            Self::Made(labels) => labels.len(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Decoded(members) => members.and_then(|members| members.get(key)).map(text),
            Self::Made(labels) => labels.get(key).map(|value| value.as_str().into()),
        }
    }

    /// The entries in the order of their keys, as Go goes over a map in a template.
    pub(super) fn sorted(&self) -> BTreeMap<String, String> {
        match self {
            Self::Decoded(members) => {
                let members = members.iter().copied().flatten();
                members.map(|(key, value)| (key.clone(), text(value).into_owned())).collect()
            }
            Self::Made(labels) => labels.as_ref().clone(),
        }
    }
}

fn text(value: &Json) -> Cow<'_, str> {
    value.as_str().map_or_else(|| value.to_string().into(), Cow::Borrowed)
}

impl<'v> Value<'v> {
    /// A string.
    pub(in crate::istio::injector) fn str(text: &str) -> Self {
        Self::Str(Rc::from(text))
    }

    /// A struct that is put together from values rather than decoded.
    pub(in crate::istio::injector) fn composed<const N: usize>(
        name: &'static str,
        fields: [(&'static str, Value<'v>); N],
    ) -> Self {
        Self::Composed(name, Rc::new(BTreeMap::from(fields)))
    }

    /// What `map[string]any` holds after decoding YAML or JSON: numbers are floats.
    pub(in crate::istio::injector) fn from_json(json: &Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(truth) => Self::Bool(*truth),
            Json::Number(number) => Self::Float(number.as_f64().unwrap_or_default()),
            Json::String(text) => Self::str(text),
            Json::Array(items) => Self::List(Rc::new(items.iter().map(Self::from_json).collect())),
            Json::Object(members) => {
                Self::Map(Rc::new(members.iter().map(|(key, value)| (key.clone(), Self::from_json(value))).collect()))
            }
        }
    }

    /// The value as JSON; structs give the object that they were made of.
    pub(super) fn to_json(&self) -> Json {
        match self {
            Self::Invalid | Self::Nil => Json::Null,
            Self::Bool(truth) => Json::Bool(*truth),
            Self::Int(number) => Json::from(*number),
            // A whole number stays one: YAML's reader would take `1.0` for a float.
            Self::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Json::from(*number as i64),
            Self::Float(number) => Json::from(*number),
            Self::Str(text) => Json::String(text.to_string()),
            Self::List(items) => Json::Array(items.iter().map(Self::to_json).collect()),
            Self::Map(map) => map.iter().map(|(key, value)| (key.clone(), value.to_json())).collect(),
            Self::Labels(labels) => {
                labels.sorted().into_iter().map(|(key, value)| (key, Json::String(value))).collect()
            }
            Self::Composed(..) => Json::Null,
            Self::Struct(_, json) => json.cloned().unwrap_or_default(),
            Self::Enum(_, name) => Json::String((*name).to_owned()),
        }
    }

    /// Nil or nothing.
    pub(super) fn is_nil(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => true,
            Self::Struct(_, json) => json.is_none(),
            _ => false,
        }
    }

    /// What `if` makes of it.
    pub(super) fn truth(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) | Self::Enum(number, _) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Str(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Labels(labels) => labels.len() > 0,
            Self::Composed(..) => true,
            Self::Struct(_, json) => json.is_some(),
        }
    }

    /// Go's name for the type.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Invalid => "nil",
            Self::Nil => "interface {}",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Str(_) => "string",
            Self::List(_) => "[]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::Labels(_) => "map[string]string",
            Self::Composed(name, _) => name,
            Self::Struct(schema, _) => schema.name,
            Self::Enum(..) => "int32",
        }
    }

    /// `value.name`: an entry of a map, a field or a getter of a struct.
    pub(super) fn field(&self, name: &str) -> Result<Self, TemplateError> {
        let cannot = || TemplateError::Failed(format!("can't evaluate field {name} in type {}", self.type_name()));
        let unknown = || unknown_field(self.type_name(), name);
        match self {
            Self::Invalid => Ok(Self::Invalid),
            Self::Nil => Err(TemplateError::Failed(format!("nil pointer evaluating interface {{}}.{name}"))),
            Self::Map(map) => Ok(map.get(name).cloned().unwrap_or(Self::Invalid)),
            Self::Labels(labels) => Ok(labels.get(name).map_or(Self::Invalid, |value| Self::str(&value))),
            Self::Enum(_, text) if name == "String" => Ok(Self::str(text)),
            Self::Composed(_, fields) => fields.get(name).cloned().ok_or_else(unknown),
            Self::Struct(schema, json) => schema.field(*json, name),
            _ => Err(cannot()),
        }
    }
}

fn unknown_field(of: &str, name: &str) -> TemplateError {
    TemplateError::Unsupported(format!("the field {name} of {of}"))
}

impl Kind {
    /// The Go value of a field of this kind; `None` is the zero value.
    pub(in crate::istio::injector) fn value<'v>(&self, json: Option<&'v Json>) -> Value<'v> {
        let json = json.filter(|json| !json.is_null());
        match self {
            Self::Str => Value::str(json.and_then(Json::as_str).unwrap_or_default()),
            Self::Int => Value::Int(json.and_then(integer).unwrap_or_default()),
            Self::Bool => Value::Bool(json.and_then(Json::as_bool).unwrap_or_default()),
            Self::Strings => {
                let items = json.and_then(Json::as_array).into_iter().flatten();
                Value::List(Rc::new(items.map(|item| Value::str(item.as_str().unwrap_or_default())).collect()))
            }
            Self::Labels => Value::Labels(Labels::Decoded(json.and_then(Json::as_object))),
            Self::Enum(names) => {
                let number = json.and_then(|json| match json {
                    Json::String(name) => names.iter().position(|known| known == name),
                    other => integer(other).and_then(|number| usize::try_from(number).ok()),
                });
                let number = number.filter(|number| *number < names.len()).unwrap_or_default();
                Value::Enum(number as i64, names.get(number).copied().unwrap_or_default())
            }
            Self::List(schema) => {
                let items = json.and_then(Json::as_array).into_iter().flatten();
                Value::List(Rc::new(items.map(|item| schema.value(Some(item))).collect()))
            }
            Self::Pointer(schema) => schema.value(json),
        }
    }
}

impl Schema {
    /// The Go value of an object; `None` is a nil pointer.
    pub(in crate::istio::injector) fn value<'v>(&'static self, json: Option<&'v Json>) -> Value<'v> {
        Value::Struct(self, json)
    }

    /// A field of an object, or what its getter gives.
    fn field<'v>(&self, object: Option<&'v Json>, name: &str) -> Result<Value<'v>, TemplateError> {
        let of_name = |wanted: &str| self.fields.iter().find(|field| field.go == wanted);
        let value = |field: &Field| {
            // The wrapper types of protobuf stand as their plain value in JSON.
            let json = object.and_then(|json| if self.wrapper { Some(json) } else { self.member(json, field.json) });
            field.kind.value(json)
        };
        if let Some(field) = of_name(name).filter(|_| object.is_some()) {
            return Ok(value(field));
        }
        // Getters of protobuf messages work on nil pointers too.
        if let Some(field) = name.strip_prefix("Get").filter(|_| self.message).and_then(of_name) {
            return Ok(value(field));
        }
        if object.is_none() {
            return Err(TemplateError::Failed(format!("nil pointer evaluating *{}.{name}", self.name)));
        }
        Err(unknown_field(self.name, name))
    }
}

fn integer(json: &Json) -> Option<i64> {
    match json {
        Json::String(text) => text.parse().ok(),
        _ => json.as_i64().or_else(|| json.as_f64().map(|number| number as i64)),
    }
}
