//! The settings of every minor, of which most have no recorded render.

use serde_json::{Value, json};
use unroot::istio::mode_settings::{
    Condition, ControlPlane, Desired, Document, Redirection, Setting, Ztunnel, injector_flags, settings,
};
use unroot::istio::platform::Platform;

use super::minors::{ALL, row};

fn settings_of(minor: u32, platform: Platform, redirection: Redirection) -> Vec<Setting> {
    let facts = row(minor);
    let platform = platform.effect(facts).unwrap();
    settings(&ControlPlane {
        facts,
        redirection,
        ztunnel: Ztunnel::Absent,
        trusted_accounts: Some("mesh/ztunnel"),
        platform: &platform,
        namespace: "mesh",
        bin_dir: None,
        conf_dir: None,
    })
}

#[test]
fn the_flag_is_the_one_that_the_template_asks() {
    for minor in ALL {
        let both = [&["istio_cni", "enabled"][..], &["pilot", "cni", "enabled"]];
        let asked: &[&[&str]] = match minor {
            17..=21 => &both[..1],
            22 | 23 => &both,
            _ => &both[1..],
        };
        assert_eq!(injector_flags(row(minor)), asked, "1.{minor}");
        for platform in [Platform::None, Platform::OpenShift] {
            let flags = |redirection: Redirection| -> Vec<Setting> {
                let mut flags = settings_of(minor, platform, redirection);
                flags.retain(|setting| {
                    setting.document == Document::InjectorValues && setting.path.ends_with(&["enabled"])
                });
                flags
            };
            let off = flags(Redirection::IstioInit);
            assert_eq!(off.iter().map(|flag| &flag.path[..]).collect::<Vec<_>>(), asked, "1.{minor}");
            assert!(
                off.iter()
                    .all(|flag| flag.condition == Condition::IfPresent && flag.desired == Desired::Set(json!(false)))
            );
            let on = flags(Redirection::IstioCni);
            let enough = if matches!(minor, 22 | 23) && platform == Platform::None { &asked[..1] } else { asked };
            assert_eq!(on.iter().map(|flag| &flag.path[..]).collect::<Vec<_>>(), enough, "1.{minor} {platform}");
            assert!(
                on.iter().all(|flag| flag.condition == Condition::Always && flag.desired == Desired::Set(json!(true)))
            );
        }
    }
}

#[test]
fn openshift_is_told_in_the_way_of_the_minor() {
    for minor in ALL {
        let settings = settings_of(minor, Platform::OpenShift, Redirection::IstioCni);
        let set = |document: Document, path: &[&str]| {
            settings
                .iter()
                .find(|setting| setting.document == document && setting.path == path)
                .map(|setting| setting.desired.clone())
        };
        let value = |value: Value, holds: bool| holds.then_some(Desired::Set(value));
        let named = value(json!("openshift"), minor >= 19);
        assert_eq!(set(Document::IstiodEnv, &["PLATFORM"]), named, "1.{minor}");
        assert_eq!(set(Document::InjectorValues, &["global", "platform"]), named, "1.{minor}");
        let networks = "k8s.v1.cni.cncf.io/networks";
        let annotation = value(json!("istio-cni"), minor <= 18);
        assert_eq!(set(Document::InjectorConfig, &["injectedAnnotations", networks]), annotation);
        assert_eq!(
            set(Document::InjectorValues, &["sidecarInjectorWebhook", "injectedAnnotations", networks]),
            annotation
        );
        let chained = value(json!(false), (19..=21).contains(&minor));
        assert_eq!(set(Document::InjectorValues, &["istio_cni", "chained"]), chained, "1.{minor}");
        let provider = value(json!("multus"), minor >= 22);
        assert_eq!(set(Document::InjectorValues, &["pilot", "cni", "provider"]), provider, "1.{minor}");
        let trusted = value(json!("kube-system/ztunnel"), minor >= 24);
        assert_eq!(set(Document::IstiodEnv, &["CA_TRUSTED_NODE_ACCOUNTS"]), trusted, "1.{minor}");
        let gateway = settings.iter().filter(|setting| setting.document == Document::GatewayDeployment).count();
        assert_eq!(gateway, if minor >= 20 { 2 } else { 0 }, "1.{minor}");
        let merged = settings.iter().any(|setting| setting.document == Document::MergedValues);
        assert_eq!(merged, minor >= 26, "1.{minor}");
        let echoed =
            settings.iter().any(|setting| setting.document == Document::InjectorValues && setting.informational);
        assert_eq!(echoed, minor >= 24, "1.{minor}");
    }
}

/// What `CA_TRUSTED_NODE_ACCOUNTS` becomes; None: it stays.
fn trusted(minor: u32, platform: Platform, ztunnel: Ztunnel<'_>, present: Option<&str>) -> Option<Desired> {
    let facts = row(minor);
    let platform = platform.effect(facts).unwrap();
    let settings = settings(&ControlPlane {
        facts,
        redirection: Redirection::IstioCni,
        ztunnel,
        trusted_accounts: present,
        platform: &platform,
        namespace: "istio-system",
        bin_dir: None,
        conf_dir: None,
    });
    let setting = settings.into_iter().find(|setting| setting.path == ["CA_TRUSTED_NODE_ACCOUNTS"])?;
    setting.change(present.map(Value::from).as_ref()).cloned()
}

#[test]
fn istiod_trusts_the_ztunnel_that_there_is_and_whom_the_user_trusts() {
    let here = Ztunnel::Present { namespace: "kube-system" };
    let gone = Ztunnel::Removed { namespace: "kube-system" };
    let (own, kube) = ("istio-system/ztunnel", "kube-system/ztunnel");
    let both = "istio-system/ztunnel,kube-system/ztunnel";
    let none = Platform::None;
    let set = |accounts: &str| Some(Desired::Set(json!(accounts)));
    for (minor, platform, ztunnel, present, expected) in [
        (28, none, here, Some(own), set(kube)),
        (28, none, here, None, set(kube)),
        (28, none, here, Some(kube), None),
        (28, none, here, Some("mine/z"), set("mine/z,kube-system/ztunnel")),
        (28, none, here, Some(both), None),
        (28, none, gone, Some(kube), set(own)),
        (28, none, gone, Some("mine/z,kube-system/ztunnel"), set("mine/z")),
        (28, none, gone, Some("mine/z"), None),
        (28, none, Ztunnel::Absent, Some("mine/z"), None),
        (28, none, Ztunnel::Absent, None, None),
        (28, Platform::OpenShift, Ztunnel::Absent, Some(own), set(kube)),
        (28, Platform::OpenShift, Ztunnel::Absent, Some(kube), None),
        (28, Platform::OpenShift, gone, Some(kube), None),
        (23, Platform::OpenShift, Ztunnel::Absent, Some(own), None),
        (23, none, here, Some(own), set(kube)),
        (22, none, here, None, set(both)),
        (22, none, here, Some(both), None),
        (22, none, Ztunnel::Present { namespace: "mesh" }, None, set(&format!("{both},mesh/ztunnel"))),
        (22, none, gone, Some(both), Some(Desired::Remove { around: 0 })),
        (22, none, gone, Some("mine/z"), None),
    ] {
        let found = trusted(minor, platform, ztunnel, present);
        assert_eq!(found, expected, "1.{minor} {platform} {ztunnel:?} {present:?}");
    }
    let removed = trusted(22, none, Ztunnel::Removed { namespace: "mesh" }, Some(&format!("{both},mesh/ztunnel")));
    assert_eq!(removed, Some(Desired::Remove { around: 0 }));
}
