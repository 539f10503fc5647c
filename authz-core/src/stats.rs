//! How the rules of a workload are arranged, and what that takes: for people who ask why a set is fast or slow.

use std::fmt;

/// How an authorizer holds its rules.
///
/// `Display` gives it on a few lines.
///
/// ```
/// use authz_core::{Mesh, PolicySet, Workload};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}]}}";
/// let stats = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo")).stats();
/// assert_eq!((stats.rules, stats.conjunctions, stats.small), (1, 1, 1));
/// assert!(stats.bytes > 0);
/// assert!(stats.to_string().starts_with("1 rule, 1 conjunction, "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Rules that can match.
    pub rules: usize,
    /// What they come to once each entry of `from` is combined with each of `to`.
    pub conjunctions: usize,
    /// Conjunctions in one row of bits: all of them, where they are few.
    pub small: usize,
    /// Conjunctions that are looked up by what is rarest about them.
    pub keyed: usize,
    /// Those of them that ask for nothing beside that, or for a port, so that to find them is nearly all there is to do.
    pub told: usize,
    /// Those of them that ask for addresses and ports alone, and are compared four at a time.
    pub boxed: usize,
    /// How many of those that are looked up one value leads to at most.
    pub longest_list: usize,
    /// Conjunctions of which nothing is rare, in rows of bits.
    pub wide: usize,
    /// Rows that have to be combined for them.
    pub blocks: usize,
    /// Bits of each of these rows: 256, or 64 to stay within [`Limits::index_bytes`](crate::Limits::index_bytes) and
    /// with the feature `small`.
    pub block_bits: usize,
    /// Sets of thousands of address ranges that are kept apart, each a look of its own.
    pub large_sets: usize,
    /// Conjunctions whose rule has to be asked the plain way: for metadata, and for more than 64
    /// combinations of entries.
    pub asked: usize,
    /// The bytes that all of this takes, without the policies themselves.
    pub bytes: usize,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{} rule{}, {} conjunction{}, ", self.rules, plural(self.rules), self.conjunctions, plural(self.conjunctions))?;
        writeln!(f, "{} bytes", self.bytes)?;
        if self.keyed == 0 && self.wide == 0 {
            writeln!(f, "one row of bits for all")?;
        } else {
            writeln!(f, "{} by what is rarest about them, at most {} to a value", self.keyed, self.longest_list)?;
            writeln!(f, "{} of these ask for nothing beside that but a port", self.told)?;
            if self.boxed > 0 {
                writeln!(f, "{} of these ask for addresses and ports alone, and are compared four at a time", self.boxed)?;
            }
            writeln!(f, "{} in {} row{} of {} bits", self.wide, self.blocks, plural(self.blocks), self.block_bits)?;
        }
        if self.large_sets > 0 {
            writeln!(f, "{} large set{} of addresses", self.large_sets, plural(self.large_sets))?;
        }
        if self.asked > 0 {
            writeln!(f, "{} asked the plain way", self.asked)?;
        }
        Ok(())
    }
}
