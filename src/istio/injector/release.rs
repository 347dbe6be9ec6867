//! What changed in the injector's own code from release to release; all else is in the templates of the manifests.
//!
//! Source of facts: `pkg/kube/inject/{inject,webhook,app_probe,validate}.go` and `pilot/pkg/features` at every release tag from
//! 1.17.0 to 1.30.3, each function looked for in each tag.

/// An Istio release: `1.minor.patch`. Development builds of a minor count as its first release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    /// The second number.
    pub minor: u32,
    /// The third number.
    pub patch: u32,
}

impl Release {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(minor: u32, patch: u32) -> Self {
        Self { minor, patch }
    }

    /// The release that an image tag names (`1.28.10`, `v1.28.10-distroless`, `1.28-dev`), if it names one.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        let rest = tag.strip_prefix('v').unwrap_or(tag).strip_prefix("1.")?;
        let (minor, rest) = leading_number(rest)?;
        let patch = match rest.strip_prefix('.') {
            Some(rest) => leading_number(rest)?.0,
            None if rest.starts_with('-') => 0,
            None => return None,
        };
        Some(Self { minor, patch })
    }

    /// `sidecar.istio.io/inject` knows only `true` and `false`; before, `y`, `yes` and `on` were true as well and every
    /// other word was false.
    pub(super) fn strict_inject_words(self) -> bool {
        self >= Self::new(27, 0)
    }

    /// Native sidecars: the proxy may be an init container.
    pub(super) fn knows_native_sidecars(self) -> bool {
        self >= Self::new(19, 0)
    }

    /// The annotation `sidecar.istio.io/nativeSidecar` decides before istiod's own setting.
    pub(super) fn native_sidecar_annotation(self) -> bool {
        self >= Self::new(24, 0)
    }

    /// `ENABLE_NATIVE_SIDECARS` is `true`, `false` or `auto`, which is the default; before it was a truth value, off unless
    /// set.
    pub(super) fn native_sidecar_modes(self) -> bool {
        self >= Self::new(27, 0)
    }

    /// Users of an own `istio-proxy` container reach the validation container too (backported to 1.20.7 and 1.21.3).
    pub(super) fn adjusts_init_container_user(self) -> bool {
        match self.minor {
            20 => self.patch >= 7,
            21 => self.patch >= 3,
            22 => self.patch >= 1,
            minor => minor > 22,
        }
    }

    /// The user of an own `istio-proxy` container gave way to one that the template took from the namespace.
    pub(super) fn resets_user_of_own_proxy(self) -> bool {
        match self.minor {
            20 => (1..=6).contains(&self.patch),
            21 => self.patch <= 2,
            22 => self.patch == 0,
            _ => false,
        }
    }

    /// On OpenShift the proxy's user and group may come from the namespace.
    pub(super) fn openshift_proxy_ids(self) -> bool {
        self >= Self::new(20, 0)
    }

    /// On OpenShift an own `istio-proxy` container with the application's user loses it.
    pub(super) fn openshift_resets_shared_user(self) -> bool {
        self >= Self::new(23, 1)
    }

    /// …and init containers count as the application.
    pub(super) fn openshift_looks_at_init_containers(self) -> bool {
        self >= Self::new(27, 0)
    }

    /// Probes of init containers are rewritten too.
    pub(super) fn rewrites_init_container_probes(self) -> bool {
        self >= Self::new(19, 0)
    }

    /// TCP probes are rewritten whatever `REWRITE_TCP_PROBES` says.
    pub(super) fn always_rewrites_tcp_probes(self) -> bool {
        self >= Self::new(19, 0)
    }

    /// Lifecycle handlers are rewritten like probes.
    pub(super) fn rewrites_lifecycle_handlers(self) -> bool {
        self >= Self::new(25, 0)
    }

    /// `sidecar.istio.io/enableCoreDump` is validated.
    pub(super) fn validates_core_dump(self) -> bool {
        self < Self::new(25, 0)
    }

    /// The annotations for the proxy's resources are validated (a security fix, in patches from 1.27.6 and 1.28.4).
    pub(super) fn validates_resources(self) -> bool {
        match self.minor {
            27 => self.patch >= 6,
            28 => self.patch >= 4,
            minor => minor > 28,
        }
    }

    /// The annotations that name network interfaces are validated.
    pub(super) fn validates_interfaces(self) -> bool {
        self >= Self::new(30, 0)
    }

    /// The image takes `global.variant`.
    pub(super) fn image_variant(self) -> bool {
        self >= Self::new(22, 0)
    }
}

fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_releases() {
        let rows = [
            ("1.28.10", Some(Release::new(28, 10))),
            ("v1.22.1-distroless", Some(Release::new(22, 1))),
            ("1.30-alpha.abc", Some(Release::new(30, 0))),
            ("1.28", None),
            ("latest", None),
            ("2.28.1", None),
            ("1.x.1", None),
        ];
        for (tag, release) in rows {
            assert_eq!(Release::of_tag(tag), release, "{tag}");
        }
    }

    #[test]
    fn releases_are_ordered_by_number() {
        assert!(Release::new(28, 9) < Release::new(28, 10));
        assert!(Release::new(9, 9) < Release::new(17, 0));
    }
}
