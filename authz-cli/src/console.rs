//! What a user sees: standard output and standard error, in colour where that helps.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

use crate::exit::Failure;

pub(crate) const RED: Style = AnsiColor::BrightRed.on_default().bold();
pub(crate) const GREEN: Style = AnsiColor::BrightGreen.on_default().bold();
pub(crate) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub(crate) const DIM: Style = Style::new().dimmed();

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Text for people.
    #[default]
    Text,
    /// JSON for machines.
    Json,
}

/// The two streams of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    choice: ColorChoice,
}

impl Console {
    pub(crate) fn new(color: Color) -> Self {
        let choice = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        };
        Self { choice }
    }

    /// Prints the answer. A reader that has gone away is no error: it has read all it wanted, and the
    /// exit code stays that of the answer.
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let mut stdout = AutoStream::new(io::stdout(), self.choice);
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("cannot write to standard output: {error}")))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Prints the answer as JSON.
    pub(crate) fn print_json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(format!("cannot write JSON: {error}")))?;
        self.print(&format!("{text}\n"))
    }

    /// Says something beside the answer. Nobody may be listening, and nothing depends on it.
    pub(crate) fn remark(self, text: &str) {
        let mut stderr = AutoStream::new(io::stderr(), self.choice);
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }

    /// Says why there is no answer.
    pub(crate) fn fail(self, failure: &Failure) {
        self.remark(&format!("{RED}error{RED:#}: {}\n", printable(&failure.to_string())));
    }

    /// Warns.
    pub(crate) fn warn(self, message: &str) {
        self.remark(&format!("{YELLOW}warning{YELLOW:#}: {}\n", printable(message)));
    }

    /// Whether somebody watches standard error.
    pub(crate) fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }
}

/// A text with its control characters spelled out: a policy may come from anybody, and its names must
/// not move the cursor of whoever reads about it. Line breaks stay.
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character != '\n' && moves_the_cursor(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}

/// Whether a terminal would act on a character, or write backwards because of it.
pub(crate) fn moves_the_cursor(character: char) -> bool {
    character.is_control() || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A count with its noun.
///
/// The plural is regular for every noun that is counted here.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelled_out_and_line_breaks_are_kept() {
        assert_eq!(printable("a\u{1b}[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\nc\\u{202e}d");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!((count(1, "case"), count(0, "case")), ("1 case".into(), "0 cases".into()));
    }
}
