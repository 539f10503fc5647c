//! A set of addresses: sorted, disjoint ranges, found by binary search.

use std::net::IpAddr;

use crate::value::IpBlock;

/// The union of blocks.
#[derive(Clone, Debug, Default)]
pub(super) struct IpSet {
    v4: Box<[(u32, u32)]>,
    v6: Box<[(u128, u128)]>,
}

impl IpSet {
    pub(super) fn new(blocks: &[IpBlock]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for block in blocks {
            match block.range() {
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => {}
            }
        }
        Self { v4: merge(v4, |last| last.checked_add(1)), v6: merge(v6, |last| last.checked_add(1)) }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => contains(&self.v4, address.to_bits()),
            IpAddr::V6(address) => contains(&self.v6, address.to_bits()),
        }
    }
}

/// Sorts ranges and joins those that overlap or touch.
pub(super) fn merge<T: Copy + Ord>(mut ranges: Vec<(T, T)>, next: impl Fn(T) -> Option<T>) -> Box<[(T, T)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if next(*end).is_none_or(|next| first <= next) => *end = (*end).max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.into_boxed_slice()
}

pub(super) fn contains<T: Copy + Ord>(ranges: &[(T, T)], value: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= value);
    behind.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| value <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_and_nested_blocks_become_one_range() {
        let blocks = ["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "255.255.255.255", "0.0.0.0", "::/0"];
        let blocks: Vec<IpBlock> = blocks.into_iter().map(|block| IpBlock::parse(block).unwrap()).collect();
        let set = IpSet::new(&blocks);
        assert_eq!((set.v4.len(), set.v6.len()), (3, 1));
        let table = [
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("9.255.255.255", false),
            ("255.255.255.255", true),
            ("0.0.0.0", true),
            ("::1", true),
        ];
        for (address, expected) in table {
            assert_eq!(set.contains(address.parse().unwrap()), expected, "{address}");
        }
    }
}
