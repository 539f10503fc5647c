//! `cargo xtask bench`: what the code costs.

use std::fs;
use std::path::Path;

use crate::build::show;
use crate::command::Command;
use crate::envoy;
use crate::instructions;
use crate::need::Need;

/// What counting instructions takes.
pub(crate) const NEEDS: [Need; 2] =
    [Need::Debian(&["valgrind", "libc6-dbg"]), Need::Tool { package: "gungraun-runner", version: "0.20.0" }];

/// What to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BenchOptions {
    pub(crate) report: bool,
    pub(crate) peers: bool,
    pub(crate) accept: bool,
    pub(crate) envoy: bool,
    pub(crate) quick: bool,
}

/// Measures.
pub(crate) fn run(root: &Path, options: BenchOptions) -> Result<(), String> {
    if options.accept {
        for need in NEEDS {
            need.provide(root)?;
        }
        instructions::accept(root)?;
    }
    if options.peers {
        peers(root, options.quick)?;
    }
    if options.report {
        report(root, options)?;
    }
    if options.envoy {
        envoy::bench(root, options.quick)?;
    }
    if options.accept || options.peers || options.report || options.envoy {
        return Ok(());
    }
    let filter = if options.quick { " -- mesh-1000/" } else { "" };
    let line = format!("cargo bench --package authz-benches --bench decide{filter}");
    let command = Command::new(&line);
    // The others have no stream to choose.
    let others = Command::new("cargo bench --package authz-benches --bench compile --bench load");
    [command].into_iter().chain((!options.quick).then_some(others)).try_for_each(|command| show(root, &command))
}

/// Where the comparison with other engines leaves its figures.
const PEERS: &str = "target/bench-peers";

/// Measures with the package's own programs, the heap first.
fn report(root: &Path, options: BenchOptions) -> Result<(), String> {
    let program =
        |arguments: &str| Command::new(&format!("cargo run --quiet --release --package authz-benches --bin {arguments}"));
    let flag = if options.quick { " --quick" } else { "" };
    let inputs = program(&format!("report --{flag} --inputs")).stdout(root)?;
    let path = "target/bench-memory.csv";
    heap(root, &program(&format!("memory -- {}", inputs.trim())), path)?;
    let peers = if options.peers { format!(" --peers {PEERS}") } else { String::new() };
    show(root, &program(&format!("report --{flag} --memory {path}{peers}")))
}

/// Compares with other engines. Their package has a workspace of its own, and so they are built here alone.
fn peers(root: &Path, quick: bool) -> Result<(), String> {
    let program = |arguments: &str| {
        Command::new(&format!("cargo run --quiet --release --locked --manifest-path benches/peers/Cargo.toml --bin {arguments}"))
    };
    let flag = if quick { " --quick" } else { "" };
    println!("the other engines are built, which takes minutes the first time");
    let inputs = program(&format!("authz-bench-peers --{flag} --inputs")).stdout(root)?;
    let path = "target/bench-peers-memory.csv";
    heap(root, &program(&format!("authz-bench-peers-memory -- {}", inputs.trim())), path)?;
    show(root, &program(&format!("authz-bench-peers --{flag} --memory {path} --out {PEERS}")))
}

/// Keeps what a program prints about the heap. It is a process of its own, for counting bytes takes time.
fn heap(root: &Path, memory: &Command, path: &str) -> Result<(), String> {
    println!("$ {memory}");
    let text = memory.stdout(root)?;
    fs::create_dir_all(root.join("target")).map_err(|error| format!("target: {error}"))?;
    fs::write(root.join(path), text).map_err(|error| format!("{path}: {error}"))
}
