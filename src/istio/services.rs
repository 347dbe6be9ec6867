//! Services and the waypoints that stand before them.
//!
//! A Service goes through the waypoint that its label `istio.io/use-waypoint` names, else its namespace's; `none` is none.
//!
//! Source of facts: `pilot/pkg/serviceregistry/kube/controller/ambient/waypoints.go` of istio 1.28, and Istio's
//! documentation, `ambient/usage/waypoint`.

use super::members::{Members, Texts, Workload, selects, texts};
use crate::krm::{Error, Item, List};
use crate::yaml::tree::View;

/// The label that sends what goes to a Service, or to those of a namespace, through a waypoint.
pub const USE_WAYPOINT: &str = "istio.io/use-waypoint";
/// The label that sends gateways through it too.
pub const INGRESS_USE_WAYPOINT: &str = "istio.io/ingress-use-waypoint";
/// The class of Gateways that are waypoints.
pub const WAYPOINT_CLASS: &str = "istio-waypoint";
/// The label that names another namespace's waypoint.
const WAYPOINT_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
/// The label of a waypoint that says what it takes: `service` where absent, `workload`, `all` or `none`.
pub const WAYPOINT_FOR: &str = "istio.io/waypoint-for";
/// The group of the Gateway API.
pub const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// A Service, or a ServiceEntry.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its place in the list.
    pub place: usize,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Texts,
    /// The labels of its pods; None for one that selects none.
    pub selector: Option<Texts>,
    /// It has no address of its own.
    pub is_headless: bool,
    /// Its ports, with those of the pods: a number or a name.
    pub ports: Vec<(u64, String)>,
}

/// A Gateway of the Gateway API.
#[derive(Clone, Debug)]
pub struct ApiGateway {
    /// Its place in the list.
    pub place: usize,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its class.
    pub class: String,
    /// Whether a waypoint takes what goes to Services, and not only what goes to pods.
    pub for_services: bool,
}

/// The Services and Gateways of a list.
#[derive(Clone, Debug, Default)]
pub struct Services {
    /// In the order of the list.
    pub services: Vec<Service>,
    /// In the order of the list.
    pub gateways: Vec<ApiGateway>,
}

impl Services {
    /// Reads a list as it stands.
    ///
    /// # Errors
    /// Where one of them is no YAML.
    pub fn of(list: &List<'_>, members: &Members) -> Result<Self, Error> {
        let mut found = Self::default();
        for (place, item) in list.items().iter().enumerate().filter(|(_, item)| !item.is_local_config()) {
            let is_entry = item.kind() == "ServiceEntry" && item.api_version().starts_with("networking.istio.io/");
            if item.is("v1", "Service") || is_entry {
                let parsed = item.parse_leniently()?;
                let Some(root) = parsed.root() else { continue };
                found.services.push(service(place, item, root, members));
            } else if is_api_gateway(item) {
                let parsed = item.parse_leniently()?;
                let class = parsed.root().and_then(|root| root.find(&["spec", "gatewayClassName"]));
                let taken = parsed.root().and_then(|root| root.find(&["metadata", "labels", WAYPOINT_FOR]));
                found.gateways.push(ApiGateway {
                    place,
                    namespace: members.name_of(item),
                    name: item.name().to_owned(),
                    class: class.map_or("", |class| class.scalar_text()).to_owned(),
                    for_services: taken.is_none_or(|word| matches!(word.scalar_text(), "service" | "all")),
                });
            }
        }
        Ok(found)
    }

    /// The waypoints.
    pub fn waypoints(&self) -> impl Iterator<Item = &ApiGateway> {
        self.gateways.iter().filter(|gateway| gateway.class == WAYPOINT_CLASS)
    }

    /// The namespace and name of the waypoint that a Service is sent through, whether the list holds it or not.
    #[must_use]
    pub fn used_by(&self, service: &Service, members: &Members) -> Option<(String, String)> {
        let of_namespace = members.namespaces.get(&service.namespace).map(|namespace| &namespace.labels);
        let labels = if service.labels.contains_key(USE_WAYPOINT) { Some(&service.labels) } else { of_namespace };
        let labels = labels?;
        let name = labels.get(USE_WAYPOINT).filter(|name| !name.is_empty() && *name != "none")?;
        let namespace = labels.get(WAYPOINT_NAMESPACE).unwrap_or(&service.namespace);
        Some((namespace.clone(), name.clone()))
    }

    /// The waypoint of the list that a Service is sent through.
    #[must_use]
    pub fn waypoint_of(&self, service: &Service, members: &Members) -> Option<&ApiGateway> {
        let (namespace, name) = self.used_by(service, members)?;
        self.waypoints().find(|gateway| gateway.for_services && gateway.namespace == namespace && gateway.name == name)
    }

    /// The Services that select a pod.
    pub fn of_workload(&self, workload: &Workload) -> impl Iterator<Item = &Service> {
        self.services.iter().filter(move |service| service.selects(workload))
    }
}

impl Service {
    /// It selects the pods of a workload.
    #[must_use]
    pub fn selects(&self, workload: &Workload) -> bool {
        self.namespace == workload.namespace
            && self.selector.as_ref().is_some_and(|selector| selects(selector, &workload.labels))
    }

    /// Its ports are those of the pods.
    #[must_use]
    pub fn has_ports_of(&self, workloads: &[&Workload]) -> bool {
        self.ports.iter().all(|(port, target)| {
            target.is_empty()
                || target.parse() == Ok(*port)
                || (!workloads.is_empty()
                    && workloads
                        .iter()
                        .all(|workload| workload.ports.iter().any(|(name, number)| name == target && number == port)))
        })
    }
}

fn service(place: usize, item: &Item<'_>, root: View<'_>, members: &Members) -> Service {
    let spec = root.get("spec");
    let word = |key: &str| spec.and_then(|spec| spec.get(key)).map_or("", |value| value.scalar_text());
    let selector = texts(spec.and_then(|spec| spec.get("selector")));
    let ports = spec.and_then(|spec| spec.get("ports")).into_iter().flat_map(|ports| ports.items());
    let ports = ports
        .filter_map(|port| {
            let number = port.get("port")?.scalar_text().parse().ok()?;
            Some((number, port.get("targetPort").map_or("", |target| target.scalar_text()).to_owned()))
        })
        .collect();
    Service {
        place,
        kind: item.kind().to_owned(),
        namespace: members.name_of(item),
        name: item.name().to_owned(),
        labels: texts(root.find(&["metadata", "labels"])),
        selector: (item.kind() == "Service" && word("type") != "ExternalName" && !selector.is_empty())
            .then_some(selector),
        is_headless: word("clusterIP") == "None",
        ports,
    }
}

fn is_api_gateway(item: &Item<'_>) -> bool {
    item.kind() == "Gateway" && item.api_version().split('/').next() == Some(GATEWAY_API)
}
