//! Istio's data plane mode, there and back: what comes out is what istioctl renders for that mode.

mod ambient;
mod kubeflow;
mod minors;
mod refusals;
mod renders;
mod resources;
mod shapes;

use unroot::filter::Exit;
use unroot::krm::Finding;
use unroot::{Given, filter};

/// What a run wrote and said.
struct Run {
    text: String,
    findings: Vec<Finding>,
    exit: Exit,
}

impl Run {
    /// The codes of the rules that said something, in their order.
    fn rules(&self) -> Vec<&str> {
        self.findings.iter().map(|finding| finding.tags["rule"].as_str()).collect()
    }

    fn messages(&self) -> String {
        self.findings.iter().map(|finding| format!("{finding}\n")).collect()
    }
}

fn config(istio: &[(&str, &str)]) -> String {
    let key = |(key, value): &(&str, &str)| match key.strip_prefix("ambient.") {
        Some(key) => format!("    ambient: {{{key}: {value}}}\n"),
        None => format!("    {key}: {value}\n"),
    };
    let keys: String = istio.iter().map(key).collect();
    format!(
        "apiVersion: fn.kubeflow.org/v1alpha1\nkind: Unroot\nmetadata:\n  name: unroot\nspec:\n  onViolation: warn\n  istio:\n{keys}"
    )
}

/// Runs with keys of `spec.istio`.
fn run(input: &str, istio: &[(&str, &str)]) -> Run {
    let file = Some(("unroot.yaml", Ok(config(istio).into_bytes())));
    let outcome = filter(input.as_bytes(), &Given { file, words: &[] });
    let text = outcome.pieces().iter().map(|piece| piece.as_str()).collect();
    Run { text, exit: outcome.exit, findings: outcome.findings }
}

/// As [`run`], which must succeed, and a second time change nothing.
fn done(what: &str, input: &str, istio: &[(&str, &str)]) -> String {
    let first = run(input, istio);
    assert_eq!(first.exit, Exit::Done, "{what}: {}", first.messages());
    let second = run(&first.text, istio);
    assert_eq!(second.text, first.text, "{what}: a second run changes something");
    first.text
}
