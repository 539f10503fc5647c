//! Time per decision: every subject on every stream. `AUTHZ_BENCH_INPUTS` chooses inputs by name,
//! `AUTHZ_BENCH_DATA` adds those of a folder.

use std::error::Error;
use std::time::Duration;

use authz_benches::{Folder, Input, QUICK_INPUTS, SUBJECTS};
use criterion::{BenchmarkId, Criterion, Throughput};

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    let chosen = std::env::var("AUTHZ_BENCH_INPUTS").unwrap_or_else(|_| QUICK_INPUTS.join(" "));
    for name in chosen.split_whitespace() {
        bench(&mut criterion, &Input::generate(name)?)?;
    }
    if let Some(folder) = Folder::from_environment() {
        for name in folder.names()? {
            let mut input = folder.read(&name)?;
            input.name = format!("folder/{name}");
            bench(&mut criterion, &input)?;
        }
    }
    criterion.final_summary();
    Ok(())
}

fn bench(criterion: &mut Criterion, input: &Input) -> Result<(), Box<dyn Error>> {
    input.check(64)?;
    let mut group = criterion.benchmark_group(&input.name);
    for stream in &input.streams {
        group.throughput(Throughput::Elements(u64::try_from(stream.queries.len())?));
        for subject in SUBJECTS {
            (subject.with)(&input.authorizer, &stream.connections(), &mut |run| {
                group.bench_function(BenchmarkId::new(subject.name, &stream.name), |bencher| bencher.iter(&mut *run));
            });
        }
    }
    group.finish();
    Ok(())
}
