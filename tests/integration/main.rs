//! Integration tests: one binary, a module per topic.

mod cases;
mod expected;
mod hosts;
mod shared;
