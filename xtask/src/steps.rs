//! The steps of a test run, quick ones first.

use crate::bench;
use crate::command::Command;
use crate::envoy;
use crate::instructions;
use crate::need::{Need, TOOLS};
use crate::options::Options;
use crate::playground;
use crate::proxies;
use crate::rust_version;
use crate::step::Step;

/// Every step. A new one is an entry here; what it needs from the machine is a [`Need`].
pub(crate) fn all(options: &Options) -> Vec<Step> {
    let cargo = |arguments: &str| Command::new(&format!("cargo {arguments}"));
    vec![
        Step::new("fmt", "the formatting of all Rust code").runs(cargo("fmt --all --check")),
        Step::new("rust-version", "every package states the oldest compiler that it takes")
            .checks("grep -L rust-version */Cargo.toml", rust_version::check),
        // Not with all features: `small` takes the place of code that everyone else runs.
        Step::new("clippy", "lints, in all code")
            .runs(cargo("clippy --workspace --all-targets --features authz-core/serde -- -D warnings"))
            .runs(cargo("clippy --package authz-core --all-targets --all-features -- -D warnings")),
        Step::new("test", "unit, integration, property and documentation tests; replayed fuzz inputs")
            .runs(cargo("test --workspace --features authz-core/serde")),
        Step::new("small", "the core as WebAssembly has it: arrangements and agreement")
            .runs(cargo("test --package authz-core --features small --lib --test arrangements --test agreement")),
        Step::new("no-features", "the core without its features").runs(cargo("test --package authz-core --no-default-features")),
        Step::new("suites", "conformance, walkthroughs and examples through the command line")
            .runs(cargo("run --quiet --package authz-cli -- test testdata examples/tcp-echo")),
        Step::new("doc", "the documentation of all packages, without warnings")
            .runs(cargo("doc --workspace --no-deps --all-features").environment("RUSTDOCFLAGS", "-D warnings")),
        Step::new("wasm", "the core for browsers and proxies")
            .needs(Need::Target("wasm32-unknown-unknown"))
            .runs(cargo("check --package authz-core --all-features --target wasm32-unknown-unknown")),
        Step::new("c", "the C library: other compilers, sanitizers, valgrind, Miri, panics, C++, installed")
            .needs(Need::Miri)
            .needs(Need::Debian(&["gcc", "g++", "clang", "libclang-rt-dev", "cmake", "make", "man-db", "pkg-config", "valgrind"]))
            .runs(cargo("clippy --package authz-ffi --all-targets --all-features -- -D warnings"))
            .runs(cargo("test --package authz-ffi --features inject-panics --test toolchain"))
            .runs(cargo("miri test --package authz-ffi --test memory").environment("RUSTUP_TOOLCHAIN", "nightly")),
        Step::new("envoy", "both filters in a real Envoy, on real sockets").checks("cargo xtask test --only envoy", envoy::test),
        Step::new("proxies", "the C interface in Debian's nginx and HAProxy, on real sockets")
            .checks("cargo xtask test --only proxies", proxies::test),
        Step::new("playground", "the npm package in Node, and the playground in a real Chromium")
            .checks("cargo xtask test --only playground", playground::test),
        bench::NEEDS.into_iter().fold(instructions(), Step::needs),
        fuzz(options.fuzz_seconds),
    ]
}

fn instructions() -> Step {
    Step::new("instructions", "instructions per decision, load and compile, beside those of the last time")
        .checks("cargo xtask test --only instructions", instructions::check)
}

/// The fuzz targets: what each starts with besides its own inputs, and its options.
const FUZZ_TARGETS: [(&str, &str, &str); 3] =
    [("load", "", "-dict=fuzz/load.dict"), ("decide", "", "-max_len=8192"), ("names", "authz-ffi/tests/der", "-max_len=2048")];

fn fuzz(seconds: u32) -> Step {
    // Without sanitizers: next to no code of the project that the targets reach is unsafe, what is of the C library has
    // them in the step `c`, and it runs five times as often. Overflow checks and assertions are on.
    let fuzz =
        |arguments: &str| Command::new(&format!("{TOOLS}/bin/cargo-fuzz {arguments}")).environment("RUSTUP_TOOLCHAIN", "nightly");
    let mut step = Step::new("fuzz", "the fuzz targets: built, and run for --fuzz-seconds each")
        .needs(Need::Nightly)
        .needs(Need::Tool { package: "cargo-fuzz", version: "0.13.2" })
        .runs(fuzz("build --sanitizer none"));
    if seconds > 0 {
        for (target, more, options) in FUZZ_TARGETS {
            // New inputs go to the first folder; the others are where it starts.
            let inputs = format!("fuzz/corpus/{target} fuzz/regressions/{target} {more}");
            let limits = format!("-max_total_time={seconds} -timeout=20");
            step = step.runs(Command::new(&format!("mkdir -p fuzz/corpus/{target}")));
            step = step.runs(fuzz(&format!("run --sanitizer none {target} {inputs} -- {limits} {options}")));
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_named_once() {
        let steps = all(&Options::default());
        for (at, step) in steps.iter().enumerate() {
            assert!(steps[..at].iter().all(|other| other.name != step.name), "{}", step.name);
            assert!(!step.about.is_empty() && !step.actions.is_empty(), "{}", step.name);
        }
    }

    #[test]
    fn no_fuzz_seconds_build_the_targets_only() {
        assert_eq!(fuzz(0).actions.len(), 1);
        assert_eq!(fuzz(60).actions.len(), 7);
    }
}
