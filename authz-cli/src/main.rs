//! `authz` answers, without a cluster, whether a TCP connection may pass Istio's policies, and why.
//!
//! One file per command; all reading in [`input`], all printing in [`console`]. Decisions, findings and
//! explanations come from `authz-core` as they are: this crate judges nothing.

#![forbid(unsafe_code)]

mod check;
mod completions;
mod connection;
mod console;
mod exit;
mod explain;
mod input;
mod line_index;
mod lint;
mod man;
mod mesh;
mod policies;
mod question;
mod snippet;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use console::{Color, Console};
use exit::{Answer, Failure};

/// Decides whether a TCP connection may pass, with the semantics of Istio's AuthorizationPolicy and
/// PeerAuthentication, and says why
///
/// It needs no cluster: give it the YAML of the policies, name the workload, and state the connection.
#[derive(Debug, Parser)]
#[command(name = "authz", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to use colours; `NO_COLOR` is honoured
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Decide one connection and say why
    ///
    /// What is not said about the connection is known to be absent: without `--principal` the client
    /// speaks plaintext.
    #[command(after_long_help = CHECK_HELP)]
    Check(Box<question::Question>),

    /// Decide one connection and show the whole way to the decision
    ///
    /// Every policy that applies and why, every rule with the first clause that failed, and for a
    /// connection that nothing allowed the nearest misses.
    #[command(after_long_help = EXPLAIN_HELP)]
    Explain(Box<question::Question>),

    /// Find what is wrong, or merely surprising, in policies
    #[command(after_long_help = LINT_HELP)]
    Lint(lint::LintArgs),

    /// Run policy-test suites
    #[command(after_long_help = TEST_HELP)]
    Test(test::TestArgs),

    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),

    /// Print a manual page
    Man(man::ManArgs),
}

const CHECK_HELP: &str = "\
Exit codes: 0 allow, 1 deny, 2 no answer (wrong options, unreadable or broken policies, no policies at all).

Examples:
  authz check --policies policies.yaml --namespace foo --label app=tcp-echo \\
    --source-ip 10.244.1.46 --destination-ip 10.244.2.10 --destination-port 9002

  kubectl get authorizationpolicy,peerauthentication -A -o yaml | authz check --policies - \\
    --namespace foo --label app=tcp-echo --source-ip 10.244.1.46 --destination-port 9000 \\
    --principal spiffe://cluster.local/ns/foo/sa/sleep";

const EXPLAIN_HELP: &str = "\
Exit codes: 0 allow, 1 deny, 2 no answer.

Example:
  authz explain --policies policies/ --namespace foo --label app=tcp-echo \\
    --source-ip 10.244.1.46 --destination-ip 10.244.2.10 --destination-port 9002";

const LINT_HELP: &str = "\
Exit codes: 0 clean or only warnings, 1 errors (with --deny-warnings: or warnings), 2 unreadable, or nothing to lint.

Examples:
  authz lint policies/ 'teams/**/*.yaml'
  authz lint --explain deny-http-only";

const TEST_HELP: &str = "\
Exit codes: 0 all passed, 1 some failed, 2 unreadable, or nothing to run.

A suite:
  workload: {namespace: foo, labels: {app: tcp-echo}}
  policies: [policies.yaml]
  cases:
    - name: an unlisted port is denied
      connection: {sourceIp: 10.0.0.7, destinationIp: 10.0.0.9, destinationPort: 9002}
      expect: deny
      because: {reason: no-allow-match}";

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too. Nobody may be listening any more.
            let _ = error.print();
            return if error.exit_code() == 0 { ExitCode::SUCCESS } else { Failure::code() };
        }
    };
    let console = Console::new(cli.color);
    match run(&cli.command, console) {
        Ok(answer) => answer.into(),
        Err(failure) => {
            console.fail(&failure);
            Failure::code()
        }
    }
}

fn run(command: &Command, console: Console) -> Result<Answer, Failure> {
    match command {
        Command::Check(question) => check::run(question, console),
        Command::Explain(question) => explain::run(question, console),
        Command::Lint(args) => lint::run(args, console),
        Command::Test(args) => test::run(args, console),
        Command::Completions(args) => completions::run(args, console),
        Command::Man(args) => man::run(args, console),
    }
}
