//! What is particular to Kubeflow: controllers that make pods which no manifest shows.
//!
//! Pods of users come from Argo, KServe, Katib, Trainer and the notebook controller. Whether they meet restricted is decided
//! by settings of these controllers, or by nothing that a manifest can reach. One table, [`factories::FACTORIES`], says
//! which; findings and `docs/restricted.md` are made from it.

pub mod factories;
pub mod lacks;
pub mod platform;
pub mod trials;
