//! Istio: what is installed, what its versions do, and what its injector adds to pods.

pub mod injector;
