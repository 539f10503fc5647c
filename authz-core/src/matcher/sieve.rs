//! A word that most conjunctions fail at: what they ask of port and addresses, in 64 bits.
//!
//! A fact sets one bit of its share; a conjunction has the bits of all facts that it may take. It cannot
//! match a connection unless it has all bits of it.

use super::address_ranges::AddressRanges;
use super::atom::Atom;
use super::leading::Leading;
use super::query::Query;
use super::ranges::Ranges;

/// The bits of what an atom takes, or of what a connection has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sieve(pub(super) u64);

/// Where each fact's share starts, and how many bits it has, as a power of two.
const PORT: (u32, u32) = (0, 5);
const DESTINATION: (u32, u32) = (32, 4);
const SOURCE: (u32, u32) = (48, 4);

/// A range of more ports than this sets all bits of the share soon enough.
const MOST_PORTS: u16 = 64;

#[inline]
fn port_bit(port: u16) -> u64 {
    let (start, bits) = PORT;
    1 << (start + (u32::from(port).wrapping_mul(0x9e37_79b1) >> (32 - bits)))
}

#[inline]
fn address_bit(leading: Leading, (start, bits): (u32, u32)) -> u64 {
    1 << (start + leading.bits(bits))
}

fn all((start, bits): (u32, u32)) -> u64 {
    ((1 << (1_u64 << bits)) - 1) << start
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

    /// What an atom takes that asks for one of these ports and for nothing else.
    pub(super) fn of_ports(ports: [u16; 4]) -> Self {
        Self(ports.into_iter().map(port_bit).fold(all(DESTINATION) | all(SOURCE), |bits, bit| bits | bit))
    }

    /// What a connection with these source and destination addresses has; what is unknown is asked of nobody.
    #[inline]
    pub(super) fn of_query<const OPEN: bool>(query: &Query<'_, OPEN>, [source, destination]: [Option<Leading>; 2]) -> Self {
        let address = |leading: Option<Leading>, share| leading.map_or(0, |leading| address_bit(leading, share));
        Self(query.port().map_or(0, port_bit) | address(destination, DESTINATION) | address(source, SOURCE))
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
        if last - first >= MOST_PORTS {
            return all(PORT);
        }
        bits |= (*first..=*last).fold(0, |bits, port| bits | port_bit(port));
    }
    bits
}

fn addresses(set: &AddressRanges, share: (u32, u32)) -> u64 {
    let mut bits = 0;
    Leading::each_of(set, |leading| {
        bits |= address_bit(leading, share);
        bits != all(share)
    });
    bits
}
