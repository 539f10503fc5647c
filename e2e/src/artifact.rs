//! Where proxies and modules are, which these tests do not build, and where tests leave things.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs};

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
/// The variable that names the root below which Debian's nginx and HAProxy are unpacked.
pub const DEBIAN: &str = "AUTHZ_E2E_DEBIAN";
/// The variable that names the folder of the libraries that were unpacked with them.
pub const LIBRARIES: &str = "AUTHZ_E2E_LIBRARIES";
/// The variable that names the module for nginx.
pub const NGINX_MODULE: &str = "AUTHZ_E2E_NGINX_MODULE";
/// The variable that names the module for HAProxy.
pub const HAPROXY_MODULE: &str = "AUTHZ_E2E_HAPROXY_MODULE";
/// The variable that names the folder for what tests leave: logs, while they run, and tables.
pub const OUT: &str = "AUTHZ_E2E_OUT";

/// The file that a variable names.
pub fn path(variable: &str) -> PathBuf {
    let step = if [ENVOY, WASM, MODULE, PANICKING].contains(&variable) { "envoy" } else { "proxies" };
    let path = env::var_os(variable);
    let path = path.unwrap_or_else(|| {
        panic!("{variable} is not set; run `cargo xtask test --only {step}` or, to measure, `cargo xtask bench --envoy`")
    });
    let path = PathBuf::from(path);
    assert!(path.exists(), "{variable}: there is no {}", path.display());
    path
}

/// A folder of its own, below the one for what tests leave.
pub fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let folder = path(OUT).join("run").join(format!("{name}-{}-{count}", std::process::id()));
    fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    folder
}
