//! unroot: a KRM function that runs a Kubeflow or Istio platform without root.

pub mod config;
pub mod istio;
pub mod pod_security;
