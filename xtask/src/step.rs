//! One step of a test run.

use std::path::Path;

use crate::command::Command;
use crate::need::Need;

/// A part of a test run that passes or fails.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) needs: Vec<Need>,
    pub(crate) actions: Vec<Action>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Run(Command),
    /// Something that is checked here, and what to do by hand to see the same.
    Check {
        how: &'static str,
        check: fn(&Path) -> Result<(), String>,
    },
}

/// Why a step fails, and the command that shows it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepFailure {
    pub(crate) why: String,
    pub(crate) again: String,
}

impl Step {
    pub(crate) fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about, needs: Vec::new(), actions: Vec::new() }
    }

    pub(crate) fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    pub(crate) fn runs(mut self, command: Command) -> Self {
        self.actions.push(Action::Run(command));
        self
    }

    pub(crate) fn checks(mut self, how: &'static str, check: fn(&Path) -> Result<(), String>) -> Self {
        self.actions.push(Action::Check { how, check });
        self
    }

    /// Runs it, to its first failure.
    pub(crate) fn run(&self, root: &Path) -> Result<(), StepFailure> {
        for need in &self.needs {
            need.provide(root).map_err(|why| StepFailure { why, again: format!("cargo xtask test --only {}", self.name) })?;
        }
        for action in &self.actions {
            match action {
                Action::Run(command) => {
                    println!("$ {command}");
                    command.run(root).map_err(|why| StepFailure { why, again: command.to_string() })?;
                }
                Action::Check { how, check } => check(root).map_err(|why| StepFailure { why, again: (*how).into() })?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_fails_with_the_command_that_failed() {
        let step =
            Step::new("example", "").runs(Command::new("true")).runs(Command::new("false")).runs(Command::new("no-such-program"));
        let failure = step.run(Path::new("/")).unwrap_err();
        assert_eq!(failure.again, "false");
        assert!(step.actions.len() == 3 && Step::new("nothing", "").run(Path::new("/")).is_ok());
    }
}
