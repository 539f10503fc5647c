//! How much an untrusted text may ask for before it is refused.

/// Bounds on the texts that a load reads, all of them together.
///
/// The defaults fit the policies of large clusters with room to spare; a text beyond one of them is
/// refused as a whole, in a lenient load too.
///
/// ```
/// use authz_core::{Limits, Mesh, PolicyLoader};
///
/// let limits = Limits { bytes: 10, ..Limits::default() };
/// let error = PolicyLoader::new(&Mesh::default()).limits(limits).source("a.yaml", "kind: AuthorizationPolicy").load().unwrap_err();
/// assert_eq!(error.findings()[0].code(), "limit-exceeded");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text. Default: 64 MiB.
    pub bytes: usize,
    /// YAML documents. Default: 100,000.
    pub documents: usize,
    /// How deep mappings and lists may stand in each other. Default: 64.
    pub nesting: usize,
    /// Nodes that anchors keep (`&name`) and aliases repeat (`*name`), each counted as often. Default: 100,000.
    pub alias_nodes: usize,
    /// Scalars, lists and mappings in all. Default: 16,000,000.
    pub nodes: usize,
    /// Rules in all. Default: 1,000,000.
    pub rules: usize,
    /// Findings that are kept; of those past it only the first error is. Default: 10,000.
    pub findings: usize,
    /// Bytes that what is compiled for one workload should take beside the policies. Default: 64 MiB.
    ///
    /// An aim and no bound: nothing is refused past it, and what policies say takes memory in proportion to
    /// their text whatever is done. What is given up past it is memory that buys speed: rules of which
    /// nothing is rare stand in rows of 64 bits and not of 256, lists of candidates end, and to name the rule that
    /// decides takes longer.
    pub index_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 << 20,
            documents: 100_000,
            nesting: 64,
            alias_nodes: 100_000,
            nodes: 16_000_000,
            rules: 1_000_000,
            findings: 10_000,
            index_bytes: 64 << 20,
        }
    }
}
