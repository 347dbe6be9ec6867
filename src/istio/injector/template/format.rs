//! How Go prints values: `fmt`'s `%v` and `%q`.

use super::{TemplateError, Value};

/// `fmt.Sprint(value)`
pub(super) fn sprint(value: &Value<'_>) -> Result<String, TemplateError> {
    Ok(match value {
        Value::Invalid | Value::Nil => "<nil>".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => float(*number),
        Value::Str(text) => text.to_string(),
        Value::Enum(_, name) => (*name).to_owned(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(sprint).collect::<Result<_, _>>()?;
            format!("[{}]", items.join(" "))
        }
        Value::Map(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| Ok(format!("{key}:{}", sprint(value)?)))
                .collect::<Result<_, TemplateError>>()?;
            format!("map[{}]", entries.join(" "))
        }
        Value::Labels(labels) => {
            let entries: Vec<String> = labels.sorted().iter().map(|(key, value)| format!("{key}:{value}")).collect();
            format!("map[{}]", entries.join(" "))
        }
        Value::Composed(..) | Value::Struct(..) => {
            return Err(TemplateError::Unsupported(format!("a template that prints a whole {}", value.type_name())));
        }
    })
}

/// What an action shows.
pub(super) fn shown(value: &Value<'_>) -> Result<String, TemplateError> {
    match value {
        Value::Invalid | Value::Nil => Ok("<no value>".to_owned()),
        other => sprint(other),
    }
}

/// `%v` of a float64: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e21.
fn float(number: f64) -> String {
    let size = number.abs();
    if number != 0.0 && !(1e-4..1e21).contains(&size) && number.is_finite() {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        number if number.is_infinite() => if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
        number => format!("{number}"),
    }
}

/// `%q` of a string.
pub(in crate::istio::injector) fn go_quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => quoted.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `fmt.Sprintf` for the verbs that templates use.
pub(super) fn sprintf(format: &str, args: &[Value<'_>]) -> Result<String, TemplateError> {
    let mut text = String::new();
    let mut args = args.iter();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let verb = chars.next();
        if verb == Some('%') {
            text.push('%');
            continue;
        }
        match (verb, args.next()) {
            (Some('v'), Some(value)) => text.push_str(&sprint(value)?),
            (Some('s'), Some(value @ (Value::Str(_) | Value::Enum(..)))) => text.push_str(&sprint(value)?),
            (Some('d'), Some(Value::Int(number) | Value::Enum(number, _))) => text.push_str(&number.to_string()),
            (Some('t'), Some(Value::Bool(truth))) => text.push_str(&truth.to_string()),
            (Some('q'), Some(Value::Str(value))) => text.push_str(&go_quote(value)),
            _ => return Err(TemplateError::Unsupported(format!("the format {} in a template", go_quote(format)))),
        }
    }
    if args.next().is_some() {
        return Err(TemplateError::Unsupported(format!("the format {} in a template", go_quote(format))));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        let rows = [
            (15020.0, "15020"),
            (0.5, "0.5"),
            (-3.0, "-3"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-07"),
            (0.0001, "0.0001"),
            (0.0, "0"),
        ];
        for (number, text) in rows {
            assert_eq!(float(number), text);
        }
    }

    #[test]
    fn quotes_escape_as_go_does() {
        assert_eq!(go_quote("a\"b\\c\n\u{1}ü"), "\"a\\\"b\\\\c\\n\\x01ü\"");
    }
}
