//! `cargo xtask test` runs every test of the project, from a clean clone, without asking anything;
//! `cargo xtask bench` measures what it costs; `cargo xtask build` makes what others load; `cargo xtask demo` and
//! `cargo xtask playground` show it.

#![forbid(unsafe_code)]

mod command;
mod need;

mod bench;
mod build;
mod demo;
mod envoy;
mod instructions;
mod network;
mod playground;
mod proxies;
mod web;

mod step;
mod steps;

mod options;
mod runner;
mod rust_version;
mod unpacked;

use std::path::Path;
use std::process::ExitCode;

use options::{Options, Request, USAGE};

fn main() -> ExitCode {
    let request = match options::parse(std::env::args().skip(1)) {
        Ok(request) => request,
        Err(why) => {
            eprintln!("error: {why}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let Some(root) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else {
        eprintln!("error: xtask stands in no workspace");
        return ExitCode::from(2);
    };
    match request {
        Request::Help => {
            println!("{USAGE}");
            ExitCode::SUCCESS
        }
        Request::Test(options) => test(root, &options),
        Request::Bench(options) => exit(bench::run(root, options)),
        Request::BuildEnvoy => exit(build::envoy(root).map(|modules| println!("{}", build::search_path(&modules)))),
        Request::BuildWeb => exit(web::package(root).map(drop)),
        Request::DemoEnvoy(kind) => exit(demo::envoy(root, kind)),
        Request::Playground(form) => exit(playground::run(root, form)),
    }
}

fn exit(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn test(root: &Path, options: &Options) -> ExitCode {
    let steps = steps::all(options);
    if let Some(unknown) = options.only.iter().chain(&options.skip).find(|name| steps.iter().all(|step| step.name != **name)) {
        eprintln!("error: `{unknown}` is not a step; `cargo xtask test --list` names them");
        return ExitCode::from(2);
    }
    if options.list {
        for step in steps {
            println!("{:12} {}", step.name, step.about);
        }
        return ExitCode::SUCCESS;
    }
    let chosen = |step: &step::Step| {
        (options.only.is_empty() || options.only.iter().any(|name| name == step.name))
            && !options.skip.iter().any(|name| name == step.name)
    };
    runner::run(root, steps.into_iter().filter(chosen).collect())
}
