//! Kubernetes' own rules for quantities and times, which serde's types take as any text.
//!
//! Source: `ParseQuantity` and `Quantity.UnmarshalJSON` in `pkg/api/resource/{quantity,suffix}.go`, `Time.UnmarshalJSON`
//! in `pkg/apis/meta/v1/time.go` of k8s.io/apimachinery v0.37, and Go's `time.Parse`.

use crate::yaml::de::Newtypes;
use crate::yaml::resolve::Scalar;

/// The rules, by the names of k8s-openapi's newtypes.
pub(super) const NEWTYPES: Newtypes = |name, scalar| match name {
    "Quantity" => quantity(scalar),
    "Time" | "MicroTime" => time(scalar).map(|()| None),
    _ => Ok(None),
};

fn quantity(scalar: Option<Scalar<'_>>) -> Result<Option<&'static str>, String> {
    match scalar {
        Some(Scalar::Null) => Ok(Some("0")),
        Some(Scalar::Int(_) | Scalar::Uint(_)) => Ok(None),
        Some(Scalar::Float(value)) if value.is_finite() => Ok(None),
        Some(Scalar::String(text)) if is_quantity(text.trim()) => Ok(None),
        Some(Scalar::String(text)) => Err(format!("must be a quantity such as 500m or 1Gi, not \"{text}\"")),
        other => Err(format!("must be a quantity such as 500m or 1Gi, not {}", described(other))),
    }
}

fn described(scalar: Option<Scalar<'_>>) -> &'static str {
    scalar.map_or("a mapping or a sequence", |scalar| scalar.type_name())
}

/// A sign, digits with at most one point, and a suffix; upstream takes `+` and `.` alone for zero.
fn is_quantity(text: &str) -> bool {
    if text.is_empty() {
        return false;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let after_whole = unsigned.trim_start_matches(|character: char| character.is_ascii_digit());
    let suffix = match after_whole.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|character: char| character.is_ascii_digit()),
        None => after_whole,
    };
    match suffix {
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => true,
        _ => suffix.strip_prefix(['e', 'E']).is_some_and(|exponent| exponent.parse::<i64>().is_ok()),
    }
}

fn time(scalar: Option<Scalar<'_>>) -> Result<(), String> {
    match scalar {
        Some(Scalar::String(text)) if is_time(text) => Ok(()),
        Some(Scalar::String(text)) => Err(format!("must be a time such as 2026-01-31T12:00:00Z, not \"{text}\"")),
        other => Err(format!("must be a time such as 2026-01-31T12:00:00Z, not {}", described(other))),
    }
}

/// The shape of RFC 3339; whether there is such a day is for the type itself to say.
fn is_time(text: &str) -> bool {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let Some((date, zone)) = text.as_bytes().split_at_checked(SHAPE.len()) else { return false };
    let fits = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text
                .iter()
                .zip(shape)
                .all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
    };
    let zone = match zone {
        [b'.' | b',', rest @ ..] => {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return false;
            }
            &rest[digits..]
        }
        zone => zone,
    };
    // Leap seconds are none of Go's.
    fits(date, SHAPE)
        && &date[17..] < b"60".as_slice()
        && (zone == b"Z" || fits(zone, b"+00:00") || fits(zone, b"-00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_parse_as_upstream_parses_them() {
        for text in [
            "0", "1", "-1", "+1.5", "1.", ".5", "500m", "1Ki", "1Ei", "1E", "1e3", "1E-3", "1e+3", "100u", "7n", "+",
            ".", "1.G",
        ] {
            assert!(is_quantity(text), "{text}");
        }
        for text in [
            "", "abc", "1Gb", "1 Gi", "1gi", "1K", "1e", "1e1.5", "1..5", "1.5.5", "--1", "0x10", "1mm", "Mi1", "1_000",
        ] {
            assert!(!is_quantity(text), "{text}");
        }
    }

    #[test]
    fn times_are_those_of_rfc_3339() {
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00.123456Z",
            "2026-01-31T12:00:00+02:00",
            "2026-01-31T12:00:00.5-11:30",
        ] {
            assert!(is_time(text), "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-01-31",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:60Z",
            "2026-01-31t12:00:00z",
            "2026-01-31T12:00:00.Z",
        ] {
            assert!(!is_time(text), "{text}");
        }
    }
}
