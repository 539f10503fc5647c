//! Address blocks: made from bits, cut smaller, and the addresses in and beside them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::random::Random;

/// The IPv4 block of this length around an address.
pub(crate) fn v4(bits: u32, len: u8) -> IpNet {
    Ipv4Net::new(Ipv4Addr::from_bits(bits), len.min(32)).unwrap_or_default().trunc().into()
}

/// The IPv6 block of this length around an address.
pub(crate) fn v6(bits: u128, len: u8) -> IpNet {
    Ipv6Net::new(Ipv6Addr::from_bits(bits), len.min(128)).unwrap_or_default().trunc().into()
}

/// Replaces the bits behind the first `len` of an address.
pub(crate) fn below_v4(network: u32, len: u8, random: &mut Random) -> u32 {
    let host = u32::MAX.checked_shr(len.into()).unwrap_or(0);
    network & !host | random.below(u32::MAX) & host
}

/// Replaces the bits behind the first `len` of an address.
pub(crate) fn below_v6(network: u128, len: u8, random: &mut Random) -> u128 {
    let host = u128::MAX.checked_shr(len.into()).unwrap_or(0);
    network & !host | random.wide() & host
}

/// An address in a block.
pub(crate) fn inside(block: IpNet, random: &mut Random) -> IpAddr {
    match block {
        IpNet::V4(block) => Ipv4Addr::from_bits(below_v4(block.network().to_bits(), block.prefix_len(), random)).into(),
        IpNet::V6(block) => Ipv6Addr::from_bits(below_v6(block.network().to_bits(), block.prefix_len(), random)).into(),
    }
}

/// The address before a block's first or behind its last.
pub(crate) fn beside(block: IpNet, random: &mut Random) -> IpAddr {
    let is_before = random.chance(50);
    match block {
        IpNet::V4(block) if is_before => Ipv4Addr::from_bits(block.network().to_bits().wrapping_sub(1)).into(),
        IpNet::V4(block) => Ipv4Addr::from_bits(block.broadcast().to_bits().wrapping_add(1)).into(),
        IpNet::V6(block) if is_before => Ipv6Addr::from_bits(block.network().to_bits().wrapping_sub(1)).into(),
        IpNet::V6(block) => Ipv6Addr::from_bits(block.broadcast().to_bits().wrapping_add(1)).into(),
    }
}

/// A block in a block: a hole.
pub(crate) fn hole(block: IpNet, random: &mut Random) -> IpNet {
    let len = block.prefix_len() + u8::try_from(random.within(0, 11)).unwrap_or(0);
    match inside(block, random) {
        IpAddr::V4(address) => v4(address.to_bits(), len),
        IpAddr::V6(address) => v6(address.to_bits(), len),
    }
}

/// Fills a list with so many different blocks, in random order. A generator that runs dry gives fewer.
pub(crate) fn distinct(count: usize, random: &mut Random, mut make: impl FnMut(&mut Random) -> IpNet) -> Vec<IpNet> {
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..64 {
        let missing = count.saturating_sub(blocks.len());
        if missing == 0 {
            break;
        }
        blocks.extend((0..missing).map(|_| make(random)));
        blocks.sort_unstable();
        blocks.dedup();
    }
    random.shuffle(&mut blocks);
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stand_where_they_are_said_to() {
        let mut random = Random::new(1);
        for text in ["10.1.0.0/16", "10.0.0.1/32", "0.0.0.0/0", "fd00::/32", "2001:db8::1/128"] {
            let block: IpNet = text.parse().unwrap();
            assert!(block.contains(&inside(block, &mut random)), "{text}");
            assert!(block.contains(&hole(block, &mut random)), "{text}");
            assert!(block.prefix_len() == 0 || !block.contains(&beside(block, &mut random)), "{text}");
        }
    }

    #[test]
    fn blocks_of_a_list_are_different() {
        let mut random = Random::new(1);
        let mut blocks = distinct(1000, &mut random, |random| v4(random.below(2000), 32));
        assert_eq!(blocks.len(), 1000);
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 1000);
        assert_eq!(distinct(10, &mut random, |_| v4(0, 8)).len(), 1);
    }
}
