//! YAML in texts: what ConfigMaps hold in a string, and what templates render.

use serde_json::Value as Json;

use crate::yaml::de::value;
use crate::yaml::tree::Tree;

/// The first document of a YAML or JSON text. Of duplicate keys the last one counts, as for istiod.
pub(super) fn read_yaml(text: &str) -> Result<Json, String> {
    // Helm's values are JSON, and long.
    if text.starts_with('{')
        && let Ok(json) = serde_json::from_str(text)
        && !has_float(&json)
    {
        return Ok(json);
    }
    let tree = Tree::parse(text).map_err(|error| error.to_string())?;
    match tree.root(text) {
        Some(root) => value(root).map_err(|error| match (error.path.is_empty(), error.line) {
            (false, Some(line)) => format!("{}: {error} (line {line})", error.path),
            _ => error.to_string(),
        }),
        None => Ok(Json::Null),
    }
}

/// A number with a point, which may be an integer to readers of YAML.
fn has_float(json: &Json) -> bool {
    match json {
        Json::Number(number) => number.is_f64(),
        Json::Array(items) => items.iter().any(has_float),
        Json::Object(members) => members.values().any(has_float),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_reads_as_the_yaml_that_it_is() {
        for text in [
            r#"{"a": 1, "b": [true, null, "x\u00e9\n\/"], "a": {"c": -5}}"#,
            r#"{"a": 8080.0}"#,
            r#"{"a": 1e3, "b": 0.5}"#,
            r#"{"a": 18446744073709551615, "b": 18446744073709551616}"#,
            "{\"a\":\n  1}\n",
            "{a: b}",
            "{}",
        ] {
            let tree = Tree::parse(text).expect(text);
            let as_yaml = value(tree.root(text).expect(text)).expect(text);
            assert_eq!(read_yaml(text), Ok(as_yaml), "{text}");
        }
    }
}
