//! From text to nodes, within limits.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

use super::{Entry, Node, ScalarKind, Value};
use crate::limits::Limits;
use crate::value::{Position, Span};

/// What a text holds: the documents before the first error, and that error.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) documents: Vec<Node<'a>>,
    pub(crate) error: Option<ParseError>,
    /// How many values the text holds, and how many its anchors and aliases repeat.
    pub(crate) nodes: usize,
    pub(crate) alias_nodes: usize,
}

/// Why a text could not be read to its end.
#[derive(Debug)]
pub(crate) struct ParseError {
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) is_limit: bool,
}

/// Reads all documents of a text.
pub(crate) fn parse<'a>(text: &'a str, limits: &Limits) -> Parsed<'a> {
    let mut reader = Reader {
        events: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)),
        limits,
        nodes: 0,
        alias_nodes: 0,
        anchors: HashMap::new(),
    };
    let mut documents = Vec::new();
    let error = foreign_line_end(text).or_else(|| reader.documents(&mut documents).err());
    Parsed { documents, error, nodes: reader.nodes, alias_nodes: reader.alias_nodes }
}

/// A character that ends a line in YAML 1.1, as Kubernetes reads it, and not in YAML 1.2: what follows it
/// is a comment for one reader and a field for the other.
fn foreign_line_end(text: &str) -> Option<ParseError> {
    let is_foreign = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    // Each of them starts with one of these two bytes; most texts have neither.
    if !text.bytes().any(|byte| matches!(byte, 0xc2 | 0xe2)) {
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

struct Reader<'a, 'l> {
    events: Parser<'a, StrInput<'a>>,
    limits: &'l Limits,
    nodes: usize,
    alias_nodes: usize,
    anchors: HashMap<usize, Node<'a>>,
}

impl<'a> Reader<'a, '_> {
    fn next(&mut self) -> Result<(Event<'a>, Span), ParseError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, convert(span))),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn documents(&mut self, documents: &mut Vec<Node<'a>>) -> Result<(), ParseError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(_) => {
                    if documents.len() >= self.limits.documents {
                        return Err(limit(span, format!("more than {} documents", self.limits.documents)));
                    }
                    self.anchors.clear();
                }
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                event => documents.push(self.node(event, span, 0)?),
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node<'a>, ParseError> {
        if depth > self.limits.nesting {
            return Err(limit(span, format!("more than {} levels of lists and mappings", self.limits.nesting)));
        }
        self.nodes += 1;
        if self.nodes > self.limits.nodes {
            return Err(limit(span, format!("more than {} values", self.limits.nodes)));
        }
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let is_decorated = anchor != 0 || tag.is_some();
                let span = if is_decorated && style == ScalarStyle::Plain { undecorated(&text, span) } else { span };
                (anchor, scalar(text, style, tag.as_deref(), span))
            }
            Event::SequenceStart(anchor, tag) => {
                let (items, end) = self.sequence(depth)?;
                let span = Span { start: span.start, end: end.or(items.last().map(|last| last.span.end)).unwrap_or(span.end) };
                (anchor, collection(Value::Sequence(items), span, tag.as_deref(), "seq"))
            }
            Event::MappingStart(anchor, tag) => {
                let (entries, end) = self.mapping(depth)?;
                let last = entries.last().map(|last| last.value.span.end.max(last.key.span.end));
                let start = entries.first().map_or(span.start, |first| span.start.min(first.key.span.start));
                let span = Span { start, end: end.or(last).unwrap_or(span.end) };
                (anchor, collection(Value::Mapping(entries), span, tag.as_deref(), "map"))
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
            self.charge(cost(&node), span)?;
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    /// The items, and where the closing bracket ends if there is one.
    fn sequence(&mut self, depth: usize) -> Result<(Vec<Node<'a>>, Option<Position>), ParseError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, span) => return Ok((items, (!span.is_empty()).then_some(span.end))),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    /// The entries, and where the closing brace ends if there is one.
    fn mapping(&mut self, depth: usize) -> Result<(Vec<Entry<'a>>, Option<Position>), ParseError> {
        let mut entries = Vec::new();
        let mut seen = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((entries, (!span.is_empty()).then_some(span.end)));
            }
            let key = self.node(event, span, depth + 1)?;
            let repeats = match &key.value {
                Value::Scalar(text, _) => !seen.insert(text.clone()),
                Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => false,
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push(Entry { key, value, repeats });
        }
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node<'a>, ParseError> {
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(ParseError { span, message: "an alias to a value that is not complete".into(), is_limit: false });
        };
        if depth + height(node) > self.limits.nesting {
            return Err(limit(span, format!("more than {} levels of lists and mappings", self.limits.nesting)));
        }
        let cost = cost(node);
        self.charge(cost, span)?;
        self.anchors.get(&anchor).cloned().ok_or(ParseError { span, message: "an alias to nothing".into(), is_limit: false })
    }

    fn charge(&mut self, cost: usize, span: Span) -> Result<(), ParseError> {
        self.alias_nodes = self.alias_nodes.saturating_add(cost);
        if self.alias_nodes > self.limits.alias_nodes {
            return Err(limit(span, format!("aliases that stand for more than {} values", self.limits.alias_nodes)));
        }
        Ok(())
    }
}

/// What a copy of a node costs, in nodes; a long text counts as many.
fn cost(node: &Node<'_>) -> usize {
    match &node.value {
        Value::Scalar(text, _) => 1 + text.len() / 32,
        Value::Tagged(_) => 1,
        Value::Sequence(items) => 1 + items.iter().map(cost).sum::<usize>(),
        Value::Mapping(entries) => 1 + entries.iter().map(|entry| cost(&entry.key) + cost(&entry.value)).sum::<usize>(),
    }
}

/// How many lists and mappings stand in each other.
fn height(node: &Node<'_>) -> usize {
    match &node.value {
        Value::Scalar(..) | Value::Tagged(_) => 0,
        Value::Sequence(items) => 1 + items.iter().map(height).max().unwrap_or_default(),
        Value::Mapping(entries) => {
            1 + entries.iter().map(|entry| height(&entry.key).max(height(&entry.value))).max().unwrap_or_default()
        }
    }
}

fn scalar<'a>(text: Cow<'a, str>, style: ScalarStyle, tag: Option<&Tag>, span: Span) -> Node<'a> {
    let kind = match (tag, style) {
        (None, ScalarStyle::Plain) => ScalarKind::of_plain(&text),
        (None, _) => ScalarKind::String,
        (Some(tag), _) if is_core(tag, "str") || is_non_specific(tag) => ScalarKind::String,
        (Some(tag), _) => return Node { span, value: Value::Tagged(spelling(tag)) },
    };
    Node { span, value: Value::Scalar(text, kind) }
}

fn collection<'a>(value: Value<'a>, span: Span, tag: Option<&Tag>, expected: &str) -> Node<'a> {
    match tag {
        Some(tag) if !is_core(tag, expected) && !is_non_specific(tag) => Node { span, value: Value::Tagged(spelling(tag)) },
        _ => Node { span, value },
    }
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
