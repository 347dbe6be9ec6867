//! KRM: what the input is, its resources one by one, and what the run has to say about them.
//!
//! The protocol is kustomize's `cmd/config/docs/api-conventions/functions-spec.md`; what the hosts really send is a
//! superset of it.

pub mod error;
pub mod form;
pub mod item;
pub mod list;
pub mod results;

pub use error::Error;
pub use item::Item;
pub use list::List;
pub use results::{Field, Finding, ResourceRef, Severity};
