//! What a suite asks, for somebody to look into: its cases with their policies, workloads and connections.

use authz_core::Verdict;
use authz_testdata::{Case, ConnectionFile, MeshFile, Suite, WorkloadFile};
use serde::Serialize;

/// Cases of a suite.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct SuiteCases<'s> {
    /// They, in the order of the suite; nothing for one that is not about a connection.
    pub cases: Vec<Option<SuiteCase<'s>>>,
}

/// A case about a connection.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteCase<'s> {
    /// Its name.
    pub name: &'s str,
    /// The policies, as one text.
    pub policies: String,
    /// The mesh.
    pub mesh: MeshFile,
    /// The workload.
    pub workload: WorkloadFile,
    /// The connection.
    pub connection: &'s ConnectionFile,
    /// What has to become of it.
    pub expect: Verdict,
    /// Whether the policies are loaded leniently.
    pub lenient: bool,
}

impl<'s> SuiteCases<'s> {
    /// The cases of a suite from a place up to another.
    pub fn of(suite: &'s Suite, from: usize, to: usize) -> Self {
        Self { cases: suite.cases().iter().take(to).skip(from).map(case).collect() }
    }
}

fn case(case: &Case) -> Option<SuiteCase<'_>> {
    let question = case.question()?;
    let texts: Vec<&str> = question.sources.iter().map(|(_, text)| text.trim_end()).collect();
    Some(SuiteCase {
        name: case.name(),
        policies: texts.iter().map(|text| format!("{text}\n")).collect::<Vec<_>>().join("---\n"),
        mesh: question.mesh.into(),
        workload: question.workload.into(),
        connection: question.written,
        expect: question.expect,
        lenient: question.is_lenient,
    })
}
