//! PeerAuthentications: ztunnel takes mTLS always, and plaintext unless it is told STRICT.
//!
//! Source of facts: `convertedSelectorPeerAuthentications` and `convertPeerAuthentication` in
//! `pilot/pkg/serviceregistry/kube/controller/ambient/authorization.go` of istio 1.28.

use super::{Report, say};
use crate::istio::members::{Members, texts};
use crate::krm::{Error, List, Severity};
use crate::rules::Rule;

pub(super) fn report(list: &List<'_>, members: &Members, report: &mut Report) -> Result<(), Error> {
    for item in list.items().iter().filter(|item| !item.is_local_config()) {
        if item.kind() != "PeerAuthentication" || !item.api_version().starts_with("security.istio.io/") {
            continue;
        }
        let parsed = item.parse_leniently()?;
        let Some(spec) = parsed.root().and_then(|root| root.get("spec")) else { continue };
        let namespace = members.name_of(item);
        let labels = texts(spec.find(&["selector", "matchLabels"]));
        let scope = members.scope(&namespace, (!labels.is_empty()).then_some(&labels));
        if !scope.is_ambient() {
            continue;
        }
        let mode = spec.find(&["mtls", "mode"]).map_or("", |mode| mode.scalar_text());
        let ports: Vec<(&str, &str)> = spec
            .get("portLevelMtls")
            .into_iter()
            .flat_map(|ports| ports.entries())
            .map(|(port, mtls)| (port.scalar_text(), mtls.get("mode").map_or("", |mode| mode.scalar_text())))
            .collect();
        let mut said = Vec::new();
        if mode == "DISABLE" || ports.iter().any(|(_, mode)| *mode == "DISABLE") {
            said.push(
                "DISABLE is unknown in ambient and holds as PERMISSIVE: ztunnel takes mTLS from the mesh and plaintext from \
                 everybody else"
                    .to_owned(),
            );
        }
        let root = namespace == members.planes.root;
        if !ports.is_empty() && (root || labels.is_empty()) {
            let ports: Vec<String> = ports.iter().map(|(port, mode)| format!("{port}: {mode}")).collect();
            said.push(format!(
                "`portLevelMtls` ({}) has no effect {}: put it into a PeerAuthentication with a selector in the pods' own \
                 namespace",
                ports.join(", "),
                if root { "in the root namespace" } else { "without a selector" }
            ));
        }
        if !said.is_empty() {
            say(item, Rule::PeerAuthenticationIgnored, Severity::Warning, said.join("; "), report)?;
        }
    }
    Ok(())
}
