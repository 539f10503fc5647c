//! One pattern of a policy over identities or server names, and the number that stands for it.

use std::hash::BuildHasher;

use hashbrown::HashTable;
use smallvec::SmallVec;

use super::numbers::place;

use crate::value::{NamespaceMatch, PrincipalMatch, ServiceAccountMatch, SniMatch, TrustDomainMatch};

/// A pattern over identities or server names, of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PatternRef<'p> {
    Principal(&'p PrincipalMatch),
    Namespace(&'p NamespaceMatch),
    ServiceAccount(&'p ServiceAccountMatch),
    TrustDomain(&'p TrustDomainMatch),
    Sni(&'p SniMatch),
}

#[cfg(test)]
impl PatternRef<'_> {
    /// Whether it matches a text by itself.
    pub(super) fn matches(self, text: &str) -> bool {
        match self {
            Self::Principal(pattern) => pattern.matches(text),
            Self::Namespace(pattern) => pattern.matches(text),
            Self::ServiceAccount(pattern) => pattern.matches(text),
            Self::TrustDomain(pattern) => pattern.matches(text),
            Self::Sni(pattern) => pattern.matches(text),
        }
    }
}

/// Numbers of patterns: few, most of the time.
pub(super) type PatternNumbers = SmallVec<[u32; 4]>;

/// Patterns, each with the number of its first occurrence.
#[derive(Debug, Default)]
pub(super) struct Numbers<'p> {
    /// Each number with half the hash of its pattern, so that few texts are read again.
    numbers: HashTable<(u32, u32)>,
    hasher: foldhash::fast::RandomState,
    all: Vec<PatternRef<'p>>,
}

impl<'p> Numbers<'p> {
    /// The number of a pattern, from 0.
    pub(super) fn number(&mut self, pattern: PatternRef<'p>) -> u32 {
        let half = u32::try_from(self.hasher.hash_one(pattern) >> 32).unwrap_or_default();
        let all = &self.all;
        let is_known = |(others, number): &(u32, u32)| *others == half && all.get(place(*number)) == Some(&pattern);
        if let Some((_, number)) = self.numbers.find(spread(half), is_known) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(pattern);
        self.numbers.insert_unique(spread(half), (half, number), |(half, _)| spread(*half));
        number
    }

    /// By number.
    pub(super) fn all(&self) -> &[PatternRef<'p>] {
        &self.all
    }
}

/// Half a hash over all the bits that a table looks at.
fn spread(half: u32) -> u64 {
    u64::from(half).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Kinds of patterns over identities, so that what there is none of costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kinds(pub(super) u8);

impl Kinds {
    pub(super) const ANY: u8 = 1;
    pub(super) const BOUNDED: u8 = 1 << 1;
    pub(super) const PRINCIPALS: u8 = 1 << 2;
    pub(super) const TRUST_DOMAINS: u8 = 1 << 3;
    pub(super) const NAMESPACES: u8 = 1 << 4;
    pub(super) const NAMESPACE_AFFIXES: u8 = 1 << 5;
    pub(super) const ACCOUNTS: u8 = 1 << 6;
    /// Suffixes of principals that do not take in a namespace.
    pub(super) const ACCOUNT_SUFFIXES: u8 = 1 << 7;

    #[inline]
    pub(super) fn has(self, kind: u8) -> bool {
        self.0 & kind != 0
    }
}
