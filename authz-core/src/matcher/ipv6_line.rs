//! Where an IPv6 address stands among boundaries: how many of them are not above it.

/// Boundaries on the line of IPv6 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Line {
    /// Boundaries between networks of up to 64 bits: their first half.
    networks: Box<[u64]>,
    /// The others, whole.
    hosts: Box<[u128]>,
}

impl Ipv6Line {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u128]) -> Self {
        let half = |boundary: &u128| u64::try_from(boundary >> 64).unwrap_or(u64::MAX);
        let is_network = |boundary: &&u128| **boundary << 64 == 0;
        Self {
            networks: boundaries.iter().filter(is_network).map(half).collect(),
            hosts: boundaries.iter().filter(|boundary| !is_network(boundary)).copied().collect(),
        }
    }

    /// How many boundaries are not above an address.
    #[inline]
    pub(super) fn position(&self, address: u128) -> usize {
        let half = u64::try_from(address >> 64).unwrap_or(u64::MAX);
        let networks = self.networks.partition_point(|boundary| *boundary <= half);
        networks + if self.hosts.is_empty() { 0 } else { self.hosts.partition_point(|boundary| *boundary <= address) }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.networks) + size_of_val(&*self.hosts)
    }
}
