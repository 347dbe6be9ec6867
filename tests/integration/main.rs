//! Integration tests.

mod istio_objects;
