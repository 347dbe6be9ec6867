//! What the page's form says, as a functionConfig; and a functionConfig as kustomize takes it.

use serde_json::{Value, json};
use unroot::config::{API_VERSION, KIND};
use unroot::yaml::commented::{Entry, Node, document};
use unroot::yaml::edit::Edits;
use unroot::yaml::tree::Tree;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// The functionConfig with this `spec`, which is JSON.
///
/// # Errors
/// Where it is none.
#[wasm_bindgen]
pub fn configuration(spec: &str) -> Result<String, JsError> {
    let spec: Value = serde_json::from_str(spec)?;
    Ok(document(
        &[],
        &[
            Entry::new("apiVersion", Node::Flow(API_VERSION.into())),
            Entry::new("kind", Node::Flow(KIND.into())),
            Entry::new("metadata", Node::Block(json!({ "name": "unroot" }))),
            Entry::new("spec", Node::Block(spec)),
        ],
    ))
}

/// The functionConfig with the annotation by which kustomize finds the program; its comments stay.
///
/// # Errors
/// Where it is no mapping.
#[wasm_bindgen(js_name = inKustomize)]
pub fn in_kustomize(config: &str) -> Result<String, JsError> {
    let tree = Tree::parse(config).map_err(|error| JsError::new(&error.message))?;
    let root = tree.root(config).ok_or_else(|| JsError::new("there is no configuration"))?;
    let mut edits = Edits::default();
    let function = Value::from("exec: {path: unroot}");
    edits.set(root, &["metadata", "annotations"], &[("config.kubernetes.io/function", function)])?;
    Ok(edits.apply(config)?)
}
