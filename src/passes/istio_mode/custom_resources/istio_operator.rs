//! istioctl's `IstioOperator`.
//!
//! ```yaml
//! spec:
//!   components:
//!     cni: {enabled: true, namespace: kube-system}
//!     ztunnel: {enabled: true, namespace: kube-system}    # ambient
//!   values:
//!     pilot: {trustedZtunnelNamespace: kube-system}       # ambient, 1.23 and newer
//!     profile: ambient                                    # not spec.profile, which would turn the ingress gateway off
//! ```
//!
//! Source: `operator/pkg/apis/types.go` and `manifests/profiles` at the release tags.

use serde_json::{Value, json};

use super::{CNI_BIN_DIR, CNI_CONF_DIR, DEFAULT_NAMESPACE, Mode, PLATFORM, Rewrite, TRUSTED_NAMESPACE, word};
use crate::istio::facts::{Facts, TrustedAccounts};
use crate::istio::platform::Platform;
use crate::istio::version::{ImageTag, Version};
use crate::krm::{Error, Item};
use crate::yaml::tree::View;

const INGRESS_GATEWAY: &str = "istio-ingressgateway";
const PROFILE: &[&str] = &["spec", "profile"];
const VALUES_PROFILE: &[&str] = &["spec", "values", "profile"];
const ZTUNNEL: &[&str] = &["spec", "components", "ztunnel"];
const ZTUNNEL_ENABLED: &[&str] = &["spec", "components", "ztunnel", "enabled"];
const ZTUNNEL_NAMESPACE: &[&str] = &["spec", "components", "ztunnel", "namespace"];

impl Mode<'_> {
    /// What becomes of the resource; None where it describes neither a control plane nor istio-cni.
    pub(super) fn istio_operator(&self, item: &Item<'_>, spec: View<'_>) -> Result<Option<Rewrite>, Error> {
        let profile = word(spec, &["profile"]).unwrap_or("default");
        let is_file = profile.contains('/') || profile.ends_with(".yaml");
        if is_file || word(spec, &["installPackagePath"]).is_some() {
            let field = if is_file { "spec.profile" } else { "spec.installPackagePath" };
            return Err(item
                .error("names files whose settings are unknown here; write them into this resource")
                .at_field(field));
        }
        let on = |component: &str| enabled(spec, component);
        let has_control_plane = profile != "empty" || on("pilot") == Some(true);
        if !has_control_plane && spec.find(&["components", "cni"]).is_none() {
            return Ok(None);
        }
        let version = word(spec, &["tag"]).and_then(|tag| ImageTag::split(tag).base.parse::<Version>().ok());
        let facts = self.facts(item, version.clone())?;
        let platform = self.platform(item, version)?;
        let of_ambient = profile.ends_with("ambient");
        let mut rewrite =
            Rewrite { revision: word(spec, &["revision"]).unwrap_or("default").to_owned(), ..Rewrite::default() };
        let present = on("cni");
        let own = word(spec, &["namespace"]).unwrap_or("istio-system");
        let mut cni_namespace = DEFAULT_NAMESPACE.to_owned();
        if self.is_on() {
            let named = word(spec, &["components", "cni", "namespace"]);
            let existing = named.or((present == Some(true) || of_ambient).then_some(own));
            cni_namespace = self.namespace(existing, DEFAULT_NAMESPACE)?;
            rewrite.set(&["spec", "components", "cni", "enabled"], json!(true));
            if existing.is_none() {
                rewrite.set(&["spec", "components", "cni", "namespace"], json!(cni_namespace));
            }
        } else if present == Some(true) || (present.is_none() && (profile.starts_with("openshift") || of_ambient)) {
            rewrite.set(&["spec", "components", "cni", "enabled"], json!(false));
        }
        let openshift = platform.is_some_and(|(_, effect)| effect.is_openshift()) || profile.starts_with("openshift");
        if let Some((facts, effect)) = platform {
            if facts.minor >= 24 && effect.named {
                rewrite.set(PLATFORM, json!(effect.platform.as_str()));
            } else if effect.is_openshift() && !self.is_ambient() {
                rewrite.set(VALUES_PROFILE, json!("openshift"));
            }
            if self.is_on() {
                // istioctl finds GKE's directory itself where it knows the platform.
                let own = effect.cni_bin_dir.filter(|_| effect.platform == Platform::Gke && !effect.named);
                if let Some(dir) = self.bin_dir(own) {
                    rewrite.set(CNI_BIN_DIR, json!(dir));
                }
            }
        } else if let Some(dir) = self.bin_dir(None).filter(|_| self.is_on()) {
            rewrite.set(CNI_BIN_DIR, json!(dir));
        }
        if let Some(dir) = self.istio.cni_conf_dir.as_ref().filter(|_| self.is_on()) {
            rewrite.set(CNI_CONF_DIR, json!(dir.as_str()));
        }
        if self.is_ambient() {
            self.to_ambient(item, spec, (facts, openshift), &cni_namespace, &mut rewrite)?;
        } else {
            out_of_ambient(spec, own, &mut rewrite);
        }
        Ok(Some(rewrite))
    }

    fn to_ambient(
        &self,
        item: &Item<'_>,
        spec: View<'_>,
        (facts, openshift): (Option<&'static Facts>, bool),
        cni_namespace: &str,
        rewrite: &mut Rewrite,
    ) -> Result<(), Error> {
        let minor = facts.map(|facts| facts.minor);
        let has_values_profile = minor.is_none_or(|minor| minor >= 21);
        if !has_values_profile || (openshift && minor.is_some_and(|minor| minor < 22)) {
            return Err(item.error(
                "an IstioOperator of this version cannot keep its gateways in ambient, which is alpha there; upgrade Istio \
                 to 1.24 or newer first, or set `istio.mode: cni`",
            ));
        }
        let profile = word(spec, &["profile"]).unwrap_or("default");
        let own = word(spec, &["namespace"]).unwrap_or("istio-system");
        let named = word(spec, &["components", "ztunnel", "namespace"]);
        let is_there = enabled(spec, "ztunnel") == Some(true) || profile.ends_with("ambient");
        let existing = named.or(is_there.then_some(own));
        let namespace = self.ztunnel_namespace(existing, cni_namespace)?;
        rewrite.set(ZTUNNEL_ENABLED, json!(true));
        if existing.is_none() {
            rewrite.set(ZTUNNEL_NAMESPACE, json!(namespace));
        }
        let trusts_one = facts
            .is_none_or(|facts| facts.ambient.as_ref().is_some_and(|row| row.trusted == TrustedAccounts::OneNamespace));
        if trusts_one {
            rewrite.set(TRUSTED_NAMESPACE, json!(namespace));
        }
        if !profile.ends_with("ambient") {
            let named_platform = minor.is_none_or(|minor| minor >= 24);
            let ambient = if openshift && !named_platform { "openshift-ambient" } else { "ambient" };
            rewrite.set(VALUES_PROFILE, json!(ambient));
        }
        Ok(())
    }
}

/// Takes back what makes an Istio ambient, and nothing where it is not.
fn out_of_ambient(spec: View<'_>, own: &str, rewrite: &mut Rewrite) {
    let profile = word(spec, &["profile"]).unwrap_or("default");
    let values_profile = word(spec, &["values", "profile"]).unwrap_or_default();
    let ztunnel = spec.find(&["components", "ztunnel"]);
    let is_on = enabled(spec, "ztunnel") == Some(true);
    let of_ambient = profile.ends_with("ambient");
    if !of_ambient && !values_profile.ends_with("ambient") && !is_on {
        return;
    }
    if of_ambient {
        rewrite.set(PROFILE, json!(if profile.starts_with("openshift") { "openshift" } else { "default" }));
        let gateways = spec.find(&["components", "ingressGateways"]);
        let is_named = gateways.into_iter().flat_map(|gateways| gateways.items()).any(|gateway| {
            gateway.get("name").is_some_and(|name| name.as_str() == Some(INGRESS_GATEWAY))
                && gateway.get("enabled").is_some()
        });
        // The profile `ambient` has it off, the other one on.
        match gateways.filter(|gateways| gateways.items().next().is_some()) {
            _ if is_named => {}
            Some(_) => rewrite.gateway_off = Some(INGRESS_GATEWAY),
            None => {
                let off = json!([{"name": INGRESS_GATEWAY, "enabled": false}]);
                rewrite.set(&["spec", "components", "ingressGateways"], off);
            }
        }
    }
    match values_profile {
        "openshift-ambient" => rewrite.set(VALUES_PROFILE, json!("openshift")),
        "ambient" => rewrite.remove(VALUES_PROFILE),
        _ => {}
    }
    let namespace = word(spec, &["components", "ztunnel", "namespace"]).unwrap_or(own);
    if word(spec, &["values", "pilot", "trustedZtunnelNamespace"]) == Some(namespace) {
        rewrite.remove(TRUSTED_NAMESPACE);
    }
    // Nothing but what the way to ambient writes.
    let is_ours = !of_ambient
        && is_on
        && ztunnel
            .is_some_and(|map| map.entries().all(|(key, _)| matches!(key.scalar_text(), "enabled" | "namespace")));
    if is_ours {
        rewrite.remove(ZTUNNEL);
    } else {
        rewrite.set(ZTUNNEL_ENABLED, Value::Bool(false));
    }
}

fn enabled(spec: View<'_>, component: &str) -> Option<bool> {
    spec.find(&["components", component, "enabled"]).map(|flag| flag.scalar_text() == "true")
}
