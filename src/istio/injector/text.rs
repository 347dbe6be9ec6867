//! YAML in texts: what ConfigMaps hold in a string, and what templates render.

use serde::Deserialize;
use serde_json::Value as Json;

/// The first document of a YAML or JSON text. Of duplicate keys the last one counts, as for istiod.
pub(super) fn read_yaml(text: &str) -> Result<Json, String> {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    match documents.next() {
        Some(document) => Json::deserialize(document).map_err(|error| error.to_string()),
        None => Ok(Json::Null),
    }
}
