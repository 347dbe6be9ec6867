//! The annotations that istiod checks before it injects: one bad value, and the webhook refuses the pod.
//!
//! Source of facts: `pkg/kube/inject/validate.go`. Of `proxy.istio.io/config` only what its JSON mapping and the ports require
//! is checked, not the addresses and tracers in it.

use std::net::IpAddr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value as Json;

use super::mesh;
use super::release::Release;
use super::template::go_quote;

/// The annotation with settings of the proxy, as YAML.
pub(super) const PROXY_CONFIG: &str = "proxy.istio.io/config";

/// The first annotation that istiod would refuse, in words.
pub(super) fn refused(release: Release, metadata: &ObjectMeta) -> Option<String> {
    let mut annotations = metadata.annotations.iter().flatten();
    annotations.find_map(|(name, value)| {
        let valid = check(release, name)?;
        (!valid(value)).then(|| format!("invalid value {} for annotation {}", go_quote(value), go_quote(name)))
    })
}

fn check(release: Release, name: &str) -> Option<fn(&str) -> bool> {
    Some(match name {
        "sidecar.istio.io/interceptionMode" => |value| matches!(value, "REDIRECT" | "TPROXY" | "NONE"),
        "status.sidecar.istio.io/port" => port,
        "readiness.status.sidecar.istio.io/initialDelaySeconds"
        | "readiness.status.sidecar.istio.io/periodSeconds"
        | "readiness.status.sidecar.istio.io/failureThreshold" => unsigned,
        "traffic.sidecar.istio.io/includeOutboundIPRanges" => |value| value == "*" || cidrs(value),
        "traffic.sidecar.istio.io/excludeOutboundIPRanges" => cidrs,
        "traffic.sidecar.istio.io/includeInboundPorts" => |value| value == "*" || ports(value),
        "traffic.sidecar.istio.io/excludeInboundPorts" | "traffic.sidecar.istio.io/excludeOutboundPorts" => ports,
        "prometheus.istio.io/merge-metrics" => |value| parse_bool(value).is_some(),
        "sidecar.istio.io/enableCoreDump" if release.validates_core_dump() => |value| parse_bool(value).is_some(),
        PROXY_CONFIG => proxy_config,
        "sidecar.istio.io/proxyCPU"
        | "sidecar.istio.io/proxyMemory"
        | "sidecar.istio.io/proxyCPULimit"
        | "sidecar.istio.io/proxyMemoryLimit"
            if release.validates_resources() =>
        {
            quantity
        }
        "traffic.sidecar.istio.io/excludeInterfaces"
        | "traffic.sidecar.istio.io/kubevirtInterfaces"
        | "istio.io/reroute-virtual-interfaces"
            if release.validates_interfaces() =>
        {
            interfaces
        }
        _ => return None,
    })
}

/// Go's `strconv.ParseBool`.
pub(super) fn parse_bool(value: &str) -> Option<bool> {
    match value {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn digits(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn unsigned(value: &str) -> bool {
    digits(value) && value.parse::<u32>().is_ok()
}

fn port(value: &str) -> bool {
    let value = value.trim();
    digits(value) && value.parse::<u16>().is_ok()
}

fn ports(value: &str) -> bool {
    let value = value.trim();
    value.is_empty() || value.split(',').all(port)
}

fn cidrs(value: &str) -> bool {
    value.is_empty() || value.split(',').all(cidr)
}

fn cidr(value: &str) -> bool {
    let Some((address, bits)) = value.rsplit_once('/') else { return false };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    digits(bits) && (bits == "0" || !bits.starts_with('0')) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn interfaces(value: &str) -> bool {
    let name = |name: &str| {
        let name = name.trim();
        name.len() <= 15
            && name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    };
    value.is_empty() || value.split(',').all(name)
}

/// Kubernetes' `resource.Quantity`.
fn quantity(value: &str) -> bool {
    let number = value.strip_prefix(['+', '-']).unwrap_or(value);
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let (digits_and_dot, suffix) = number.split_at(end);
    let (whole, fraction) = digits_and_dot.split_once('.').unwrap_or((digits_and_dot, ""));
    if whole.len() + fraction.len() == 0 || fraction.contains('.') {
        return false;
    }
    if matches!(
        suffix,
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei"
    ) {
        return true;
    }
    let exponent =
        suffix.strip_prefix(['e', 'E']).map(|exponent| exponent.strip_prefix(['+', '-']).unwrap_or(exponent));
    exponent.is_some_and(digits)
}

fn proxy_config(value: &str) -> bool {
    let Ok(config) = mesh::proxy_config_of(value) else { return false };
    let port = |name: &str| match config.get(name) {
        None | Some(Json::Null) => true,
        Some(Json::String(text)) => text.parse().is_ok_and(|port: i64| (1..=65535).contains(&port)),
        Some(number) => number.as_f64().is_some_and(|port| (1.0..=65535.0).contains(&port) && port.fract() == 0.0),
    };
    port("statusPort") && port("proxyAdminPort")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_checked_as_istiod_does() {
        let old = Release::new(17, 5);
        let new = Release::new(30, 0);
        let rows = [
            ("sidecar.istio.io/interceptionMode", "NONE", true, true),
            ("sidecar.istio.io/interceptionMode", "none", false, false),
            ("status.sidecar.istio.io/port", "15020", true, true),
            ("status.sidecar.istio.io/port", "70000", false, false),
            ("status.sidecar.istio.io/port", "", false, false),
            ("readiness.status.sidecar.istio.io/periodSeconds", "+1", false, false),
            ("traffic.sidecar.istio.io/includeOutboundIPRanges", "*", true, true),
            ("traffic.sidecar.istio.io/excludeOutboundIPRanges", "*", false, false),
            ("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.0/8,::1/128", true, true),
            ("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.1", false, false),
            ("traffic.sidecar.istio.io/excludeOutboundIPRanges", "10.0.0.1/33", false, false),
            ("traffic.sidecar.istio.io/includeInboundPorts", "80, 443", true, true),
            ("traffic.sidecar.istio.io/includeInboundPorts", "80,http", false, false),
            ("sidecar.istio.io/enableCoreDump", "maybe", false, true),
            ("sidecar.istio.io/proxyCPU", "a lot", true, false),
            ("sidecar.istio.io/proxyCPU", "100m", true, true),
            ("sidecar.istio.io/proxyMemory", "1.5Gi", true, true),
            ("sidecar.istio.io/proxyMemory", "1e3", true, true),
            ("traffic.sidecar.istio.io/excludeInterfaces", "eth0,$(x)", true, false),
            (PROXY_CONFIG, "holdApplicationUntilProxyStarts: true", true, true),
            (PROXY_CONFIG, "interceptionMode: NOPE", false, false),
            (PROXY_CONFIG, "statusPort: 0", false, false),
            (PROXY_CONFIG, "just words", false, false),
            ("example.com/other", "anything", true, true),
        ];
        for (name, value, before, after) in rows {
            let metadata =
                ObjectMeta { annotations: Some([(name.to_owned(), value.to_owned())].into()), ..ObjectMeta::default() };
            assert_eq!(refused(old, &metadata).is_none(), before, "1.17: {name}={value}");
            assert_eq!(refused(new, &metadata).is_none(), after, "1.30: {name}={value}");
        }
    }
}
