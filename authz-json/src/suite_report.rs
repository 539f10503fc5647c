//! What a run of suites showed, case by case.

use authz_testdata::{Case, Outcome};
use serde::Serialize;

/// What a run showed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SuiteReport<'c> {
    /// Cases of which all holds.
    pub passed: usize,
    /// Cases of which something does not.
    pub failed: usize,
    /// Cases that were not run.
    pub skipped: usize,
    /// Each case, in the order of the suites.
    pub cases: Vec<CaseReport<'c>>,
}

/// What became of a case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport<'c> {
    /// The suite that it belongs to.
    pub suite: &'c str,
    /// Its name.
    pub name: &'c str,
    /// `passed`, `failed` or `skipped`.
    pub outcome: &'static str,
    /// What failed, a line each, or why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl<'c> SuiteReport<'c> {
    /// Runs a case and takes down what it showed.
    pub fn run(&mut self, suite: &'c str, case: &'c Case) {
        let (count, outcome, message) = match case.run() {
            Outcome::Passed => (&mut self.passed, "passed", None),
            Outcome::Failed(message) => (&mut self.failed, "failed", Some(message)),
            Outcome::Skipped(message) => (&mut self.skipped, "skipped", Some(message)),
        };
        *count += 1;
        self.cases.push(CaseReport { suite, name: case.name(), outcome, message });
    }
}
