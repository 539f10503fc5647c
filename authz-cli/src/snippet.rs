//! A finding as a reader sees it: the words it is about underlined, and the way out below.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet};
use authz_core::{Finding, Fix, Location, Severity, Span};

use crate::console::{moves_the_cursor, printable};
use crate::input::Source;
use crate::line_index::LineIndex;

/// How long a line may be, in bytes, to be shown whole. JSON may be one line of megabytes.
const WHOLE: usize = 400;
/// What is shown of a longer one on both sides of the place in question.
const BEFORE: usize = 60;
const AFTER: usize = 70;

/// The texts that findings point into.
#[derive(Debug)]
pub(crate) struct Snippets<'s> {
    texts: HashMap<&'s str, LineIndex<'s>>,
    renderer: Renderer,
}

/// A piece of a text and a stretch of that piece.
#[derive(Debug, PartialEq, Eq)]
struct Window<'t> {
    text: Cow<'t, str>,
    line: usize,
    range: Range<usize>,
    /// Whether whole lines are shown.
    is_whole: bool,
}

impl<'s> Snippets<'s> {
    pub(crate) fn new(sources: &'s [Source]) -> Self {
        let texts = sources.iter().map(|source| (source.name.as_str(), LineIndex::new(&source.text))).collect();
        Self { texts, renderer: Renderer::styled() }
    }

    /// The finding with its snippet, coloured, without a line break at the end.
    pub(crate) fn render(&self, finding: &Finding) -> String {
        let level = match finding.severity() {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let location = finding.location();
        let text = self.texts.get(location.source());
        let title = level.primary_title(printable(finding.message())).id(finding.code());
        let mut group = Group::with_title(title);
        match text.and_then(|text| first_line(text, location.span())) {
            Some(window) => {
                let annotation = AnnotationKind::Primary.span(window.range);
                let mut snippet = Snippet::source(window.text).line_start(window.line).annotation(annotation);
                if window.is_whole {
                    snippet = snippet.path(location.source());
                } else {
                    // The renderer counts columns from where the text was cut.
                    group = group.element(origin(location));
                }
                group = group.element(snippet);
            }
            None => group = group.element(origin(location)),
        }
        if let Some(place) = place(finding) {
            group = group.element(Level::NOTE.with_name("in").message(printable(&place)));
        }
        let mut groups = vec![group];
        let patch = finding.fix().and_then(|fix| Some((fix, text.and_then(|text| whole_lines(text, fix.span))?)));
        match (patch, finding.help()) {
            (Some((fix, window)), help) => {
                let title = help.map_or_else(|| "write this".into(), printable);
                let snippet = Snippet::source(window.text).line_start(window.line);
                let patch = Patch::new(window.range, fix.replacement.as_str());
                groups.push(Group::with_title(Level::HELP.secondary_title(title)).element(snippet.patch(patch)));
            }
            (None, Some(help)) => groups = append(groups, Level::HELP.message(printable(help))),
            (None, None) => {
                if let Some(Fix { replacement, .. }) = finding.fix() {
                    groups = append(groups, Level::HELP.message(printable(&format!("write `{replacement}`"))));
                }
            }
        }
        self.renderer.render(&groups)
    }
}

fn append<'a>(groups: Vec<Group<'a>>, message: annotate_snippets::Message<'a>) -> Vec<Group<'a>> {
    let mut message = Some(message);
    groups.into_iter().map(|group| group.elements(message.take())).collect()
}

fn origin(location: &Location) -> Origin<'_> {
    let number = |number: u32| usize::try_from(number).unwrap_or_default();
    let origin = Origin::path(location.source());
    if location.line() == 0 { origin } else { origin.line(number(location.line())).char_column(number(location.column())) }
}

/// The resource and the field.
fn place(finding: &Finding) -> Option<String> {
    match (finding.resource(), finding.path()) {
        (None, "") => None,
        (None, path) => Some(path.to_owned()),
        (Some(resource), "") => Some(resource.to_owned()),
        (Some(resource), path) => Some(format!("{resource}: {path}")),
    }
}

/// The first line of a span, cut to what fits a screen. Nothing where the place is not known.
fn first_line<'t>(text: &LineIndex<'t>, span: Span) -> Option<Window<'t>> {
    let start = text.offset(span.start)?;
    let line = text.line(span.start.line);
    let end = text.offset(span.end).unwrap_or(start).clamp(start, line.end.max(start));
    let number = usize::try_from(span.start.line).ok()?;
    if line.len() <= WHOLE {
        let shown = visible(text.get(line.clone()));
        return Some(Window { text: shown, line: number, range: start - line.start..end - line.start, is_whole: true });
    }
    let before = last_chars(text.get(line.start..start));
    let after = first_chars(text.get(start..line.end));
    let prefix = if line.start + before.len() < start { "…" } else { "" };
    let suffix = if start + after.len() < line.end { "…" } else { "" };
    let from = prefix.len() + before.len();
    let to = from + (end - start).min(after.len());
    let shown = visible(&format!("{prefix}{before}{after}{suffix}")).into_owned();
    Some(Window { text: shown.into(), line: number, range: from..to, is_whole: false })
}

/// All lines of a span, where they are short enough to be shown as they are.
fn whole_lines<'t>(text: &LineIndex<'t>, span: Span) -> Option<Window<'t>> {
    let first = first_line(text, Span { start: span.start, end: span.start })?;
    let from = text.line(span.start.line).start;
    let (start, end) = (text.offset(span.start)?, text.offset(span.end)?);
    let to = text.line(span.end.line.max(span.start.line)).end;
    if !first.is_whole || start > end || end > to || to - from > 4 * WHOLE {
        return None;
    }
    Some(Window { text: visible(text.get(from..to)), line: first.line, range: start - from..end - from, is_whole: true })
}

/// A text whose bytes stand where they stood, without the control characters that the renderer lets
/// through: those of two bytes.
fn visible(text: &str) -> Cow<'_, str> {
    let is_hidden = |character: char| character.len_utf8() == 2 && moves_the_cursor(character);
    if text.chars().any(is_hidden) { text.replace(is_hidden, "·").into() } else { text.into() }
}

fn last_chars(text: &str) -> &str {
    let from = (text.len().saturating_sub(BEFORE)..=text.len()).find(|at| text.is_char_boundary(*at));
    from.and_then(|from| text.get(from..)).unwrap_or_default()
}

fn first_chars(text: &str) -> &str {
    let to = (0..=text.len().min(AFTER)).rev().find(|at| text.is_char_boundary(*at));
    to.and_then(|to| text.get(..to)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use authz_core::Position;

    use super::*;

    fn span(start: (u32, u32), end: (u32, u32)) -> Span {
        let position = |(line, column)| Position { line, column };
        Span { start: position(start), end: position(end) }
    }

    #[test]
    fn a_span_over_lines_is_underlined_on_its_first() {
        let text = LineIndex::new("ab\ncdé f\ngh");
        let window = first_line(&text, span((2, 3), (3, 2))).unwrap();
        assert_eq!((&*window.text, window.line, window.range), ("cdé f", 2, 2..6));
    }

    #[test]
    fn a_place_outside_of_the_text_is_its_end() {
        let text = LineIndex::new("ab");
        let window = first_line(&text, span((9, 9), (9, 12))).unwrap();
        assert_eq!((&*window.text, window.range), ("", 0..0));
        assert_eq!(first_line(&text, Span::default()), None);
        assert_eq!(first_line(&text, span((1, 2), (1, 1))).unwrap().range, 1..1);
    }

    #[test]
    fn a_long_line_is_cut_on_both_sides_of_the_place() {
        let long = format!("{}éHERE{}", "ä".repeat(1000), "ö".repeat(1000));
        let window = first_line(&LineIndex::new(&long), span((1, 1002), (1, 1006))).unwrap();
        assert_eq!(window.text.get(window.range.clone()), Some("HERE"));
        assert!(window.text.starts_with('…') && window.text.ends_with('…') && window.text.len() < WHOLE);
        assert_eq!(whole_lines(&LineIndex::new(&long), span((1, 1002), (1, 1006))), None);
    }

    #[test]
    fn a_fix_keeps_all_of_its_lines() {
        let text = LineIndex::new("a: b\nc:\n  d\ne: f");
        let window = whole_lines(&text, span((2, 1), (3, 4))).unwrap();
        assert_eq!((&*window.text, window.line, window.range), ("c:\n  d", 2, 0..6));
    }

    #[test]
    fn control_characters_of_two_bytes_are_dots_and_move_nothing() {
        assert_eq!(visible("a\u{9b}b"), "a·b");
        assert_eq!(visible("a\tb"), "a\tb");
    }
}
