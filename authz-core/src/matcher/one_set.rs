//! Rules that ask for one large set of addresses, or for nothing, as block lists do: a look at it says all.

use std::net::IpAddr;
use std::sync::Arc;

use super::SEGMENTS;
use super::address_set::AddressSet;
use super::query::Dimension;
use crate::connection::Connection;
use crate::fact_set::FactSet;

/// The set, and what follows from it.
#[derive(Clone, Debug)]
pub(super) struct OneSet {
    set: Arc<AddressSet>,
    dimension: Dimension,
    /// The fact that is the address.
    reads: FactSet,
    /// By segment the first atom that matches an address outside, and one inside, or [`NO_ATOM`](super::NO_ATOM).
    pub(super) first: [[u32; SEGMENTS]; 2],
}

impl OneSet {
    pub(super) fn new(set: &Arc<AddressSet>, dimension: Dimension, reads: FactSet, first: [[u32; SEGMENTS]; 2]) -> Self {
        Self { set: Arc::clone(set), dimension, reads, first }
    }

    /// The address that is looked for, if it is known.
    #[inline(always)]
    fn address<'c>(&self, connection: &'c Connection<'_>) -> Option<&'c IpAddr> {
        (!connection.unknown_facts().meets(self.reads)).then(|| self.dimension.known_of(connection))
    }

    /// Whether the address is in the set, if a few steps say it.
    #[inline(always)]
    pub(super) fn holds_at_once(&self, connection: &Connection<'_>) -> Option<bool> {
        self.set.contains_at_once(self.address(connection)?)
    }

    /// Whether the address is in the set, if it is known.
    #[inline]
    pub(super) fn holds(&self, connection: &Connection<'_>) -> Option<bool> {
        self.set.contains(self.address(connection)?)
    }
}
