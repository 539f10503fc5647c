//! A command that runs at the root of the project and prints as one would type it.

use std::fmt;
use std::path::Path;
use std::process::{self, Stdio};

/// A program, its arguments and its environment.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

impl Command {
    /// The words of a command, separated by spaces; no word has a space in it.
    pub(crate) fn new(line: &str) -> Self {
        let mut words = line.split_whitespace().map(String::from);
        Self { program: words.next().unwrap_or_default(), arguments: words.collect(), environment: Vec::new() }
    }

    /// Adds an argument that may hold spaces.
    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn environment(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs it, and says why if it does not succeed.
    pub(crate) fn run(&self, root: &Path) -> Result<(), String> {
        let status = self.to_process(root).status().map_err(|error| format!("{}: {error}", self.program))?;
        if status.success() { Ok(()) } else { Err(status.to_string()) }
    }

    /// What it prints, if it succeeds. What it says besides is not shown.
    pub(crate) fn output(&self, root: &Path) -> Option<String> {
        let output = self.to_process(root).stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What it prints; its complaints go where ours do.
    pub(crate) fn stdout(&self, root: &Path) -> Result<String, String> {
        let output = self.to_process(root).stderr(Stdio::inherit()).output().map_err(|error| format!("`{self}`: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(format!("`{self}`: {}\n{text}", output.status)) }
    }

    fn to_process(&self, root: &Path) -> process::Command {
        let mut process = process::Command::new(&self.program);
        process.args(&self.arguments).current_dir(root).stdin(Stdio::null());
        process.envs(self.environment.iter().map(|(name, value)| (name, value)));
        process
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&quoted(&self.program))?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=:,+@".contains(c));
    if is_plain { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_as_one_would_type_it() {
        let command = Command::new("cargo doc --no-deps").environment("RUSTDOCFLAGS", "-D warnings").argument("it's");
        assert_eq!(command.to_string(), "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\\''s'");
    }
}
