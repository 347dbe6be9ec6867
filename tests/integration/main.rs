//! Integration tests.

mod pod_security;
