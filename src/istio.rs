//! What this program knows about Istio: versions, platforms, the facts of each minor, the objects of a data plane
//! mode, where the control plane says which mode it runs, and what its injector adds to pods.
//!
//! Pure knowledge: nothing here reads or writes YAML, and nothing here knows lists of resources. What differs
//! among versions is in one table ([`facts`]), what differs among platforms in one file ([`platform`]).
//!
//! Source of the facts: the charts under `manifests/charts` of the istio repository at its release tags, and the
//! output of `istioctl manifest generate` of 1.17.5, 1.22.1 and 1.28.10.

pub mod facts;
pub mod injector;
pub mod install;
pub mod members;
pub mod mode_settings;
pub mod objects;
pub mod platform;
pub mod policy;
pub mod services;
pub mod version;
