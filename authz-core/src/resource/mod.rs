//! Resources as written: which fields the user wrote, with which words, where. No judgement of meaning.
//!
//! This is the only place that knows how the API spells its fields. A part that cannot be read is
//! reported and marked; what a mark means for the policy is for [`crate::policy`] to say.

mod authorization_policy;
mod document;
mod field;
mod metadata;
mod peer_authentication;
mod timestamp;

pub use authorization_policy::Action;
pub(crate) use authorization_policy::{AuthorizationPolicy, Clause, Condition, Rule, Rules, TargetRef};
pub(crate) use document::{Document, Resource};
pub(crate) use field::{Field, FieldName};
pub(crate) use metadata::{DryRun, Metadata};
pub use peer_authentication::Mode;
pub(crate) use peer_authentication::PeerAuthentication;

use crate::finding::{FindingKind, Path, Reporter};
use crate::value::{Labels, Span};
use crate::yaml::{Fields, Node};

/// A string of the user's and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) value: &'a str,
    pub(crate) span: Span,
}

/// The workloads that a policy asks for by label.
#[derive(Clone, Debug)]
pub(crate) struct Selector<'a> {
    pub(crate) labels: Vec<(Text<'a>, Text<'a>)>,
    pub(crate) span: Span,
}

impl<'a> Selector<'a> {
    const FIELDS: &'static [&'static str] = &["matchLabels"];

    /// Reads `selector`. What cannot be read leaves the scope open, so no load can go on.
    fn read(node: Node<'a>, key_span: Span, path: &Path<'_>, reporter: &mut Reporter) -> Option<Self> {
        let fields = Fields::read(node, Self::FIELDS, path, reporter);
        let mut labels = Vec::new();
        let mut is_broken = fields.is_none_or(|fields| fields.is_broken);
        if let Some(fields) = fields
            && let Some(node) = fields.get("matchLabels", path, reporter)
        {
            let path = path.field("matchLabels");
            match Fields::read_open(node, &path, reporter) {
                Some(map) => {
                    is_broken |= map.is_broken;
                    for entry in map.entries().iter() {
                        let Some(key) = entry.key.text(&path, reporter) else {
                            is_broken = true;
                            continue;
                        };
                        let Some(value) = entry.value.text(&path.key(key), reporter) else {
                            is_broken = true;
                            continue;
                        };
                        labels.push((Text { value: key, span: entry.key.span() }, Text { value, span: entry.value.span() }));
                    }
                }
                None => is_broken = true,
            }
        }
        if is_broken {
            reporter.fail();
            return None;
        }
        Some(Self { labels, span: key_span })
    }

    pub(crate) fn to_labels(&self) -> Labels {
        self.labels.iter().map(|(key, value)| (key.value, value.value)).collect()
    }
}

/// Reads a list of strings, reporting each item that is none.
///
/// Answers the strings and whether any item was lost.
fn read_texts<'a>(node: Node<'a>, path: &Path<'_>, reporter: &mut Reporter) -> (Vec<Text<'a>>, bool) {
    let Some(items) = node.items(path, reporter) else { return (Vec::new(), true) };
    let mut is_broken = false;
    let mut texts = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        match item.text(&path.item(i), reporter) {
            Some(value) => texts.push(Text { value, span: item.span() }),
            None => is_broken = true,
        }
    }
    (texts, is_broken)
}

/// Says that an explicitly empty list counts as absent.
fn report_empty_list(name: &str, span: Span, path: &Path<'_>, reporter: &mut Reporter) {
    reporter
        .report(FindingKind::EmptyList, span, path, format!("`{name}` is an empty list and counts as left out"))
        .help("it restricts nothing; remove it, or write what it should hold");
}
