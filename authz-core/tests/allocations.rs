//! Counts allocations: a decision makes none, whatever the policies and the connection.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;

use authz_core::EarlyDecision;
use authz_testdata::Suite;

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: by this function's own contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: by this function's own contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn a_decision_allocates_nothing() {
    assert!(allocations(|| drop(vec![1])) > 0, "the counter counts");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/conformance");
    let mut decided = 0;
    for name in ["envoy.jsonl", "rules.yaml"] {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let suite = Suite::read(name, &text, &|path| Err(format!("no file `{path}`"))).unwrap();
        for case in suite.cases() {
            let Some((authorizer, connection, _)) = case.scenario() else { continue };
            connection.with(|connection| {
                let counted = allocations(|| {
                    let decision = authorizer.decide(connection);
                    let early = authorizer.decide_early(connection);
                    assert!(matches!(early, EarlyDecision::Decided(_)));
                    assert_eq!(authorizer.allows(connection), decision.verdict() == authz_core::Verdict::Allow);
                });
                assert_eq!(counted, 0, "{}", case.name());
                decided += 1;
            });
        }
    }
    assert!(decided > 6000, "{decided}");
}
