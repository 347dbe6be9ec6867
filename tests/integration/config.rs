//! The functionConfig: parser, JSON schema, samples and catalogue metadata say the same.

mod flat;
mod golden;
mod schema;

use std::path::{Path, PathBuf};

use serde_json::Value;
use unroot::config::{Config, ConfigError};
use unroot::yaml::de;
use unroot::yaml::tree::Tree;

/// Parses as the product does, and says of an error what and where: `PATH: MESSAGE`.
fn parse(object: &Value) -> Result<Config, String> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
    let json = object.to_string();
    let tree = Tree::parse(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let root = de::Root::new(tree.root(&json).unwrap());
    match Config::from_object(text("apiVersion"), text("kind"), root.deserializer()) {
        Ok(config) => Ok(config),
        Err(ConfigError::Decode(error)) => Err(format!("{}: {error}", error.path)),
        Err(ConfigError::Invalid(error)) => Err(error.to_string()),
    }
}

fn package_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn fn_config(name: &str) -> PathBuf {
    package_root().join("fn-config").join(name)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read_yaml(path: &Path) -> Value {
    serde_yaml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema() -> Value {
    serde_json::from_str(&read(&fn_config("unroot.schema.json"))).unwrap()
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}
