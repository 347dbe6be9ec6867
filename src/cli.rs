//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use unroot::pod_security::{Level, Version};

const EXAMPLES: &str = "\
Examples:
  kustomize build example > platform.yaml && unroot enforce=baseline warn=restricted < platform.yaml > labelled.yaml
  unroot --config unroot.yaml < platform.yaml > labelled.yaml
  unroot istio=cni platform=gke < platform.yaml > rootless.yaml
  kpt fn eval DIR --exec unroot -- enforce=baseline
  kustomize build example | unroot check --level restricted

Keys of KEY=VALUE (those of a functionConfig of kind ConfigMap): enforce, audit, warn, version, floor,
userNamespaces, istio, platform, cniNamespace, ztunnelNamespace, waypoints, harden, assumeNonRoot, onViolation.
A functionConfig of kind Unroot (apiVersion fn.kubeflow.org/v1alpha1) has more: see fn-config/unroot.yaml.

Exit codes: 0 done; 1 done, with findings of severity error; 2 input or configuration unusable, nothing was
changed; 3 a bug of unroot.

With kustomize, an exec function needs --enable-alpha-plugins and --enable-exec; without the second flag
kustomize skips it and says nothing.";

/// Runs a Kubeflow or Istio platform without root: moves Istio's sidecars to istio-cni and back, puts Pod Security labels
/// on namespaces, and says what they will do.
///
/// Reads a ResourceList, a stream of YAML documents, JSON or a `kind: List` on standard input and writes the same form on
/// standard output. What no rule touches leaves byte for byte as it came. Findings go to standard error and into the
/// list's `results`.
#[derive(Debug, Parser)]
#[command(name = "unroot", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) filter: Filter,
}

#[derive(Debug, Args)]
pub(crate) struct Filter {
    /// File with the configuration: an `Unroot` or a `ConfigMap`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The configuration as words, in place of a file
    #[arg(value_name = "KEY=VALUE")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say what Pod Security admission would say of every pod, as it is admitted; change nothing
    Check(Check),
    /// Say what it would take to run rootless (not yet in this version)
    Plan(NotYet),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Pods are judged with the containers that the Istio of the input will add to them. Without --level each pod is judged
/// by the `enforce` label of its own namespace. All FILEs together are one input.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// File with a configuration that shall have been applied: what a run would still change is an error
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Judge all pods by this level: privileged, baseline or restricted
    #[arg(long)]
    pub(crate) level: Option<Level>,
    /// Judge all pods by this version of the policies: latest or v1.N
    #[arg(long)]
    pub(crate) version: Option<Version>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = CheckOutput::Text)]
    pub(crate) output: CheckOutput,
    /// Files with manifests; `-` is standard input, which is also read where there is no FILE
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    /// For people
    Text,
    /// One JSON object per line and resource
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// A page (not yet in this version)
    Html,
}

/// A command of a later version: its arguments are not judged.
#[derive(Debug, Args)]
pub(crate) struct NotYet {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}
