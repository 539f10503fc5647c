//! Whether a large set of IPv6 addresses holds an address, in little code: by the line of its boundaries.

use super::address_set::boundaries;
use super::ipv6_line::Ipv6Line;
use super::ranges::Ranges;

/// A set of IPv6 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Tree {
    boundaries: Ipv6Line,
    /// Whether the smallest address is in the set.
    starts_inside: bool,
}

impl Ipv6Tree {
    /// Arranges ranges.
    pub(super) fn new(ranges: &Ranges<u128>) -> Self {
        let ranges = ranges.as_slice();
        let starts_inside = ranges.first().is_some_and(|(first, _)| *first == 0);
        Self { boundaries: Ipv6Line::new(&boundaries(ranges)), starts_inside }
    }

    pub(super) fn contains(&self, address: u128) -> Option<bool> {
        let position = Some(self.boundaries.position(address)).filter(|position| *position != usize::MAX);
        position.map(|position| (position & 1 == 1) != self.starts_inside)
    }

    pub(super) fn bytes(&self) -> usize {
        self.boundaries.bytes()
    }
}
