//! Which dimension tells a conjunction from others best: the one that it is looked up by.

use super::atom::{Atom, Words};
use super::large_sets::LargeSets;
use super::pattern_ref::PatternRef;
use super::query::Dimension;
use super::ranges::{AddressRanges, Ranges};
use crate::value::{StringMatch, TrustDomainMatch};

/// What an atom is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Address(Dimension),
    Port,
    /// The positive list of this number.
    Peer(usize),
    Sni(usize),
}

/// Above this an atom is no rarer than most: rows of bits serve it better.
const TOO_COMMON: u32 = 4096;

/// More values than this make lists long, and rows of bits serve better.
const MOST_VALUES: usize = 1024;

impl Key {
    /// The best key of an atom; nothing where it asks for nothing rare.
    pub(super) fn of(atom: &Atom, peer: &[PatternRef<'_>], sni: &[PatternRef<'_>], large: &LargeSets) -> Option<Self> {
        let mut best: Option<(u32, Self)> = None;
        let mut offer = |commonness: u32, key: Self| {
            if commonness < TOO_COMMON && best.is_none_or(|(least, _)| commonness < least) {
                best = Some((commonness, key));
            }
        };
        texts(&atom.peer, peer, |list, commonness| offer(commonness, Self::Peer(list)));
        texts(&atom.sni, sni, |list, commonness| offer(commonness + 1, Self::Sni(list)));
        // A workload's own address is the same in most connections.
        for (dimension, factor) in [(Dimension::Source, 1), (Dimension::Remote, 1), (Dimension::Destination, 2)] {
            if let Some(set) = atom.addresses(dimension).filter(|set| large.get(set).is_none()) {
                offer(of_addresses(set).saturating_mul(factor), Self::Address(dimension));
            }
        }
        if let Some(ports) = &atom.port {
            offer(of_ports(ports), Self::Port);
        }
        best.map(|(_, key)| key)
    }
}

/// Offers each positive list of patterns with its commonness.
fn texts(words: &Words, all: &[PatternRef<'_>], mut offer: impl FnMut(usize, u32)) {
    for (list, numbers) in words.any.iter().enumerate().filter(|(_, numbers)| numbers.len() <= MOST_VALUES) {
        let patterns = numbers.iter().filter_map(|number| all.get(super::lookup::place(*number)));
        offer(list, patterns.map(|pattern| of_pattern(*pattern)).fold(0, u32::saturating_add));
    }
}

fn of_pattern(pattern: PatternRef<'_>) -> u32 {
    match pattern {
        PatternRef::Principal(pattern) => of_string(pattern.pattern()),
        PatternRef::Sni(pattern) => of_string(pattern.pattern()),
        PatternRef::ServiceAccount(_) => 1,
        PatternRef::Namespace(pattern) if pattern.pattern().contains('*') => 64,
        PatternRef::Namespace(_) => 16,
        PatternRef::TrustDomain(TrustDomainMatch::Any) => TOO_COMMON,
        PatternRef::TrustDomain(_) => 1024,
    }
}

fn of_string(pattern: &StringMatch) -> u32 {
    match pattern {
        StringMatch::Exact(_) => 1,
        StringMatch::Prefix(text) | StringMatch::Suffix(text) => {
            if text.len() > 16 {
                16
            } else {
                256
            }
        }
        StringMatch::Presence => TOO_COMMON,
    }
}

/// A share of the line, and a little for each range: the rarest are single addresses.
fn of_addresses(set: &AddressRanges) -> u32 {
    if set.ranges() > MOST_VALUES {
        return TOO_COMMON;
    }
    let v4 = set.v4.as_slice().iter().map(|(first, last)| ((last - first) >> 12).saturating_add(4));
    let v6 =
        set.v6.as_slice().iter().map(|(first, last)| u32::try_from((last - first) >> 92).unwrap_or(u32::MAX).saturating_add(4));
    // Nothing at all is the rarest, but a list has to hold it.
    v4.chain(v6).fold(1, u32::saturating_add)
}

fn of_ports(ports: &Ranges<u16>) -> u32 {
    let count: u32 = ports.as_slice().iter().map(|(first, last)| u32::from(last - first) + 1).sum();
    512_u32.saturating_add(count.saturating_mul(32))
}
