//! Kubernetes platforms that Istio has a profile for, and what each profile changes.
//!
//! Source: `manifests/helm-profiles/platform-*.yaml` (1.24 and newer), `manifests/profiles/openshift.yaml` (before) and
//! what istioctl renders with `values.global.platform`. One effect cannot be rendered offline: istioctl picks GKE's binary
//! directory from the version string of the cluster that it talks to.

use std::fmt;
use std::str::FromStr;

use super::facts::{Facts, Gke};

/// Where k3s keeps the CNI configuration, in Docker or not.
const K3S_CONF_DIR: &str = "/var/lib/rancher/k3s/agent/etc/cni/net.d";

/// The platform that an install runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Platform {
    /// None of those that need anything else than the charts' defaults.
    #[default]
    None,
    /// Google Kubernetes Engine.
    Gke,
    /// OpenShift.
    OpenShift,
    /// k3s in Docker.
    K3d,
    /// k3s.
    K3s,
    /// MicroK8s.
    MicroK8s,
    /// minikube with its docker driver.
    Minikube,
}

impl Platform {
    /// All platforms.
    pub const ALL: [Self; 7] =
        [Self::Gke, Self::OpenShift, Self::K3d, Self::K3s, Self::MicroK8s, Self::Minikube, Self::None];

    /// The word as `global.platform` has it; `none` for no platform.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gke => "gke",
            Self::OpenShift => "openshift",
            Self::K3d => "k3d",
            Self::K3s => "k3s",
            Self::MicroK8s => "microk8s",
            Self::Minikube => "minikube",
        }
    }

    /// What the platform means for an Istio of the given minor.
    ///
    /// # Errors
    /// k3d, k3s, microk8s and minikube below 1.24, where Istio has no profile for them.
    pub fn effect(self, facts: &Facts) -> Result<PlatformEffect, PlatformError> {
        let has_profile_since_1_24 = matches!(self, Self::K3d | Self::K3s | Self::MicroK8s | Self::Minikube);
        if has_profile_since_1_24 && facts.k3s_bin_dir.is_none() {
            return Err(PlatformError { platform: self, minor: facts.minor });
        }
        let named = PlatformEffect { platform: self, named: true, ..PlatformEffect::default() };
        Ok(match self {
            Self::None => PlatformEffect { named: false, ..named },
            Self::Gke => PlatformEffect {
                named: facts.gke != Gke::BinDirOnly,
                cni_bin_dir: Some("/home/kubernetes/bin"),
                resource_quotas: facts.gke == Gke::NamedWithQuota,
                ..named
            },
            Self::OpenShift => PlatformEffect {
                named: facts.openshift.named,
                cni_bin_dir: Some("/var/lib/cni/bin"),
                cni_conf_dir: Some("/etc/cni/multus/net.d"),
                cni_conf_file_name: Some("istio-cni.conf"),
                unchained: true,
                ..named
            },
            Self::K3d => PlatformEffect { cni_bin_dir: Some("/bin"), cni_conf_dir: Some(K3S_CONF_DIR), ..named },
            Self::K3s => PlatformEffect { cni_bin_dir: facts.k3s_bin_dir, cni_conf_dir: Some(K3S_CONF_DIR), ..named },
            Self::MicroK8s => PlatformEffect {
                cni_bin_dir: Some("/var/snap/microk8s/current/opt/cni/bin"),
                cni_conf_dir: Some("/var/snap/microk8s/current/args/cni-network"),
                ..named
            },
            Self::Minikube => PlatformEffect { cni_netns_dir: Some("/var/run/docker/netns"), ..named },
        })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word names no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown platform {word:?}: must be one of gke, openshift, k3d, k3s, microk8s, minikube, none")]
pub struct ParsePlatformError {
    word: String,
}

impl FromStr for Platform {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|platform| platform.as_str() == text)
            .ok_or_else(|| ParsePlatformError { word: text.to_owned() })
    }
}

/// The Istio is older than its profile for the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("platform {platform} needs Istio 1.24 or newer, this is 1.{minor}")]
pub struct PlatformError {
    /// The platform.
    pub platform: Platform,
    /// The minor that has no profile for it.
    pub minor: u32,
}

/// What a platform changes; the values are those of the CNI chart, absent where the chart's default stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlatformEffect {
    /// The platform itself.
    pub platform: Platform,
    /// Whether istiod and the injector are told its name.
    pub named: bool,
    /// `cniBinDir`.
    pub cni_bin_dir: Option<&'static str>,
    /// `cniConfDir`.
    pub cni_conf_dir: Option<&'static str>,
    /// `cniConfFileName`.
    pub cni_conf_file_name: Option<&'static str>,
    /// `cniNetnsDir`.
    pub cni_netns_dir: Option<&'static str>,
    /// `chained: false`: the plugin stands alone and Multus calls it.
    pub unchained: bool,
    /// `resourceQuotas.enabled`.
    pub resource_quotas: bool,
}

impl PlatformEffect {
    /// Whether this is OpenShift, whose other effects are a matter of the minor alone.
    #[must_use]
    pub fn is_openshift(&self) -> bool {
        self.platform == Platform::OpenShift
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::istio::facts;

    #[test]
    fn words_are_read_back() {
        for platform in Platform::ALL {
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
        let error = "eks".parse::<Platform>().unwrap_err().to_string();
        assert!(
            error.contains("\"eks\"") && Platform::ALL.iter().all(|platform| error.contains(platform.as_str())),
            "{error}"
        );
    }

    #[test]
    fn profiles_of_small_clusters_start_with_1_24() {
        for platform in Platform::ALL {
            for row in facts::all() {
                let small = matches!(platform, Platform::K3d | Platform::K3s | Platform::MicroK8s | Platform::Minikube);
                assert_eq!(platform.effect(row).is_err(), small && row.minor < 24, "{platform} on 1.{}", row.minor);
            }
        }
    }

    #[test]
    fn directories_are_those_of_the_platform() {
        let row = |minor: u32| facts::all().iter().find(|row| row.minor == minor).unwrap();
        for (platform, minor, bin, conf) in [
            (Platform::None, 17, None, None),
            (Platform::Gke, 17, Some("/home/kubernetes/bin"), None),
            (Platform::Gke, 30, Some("/home/kubernetes/bin"), None),
            (Platform::OpenShift, 17, Some("/var/lib/cni/bin"), Some("/etc/cni/multus/net.d")),
            (Platform::K3d, 24, Some("/bin"), Some("/var/lib/rancher/k3s/agent/etc/cni/net.d")),
            (
                Platform::K3s,
                24,
                Some("/var/lib/rancher/k3s/data/current/bin/"),
                Some("/var/lib/rancher/k3s/agent/etc/cni/net.d"),
            ),
            (
                Platform::K3s,
                25,
                Some("/var/lib/rancher/k3s/data/cni"),
                Some("/var/lib/rancher/k3s/agent/etc/cni/net.d"),
            ),
            (
                Platform::MicroK8s,
                24,
                Some("/var/snap/microk8s/current/opt/cni/bin"),
                Some("/var/snap/microk8s/current/args/cni-network"),
            ),
            (Platform::Minikube, 24, None, None),
        ] {
            let effect = platform.effect(row(minor)).unwrap();
            assert_eq!((effect.cni_bin_dir, effect.cni_conf_dir), (bin, conf), "{platform} on 1.{minor}");
        }
    }

    #[test]
    fn gke_is_named_from_1_25_and_has_a_quota_from_1_26() {
        for row in facts::all() {
            let effect = Platform::Gke.effect(row).unwrap();
            assert_eq!((effect.named, effect.resource_quotas), (row.minor >= 25, row.minor >= 26), "1.{}", row.minor);
        }
    }
}
