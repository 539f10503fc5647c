//! A set of policies: loaded from texts, strictly or leniently, and asked for the authorizer of a workload.

mod load_error;
mod loader;
#[cfg(test)]
mod tests;
mod workloads;

use std::collections::{HashMap, hash_map};
use std::sync::Arc;

use crate::authorizer::Authorizer;
use crate::finding::Finding;
use crate::policy::{AuthorizationPolicy, PeerAuthentication};
use crate::select::Selection;
use crate::workload::{Mesh, Workload};

pub use self::load_error::LoadError;
pub use self::loader::PolicyLoader;

/// Policies that were read and understood.
///
/// ```
/// use authz_core::{Mesh, PolicySet};
///
/// let policies = PolicySet::from_yaml("", &Mesh::default())?;
/// assert!(policies.is_empty());
/// # Ok::<(), authz_core::LoadError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PolicySet {
    mesh: Arc<Mesh>,
    policies: Arc<[Arc<AuthorizationPolicy>]>,
    peer_authentications: Vec<PeerAuthentication>,
    others: Vec<(String, usize)>,
    has_empty_list: bool,
    findings: Vec<Finding>,
    /// See [`Limits::index_bytes`](crate::Limits::index_bytes).
    index_bytes: usize,
}

impl PolicySet {
    /// Reads one text, strictly, with the default limits. Findings call it `<text>`.
    ///
    /// # Errors
    ///
    /// Every finding of the text, if one of them is an error.
    pub fn from_yaml(text: &str, mesh: &Mesh) -> Result<Self, LoadError> {
        PolicyLoader::new(mesh).source("<text>", text).load()
    }

    /// Compiles the policies that apply to a workload.
    pub fn authorizer_for(&self, workload: &Workload) -> Authorizer {
        Authorizer::new(self.select(workload), &self.mesh, self.index_bytes)
    }

    fn select(&self, workload: &Workload) -> Selection {
        Selection::new(&self.policies, &self.peer_authentications, workload, &self.mesh)
    }

    /// Compiles the policies for many workloads, such as those of a node; one authorizer each, in order.
    ///
    /// Workloads to which the same `AuthorizationPolicy`s apply share what is compiled of them, so that a
    /// thousand replicas take the memory and the time of one.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Workload};
    ///
    /// let policies = PolicySet::from_yaml("", &Mesh::default())?;
    /// let workloads = [Workload::new("foo"), Workload::new("bar").label("app", "web")];
    /// let authorizers = policies.compile_all(&workloads);
    /// assert_eq!(authorizers.len(), 2);
    /// assert!(authorizers[1].allows(&Connection::unknown()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compile_all(&self, workloads: &[Workload]) -> Vec<Authorizer> {
        let mut known: HashMap<Vec<*const AuthorizationPolicy>, Authorizer> = HashMap::new();
        let mut compile = |workload| {
            let selection = self.select(workload);
            // Policies that apply are told apart by where they lie: the set holds each once.
            let policies = selection.policies.iter().map(|(_, policy)| Arc::as_ptr(policy)).collect();
            match known.entry(policies) {
                hash_map::Entry::Occupied(first) => first.get().with_selection(selection),
                hash_map::Entry::Vacant(place) => place.insert(Authorizer::new(selection, &self.mesh, self.index_bytes)).clone(),
            }
        };
        workloads.iter().map(&mut compile).collect()
    }

    /// What the load found and went on with: warnings and notes, and for a lenient load the errors.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicySet};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a}}";
    /// let policies = PolicySet::from_yaml(text, &Mesh::default())?;
    /// assert_eq!(policies.findings()[0].code(), "default-namespace");
    /// # Ok::<(), authz_core::LoadError>(())
    /// ```
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// How many resources of the two kinds the texts held.
    pub fn len(&self) -> usize {
        self.policies.len() + self.peer_authentications.len()
    }

    /// Whether the texts held no resource that decides.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a list of resources stood in a text and was empty: an answer, not an oversight.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicySet};
    ///
    /// let policies = PolicySet::from_yaml("{apiVersion: v1, kind: List, items: []}", &Mesh::default())?;
    /// assert!(policies.is_empty() && policies.has_empty_list());
    /// # Ok::<(), authz_core::LoadError>(())
    /// ```
    pub fn has_empty_list(&self) -> bool {
        self.has_empty_list
    }

    /// The kinds that were passed over, and how often.
    ///
    /// ```
    /// use authz_core::{Mesh, PolicySet};
    ///
    /// let policies = PolicySet::from_yaml("{apiVersion: v1, kind: Service}", &Mesh::default())?;
    /// assert_eq!(policies.other_kinds().collect::<Vec<_>>(), [("Service", 1)]);
    /// # Ok::<(), authz_core::LoadError>(())
    /// ```
    pub fn other_kinds(&self) -> impl Iterator<Item = (&str, usize)> {
        self.others.iter().map(|(kind, count)| (kind.as_str(), *count))
    }

    /// The mesh that the policies were read for.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }
}
