//! Which policies can be split, for which Service, and why the others cannot.

use std::collections::{BTreeMap, BTreeSet};

use super::routes::Routes;
use crate::istio::injector::Release;
use crate::istio::members::{Member, Members, Reach, Workload};
use crate::istio::policy::Action;
use crate::istio::policy::split::unlike_at_waypoint;
use crate::istio::policy::ztunnel::Enforcement;
use crate::istio::services::{Service, Services, USE_WAYPOINT};
use crate::krm::{Error, List};
use crate::passes::ambient::mark;
use crate::passes::ambient::policies::{Found, is_policy, read};

/// The name of a waypoint that this pass makes, as `istioctl waypoint` names it.
pub(super) const NAME: &str = "waypoint";
/// Policies are attached to Services from this release on.
const TARGETS_SERVICES: Release = Release::new(22, 0);

/// What shall be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The Services that get a waypoint, by their places.
    pub(super) services: BTreeMap<usize, Target>,
    /// Why policies are not split, by their places.
    pub(super) refused: BTreeMap<usize, String>,
}

/// A Service that is sent through a waypoint.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) waypoint: String,
    /// The waypoint is not in the list.
    pub(super) is_new: bool,
    /// A gateway leads to the Service.
    pub(super) ingress: bool,
    /// The policies on its pods, by their places.
    pub(super) policies: BTreeMap<usize, Found>,
    /// RequestAuthentications on its pods.
    pub(super) authentications: BTreeSet<usize>,
}

/// The list, read for the plan.
struct Ground<'l, 's> {
    list: &'l List<'s>,
    members: &'l Members,
    services: Services,
    routes: Routes,
    policies: BTreeMap<usize, Found>,
    undecodable: BTreeSet<String>,
    release: Release,
}

pub(super) fn plan(list: &List<'_>, members: &Members, release: Release) -> Result<Plan, Error> {
    let mut ground = Ground {
        list,
        members,
        services: Services::of(list, members)?,
        routes: Routes::of(list, members)?,
        policies: BTreeMap::new(),
        undecodable: BTreeSet::new(),
        release,
    };
    for (place, item) in list.items().iter().enumerate().filter(|(_, item)| is_policy(item)) {
        match read(item, members)? {
            Ok(found) => _ = ground.policies.insert(place, found),
            Err(_) => _ = ground.undecodable.insert(members.name_of(item)),
        }
    }
    let mut plan = Plan::default();
    let mut wanted: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for place in ground.candidates() {
        match ground.service_for(&ground.policies[&place]) {
            Ok(service) => wanted.entry(service.place).or_default().push(place),
            Err(why) => _ = plan.refused.insert(place, why),
        }
    }
    for (service, policies) in wanted {
        let Some(found) = ground.services.services.iter().find(|one| one.place == service) else { continue };
        match ground.target(found, &policies)? {
            Ok(target) => _ = plan.services.insert(service, target),
            Err(why) => plan.refused.extend(policies.into_iter().map(|place| (place, why.clone()))),
        }
    }
    Ok(plan)
}

impl Ground<'_, '_> {
    /// Policies on pods of ambient that ztunnel does not enforce as they are.
    fn candidates(&self) -> Vec<usize> {
        let is_one = |found: &Found| {
            found.spec.targets().is_empty()
                && found.mark.is_none()
                && self.members.scope(&found.namespace, found.spec.labels()).is_ambient()
                && found.spec.at_ztunnel() != Enforcement::Whole
        };
        self.policies.iter().filter(|(_, found)| is_one(found)).map(|(place, _)| *place).collect()
    }

    /// The one Service that stands for exactly the pods of a policy.
    fn service_for(&self, policy: &Found) -> Result<&Service, String> {
        if self.release < TARGETS_SERVICES {
            return Err("policies are attached to Services only from Istio 1.22 on".to_owned());
        }
        if policy.namespace == self.members.planes.root {
            return Err(
                "it is of the root namespace, and a policy for a waypoint must be in the Service's own".to_owned()
            );
        }
        if self.members.reach(&policy.namespace) != Reach::Ambient {
            return Err(format!("namespace \"{}\" is not in ambient", policy.namespace));
        }
        let scope = self.members.scope(&policy.namespace, policy.spec.labels());
        if scope.workloads.is_empty() {
            return Err("no pod of the input has its labels".to_owned());
        }
        if let Some(other) = scope.workloads.iter().find(|one| matches!(one.member, Member::Proxy | Member::Sidecar)) {
            return Err(format!("it is about {} too, which is not in ambient", other.shown));
        }
        let pods: Vec<&Workload> = scope.of(Member::Ambient).collect();
        let selecting: Vec<&Service> =
            self.services.services.iter().filter(|service| pods.iter().any(|pod| service.selects(pod))).collect();
        let names = || selecting.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
        let [service] = selecting[..] else {
            return Err(match selecting.len() {
                0 => "no Service of its namespace selects its pods".to_owned(),
                _ => format!("more than one Service selects its pods: {}", names()),
            });
        };
        if let Some(pod) = pods.iter().find(|pod| !service.selects(pod)) {
            return Err(format!("Service {} does not select {}", service.name, pod.shown));
        }
        let others = self.members.workloads.iter().find(|workload| {
            service.selects(workload) && !scope.workloads.iter().any(|one| one.place == workload.place)
        });
        if let Some(other) = others {
            return Err(format!("Service {} selects {} too, which the policy is not about", service.name, other.shown));
        }
        if service.is_headless {
            return Err(format!("Service {} is headless: its clients call the pods' own addresses", service.name));
        }
        Ok(service)
    }

    /// A Service with all that must go along, or why it cannot.
    fn target(&self, service: &Service, wanted: &[usize]) -> Result<Result<Target, String>, Error> {
        let namespace = service.namespace.clone();
        let (waypoint, is_new) = match self.waypoint(service) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let pods: Vec<&Workload> = self
            .members
            .workloads
            .iter()
            .filter(|workload| workload.member == Member::Ambient && service.selects(workload))
            .collect();
        let policies = match self.policies_on(service, &waypoint, &pods, wanted) {
            Ok(policies) => policies,
            Err(why) => return Ok(Err(why)),
        };
        if let Some((_, route)) =
            self.routes.in_mesh.iter().find(|((at, name), _)| *at == namespace && *name == service.name)
        {
            return Ok(Err(format!(
                "{route} routes within the mesh for Service {}; a waypoint would follow it",
                service.name
            )));
        }
        let authentications = match self.authentications_on(&namespace, &pods)? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let mut names: BTreeSet<String> =
            authentications.iter().filter_map(|place| Some(self.list.items().get(*place)?.name().to_owned())).collect();
        names.extend(policies.keys().filter_map(|place| Some(self.list.items().get(*place)?.name().to_owned())));
        let taken = self.list.items().iter().find(|item| {
            matches!(item.kind(), "AuthorizationPolicy" | "RequestAuthentication")
                && self.members.name_of(item) == namespace
                && names.iter().any(|name| item.name() == copy_name(name) || item.name() == closing_name(name))
        });
        if let Some(item) = taken {
            return Ok(Err(format!("the name {} is taken", item.name())));
        }
        let ingress = self.routes.from_gateways.contains(&(namespace.clone(), service.name.clone()));
        let service = service.name.clone();
        Ok(Ok(Target { namespace, service, waypoint, is_new, ingress, policies, authentications }))
    }

    /// The waypoint that a Service shall use, and whether it must be made.
    fn waypoint(&self, service: &Service) -> Result<(String, bool), String> {
        let namespace = &service.namespace;
        if let Some((at, name)) = self.services.used_by(service, self.members) {
            return match self.services.waypoint_of(service, self.members) {
                Some(_) if at == *namespace => Ok((name, false)),
                Some(_) => Err(format!("Service {} goes through a waypoint of another namespace", service.name)),
                None => Err(format!(
                    "Service {} is sent through waypoint \"{name}\", which the input does not hold, or which takes no Services",
                    service.name
                )),
            };
        }
        let of_namespace = self.members.namespaces.get(namespace).and_then(|found| found.labels.get(USE_WAYPOINT));
        if service.labels.contains_key(USE_WAYPOINT) || of_namespace.is_some_and(|name| name == "none") {
            return Err(format!("Service {} says that it goes through no waypoint", service.name));
        }
        let waypoints: Vec<_> = self
            .services
            .waypoints()
            .filter(|waypoint| waypoint.for_services && waypoint.namespace == *namespace)
            .collect();
        match waypoints[..] {
            [] => {}
            [one] => return Ok((one.name.clone(), false)),
            _ => {
                let names: Vec<&str> = waypoints.iter().map(|waypoint| waypoint.name.as_str()).collect();
                return Err(format!(
                    "namespace \"{namespace}\" has several waypoints ({}); label Service {} with the one it shall use",
                    names.join(", "),
                    service.name
                ));
            }
        }
        let taken = self.services.gateways.iter().any(|one| one.namespace == *namespace && one.name == NAME);
        if taken {
            return Err(format!("a Gateway \"{NAME}\" that is no waypoint is in namespace \"{namespace}\""));
        }
        Ok((NAME.to_owned(), true))
    }

    /// All policies on these pods, if each can go along.
    fn policies_on(
        &self,
        service: &Service,
        waypoint: &str,
        pods: &[&Workload],
        wanted: &[usize],
    ) -> Result<BTreeMap<usize, Found>, String> {
        let namespace = &service.namespace;
        let same_ports = service.has_ports_of(pods);
        let root = &self.members.planes.root;
        if self.undecodable.contains(namespace) || self.undecodable.contains(root) {
            return Err("a policy that may be about the same pods cannot be decoded".to_owned());
        }
        let mut policies = BTreeMap::new();
        for (place, found) in &self.policies {
            let name = self.list.items().get(*place).map_or("", |item| item.name());
            if !found.spec.targets().is_empty() {
                let about = found.spec.targets().iter().any(|target| {
                    found.namespace == *namespace
                        && ((target.kind == "Service" && target.name == service.name)
                            || (target.kind == "Gateway" && target.name == waypoint))
                        || (found.namespace == *root && target.kind == "GatewayClass")
                });
                if about {
                    return Err(format!("policy {name} is attached to the Service or its waypoint already"));
                }
                continue;
            }
            let scope = self.members.scope(&found.namespace, found.spec.labels());
            let on_pods = |pod: &&&Workload| scope.workloads.iter().any(|one| one.place == pod.place);
            if pods.iter().find(on_pods).is_none() || found.spec.rules.is_empty() {
                continue;
            }
            if found.namespace == *root {
                return Err(format!(
                    "policy {name} of the root namespace is about the same pods, and no waypoint takes it"
                ));
            }
            if found.mark.is_some() {
                return Err(format!(
                    "policy {name} has been split before; take it back with `mode: cni` and run again"
                ));
            }
            if found.spec.at_ztunnel() != Enforcement::Whole && !wanted.contains(place) {
                return Err(format!("policy {name} is about the same pods and cannot be split"));
            }
            let unlike = found.spec.rules.iter().find_map(|rule| unlike_at_waypoint(rule, same_ports));
            if let Some(why) = unlike {
                return Err(format!("a waypoint reads policy {name} otherwise, {why}"));
            }
            if let Some(other) = self.other_service_behind(found, service, waypoint) {
                return Err(format!(
                    "policy {name} is about pods of Service {other} too, which goes through the same waypoint"
                ));
            }
            policies.insert(*place, found.clone());
        }
        Ok(policies)
    }

    /// A Service of the same waypoint whose pods a policy is about too: what lets the waypoint in would open them.
    fn other_service_behind(&self, policy: &Found, service: &Service, waypoint: &str) -> Option<&str> {
        if !matches!(policy.spec.action, Action::Allow | Action::Deny) {
            return None;
        }
        let scope = self.members.scope(&policy.namespace, policy.spec.labels());
        let other = self.services.services.iter().find(|other| {
            other.place != service.place
                && self.services.used_by(other, self.members) == Some((service.namespace.clone(), waypoint.to_owned()))
                && scope.workloads.iter().any(|workload| other.selects(workload))
        });
        other.map(|other| other.name.as_str())
    }

    /// RequestAuthentications on these pods: they check tokens only where a waypoint stands.
    fn authentications_on(
        &self,
        namespace: &str,
        pods: &[&Workload],
    ) -> Result<Result<BTreeSet<usize>, String>, Error> {
        let mut found = BTreeSet::new();
        for (place, item) in self.list.items().iter().enumerate() {
            let is_one = item.kind() == "RequestAuthentication" && item.api_version().starts_with("security.istio.io/");
            let at = self.members.name_of(item);
            let root = at == self.members.planes.root;
            if !is_one || item.is_local_config() || (at != namespace && !root) {
                continue;
            }
            let parsed = item.parse_leniently()?;
            let Some(view) = parsed.root() else { continue };
            let targets = ["targetRef", "targetRefs"].iter().any(|key| view.find(&["spec", key]).is_some());
            let labels = crate::istio::members::texts(view.find(&["spec", "selector", "matchLabels"]));
            let scope = self.members.scope(&at, Some(&labels));
            let on_pods = pods.iter().any(|pod| scope.workloads.iter().any(|one| one.place == pod.place));
            if targets || !on_pods || mark::of(view).is_some() {
                continue;
            }
            if root {
                let why = format!("RequestAuthentication {} of the root namespace is about the same pods", item.name());
                return Ok(Err(why));
            }
            found.insert(place);
        }
        Ok(Ok(found))
    }
}

/// The name of the copy for the waypoint.
pub(super) fn copy_name(name: &str) -> String {
    format!("{name}-waypoint")
}

/// The name of the policy that closes the way past the waypoint.
pub(super) fn closing_name(name: &str) -> String {
    format!("{name}-past-waypoint")
}
