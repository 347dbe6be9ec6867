//! What this tool knows of Kubernetes and Kubeflow objects, apart from Pod Security and Istio.

pub mod names;
pub mod profile_labels;
