//! The table of generated pods: what `docs/restricted.md` says, and what the recorded platforms get of it.

use std::path::Path;

use unroot::filter::{Exit, Given};
use unroot::krm::List;
use unroot::kubeflow::factories::{Evidence, FACTORIES, Knob};
use unroot::kubeflow::platform::Platform;

use super::run;
use crate::{expected, shared};

/// The part of `docs/restricted.md` that is made from the table.
fn rendered() -> String {
    let mut text = String::from(
        "| pods | made by | lack of restricted | what decides | what `harden: restricted` sets |\n| --- | --- | --- | --- | --- |\n",
    );
    for factory in FACTORIES {
        let (what, hardened) = match factory.knob {
            Knob::Setting { what, hardened } => (what.to_owned(), hardened),
            Knob::None { why } => (format!("**nothing**: {why}"), "nothing"),
        };
        text.push_str(&format!(
            "| <a id=\"{}\"></a>{} | {} | {} | {what} | {hardened} |\n",
            factory.code, factory.pods, factory.component, factory.lacks
        ));
    }
    text
}

#[test]
fn the_documentation_holds_the_table_that_the_findings_are_made_from() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/restricted.md");
    let text = std::fs::read_to_string(&file).expect("docs/restricted.md");
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let (head, rest) = text.split_once(begin).expect("the beginning of the table");
    let (_, tail) = rest.split_once(end).expect("the end of the table");
    let actual = format!("{head}{begin}{}{end}{tail}", rendered());
    expected::matches(&file, &actual).unwrap_or_else(|difference| panic!("{difference}"));
}

fn lacking(build: &str) -> Vec<(&'static str, String)> {
    let list = List::read(build).unwrap();
    let platform = Platform::of(&list).unwrap();
    let evidence = Evidence::of(&list, &platform);
    let lacks = |factory| evidence.lacks(factory).unwrap().map(|lacks| lacks.to_string());
    FACTORIES.iter().filter_map(|factory| Some((factory.code, lacks(factory)?))).collect()
}

const ALL: &str = "allowPrivilegeEscalation, capabilities, runAsNonRoot, seccompProfile";

const CONFIG: &str = "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nspec:\n  podSecurity: {userNamespaces: {enforce: restricted}}\n  \
                      istio: {mode: cni}\n  workloads: {harden: restricted}\n";

fn restricted(build: &str) -> super::Ran {
    let given = Given { file: Some(("config.yaml", Ok(CONFIG.as_bytes().to_vec()))), words: &[] };
    let ran = run(build, &given);
    assert_eq!(
        ran.exit,
        Exit::Done,
        "{:#?}",
        ran.said.iter().filter(|line| line.contains("[error]")).collect::<Vec<_>>()
    );
    ran
}

fn pairs(list: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    list.iter().map(|(code, lacks)| (*code, (*lacks).to_owned())).collect()
}

#[test]
fn generated_pods_of_26_03_before_and_after() {
    let Some(build) = shared::read("kubeflow/26.03.yaml.gz") else { return };
    assert_eq!(
        lacking(&build),
        pairs(&[
            ("pipelines-user", "runAsNonRoot"),
            ("workflows-main", ALL),
            ("pipelines-viewers", ALL),
            ("notebooks", ALL),
            ("tensorboards", ALL),
            ("volume-viewers", "runAsNonRoot, seccompProfile"),
            ("kserve-predictors", ALL),
            ("kserve-storage-initializer", ALL),
            ("kserve-modelcars", "allowPrivilegeEscalation, capabilities, seccompProfile"),
            ("knative-services", ALL),
            ("katib-suggestions", ALL),
            ("katib-metrics-collectors", ALL),
            ("katib-early-stopping", ALL),
            ("katib-trials", ALL),
            ("trainer-runtimes", ALL),
        ])
    );
    let ran = restricted(&build);
    let left = lacking(&ran.out);
    assert_eq!(
        left,
        pairs(&[
            ("pipelines-viewers", "allowPrivilegeEscalation, capabilities, runAsNonRoot"),
            ("notebooks", ALL),
            ("tensorboards", ALL),
            ("volume-viewers", "runAsNonRoot"),
            ("kserve-predictors", "runAsNonRoot"),
            ("kserve-modelcars", "allowPrivilegeEscalation, capabilities, seccompProfile"),
            ("knative-services", "runAsNonRoot"),
            ("katib-suggestions", "runAsNonRoot"),
            ("katib-early-stopping", ALL),
            ("katib-trials", "runAsNonRoot"),
            ("trainer-runtimes", "runAsNonRoot"),
        ])
    );
    // A warning for each, with the controller that makes the pods, and its setting or that there is none.
    let said = ran.of_rule("generated-pods");
    assert_eq!(said.len(), left.len());
    assert!(said.iter().all(|line| line.starts_with("[warning] apps/v1/")), "{said:#?}");
    assert!(
        said[1].starts_with("[warning] apps/v1/Deployment/kubeflow/notebook-controller-deployment: "),
        "{}",
        said[1]
    );
    assert!(said[1].contains("there is no setting for it"));
}

#[test]
fn generated_pods_of_1_8_1_before_and_after() {
    let Some(build) = shared::read("kubeflow/v1.8.1.yaml.gz") else { return };
    assert_eq!(
        lacking(&build),
        pairs(&[
            ("pipelines-system", ALL),
            ("pipelines-user", ALL),
            ("workflows-executor", ALL),
            ("workflows-main", ALL),
            ("pipelines-profiles", ALL),
            ("pipelines-viewers", ALL),
            ("notebooks", ALL),
            ("tensorboards", ALL),
            ("volume-viewers", "runAsNonRoot, seccompProfile"),
            ("kserve-predictors", ALL),
            ("knative-queue-proxy", "seccompProfile"),
            ("knative-services", ALL),
            ("katib-suggestions", ALL),
            ("katib-metrics-collectors", ALL),
            ("katib-early-stopping", ALL),
            ("katib-trials", ALL),
            ("training-operator-init", ALL),
        ])
    );
    let ran = restricted(&build);
    // Pipelines 2.0.5 needs root for its artifacts: the user stays open, and is said to.
    assert!(lacking(&ran.out).contains(&("workflows-main", "runAsNonRoot".to_owned())));
    assert!(!lacking(&ran.out).iter().any(|(code, _)| *code == "workflows-executor"));
    let generated = ran.of_rule("harden-generated");
    assert!(
        generated
            .iter()
            .any(|line| line.contains("workflow-controller-configmap data: ") && line.contains("issue 9783"))
    );
}

#[test]
fn nothing_is_said_of_generated_pods_below_restricted() {
    let Some(build) = shared::read("kubeflow/26.03.yaml.gz") else { return };
    for words in
        [&["userNamespaces=baseline"][..], &["enforce=restricted"], &["harden=baseline", "userNamespaces=baseline"]]
    {
        let ran = super::with_words(&build, words);
        assert_eq!(ran.of_rule("generated-pods"), Vec::<&str>::new(), "{words:?}");
        assert_eq!(ran.of_rule("harden-generated"), Vec::<&str>::new(), "{words:?}");
    }
}
