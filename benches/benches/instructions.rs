//! Instructions, counted by callgrind. `cargo xtask bench` compares them with `instructions.toml`.
#![expect(missing_docs, reason = "gungraun's macros make items without")]

use std::hint::black_box;

use authz_benches::{BenchError, Input, generate, subject, workload, yaml_scalars};
use authz_core::{Authorizer, Mesh, PolicySet};
use gungraun::{Callgrind, EntryPoint, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};

/// A stream and the authorizer that decides it; made before anything is counted.
fn stream(name: &str, stream: &str) -> Result<Input, BenchError> {
    let mut input = Input::generate(name)?;
    input.streams.retain(|made| made.name == stream);
    Ok(input)
}

fn policies(name: &str) -> Result<Input, BenchError> {
    Input::load(name, text(name), Vec::new())
}

fn text(name: &str) -> String {
    generate(name).map(|set| set.to_yaml()).unwrap_or_default()
}

/// Decides the 4,096 connections of a stream.
fn run(input: Result<Input, BenchError>, name: &str) -> usize {
    let mut allowed = 0;
    if let (Ok(input), Some(subject)) = (input, subject(name))
        && let Some(stream) = input.streams.first()
    {
        (subject.with)(&input.authorizer, &stream.connections(), &mut |run| allowed = counted(run));
        std::mem::forget(input);
    }
    allowed
}

/// What is counted: callgrind is told to look at this function alone.
#[inline(never)]
fn counted(run: &mut dyn FnMut() -> usize) -> usize {
    black_box(run())
}

fn decisions() -> Callgrind {
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.entry_point(EntryPoint::Custom("*::counted".into()));
    callgrind
}

#[library_benchmark(config = LibraryBenchmarkConfig::default().tool(decisions()))]
#[bench::mesh_10_zipf(stream("mesh-10", "zipf"))]
#[bench::mesh_1000_zipf(stream("mesh-1000", "zipf"))]
#[bench::mesh_1000_miss(stream("mesh-1000", "miss"))]
#[bench::mesh_1000_worst(stream("mesh-1000", "worst"))]
#[bench::acl_1000_zipf(stream("acl-1000", "zipf"))]
#[bench::block4_10000_hit(stream("block4-10000", "hit"))]
#[bench::block6_10000_hit(stream("block6-10000", "hit"))]
fn allows(input: Result<Input, BenchError>) -> usize {
    run(input, "allows")
}

#[library_benchmark(config = LibraryBenchmarkConfig::default().tool(decisions()))]
#[bench::mesh_10_zipf(stream("mesh-10", "zipf"))]
#[bench::mesh_100_zipf(stream("mesh-100", "zipf"))]
#[bench::mesh_1000_zipf(stream("mesh-1000", "zipf"))]
fn resolved(input: Result<Input, BenchError>) -> usize {
    run(input, "allows, peer resolved")
}

#[library_benchmark(config = LibraryBenchmarkConfig::default().tool(decisions()))]
#[bench::mesh_1000_zipf(stream("mesh-1000", "zipf"))]
#[bench::mesh_1000_hit(stream("mesh-1000", "hit"))]
fn decide(input: Result<Input, BenchError>) -> usize {
    run(input, "decide")
}

#[library_benchmark]
#[bench::mesh_1000(policies("mesh-1000"))]
#[bench::block4_10000(policies("block4-10000"))]
fn compile(input: Result<Input, BenchError>) -> Option<(Authorizer, Option<Input>)> {
    let input = input.ok()?;
    Some((input.policies.authorizer_for(&workload()), Some(input)))
}

#[library_benchmark]
#[bench::mesh_1000(text("mesh-1000"))]
fn load(text: String) -> Option<PolicySet> {
    PolicySet::from_yaml(&text, &Mesh::default()).ok()
}

#[library_benchmark]
#[bench::mesh_1000(text("mesh-1000"))]
fn yaml(text: String) -> usize {
    yaml_scalars(&text)
}

library_benchmark_group!(name = instructions, benchmarks = [allows, resolved, decide, compile, load, yaml]);
main!(
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = instructions
);
