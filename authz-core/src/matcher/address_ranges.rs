//! Sets of addresses of both families as ranges.

use std::net::IpAddr;

#[cfg(not(feature = "small"))]
use super::ipv6_blocks::Ipv6Blocks;
#[cfg(not(feature = "small"))]
use super::ranges::RangeSource as _;
use super::ranges::{Few, Ranges, Set, low};
use crate::sort::{sort, sort_many};
use crate::value::IpBlock;

/// A set of addresses of both families.
#[derive(Clone, Debug)]
#[cfg_attr(test, derive(PartialEq))]
pub(super) struct AddressRanges {
    pub(super) v4: Ranges<u32>,
    pub(super) v6: Ranges<u128>,
}

impl AddressRanges {
    pub(super) fn of_blocks(blocks: &[IpBlock]) -> Self {
        let known = many_v6(blocks);
        let (mut v4, mut v6) = (Few::<u64>::new(), Vec::new());
        for block in blocks {
            match block.range() {
                // As one number a range is sorted fastest.
                (IpAddr::V4(first), IpAddr::V4(last)) => v4.push(u64::from(first.to_bits()) << 32 | u64::from(last.to_bits())),
                (IpAddr::V6(first), IpAddr::V6(last)) if known.is_none() => v6.push((first.to_bits(), last.to_bits())),
                (IpAddr::V4(_) | IpAddr::V6(_), _) => {}
            }
        }
        sort_many(&mut v4);
        let v4 = Ranges::of_sorted(v4.iter().map(|both| (low(*both >> 32), low(*both))), v4.len());
        if let Some(v6) = known {
            return Self { v4, v6 };
        }
        sort(&mut v6);
        let count = v6.len();
        Self { v4, v6: Ranges::of_sorted(v6.into_iter(), count) }
    }

    /// Whether these are the same ranges, made from the same, without writing them down.
    pub(super) fn are_same(&self, other: &Self) -> bool {
        self.v4.are_same(&other.v4) && self.v6.are_same(&other.v6)
    }

    /// How many ranges there are; where they are thousands, how many at most.
    pub(super) fn at_most(&self) -> usize {
        self.v4.at_most() + self.v6.at_most()
    }

    #[cfg(test)]
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }
}

/// The ranges of many IPv6 blocks, which wait to be written down if they are many themselves.
#[cfg(not(feature = "small"))]
fn many_v6(blocks: &[IpBlock]) -> Option<Ranges<u128>> {
    let blocks = Box::new(Ipv6Blocks::of(blocks)?);
    Some(if blocks.are_many_ranges() {
        Ranges::waiting(blocks)
    } else {
        let ranges = blocks.ranges();
        let count = ranges.len();
        Ranges::of_sorted(ranges.into_iter(), count)
    })
}

#[cfg(feature = "small")]
fn many_v6(_: &[IpBlock]) -> Option<Ranges<u128>> {
    None
}

impl Set for AddressRanges {
    fn size(&self) -> usize {
        self.at_most()
    }

    fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement() }
    }

    fn intersection(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersection(&other.v4), v6: self.v6.intersection(&other.v6) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn touching_and_nested_blocks_become_one_range() {
        let blocks = ["10.0.0.0/9", "10.128.0.0/9", "10.1.0.0/16", "255.255.255.255", "0.0.0.0", "::/0"];
        let blocks: Vec<IpBlock> = blocks.into_iter().map(|block| IpBlock::parse(block).unwrap()).collect();
        let set = AddressRanges::of_blocks(&blocks);
        assert_eq!((set.v4.as_slice().len(), set.v6.as_slice().len()), (3, 1));
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

    #[test]
    fn blocks_of_all_lengths_in_any_order_are_the_union_of_their_ranges() {
        // Few, many that come to few ranges, and many that come to many.
        for (count, different, is_waiting) in [(2000_u32, 2000, false), (20_000, 2000, false), (20_000, 20_000, true)] {
            let blocks: Vec<IpBlock> = (0..count)
                .map(|n| {
                    let n = n % different;
                    let (one, other) = (n.wrapping_mul(0x9e37_79b1) % 5120, n % 97);
                    let text = match n % 4 {
                        0 => format!("10.{}.{}.{}/{}", one % 4, one / 4 % 256, other, n % 33),
                        1 => format!("{:x}:db8:{one:x}:{n:x}::{other:x}/{}", n.wrapping_mul(0x9e37_79b1) >> 16, n % 65),
                        2 => format!("2001:db8:{one:x}::{other:x}"),
                        _ => format!("2001:db8:{one:x}::{other:x}/{}", 65 + n % 64),
                    };
                    IpBlock::parse(&text).unwrap()
                })
                .filter(|block| block.prefix().1 > if block.prefix().0.is_ipv4() { 20 } else { 44 })
                .collect();
            let set = AddressRanges::of_blocks(&blocks);
            // With the feature `small` there is no other way than the plain one.
            assert_eq!(set.v6.source().is_some(), is_waiting && !cfg!(feature = "small"), "{}", set.at_most());
            let (at_most, bounds) = (set.at_most(), set.v6.bounds());
            let (mut v4, mut v6) = (Vec::new(), Vec::new());
            for block in &blocks {
                match block.range() {
                    (IpAddr::V4(first), IpAddr::V4(last)) => v4.push((first.to_bits(), last.to_bits())),
                    (IpAddr::V6(first), IpAddr::V6(last)) => v6.push((first.to_bits(), last.to_bits())),
                    _ => {}
                }
            }
            assert_eq!(set, AddressRanges { v4: Ranges::union(v4), v6: Ranges::union(v6) });
            let (v4, v6) = (set.v4.as_slice(), set.v6.as_slice());
            assert!(!v4.is_empty() && v6.len() > 50, "{at_most}");
            assert!(if is_waiting { v4.len() + v6.len() <= at_most } else { v4.len() + v6.len() == at_most }, "{at_most}");
            assert_eq!(bounds, v6.first().zip(v6.last()).map(|(first, last)| (first.0, last.1)));
        }
    }

    #[test]
    fn blocks_up_to_the_ends_are_one_range() {
        let wide = ["::/1", "8000::/1", "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::", "ffff::/16"];
        let narrow = (0..5000).map(|n| format!("ffff:ffff:ffff:ffff:ffff:ffff:ffff:{n:x}"));
        for skip in 0..wide.len() {
            let blocks = wide.iter().skip(skip).map(|block| (*block).to_owned()).chain(narrow.clone());
            let blocks: Vec<IpBlock> = blocks.map(|block| IpBlock::parse(&block).unwrap()).collect();
            let set = AddressRanges::of_blocks(&blocks);
            let expected = match skip {
                0..=2 => vec![(0, u128::MAX)],
                3 | 4 => vec![(0, 0), (0xffff << 112, u128::MAX)],
                _ => vec![(0xffff << 112, u128::MAX)],
            };
            assert_eq!(set.v6.as_slice(), expected, "{skip}");
        }
    }

    #[test]
    #[cfg(not(feature = "small"))]
    fn sets_are_compared_without_being_written_down() {
        let set = |numbers: Vec<u32>| {
            let blocks = numbers.iter().map(|n| format!("2001:db8:{:x}:{:x}::/64", n >> 15, (n & 0x7fff) << 1));
            AddressRanges::of_blocks(&blocks.map(|block| IpBlock::parse(&block).unwrap()).collect::<Vec<_>>()).v6
        };
        // The last two lie between the same ends.
        let without = |hole: u32| set((0..5000).filter(|n| *n != hole).collect());
        let all = [set((0..5000).collect()), set((1..5001).collect()), set((0..5001).collect()), without(7), without(8)];
        for (at, one) in all.iter().enumerate() {
            for (other_at, other) in all.iter().enumerate() {
                assert_eq!(one.are_same(other), at == other_at);
            }
        }
        assert!(all[0].are_same(&set((0..5000).rev().collect())));
        assert!(!all.iter().any(Ranges::is_written));
    }
}
