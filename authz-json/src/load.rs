//! Policies as they are handed over, and what became of them.

use authz_core::{LoadError, PolicyLoader, PolicySet};
use authz_testdata::{MeshFile, WorkloadFile};
use serde::Deserialize;

use crate::load_report::LoadReport;

/// How policies are loaded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadOptions {
    /// The mesh.
    #[serde(default)]
    pub mesh: MeshFile,
    /// Whether to go on without what cannot be read.
    #[serde(default)]
    pub lenient: bool,
}

impl LoadOptions {
    /// Loads texts with the names that findings call them by. What is wrong with them is part of the answer.
    pub fn load<'t>(&self, texts: impl IntoIterator<Item = (&'t str, &'t str)>) -> Load {
        let mut loader = PolicyLoader::new(&self.mesh.to_mesh());
        if self.lenient {
            loader = loader.lenient();
        }
        let loader = texts.into_iter().fold(loader, |loader, (name, text)| loader.source(name, text));
        Load { result: loader.load() }
    }
}

/// What became of a load.
#[derive(Clone, Debug)]
pub struct Load {
    result: Result<PolicySet, LoadError>,
}

impl Load {
    /// The policies; nothing where they could not be loaded.
    pub fn policies(&self) -> Option<&PolicySet> {
        self.result.as_ref().ok()
    }

    /// What was found, notes included.
    pub fn report(&self) -> LoadReport<'_> {
        LoadReport::new(self.result.as_ref(), true)
    }

    /// The workloads that the policies speak of.
    pub fn workloads(&self) -> Vec<WorkloadFile> {
        self.policies().map(|policies| policies.workloads().iter().map(WorkloadFile::from).collect()).unwrap_or_default()
    }
}
