//! Integration tests: one binary, a module per topic.

#![cfg(test)]

mod ambient;
mod bad_input;
mod cases;
mod check;
mod config;
mod documents;
mod expected;
mod harden;
mod hosts;
mod html;
mod injector;
mod invariants;
mod istio_mode;
mod istio_objects;
mod plan;
mod pod_security;
mod shared;
mod yaml_cut;
mod yaml_edit;
mod yaml_edit_lists;
mod yaml_tree;
