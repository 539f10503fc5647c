//! Many IPv6 blocks: put in order by dealing them out by their first bits, and what they hold together.
//!
//! To compare a million blocks with each other, and to write their ranges down, takes longer than all else that
//! makes an index of them. Nearly all are networks of up to 64 bits, which are one number of 64 bits each once
//! their first seven bits are known, and ranges are told one after the other to whoever wants them.

use std::net::IpAddr;

use super::numbers::{halves, long_place, place, starts_of};
use crate::value::IpBlock;

/// From this many blocks on it is worth it.
pub(super) const MANY: usize = 4096;

/// How many hands there are at most, as a number of bits.
const HANDS: u32 = 12;

/// How many bits of the entry of a network say how long it is. As many first bits of the address make room for
/// them, which the hand has.
const LENGTH: u32 = 7;
const _: () = assert!(LENGTH <= HANDS && 64 < 1 << LENGTH);

/// Blocks in order, which may overlap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ipv6Blocks {
    /// Networks of up to 64 bits: the first half of the address without its first bits, and the length.
    networks: Box<[u64]>,
    /// Where those end that start with the same bits.
    ends: Box<[u32]>,
    hosts: Box<[u128]>,
    others: Box<[(u128, u128)]>,
    /// The first address and the last.
    bounds: (u128, u128),
}

impl Ipv6Blocks {
    /// The IPv6 blocks among some, if they are many; nothing too if one could not be dealt out, as what is built is
    /// complete.
    #[inline(never)]
    pub(super) fn of(blocks: &[IpBlock]) -> Option<Self> {
        if blocks.len() < MANY {
            return None;
        }
        let mut ends = vec![0_u32; 1 << HANDS];
        let (mut hosts, mut others, mut bounds) = (Vec::new(), Vec::new(), (u128::MAX, 0));
        for (first, length) in blocks.iter().filter_map(prefix) {
            let last = first | u128::MAX.checked_shr(length.into()).unwrap_or(0);
            bounds = (first.min(bounds.0), last.max(bounds.1));
            match length {
                0..=64 => ends.get_mut(long_place(network(first) >> (64 - HANDS))).into_iter().for_each(|count| *count += 1),
                128 => hosts.push(first),
                _ => others.push((first, last)),
            }
        }
        let count = place(starts_of(&mut ends));
        if count + hosts.len() + others.len() < MANY {
            return None;
        }
        let (mut dealt, mut networks) = (vec![0_u64; count], vec![0_u64; count]);
        for (first, length) in blocks.iter().filter_map(prefix).filter(|(_, length)| *length <= 64) {
            let first = network(first);
            put(&mut dealt, &mut ends, long_place(first >> (64 - HANDS)), first << LENGTH | u64::from(length))?;
        }
        sort_hands(&ends, &dealt, &mut networks, |entry| *entry)?;
        sort_hosts(&mut hosts)?;
        // Few blocks are none of the other two.
        others.sort_unstable();
        Some(Self { networks: networks.into(), ends: ends.into(), hosts: hosts.into(), others: others.into(), bounds })
    }

    /// How many there are, and so how many ranges they come to at most.
    pub(super) fn len(&self) -> usize {
        self.networks.len() + self.hosts.len() + self.others.len()
    }

    /// Whether they come to many ranges too: a list may name neighbours, or one block many times.
    pub(super) fn are_many_ranges(&self) -> bool {
        let mut left = MANY;
        let counted = self.each_range(&mut |_, _| {
            left -= 1;
            (left > 0).then_some(())
        });
        counted.is_none()
    }

    /// The first address of them all and the last.
    pub(super) fn bounds(&self) -> (u128, u128) {
        self.bounds
    }

    /// Tells the ranges of what they hold, in order, until `each` has enough; none of them touch. Answers whether all were
    /// told.
    #[inline(never)]
    pub(super) fn each_range(&self, each: &mut dyn FnMut(u128, u128) -> Option<()>) -> Option<()> {
        let networks = Networks { entries: &self.networks, ends: &self.ends, at: 0, hand: 0 };
        let hosts = self.hosts.iter().map(|host| (*host, *host));
        merge(networks, Both { one: hosts.peekable(), other: self.others.iter().copied().peekable() }, each)
    }
}

/// The first half of an address.
fn network(address: u128) -> u64 {
    let [network, _] = halves(address);
    network
}

fn prefix(block: &IpBlock) -> Option<(u128, u8)> {
    match block.prefix() {
        (IpAddr::V6(first), length) => Some((first.to_bits(), length)),
        (IpAddr::V4(_), _) => None,
    }
}

/// Tells the ranges of two sequences in order, put together where they overlap or touch.
fn merge(
    networks: impl Iterator<Item = (u64, u64)>,
    others: impl Iterator<Item = (u128, u128)>,
    each: &mut dyn FnMut(u128, u128) -> Option<()>,
) -> Option<()> {
    let mut open: Option<(u128, u128)> = None;
    let mut add = |first: u128, last: u128| {
        match &mut open {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            Some(open) => {
                let (first, last) = std::mem::replace(open, (first, last));
                each(first, last)?;
            }
            None => open = Some((first, last)),
        }
        Some(())
    };
    let mut others = others.peekable();
    for (first, last) in networks {
        let (first, last) = (u128::from(first) << 64, u128::from(last) << 64 | u128::from(u64::MAX));
        while let Some((one, end)) = others.next_if(|(one, _)| *one < first) {
            add(one, end)?;
        }
        add(first, last)?;
    }
    others.try_for_each(|(first, last)| add(first, last))?;
    open.map_or(Some(()), |(first, last)| each(first, last))
}

/// What two sorted sequences hold, in order.
struct Both<A: Iterator, B: Iterator> {
    one: std::iter::Peekable<A>,
    other: std::iter::Peekable<B>,
}

impl<T: Ord, A: Iterator<Item = T>, B: Iterator<Item = T>> Iterator for Both<A, B> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        match (self.one.peek(), self.other.peek()) {
            (Some(a), Some(b)) if b < a => self.other.next(),
            (None, _) => self.other.next(),
            _ => self.one.next(),
        }
    }
}

/// First halves that sorted entries stand for.
struct Networks<'a> {
    entries: &'a [u64],
    ends: &'a [u32],
    at: usize,
    hand: usize,
}

impl Iterator for Networks<'_> {
    type Item = (u64, u64);

    #[inline(always)]
    fn next(&mut self) -> Option<(u64, u64)> {
        let entry = *self.entries.get(self.at)?;
        while self.ends.get(self.hand).is_some_and(|end| place(*end) <= self.at) {
            self.hand += 1;
        }
        self.at += 1;
        let top = u64::try_from(self.hand).unwrap_or(0) >> (HANDS - LENGTH) << (64 - LENGTH);
        let first = entry >> LENGTH | top;
        Some((first, first | u64::MAX.checked_shr(low_bits(entry)).unwrap_or(0)))
    }
}

fn low_bits(entry: u64) -> u32 {
    u32::try_from(entry & ((1 << LENGTH) - 1)).unwrap_or(0)
}

fn sort_hosts(hosts: &mut [u128]) -> Option<()> {
    if hosts.is_sorted() {
        return Some(());
    }
    let mut dealt = vec![0; hosts.len()];
    let mut ends = Vec::new();
    deal(hosts, &mut dealt, &mut ends, |host| network(*host))?;
    sort_hands(&ends, &dealt, hosts, |host| network(*host))
}

/// Sorts each hand by itself: those of many are dealt again, by the first bits that then differ. Nothing if one is lost.
fn sort_hands<T: Copy + Ord>(ends: &[u32], dealt: &[T], sorted: &mut [T], key: impl Fn(&T) -> u64 + Copy) -> Option<()> {
    let (mut rest, mut start, mut inner) = (sorted, 0, Vec::new());
    for end in ends {
        let end = place(*end);
        let hand = dealt.get(start..end)?;
        let (own, behind) = rest.split_at_mut_checked(hand.len())?;
        if hand.len() <= FEW || hand.is_sorted() {
            own.copy_from_slice(hand);
            own.sort_unstable();
        } else {
            deal(hand, own, &mut inner, key)?;
            let (mut own, mut before) = (own, 0);
            for end in &inner {
                let (few, behind) = own.split_at_mut_checked(place(end - before))?;
                if few.len() > 1 {
                    few.sort_unstable();
                }
                (own, before) = (behind, *end);
            }
        }
        (rest, start) = (behind, end);
    }
    rest.is_empty().then_some(())
}

/// So many are sorted by comparing them.
const FEW: usize = 64;

/// Deals out by the first bits that differ, and says where each hand ends. Nothing if one is lost.
fn deal<T: Copy>(values: &[T], dealt: &mut [T], ends: &mut Vec<u32>, key: impl Fn(&T) -> u64) -> Option<()> {
    let (any, all) = values.iter().map(&key).fold((0, u64::MAX), |(any, all), key| (any | key, all & key));
    let differing = u64::BITS - (any ^ all).leading_zeros();
    let bits = values.len().max(16).ilog2().saturating_sub(3).min(HANDS);
    let shift = differing.saturating_sub(bits);
    let hand = |value: &T| long_place(key(value) >> shift & ((1 << bits) - 1));
    ends.clear();
    ends.resize(1 << bits, 0);
    values.iter().for_each(|value| ends.get_mut(hand(value)).into_iter().for_each(|count| *count += 1));
    starts_of(ends);
    values.iter().try_for_each(|value| put(dealt, ends, hand(value), *value))
}

/// Adds to a hand, whose end it moves.
#[inline(always)]
fn put<T>(dealt: &mut [T], ends: &mut [u32], hand: usize, value: T) -> Option<()> {
    let end = ends.get_mut(hand)?;
    *dealt.get_mut(place(*end))? = value;
    *end += 1;
    Some(())
}
