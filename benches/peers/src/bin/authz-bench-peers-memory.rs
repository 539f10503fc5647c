//! Bytes of the heap for builds, as CSV: `authz-bench-peers-memory NAME...`.

use std::error::Error;

use authz_bench_peers::PEERS;
use authz_benches::Input;
use peak_alloc::PeakAlloc;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

fn main() -> Result<(), Box<dyn Error>> {
    println!("input,peer,live,peak");
    for name in std::env::args().skip(1) {
        let input = Input::generate(&name)?;
        for peer in PEERS.iter().filter(|peer| peer.takes(&input).is_ok()) {
            let staged = (peer.stage)(&input)?;
            let build = || -> Result<(usize, usize), Box<dyn Error>> {
                let before = HEAP.current_usage();
                HEAP.reset_peak_usage();
                let engine = staged.build()?;
                let (live, peak) = (HEAP.current_usage(), HEAP.peak_usage());
                drop(engine);
                Ok((live.saturating_sub(before), peak.saturating_sub(before)))
            };
            // What is made once for a process is no engine's.
            build()?;
            let (live, peak) = build()?;
            println!("{name},\"{}\",{live},{peak}", peer.name);
        }
    }
    Ok(())
}
