//! Where in a text a line and column are, in bytes: what findings say and what snippets need.

use std::ops::Range;

use authz_core::Position;

/// The lines of a text.
#[derive(Debug)]
pub(crate) struct LineIndex<'t> {
    text: &'t str,
    /// Where each line starts. The first starts at 0, and there is always a first.
    starts: Vec<usize>,
    /// Whether a column is a byte.
    is_ascii: bool,
}

impl<'t> LineIndex<'t> {
    /// Finds the lines as YAML counts them: a line ends with `\n`, `\r\n` or `\r`.
    pub(crate) fn new(text: &'t str) -> Self {
        let mut starts = vec![0];
        let mut bytes = text.bytes().enumerate().peekable();
        while let Some((at, byte)) = bytes.next() {
            let ends = match byte {
                b'\n' => true,
                b'\r' => bytes.peek().is_none_or(|(_, next)| *next != b'\n'),
                _ => false,
            };
            if ends {
                starts.push(at + 1);
            }
        }
        Self { text, starts, is_ascii: text.is_ascii() }
    }

    /// The bytes of a line without its end, counted from 1. Behind the last line there is nothing.
    pub(crate) fn line(&self, number: u32) -> Range<usize> {
        let index = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
        let Some(start) = self.starts.get(index).copied() else { return self.text.len()..self.text.len() };
        let end = self.starts.get(index + 1).copied().unwrap_or(self.text.len());
        let line = self.get(start..end);
        start..start + line.trim_end_matches(['\n', '\r']).len()
    }

    /// The byte of a position; one behind the end of a line is the end of that line. Nothing where the
    /// position is not known.
    pub(crate) fn offset(&self, position: Position) -> Option<usize> {
        if position.line == 0 {
            return None;
        }
        let line = self.line(position.line);
        let column = usize::try_from(position.column).unwrap_or(usize::MAX).saturating_sub(1);
        if self.is_ascii {
            return Some(line.start.saturating_add(column).min(line.end));
        }
        let at = self.get(line.clone()).char_indices().nth(column).map(|(at, _)| line.start + at);
        Some(at.unwrap_or(line.end))
    }

    /// A stretch of the text; empty where it is none.
    pub(crate) fn get(&self, range: Range<usize>) -> &'t str {
        self.text.get(range).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offset(text: &str, line: u32, column: u32) -> Option<usize> {
        LineIndex::new(text).offset(Position { line, column })
    }

    #[test]
    fn positions_count_characters_from_one() {
        let table = [
            ("abc", 1, 1, Some(0)),
            ("abc", 1, 4, Some(3)),
            ("abc", 1, 9, Some(3)),
            ("abc", 2, 1, Some(3)),
            ("abc", 0, 0, None),
            ("", 1, 1, Some(0)),
            ("äbc", 1, 2, Some(2)),
            ("äbc", 1, 9, Some(4)),
            ("a\nbc", 2, 2, Some(3)),
            ("a\r\nbc", 2, 1, Some(3)),
            ("a\rbc", 2, 1, Some(2)),
            ("a\r\nbc", 1, 5, Some(1)),
            ("a\n", 2, 1, Some(2)),
            ("a", u32::MAX, u32::MAX, Some(1)),
        ];
        for (text, line, column, expected) in table {
            assert_eq!(offset(text, line, column), expected, "{text:?} {line}:{column}");
        }
    }

    #[test]
    fn a_line_ends_before_its_line_break() {
        let index = LineIndex::new("ab\r\n\ncd");
        assert_eq!([1, 2, 3, 4].map(|number| index.line(number)), [0..2, 4..4, 5..7, 7..7]);
    }
}
