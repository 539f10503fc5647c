//! Generated policies and connections: the evaluators agree, an early decision is never taken back, and
//! a lenient load is never wider than what was meant.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(failure) = authz_testgen::decide(bytes) {
        panic!("{failure}");
    }
});
