//! A word that most conjunctions fail at: what they ask of port and addresses, in 64 bits.
//!
//! A fact sets one bit of its share; a conjunction has the bits of all facts that it may take. It cannot
//! match a connection unless it has all bits of it.

use std::net::IpAddr;

use super::atom::Atom;
use super::query::{Dimension, Query};
use super::ranges::{AddressRanges, Ranges};

/// The bits of what an atom takes, or of what a connection has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sieve(pub(super) u64);

/// Where each fact's share starts, and how many bits it has, as a power of two.
const PORT: (u32, u32) = (0, 5);
const DESTINATION: (u32, u32) = (32, 4);
const SOURCE: (u32, u32) = (48, 4);

/// More values than this set all bits of a share soon enough.
const MOST_VALUES: u32 = 8;

#[inline]
fn bit(value: u32, (start, bits): (u32, u32)) -> u64 {
    1 << (start + (value.wrapping_mul(0x9e37_79b1) >> (32 - bits)))
}

fn all((start, bits): (u32, u32)) -> u64 {
    ((1 << (1_u64 << bits)) - 1) << start
}

/// The leading bits of an address, which its neighbours share.
#[inline]
fn leading(address: &IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => v4_unit(address.to_bits()),
        IpAddr::V6(address) => v6_unit(address.to_bits()),
    }
}

#[inline]
fn v4_unit(address: u32) -> u32 {
    address >> 16
}

#[inline]
fn v6_unit(address: u128) -> u32 {
    u32::try_from(address >> 96).unwrap_or(u32::MAX)
}

impl Sieve {
    /// What an atom takes.
    pub(super) fn of(atom: &Atom) -> Self {
        let address = |set: Option<&AddressRanges>, share| set.map_or(all(share), |set| addresses(set, share));
        Self(
            atom.port.as_deref().map_or(all(PORT), ports)
                | address(atom.destination.as_deref(), DESTINATION)
                | address(atom.source.as_deref(), SOURCE),
        )
    }

    /// What a connection has; what is unknown is asked of nobody.
    #[inline]
    pub(super) fn of_query<const OPEN: bool>(query: &Query<'_, OPEN>) -> Self {
        let address = |dimension, share| query.address(dimension).map_or(0, |address| bit(leading(address), share));
        let port = query.port().map_or(0, |port| bit(port.into(), PORT));
        Self(port | address(Dimension::Destination, DESTINATION) | address(Dimension::Source, SOURCE))
    }

    /// Whether an atom may match a connection.
    #[inline]
    pub(super) fn passes(self, connection: Self) -> bool {
        self.0 & connection.0 == connection.0
    }

    /// What one of two takes.
    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn ports(set: &Ranges<u16>) -> u64 {
    let mut bits = 0;
    for (first, last) in set.as_slice() {
        if u32::from(last - first) >= MOST_VALUES {
            return all(PORT);
        }
        bits |= (*first..=*last).fold(0, |bits, port| bits | bit(port.into(), PORT));
    }
    bits
}

fn addresses(set: &AddressRanges, share: (u32, u32)) -> u64 {
    let v4 = set.v4.as_slice().iter().map(|(first, last)| (v4_unit(*first), v4_unit(*last)));
    let v6 = set.v6.as_slice().iter().map(|(first, last)| (v6_unit(*first), v6_unit(*last)));
    let mut bits = 0;
    for (first, last) in v4.chain(v6) {
        if last - first >= MOST_VALUES || bits == all(share) {
            return all(share);
        }
        bits |= (first..=last).fold(0, |bits, unit| bits | bit(unit, share));
    }
    bits
}
