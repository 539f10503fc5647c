#![expect(non_camel_case_types, reason = "types have the names that they have in C")]
#![allow(clippy::missing_safety_doc, reason = "the contract of every function stands once, at the head of the header")]
//! authz for C and C++: what `include/authz.h` declares and nothing else.
//!
//! Rust programs use `authz-core`. Comments on public items are written for readers of the header, which is made
//! of them. The rules that hold for all functions (ownership, text, threads, panics) stand at the head of the header
//! and in this crate's README.
//!
//! Every exported function has the same shape: guard, deny, borrow, work, write. `boundary.rs` holds the unsafe code.

mod boundary;

mod status;
mod text;
mod version;

mod mesh;
mod workload;

mod findings;
mod policy_set;

mod facts;

mod authorizer;
mod connection;
mod decision;
mod explain;
mod peer;
mod peer_names;
mod slot;

#[cfg(feature = "inject-panics")]
mod injected;

pub use authorizer::*;
pub use connection::{
    authz_address, authz_address_parse, authz_connection, authz_metadata, authz_metadata_kind, authz_transport,
};
pub use decision::*;
pub use explain::*;
pub use facts::*;
pub use findings::*;
#[cfg(feature = "inject-panics")]
pub use injected::authz_inject_panic;
pub use mesh::{authz_mesh, authz_provider, authz_provider_kind};
pub use peer::*;
pub use peer_names::*;
pub use policy_set::*;
pub use slot::*;
pub use status::{authz_status, authz_status_name};
pub use text::*;
pub use version::*;
pub use workload::{authz_label, authz_workload};
