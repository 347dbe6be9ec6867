//! NetworkPolicies: where the port of HBONE is added, and where not.

use super::{PLANE, items, list, mesh, run_with};

fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: one\n  namespace: web\nspec:\n{spec}"
    )
}

#[test]
fn rules_with_peers_and_ports_get_the_port_and_lose_it_again() {
    let from = "    from:\n    - podSelector: {}\n";
    for (spec, added) in [
        (format!("  ingress:\n  - ports:\n    - port: 80\n{from}  podSelector: {{}}\n"), 1),
        (format!("  egress:\n  - ports:\n    - port: 80\n{}  podSelector: {{}}\n", from.replace("from", "to")), 1),
        (
            format!(
                "  ingress:\n  - ports:\n    - port: 80\n{from}  - ports:\n    - port: 90\n{from}  podSelector: {{}}\n"
            ),
            2,
        ),
        (format!("  ingress:\n  - ports:\n    - port: 15008\n    - port: 80\n{from}  podSelector: {{}}\n"), 0),
        (format!("  ingress:\n  -{}  podSelector: {{}}\n", &from[3..]), 0),
        ("  ingress:\n  - ports:\n    - port: 80\n  podSelector: {}\n".to_owned(), 0),
        (
            "  ingress:\n  - ports:\n    - port: 80\n    from:\n    - ipBlock: {cidr: 10.0.0.0/8}\n  podSelector: {}\n"
                .to_owned(),
            0,
        ),
        (
            format!(
                "  ingress:\n  - ports:\n    - port: 80\n{from}  podSelector:\n    matchExpressions:\n    - {{key: app, operator: NotIn, values: [app]}}\n"
            ),
            1,
        ),
        (format!("  ingress:\n  - ports:\n    - port: 80\n{from}  podSelector:\n    matchLabels: {{app: other}}\n"), 1),
    ] {
        let input = list(&mesh(&policy(&spec)));
        let run = run_with(&input, "{mode: ambient}");
        let count = |text: &str| {
            let found =
                items(text).into_iter().find(|doc| doc["kind"] == "NetworkPolicy" && doc["metadata"]["name"] == "one");
            found.unwrap()["spec"].to_string().matches("15008").count()
        };
        assert_eq!(count(&run.text) - count(&input), added, "{spec}\n{}", run.messages());
        let about = run.about("NetworkPolicy", "one");
        let expected = if added > 0 { "info network-policy-hbone" } else { "info network-policy-kept" };
        assert!(about[0].starts_with(expected), "{about:?}");
        assert_eq!(
            added > 0,
            about.iter().any(|said| said.starts_with("warning network-policy-opens-ports")),
            "{about:?}"
        );
        let again = run_with(&run.text, "{mode: ambient}");
        assert_eq!(items(&again.text), items(&run.text));
        let back = run_with(&run.text, "{mode: cni}");
        let only = |text: &str| {
            text[text.find("kind: NetworkPolicy\n  metadata:\n    name: one").unwrap()..]
                .split("\nresults:")
                .next()
                .unwrap()
                .split("\n- ")
                .next()
                .unwrap()
                .trim_end()
                .to_owned()
        };
        let policies = |text: &str| text.contains("fn.kubeflow.org/unroot-ambient");
        assert!(!policies(&back.text));
        if added > 0 {
            assert_eq!(
                items(&back.text).into_iter().find(|doc| doc["metadata"]["name"] == "one"),
                items(&input).into_iter().find(|doc| doc["metadata"]["name"] == "one")
            );
        } else {
            assert_eq!(only(&run.text), only(&input));
        }
    }
}

#[test]
fn pods_that_nobody_in_the_mesh_reaches_are_named() {
    let webhook = policy("  ingress:\n  - ports:\n    - port: 9443\n  podSelector:\n    matchLabels: {app: app}\n");
    let run = run_with(&list(&mesh(&webhook)), "{mode: ambient}");
    assert!(
        run.about("NetworkPolicy", "one").iter().any(|said| said.starts_with("warning network-policy-blocks")),
        "{}",
        run.messages()
    );
    let same = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: same, namespace: web}\nspec: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}\n";
    let run = run_with(&list(&mesh(&format!("{webhook}---\n{same}"))), "{mode: ambient}");
    assert!(run.of_rule("network-policy-blocks").is_empty(), "{}", run.messages());
}

#[test]
fn pods_outside_of_ambient_keep_their_policies() {
    let rest = policy("  ingress:\n  - ports: [{port: 80}]\n    from: [{podSelector: {}}]\n  podSelector: {}\n");
    let run = run_with(&list(&format!("{PLANE}---\n{rest}")), "{mode: ambient}");
    assert_eq!(run.about("NetworkPolicy", "one"), ["info network-policy-kept: is about no pod of ambient"]);
    let run = run_with(&list(&mesh(&rest)), "{mode: ambient, ambient: {namespaces: []}}");
    assert!(
        run.about("NetworkPolicy", "one")[0]
            .starts_with("info network-policy-kept: is about pods that are not in ambient")
    );
}
