//! Where an IPv6 address stands among boundaries: how many of them are not above it.

/// Boundaries on the line of IPv6 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Line {
    /// Boundaries between networks of up to 64 bits: their first half.
    networks: Sorted<u64>,
    /// The others, whole.
    hosts: Sorted<u128>,
}

impl Ipv6Line {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u128]) -> Self {
        let half = |boundary: &u128| u64::try_from(boundary >> 64).unwrap_or(u64::MAX);
        let is_network = |boundary: &&u128| **boundary << 64 == 0;
        Self {
            networks: Sorted::new(boundaries.iter().filter(is_network).map(half).collect(), u64::MAX),
            hosts: Sorted::new(boundaries.iter().filter(|boundary| !is_network(boundary)).copied().collect(), u128::MAX),
        }
    }

    /// How many boundaries are not above an address; if that is not to be found, as what is built is complete,
    /// a place behind all.
    #[inline]
    pub(super) fn position(&self, address: u128) -> usize {
        let half = u64::try_from(address >> 64).unwrap_or(u64::MAX);
        self.networks.not_above(half).saturating_add(self.hosts.not_above(address))
    }

    pub(super) fn bytes(&self) -> usize {
        self.networks.bytes() + self.hosts.bytes()
    }
}

/// Sorted values, found by a few comparisons with all values of a cache line at a time.
///
/// The last level holds the values; each level above it the first of each [`GROUP`] of the level below,
/// down to one group. A search so touches a line a level, where halving would touch one a step.
#[derive(Clone, Debug)]
struct Sorted<T> {
    /// From the one group on.
    levels: Box<[Box<[T]>]>,
    count: usize,
}

/// How many values are compared at a time.
const GROUP: usize = 8;

impl<T: Copy + Ord> Sorted<T> {
    /// `last` is the largest value there is; it fills groups.
    fn new(mut values: Vec<T>, last: T) -> Self {
        let count = values.len();
        if count == 0 {
            return Self { levels: Box::default(), count };
        }
        let mut levels = Vec::new();
        loop {
            values.resize(values.len().next_multiple_of(GROUP), last);
            let firsts = values.iter().step_by(GROUP).copied().collect();
            let is_one_group = values.len() == GROUP;
            levels.push(values.into());
            if is_one_group {
                break;
            }
            values = firsts;
        }
        levels.reverse();
        Self { levels: levels.into(), count }
    }

    /// How many values are not above one, or the largest number.
    #[inline]
    fn not_above(&self, value: T) -> usize {
        let mut found = 0;
        for level in &self.levels {
            // What is below the first value of a level stands in its first group; the largest value, which
            // fills groups, may seem to stand behind the last.
            let start = found.clamp(1, level.len() / GROUP) - 1;
            let Some(group) = level.get(start * GROUP..).and_then(|level| level.first_chunk::<GROUP>()) else {
                return usize::MAX;
            };
            found = start * GROUP + group.iter().map(|other| usize::from(*other <= value)).sum::<usize>();
        }
        found.min(self.count)
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(|level| size_of_val(&**level) + size_of::<Box<[T]>>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_behind_the_boundaries_that_are_not_above_it() {
        for count in [0, 1, 7, 8, 9, 63, 64, 65, 511, 512, 513, 5000] {
            let spread = |n: u128| (0x2001 << 112) + ((n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 0xffff_ffff) << 40);
            let mut boundaries: Vec<u128> = (1..=count).map(spread).collect();
            boundaries.extend((1..=count).map(|n| spread(n) >> 64 << 64));
            boundaries.extend([1, u128::MAX].iter().take(usize::try_from(count).unwrap()));
            boundaries.sort_unstable();
            boundaries.dedup();
            let line = Ipv6Line::new(&boundaries);
            for boundary in boundaries.iter().copied().chain([0, 1 << 64, u128::MAX]) {
                for address in [boundary.wrapping_sub(1), boundary, boundary.wrapping_add(1), boundary ^ 0xffff_ffff << 64] {
                    let expected = boundaries.partition_point(|boundary| *boundary <= address);
                    assert_eq!(line.position(address), expected, "{address:#x} among {}", boundaries.len());
                }
            }
        }
    }
}
