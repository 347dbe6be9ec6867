//! Where the pods of Katib's trial templates stand: in Jobs, and in the replicas of the training operator's jobs.

use crate::yaml::path::Path;
use crate::yaml::tree::View;

/// The specs of the pods that a trial makes, with their paths.
#[must_use]
pub fn pod_specs(trial: View<'_>) -> Vec<(Path, View<'_>)> {
    const OF_JOB: [&str; 3] = ["spec", "template", "spec"];
    let mut specs: Vec<(Path, View<'_>)> =
        trial.find(&OF_JOB).filter(View::is_mapping).map(|spec| (Path::of(&OF_JOB), spec)).into_iter().collect();
    let spec = trial.get("spec");
    for (replicas, by_role) in spec.iter().flat_map(View::entries) {
        if !replicas.scalar_text().ends_with("ReplicaSpecs") {
            continue;
        }
        for (role, replica) in by_role.entries() {
            let path = ["spec", replicas.scalar_text(), role.scalar_text(), "template", "spec"];
            specs.extend(replica.find(&path[3..]).filter(View::is_mapping).map(|spec| (Path::of(&path), spec)));
        }
    }
    specs
}
