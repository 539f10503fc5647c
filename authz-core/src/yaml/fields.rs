//! A mapping read field by field: every key must be known, none may come twice.

use super::{Entries, Entry, Items, Node, ScalarKind, Value};
use crate::finding::{FindingKind, Path, Reporter};
use crate::value::Span;

/// The entries of a mapping whose fields are known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'d> {
    entries: Entries<'d>,
    /// The span of the whole mapping.
    pub(crate) span: Span,
    /// Whether a key was unknown or came twice, so that something the user wrote is not read.
    pub(crate) is_broken: bool,
}

impl<'d> Fields<'d> {
    /// Reads a mapping that may have the fields in `known`, each at most once.
    ///
    /// Nothing where the node is no mapping; that is reported.
    pub(crate) fn read(node: Node<'d>, known: &[&str], path: &Path<'_>, reporter: &mut Reporter) -> Option<Self> {
        let mut fields = Self::read_open(node, path, reporter)?;
        fields.is_broken |= fields.check_names(known, path, reporter);
        Some(fields)
    }

    /// Reports the keys that are not in `known`; answers whether there are any.
    pub(crate) fn check_names(&self, known: &[&str], path: &Path<'_>, reporter: &mut Reporter) -> bool {
        let mut is_broken = false;
        for entry in self.entries.iter() {
            let Value::Scalar(key, _) = entry.key.value() else { continue };
            if known.contains(&key) || entry.key.is_text("<<") {
                continue;
            }
            is_broken = true;
            let here = path.field(key);
            let suggestion = nearest(key, known.iter().copied());
            let message = format!("`{}` is not a field here", clip(key));
            let draft = reporter.report(FindingKind::UnknownField, entry.key.span(), &here, message);
            match suggestion {
                Some(right) => draft.help(format!("did you mean `{right}`?")).fix(entry.key.span(), right),
                None => draft.help(format!("the fields are {}", list(known))),
            };
        }
        is_broken
    }

    /// Reads a mapping whose keys are the user's.
    pub(crate) fn read_open(node: Node<'d>, path: &Path<'_>, reporter: &mut Reporter) -> Option<Self> {
        let Value::Mapping(entries) = node.value() else {
            wrong_type(node, "a mapping", path, reporter);
            return None;
        };
        let mut is_broken = false;
        for entry in entries.iter() {
            match entry.key.value() {
                Value::Scalar("<<", ScalarKind::String) => {
                    is_broken = true;
                    reporter
                        .report(FindingKind::MergeKey, entry.key.span(), path, "`<<` merges mappings in YAML 1.1 only")
                        .help("write the fields out");
                }
                Value::Scalar(key, _) if entry.repeats => {
                    is_broken = true;
                    let here = path.field(key);
                    reporter
                        .report(FindingKind::DuplicateKey, entry.key.span(), &here, format!("`{key}` stands here a second time"))
                        .help("keep one; readers disagree about which counts");
                }
                Value::Scalar(..) => {}
                Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
                    is_broken = true;
                    reporter.report(FindingKind::WrongType, entry.key.span(), path, "a key is a string");
                }
            }
        }
        Some(Self { entries, span: node.span(), is_broken })
    }

    /// All entries.
    pub(crate) fn entries(&self) -> Entries<'d> {
        self.entries
    }

    /// Whether the mapping has a key and its value is null.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.find(name).is_some_and(|entry| entry.value.is_null())
    }

    /// Whether the mapping has a key, null or not.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// The value of a field; nothing where it was left out or is null, which is reported.
    pub(crate) fn get(&self, name: &str, path: &Path<'_>, reporter: &mut Reporter) -> Option<Node<'d>> {
        let entry = self.find(name)?;
        if entry.value.is_null() {
            reporter
                .report(
                    FindingKind::NullValue,
                    entry.key.span(),
                    &path.field(name),
                    format!("`{name}` is null and counts as left out"),
                )
                .help("write a value, or remove the field");
            return None;
        }
        Some(entry.value)
    }

    /// The span of a field's key.
    pub(crate) fn key_span(&self, name: &str) -> Span {
        self.find(name).map_or(self.span, |entry| entry.key.span())
    }

    fn find(&self, name: &str) -> Option<Entry<'d>> {
        let mut named = self.entries.iter().filter(|entry| entry.key.says(name));
        let first = named.next()?;
        // Of a field that stands twice nobody knows which one counts.
        if self.is_broken && named.next().is_some() { None } else { Some(first) }
    }
}

impl<'d> Node<'d> {
    /// Whether the node is null, written or left out.
    pub(crate) fn is_null(self) -> bool {
        matches!(self.value(), Value::Scalar(_, ScalarKind::Null))
    }

    /// Whether the node is the string `text`.
    pub(crate) fn is_text(self, text: &str) -> bool {
        matches!(self.value(), Value::Scalar(own, ScalarKind::String) if own == text)
    }

    /// The node as a string, as strict as Kubernetes: a number is none. Reports what is wrong.
    pub(crate) fn text(self, path: &Path<'_>, reporter: &mut Reporter) -> Option<&'d str> {
        match self.value() {
            Value::Scalar(text, ScalarKind::String) => Some(text),
            Value::Scalar(text, ScalarKind::Ambiguous) => {
                reporter
                    .report(
                        FindingKind::AmbiguousScalar,
                        self.span(),
                        path,
                        format!("`{}` is one value in YAML 1.1, which Kubernetes reads, and another in YAML 1.2", clip(text)),
                    )
                    .help(format!("write \"{}\"", clip(text)))
                    .fix(self.span(), format!("\"{}\"", clip(text)));
                None
            }
            Value::Scalar(text, kind @ (ScalarKind::Bool | ScalarKind::Int | ScalarKind::Float)) => {
                reporter
                    .report(
                        FindingKind::WrongType,
                        self.span(),
                        path,
                        format!("`{}` is {}, and the field takes strings only", clip(text), kind.name()),
                    )
                    .help(format!("write \"{}\"", clip(text)))
                    .fix(self.span(), format!("\"{}\"", clip(text)));
                None
            }
            Value::Scalar(_, ScalarKind::Null) | Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => {
                wrong_type(self, "a string", path, reporter);
                None
            }
        }
    }

    /// The items of a list. Reports what is wrong.
    pub(crate) fn items(self, path: &Path<'_>, reporter: &mut Reporter) -> Option<Items<'d>> {
        match self.value() {
            Value::Sequence(items) => Some(items),
            Value::Scalar(..) | Value::Mapping(_) | Value::Tagged(_) => {
                wrong_type(self, "a list", path, reporter);
                None
            }
        }
    }
}

fn wrong_type(node: Node<'_>, expected: &str, path: &Path<'_>, reporter: &mut Reporter) {
    match node.value() {
        Value::Tagged(tag) => {
            reporter
                .report(FindingKind::UnsupportedTag, node.span(), path, format!("the tag `{tag}` is not understood"))
                .help(format!("write {expected} without a tag"));
        }
        value => {
            let found = match value {
                Value::Scalar("", ScalarKind::Null) => "nothing is written".to_owned(),
                Value::Scalar(text, kind) => format!("`{}` is {}", clip(text), kind.name()),
                Value::Sequence(_) => "this is a list".to_owned(),
                Value::Mapping(_) | Value::Tagged(_) => "this is a mapping".to_owned(),
            };
            reporter.report(FindingKind::WrongType, node.span(), path, format!("{found}, and the field takes {expected}"));
        }
    }
}

/// The start of a text that may be long.
pub(crate) fn clip(text: &str) -> String {
    const MOST: usize = 80;
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(MOST).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}

/// The known word that `word` was probably meant to be.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > 64 {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    known
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.len().min(word.len()) / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Words for a sentence: `a`, `b` and `c`.
pub(crate) fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}
