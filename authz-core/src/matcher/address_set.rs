//! One large set of addresses by itself: whether it holds an address, and nothing else.

use std::net::IpAddr;

use super::address_ranges::AddressRanges;
use super::ipv4_chunks::Ipv4Chunks;
use super::ipv6_tree::Ipv6Tree;
use super::ranges::Line;

/// A set of addresses.
///
/// Of IPv4 its boundaries are kept and little beside them: behind an odd number of them one is inside. A
/// block list of a million prefixes so takes a few bytes a prefix, and does not cut the lines of other sets.
#[derive(Clone, Debug)]
pub(super) struct AddressSet {
    v4: Ipv4Chunks,
    v6: Ipv6Tree,
}

impl AddressSet {
    pub(super) fn new(set: &AddressRanges) -> Self {
        Self { v4: Ipv4Chunks::new(&boundaries(set.v4.as_slice()), set.v4.contains(u32::MIN)), v6: Ipv6Tree::new(&set.v6) }
    }

    /// Whether an address is in the set. There is an answer, as what is built is complete; were there none, a
    /// rule that denies would have to match, and no other.
    #[inline(never)]
    pub(super) fn contains(&self, address: &IpAddr) -> Option<bool> {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// The same, if a few steps say it: nothing of an address that takes more.
    #[inline(always)]
    pub(super) fn contains_at_once(&self, address: &IpAddr) -> Option<bool> {
        match address {
            IpAddr::V4(address) => self.v4.contains_at_once(address.to_bits()),
            IpAddr::V6(_) => None,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}

/// Where ranges, which are sorted and do not touch, start and what is behind them.
pub(super) fn boundaries<T: Line>(ranges: &[(T, T)]) -> Vec<T> {
    let mut all = Vec::with_capacity(2 * ranges.len());
    for (first, last) in ranges {
        all.extend((*first != T::MIN).then_some(*first));
        all.extend(last.next());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::IpBlock;

    #[test]
    fn a_set_holds_what_its_ranges_hold() {
        let sets: [&[&str]; 5] = [
            &[],
            &["0.0.0.0/0", "::/0"],
            &["0.0.0.0/8", "255.255.255.255", "::/16", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"],
            &["10.0.0.0/8", "2001:db8::/32", "2001:db9::1"],
            &["10.0.0.0", "10.0.0.2", "10.0.0.4/31", "2001:db8::/64", "2001:db8:0:1::/65"],
        ];
        let addresses = [
            "0.0.0.0",
            "0.255.255.255",
            "1.0.0.0",
            "9.255.255.255",
            "10.0.0.0",
            "10.0.0.1",
            "10.0.0.2",
            "10.0.0.5",
            "10.0.0.6",
            "11.0.0.0",
            "255.255.255.254",
            "255.255.255.255",
            "::",
            "0:ffff::",
            "1::",
            "2001:db7:ffff::",
            "2001:db8::",
            "2001:db8::ffff:0:0:1",
            "2001:db8:0:1::1",
            "2001:db8:0:1:8000::",
            "2001:db9::",
            "2001:db9::1",
            "2001:db9::2",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ];
        for blocks in sets {
            let blocks: Vec<IpBlock> = blocks.iter().map(|block| IpBlock::parse(block).unwrap()).collect();
            let ranges = AddressRanges::of_blocks(&blocks);
            let set = AddressSet::new(&ranges);
            for address in addresses {
                let address: IpAddr = address.parse().unwrap();
                assert_eq!(set.contains(&address), Some(ranges.contains(address)), "{address} in {blocks:?}");
                assert_eq!(
                    set.contains(&address),
                    Some(blocks.iter().any(|block| block.contains(address))),
                    "{address} in {blocks:?}"
                );
            }
        }
    }
}
