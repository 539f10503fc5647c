//! A file of cases: YAML, or JSON with one case a line.

use std::sync::Arc;

use authz_core::Profile;

use crate::case::{Body, Case, ConnectionCase};
use crate::facts::OwnedConnection;
use crate::format::{CaseFile, Policies, SuiteFile};
use crate::subject::{MeshFile, WorkloadFile};
use crate::validation::ResourceCase;
use crate::yaml::{Item, from_yaml};

/// A suite that was read: its cases, ready to be run.
#[derive(Clone, Debug)]
pub struct Suite {
    cases: Vec<Case>,
}

/// A suite that cannot be read: where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {why}")]
pub struct SuiteError {
    name: String,
    why: String,
}

impl Suite {
    /// Reads a suite. `name` is what messages call it, and tells the format: `.jsonl` has one case a
    /// line. `file` reads a file that the suite names, relative to the suite.
    ///
    /// # Errors
    ///
    /// When the text is not a suite, has unknown keys, names a file that `file` cannot read, or
    /// leaves out a fact without naming it unknown. A suite without cases is an error too.
    pub fn read(name: &str, text: &str, file: &dyn Fn(&str) -> Result<String, String>) -> Result<Self, SuiteError> {
        let error = |why: String| SuiteError { name: name.to_owned(), why };
        let suite = if name.ends_with(".jsonl") { read_lines(text) } else { read_yaml(text) }.map_err(error)?;
        let shared = Shared::new(name, &suite, file).map_err(error)?;
        let mut cases = Vec::with_capacity(suite.cases.len() + suite.resources.len());
        for case in suite.cases {
            let label = case.name.clone();
            cases.push(shared.case(case).map_err(|why| error(format!("case `{label}`: {why}")))?);
        }
        for resource in suite.resources {
            let (Item::Resource(text) | Item::Path(text)) = resource.resource.clone();
            let (name, skip) = (resource.name.clone(), resource.skip.clone());
            cases.push(Case { name, skip, body: Body::Resource(Box::new(ResourceCase { text, file: resource })) });
        }
        if cases.is_empty() {
            return Err(error("the suite has no cases".into()));
        }
        Ok(Self { cases })
    }

    /// The cases, in the order of the file.
    pub fn cases(&self) -> &[Case] {
        &self.cases
    }
}

fn read_yaml(text: &str) -> Result<SuiteFile, String> {
    from_yaml(text)
}

fn read_lines(text: &str) -> Result<SuiteFile, String> {
    let mut suite = SuiteFile::default();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        suite.cases.push(from_yaml(line).map_err(|error| format!("line {}: {}", i + 1, error.trim_start_matches("line 1, ")))?);
    }
    Ok(suite)
}

/// What the cases of a suite share.
struct Shared<'s> {
    name: &'s str,
    mesh: MeshFile,
    workload: WorkloadFile,
    profile: Option<String>,
    sources: Arc<[(String, String)]>,
    file: &'s dyn Fn(&str) -> Result<String, String>,
}

impl<'s> Shared<'s> {
    fn new(name: &'s str, suite: &SuiteFile, file: &'s dyn Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        Ok(Self {
            name,
            mesh: suite.mesh.clone().unwrap_or_default(),
            workload: suite.workload.clone().unwrap_or_default(),
            profile: suite.profile.clone(),
            sources: sources(name, suite.policies.as_ref(), file)?,
            file,
        })
    }

    fn case(&self, mut case: CaseFile) -> Result<Case, String> {
        // They may stand on the case too.
        case.connection.unknown.append(&mut case.unknown);
        let mut mesh = case.mesh.as_ref().unwrap_or(&self.mesh).to_mesh();
        for (name, provider) in case.custom_providers.iter() {
            mesh.extension_providers.insert(name.to_owned(), provider.kind.into());
        }
        let profile = match case.profile.as_ref().or(self.profile.as_ref()) {
            Some(profile) => profile.parse().map_err(|error| format!("profile `{profile}`: {error}"))?,
            None => Profile::Sidecar,
        };
        let sources = match &case.policies {
            Some(policies) => sources(self.name, Some(policies), self.file)?,
            None => Arc::clone(&self.sources),
        };
        let connection = OwnedConnection::new(&case.connection)?;
        let workload = case.workload.as_ref().unwrap_or(&self.workload).to_workload();
        let (name, skip) = (case.name.clone(), case.skip.clone());
        let body = ConnectionCase { mesh, workload, profile, sources, connection, file: case };
        Ok(Case { name, skip, body: Body::Connection(Box::new(body)) })
    }
}

/// The texts that `policies` stands for.
fn sources(
    name: &str,
    policies: Option<&Policies>,
    file: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Arc<[(String, String)]>, String> {
    let mut sources = Vec::new();
    match policies {
        None => {}
        Some(Policies::Text(text)) => sources.push((format!("{name}: policies"), text.clone())),
        Some(Policies::List(items)) => {
            for (i, item) in items.iter().enumerate() {
                match item {
                    Item::Path(path) => sources.push((path.clone(), file(path)?)),
                    Item::Resource(text) => sources.push((format!("{name}: policies[{i}]"), text.clone())),
                }
            }
        }
    }
    Ok(sources.into())
}
