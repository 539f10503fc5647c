//! Why policies could not be loaded.

use std::fmt;

use crate::finding::{Finding, Severity};

/// Policies that could not be loaded: everything that was found.
///
/// ```
/// use authz_core::{Mesh, PolicySet, Severity};
///
/// let error = PolicySet::from_yaml("a: [", &Mesh::default()).unwrap_err();
/// assert_eq!(error.findings()[0].severity(), Severity::Error);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    pub(super) findings: Vec<Finding>,
    pub(super) resources: usize,
    pub(super) others: Vec<(String, usize)>,
}

impl LoadError {
    /// Every finding, in the order of the texts; warnings among them.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many resources of the two kinds were recognised, read or not.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicySet};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: b}, spec: {rules: 7}}";
    /// let error = PolicySet::from_yaml(text, &Mesh::default()).unwrap_err();
    /// assert_eq!(error.resources(), 1);
    /// assert_eq!(error.other_kinds().count(), 0);
    /// ```
    pub fn resources(&self) -> usize {
        self.resources
    }

    /// The kinds that were passed over, and how often.
    pub fn other_kinds(&self) -> impl Iterator<Item = (&str, usize)> {
        self.others.iter().map(|(kind, count)| (kind.as_str(), *count))
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.findings.iter().filter(|finding| finding.severity() == Severity::Error);
        for (i, finding) in errors.enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            finding.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadError {}
