//! What a suite asks, for somebody to look into: its cases with their policies, workloads and connections.

use authz_core::Verdict;
use authz_testdata::{Case, ConnectionFile, MeshFile, Suite, WorkloadFile};
use serde::Serialize;

/// The cases of a suite.
#[derive(Clone, Debug, Serialize)]
pub struct SuiteCases<'s> {
    /// Those about a connection, in the order of the suite.
    pub cases: Vec<SuiteCase<'s>>,
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
    /// At most so many cases of a suite.
    pub fn of(suite: &'s Suite, most: usize) -> Self {
        Self { cases: suite.cases().iter().filter_map(case).take(most).collect() }
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
