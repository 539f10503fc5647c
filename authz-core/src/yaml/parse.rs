//! From text to documents, within limits.

use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::tape::{Record, Tape};
use super::{Node, ScalarKind, Value};
use crate::limits::Limits;
use crate::value::{Position, Span};

/// Why a text could not be read to its end.
#[derive(Debug)]
pub(crate) struct ParseError {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) is_limit: bool,
}

/// The documents of a text, read one after the other up to the first error.
pub(crate) struct Parse<'t> {
    events: Parser<'t, StrInput<'t>>,
    limits: Limits,
    /// The document that is being read.
    tape: Tape,
    /// What the anchors of this document stand for.
    anchors: HashMap<usize, Box<[Record]>>,
    documents: usize,
    nodes: usize,
    alias_nodes: usize,
    error: Option<ParseError>,
}

impl<'t> Parse<'t> {
    pub(crate) fn new(text: &'t str, limits: &Limits) -> Self {
        Self {
            events: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
            limits: *limits,
            tape: Tape::default(),
            anchors: HashMap::new(),
            documents: 0,
            nodes: 0,
            alias_nodes: 0,
            error: foreign_line_end(text),
        }
    }

    /// Reads the next document; nothing behind the last one, or where the text cannot be read.
    pub(crate) fn document(&mut self) -> Option<Node<'_>> {
        if self.error.is_some() {
            return None;
        }
        self.tape.clear();
        match self.read() {
            Ok(true) => self.tape.node(self.tape.from(0)),
            Ok(false) => None,
            Err(error) => {
                self.error = Some(error);
                None
            }
        }
    }

    /// What is left of the limits, and what kept the text from being read to its end.
    pub(crate) fn finish(self) -> (Limits, Option<ParseError>) {
        let limits = Limits {
            documents: self.limits.documents.saturating_sub(self.documents),
            nodes: self.limits.nodes.saturating_sub(self.nodes),
            alias_nodes: self.limits.alias_nodes.saturating_sub(self.alias_nodes),
            ..self.limits
        };
        (limits, self.error)
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), ParseError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, convert(span))),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// Puts the next document on the tape; answers whether there is one.
    fn read(&mut self) -> Result<bool, ParseError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(false),
                Event::DocumentStart(_) => {
                    if self.documents >= self.limits.documents {
                        return Err(limit(span, format!("more than {} documents", self.limits.documents)));
                    }
                    self.anchors.clear();
                }
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                event => {
                    self.node(event, span, 0)?;
                    self.documents += 1;
                    return Ok(true);
                }
            }
        }
    }

    /// Puts a node on the tape; answers where it stands.
    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Span, ParseError> {
        if depth > self.limits.nesting {
            return Err(limit(span, format!("more than {} levels of lists and mappings", self.limits.nesting)));
        }
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(limit(span, format!("more than {} values", self.limits.nodes)));
        }
        let at = self.tape.end();
        let (anchor, own) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let is_decorated = anchor != 0 || tag.is_some();
                let own = if is_decorated && style == ScalarStyle::Plain { undecorated(&text, span) } else { span };
                self.scalar(&text, style, tag.as_deref(), own);
                (anchor, own)
            }
            Event::SequenceStart(anchor, tag) => {
                self.tape.open();
                let (count, end) = self.sequence(depth)?;
                let own = Span { start: span.start, end: end.unwrap_or(span.end) };
                self.tape.close_sequence(at, count, own);
                self.judge_tag(at, tag.as_deref(), "seq", own);
                (anchor, own)
            }
            Event::MappingStart(anchor, tag) => {
                self.tape.open();
                let (count, start, end) = self.mapping(depth)?;
                let start = start.map_or(span.start, |start| span.start.min(start));
                let own = Span { start, end: end.unwrap_or(span.end) };
                self.tape.close_mapping(at, count, own);
                self.judge_tag(at, tag.as_deref(), "map", own);
                (anchor, own)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(ParseError { span, message: "a value is missing".into(), is_limit: false }),
        };
        if anchor != 0 {
            // What an anchor keeps counts as an alias would: anchors within anchors keep it many times.
            let records: Box<[Record]> = self.tape.from(at).into();
            self.charge(&records, span)?;
            self.anchors.insert(anchor, records);
        }
        Ok(own)
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: Span) {
        let kind = match (tag, style) {
            (None, ScalarStyle::Plain) => ScalarKind::of_plain(text),
            (None, _) => ScalarKind::String,
            (Some(tag), _) if is_core(tag, "str") || is_non_specific(tag) => ScalarKind::String,
            (Some(tag), _) => return self.tape.push_tagged(&spelling(tag), span),
        };
        self.tape.push_scalar(text, kind, span);
    }

    /// Forgets what a collection holds if its tag is not understood.
    fn judge_tag(&mut self, at: usize, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag.filter(|tag| !is_core(tag, expected) && !is_non_specific(tag)) {
            self.tape.truncate(at);
            self.tape.push_tagged(&spelling(tag), span);
        }
    }

    /// How many items there are, and where the list ends: behind the closing bracket, or the last item.
    fn sequence(&mut self, depth: usize) -> Result<(usize, Option<Position>), ParseError> {
        let (mut count, mut end) = (0, None);
        loop {
            match self.next()? {
                (Event::SequenceEnd, span) => return Ok((count, if span.is_empty() { end } else { Some(span.end) })),
                (event, span) => end = Some(self.node(event, span, depth + 1)?.end),
            }
            count += 1;
        }
    }

    /// How many entries there are, where the first key starts, and where the mapping ends.
    fn mapping(&mut self, depth: usize) -> Result<(usize, Option<Position>, Option<Position>), ParseError> {
        let (mut count, mut start, mut end) = (0, None, None);
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((count, start, if span.is_empty() { end } else { Some(span.end) }));
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            start.get_or_insert(key.start);
            end = Some(value.end.max(key.end));
            count += 1;
        }
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Span, ParseError> {
        let missing = |message: &str| ParseError { span, message: message.into(), is_limit: false };
        let records = self.anchors.remove(&anchor).ok_or_else(|| missing("an alias to a value that is not complete"))?;
        let node = self.tape.node(&records).ok_or_else(|| missing("an alias to nothing"))?;
        if depth + height(node) > self.limits.nesting {
            return Err(limit(span, format!("more than {} levels of lists and mappings", self.limits.nesting)));
        }
        let own = node.span();
        self.charge(&records, span)?;
        self.tape.push_copy(&records);
        self.anchors.insert(anchor, records);
        Ok(own)
    }

    /// Counts a copy of records; a long text counts as many.
    fn charge(&mut self, records: &[Record], span: Span) -> Result<(), ParseError> {
        let cost = records.len() + records.iter().map(Record::surcharge).sum::<usize>();
        self.alias_nodes = self.alias_nodes.saturating_add(cost);
        if self.alias_nodes > self.limits.alias_nodes {
            return Err(limit(span, format!("aliases that stand for more than {} values", self.limits.alias_nodes)));
        }
        Ok(())
    }
}

/// How many lists and mappings stand in each other.
fn height(node: Node<'_>) -> usize {
    match node.value() {
        Value::Scalar(..) | Value::Tagged(_) => 0,
        Value::Sequence(items) => 1 + items.iter().map(height).max().unwrap_or_default(),
        Value::Mapping(entries) => {
            1 + entries.iter().map(|entry| height(entry.key).max(height(entry.value))).max().unwrap_or_default()
        }
    }
}

/// A character that ends a line in YAML 1.1, as Kubernetes reads it, and not in YAML 1.2: what follows it
/// is a comment for one reader and a field for the other.
fn foreign_line_end(text: &str) -> Option<ParseError> {
    let is_foreign = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    // Most texts have no such character, and seeing that costs next to nothing.
    if text.is_ascii() {
        return None;
    }
    let at = text.find(is_foreign)?;
    let before = text.get(..at)?.replace("\r\n", "\n").replace('\r', "\n");
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let line = number(before.matches('\n').count()).saturating_add(1);
    let column = number(before.rsplit('\n').next().unwrap_or_default().chars().count()).saturating_add(1);
    let start = Position { line, column };
    let span = Span { start, end: Position { column: column.saturating_add(1), ..start } };
    let message = "a character that ends a line in YAML 1.1, which Kubernetes reads, and not in YAML 1.2".to_owned();
    Some(ParseError { span, message, is_limit: false })
}

/// A tag as users write it.
fn spelling(tag: &Tag) -> String {
    if tag.is_yaml_core_schema() { format!("!!{}", tag.suffix) } else { tag.to_string() }
}

fn is_core(tag: &Tag, name: &str) -> bool {
    tag.is_yaml_core_schema() && tag.suffix == name
}

fn is_non_specific(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!"
}

/// The span of a plain scalar alone, without the anchor and tag in front of it.
fn undecorated(text: &str, span: Span) -> Span {
    let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    match span.end.column.checked_sub(length) {
        Some(column) if span.start.line == span.end.line && column > span.start.column => {
            Span { start: Position { column, ..span.start }, end: span.end }
        }
        _ => span,
    }
}

fn convert(span: saphyr_parser::Span) -> Span {
    Span { start: position(&span.start), end: position(&span.end) }
}

fn position(marker: &Marker) -> Position {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}

fn syntax(error: &ScanError) -> ParseError {
    let start = position(error.marker());
    ParseError { span: Span { start, end: start }, message: error.info().to_owned(), is_limit: false }
}

fn limit(span: Span, message: String) -> ParseError {
    ParseError { span, message, is_limit: true }
}
