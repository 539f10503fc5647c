#![forbid(unsafe_code)]
//! What figures about speed are made of: policies and connections that are the same on every machine,
//! and the ways to decide them that are timed.
//!
//! ```
//! use authz_benches::Input;
//!
//! let input = Input::generate("mesh-100")?;
//! input.check(64)?; // before anything is timed
//! let stream = input.stream("zipf")?;
//! let allowed = stream.connections().iter().filter(|connection| input.authorizer.allows(connection)).count();
//! assert_eq!(allowed, stream.allowed.iter().filter(|allowed| **allowed).count());
//! # Ok::<(), authz_benches::BenchError>(())
//! ```
//!
//! [`Folder`] reads sets that were made elsewhere. [`Set`] is what another engine is fed from.

mod error;
mod figure;
mod machine;

mod random;

mod block;
mod model;

mod access_list;
mod block_list;
mod mesh;

mod query;
mod streams;

mod folder;
mod input;

mod subject;
mod yaml;

pub use access_list::{Family, access_list};
pub use block_list::{Feed, block_list};
pub use error::BenchError;
pub use figure::{bytes, float, nanoseconds};
pub use folder::{FOLDER, Folder};
pub use input::{INPUTS, Input, QUICK_INPUTS, SEED, generate, workload};
pub use machine::Machine;
pub use mesh::mesh;
pub use model::{Action, Condition, Kind, NAMESPACE, Operation, Policy, Rule, Set, Source};
pub use query::{Query, Stream};
pub use random::{Random, Zipf};
pub use streams::{LENGTH, streams};
pub use subject::{Measure, Run, SUBJECTS, Subject, subject};
pub use yaml::yaml_scalars;
