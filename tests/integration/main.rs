//! Integration tests.

mod injector;
mod pod_security;
