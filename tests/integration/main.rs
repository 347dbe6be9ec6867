//! Integration tests: one binary, a module per topic.
// Says to clippy that all of this is test code, the functions around the tests included.
#![cfg(test)]

mod cases;
mod expected;
mod hosts;
mod shared;
