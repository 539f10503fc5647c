//! A few rules at once, as rows of bits that are combined for each connection.
//!
//! Every conjunction is one bit. Each dimension turns its fact into a row: the conjunctions that this
//! fact does not rule out. What is left when all rows are combined matches.

use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use super::address_ranges::AddressRanges;
use super::address_set::AddressSet;
use super::atom::{Atom, Words};
use super::identities::Identities;
use super::lookup::{AddressMap, PortMap};
use super::pattern_ref::PatternNumbers;
use super::patterns::Patterns;
use super::query::{Dimension, PeerQuery, Query};
use super::ranges::Ranges;
use super::rows::{Row, by_address, cut, first_of_both, keep, meet, set};
use super::words_rows::WordsRows;
use super::{DENYING, SEGMENTS};
use crate::IS_SMALL;
use crate::peer::{Principals, Resolved};

/// Up to 64 × `W` atoms.
#[derive(Clone, Debug)]
pub(super) struct Block<const W: usize> {
    /// By bit: the number of its atom.
    atoms: Box<[u32]>,
    /// By segment: its atoms.
    segments: [Row<W>; SEGMENTS],
    used: Row<W>,
    /// The atoms whose rule has to be asked too.
    pub(super) verify: Option<Row<W>>,
    port: Option<PortMap<Row<W>>>,
    peer: Option<WordsRows<W>>,
    source: Option<Asked<W, AddressMap<Row<W>>>>,
    destination: Option<Asked<W, AddressMap<Row<W>>>>,
    remote: Option<Asked<W, AddressMap<Row<W>>>>,
    large: Box<[Large<W>]>,
    sni: Option<Asked<W, WordsRows<W>>>,
}

/// A dimension that need not be looked at where none of the atoms that are left asks for it.
#[derive(Clone, Debug)]
struct Asked<const W: usize, M> {
    by: Row<W>,
    map: M,
}

impl<const W: usize, M> Asked<W, M> {
    fn new(bits: impl Iterator<Item = usize>, map: M) -> Self {
        let mut by = [0; W];
        bits.for_each(|bit| set(&mut by, bit, true));
        Self { by, map }
    }

    /// The dimension, if one of these atoms asks for it.
    #[inline(always)]
    fn by(&self, left: &Row<W>) -> Option<&M> {
        (IS_SMALL || meet(left, &self.by)).then_some(&self.map)
    }
}

/// A set too large to cut a line by.
#[derive(Clone, Debug)]
struct Large<const W: usize> {
    dimension: Dimension,
    set: Arc<AddressSet>,
    /// The atoms that an address outside does not rule out.
    outside: Row<W>,
}

/// What the atoms of a block share with those of others.
pub(super) struct Shared<'s> {
    /// How many patterns there are over identities, and over server names.
    pub(super) patterns: [usize; 2],
    /// By class of identities: the patterns that match them.
    pub(super) foreseen: &'s [PatternNumbers],
    /// The sets that are too large to cut a line by.
    pub(super) large: &'s super::large_sets::LargeSets,
}

impl<const W: usize> Block<W>
where
    Row<W>: Hash + Eq,
{
    /// Arranges atoms, each with its number and segment.
    #[inline(never)]
    pub(super) fn new(atoms: &[(u32, usize, &Atom)], shared: &Shared<'_>) -> Self {
        let mut used = [0; W];
        let (mut verify, mut segments) = ([0; W], [[0; W]; SEGMENTS]);
        for (bit, (_, segment, atom)) in atoms.iter().enumerate() {
            set(&mut used, bit, true);
            set(&mut verify, bit, atom.verify);
            segments.get_mut(*segment).into_iter().for_each(|row| set(row, bit, true));
        }
        let mut large = Vec::new();
        let mut addresses = |dimension: Dimension| {
            let asked = atoms.iter().enumerate().filter_map(|(bit, (_, _, atom))| Some((bit, atom.addresses(dimension)?)));
            let mut small: Vec<(usize, &AddressRanges)> = Vec::new();
            for (bit, ranges) in asked {
                match shared.large.get(ranges) {
                    Some(known) => Large::add(&mut large, dimension, known, bit),
                    None => small.push((bit, ranges)),
                }
            }
            if small.is_empty() {
                return None;
            }
            let bits = small.iter().map(|(bit, _)| *bit);
            Some(Asked::new(bits, by_address(&small, |row: &Row<W>| *row)))
        };
        let [source, destination, remote] = Dimension::ALL.map(&mut addresses);
        let ports = atoms.iter().enumerate().filter_map(|(bit, (_, _, atom))| Some((bit, &**atom.port.as_ref()?)));
        let ports: Vec<(usize, &Ranges<u16>)> = ports.collect();
        let port = (!ports.is_empty()).then(|| {
            let (starts, rows) = cut(&ports);
            PortMap::new(&starts, &rows)
        });
        let words = |of: fn(&Atom) -> &Words, patterns: usize| {
            let asked = atoms.iter().enumerate().map(|(bit, (_, _, atom))| (bit, of(atom)));
            let asked: Vec<(usize, &Words)> = asked.filter(|(_, words)| !words.is_empty()).collect();
            let bits = asked.iter().map(|(bit, _)| *bit);
            (!asked.is_empty()).then(|| Asked::new(bits, WordsRows::new(&asked, patterns)))
        };
        let [identities, names] = shared.patterns;
        let mut peer = words(|atom| &atom.peer, identities).map(|asked| asked.map);
        if !IS_SMALL {
            peer.iter_mut().for_each(|peer| peer.foresee(shared.foreseen));
        }
        Self {
            atoms: atoms.iter().map(|(number, ..)| *number).collect(),
            segments,
            used,
            verify: Some(verify).filter(|verify| verify.iter().any(|word| *word != 0)),
            port,
            source,
            destination,
            remote,
            peer,
            sni: words(|atom| &atom.sni, names),
            large: large.into(),
        }
    }

    /// The atoms that no known fact rules out.
    ///
    /// The row of a peer that was looked up before is the word at `resolved`.
    // With one width and one way there would be many copies of the only one.
    #[cfg_attr(not(feature = "small"), inline(always))]
    pub(super) fn left<const OPEN: bool>(&self, query: &Query<'_, OPEN>, resolved: usize, patterns: &Patterns) -> Row<W> {
        let mut left = self.used;
        let denying = self.segments.get(DENYING).unwrap_or(&self.used);
        if let (Some(map), Some(port)) = (&self.port, query.port()) {
            keep_row(&mut left, map.get(port), denying);
        }
        let Patterns { identities, names } = patterns;
        if let Some(words) = &self.peer {
            match query.peer {
                PeerQuery::Class(class) => match words.class(class) {
                    Some(row) => keep(&mut left, row),
                    None => keep(&mut left, &texts_row(words, identities, query.connection.known_peer())),
                },
                PeerQuery::Resolved(peer) => keep_row(&mut left, resolved_row(peer, resolved).as_ref(), denying),
                PeerQuery::Texts(texts) => {
                    let mut seen = words.nothing();
                    identities.matching_identities(texts, &mut |pattern| words.see(&mut seen, pattern));
                    keep(&mut left, &words.row(&seen));
                }
                PeerQuery::Absent => keep(&mut left, &words.absent),
                PeerQuery::Unknown => {}
            }
        }
        // Written out, as a loop over the three is not unrolled.
        keep_address(&mut left, self.source.as_ref(), query.address(Dimension::Source), denying);
        keep_address(&mut left, self.destination.as_ref(), query.address(Dimension::Destination), denying);
        keep_address(&mut left, self.remote.as_ref(), query.address(Dimension::Remote), denying);
        for large in &self.large {
            if let Some(address) = query.address(large.dimension) {
                large.keep(&mut left, large.set.contains(address), denying);
            }
        }
        if let Some(words) = self.sni.as_ref().and_then(|sni| sni.by(&left))
            && let Some(name) = query.sni()
        {
            match name {
                Some(name) => {
                    let mut seen = words.nothing();
                    names.matching(name, &mut |pattern| words.see(&mut seen, pattern));
                    keep(&mut left, &words.row(&seen));
                }
                None => keep(&mut left, &words.absent),
            }
        }
        left
    }

    /// The one set that atoms ask for, if they do not ask for anything else; what is left of them outside, and inside.
    pub(super) fn one_set(&self) -> Option<(Dimension, &Arc<AddressSet>, [Row<W>; 2])> {
        let [Large { dimension, set, outside }] = &*self.large else { return None };
        let addresses = [&self.source, &self.destination, &self.remote].into_iter().all(Option::is_none);
        let others = self.port.is_none() && self.peer.is_none() && self.sni.is_none() && self.verify.is_none();
        let mut left = self.used;
        keep(&mut left, outside);
        (addresses && others).then_some((*dimension, set, [left, self.used]))
    }

    /// The same as a piece of code of its own, for blocks that are not on the shortest way.
    #[inline(never)]
    pub(super) fn left_apart<const OPEN: bool>(&self, query: &Query<'_, OPEN>, resolved: usize, patterns: &Patterns) -> Row<W> {
        self.left(query, resolved, patterns)
    }

    /// Whether one of these atoms is of a segment.
    #[inline]
    pub(super) fn has(&self, left: &Row<W>, segment: usize) -> bool {
        self.segments.get(segment).is_some_and(|row| meet(left, row))
    }

    /// The first of these atoms that is of a segment.
    #[inline]
    pub(super) fn first_of(&self, left: &Row<W>, segment: usize) -> Option<u32> {
        first_of_both(left, self.segments.get(segment)?).map(|bit| self.atom(bit))
    }

    /// The row of a peer that presents these identities, for later.
    pub(super) fn peer_row(&self, matching: &[u32]) -> Row<W> {
        self.peer.as_ref().map_or([u64::MAX; W], |words| {
            let mut seen = words.nothing();
            matching.iter().for_each(|pattern| words.see(&mut seen, *pattern));
            words.row(&seen)
        })
    }

    /// The number of the atom at a bit.
    #[inline]
    pub(super) fn atom(&self, bit: usize) -> u32 {
        self.atoms.get(bit).copied().unwrap_or(u32::MAX)
    }

    /// How many atoms there are.
    pub(super) fn len(&self) -> usize {
        self.atoms.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let maps = [&self.source, &self.destination, &self.remote];
        let maps: usize = maps.into_iter().flatten().map(|asked| asked.map.bytes()).sum();
        let words: usize = self.peer.iter().chain(self.sni.iter().map(|asked| &asked.map)).map(WordsRows::bytes).sum();
        size_of::<Self>()
            + size_of_val(&*self.atoms)
            + self.port.as_ref().map_or(0, PortMap::bytes)
            + maps
            + words
            + size_of_val(&*self.large)
    }
}

impl<const W: usize> Large<W> {
    /// Rules out the atoms that ask for the set, where an address is not inside.
    #[inline(always)]
    fn keep(&self, left: &mut Row<W>, inside: Option<bool>, denying: &Row<W>) {
        match inside {
            Some(true) => {}
            Some(false) => keep(left, &self.outside),
            None => self.keep_lost(left, denying),
        }
    }

    /// The same where it is not to be found whether it is: those whose match denies stay.
    #[cold]
    fn keep_lost(&self, left: &mut Row<W>, denying: &Row<W>) {
        for ((left, outside), denying) in left.iter_mut().zip(&self.outside).zip(denying) {
            *left &= outside | denying;
        }
    }

    /// Lets an atom ask for a set.
    fn add(all: &mut Vec<Self>, dimension: Dimension, known: &Arc<AddressSet>, bit: usize) {
        let same = |large: &Self| large.dimension == dimension && Arc::ptr_eq(&large.set, known);
        let at = all.iter().position(same).unwrap_or_else(|| {
            all.push(Self { dimension, set: Arc::clone(known), outside: [u64::MAX; W] });
            all.len() - 1
        });
        if let Some(large) = all.get_mut(at) {
            set(&mut large.outside, bit, false);
        }
    }
}

/// The row of a peer whose identity was not worked out in advance for this block.
#[cold]
fn texts_row<const W: usize>(words: &WordsRows<W>, patterns: &Identities, texts: Option<Principals<'_>>) -> Row<W>
where
    Row<W>: Hash + Eq,
{
    let mut seen = words.nothing();
    for text in texts.into_iter().flat_map(Principals::iter) {
        patterns.matching_identity(text, &mut |pattern| words.see(&mut seen, pattern));
    }
    words.row(&seen)
}

/// Every value has a row. Were there none, the atoms whose match denies would stay, and no others.
#[inline]
fn keep_row<const W: usize>(left: &mut Row<W>, row: Option<&Row<W>>, denying: &Row<W>) {
    keep(left, row.unwrap_or(denying));
}

#[inline(always)]
fn keep_address<const W: usize>(
    left: &mut Row<W>,
    map: Option<&Asked<W, AddressMap<Row<W>>>>,
    address: Option<&IpAddr>,
    denying: &Row<W>,
) {
    if let (Some(map), Some(address)) = (map.and_then(|asked| asked.by(left)), address) {
        keep_row(left, map.get(address), denying);
    }
}

/// The row of a resolved peer: the one word of a small index, or that of one of the blocks, each of which has one.
#[inline]
fn resolved_row<const W: usize>(peer: &Resolved, at: usize) -> Option<Row<W>> {
    if W == 1 && peer.rows.is_empty() {
        return Some([peer.row; W]);
    }
    peer.rows.get(at..).and_then(|rows| rows.first_chunk::<W>()).copied()
}
