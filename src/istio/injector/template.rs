//! Go's `text/template`, as far as the injector's templates go.
//!
//! What istiod adds to a pod stands in the manifests, as Go templates in the ConfigMap `istio-sidecar-injector`. Evaluating
//! them predicts every version and every customised template alike, which a table of versions could not. The language is
//! small; what is left out (functions that nobody's injection template uses, methods of Go types) is an
//! [`TemplateError::Unsupported`], so that the caller can say that it does not know instead of guessing.
//!
//! Source of facts: the package `text/template` of Go 1.26 (`parse/lex.go`, `parse/parse.go`, `exec.go`, `funcs.go`), the
//! function map of Istio's `pkg/kube/inject/template.go` (1.17 to 1.30), and Masterminds/sprig v3, which Istio adds to it.

mod exec;
mod format;
mod functions;
mod lex;
mod parse;
mod sprig;
mod value;

use std::collections::BTreeMap;

use parse::Node;
use thiserror::Error;

pub(super) use exec::Environment;
pub(super) use format::go_quote;
pub(super) use value::Value;

/// Why a template gave no text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum TemplateError {
    /// Go would have evaluated it; this evaluator does not know how.
    #[error("{0}")]
    Unsupported(String),
    /// Go would have failed as well, so the webhook refuses the pod.
    #[error("{0}")]
    Failed(String),
}

/// A parsed template with the templates that it defines.
#[derive(Debug)]
pub(super) struct Template {
    body: Vec<Node>,
    defined: BTreeMap<String, Vec<Node>>,
}

impl Template {
    /// Parses the text of one template.
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let tokens = lex::tokens(text)?;
        let (body, defined) = parse::parse(&tokens)?;
        Ok(Self { body, defined })
    }

    /// Evaluates the template with `data` as dot.
    pub(super) fn render(&self, data: Value<'_>, environment: &Environment<'_>) -> Result<String, TemplateError> {
        exec::render(self, data, environment)
    }
}
