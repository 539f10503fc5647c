//! Bytes of the heap for load and compile, as CSV: `memory NAME...`.

use std::error::Error;

use authz_benches::{generate, workload};
use authz_core::{Mesh, PolicySet};
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() -> Result<(), Box<dyn Error>> {
    println!("input,rules,prefixes,text,load_live,load_peak,compile_live,compile_peak");
    for name in std::env::args().skip(1) {
        let set = generate(&name).ok_or_else(|| format!("`{name}` is not the name of an input"))?;
        let (rules, prefixes, text) = (set.rules(), set.source_blocks(), set.to_yaml());
        drop(set);
        let (policies, load) = measure(|| PolicySet::from_yaml(&text, &Mesh::default()));
        let policies = policies?;
        let (authorizer, compile) = measure(|| policies.authorizer_for(&workload()));
        println!("{name},{rules},{prefixes},{},{},{},{},{}", text.len(), load.live, load.peak, compile.live, compile.peak);
        drop(authorizer);
    }
    Ok(())
}

struct Bytes {
    /// What is left when the work is done.
    live: usize,
    /// What was there at the most.
    peak: usize,
}

fn measure<T>(work: impl FnOnce() -> T) -> (T, Bytes) {
    let before = HEAP.current_usage();
    HEAP.reset_peak_usage();
    let result = work();
    let live = HEAP.current_usage().saturating_sub(before);
    (result, Bytes { live, peak: HEAP.peak_usage().saturating_sub(before) })
}
