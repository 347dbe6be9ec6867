//! A policy as it is written, and which pods it selects.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube_core::{Selector, SelectorExt};
use serde_json::Value;

use crate::admission::namespace_of;
use crate::istio::members::Texts;
use crate::krm::{Error, Item};
use crate::yaml::de;

/// A kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Authorization,
    PeerAuthentication,
    RequestAuthentication,
    Network,
}

/// A policy of a render.
pub(super) struct Policy<'i> {
    pub(super) kind: Kind,
    pub(super) namespace: &'i str,
    pub(super) item: &'i Item<'i>,
    pub(super) spec: Value,
}

impl Kind {
    fn of(item: &Item<'_>) -> Option<Self> {
        let group = item.api_version().rsplit_once('/').map_or("", |(group, _)| group);
        match (group, item.kind()) {
            ("security.istio.io", "AuthorizationPolicy") => Some(Self::Authorization),
            ("security.istio.io", "PeerAuthentication") => Some(Self::PeerAuthentication),
            ("security.istio.io", "RequestAuthentication") => Some(Self::RequestAuthentication),
            ("networking.k8s.io", "NetworkPolicy") => Some(Self::Network),
            _ => None,
        }
    }
}

impl<'i> Policy<'i> {
    /// The policy that a resource is; None where it is none.
    pub(super) fn of(item: &'i Item<'_>) -> Result<Option<Self>, Error> {
        let Some(kind) = Kind::of(item).filter(|_| !item.is_local_config()) else { return Ok(None) };
        let parsed = item.parse_leniently()?;
        let spec = match parsed.root().and_then(|root| root.get("spec")) {
            Some(spec) => de::from_view(spec).map_err(|error| item.decode_error(&error))?,
            None => Value::Null,
        };
        Ok(Some(Self { kind, namespace: namespace_of(item), item, spec }))
    }

    /// `spec` at a path; an empty value is the same as none.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Value> {
        path.iter().try_fold(&self.spec, |value, key| value.get(key)).filter(|value| match value {
            Value::Null => false,
            Value::Object(map) => !map.is_empty(),
            Value::Array(list) => !list.is_empty(),
            _ => true,
        })
    }

    /// A text of `spec`, "" where there is none.
    pub(super) fn word(&self, path: &[&str]) -> &str {
        self.get(path).and_then(Value::as_str).unwrap_or_default()
    }

    fn selector(&self) -> Option<&Value> {
        self.get(&[if self.kind == Kind::Network { "podSelector" } else { "selector" }])
    }

    /// It is for some pods, and not for a whole namespace or the mesh.
    pub(super) fn has_selector(&self) -> bool {
        self.selector().is_some() || self.references().iter().any(Option::is_some)
    }

    fn references(&self) -> [Option<&Value>; 2] {
        [self.get(&["targetRef"]), self.get(&["targetRefs"])]
    }

    /// What it is for, as it is written.
    pub(super) fn target(&self) -> [Option<&Value>; 3] {
        let [one, several] = self.references();
        [self.selector(), one, several]
    }

    /// Tells pods that it is for by their labels. Which pods are behind a reference is not in the policy, nor behind a
    /// selector that is none.
    pub(super) fn selects(&self) -> Box<dyn Fn(&Texts) -> bool> {
        if self.references().iter().any(Option::is_some) {
            return Box::new(|_| false);
        }
        let Some(selector) = self.selector() else { return Box::new(|_| true) };
        let parsed = serde_json::from_value::<LabelSelector>(selector.clone()).ok();
        match parsed.and_then(|selector| Selector::try_from(selector).ok()) {
            Some(selector) => Box::new(move |labels| selector.matches(labels)),
            None => Box::new(|_| false),
        }
    }

    /// The elements of a list, each as a text that compares. Their order says nothing.
    pub(super) fn elements(&self, path: &[&str]) -> BTreeSet<String> {
        let list = self.get(path).and_then(Value::as_array).into_iter().flatten();
        list.map(|element| if element.is_null() { "{}".to_owned() } else { element.to_string() }).collect()
    }

    /// In a few words, what it says.
    pub(super) fn says(&self) -> String {
        match self.kind {
            Kind::Authorization => {
                let action = super::strength::action(self);
                format!("{action} with {} rules", self.elements(&["rules"]).len())
            }
            Kind::PeerAuthentication => {
                let mode = self.word(&["mtls", "mode"]);
                if mode.is_empty() { "UNSET".to_owned() } else { mode.to_owned() }
            }
            Kind::RequestAuthentication => format!("{} jwtRules", self.elements(&["jwtRules"]).len()),
            Kind::Network => super::strength::directions(self).join(", "),
        }
    }
}
