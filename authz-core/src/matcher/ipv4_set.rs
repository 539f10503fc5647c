//! Whether a large set of IPv4 addresses holds an address, in little code: by the line of its boundaries.

use super::ipv4_line::Ipv4Line;

/// A set of IPv4 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv4Chunks {
    boundaries: Ipv4Line,
    count: usize,
    /// Whether the smallest address is in the set.
    starts_inside: bool,
}

impl Ipv4Chunks {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u32], starts_inside: bool) -> Self {
        Self { boundaries: Ipv4Line::new(boundaries), count: boundaries.len(), starts_inside }
    }

    pub(super) fn contains(&self, address: u32) -> Option<bool> {
        let position = self.boundaries.roughly(address)?;
        Some((position.min(self.count) & 1 == 1) != self.starts_inside)
    }

    pub(super) fn contains_at_once(&self, _: u32) -> Option<bool> {
        None
    }

    pub(super) fn bytes(&self) -> usize {
        self.boundaries.bytes()
    }
}
