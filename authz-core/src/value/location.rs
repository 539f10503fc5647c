//! Where something is written: a source, a line and a column.

use std::fmt;
use std::sync::Arc;

/// A place in a text, counted from 1; a column counts characters, not bytes.
///
/// ```
/// use authz_core::Position;
///
/// let place = Position { line: 14, column: 9 };
/// assert_eq!(place.to_string(), "14:9");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1. Zero where the place is not known.
    pub line: u32,
    /// The column in characters, from 1. Zero where the place is not known.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A stretch of a text, from its first character to just behind its last.
///
/// ```
/// use authz_core::{Position, Span};
///
/// let span = Span { start: Position { line: 2, column: 5 }, end: Position { line: 2, column: 9 } };
/// assert!(!span.is_empty());
/// assert_eq!(span.to_string(), "2:5");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first character.
    pub start: Position,
    /// Just behind the last character.
    pub end: Position,
}

impl Span {
    /// Whether the span holds no character, as that of a value that was left out does.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start.fmt(f)
    }
}

/// A span of a named source, printed as `file:line:column`.
///
/// ```
/// use authz_core::{Location, Span};
///
/// let location = Location::new("policies.yaml", Span::default());
/// assert_eq!(location.source(), "policies.yaml");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    source: Arc<str>,
    span: Span,
}

impl Location {
    /// A span of the source that the host calls `source`, usually a path.
    pub fn new(source: impl Into<Arc<str>>, span: Span) -> Self {
        Self { source: source.into(), span }
    }

    /// The name that the host gave the text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The stretch of the text.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The line, from 1.
    pub fn line(&self) -> u32 {
        self.span.start.line
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> u32 {
        self.span.start.column
    }

    pub(crate) fn at(&self, span: Span) -> Self {
        Self { source: Arc::clone(&self.source), span }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.span)
    }
}
