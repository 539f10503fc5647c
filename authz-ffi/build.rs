//! Names the shared library for its binary interface, so that programs find the one that they were linked with.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        // The number is `AUTHZ_ABI` in `src/version.rs`; a test compares them.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libauthz.so.0");
    }
}
