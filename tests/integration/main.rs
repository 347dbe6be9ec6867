//! Integration tests: one binary, a module per topic.

mod config;
mod pod_security;
mod shared;
mod yaml_cut;
mod yaml_edit;
