//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

// Lines are broken by hand: clap would ask the terminal for its width, and the same call must give the same bytes.
const WHAT_IT_DOES: &str = "\
Puts Pod Security labels on the namespaces of a Kubeflow or Istio platform.

Reads a ResourceList, a stream of YAML documents, JSON or a `kind: List` on standard input and writes the same
form on standard output. What no rule touches leaves byte for byte as it came. Findings go to standard error,
and into the `results` of a ResourceList.";

const AFTER_HELP: &str = "\
Examples:
  kustomize build example > rendered.yaml &&
    unroot enforce=baseline warn=restricted < rendered.yaml > labelled.yaml
  unroot --config unroot.yaml < rendered.yaml > labelled.yaml
  kpt fn eval DIR --exec unroot -- enforce=baseline warn=restricted

Keys of KEY=VALUE, which are those of a functionConfig of kind ConfigMap:
  enforce           privileged | baseline | restricted: pods below this level are refused
  audit, warn       the same levels: pods below are noted in the audit log, their authors are warned
  version           latest | v1.N: writes the versions of these levels too
  userNamespaces    a level: what Kubeflow's profile controller makes user namespaces enforce
  floor, onViolation
                    accepted; without effect until this version judges pods
  istio, platform, cniNamespace, ztunnelNamespace, waypoints, harden, assumeNonRoot
                    checked; what they ask for is not yet in this version and is refused
A functionConfig of kind Unroot (apiVersion fn.kubeflow.org/v1alpha1) can say more, such as other levels for
some namespaces. A list that brings its own functionConfig needs no arguments.

Exit codes:
  0  done
  1  done, with findings of severity error; of another form than a ResourceList nothing is written
  2  input or configuration unusable, nothing was changed
  3  a bug of unroot

With kustomize, an exec function needs --enable-alpha-plugins and --enable-exec; without the second flag
kustomize skips it and says nothing.";

/// Puts Pod Security labels on the namespaces of a Kubeflow or Istio platform
#[derive(Debug, Parser)]
#[command(name = "unroot", version, long_about = WHAT_IT_DOES, after_long_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
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
    /// Say what Pod Security admission would say of every pod (not yet in this version)
    Check(NotYet),
    /// Say what it would take to run rootless (not yet in this version)
    Plan(NotYet),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// A command of a later version: its arguments are not judged.
#[derive(Debug, Args)]
pub(crate) struct NotYet {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}
