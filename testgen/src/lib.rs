//! Generates policies and connections, and checks what the engine must say of them.
//!
//! Property tests and fuzz targets share it: a [`Scenario`] is a mesh, a workload, policies and
//! connections, drawn from bytes that a seed or a fuzzer supplies. Its values come from small pools
//! (`pool.rs`), so that rules match often. A check that fails answers with a [`Failure`], which prints
//! as a policy-test case.
//!
//! ```
//! use authz_testgen::{Scenario, check, seeded_bytes};
//!
//! let scenario = Scenario::from_bytes(&seeded_bytes(1, 4096));
//! let authorizer = scenario.load().expect("scenarios are valid");
//! for facts in &scenario.connections {
//!     check::decide_and_explain_agree(&scenario, &authorizer, facts).unwrap();
//! }
//! ```

#![forbid(unsafe_code)]

mod node;
mod pool;

mod draw;

mod authorization_policy;
mod facts;
mod peer_authentication;

mod scenario;

mod failure;
mod mistake;
mod shrink;

pub mod check;
pub mod load;

pub use draw::{Draw, seeded_bytes};
pub use facts::Facts;
pub use failure::Failure;
pub use scenario::Scenario;

/// What the fuzz target `decide` does with its bytes.
///
/// # Errors
///
/// When one of the properties of [`check`] does not hold for the scenario that the bytes stand for.
///
/// ```
/// assert!(authz_testgen::decide(b"").is_ok());
/// ```
pub fn decide(bytes: &[u8]) -> Result<(), Failure> {
    let mut draw = Draw::new(bytes);
    let scenario = Scenario::draw(&mut draw);
    check::scenario(&scenario, &mut draw)
}
