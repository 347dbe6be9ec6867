//! Pod Security Standards as `k8s.io/pod-security-admission` v0.37 evaluates them: levels, versions, checks, and what
//! the labels of a namespace ask for.
//!
//! This room knows pods and nothing about Istio, YAML or lists of resources. It judges the pod template's metadata and
//! spec as they are handed in: who wants the API server's answer applies [`defaults`] first.
//!
//! Facts: the module `k8s.io/pod-security-admission` (tag v0.37.2, folders `policy` and `api`) and the
//! [standard](https://kubernetes.io/docs/concepts/security/pod-security-standards/). Reasons and details are upstream's
//! to the letter, since people search for them.

pub mod checks;
pub mod defaults;
mod exemptions;
mod go_quote;
mod level;
mod namespace_labels;
mod pod_containers;
pub mod registry;
mod version;
mod wording;

pub use checks::Check;
pub use exemptions::Exemptions;
pub use level::{Level, ParseLevelError};
pub use namespace_labels::{
    AUDIT_LABEL, AUDIT_VERSION_LABEL, ENFORCE_LABEL, ENFORCE_VERSION_LABEL, LabelError, LabelProblem, LevelVersion,
    Mode, Policy, WARN_LABEL, WARN_VERSION_LABEL,
};
pub use registry::{Violation, aggregate, allowed_since, evaluate, meets};
pub use version::{ParseVersionError, Version};
