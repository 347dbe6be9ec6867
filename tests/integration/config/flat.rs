//! The flat keys of a ConfigMap and of `KEY=VALUE` words.

use serde_json::{Value, json};
use unroot::config::Config;

use super::{fn_config, parse, read_yaml};

fn config_map(data: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "function-input"}, "data": data})
}

fn unroot(spec: &Value) -> Value {
    json!({"apiVersion": "fn.kubeflow.org/v1alpha1", "kind": "Unroot", "spec": spec})
}

/// A key, a value, and the object that says the same.
fn every_key() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("enforce", "strictest", json!({"podSecurity": {"enforce": "strictest"}})),
        ("audit", "restricted", json!({"podSecurity": {"audit": "restricted"}})),
        ("warn", "privileged", json!({"podSecurity": {"warn": "privileged"}})),
        ("version", "v1.30", json!({"podSecurity": {"version": "v1.30"}})),
        ("floor", "restricted", json!({"podSecurity": {"floor": "restricted"}})),
        ("userNamespaces", "baseline", json!({"podSecurity": {"userNamespaces": {"enforce": "baseline"}}})),
        ("istio", "cni", json!({"istio": {"mode": "cni"}})),
        ("platform", "gke", json!({"istio": {"platform": "gke"}})),
        ("cniNamespace", "istio-cni", json!({"istio": {"cniNamespace": "istio-cni"}})),
        ("ztunnelNamespace", "istio-system", json!({"istio": {"ambient": {"ztunnelNamespace": "istio-system"}}})),
        ("waypoints", "auto", json!({"istio": {"ambient": {"waypoints": "auto"}}})),
        ("harden", "restricted", json!({"workloads": {"harden": "restricted"}})),
        ("assumeNonRoot", "true", json!({"workloads": {"assumeNonRoot": true}})),
        ("onViolation", "warn", json!({"onViolation": "warn"})),
    ]
}

#[test]
fn every_key_means_the_same_in_all_three_forms() {
    for (key, value, spec) in every_key() {
        let expected = parse(&unroot(&spec)).unwrap();
        assert_ne!(expected, Config::default(), "{key}");
        assert_eq!(parse(&config_map(&json!({key: value}))).unwrap(), expected, "{key}");
        assert_eq!(Config::from_pairs([(key, value)]).unwrap(), expected, "{key}");
        assert_eq!(Config::from_words([format!("{key}={value}").as_str()]).unwrap(), expected, "{key}");
    }
}

#[test]
fn these_are_all_keys_and_the_sample_uses_them() {
    let known: Vec<&str> = every_key().into_iter().map(|(key, _, _)| key).collect();
    let error = Config::from_pairs([("zzz", "1")]).unwrap_err();
    let (_, allowed) = error.message.split_once("; allowed: ").unwrap();
    assert_eq!(allowed.split(", ").map(|key| key.trim_matches('`')).collect::<Vec<_>>(), known);

    let sample = read_yaml(&fn_config("config-map.yaml"));
    let config = parse(&sample).unwrap();
    let pairs = sample["data"].as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap()));
    let mut in_sample: Vec<&str> = pairs.clone().map(|(key, _)| key).collect();
    let mut known = known;
    in_sample.sort_unstable();
    known.sort_unstable();
    assert_eq!(in_sample, known);
    assert_eq!(Config::from_pairs(pairs).unwrap(), config);
}

#[test]
fn what_is_absent_or_null_says_nothing() {
    let nothing = Config::default();
    assert_eq!(Config::from_words([]).unwrap(), nothing);
    let everything_null: Value = every_key().into_iter().map(|(key, _, _)| (key.to_owned(), Value::Null)).collect();
    for object in [
        config_map(&json!({})),
        config_map(&Value::Null),
        config_map(&everything_null),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "immutable": true}),
        unroot(&json!({"podSecurity": {"userNamespaces": {}}, "istio": {"ambient": {"waypoints": "none"}}})),
        unroot(&json!({"workloads": {"harden": "none", "users": []}, "onViolation": "fail"})),
    ] {
        assert_eq!(parse(&object).unwrap(), nothing, "{object}");
    }
}

#[test]
fn errors_of_a_config_map_name_the_key() {
    for (data, expected) in [
        (
            json!({"enforced": "baseline"}),
            "data.enforced: unknown key \"enforced\"; did you mean `enforce`? allowed: `enforce`, `audit`",
        ),
        (json!({"enforce": "strict"}), "data.enforce: unknown value \"strict\"; allowed: `privileged`"),
        (json!({"assumeNonRoot": true}), "data.assumeNonRoot: must be the string \"true\""),
        (json!({"assumeNonRoot": "yes"}), "data.assumeNonRoot: unknown value \"yes\"; allowed: `true`, `false`"),
        (json!({"version": 1.3}), "data.version: must be `latest` or"),
        (json!({"istio": {"mode": "cni"}}), "data.istio: must be one of `sidecar`, `cni`, `ambient`"),
        (json!([]), "data: must be a map, not a sequence"),
        (json!("enforce=baseline"), "data: must be a map, not the string"),
    ] {
        let error = parse(&config_map(&data)).unwrap_err();
        assert!(error.starts_with(expected), "{data}: {error}");
    }
    let mut object = config_map(&json!({}));
    object["spec"] = json!({});
    let error = parse(&object).unwrap_err();
    assert!(error.starts_with("spec: unknown key \"spec\"; allowed: `apiVersion`, `kind`"), "{error}");
}

#[test]
fn errors_of_words_name_the_key_and_what_was_meant() {
    for (words, path, expected) in [
        (&["enforce"][..], "", "\"enforce\" must be written as KEY=VALUE, such as \"enforce=baseline\""),
        (
            &["enfroce=baseline"],
            "enfroce",
            "unknown key \"enfroce\"; did you mean `enforce`? allowed: `enforce`, `audit`",
        ),
        (&["mode=cni"], "mode", "unknown key \"mode\"; allowed: `enforce`"),
        (&["=baseline"], "", "unknown key \"\"; allowed: `enforce`"),
        (
            &["warn=restricted", "enforce=Baseline"],
            "enforce",
            "unknown value \"Baseline\"; did you mean `baseline`? allowed",
        ),
        (&["enforce="], "enforce", "unknown value \"\"; allowed: `privileged`, `baseline`, `restricted`, `strictest`"),
        (&["version=1.30"], "version", "must be `latest` or `v1.N`, not \"1.30\""),
        (&["cniNamespace=a=b"], "cniNamespace", "must be the name of a namespace"),
        (&["enforce=baseline", "enforce=baseline"], "enforce", "must be given only once"),
    ] {
        let error = Config::from_words(words.iter().copied()).unwrap_err();
        assert_eq!(error.path, path, "{words:?}");
        assert!(error.message.starts_with(expected), "{words:?}: {error}");
    }
}
