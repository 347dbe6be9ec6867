//! Functions of templates: Go's own and Istio's (`pkg/kube/inject/template.go`); sprig's are in [`sprig`].

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value as Json;

use super::value::Labels;
use super::{Environment, TemplateError, Value, format, sprig};

/// Calls the function `name`. Istio's functions hide sprig's of the same name; none of them hides one of Go's.
pub(super) fn call<'v>(
    name: &str,
    args: &[Value<'v>],
    environment: &Environment<'_>,
) -> Result<Value<'v>, TemplateError> {
    let call = Call { name, args };
    if let Some(value) = builtin(&call)? {
        return Ok(value);
    }
    match istio(&call, environment).transpose().or_else(|| sprig::call(&call).transpose()) {
        Some(result) => result,
        None => Err(TemplateError::Unsupported(format!("the function {name} in a template"))),
    }
}

/// A call under evaluation: the function's name, for messages, and its arguments.
pub(super) struct Call<'a, 'v> {
    pub(super) name: &'a str,
    pub(super) args: &'a [Value<'v>],
}

impl<'a, 'v> Call<'a, 'v> {
    pub(super) fn failed(&self, why: &str) -> TemplateError {
        TemplateError::Failed(format!("error calling {}: {why}", self.name))
    }

    /// Exactly `count` arguments.
    pub(super) fn exactly(&self, count: usize) -> Result<(), TemplateError> {
        if self.args.len() == count { Ok(()) } else { Err(self.count(&format!("want {count}"))) }
    }

    /// At least `count` arguments.
    pub(super) fn at_least(&self, count: usize) -> Result<(), TemplateError> {
        if self.args.len() >= count { Ok(()) } else { Err(self.count(&format!("want at least {count}"))) }
    }

    fn count(&self, wanted: &str) -> TemplateError {
        TemplateError::Failed(format!("wrong number of args for {}: {wanted} got {}", self.name, self.args.len()))
    }

    /// An argument; beyond the last one there is no value.
    pub(super) fn arg(&self, at: usize) -> &'a Value<'v> {
        self.args.get(at).unwrap_or(&Value::Invalid)
    }

    /// An argument of type string.
    pub(super) fn str(&self, at: usize) -> Result<&'a str, TemplateError> {
        match self.arg(at) {
            Value::Str(text) => Ok(text),
            other => Err(self.wrong("string", other)),
        }
    }

    /// An argument of type int.
    pub(super) fn int(&self, at: usize) -> Result<i64, TemplateError> {
        match self.arg(at) {
            Value::Int(number) => Ok(*number),
            other => Err(self.wrong("int", other)),
        }
    }

    /// An argument of type `map[string]string`; nil is an empty one.
    pub(super) fn labels(&self, at: usize) -> Result<BTreeMap<String, String>, TemplateError> {
        match self.arg(at) {
            Value::Labels(labels) => Ok(labels.sorted()),
            Value::Invalid => Ok(BTreeMap::new()),
            other => Err(self.wrong("map[string]string", other)),
        }
    }

    fn wrong(&self, wanted: &str, got: &Value<'_>) -> TemplateError {
        TemplateError::Failed(format!("wrong type for value; expected {wanted}; got {}", got.type_name()))
    }

    fn list_of_structs(&self, at: usize) -> Result<&'a [Value<'v>], TemplateError> {
        match self.arg(at) {
            Value::List(items) => Ok(items),
            Value::Invalid => Ok(&[]),
            other => Err(self.wrong("[]v1.Container", other)),
        }
    }
}

/// The functions that Istio adds.
fn istio<'v>(call: &Call<'_, 'v>, environment: &Environment<'_>) -> Result<Option<Value<'v>>, TemplateError> {
    let arity = match call.name {
        "isset" | "excludeInboundPort" | "valueOrDefault" | "indent" | "contains" | "appendMultusNetwork" | "env" => 2,
        "annotation" => 3,
        "includeInboundPorts"
        | "applicationPorts"
        | "kubevirtInterfaces"
        | "excludeInterfaces"
        | "toJSON"
        | "fromJSON"
        | "structToJSON"
        | "protoToJSON"
        | "toYaml"
        | "directory"
        | "toLower"
        | "omitNil" => 1,
        "otelResourceAttributes" => 5,
        _ => call.args.len(),
    };
    call.exactly(arity)?;
    Ok(Some(match call.name {
        "isset" => Value::Bool(call.labels(0)?.contains_key(call.str(1)?)),
        "annotation" => annotation(call)?,
        "excludeInboundPort" => Value::str(&exclude_inbound_port(&format::sprint(call.arg(0))?, call.str(1)?)),
        "includeInboundPorts" => Value::str(&container_ports(call, |_| true)?),
        "applicationPorts" => Value::str(&container_ports(call, |name| name != "istio-proxy")?),
        "kubevirtInterfaces" | "excludeInterfaces" => Value::str(call.str(0)?),
        "valueOrDefault" => match call.arg(0) {
            Value::Invalid | Value::Nil => call.arg(1).clone(),
            Value::Str(text) if text.is_empty() => call.arg(1).clone(),
            value => value.clone(),
        },
        "toJSON" => {
            call.labels(0)?;
            Value::str(&json_text(call.arg(0)))
        }
        "structToJSON" | "protoToJSON" => Value::str(&json_text(call.arg(0))),
        "fromJSON" => match serde_json::from_str::<Json>(call.str(0)?) {
            Ok(json) => Value::from_json(&json),
            // Istio logs the error and goes on with this text.
            Err(_) => Value::str("{}"),
        },
        "toYaml" => Value::str(&to_yaml(call.arg(0))?),
        "indent" => Value::str(&call.str(1)?.replace('\n', &format!("\n{}", spaces(call.int(0)?)))),
        "directory" => {
            Value::str(call.str(0)?.rsplit_once('/').map_or(String::new(), |(path, _)| format!("{path}/")).as_str())
        }
        "contains" => Value::Bool(call.str(1)?.contains(call.str(0)?)),
        "toLower" => Value::str(&call.str(0)?.to_lowercase()),
        "appendMultusNetwork" => append_multus_network(call.str(0)?, call.str(1)?)?,
        "env" => {
            let (key, default) = (call.str(0)?, call.str(1)?);
            match environment.variables.get(key) {
                Some(Some(value)) if !value.is_empty() => Value::str(value),
                Some(None) => {
                    return Err(TemplateError::Unsupported(format!(
                        "istiod's variable {key}, whose value is elsewhere"
                    )));
                }
                _ => Value::str(default),
            }
        }
        "omit" => {
            let mut labels = call.labels(0)?;
            for at in 1..call.args.len() {
                labels.remove(call.str(at)?);
            }
            Value::Labels(Labels::made(labels))
        }
        "strdict" => {
            let mut labels = BTreeMap::new();
            for at in (0..call.args.len()).step_by(2) {
                let value = if at + 1 < call.args.len() { call.str(at + 1)? } else { "" };
                labels.insert(call.str(at)?.to_owned(), value.to_owned());
            }
            Value::Labels(Labels::made(labels))
        }
        "mergeMaps" | "toJsonMap" => {
            let mut labels = BTreeMap::new();
            for at in 0..call.args.len() {
                labels.extend(call.labels(at)?);
            }
            let merged = Value::Labels(Labels::made(labels));
            if call.name == "mergeMaps" { merged } else { Value::str(&json_text(&merged)) }
        }
        "omitNil" => omit_nil(call.arg(0)),
        // Attributes for an environment variable, only with an OpenTelemetry provider: of no weight for Pod Security.
        "otelResourceAttributes" => Value::str(""),
        _ => return Ok(None),
    }))
}

/// The annotation of the object, or the default as text.
fn annotation<'v>(call: &Call<'_, 'v>) -> Result<Value<'v>, TemplateError> {
    let Value::Labels(annotations) = call.arg(0).field("Annotations")? else {
        return Err(call.wrong("v1.ObjectMeta", call.arg(0)));
    };
    match annotations.get(call.str(1)?) {
        Some(value) => Ok(Value::str(&value)),
        None => format::sprint(call.arg(2)).map(|text| Value::str(&text)),
    }
}

fn exclude_inbound_port(port: &str, excluded: &str) -> String {
    let port = port.trim();
    if port.is_empty() || port == "0" || excluded.split(',').any(|known| known == port) {
        return excluded.to_owned();
    }
    let mut ports: Vec<&str> = excluded.split(',').map(str::trim).filter(|known| !known.is_empty()).collect();
    ports.push(port);
    ports.join(",")
}

/// The TCP ports of the containers that are wanted, joined by commas.
fn container_ports(call: &Call<'_, '_>, wanted: impl Fn(&str) -> bool) -> Result<String, TemplateError> {
    let mut numbers = Vec::new();
    for container in call.list_of_structs(0)? {
        let name = format::sprint(&container.field("Name")?)?;
        let Value::List(ports) = container.field("Ports")? else { continue };
        for port in ports.iter().filter(|_| wanted(&name)) {
            let protocol = format::sprint(&port.field("Protocol")?)?;
            if protocol != "UDP" && protocol != "SCTP" {
                numbers.push(format::sprint(&port.field("ContainerPort")?)?);
            }
        }
    }
    Ok(numbers.join(","))
}

pub(super) fn json_text(value: &Value<'_>) -> String {
    let json = value.to_json();
    if json.is_null() { "{}".to_owned() } else { json.to_string() }
}

pub(super) fn to_yaml(value: &Value<'_>) -> Result<String, TemplateError> {
    let text = serde_yaml::to_string(&value.to_json());
    text.map_err(|error| TemplateError::Unsupported(format!("a value that is no YAML in a template: {error}")))
}

pub(super) fn spaces(count: i64) -> String {
    " ".repeat(usize::try_from(count).unwrap_or_default().min(1000))
}

/// Istio's own network joins those of the annotation, in either of its two forms.
fn append_multus_network<'v>(existing: &str, network: &str) -> Result<Value<'v>, TemplateError> {
    if existing.is_empty() {
        return Ok(Value::str(network));
    }
    // The value ends in an annotation that Pod Security does not read; what is left to see is that it stays as valid.
    if existing.contains(']') {
        return Ok(Value::str(existing));
    }
    if existing.split(',').any(|known| known.trim() == network) {
        return Ok(Value::str(existing));
    }
    Ok(Value::str(&format!("{existing}, {network}")))
}

/// The value without the nils in it; what becomes empty by that is nil too.
fn omit_nil<'v>(value: &Value<'v>) -> Value<'v> {
    let kept = |value: &Value<'v>| Some(omit_nil(value)).filter(|value| !value.is_nil());
    match value {
        Value::Map(map) => {
            let left: BTreeMap<String, Value<'v>> =
                map.iter().filter_map(|(key, value)| Some((key.clone(), kept(value)?))).collect();
            if left.is_empty() && !map.is_empty() { Value::Invalid } else { Value::Map(Rc::new(left)) }
        }
        Value::List(items) => {
            let left: Vec<Value<'v>> = items.iter().filter_map(kept).collect();
            if left.is_empty() && !items.is_empty() { Value::Invalid } else { Value::List(Rc::new(left)) }
        }
        other => other.clone(),
    }
}

/// Go's own functions; `and` and `or` are evaluated where their operands are.
fn builtin<'v>(call: &Call<'_, 'v>) -> Result<Option<Value<'v>>, TemplateError> {
    Ok(Some(match call.name {
        "not" => {
            call.exactly(1)?;
            Value::Bool(!call.arg(0).truth())
        }
        "eq" => {
            call.at_least(2)?;
            let mut equals = false;
            for other in &call.args[1..] {
                equals = equal(call, call.arg(0), other)?;
                if equals {
                    break;
                }
            }
            Value::Bool(equals)
        }
        "ne" => {
            call.exactly(2)?;
            Value::Bool(!equal(call, call.arg(0), call.arg(1))?)
        }
        "lt" => Value::Bool(ordered(call)? == Ordering::Less),
        "le" => Value::Bool(ordered(call)? != Ordering::Greater),
        "gt" => Value::Bool(ordered(call)? == Ordering::Greater),
        "ge" => Value::Bool(ordered(call)? != Ordering::Less),
        "len" => {
            call.exactly(1)?;
            Value::Int(length(call, call.arg(0))?)
        }
        "index" => {
            call.at_least(1)?;
            let indexes = call.args.get(1..).unwrap_or_default();
            indexes.iter().try_fold(call.arg(0).clone(), |item, index| index_of(call, &item, index))?
        }
        "print" if call.args.len() == 1 => Value::str(&format::sprint(call.arg(0))?),
        "printf" => {
            call.at_least(1)?;
            Value::str(&format::sprintf(call.str(0)?, &call.args[1..])?)
        }
        _ => return Ok(None),
    }))
}

/// `eq`: of one kind, or one of them nil.
fn equal(call: &Call<'_, '_>, one: &Value<'_>, other: &Value<'_>) -> Result<bool, TemplateError> {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Int(one) | Value::Enum(one, _), Value::Int(other) | Value::Enum(other, _)) => Ok(one == other),
        (Value::Float(one), Value::Float(other)) => Ok(one == other),
        (Value::Str(one), Value::Str(other)) => Ok(one == other),
        (Value::Invalid | Value::Nil, _) | (_, Value::Invalid | Value::Nil) => Ok(one.is_nil() && other.is_nil()),
        (Value::List(_) | Value::Map(_) | Value::Labels(_), Value::List(_) | Value::Map(_) | Value::Labels(_)) => {
            Err(call.failed("non-comparable types"))
        }
        (Value::Struct(..) | Value::Composed(..), Value::Struct(..) | Value::Composed(..)) => {
            Err(TemplateError::Unsupported("comparing structs in a template".to_owned()))
        }
        _ => Err(call.failed("incompatible types for comparison")),
    }
}

fn ordered(call: &Call<'_, '_>) -> Result<Ordering, TemplateError> {
    call.exactly(2)?;
    match (call.arg(0), call.arg(1)) {
        (Value::Int(one), Value::Int(other)) => Ok(one.cmp(other)),
        (Value::Float(one), Value::Float(other)) => {
            one.partial_cmp(other).ok_or_else(|| TemplateError::Unsupported("comparing NaN in a template".to_owned()))
        }
        (Value::Str(one), Value::Str(other)) => Ok(one.cmp(other)),
        _ => Err(call.failed("incompatible types for comparison")),
    }
}

fn length(call: &Call<'_, '_>, value: &Value<'_>) -> Result<i64, TemplateError> {
    let length = match value {
        Value::Str(text) => text.len(),
        Value::List(items) => items.len(),
        Value::Map(map) => map.len(),
        Value::Labels(labels) => labels.len(),
        other => return Err(call.failed(&format!("len of type {}", other.type_name()))),
    };
    Ok(length as i64)
}

fn index_of<'v>(call: &Call<'_, '_>, item: &Value<'v>, index: &Value<'_>) -> Result<Value<'v>, TemplateError> {
    match (item, index) {
        (Value::List(items), Value::Int(at)) => {
            let found = usize::try_from(*at).ok().and_then(|at| items.get(at));
            found.cloned().ok_or_else(|| call.failed("index out of range"))
        }
        (Value::Map(map), Value::Str(key)) => Ok(map.get(key.as_ref()).cloned().unwrap_or(Value::Nil)),
        (Value::Labels(labels), Value::Str(key)) => Ok(Value::str(&labels.get(key).unwrap_or_default())),
        (Value::Invalid | Value::Nil, _) => Err(call.failed("index of untyped nil")),
        (Value::Str(_), _) => Err(TemplateError::Unsupported("an index into a string in a template".to_owned())),
        (item, index) => Err(call.failed(&format!("can't index {} with {}", item.type_name(), index.type_name()))),
    }
}
