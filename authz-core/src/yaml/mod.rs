//! YAML and JSON as documents in which every node knows its place; the only user of the YAML crate.
//!
//! A document keeps what typed readers throw away and a security tool needs: whether a scalar was
//! quoted, which keys were written twice, where everything stands. It serves policies, and the files
//! around them: test suites and the configuration of proxy plugins.

mod fields;
mod node;
mod parse;
mod scalar;
mod tape;

pub(crate) use fields::{Fields, clip, list, nearest};
pub(crate) use node::{Entries, Entry, Items, Node, Value};
pub(crate) use parse::Parse;
pub(crate) use scalar::ScalarKind;
