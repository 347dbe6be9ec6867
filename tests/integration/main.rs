//! Integration tests: one binary, a module per topic.

mod config;
mod shared;
mod yaml_cut;
