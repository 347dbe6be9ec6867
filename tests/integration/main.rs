//! Integration tests: one binary, a module per topic.

mod config;
mod injector;
mod pod_security;
mod shared;
mod yaml_cut;
