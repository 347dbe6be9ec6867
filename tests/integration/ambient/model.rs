//! A model of who gets in: before, at a sidecar, and after, at a waypoint and ztunnel.
//!
//! It knows nothing of the product's code: it reads manifests, as istiod, Envoy and ztunnel do.

use std::collections::BTreeSet;

use serde_json::Value;

pub(super) const ROOT: &str = "istio-system";
pub(super) const GATEWAY: &str = "cluster.local/ns/istio-system/sa/gateway";

/// How a request gets to its pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By the name of a Service.
    Service(String),
    /// To the pod's own address.
    Pod,
}

/// A client's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    None,
    Valid,
    Invalid,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The client's identity; None outside of the mesh.
    pub(super) identity: Option<String>,
    pub(super) way: Way,
    /// The pod, by its label `app` in namespace `web`.
    pub(super) pod: String,
    /// The port of the Service, or of the pod.
    pub(super) port: u64,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) header: Option<String>,
    pub(super) token: Token,
    /// What the provider of CUSTOM policies says.
    pub(super) provider: bool,
}

/// Why a request is refused: the name of the policy, or of what it lacks.
pub(super) type Refusals = BTreeSet<String>;

/// The manifests of namespace `web` and the root namespace.
pub(super) struct World<'w> {
    pub(super) docs: &'w [Value],
    /// Namespaces whose clients have sidecars.
    pub(super) sidecars: &'w [&'w str],
}

fn text<'v>(doc: &'v Value, pointer: &str) -> &'v str {
    doc.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn words<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    value[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `*`, `a*`, `*a` and `a`.
fn matches(pattern: &str, text: &str) -> bool {
    if pattern == "*" {
        return !text.is_empty();
    }
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (_, Some(begin)) => text.starts_with(begin),
        _ => pattern == text,
    }
}

/// What a proxy sees of a request.
struct Seen<'r> {
    identity: Option<&'r str>,
    port: u64,
    request: &'r Request,
    principal: Option<&'r str>,
}

impl Seen<'_> {
    fn namespace(&self) -> &str {
        self.identity.and_then(|identity| identity.split('/').nth(2)).unwrap_or_default()
    }

    fn attribute(&self, name: &str) -> String {
        let text = match name {
            "principals" | "source.principal" => self.identity.unwrap_or_default(),
            "namespaces" | "source.namespace" => self.namespace(),
            "requestPrincipals" | "request.auth.principal" => self.principal.unwrap_or_default(),
            "ports" | "destination.port" => return self.port.to_string(),
            "methods" => &self.request.method,
            "paths" => &self.request.path,
            "request.headers[h]" => self.request.header.as_deref().unwrap_or_default(),
            other => panic!("the model knows no {other}"),
        };
        text.to_owned()
    }

    /// All fields of a source or an operation.
    fn element(&self, element: &Value, keep: &dyn Fn(&str) -> bool) -> bool {
        element.as_object().into_iter().flatten().all(|(key, _)| {
            let (name, negative) = positive(key);
            let found = || words(element, key).iter().any(|pattern| matches(pattern, &self.attribute(&name)));
            !keep(&name) || words(element, key).is_empty() || found() != negative
        })
    }

    fn condition(&self, condition: &Value) -> bool {
        let value = self.attribute(text(condition, "/key"));
        let any = |key: &str| words(condition, key).iter().any(|pattern| matches(pattern, &value));
        (words(condition, "values").is_empty() || any("values")) && !any("notValues")
    }

    /// As Envoy matches a rule.
    fn rule(&self, rule: &Value) -> bool {
        let clause = |key: &str, inner: &str| {
            let list = rule[key].as_array().cloned().unwrap_or_default();
            list.is_empty() || list.iter().any(|one| self.element(&one[inner], &|_| true))
        };
        clause("from", "source")
            && clause("to", "operation")
            && rule["when"].as_array().into_iter().flatten().all(|condition| self.condition(condition))
    }

    /// As istiod sends a rule to ztunnel, and ztunnel matches it. None where it is not sent.
    fn rule_at_ztunnel(&self, rule: &Value, allow: bool) -> Option<bool> {
        let known = |name: &str| matches!(name, "principals" | "namespaces" | "ports");
        let mut http = false;
        let mut all = true;
        for (key, inner) in [("from", "source"), ("to", "operation")] {
            let list = rule[key].as_array().cloned().unwrap_or_default();
            let mut any = false;
            for one in &list {
                let fields = one[inner].as_object().cloned().unwrap_or_default();
                let said = |field: &&String| !words(&one[inner], field).is_empty();
                http |= fields.keys().filter(said).any(|field| !known(&positive(field).0));
                // An element of which nothing is left is passed over.
                let empty = !fields.keys().filter(said).any(|field| known(&positive(field).0));
                any |= !empty && self.element(&one[inner], &known);
            }
            all &= list.is_empty() || any;
        }
        for condition in rule["when"].as_array().into_iter().flatten() {
            let key = text(condition, "/key");
            if matches!(key, "source.principal" | "source.namespace" | "destination.port") {
                all &= self.condition(condition);
            } else {
                http = true;
                all = false;
            }
        }
        if allow && http { None } else { Some(all) }
    }
}

/// `notPaths` is the negative of `paths`.
fn positive(key: &str) -> (String, bool) {
    match key.strip_prefix("not") {
        Some(rest) => (rest[..1].to_lowercase() + &rest[1..], true),
        None => (key.to_owned(), false),
    }
}

fn action(policy: &Value) -> &str {
    match text(policy, "/spec/action") {
        "" => "ALLOW",
        action => action,
    }
}

fn rules(policy: &Value) -> Vec<Value> {
    policy["spec"]["rules"].as_array().cloned().unwrap_or_default()
}

impl World<'_> {
    fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = &'s Value> {
        self.docs.iter().filter(move |doc| doc["kind"] == kind)
    }

    fn targets_of(policy: &Value) -> Vec<Value> {
        policy["spec"]["targetRefs"].as_array().cloned().unwrap_or_default()
    }

    /// Resources of a kind that select the pod.
    fn on_pod<'s>(&'s self, kind: &'s str, pod: &'s str) -> impl Iterator<Item = &'s Value> {
        self.of_kind(kind).filter(move |doc| {
            let here = ["web", ROOT].contains(&text(doc, "/metadata/namespace"));
            let labels = doc["spec"]["selector"]["matchLabels"].as_object().cloned().unwrap_or_default();
            here && Self::targets_of(doc).is_empty() && labels.iter().all(|(key, value)| key == "app" && value == pod)
        })
    }

    /// The ALLOW policies on a pod, by name.
    pub(super) fn allows_on(&self, pod: &str) -> Vec<String> {
        let policies = self.on_pod("AuthorizationPolicy", pod).filter(|policy| action(policy) == "ALLOW");
        policies.map(|policy| text(policy, "/metadata/name").to_owned()).collect()
    }

    fn is_strict(&self) -> bool {
        self.of_kind("PeerAuthentication").any(|doc| text(doc, "/spec/mtls/mode") == "STRICT")
    }

    /// The Envoy of a sidecar or a waypoint, with these policies.
    fn envoy(request: &Request, identity: Option<&str>, port: u64, policies: &[&Value], tokens: &[&Value]) -> Refusals {
        let mut refusals = Refusals::new();
        if request.token == Token::Invalid {
            refusals.extend(tokens.iter().map(|doc| text(doc, "/metadata/name").to_owned()));
        }
        let principal = (request.token == Token::Valid && !tokens.is_empty()).then_some("issuer/subject");
        let seen = Seen { identity, port, request, principal };
        let matching = |policy: &&&Value| rules(policy).iter().any(|rule| seen.rule(rule));
        let of = |word: &'static str| policies.iter().filter(move |policy| action(policy) == word);
        let name = |policy: &&Value| text(policy, "/metadata/name").to_owned();
        refusals.extend(of("DENY").filter(matching).map(name));
        if !request.provider {
            refusals.extend(of("CUSTOM").filter(matching).map(name));
        }
        if of("ALLOW").next().is_some() && !of("ALLOW").any(|policy| matching(&policy)) {
            refusals.insert("no ALLOW".to_owned());
        }
        refusals
    }

    fn pod_port(&self, request: &Request) -> u64 {
        let Way::Service(name) = &request.way else { return request.port };
        let service = self.of_kind("Service").find(|doc| text(doc, "/metadata/name") == name).unwrap();
        let ports = service["spec"]["ports"].as_array().unwrap();
        let port = ports.iter().find(|port| port["port"] == request.port).unwrap();
        port["targetPort"].as_u64().unwrap()
    }

    /// Why the sidecar of a pod refuses a request.
    pub(super) fn before(&self, request: &Request) -> Refusals {
        let policies: Vec<&Value> = self.on_pod("AuthorizationPolicy", &request.pod).collect();
        let tokens: Vec<&Value> = self.on_pod("RequestAuthentication", &request.pod).collect();
        let mut refusals =
            Self::envoy(request, request.identity.as_deref(), self.pod_port(request), &policies, &tokens);
        if self.is_strict() && request.identity.is_none() {
            refusals.insert("no mTLS".to_owned());
        }
        refusals
    }

    /// The waypoint that a request goes through.
    pub(super) fn waypoint(&self, request: &Request) -> Option<&str> {
        let Way::Service(name) = &request.way else { return None };
        let service = self.of_kind("Service").find(|doc| text(doc, "/metadata/name") == name)?;
        let labels = &service["metadata"]["labels"];
        let used = labels["istio.io/use-waypoint"].as_str()?;
        let there = self.of_kind("Gateway").any(|doc| {
            text(doc, "/metadata/name") == used
                && text(doc, "/metadata/namespace") == "web"
                && text(doc, "/spec/gatewayClassName") == "istio-waypoint"
        });
        let identity = request.identity.as_deref()?;
        let from = identity.split('/').nth(2)?;
        let goes = match identity == GATEWAY {
            true => labels["istio.io/ingress-use-waypoint"] == "true",
            false => !self.sidecars.contains(&from),
        };
        (there && goes).then_some(used)
    }

    /// Why the mesh of ambient refuses a request.
    pub(super) fn after(&self, request: &Request) -> Refusals {
        let mut refusals = Refusals::new();
        let mut identity = request.identity.clone();
        if let Some(waypoint) = self.waypoint(request) {
            let Way::Service(service) = &request.way else { return refusals };
            let attached = |doc: &&Value| {
                text(doc, "/metadata/namespace") == "web"
                    && Self::targets_of(doc).iter().any(|target| {
                        (target["kind"] == "Service" && target["name"] == **service)
                            || (target["kind"] == "Gateway" && target["name"] == waypoint)
                    })
            };
            let policies: Vec<&Value> = self.of_kind("AuthorizationPolicy").filter(attached).collect();
            let tokens: Vec<&Value> = self.of_kind("RequestAuthentication").filter(attached).collect();
            refusals.extend(Self::envoy(request, identity.as_deref(), request.port, &policies, &tokens));
            identity = Some(format!("cluster.local/ns/web/sa/{waypoint}"));
        }
        let seen = Seen { identity: identity.as_deref(), port: self.pod_port(request), request, principal: None };
        if self.is_strict() && identity.is_none() {
            refusals.insert("no mTLS".to_owned());
        }
        let policies: Vec<&Value> = self.on_pod("AuthorizationPolicy", &request.pod).collect();
        let hits = |policy: &Value, allow: bool| {
            rules(policy).iter().any(|rule| seen.rule_at_ztunnel(rule, allow) == Some(true))
        };
        for policy in policies.iter().filter(|policy| action(policy) == "DENY" && hits(policy, false)) {
            refusals.insert(text(policy, "/metadata/name").to_owned());
        }
        let allows: Vec<&&Value> = policies.iter().filter(|policy| action(policy) == "ALLOW").collect();
        if !allows.is_empty() && !allows.iter().any(|policy| hits(policy, true)) {
            refusals.insert("no ALLOW".to_owned());
        }
        refusals
    }
}
