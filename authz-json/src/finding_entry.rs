//! A kind of finding, in the words of its catalogue.

use authz_core::FindingKind;
use serde::Serialize;

/// What there is to know about a kind of finding.
#[derive(Clone, Debug, Serialize)]
pub struct FindingEntry {
    /// Its stable name.
    pub code: &'static str,
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// Who else would raise it.
    pub layer: &'static str,
    /// What it is about.
    pub description: &'static str,
}

impl FindingEntry {
    /// The entry of a kind.
    pub fn new(kind: FindingKind) -> Self {
        Self {
            code: kind.code(),
            severity: kind.severity().to_string(),
            layer: kind.layer().name(),
            description: kind.describe(),
        }
    }
}
