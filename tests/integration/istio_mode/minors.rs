//! Every minor: most have no recorded render, so that of the nearest one is given its version. The flag and the objects
//! must be those of the minor's own facts.

use serde_json::Value;
use unroot::istio::facts::{self, InjectorFlag};
use unroot::istio::objects::cni::objects;
use unroot::istio::platform::Platform;

use super::{done, run};
use crate::istio_objects::renders::{Docs, at_hand, install_of, key_of, read_text, shared};
use crate::istio_objects::{assert_same, owned};

/// The recorded version whose control plane is laid out as this minor's.
fn recorded(minor: u32) -> &'static str {
    match minor {
        ..=21 => "1.17.5",
        22 | 23 => "1.22.1",
        _ => "1.28.10",
    }
}

fn sidecar(minor: u32) -> String {
    let from = recorded(minor);
    let file = shared().join("istio").join(from).join("sidecar.yaml");
    std::fs::read_to_string(file).unwrap().replace(from, &format!("1.{minor}.3"))
}

fn flags(docs: &Docs) -> (Option<bool>, Option<bool>) {
    let injector =
        docs.iter().find(|(key, _)| key.kind == "ConfigMap" && key.name == "istio-sidecar-injector").unwrap().1;
    let values: Value = serde_yaml::from_str(injector["data"]["values"].as_str().unwrap()).unwrap();
    let flag = |pointer: &str| values.pointer(pointer).and_then(Value::as_bool);
    (flag("/istio_cni/enabled"), flag("/pilot/cni/enabled"))
}

#[test]
fn every_minor_goes_there_and_back() {
    if !at_hand() {
        return;
    }
    for row in facts::all() {
        let minor = row.minor;
        let name = format!("1.{minor}");
        let input = sidecar(minor);
        let before = read_text(&input);
        for platform in Platform::ALL {
            if platform.effect(row).is_err() {
                let refused = run(&input, &[("mode", "cni"), ("platform", platform.as_str())]);
                assert!(refused.messages().contains("needs Istio 1.24 or newer"), "{name}: {}", refused.messages());
                assert!(refused.text.is_empty());
                continue;
            }
            let keys = |mode| [("mode", mode), ("platform", platform.as_str())];
            let there = done(&name, &input, &keys("cni"));
            let docs = read_text(&there);
            let install = install_of(&before, platform, "kube-system");
            assert_eq!(install.facts.minor, minor);
            let wanted: Docs = objects(&install)
                .into_iter()
                .map(|object| serde_json::to_value(object).unwrap())
                .map(|value| (key_of(&value), value))
                .collect();
            let found: Docs = owned(&docs).into_iter().map(|key| (key.clone(), docs[&key].clone())).collect();
            assert_same(&format!("{name} {platform}"), &found, &wanted);
            let (istio_cni, pilot_cni) = flags(&docs);
            let on = match row.injector_flag {
                InjectorFlag::IstioCni | InjectorFlag::Either => istio_cni,
                InjectorFlag::PilotCni => pilot_cni,
            };
            assert_eq!(on, Some(true), "{name} {platform}");
            let back = run(&there, &keys("sidecar")).text;
            if platform == Platform::None {
                assert!(back == input, "{name} does not come back byte for byte");
                continue;
            }
            let docs = read_text(&back);
            assert!(![flags(&docs).0, flags(&docs).1].contains(&Some(true)), "{name} {platform}");
            assert!(owned(&docs).is_empty(), "{name} {platform}");
        }
    }
}

#[test]
fn a_newer_istio_is_treated_as_the_newest_known_and_says_so() {
    if !at_hand() {
        return;
    }
    let outcome = run(&sidecar(31), &[("mode", "cni")]);
    assert!(outcome.rules().contains(&"istio-too-new"), "{}", outcome.messages());
    assert!(outcome.text.contains("/install-cni:1.31.3"), "{}", outcome.messages());
}
