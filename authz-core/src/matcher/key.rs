//! Which dimension tells a conjunction from others best: the one that it is looked up by.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::address_ranges::AddressRanges;
use super::atom::{Atom, Words};
use super::large_sets::LargeSets;
use super::leading::Leading;
use super::pattern_ref::PatternRef;
use super::query::Dimension;
use super::ranges::Ranges;
use crate::IS_SMALL;
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

/// The places of dimensions, after those of [`Dimension::ALL`].
pub(super) const PORT: usize = 3;
pub(super) const PEER: usize = 4;
pub(super) const SNI: usize = 5;

/// A dimension may be done without if this share of all atoms, or less, is looked up by it.
const FEW: usize = 8;

/// How many atoms that are not looked up by what is rarest about them may be by one value, and how many by an
/// identity in all. Beside others they must not make a list long.
const MOST_MOVED: u8 = 16;
const MOST_OF_IDENTITY: u8 = 32;

/// How many values such an atom may have.
const MOST_VALUES_MOVED: usize = 64;

impl Key {
    /// The best key of each atom; nothing where it asks for nothing rare.
    ///
    /// An atom that asks for a few identities is looked up by these, even if its addresses are rarer: they are
    /// then not compared again, and a peer that was looked up before has what is left at hand. And of dimensions
    /// that few atoms are best looked up by, those that can do without are not looked at at all.
    #[inline(never)]
    pub(super) fn of_all(
        atoms: &[Atom],
        peer: &[PatternRef<'_>],
        sni: &[PatternRef<'_>],
        large: &LargeSets,
    ) -> Vec<Option<Self>> {
        let of_texts = [peer, sni].map(|all| -> Vec<u32> { all.iter().map(|pattern| of_pattern(*pattern)).collect() });
        let best = |atom: &Atom, is_wanted: &dyn Fn(Self) -> bool| Self::best(atom, &of_texts, large, is_wanted);
        let mut keys: Vec<Option<Self>> = atoms.iter().map(|atom| best(atom, &|_| true)).collect();
        if IS_SMALL {
            return keys;
        }
        let mut piles = Piles::new(peer.len());
        for (atom, key) in atoms.iter().zip(&keys) {
            if let Some(Self::Peer(list)) = key {
                piles.add_identities(atom, *list);
            }
        }
        for (atom, key) in atoms.iter().zip(&mut keys) {
            if matches!(key, Some(Self::Address(_) | Self::Sni(_)))
                && !atom.peer.any.is_empty()
                && let Some(other) = best(atom, &|key| key.place() == PEER)
                && piles.take(atom, other)
            {
                *key = Some(other);
            }
        }
        for dimension in [Key::Sni(0), Key::Address(Dimension::Remote), Key::Address(Dimension::Destination)].map(Self::place) {
            let mut used = [0_usize; 6];
            for key in keys.iter().flatten() {
                used.get_mut(key.place()).into_iter().for_each(|count| *count += 1);
            }
            if used.get(dimension).is_some_and(|count| *count > 0 && *count <= atoms.len() / FEW) {
                let is_offered = |key: Self| key.place() != dimension && used.get(key.place()) != Some(&0);
                let other = |atom: &Atom| best(atom, &is_offered);
                Self::do_without(dimension, other, atoms, &mut keys, &mut piles);
            }
        }
        keys
    }

    /// Looks up all atoms of a dimension by what `other` says, if that can be.
    fn do_without(
        dimension: usize,
        other: impl Fn(&Atom) -> Option<Self>,
        atoms: &[Atom],
        keys: &mut [Option<Self>],
        piles: &mut Piles,
    ) {
        let mut tried = piles.clone();
        let mut others = Vec::new();
        for (atom, key) in atoms.iter().zip(&mut *keys).filter(|(_, key)| key.is_some_and(|key| key.place() == dimension)) {
            match other(atom) {
                Some(other) if tried.take(atom, other) => others.push((key, other)),
                _ => return,
            }
        }
        others.into_iter().for_each(|(key, other)| *key = Some(other));
        *piles = tried;
    }

    /// The place of its dimension among all six.
    pub(super) fn place(self) -> usize {
        match self {
            Self::Address(Dimension::Source) => 0,
            Self::Address(Dimension::Destination) => 1,
            Self::Address(Dimension::Remote) => 2,
            Self::Port => PORT,
            Self::Peer(_) => PEER,
            Self::Sni(_) => SNI,
        }
    }

    /// The rarest key of an atom that is wanted, by how common the patterns over identities and those over
    /// server names are.
    fn best(atom: &Atom, [peer, sni]: &[Vec<u32>; 2], large: &LargeSets, is_wanted: &dyn Fn(Self) -> bool) -> Option<Self> {
        let mut best: Option<(u32, Self)> = None;
        let mut offer = |commonness: u32, key: Self| {
            if commonness < TOO_COMMON && best.is_none_or(|(least, _)| commonness < least) && is_wanted(key) {
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

/// How many atoms are looked up by a value, so that they do not pile up.
#[derive(Clone, Debug)]
struct Piles {
    /// By the number of a pattern, all of them.
    identities: Vec<u8>,
    /// By dimension and the leading bits of an address, or a port, those that were moved there.
    others: HashMap<(usize, u32), u8, foldhash::fast::RandomState>,
}

impl Piles {
    fn new(patterns: usize) -> Self {
        Self { identities: vec![0; patterns], others: HashMap::default() }
    }

    fn add_identities(&mut self, atom: &Atom, list: usize) {
        for number in atom.peer.any.get(list).into_iter().flatten() {
            let count = self.identities.get_mut(super::numbers::place(*number));
            count.into_iter().for_each(|count| *count = count.saturating_add(1));
        }
    }

    /// Looks an atom up by another key, if nothing piles up.
    fn take(&mut self, atom: &Atom, key: Key) -> bool {
        match key {
            Key::Peer(list) => {
                let numbers = atom.peer.any.get(list).map_or(&[][..], |numbers| numbers);
                let count = |number: &u32| self.identities.get(super::numbers::place(*number)).copied().unwrap_or(u8::MAX);
                let fits = numbers.len() <= MOST_VALUES_MOVED && numbers.iter().all(|number| count(number) < MOST_OF_IDENTITY);
                if fits {
                    self.add_identities(atom, list);
                }
                fits
            }
            Key::Address(dimension) => {
                let Some(set) = atom.addresses(dimension) else { return false };
                let mut units: SmallVec<[u32; 8]> = SmallVec::new();
                Leading::each_of(set, |leading| {
                    units.push(leading.bits(32));
                    units.len() <= MOST_VALUES_MOVED
                });
                units.dedup();
                self.take_values(key.place(), &units)
            }
            Key::Port => {
                let ports = atom.port.iter().flat_map(|ports| ports.as_slice()).flat_map(|(first, last)| *first..=*last);
                let ports: SmallVec<[u32; 8]> = ports.map(u32::from).take(MOST_VALUES_MOVED + 1).collect();
                self.take_values(PORT, &ports)
            }
            Key::Sni(_) => false,
        }
    }

    fn take_values(&mut self, dimension: usize, values: &[u32]) -> bool {
        let count = |value: &u32| self.others.get(&(dimension, *value)).copied().unwrap_or_default();
        let fits = values.len() <= MOST_VALUES_MOVED && values.iter().all(|value| count(value) < MOST_MOVED);
        if fits {
            values.iter().for_each(|value| *self.others.entry((dimension, *value)).or_default() += 1);
        }
        fits
    }
}

/// Offers each positive list of patterns with its commonness, by that of each pattern.
fn texts(words: &Words, all: &[u32], mut offer: impl FnMut(usize, u32)) {
    for (list, numbers) in words.any.iter().enumerate().filter(|(_, numbers)| numbers.len() <= MOST_VALUES) {
        let patterns = numbers.iter().filter_map(|number| all.get(super::numbers::place(*number)));
        offer(list, patterns.copied().fold(0, u32::saturating_add));
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
    if set.at_most() > MOST_VALUES {
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

/// An atom to be keyed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) number: u32,
    pub(super) segment: u8,
    pub(super) atom: &'a Atom,
    pub(super) key: Key,
}

#[cfg(test)]
#[cfg(not(feature = "small"))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::value::{IpBlock, Port, PrincipalMatch};

    fn addresses(blocks: &[&str]) -> Option<Arc<AddressRanges>> {
        let blocks: Vec<IpBlock> = blocks.iter().map(|block| IpBlock::parse(block).unwrap()).collect();
        Some(Arc::new(AddressRanges::of_blocks(&blocks)))
    }

    fn ports(port: u16) -> Option<Arc<Ranges<u16>>> {
        Some(Arc::new(crate::matcher::ranges::of_ports(&[Port::from(port)])))
    }

    fn peer(number: u32) -> Words {
        Words { any: smallvec::smallvec![smallvec::smallvec![number]], ..Words::default() }
    }

    /// The places of the keys, where as many identities are named as there are atoms.
    fn places(atoms: &[Atom]) -> Vec<Option<usize>> {
        let names: Vec<PrincipalMatch> =
            (0..atoms.len()).map(|n| PrincipalMatch::parse(&format!("cluster.local/ns/x/sa/{n}"))).collect();
        let names: Vec<PatternRef<'_>> = names.iter().map(PatternRef::Principal).collect();
        let keys = Key::of_all(atoms, &names, &[], &LargeSets::default());
        keys.into_iter().map(|key| key.map(Key::place)).collect()
    }

    #[test]
    fn an_identity_comes_before_a_rarer_address_as_long_as_few_atoms_name_it() {
        // Namespaces are less rare than an address.
        let namespace = crate::value::NamespaceMatch::parse("x");
        let atoms: Vec<Atom> =
            (0..100).map(|_| Atom { source: addresses(&["10.0.0.7"]), peer: peer(0), ..Atom::default() }).collect();
        let keys = Key::of_all(&atoms, &[PatternRef::Namespace(&namespace)], &[], &LargeSets::default());
        let most = usize::from(MOST_OF_IDENTITY);
        assert!(keys.iter().take(most).all(|key| *key == Some(Key::Peer(0))), "{keys:?}");
        assert!(keys.iter().skip(most).all(|key| *key == Some(Key::Address(Dimension::Source))), "{keys:?}");
    }

    #[test]
    fn a_dimension_of_few_atoms_is_done_without_if_all_of_them_have_another() {
        let other = |n: u16| Atom { port: ports(n), ..Atom::default() };
        let destination = || addresses(&["192.0.2.0/28"]);
        let mut atoms: Vec<Atom> = (0..80).map(other).collect();
        atoms.push(Atom { destination: destination(), ..other(7) });
        assert!(places(&atoms).iter().all(|place| *place == Some(PORT)));
        // Not where one has no other, nor where they would pile up, nor where they are many.
        atoms.push(Atom { destination: destination(), ..Atom::default() });
        assert_eq!(places(&atoms).iter().filter(|place| **place == Some(1)).count(), 2);
        let same = |count: usize, from: u16| (0..count).map(move |_| Atom { destination: destination(), ..other(from) });
        let piled: Vec<Atom> = (0..800).map(other).chain(same(usize::from(MOST_MOVED) + 1, 9)).collect();
        assert_eq!(places(&piled).iter().filter(|place| **place == Some(1)).count(), usize::from(MOST_MOVED) + 1);
        let many: Vec<Atom> = (0..14).map(other).chain((0..6).map(|n| Atom { destination: destination(), ..other(n) })).collect();
        assert_eq!(places(&many).iter().filter(|place| **place == Some(1)).count(), 6);
    }
}
