//! YAML, and so JSON, read into types of serde: a tree in which every value knows its place, and its reader.
//!
//! It is small, for WebAssembly, and it keeps what serde's own data would lose: how a resource inside a suite was
//! written, so that its findings are those of the same resource in a file.

mod deserializer;
mod resource;

use std::collections::HashSet;
use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput};
use serde::de::DeserializeOwned;

pub(crate) use resource::Item;

/// The deepest that lists and mappings may stand in each other.
const NESTING: usize = 64;

/// The most values of a text, those that aliases repeat included.
const VALUES: usize = 4_000_000;

/// Reads a text, YAML or JSON, into a type.
///
/// ```
/// let numbers: Vec<u8> = authz_testdata::from_yaml("[1, 2]")?;
/// assert_eq!(numbers, [1, 2]);
/// let error = authz_testdata::from_yaml::<Vec<u8>>("- 1\n- many").unwrap_err();
/// assert_eq!(error, "line 2, column 3: invalid type: string \"many\", expected u8");
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
///
/// When the text is not one document of YAML, has a key twice, or is not what the type takes; with line and column.
pub fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let node = Reader::document(text).map_err(|error| error.to_string())?;
    T::deserialize(&node).map_err(|error| error.to_string())
}

/// A value and where it stands, counted from 1.
#[derive(Clone, Debug)]
struct Node {
    place: Place,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, Default)]
struct Place {
    line: usize,
    column: usize,
}

#[derive(Clone, Debug)]
enum Kind {
    /// A text, and whether it stood without quotes.
    Scalar(String, bool),
    List(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// What is wrong, and where, as far as that is known.
#[derive(Clone, Debug)]
struct Error {
    place: Option<Place>,
    why: String,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "line {}, column {}: ", place.line, place.column)?;
        }
        f.write_str(&self.why)
    }
}

impl std::error::Error for Error {}

impl Node {
    /// How many values it is.
    fn size(&self) -> usize {
        match &self.kind {
            Kind::Scalar(..) => 1,
            Kind::List(items) => 1 + items.iter().map(Self::size).sum::<usize>(),
            Kind::Mapping(entries) => 1 + entries.iter().map(|(key, value)| key.size() + value.size()).sum::<usize>(),
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    /// What aliases stand for.
    anchors: Vec<(usize, Node)>,
    /// How many values there may still be.
    left: usize,
}

impl<'t> Reader<'t> {
    fn document(text: &'t str) -> Result<Node, Error> {
        let events = Parser::new_from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut reader = Reader { events, anchors: Vec::new(), left: VALUES };
        let mut document = None;
        loop {
            let (event, span) = reader.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
                _ if document.is_some() => return Err(error(span, "a second document starts; there may be only one")),
                event => document = Some(reader.value(event, span, 0)?),
            }
        }
        Ok(document.unwrap_or(Node { place: Place { line: 1, column: 1 }, kind: Kind::Scalar(String::new(), true) }))
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Error> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(syntax(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn value(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Error> {
        if depth > NESTING {
            return Err(error(span, "more than 64 levels of lists and mappings"));
        }
        self.spend(1, span)?;
        let (kind, anchor) = match event {
            Event::Scalar(text, style, anchor, None) => (Kind::Scalar(text.into_owned(), style == ScalarStyle::Plain), anchor),
            Event::SequenceStart(anchor, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break (Kind::List(items), anchor),
                        (event, span) => items.push(self.value(event, span, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(anchor, None) => (self.mapping(depth)?, anchor),
            Event::Alias(anchor) => {
                let known = self.anchors.iter().rfind(|(known, _)| *known == anchor);
                let node = known.map(|(_, node)| node.clone()).ok_or_else(|| error(span, "no value has this anchor"))?;
                self.spend(node.size(), span)?;
                return Ok(node);
            }
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) => {
                return Err(error(span, "tags are not read here"));
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(error(span, "a value is missing")),
        };
        let node = Node { place: place(&span), kind };
        if anchor != 0 {
            self.anchors.push((anchor, node.clone()));
        }
        Ok(node)
    }

    fn mapping(&mut self, depth: usize) -> Result<Kind, Error> {
        let mut entries = Vec::new();
        let mut known = HashSet::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Kind::Mapping(entries));
            }
            let key = self.value(event, span, depth + 1)?;
            let Kind::Scalar(name, _) = &key.kind else { return Err(error(span, "a key is a text")) };
            if !known.insert(name.clone()) {
                return Err(error(span, &format!("the key `{name}` stands here twice")));
            }
            let (event, span) = self.next()?;
            entries.push((key, self.value(event, span, depth + 1)?));
        }
    }

    fn spend(&mut self, values: usize, span: Span) -> Result<(), Error> {
        self.left = self.left.checked_sub(values).ok_or_else(|| error(span, "more than 4000000 values"))?;
        Ok(())
    }
}

fn place(span: &Span) -> Place {
    Place { line: span.start.line(), column: span.start.col() + 1 }
}

fn error(span: Span, why: &str) -> Error {
    Error { place: Some(place(&span)), why: why.into() }
}

fn syntax(error: &ScanError) -> Error {
    let marker = error.marker();
    Error { place: Some(Place { line: marker.line(), column: marker.col() + 1 }), why: error.info().to_owned() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn scalars_are_read_as_what_the_type_asks_for() {
        assert_eq!(from_yaml::<(u16, String, bool)>("[80, 80, true]"), Ok((80, "80".into(), true)));
        assert_eq!(from_yaml::<(Option<u8>, Option<u8>)>("[~, 1]"), Ok((None, Some(1))));
        assert_eq!(from_yaml::<BTreeMap<String, i64>>("{a: -1, 'b': 0}"), Ok([("a".into(), -1), ("b".into(), 0)].into()));
        assert!(from_yaml::<u16>("'80'").unwrap_err().contains("invalid type: string"));
        assert!(from_yaml::<u16>("0080").unwrap_err().contains("invalid type: string"));
        assert!(from_yaml::<u16>("65536").unwrap_err().contains("invalid value"));
    }

    #[test]
    fn anchors_are_repeated_and_bounded() {
        assert_eq!(from_yaml::<(Vec<u8>, Vec<u8>)>("[&a [1, 2], *a]"), Ok((vec![1, 2], vec![1, 2])));
        let mut bomb = "- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            bomb += &format!("- &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(", "));
        }
        assert!(from_yaml::<Vec<serde::de::IgnoredAny>>(&bomb).unwrap_err().contains("more than 4000000 values"));
    }

    #[test]
    fn what_is_not_one_document_is_an_error() {
        for (text, why) in [
            ("a: [", "line 2, column 1: while parsing a node"),
            ("a: 1\na: 2", "line 2, column 1: the key `a` stands here twice"),
            ("a: 1\n---\nb: 2", "a second document"),
            ("!!binary x", "tags"),
            ("*a", "anchor"),
        ] {
            let error = from_yaml::<BTreeMap<String, u8>>(text).unwrap_err();
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
