//! Runs a real Envoy with the filters of authz in it: read this to write a test that needs one.
//!
//! A test asks for a [`Network`] of its own, in which every address and every port is free, starts upstreams and
//! an [`Envoy`] in it, and talks to it as a [`Client`]. All of it ends with the test, also with one that panics.
//! Everything has a [`timeout`](TIMEOUT), and a panic says what was seen instead of what was awaited.
//!
//! Envoy and the modules come from outside, by the variables of the environment that [`artifact`] names;
//! `cargo xtask test --only envoy` builds, installs and names them.
//!
//! The program `cost` measures with the same harness what Envoy pays for a filter.

#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a harness that cannot do its part fails the test that uses it, as it should"
)]

pub mod artifact;
mod certificates;
mod client;
pub mod config;
pub mod envoy;
mod network;
pub mod replay;
pub mod scenario;
mod upstream;

pub use certificates::{Authority, Identity};
pub use client::{Client, Conversation, Seen};
pub use config::{Chain, Door, Filter, Listener};
pub use envoy::Envoy;
pub use network::Network;
pub use upstream::Upstream;

use std::time::{Duration, Instant};

/// How long anything may take. Only a failure takes as long.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Asks again until the answer is there; a panic says what was awaited and what was seen instead.
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(seen) if start.elapsed() > TIMEOUT => panic!("{what} did not happen in {TIMEOUT:?}: {seen}"),
            Err(_) => std::thread::sleep(Duration::from_millis(2)),
        }
    }
}
