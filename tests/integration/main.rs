//! Integration tests: one binary, a module per topic.

#![cfg(test)]

mod cases;
mod check;
mod config;
mod expected;
mod hosts;
mod injector;
mod istio_objects;
mod pod_security;
mod shared;
mod yaml_cut;
mod yaml_edit;
