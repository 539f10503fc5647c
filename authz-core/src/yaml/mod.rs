//! YAML and JSON as a tree in which every node knows its place; the only user of the YAML crate.
//!
//! The tree keeps what typed readers throw away and a security tool needs: whether a scalar was
//! quoted, which keys were written twice, where everything stands. It serves policies, and the files
//! around them: test suites and the configuration of proxy plugins.

mod fields;
mod parse;
mod scalar;

pub(crate) use fields::{Fields, clip, list, nearest};
pub(crate) use parse::parse;
pub(crate) use scalar::ScalarKind;

use std::borrow::Cow;

use crate::value::Span;

/// One node of a YAML document.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) span: Span,
    pub(crate) value: Value<'a>,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Scalar(Cow<'a, str>, ScalarKind),
    Sequence(Vec<Node<'a>>),
    Mapping(Vec<Entry<'a>>),
    /// A node with a tag that is not understood.
    Tagged(String),
}

/// One key of a mapping and its value.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Node<'a>,
    pub(crate) value: Node<'a>,
    /// Whether an earlier entry has the same key.
    pub(crate) repeats: bool,
}
