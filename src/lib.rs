//! unroot: a KRM function that runs a Kubeflow platform, or any Istio platform built with kustomize or kpt, without root.
//!
//! ```text
//! bytes ─▶ krm: which form?  ─▶ rope of items ─▶ passes, in one listed order ─▶ rope ─▶ bytes
//!          ResourceList |        Item = slice of    Istio's data plane mode,     └▶ results
//!          stream | JSON |       the input until    labels of namespaces,
//!          kind: List            a pass touches it  labels of user namespaces
//! ```
//!
//! The library is pure: bytes and a configuration in, bytes and results out. No I/O, no clock, no environment, no
//! threads; so native, WASI and the browser give the same bytes.

pub mod admission;
pub mod check;
pub mod cli;
pub mod config;
pub mod filter;
pub mod harden;
pub mod istio;
pub mod krm;
pub mod kube;
pub mod kubeflow;
pub mod passes;
pub mod plan;
pub mod pod_security;
pub mod report;
pub mod rules;
pub mod sources;
pub mod typo;
pub mod yaml;

pub use check::check;
pub use filter::{Given, Outcome, filter};
pub use plan::plan;
