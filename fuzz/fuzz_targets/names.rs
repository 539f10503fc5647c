//! Any bytes: what the C library reads out of them as a certificate, another reader sees too, and no part of one is one.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../authz-ffi/tests/names/mod.rs"]
mod names;

fuzz_target!(|bytes: &[u8]| {
    if let Err(failure) = names::check(bytes) {
        panic!("{failure}");
    }
});
