//! `cargo xtask bench`: what the code costs.

use std::fs;
use std::path::Path;

use crate::command::Command;
use crate::instructions;
use crate::need::Need;

/// What counting instructions takes.
pub(crate) const NEEDS: [Need; 2] =
    [Need::Debian(&["valgrind", "libc6-dbg"]), Need::Tool { package: "gungraun-runner", version: "0.20.0" }];

/// What to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BenchOptions {
    pub(crate) report: bool,
    pub(crate) accept: bool,
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
    if options.report {
        report(root, options.quick)?;
    }
    if options.accept || options.report {
        return Ok(());
    }
    let filter = if options.quick { " -- mesh-1000/" } else { "" };
    let line = format!("cargo bench --package authz-benches --bench decide{filter}");
    let command = Command::new(&line);
    // The others have no stream to choose.
    let others = Command::new("cargo bench --package authz-benches --bench compile --bench load");
    [command].into_iter().chain((!options.quick).then_some(others)).try_for_each(|command| {
        println!("$ {command}");
        command.run(root).map_err(|why| format!("`{command}`: {why}"))
    })
}

/// Measures the heap first, in a process of its own, for counting bytes takes time.
fn report(root: &Path, quick: bool) -> Result<(), String> {
    let program =
        |arguments: &str| Command::new(&format!("cargo run --quiet --release --package authz-benches --bin {arguments}"));
    let flag = if quick { " --quick" } else { "" };
    let inputs = program(&format!("report --{flag} --inputs")).stdout(root)?;
    let memory = program(&format!("memory -- {}", inputs.trim()));
    println!("$ {memory}");
    let path = "target/bench-memory.csv";
    let text = memory.stdout(root)?;
    fs::create_dir_all(root.join("target")).map_err(|error| format!("target: {error}"))?;
    fs::write(root.join(path), text).map_err(|error| format!("{path}: {error}"))?;
    let report = program(&format!("report --{flag} --memory {path}"));
    println!("$ {report}");
    report.run(root).map_err(|why| format!("`{report}`: {why}"))
}
