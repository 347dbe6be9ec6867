//! Any bytes as the configuration: never a panic; refused at a place that is named, or accepted, as the schema does.
//!
//! A case is a text: the file of `--config`, and also `KEY=VALUE` words, one a line.

use std::cell::OnceCell;

use serde_json::Value;
use unroot::config::{API_VERSION, Config};
use unroot::filter::from_file;
use unroot::yaml::tree::Tree;

use crate::value;

thread_local! {
    static SCHEMA: OnceCell<Option<jsonschema::Validator>> = const { OnceCell::new() };
}

/// The property. `Ok(true)` where the file is a configuration.
///
/// # Errors
/// What does not hold.
pub fn hold(case: &[u8]) -> Result<bool, String> {
    let Ok(text) = str::from_utf8(case) else { return refused_at_a_place(case).map(|()| false) };
    words(text)?;
    let read = from_file("unroot.yaml", &Ok(case.to_vec()));
    if read.is_err() {
        refused_at_a_place(case)?;
    }
    if let Some(object) = one_object(text)
        && object["kind"] == "Unroot"
        && object["apiVersion"] == API_VERSION
    {
        let valid = SCHEMA.with(|schema| schema.get_or_init(validator).as_ref().map(|schema| schema.is_valid(&object)));
        match (valid, &read) {
            (None, _) => return Err("the schema is no schema".to_owned()),
            (Some(false), Ok(_)) => {
                return Err(format!("the parser accepts what the schema refuses\n{text:?}\n{text}"));
            }
            (Some(true), Err(error)) if !is_beyond_a_schema(&error.message) => {
                return Err(format!("the schema accepts, the parser: {}\n{text:?}\n{text}", error.with_place()));
            }
            _ => {}
        }
    }
    Ok(read.is_ok())
}

fn validator() -> Option<jsonschema::Validator> {
    let schema: Value = serde_json::from_str(include_str!("../../fn-config/unroot.schema.json")).ok()?;
    jsonschema::draft202012::new(&schema).ok()
}

/// The object that all readers read alike: no key twice, nothing merged or shared.
fn one_object(text: &str) -> Option<Value> {
    let tree = Tree::parse(text).ok()?;
    let root = tree.root(text)?;
    if root.duplicate_key().is_some() || text.contains(['&', '*', '!']) && !text.contains("\"*") || text.contains("<<")
    {
        return None;
    }
    value::of_text(text)
}

/// As `tests/golden/config/beyond-schema` has them.
fn is_beyond_a_schema(message: &str) -> bool {
    message.contains("is no valid glob") || message.contains("must be `latest` or `v1.N`")
}

/// A refusal names a field, a line, or the file as a whole.
fn refused_at_a_place(bytes: &[u8]) -> Result<(), String> {
    let Err(error) = from_file("unroot.yaml", &Ok(bytes.to_vec())) else { return Ok(()) };
    let place = &error.place;
    let of_the_file =
        ["the file", "a configuration must be a mapping", "a functionConfig must be", "is there twice, on line "];
    let is_placed =
        place.field.is_some() || place.line.is_some() || of_the_file.iter().any(|of| error.message.contains(of));
    if is_placed && error.is_config && place.source_name.is_some() && !error.message.is_empty() {
        return Ok(());
    }
    Err(format!("refused without a place: {}\n{:?}", error.with_place(), String::from_utf8_lossy(bytes)))
}

/// Words mean what a ConfigMap with the same keys means.
fn words(text: &str) -> Result<(), String> {
    let words: Vec<&str> = text.lines().take(20).collect();
    let by_words = Config::from_words(words.iter().copied());
    if let Err(error) = &by_words {
        return if error.message.is_empty() { Err(format!("refused without a message: {words:?}")) } else { Ok(()) };
    }
    let data: serde_json::Map<String, Value> = words
        .iter()
        .filter_map(|word| word.split_once('='))
        .map(|(key, value)| (key.to_owned(), Value::from(value)))
        .collect();
    let map = serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data});
    let by_map = from_file("unroot.yaml", &Ok(map.to_string().into_bytes()));
    match (by_words, by_map) {
        (Ok(one), Ok(other)) if one == other => Ok(()),
        (_, by_map) => Err(format!("words and ConfigMap differ: {words:?}, the ConfigMap: {by_map:?}")),
    }
}
