//! Time from text to policies, beside what the YAML reader takes for the same text. `AUTHZ_BENCH_INPUTS`
//! chooses inputs by name.

use std::error::Error;
use std::time::Duration;

use authz_benches::{QUICK_INPUTS, generate, yaml_scalars};
use authz_core::{Mesh, PolicySet};
use criterion::{BenchmarkId, Criterion, Throughput};

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10).measurement_time(Duration::from_secs(1));
    let mut group = criterion.benchmark_group("load");
    let chosen = std::env::var("AUTHZ_BENCH_INPUTS").unwrap_or_else(|_| QUICK_INPUTS.join(" "));
    for name in chosen.split_whitespace() {
        let text = generate(name).ok_or("not the name of an input")?.to_yaml();
        group.throughput(Throughput::Bytes(u64::try_from(text.len())?));
        group.bench_function(BenchmarkId::new("PolicySet", name), |bencher| {
            bencher.iter(|| PolicySet::from_yaml(&text, &Mesh::default()).map(|policies| policies.len()));
        });
        group.bench_function(BenchmarkId::new("YAML events", name), |bencher| bencher.iter(|| yaml_scalars(&text)));
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}
