//! YAML in texts: what ConfigMaps hold in a string, and what templates render.

use serde_json::Value as Json;

use crate::yaml::de::value;
use crate::yaml::tree::Tree;

/// The first document of a YAML or JSON text. Of duplicate keys the last one counts, as for istiod.
pub(super) fn read_yaml(text: &str) -> Result<Json, String> {
    let tree = Tree::parse(text).map_err(|error| error.to_string())?;
    match tree.root(text) {
        Some(root) => value(root).map_err(|error| match (error.path.is_empty(), error.line) {
            (false, Some(line)) => format!("{}: {error} (line {line})", error.path),
            _ => error.to_string(),
        }),
        None => Ok(Json::Null),
    }
}
