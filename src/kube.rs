//! What this tool knows of Kubernetes and Kubeflow objects, apart from Pod Security and Istio.

pub mod names;
pub mod pod;
pub mod profile_labels;
mod scalars;
