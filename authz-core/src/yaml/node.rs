//! What a reader sees of a document: nodes that know their place.

use super::ScalarKind;
use super::tape::{Content, Held, Record};
use crate::value::Span;

/// One node of a YAML document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'d> {
    own: &'d Record,
    held: &'d [Record],
    texts: &'d str,
}

/// What a node holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'d> {
    Scalar(&'d str, ScalarKind),
    Sequence(Items<'d>),
    Mapping(Entries<'d>),
    /// A node with a tag that is not understood.
    Tagged(&'d str),
}

/// The items of a list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Items<'d> {
    records: &'d [Record],
    texts: &'d str,
    count: usize,
}

/// The entries of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entries<'d>(Items<'d>);

/// One key of a mapping and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'d> {
    pub(crate) key: Node<'d>,
    pub(crate) value: Node<'d>,
    /// Whether an earlier entry has the same key.
    pub(crate) repeats: bool,
}

impl<'d> Items<'d> {
    pub(super) fn new(records: &'d [Record], texts: &'d str, count: usize) -> Self {
        Self { records, texts, count }
    }

    pub(crate) fn len(self) -> usize {
        self.count
    }

    pub(crate) fn is_empty(self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(self) -> Nodes<'d> {
        Nodes(self)
    }
}

impl<'d> Entries<'d> {
    pub(crate) fn iter(self) -> impl Iterator<Item = Entry<'d>> {
        let mut nodes = self.0.iter();
        std::iter::from_fn(move || {
            let (key, value) = (nodes.next()?, nodes.next()?);
            Some(Entry { key, value, repeats: key.own.repeats })
        })
    }
}

impl<'d> Node<'d> {
    pub(crate) fn span(self) -> Span {
        self.own.span
    }

    /// Whether the node is a scalar of any kind that is written `text`.
    pub(crate) fn says(self, text: &str) -> bool {
        matches!(self.own.content, Content::Scalar(said, _) if said.len() == text.len() && said.within(self.texts) == text)
    }

    /// What a scalar of any kind says.
    pub(crate) fn scalar(self) -> Option<&'d str> {
        match self.own.content {
            Content::Scalar(said, _) => Some(said.within(self.texts)),
            Content::Tagged(_) | Content::Sequence(_) | Content::Mapping(_) => None,
        }
    }

    pub(crate) fn value(self) -> Value<'d> {
        let items = |held: Held| Items::new(self.held, self.texts, held.count);
        match self.own.content {
            Content::Scalar(said, kind) => Value::Scalar(said.within(self.texts), kind),
            Content::Tagged(said) => Value::Tagged(said.within(self.texts)),
            Content::Sequence(held) => Value::Sequence(items(held)),
            Content::Mapping(held) => Value::Mapping(Entries(items(held))),
        }
    }
}

/// The nodes of a list, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Nodes<'d>(Items<'d>);

impl<'d> Iterator for Nodes<'d> {
    type Item = Node<'d>;

    fn next(&mut self) -> Option<Node<'d>> {
        let Items { records, texts, count } = self.0;
        let (own, behind) = records.split_first()?;
        let (held, records) = behind.split_at_checked(own.held()).unwrap_or((behind, &[]));
        self.0 = Items { records, texts, count: count.saturating_sub(1) };
        Some(Node { own, held, texts })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.count, Some(self.0.count))
    }
}

impl ExactSizeIterator for Nodes<'_> {}
