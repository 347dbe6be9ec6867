//! YAML by spans: cut, read and edit a text without ever writing it anew.
//!
//! ```text
//! text ─▶ cut: where does each resource begin and end, and what is it?   (line lexer, else the full parser)
//!          └▶ tree: the nodes of one resource, each with its byte range  (the same two)
//!              ├▶ resolve: what Kubernetes reads in a scalar (YAML 1.1)
//!              ├▶ de: serde over the tree; errors know field path and line
//!              └▶ edit: "set this key" becomes byte ranges; emit writes the new text
//! ```
//!
//! This room knows YAML and JSON, and nothing of Kubernetes objects, KRM or Istio.

pub mod commented;
pub mod cut;
pub mod de;
pub mod edit;
pub mod embedded;
pub mod emit;
mod lexer;
pub mod path;
pub mod resolve;
pub mod source;
pub mod tree;
