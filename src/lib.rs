//! unroot: a KRM function that runs a Kubeflow or Istio platform without root.

pub mod config;
pub mod pod_security;
pub mod yaml;
pub mod krm;
pub mod rules;
