//! What shall be changed in pods.

use serde::Deserialize;

use super::glob::Glob;
use super::mapping;
use super::scalar;
use super::text::closed_set;

/// `spec.workloads`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Workloads {
    /// The level that pods are hardened towards.
    #[serde(deserialize_with = "mapping::value_or_default")]
    pub harden: Harden,
    /// Whether `runAsNonRoot` is set also where no numeric user is known.
    #[serde(deserialize_with = "mapping::value_or_default")]
    pub assume_non_root: bool,
    /// Known users of images; the first match wins.
    #[serde(deserialize_with = "mapping::list")]
    pub users: Vec<ImageUser>,
}

impl Workloads {
    /// The known user of an image.
    #[must_use]
    pub fn user_of(&self, image: &str) -> Option<&ImageUser> {
        self.users.iter().find(|user| user.image.matches(image))
    }
}

closed_set! {
    /// How far pods are hardened.
    #[derive(Default)]
    pub enum Harden {
        /// Pods stay as they are.
        #[default]
        None = "none",
        /// Towards the level baseline.
        Baseline = "baseline",
        /// Towards the level restricted.
        Restricted = "restricted",
    }
}

/// An entry of `spec.workloads.users`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImageUser {
    /// The images, as containers name them.
    pub image: Glob,
    /// The user that they run as.
    #[serde(deserialize_with = "scalar::id")]
    pub run_as_user: i64,
    /// The group that they run as.
    #[serde(default, deserialize_with = "scalar::optional_id")]
    pub run_as_group: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_image_wins() {
        let workloads: Workloads = serde_json::from_str(
            r#"{"users": [{"image": "*/dex:*", "runAsUser": 1001}, {"image": "*", "runAsUser": 65532, "runAsGroup": 0}]}"#,
        )
        .unwrap();
        let user = |image| workloads.user_of(image).map(|user| (user.run_as_user, user.run_as_group));
        assert_eq!(user("ghcr.io/dexidp/dex:v2.36.0"), Some((1001, None)));
        assert_eq!(user("nginx"), Some((65532, Some(0))));
        assert_eq!(Workloads::default().user_of("nginx"), None);
    }
}
