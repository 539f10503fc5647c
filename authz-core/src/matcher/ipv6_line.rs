//! Where an IPv6 address stands among boundaries: how many of them are not above it.

use super::numbers::{halves, place};

/// Boundaries on the line of IPv6 addresses.
///
/// Nearly all are between networks of up to 64 bits, so that the first half of an address tells its place; the second
/// is looked at where boundaries have the same first half.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Line {
    /// The first halves of boundaries, each once.
    networks: Sorted,
    /// Nothing where all boundaries are between networks.
    hosts: Option<Hosts>,
}

/// The second halves of boundaries.
#[derive(Clone, Debug)]
struct Hosts {
    /// By the place of a first half: where its second halves start; behind all, where they end.
    starts: Box<[u32]>,
    halves: Box<[u64]>,
}

impl Ipv6Line {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u128]) -> Self {
        let all = || boundaries.iter().map(|boundary| halves(*boundary));
        let mut networks: Vec<u64> = all().map(|[network, _]| network).collect();
        networks.dedup();
        let hosts = all().any(|[_, host]| host != 0).then(|| Hosts::new(all()));
        Self { networks: Sorted::new(networks), hosts }
    }

    /// How many boundaries are not above an address; if that is not to be found, as what is built is complete,
    /// a place behind all.
    #[inline]
    pub(super) fn position(&self, address: u128) -> usize {
        let [network, host] = halves(address);
        let passed = self.networks.not_above(network);
        match &self.hosts {
            None => passed,
            Some(hosts) => {
                let own = passed.checked_sub(1).filter(|last| self.networks.get(*last) == Some(network));
                hosts.not_above(passed, own, host).unwrap_or(usize::MAX)
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let hosts = self.hosts.as_ref().map_or(0, |hosts| size_of_val(&*hosts.starts) + size_of_val(&*hosts.halves));
        self.networks.bytes() + hosts
    }
}

impl Hosts {
    fn new(boundaries: impl Iterator<Item = [u64; 2]>) -> Self {
        let (mut starts, mut halves, mut last) = (Vec::new(), Vec::new(), None);
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        for [network, host] in boundaries {
            if last.replace(network) != Some(network) {
                starts.push(number(halves.len()));
            }
            halves.push(host);
        }
        starts.push(number(halves.len()));
        Self { starts: starts.into(), halves: halves.into() }
    }

    /// How many boundaries are not above an address: all of the first halves that were passed, but of that which is its
    /// `own` only those up to its second half.
    #[inline]
    fn not_above(&self, passed: usize, own: Option<usize>, host: u64) -> Option<usize> {
        let start = |at: usize| self.starts.get(at).map(|start| place(*start));
        let end = start(passed)?;
        let Some(own) = own else { return Some(end) };
        let first = start(own)?;
        Some(first + self.halves.get(first..end)?.partition_point(|other| *other <= host))
    }
}

/// Sorted values, found by a few comparisons with all values of a cache line at a time.
///
/// The last level holds the values; each level above it the first of each [`GROUP`] of the level below,
/// down to one group. A search so touches a line a level, where halving would touch one a step.
#[derive(Clone, Debug)]
struct Sorted {
    /// From the one group on.
    levels: Box<[Box<[u64]>]>,
    count: usize,
}

/// How many values are compared at a time.
const GROUP: usize = 8;

impl Sorted {
    fn new(mut values: Vec<u64>) -> Self {
        let count = values.len();
        if count == 0 {
            return Self { levels: Box::default(), count };
        }
        let mut levels = Vec::new();
        loop {
            // The largest value there is fills groups.
            values.resize(values.len().next_multiple_of(GROUP), u64::MAX);
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
    fn not_above(&self, value: u64) -> usize {
        let mut found = 0;
        for level in &self.levels {
            // What is below the first value of a level stands in its first group; the largest value may seem to stand
            // behind the last, as it fills groups.
            let start = found.clamp(1, level.len() / GROUP) - 1;
            let Some(group) = level.get(start * GROUP..).and_then(|level| level.first_chunk::<GROUP>()) else {
                return usize::MAX;
            };
            found = start * GROUP + group.iter().map(|other| usize::from(*other <= value)).sum::<usize>();
        }
        found.min(self.count)
    }

    /// The value at a place.
    #[inline]
    fn get(&self, at: usize) -> Option<u64> {
        self.levels.last()?.get(at).copied()
    }

    fn bytes(&self) -> usize {
        self.levels.iter().map(|level| size_of_val(&**level) + size_of::<Box<[u64]>>()).sum()
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
            // Many of one network.
            boundaries.extend((1..=count).map(|n| (0x2002 << 112) + (n << 3)));
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
