//! Any bytes: loading them never panics, keeps its limits, and points inside the text.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(failure) = authz_testgen::load::check(bytes) {
        panic!("{failure}");
    }
});
