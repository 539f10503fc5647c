//! A document as one list of records.

use super::{Items, Node, ScalarKind};
use crate::sort::sort_by_key;
use crate::value::Span;

/// A document: a record for every node in the order of the text, each in front of what it holds.
///
/// One list and one string serve document after document; a tree allocates for every mapping, list
/// and scalar, and that costs more than scanning the text does.
#[derive(Debug, Default)]
pub(super) struct Tape {
    records: Vec<Record>,
    /// What scalars and tags say, one behind the other.
    texts: String,
    /// Where the keys of the mapping that is being closed are; kept for its room.
    keys: Vec<usize>,
}

/// A node on a tape.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub(super) span: Span,
    pub(super) content: Content,
    /// Whether it is a key and an earlier one of its mapping says the same.
    pub(super) repeats: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    Scalar(Said, ScalarKind),
    Tagged(Said),
    Sequence(Held),
    Mapping(Held),
}

/// A stretch of the texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    start: usize,
    end: usize,
}

impl Said {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }

    pub(super) fn within(self, texts: &str) -> &str {
        texts.get(self.start..self.end).unwrap_or_default()
    }
}

/// How many items or entries there are, and how many records they take.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) count: usize,
    pub(super) records: usize,
}

impl Record {
    /// What a copy costs beside the record itself; a long text counts as many records.
    pub(super) fn surcharge(&self) -> usize {
        match self.content {
            Content::Scalar(said, _) => said.len() / 32,
            Content::Tagged(_) | Content::Sequence(_) | Content::Mapping(_) => 0,
        }
    }

    /// How many records behind this one belong to it.
    pub(super) fn held(&self) -> usize {
        match self.content {
            Content::Scalar(..) | Content::Tagged(_) => 0,
            Content::Sequence(held) | Content::Mapping(held) => held.records,
        }
    }
}

impl Tape {
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.texts.clear();
    }

    /// Where the next record will be.
    pub(super) fn end(&self) -> usize {
        self.records.len()
    }

    /// The records from a place on.
    pub(super) fn from(&self, at: usize) -> &[Record] {
        self.records.get(at..).unwrap_or_default()
    }

    /// The node that starts with the first of some records of this tape.
    pub(super) fn node<'d>(&'d self, records: &'d [Record]) -> Option<Node<'d>> {
        Items::new(records, &self.texts, 1).iter().next()
    }

    pub(super) fn push_scalar(&mut self, text: &str, kind: ScalarKind, span: Span) {
        let content = Content::Scalar(self.say(text), kind);
        self.records.push(Record { span, content, repeats: false });
    }

    /// Adds a node of which nothing is read but its tag.
    pub(super) fn push_tagged(&mut self, tag: &str, span: Span) {
        let content = Content::Tagged(self.say(tag));
        self.records.push(Record { span, content, repeats: false });
    }

    /// Adds a copy of records that were taken from this tape.
    pub(super) fn push_copy(&mut self, records: &[Record]) {
        self.records.extend_from_slice(records);
    }

    /// Starts a list or mapping.
    pub(super) fn open(&mut self) {
        self.records.push(Record { span: Span::default(), content: Content::Sequence(Held::default()), repeats: false });
    }

    /// Ends the list that was opened at a place.
    pub(super) fn close_sequence(&mut self, at: usize, count: usize, span: Span) {
        let content = Content::Sequence(self.held(at, count));
        self.close(at, content, span);
    }

    /// Ends the mapping that was opened at a place, and finds the keys that stand in it twice.
    pub(super) fn close_mapping(&mut self, at: usize, count: usize, span: Span) {
        let content = Content::Mapping(self.held(at, count));
        self.close(at, content, span);
        if count > 1 {
            self.mark_repeats(at, count);
        }
    }

    /// Takes back everything from a place on.
    pub(super) fn truncate(&mut self, at: usize) {
        self.records.truncate(at);
    }

    fn say(&mut self, text: &str) -> Said {
        let start = self.texts.len();
        self.texts.push_str(text);
        Said { start, end: self.texts.len() }
    }

    fn held(&self, at: usize, count: usize) -> Held {
        Held { count, records: self.end().saturating_sub(at + 1) }
    }

    fn close(&mut self, at: usize, content: Content, span: Span) {
        if let Some(record) = self.records.get_mut(at) {
            *record = Record { span, content, repeats: false };
        }
    }

    fn mark_repeats(&mut self, mapping: usize, count: usize) {
        /// As many keys are compared each with each; more are sorted first.
        const FEW: usize = 16;
        let Self { records, texts, keys } = self;
        keys.clear();
        let mut at = mapping + 1;
        for _ in 0..count {
            keys.push(at);
            let behind = |at: usize| at + 1 + records.get(at).map_or(0, Record::held);
            at = behind(behind(at));
        }
        let text = |records: &[Record], at: usize| match records.get(at).map(|record| record.content) {
            Some(Content::Scalar(said, _)) => Some(said.within(texts)),
            _ => None,
        };
        keys.retain(|at| text(records, *at).is_some());
        let are_many = keys.len() > FEW;
        if are_many {
            sort_by_key(keys, |at| (text(records, *at), *at));
        }
        for (i, at) in keys.iter().enumerate() {
            let own = text(records, *at);
            let first = if are_many { i.saturating_sub(1) } else { 0 };
            let repeats = keys.get(first..i).unwrap_or_default().iter().any(|earlier| text(records, *earlier) == own);
            if let Some(record) = records.get_mut(*at).filter(|_| repeats) {
                record.repeats = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Parse, Value};
    use crate::limits::Limits;

    #[test]
    fn a_key_that_an_earlier_one_repeats_is_marked_in_mappings_of_any_size() {
        for size in [1, 2, 3, 16, 17, 40] {
            for repeated in 0..size {
                let keys = (0..size).map(|i| format!("k{i}: [{{k{i}: x}}]\n"));
                let text: String = keys.chain([format!("k{repeated}: y\n"), "last: z\n".to_owned()]).collect();
                let mut parse = Parse::new(&text, &Limits::default());
                let Some(Value::Mapping(entries)) = parse.document().map(|node| node.value()) else { panic!("{text}") };
                let marked: Vec<usize> = entries.iter().enumerate().filter(|(_, entry)| entry.repeats).map(|(i, _)| i).collect();
                assert_eq!(marked, [size], "{text}");
            }
        }
    }

    #[test]
    fn an_alias_reads_as_what_its_anchor_stands_for() {
        let text = "a: &x !foo {b: &y [1, {c: d}]}\ne: *x\nf: *y\n";
        let mut parse = Parse::new(text, &Limits::default());
        let Some(Value::Mapping(entries)) = parse.document().map(|node| node.value()) else { panic!("{text}") };
        let values: Vec<Value<'_>> = entries.iter().map(|entry| entry.value.value()).collect();
        let [Value::Tagged("!foo"), Value::Tagged("!foo"), Value::Sequence(items)] = values.as_slice() else {
            panic!("{values:?}")
        };
        assert_eq!(items.len(), 2);
        assert_eq!(items.iter().count(), 2);
    }
}
