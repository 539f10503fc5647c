//! The leading bits of addresses: what tells, before an address is looked up, that there is nothing to find.

use std::net::IpAddr;

use super::address_ranges::AddressRanges;

/// The leading bits of an address, which its neighbours share, mixed so that any few bits of them tell
/// them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leading(u32);

impl Leading {
    /// Of an address: 16 bits of IPv4, 32 of IPv6.
    #[inline]
    pub(super) fn of(address: &IpAddr) -> Self {
        Self::of_unit(match address {
            IpAddr::V4(address) => v4_unit(address.to_bits()),
            IpAddr::V6(address) => v6_unit(address.to_bits()),
        })
    }

    #[inline]
    fn of_unit(unit: u32) -> Self {
        Self(unit.wrapping_mul(0x9e37_79b1))
    }

    /// The first bits of them, at most 32.
    #[inline]
    pub(super) fn bits(self, count: u32) -> u32 {
        self.0 >> (32 - count)
    }

    /// Calls `each` with those of every address of a set, until it answers `false`.
    pub(super) fn each_of(set: &AddressRanges, mut each: impl FnMut(Self) -> bool) {
        let v4 = set.v4.as_slice().iter().map(|(first, last)| (v4_unit(*first), v4_unit(*last)));
        let v6 = set.v6.as_slice().iter().map(|(first, last)| (v6_unit(*first), v6_unit(*last)));
        for (first, last) in v4.chain(v6) {
            for unit in first..=last {
                if !each(Self::of_unit(unit)) {
                    return;
                }
            }
        }
    }
}

#[inline]
fn v4_unit(address: u32) -> u32 {
    address >> 16
}

#[inline]
fn v6_unit(address: u128) -> u32 {
    u32::try_from(address >> 96).unwrap_or(u32::MAX)
}

/// The leading bits of all addresses of some sets, and perhaps of others.
#[derive(Clone, Debug)]
pub(super) struct LeadingSet(Box<[u64; WORDS]>);

/// How many bits of [`Leading`] are kept apart.
const BITS: u32 = 13;
const WORDS: usize = 1 << (BITS - 6);

/// Sets of more leading bits than this together have all of them soon enough.
const MOST: usize = 1 << 20;

impl LeadingSet {
    /// Of these sets.
    pub(super) fn new<'a>(sets: impl Iterator<Item = &'a AddressRanges>) -> Self {
        let mut this = Self(Box::new([0; WORDS]));
        let mut count = 0;
        for set in sets {
            Leading::each_of(set, |leading| {
                let (word, bit) = Self::place(leading);
                this.0.get_mut(word).into_iter().for_each(|word| *word |= bit);
                count += 1;
                count < MOST
            });
            if count >= MOST {
                return Self(Box::new([u64::MAX; WORDS]));
            }
        }
        this
    }

    #[inline]
    fn place(leading: Leading) -> (usize, u64) {
        let bits = leading.bits(BITS);
        (super::numbers::place(bits >> 6), 1 << (bits & 63))
    }

    /// Whether an address with these leading bits may be in one of the sets.
    #[inline]
    pub(super) fn may_hold(&self, leading: Leading) -> bool {
        let (word, bit) = Self::place(leading);
        self.0.get(word).is_none_or(|word| word & bit != 0)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::IpBlock;

    #[test]
    fn an_address_of_a_set_is_never_ruled_out_and_most_others_are() {
        let sets: Vec<AddressRanges> = ["10.1.0.0/16", "172.16.3.4", "10.64.0.0/10", "2001:db8::/28", "fd00::1", "::/128"]
            .map(|block| AddressRanges::of_blocks(&[IpBlock::parse(block).unwrap()]))
            .into();
        let set = LeadingSet::new(sets.iter());
        for inside in ["10.1.0.0", "10.1.255.255", "172.16.3.4", "10.127.255.255", "2001:dbf:ffff::1", "fd00::1", "::"] {
            assert!(set.may_hold(Leading::of(&inside.parse().unwrap())), "{inside}");
        }
        let outside = (0..=255_u8).filter(|n| set.may_hold(Leading::of(&IpAddr::from([192, *n, 0, 1]))));
        assert!(outside.count() < 16);
    }

    #[test]
    fn sets_of_everything_rule_out_nothing() {
        let all = AddressRanges::of_blocks(&[IpBlock::parse("::/0").unwrap()]);
        assert!(LeadingSet::new([&all].into_iter()).may_hold(Leading::of(&"192.0.2.1".parse().unwrap())));
    }
}
