//! Where Envoy and the modules are, which nothing here builds.

use std::env;
use std::path::PathBuf;

/// The variable that names Envoy's binary.
pub const ENVOY: &str = "AUTHZ_E2E_ENVOY";
/// The variable that names the module in WebAssembly.
pub const WASM: &str = "AUTHZ_E2E_WASM";
/// The variable that names the native module.
pub const MODULE: &str = "AUTHZ_E2E_MODULE";
/// The variable that names the native module that panics where its configuration says.
pub const PANICKING: &str = "AUTHZ_E2E_PANICKING";
/// The variable that names a module in WebAssembly that does nothing; only the benchmark needs it.
pub const NOTHING_WASM: &str = "AUTHZ_E2E_NOTHING_WASM";
/// The variable that names a native module that does nothing; only the benchmark needs it.
pub const NOTHING_MODULE: &str = "AUTHZ_E2E_NOTHING_MODULE";
/// The variable that names the folder for what tests leave: logs, while they run, and tables.
pub const OUT: &str = "AUTHZ_E2E_OUT";

/// The file that a variable names.
pub fn path(variable: &str) -> PathBuf {
    let path = env::var_os(variable);
    let path = path.unwrap_or_else(|| {
        panic!("{variable} is not set; run `cargo xtask test --only envoy` or, to measure, `cargo xtask bench --envoy`")
    });
    let path = PathBuf::from(path);
    assert!(path.exists(), "{variable}: there is no {}", path.display());
    path
}
