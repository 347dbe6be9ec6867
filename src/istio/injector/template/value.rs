//! The values of Go that templates see.
//!
//! Go's types matter to a template: a missing label is `""` because labels are a `map[string]string`, a missing Helm value is
//! no value at all; comparing a number with a string is an error. So the variants follow Go's types, not JSON's.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::TemplateError;
use crate::istio::injector::schema::{Kind, Schema};

/// One value.
#[derive(Debug, Clone)]
pub(in crate::istio::injector) enum Value {
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
    List(Rc<Vec<Value>>),
    /// `map[string]any`
    Map(Rc<BTreeMap<String, Value>>),
    /// `map[string]string`
    Labels(Rc<BTreeMap<String, String>>),
    Struct(Rc<GoStruct>),
    /// A protobuf enum with its name.
    Enum(i64, &'static str),
}

/// A struct, or a pointer to one, of Go.
#[derive(Debug)]
pub(in crate::istio::injector) struct GoStruct {
    /// The Go type, for messages.
    pub(in crate::istio::injector) name: &'static str,
    /// Absent for a struct that is put together from values.
    pub(in crate::istio::injector) schema: Option<&'static Schema>,
    /// False for a nil pointer.
    pub(in crate::istio::injector) set: bool,
    pub(in crate::istio::injector) fields: BTreeMap<&'static str, Value>,
    /// The object as JSON, for `structToJSON` and `protoToJSON`.
    pub(in crate::istio::injector) json: Json,
}

impl Value {
    /// A string.
    pub(in crate::istio::injector) fn str(text: &str) -> Self {
        Self::Str(Rc::from(text))
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
            Self::Labels(map) => map.iter().map(|(key, value)| (key.clone(), Json::String(value.clone()))).collect(),
            Self::Struct(object) => object.json.clone(),
            Self::Enum(_, name) => Json::String((*name).to_owned()),
        }
    }

    /// Nil or nothing.
    pub(super) fn is_nil(&self) -> bool {
        match self {
            Self::Invalid | Self::Nil => true,
            Self::Struct(object) => !object.set,
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
            Self::Labels(map) => !map.is_empty(),
            Self::Struct(object) => object.set,
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
            Self::Struct(object) => object.name,
            Self::Enum(..) => "int32",
        }
    }

    /// `value.name`: an entry of a map, a field or a getter of a struct.
    pub(super) fn field(&self, name: &str) -> Result<Self, TemplateError> {
        let cannot = || TemplateError::Failed(format!("can't evaluate field {name} in type {}", self.type_name()));
        match self {
            Self::Invalid => Ok(Self::Invalid),
            Self::Nil => Err(TemplateError::Failed(format!("nil pointer evaluating interface {{}}.{name}"))),
            Self::Map(map) => Ok(map.get(name).cloned().unwrap_or(Self::Invalid)),
            Self::Labels(map) => Ok(map.get(name).map_or(Self::Invalid, |value| Self::str(value))),
            Self::Enum(_, text) if name == "String" => Ok(Self::str(text)),
            Self::Struct(object) => object.field(name),
            _ => Err(cannot()),
        }
    }
}

impl GoStruct {
    /// A struct that is put together from values rather than decoded.
    pub(in crate::istio::injector) fn of(name: &'static str, fields: Vec<(&'static str, Value)>) -> Value {
        Value::Struct(Rc::new(Self {
            name,
            schema: None,
            set: true,
            fields: fields.into_iter().collect(),
            json: Json::Null,
        }))
    }

    fn field(&self, name: &str) -> Result<Value, TemplateError> {
        if let Some(value) = self.fields.get(name) {
            return Ok(value.clone());
        }
        // Getters of protobuf messages work on nil pointers too.
        let field = self.schema.and_then(|schema| {
            let getter = name.strip_prefix("Get").filter(|_| schema.message);
            getter.and_then(|wanted| schema.fields.iter().find(|field| field.go == wanted))
        });
        if let Some(field) = field {
            let value = self.fields.get(field.go).cloned();
            return Ok(value.unwrap_or_else(|| field.kind.value(None)));
        }
        if !self.set {
            return Err(TemplateError::Failed(format!("nil pointer evaluating *{}.{name}", self.name)));
        }
        Err(TemplateError::Unsupported(format!("the field {name} of {}", self.name)))
    }
}

impl Kind {
    /// The Go value of a field of this kind; `None` is the zero value.
    pub(in crate::istio::injector) fn value(&self, json: Option<&Json>) -> Value {
        let json = json.filter(|json| !json.is_null());
        match self {
            Self::Str => Value::str(json.and_then(Json::as_str).unwrap_or_default()),
            Self::Int => Value::Int(json.and_then(integer).unwrap_or_default()),
            Self::Bool => Value::Bool(json.and_then(Json::as_bool).unwrap_or_default()),
            Self::Strings => {
                let items = json.and_then(Json::as_array).into_iter().flatten();
                Value::List(Rc::new(items.map(|item| Value::str(item.as_str().unwrap_or_default())).collect()))
            }
            Self::Labels => {
                let members = json.and_then(Json::as_object).into_iter().flatten();
                let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Value::Labels(Rc::new(members.map(|(key, value)| (key.clone(), text(value))).collect()))
            }
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
    pub(in crate::istio::injector) fn value(&'static self, json: Option<&Json>) -> Value {
        let fields = match json {
            None => BTreeMap::new(),
            // The wrapper types of protobuf stand as their plain value in JSON.
            Some(json) if self.wrapper => {
                self.fields.iter().map(|field| (field.go, field.kind.value(Some(json)))).collect()
            }
            Some(json) => {
                self.fields.iter().map(|field| (field.go, field.kind.value(self.member(json, field.json)))).collect()
            }
        };
        let object = GoStruct {
            name: self.name,
            schema: Some(self),
            set: json.is_some(),
            fields,
            json: json.cloned().unwrap_or_default(),
        };
        Value::Struct(Rc::new(object))
    }
}

fn integer(json: &Json) -> Option<i64> {
    match json {
        Json::String(text) => text.parse().ok(),
        _ => json.as_i64().or_else(|| json.as_f64().map(|number| number as i64)),
    }
}
