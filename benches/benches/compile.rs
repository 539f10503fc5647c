//! Time to compile policies that are loaded. `AUTHZ_BENCH_INPUTS` chooses inputs by name.

use std::error::Error;
use std::time::Duration;

use authz_benches::{Input, QUICK_INPUTS, generate, workload};
use criterion::{Criterion, Throughput};

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10).measurement_time(Duration::from_secs(1));
    let mut group = criterion.benchmark_group("compile");
    let chosen = std::env::var("AUTHZ_BENCH_INPUTS").unwrap_or_else(|_| QUICK_INPUTS.join(" "));
    for name in chosen.split_whitespace() {
        let set = generate(name).ok_or("not the name of an input")?;
        let input = Input::load(name, set.to_yaml(), Vec::new())?;
        group.throughput(Throughput::Elements(u64::try_from(set.rules().max(set.source_blocks()))?));
        group.bench_function(name, |bencher| bencher.iter(|| input.policies.authorizer_for(&workload())));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
