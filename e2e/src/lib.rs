//! Runs real proxies with authz in them: read this to write a test that needs one.
//!
//! A test asks for a [`Network`] of its own, in which every address and every port is free, starts upstreams and
//! an [`Envoy`], [`Nginx`] or [`HaProxy`] in it, and talks to it as a [`Client`]. All of it ends with the test, also with
//! one that panics. Everything has a [`timeout`](TIMEOUT), and a panic says what was seen instead of what was awaited.
//!
//! Proxies and modules come from outside, by the variables of the environment that [`artifact`] names;
//! `cargo xtask test --only envoy` and `--only proxies` build, install and name them.
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
pub mod haproxy;
mod network;
pub mod nginx;
mod process;
pub mod replay;
pub mod scenario;
pub mod turns;
mod upstream;
pub mod walkthrough;

pub use certificates::{Authority, Identity};
pub use client::{Client, Conversation, Seen};
pub use config::{Chain, Door, Filter, Listener};
pub use envoy::Envoy;
pub use haproxy::HaProxy;
pub use network::Network;
pub use nginx::Nginx;
pub use upstream::Upstream;
pub use walkthrough::Service;

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
