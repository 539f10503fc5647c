//! How a command ends: the exit code that scripts read, and the message when there is no answer.

use std::fmt;
use std::process::ExitCode;

/// What a command answers. A command that cannot answer returns a [`Failure`] instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Allowed, clean, passed.
    Yes,
    /// Denied, wrong, failed.
    No,
}

impl From<Answer> for ExitCode {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::SUCCESS,
            Answer::No => Self::FAILURE,
        }
    }
}

/// Why a command has no answer: in lower case, with the user's words in backticks and what to do next.
#[derive(Clone, Debug)]
pub(crate) struct Failure(String);

impl Failure {
    /// A failure with the sentence that is shown after `error: `.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// The exit code of every command that has no answer.
    pub(crate) fn code() -> ExitCode {
        ExitCode::from(2)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
