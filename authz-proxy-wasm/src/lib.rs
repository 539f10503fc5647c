#![forbid(unsafe_code)]
//! authz as a proxy-wasm network filter: it decides TCP connections in any Envoy that loads WebAssembly.
//!
//! What it does and how it is configured is told in the `README.md` beside it. `attributes` knows Envoy's
//! properties and their encodings, `handshake` what proves that TLS is established, `metrics` keeps the counters that Envoy
//! made, and all are tested without a proxy; `contexts`, which exists in WebAssembly only, turns Envoy's callbacks into those of [`authz_filter::Filter`].

pub mod attributes;
pub mod handshake;
pub mod metrics;

#[cfg(target_arch = "wasm32")]
mod contexts;
