//! Integration tests: one binary, a module per topic.

mod shared;
mod yaml_cut;
