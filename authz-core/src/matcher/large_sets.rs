//! The few sets that are too large to share a line with others.

use std::sync::Arc;

use super::address_ranges::AddressRanges;
use super::address_set::AddressSet;
use super::atom::Atom;
use super::query::Dimension;
use crate::sort::sort_by_key;

/// From this many ranges on a set may be kept apart.
const LARGE: usize = 4096;

// Ranges that are not written down are those of large sets.
#[cfg(not(feature = "small"))]
const _: () = assert!(LARGE <= super::ipv6_blocks::MANY);

/// How many are at most: each costs a look of its own, while those that share a line share one.
const MOST_SETS: usize = 8;

/// Sets with their arrangement. They are few, and to compare two takes less than to hash one.
#[derive(Clone, Debug, Default)]
pub(super) struct LargeSets(Vec<(Arc<AddressRanges>, Arc<AddressSet>)>);

impl LargeSets {
    /// Arranges the largest sets that atoms ask for.
    pub(super) fn new<'a>(atoms: impl Iterator<Item = &'a Atom>) -> Self {
        let mut all: Vec<&Arc<AddressRanges>> = Vec::new();
        for atom in atoms {
            for set in Dimension::ALL.into_iter().filter_map(|dimension| atom.addresses(dimension)) {
                if set.at_most() >= LARGE {
                    all.push(set);
                }
            }
        }
        // Nearly all that are the same are so by their place.
        sort_by_key(&mut all, |set| Arc::as_ptr(set));
        all.dedup_by_key(|set| Arc::as_ptr(set));
        sort_by_key(&mut all, |set| std::cmp::Reverse(set.at_most()));
        let mut sets = Self::default();
        for set in all {
            if sets.0.len() == MOST_SETS {
                break;
            }
            if sets.get(set).is_none() {
                sets.0.push((Arc::clone(set), Arc::new(AddressSet::new(set))));
            }
        }
        sets
    }

    /// The arrangement of a set, if it is one of them.
    pub(super) fn get(&self, set: &AddressRanges) -> Option<&Arc<AddressSet>> {
        let is_same = |(known, _): &&(Arc<AddressRanges>, _)| std::ptr::eq(&**known, set) || known.are_same(set);
        let known = if set.at_most() < LARGE { None } else { self.0.iter().find(is_same) };
        known.map(|(_, arranged)| arranged)
    }

    /// The arrangements alone: the ranges that they were found by are not needed any more.
    pub(super) fn into_arranged(self) -> Box<[Arc<AddressSet>]> {
        self.0.into_iter().map(|(_, arranged)| arranged).collect()
    }
}
