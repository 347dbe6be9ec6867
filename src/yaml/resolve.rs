//! What Kubernetes reads in a plain scalar.
//!
//! kubectl, kustomize and the API server's YAML decoder go through `sigs.k8s.io/yaml`, whose reader is go-yaml v2
//! (`goyaml.v2/resolve.go` at v1.6.0): YAML 1.1 booleans, octal `0120`, `1_000`, and integral floats that are
//! integers once they are JSON.

/// A scalar's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar<'t> {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, `yes`, `on`, …
    Bool(bool),
    /// An integer that fits into 64 bits.
    Int(i64),
    /// A positive integer that fits only without a sign.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// Everything else.
    String(&'t str),
}

impl Scalar<'_> {
    /// The word for messages: what kind of value this is.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Uint(_) => "an integer",
            Self::Float(_) => "a number",
            Self::String(_) => "a string",
        }
    }
}

/// Reads the text of a plain scalar without a tag.
#[must_use]
pub fn resolve(text: &str) -> Scalar<'_> {
    let Some(first) = text.bytes().next() else { return Scalar::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number(text).unwrap_or(Scalar::String(text)),
        _ => word(text).unwrap_or(Scalar::String(text)),
    }
}

fn word(text: &str) -> Option<Scalar<'static>> {
    // `false` is the longest of them.
    if text.len() > 5 {
        return None;
    }
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Scalar::Bool(false),
        _ => return None,
    })
}

fn number(text: &str) -> Option<Scalar<'static>> {
    match text {
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    if text.starts_with('.') {
        return float(text);
    }
    let digits: String = text.chars().filter(|character| *character != '_').collect();
    integer(&digits).or_else(|| float(&digits))
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: the base is in the prefix.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = lower.strip_prefix("0o") {
        (8, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, lower.as_str())
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    let magnitude = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0i64.checked_sub_unsigned(magnitude).map(Scalar::Int);
    }
    Some(i64::try_from(magnitude).map_or(Scalar::Uint(magnitude), Scalar::Int))
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`; an integral value is an integer, since it is one in JSON.
fn float(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_is_right = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && all_digits(fraction),
        Some((whole, fraction)) => all_digits(whole) && all_digits(fraction),
        None => !mantissa.is_empty() && all_digits(mantissa),
    };
    let exponent_is_right = exponent.is_none_or(|exponent| {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !digits.is_empty() && all_digits(digits)
    });
    if !mantissa_is_right || !exponent_is_right {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    // Go's JSON encoder writes floats below 1e21 without an exponent: an integral one reads back as an integer.
    if value.fract() == 0.0 && value.abs() < 9.0e18 {
        return Some(Scalar::Int(value as i64));
    }
    Some(Scalar::Float(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_read_as_in_yaml_1_1() {
        let rows: &[(&str, Scalar<'_>)] = &[
            ("yes", Scalar::Bool(true)),
            ("On", Scalar::Bool(true)),
            ("n", Scalar::Bool(false)),
            ("yEs", Scalar::String("yEs")),
            ("~", Scalar::Null),
            ("", Scalar::Null),
            ("Null", Scalar::Null),
            ("nULL", Scalar::String("nULL")),
            ("0120", Scalar::Int(80)),
            ("0x50", Scalar::Int(80)),
            ("0o17", Scalar::Int(15)),
            ("0b11", Scalar::Int(3)),
            ("-0x1F", Scalar::Int(-31)),
            ("1_000", Scalar::Int(1000)),
            ("+5", Scalar::Int(5)),
            ("0", Scalar::Int(0)),
            ("0.0", Scalar::Int(0)),
            ("0e0", Scalar::Int(0)),
            ("8080.0", Scalar::Int(8080)),
            ("1e3", Scalar::Int(1000)),
            ("1.5", Scalar::Float(1.5)),
            (".5", Scalar::Float(0.5)),
            ("9223372036854775807", Scalar::Int(i64::MAX)),
            ("9223372036854775808", Scalar::Uint(9_223_372_036_854_775_808)),
            ("-9223372036854775808", Scalar::Int(i64::MIN)),
            (".inf", Scalar::Float(f64::INFINITY)),
            ("1:30", Scalar::String("1:30")),
            ("2001-01-01", Scalar::String("2001-01-01")),
            ("1.2.3", Scalar::String("1.2.3")),
            ("089", Scalar::Int(89)),
            ("-", Scalar::String("-")),
            ("0x", Scalar::String("0x")),
            ("restricted", Scalar::String("restricted")),
        ];
        for (text, expected) in rows {
            assert_eq!(resolve(text), *expected, "{text:?}");
        }
    }
}
