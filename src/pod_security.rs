//! Pod Security Standards as `k8s.io/pod-security-admission` evaluates them: levels, versions and checks.
//!
//! This room knows pods and nothing about Istio, YAML or lists of resources.

mod level;
mod version;

pub use level::{Level, ParseLevelError};
pub use version::{ParseVersionError, Version};
