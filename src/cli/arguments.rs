//! The command line, as clap reads it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::pod_security::{Level, Version};

// Lines are broken by hand: clap would ask the terminal for its width, and the same call must give the same bytes.
const WHAT_IT_DOES: &str = "\
Runs a Kubeflow or Istio platform without root: puts Pod Security labels on namespaces, moves Istio between
sidecars with istio-init and istio-cni, says which pods the labels will refuse, and what it would take.

Reads a ResourceList, a stream of YAML documents, JSON or a `kind: List` on standard input and writes the same
form on standard output. What no rule touches leaves byte for byte as it came. Findings go to standard error,
and into the `results` of a ResourceList.";

const AFTER_HELP: &str = "\
Examples:
  kustomize build example > rendered.yaml &&
    unroot enforce=baseline warn=restricted < rendered.yaml > labelled.yaml
  unroot --config unroot.yaml < rendered.yaml > labelled.yaml
  unroot istio=cni platform=gke < rendered.yaml > rootless.yaml
  kpt fn eval DIR --exec unroot -- enforce=baseline warn=restricted
  unroot check --level restricted rendered.yaml
  unroot check --since rendered-before.yaml rendered.yaml
  unroot plan rendered.yaml
  unroot plan --output config rendered.yaml > rootless.yaml

Keys of KEY=VALUE, which are those of a functionConfig of kind ConfigMap:
  enforce           privileged | baseline | restricted | strictest: pods below this level are refused
                    (strictest: the strictest level that all pods of the namespace meet as admitted)
  audit, warn       the first three: pods below are noted in the audit log, their authors are warned
  version           latest | v1.N: writes the versions of these levels too
  userNamespaces    a level: what Kubeflow's profile controller makes user namespaces enforce
  floor             a level: `enforce=strictest` below it is an error; baseline where absent
  istio             sidecar | cni | ambient: pods with istio-init, which is root, under istio-cni, or with no
                    sidecar, their traffic in the hands of the node's ztunnel
  platform          gke | openshift | k3d | k3s | microk8s | minikube | none
  cniNamespace      namespace of istio-cni; kube-system where absent
  onViolation       fail | warn: what a pod is that its namespace will refuse, an error or a warning
  harden            none | baseline | restricted: fills in what pods leave unsaid, towards this level
  assumeNonRoot     true | false: hardening sets runAsNonRoot also where no user of the image is known
  ztunnelNamespace  namespace of ztunnel; that of istio-cni where absent
  waypoints         none | auto: whether policies that ztunnel cannot enforce get a waypoint
A functionConfig of kind Unroot (apiVersion fn.kubeflow.org/v1alpha1) can say more, such as other levels for
some namespaces. A list that brings its own functionConfig needs no arguments.

Exit codes:
  0  done
  1  done, with findings of severity error; of another form than a ResourceList nothing is written
  2  input or configuration unusable, nothing was changed
  3  a bug of unroot

With kustomize, an exec function needs --enable-alpha-plugins and --enable-exec; without the second flag
kustomize skips it and says nothing.";

/// Runs a Kubeflow or Istio platform without root
#[derive(Debug, Parser)]
#[command(name = "unroot", version, long_about = WHAT_IT_DOES, after_long_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    #[command(flatten)]
    pub(super) filter: Filter,
}

#[derive(Debug, Args)]
pub(super) struct Filter {
    /// File with the configuration: an `Unroot` or a `ConfigMap`
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The configuration as words, in place of a file
    #[arg(value_name = "KEY=VALUE")]
    pub(super) words: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what Pod Security admission would say of every pod, as it is admitted; change nothing
    Check(Check),
    /// Say what it would take to run rootless; change nothing
    Plan(Plan),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Pods are judged with the containers that the Istio of the input will add to them. Without --level each pod is judged
/// by the `enforce` label of its own namespace. All FILEs together are one input.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// File with a configuration that shall have been applied: what a run would still change is an error
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Judge all pods by this level: privileged, baseline or restricted
    #[arg(long)]
    pub(super) level: Option<Level>,
    /// Judge all pods by this version of the policies: latest or v1.N
    #[arg(long)]
    pub(super) version: Option<Version>,
    /// File with an older render: only what is worse than in it fails (several make one render; `-` is standard input)
    #[arg(long, value_name = "OLD")]
    pub(super) since: Vec<PathBuf>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = CheckOutput::Text)]
    pub(super) output: CheckOutput,
    /// Files with manifests; `-` is standard input, which is also read where there is no FILE
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckOutput {
    /// For people
    Text,
    /// One JSON object per line and resource
    Jsonl,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// A page
    Html,
}

/// For each namespace the strictest level that all its pods meet as they are admitted, with the Istio of the input as it
/// is and in each data plane mode, without and with hardening, and what blocks the next level. All FILEs together are
/// one input.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// File with a configuration that says more of the platform, such as `istio.platform` or `workloads.users`
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// The form of the plan
    #[arg(long, value_enum, default_value_t = PlanOutput::Text)]
    pub(super) output: PlanOutput,
    /// Files with manifests; `-` is standard input, which is also read where there is no FILE
    #[arg(value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanOutput {
    /// For people
    Text,
    /// One JSON object
    Json,
    /// A functionConfig that gets there
    Config,
    /// The way there, stage by stage
    Stages,
    /// A page
    Html,
}
