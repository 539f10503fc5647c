//! A configuration as a tree in which every value knows its place.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};

/// The deepest that lists and mappings may stand in each other; that of policies is core's to judge.
const NESTING: usize = 64;

/// A value and where it stands, counted from 1.
#[derive(Clone, Debug)]
pub(crate) struct Value {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// A line and a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Null,
    Scalar(String),
    List(Vec<Value>),
    Mapping(Vec<(Value, Value)>),
}

/// Why a text is no tree, and where.
#[derive(Clone, Debug)]
pub(crate) struct Unreadable {
    pub(crate) place: Place,
    pub(crate) why: String,
}

/// Reads the only document of a text. What stands as a list under the key `skipped` is left out: the place
/// that reads it reads the text itself.
pub(crate) fn read(text: &str, skipped: &str) -> Result<Value, Unreadable> {
    let mut reader = Reader { events: Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text)), skipped };
    let mut document = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamEnd => break,
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if document.is_some() => return Err(unreadable(span, "a configuration is one document")),
            event => document = Some(reader.value(event, span, 0, true)?),
        }
    }
    Ok(document.unwrap_or(Value { place: Place { line: 1, column: 1 }, kind: Kind::Null }))
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    skipped: &'t str,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Unreadable> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The value that starts with an event. One that is not kept is read over.
    fn value(&mut self, event: Event<'t>, span: Span, depth: usize, keep: bool) -> Result<Value, Unreadable> {
        if depth > NESTING {
            return Err(unreadable(span, "more than 64 levels of lists and mappings"));
        }
        let place = place(&span);
        let kind = match event {
            Event::Scalar(text, style, anchor, tag) => {
                if keep && (anchor != 0 || tag.is_some()) {
                    return Err(unreadable(span, "anchors and tags are not read here"));
                }
                match (&*text, style) {
                    ("" | "~" | "null" | "Null" | "NULL", ScalarStyle::Plain) => Kind::Null,
                    _ => Kind::Scalar(text.into_owned()),
                }
            }
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Kind::List(items),
                        (event, span) => {
                            let item = self.value(event, span, depth + 1, keep)?;
                            if keep {
                                items.push(item);
                            }
                        }
                    }
                }
            }
            Event::MappingStart(..) => self.mapping(depth, keep)?,
            Event::Alias(_) if !keep => Kind::Null,
            Event::Alias(_) => return Err(unreadable(span, "aliases are not read here")),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(unreadable(span, "a value is missing")),
        };
        Ok(Value { place, kind })
    }

    fn mapping(&mut self, depth: usize, keep: bool) -> Result<Kind, Unreadable> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Kind::Mapping(entries));
            }
            let key = self.value(event, span, depth + 1, keep)?;
            let (event, span) = self.next()?;
            let is_skipped = depth == 0
                && matches!(event, Event::SequenceStart(..))
                && matches!(&key.kind, Kind::Scalar(name) if *name == self.skipped);
            let value = self.value(event, span, depth + 1, keep && !is_skipped)?;
            if keep {
                entries.push((key, value));
            }
        }
    }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn unreadable(span: Span, why: &str) -> Unreadable {
    Unreadable { place: place(&span), why: why.into() }
}

fn syntax(error: &ScanError) -> Unreadable {
    let marker = error.marker();
    Unreadable { place: Place { line: marker.line(), column: marker.col() + 1 }, why: error.info().to_owned() }
}
