//! The functions of Masterminds/sprig v3 that injection templates may reasonably use.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::functions::{Call, json_text, spaces};
use super::{TemplateError, Value, format, go_quote};

/// Calls a function of sprig, if it is one that is known here.
pub(super) fn call<'v>(call: &Call<'_, 'v>) -> Result<Option<Value<'v>>, TemplateError> {
    match of_strings(call)? {
        Some(value) => Ok(Some(value)),
        None => of_collections(call),
    }
}

fn of_strings<'v>(call: &Call<'_, 'v>) -> Result<Option<Value<'v>>, TemplateError> {
    let arity = match call.name {
        "trim" | "upper" | "lower" | "nospace" | "toString" => 1,
        "trimSuffix" | "trimPrefix" | "trimAll" | "hasPrefix" | "hasSuffix" | "trunc" | "nindent" | "repeat"
        | "join" | "splitList" => 2,
        "replace" => 3,
        _ => call.args.len(),
    };
    call.exactly(arity)?;
    Ok(Some(match call.name {
        "quote" => joined(call, go_quote)?,
        "squote" => joined(call, |text| format!("'{text}'"))?,
        "cat" => joined(call, str::to_owned)?,
        "toString" => Value::str(&format::sprint(call.arg(0))?),
        "trim" => Value::str(call.str(0)?.trim()),
        "upper" => Value::str(&call.str(0)?.to_uppercase()),
        "lower" => Value::str(&call.str(0)?.to_lowercase()),
        "nospace" => Value::str(&call.str(0)?.split_whitespace().collect::<String>()),
        "trimSuffix" => {
            let text = call.str(1)?;
            Value::str(text.strip_suffix(call.str(0)?).unwrap_or(text))
        }
        "trimPrefix" => {
            let text = call.str(1)?;
            Value::str(text.strip_prefix(call.str(0)?).unwrap_or(text))
        }
        "trimAll" => {
            let cut = call.str(0)?;
            Value::str(call.str(1)?.trim_matches(|c| cut.contains(c)))
        }
        "hasPrefix" => Value::Bool(call.str(1)?.starts_with(call.str(0)?)),
        "hasSuffix" => Value::Bool(call.str(1)?.ends_with(call.str(0)?)),
        "replace" => Value::str(&call.str(2)?.replace(call.str(0)?, call.str(1)?)),
        "trunc" => truncated(call)?,
        "nindent" => Value::str(&format!("\n{0}{1}", spaces(call.int(0)?), {
            call.str(1)?.replace('\n', &format!("\n{}", spaces(call.int(0)?)))
        })),
        "repeat" => {
            let count = usize::try_from(call.int(0)?).map_err(|_| call.failed("negative Repeat count"))?;
            let text = call.str(1)?;
            if count.saturating_mul(text.len()) > 1 << 16 {
                return Err(TemplateError::Unsupported("a long repeat in a template".to_owned()));
            }
            Value::str(&text.repeat(count))
        }
        "join" => {
            let separator = call.str(0)?;
            let texts: Vec<String> = match call.arg(1) {
                Value::List(items) => {
                    items.iter().filter(|item| !item.is_nil()).map(format::sprint).collect::<Result<_, _>>()?
                }
                Value::Invalid | Value::Nil => Vec::new(),
                other => vec![format::sprint(other)?],
            };
            Value::str(&texts.join(separator))
        }
        "splitList" => Value::List(Rc::new(call.str(1)?.split(call.str(0)?).map(Value::str).collect())),
        _ => return Ok(None),
    }))
}

fn of_collections<'v>(call: &Call<'_, 'v>) -> Result<Option<Value<'v>>, TemplateError> {
    let list = |at: usize| match call.arg(at) {
        Value::List(items) => Ok(items.as_ref().clone()),
        other => Err(call.failed(&format!("not a list: {}", other.type_name()))),
    };
    let arity = match call.name {
        "empty" | "first" | "last" | "rest" | "initial" | "reverse" | "toJson" | "fromJson" | "int" | "int64" => 1,
        "append" | "push" | "prepend" | "get" | "hasKey" | "has" => 2,
        "ternary" => 3,
        _ => call.args.len(),
    };
    call.exactly(arity)?;
    Ok(Some(match call.name {
        "default" => {
            call.at_least(1)?;
            let given = call.arg(1);
            if given.truth() { given.clone() } else { call.arg(0).clone() }
        }
        "empty" => Value::Bool(!call.arg(0).truth()),
        "coalesce" => call.args.iter().find(|value| value.truth()).cloned().unwrap_or(Value::Invalid),
        "all" => Value::Bool(call.args.iter().all(Value::truth)),
        "any" => Value::Bool(call.args.iter().any(Value::truth)),
        "ternary" => match call.arg(2) {
            Value::Bool(truth) => call.arg(usize::from(!truth)).clone(),
            other => return Err(call.failed(&format!("expected bool; got {}", other.type_name()))),
        },
        "fail" => return Err(call.failed(call.str(0)?)),
        "list" | "tuple" => Value::List(Rc::new(call.args.to_vec())),
        "append" | "push" => {
            let mut items = list(0)?;
            items.push(call.arg(1).clone());
            Value::List(Rc::new(items))
        }
        "prepend" => {
            let mut items = list(0)?;
            items.insert(0, call.arg(1).clone());
            Value::List(Rc::new(items))
        }
        "concat" => {
            let mut items = Vec::new();
            for at in 0..call.args.len() {
                items.extend(list(at)?);
            }
            Value::List(Rc::new(items))
        }
        "first" => list(0)?.first().cloned().unwrap_or(Value::Invalid),
        "last" => list(0)?.last().cloned().unwrap_or(Value::Invalid),
        "rest" => Value::List(Rc::new(list(0)?.into_iter().skip(1).collect())),
        "initial" => {
            let mut items = list(0)?;
            items.pop();
            Value::List(Rc::new(items))
        }
        "reverse" => Value::List(Rc::new(list(0)?.into_iter().rev().collect())),
        "has" => {
            let wanted = call.arg(0).to_json();
            Value::Bool(
                list(1)?.iter().any(|item| item.type_name() == call.arg(0).type_name() && item.to_json() == wanted),
            )
        }
        "dict" => {
            let mut map = BTreeMap::new();
            for at in (0..call.args.len()).step_by(2) {
                map.insert(
                    format::sprint(call.arg(at))?,
                    match call.args.get(at + 1) {
                        Some(value) => value.clone(),
                        None => Value::str(""),
                    },
                );
            }
            Value::Map(Rc::new(map))
        }
        "get" => match call.arg(0) {
            Value::Map(map) => map.get(call.str(1)?).cloned().unwrap_or_else(|| Value::str("")),
            other => return Err(call.failed(&format!("not a map[string]interface {{}}: {}", other.type_name()))),
        },
        "hasKey" => match call.arg(0) {
            Value::Map(map) => Value::Bool(map.contains_key(call.str(1)?)),
            other => return Err(call.failed(&format!("not a map[string]interface {{}}: {}", other.type_name()))),
        },
        "toJson" => match call.arg(0) {
            value if value.is_nil() => Value::str("null"),
            value => Value::str(&json_text(value)),
        },
        "fromJson" => serde_json::from_str(call.str(0)?).map_or(Value::Invalid, |json| Value::from_json(&json)),
        "int" | "int64" => match call.arg(0) {
            Value::Int(number) | Value::Enum(number, _) => Value::Int(*number),
            Value::Float(number) => Value::Int(*number as i64),
            Value::Str(text) => Value::Int(text.parse().unwrap_or_default()),
            Value::Bool(truth) => Value::Int(i64::from(*truth)),
            _ => Value::Int(0),
        },
        _ => return Ok(None),
    }))
}

/// The arguments that are not nil, each put into words, with spaces between.
fn joined<'v>(call: &Call<'_, 'v>, words: impl Fn(&str) -> String) -> Result<Value<'v>, TemplateError> {
    let mut texts = Vec::new();
    for value in call.args.iter().filter(|value| !value.is_nil()) {
        texts.push(words(&format::sprint(value)?));
    }
    Ok(Value::str(&texts.join(" ")))
}

/// `trunc n text`: the first n bytes, or the last for a negative n.
fn truncated<'v>(call: &Call<'_, 'v>) -> Result<Value<'v>, TemplateError> {
    let (count, text) = (call.int(0)?, call.str(1)?);
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= text.len() {
        return Ok(Value::str(text));
    }
    let part = if count < 0 { text.get(text.len() - size..) } else { text.get(..size) };
    part.map(Value::str).ok_or_else(|| TemplateError::Unsupported("a character cut in two in a template".to_owned()))
}
