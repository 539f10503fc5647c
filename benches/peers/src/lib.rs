#![forbid(unsafe_code)]
//! Other engines on the inputs of `authz-benches`: what deciding the same connections costs them.
//!
//! Each [`Peer`] is fed from the same [`Set`](authz_benches::Set) of policies, in the form it is written
//! for, and has to agree with `authz-core` on every connection before anything is timed:
//!
//! ```
//! use authz_bench_peers::{PEERS, check};
//! use authz_benches::Input;
//!
//! let input = Input::generate("mesh-10")?;
//! for peer in PEERS.iter().filter(|peer| peer.takes(&input).is_ok()) {
//!     check(peer, &input, usize::MAX)?;
//! }
//! # Ok::<(), authz_benches::BenchError>(())
//! ```
//!
//! # What is measured
//!
//! | | |
//! |---|---|
//! | a decision | from a connection as the engine wants it, prepared beforehand, to yes or no |
//! | a build | from the text of the policies, or from parsed prefixes, to an engine that can decide |
//! | heap | what is left on the heap after a build, and the most that a build takes |
//!
//! What the host knows beforehand is prepared for every peer alike: the addresses are parsed, and the
//! namespace is cut out of the identity for those engines that have no way to ask for it.
//!
//! # What the peers cannot express
//!
//! Nothing is left out of the inputs. But casbin has one column for each field, so that a rule which asks for one
//! field in two lists is an error, as is a prefix of length 0 for iptrie, whose sets always hold it; the inputs have
//! neither. ztunnel is no library, so [`PEERS`] has its algorithm instead. Inputs that would take a peer
//! too long are skipped, and tables name them.

mod clause;
mod engine;
mod facts;
mod peers;
mod prefixes;
mod rules;

pub use engine::{Built, Engine, Staged};
pub use peers::{PEERS, Peer, check, versions};
