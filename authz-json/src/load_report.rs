//! What a load found, counted.

use authz_core::{Finding, LoadError, PolicySet, Severity};
use authz_testdata::Entries;
use serde::Serialize;

/// What a load found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadReport<'l> {
    /// The findings, in the order of the texts.
    pub findings: Vec<&'l Finding>,
    /// How many of all findings are errors.
    pub errors: usize,
    /// How many are warnings.
    pub warnings: usize,
    /// How many are notes, listed or not.
    pub notes: usize,
    /// How many resources of the two kinds there are.
    pub resources: usize,
    /// The kinds that were passed over, and how often.
    pub other_kinds: Entries<usize>,
}

impl<'l> LoadReport<'l> {
    /// The report of a load, which lists notes or only counts them.
    pub fn new(result: Result<&'l PolicySet, &'l LoadError>, with_notes: bool) -> Self {
        let (all, resources, other_kinds) = match result {
            Ok(policies) => (policies.findings(), policies.len(), others(policies.other_kinds())),
            Err(error) => (error.findings(), error.resources(), others(error.other_kinds())),
        };
        let number = |severity| all.iter().filter(|finding| finding.severity() == severity).count();
        Self {
            findings: all.iter().filter(|finding| with_notes || finding.severity() > Severity::Note).collect(),
            errors: number(Severity::Error),
            warnings: number(Severity::Warning),
            notes: number(Severity::Note),
            resources,
            other_kinds,
        }
    }
}

fn others<'k>(kinds: impl Iterator<Item = (&'k str, usize)>) -> Entries<usize> {
    kinds.map(|(kind, number)| (kind.to_owned(), number)).collect()
}
