//! Typed builders for the objects that a data plane mode adds to an install.

pub mod cni;
pub mod ztunnel;
