//! Validation cases: resources that a cluster accepts or rejects, and the warnings that Istio gives.

use authz_core::{FindingKind, Mesh, PolicyLoader, Severity};

use crate::format::{Acceptance, ResourceFile};

/// A case about one resource.
#[derive(Clone, Debug)]
pub(crate) struct ResourceCase {
    pub(crate) text: String,
    pub(crate) file: ResourceFile,
}

impl ResourceCase {
    pub(crate) fn failures(&self) -> Vec<String> {
        let load = PolicyLoader::new(&Mesh::default()).source("resource", &self.text).load();
        let mut failures = Vec::new();
        match (self.file.expect, &load) {
            (Acceptance::Accept, Ok(policies)) => {
                let istios = |kind| matches!(kind, FindingKind::DenyHttpOnly | FindingKind::SelectorWithoutLabels);
                let mut found: Vec<&str> =
                    policies.findings().iter().filter(|finding| istios(finding.kind())).map(|finding| finding.code()).collect();
                let mut expected: Vec<&str> = self.file.warnings.iter().map(String::as_str).collect();
                found.sort_unstable();
                expected.sort_unstable();
                if found != expected {
                    failures.push(format!("Istio's warnings are {found:?}, expected {expected:?}"));
                }
            }
            (Acceptance::Accept, Err(error)) => failures.push(format!("it is rejected:\n{error}")),
            (Acceptance::Reject, Ok(_)) => failures.push("it is accepted".into()),
            (Acceptance::Reject, Err(error)) => {
                let errors = error.findings().iter().filter(|finding| finding.severity() == Severity::Error);
                let layers: Vec<&str> = errors.map(|finding| finding.kind().layer().name()).collect();
                if let Some(layer) = self.file.layer.as_deref().filter(|layer| !layers.contains(layer)) {
                    failures.push(format!("it is rejected by {layers:?}, expected by `{layer}`:\n{error}"));
                }
            }
        }
        failures
    }
}
