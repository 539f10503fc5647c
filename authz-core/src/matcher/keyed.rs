//! Many rules at once, each looked up by what is rarest about it.
//!
//! Every conjunction is kept with the values of its rarest dimension. A connection finds the lists of its
//! own values, in each a few conjunctions, and these are compared.

use super::atom::Atom;
use super::block::Shared;
use super::candidate::{Candidate, TestOf};
use super::identities::Identities;
use super::key::Key;
use super::leading::{Leading, LeadingSet};
use super::lists::Lists;
use super::lookup::{AddressMap, PortMap, place};
use super::patterns::Patterns;
use super::query::{Dimension, PeerQuery, Query};
use super::sieve::Sieve;
use super::test::{Test, TestSets};
use crate::sort::{sort_by_key, sort_stably};

/// Atoms by what is rarest about them.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    tests: Box<[Test]>,
    sets: TestSets,
    /// The tests of each dimension stand together: where those of the nth end.
    ends: [usize; 6],
    candidates: Box<[Candidate]>,
    /// By the values of addresses and ports; the first is empty.
    lists: Box<[List]>,
    addresses: [Option<(LeadingSet, AddressMap<u32>)>; 3],
    port: Option<PortMap<u32>>,
    /// By the number of a pattern that names an identity whole: exactly those that it may match.
    whole: Box<[List]>,
    /// By the number of a pattern over identities.
    peer: Box<[List]>,
    /// By the number of a pattern over server names.
    sni: Box<[List]>,
}

/// What becomes of the tests that no known fact fails.
pub(super) trait Found {
    /// Whether tests of a segment make a difference.
    fn wants(&self, segment: usize) -> bool;
    /// The atom of a segment matches.
    fn matches(&mut self, segment: usize, test: &Test);
    /// The atom has to be asked for the rest, and perhaps for its identities.
    fn ask(&mut self, test: &Test, compare: bool);
}

/// A run of candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    /// What one of them takes.
    pub(super) sieve: Sieve,
    pub(super) start: u32,
    pub(super) length: u32,
}

impl List {
    /// Of an identity that is looked up by its patterns after all.
    pub(super) const NOT_FORESEEN: Self = Self { sieve: Sieve(0), start: u32::MAX, length: 0 };
}

/// An atom to be keyed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    pub(super) number: u32,
    pub(super) segment: u8,
    pub(super) atom: &'a Atom,
    pub(super) key: Key,
}

/// The places of dimensions among [`Keyed::ends`], after those of [`Dimension::ALL`].
const PORT: usize = 3;
const PEER: usize = 4;
const SNI: usize = 5;

fn place_of(key: Key) -> usize {
    match key {
        Key::Address(Dimension::Source) => 0,
        Key::Address(Dimension::Destination) => 1,
        Key::Address(Dimension::Remote) => 2,
        Key::Port => PORT,
        Key::Peer(_) => PEER,
        Key::Sni(_) => SNI,
    }
}

impl Keyed {
    /// Arranges atoms, in lists of about `bytes` bytes at most; answers too the places of those that lists would be too long with.
    pub(super) fn new(entries: &mut [Entry<'_>], shared: &Shared<'_>, bytes: usize) -> (Self, Vec<usize>) {
        sort_stably(entries, |a, b| place_of(a.key).cmp(&place_of(b.key)));
        let mut lists = Lists::new(entries, bytes / size_of::<Candidate>());
        let (mut sets, mut tests) = (TestSets::default(), Vec::with_capacity(entries.len()));
        for entry in &*entries {
            let dimension = if let Key::Address(dimension) = entry.key { Some(dimension) } else { None };
            tests.push(sets.test(entry.number, entry.atom, dimension, shared.large));
        }
        let mut ends = [0; 6];
        for (at, end) in ends.iter_mut().enumerate() {
            *end = entries.partition_point(|entry| place_of(entry.key) <= at);
        }
        let of = |at: usize| {
            let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
            start..ends.get(at).copied().unwrap_or_default()
        };
        let mut at = 0..;
        let addresses = Dimension::ALL.map(|dimension| lists.addresses(of(at.next().unwrap_or_default()), dimension));
        let port = lists.ports(of(PORT));
        let [identities, names] = shared.patterns;
        let [peer, sni] = [(of(PEER), identities), (of(SNI), names)].map(|(range, count)| lists.patterns(range, count));
        let whole = lists.whole(&peer, shared.foreseen);
        let this = Self {
            tests: tests.into(),
            sets,
            ends,
            candidates: lists.candidates.into(),
            lists: lists.lists.into(),
            addresses,
            port,
            whole: whole.into(),
            peer: peer.into(),
            sni: sni.into(),
        };
        (this, lists.too_many)
    }

    /// Hands on each test that no known fact fails.
    #[inline(always)]
    pub(super) fn find<const OPEN: bool>(&self, query: &Query<'_, OPEN>, patterns: &Patterns, found: &mut impl Found) {
        let leading = |dimension| query.address(dimension).map(Leading::of);
        let leading_of = [leading(Dimension::Source), leading(Dimension::Destination)];
        let sieve = Sieve::of_query(query, leading_of);
        // Written out, as a loop over the three is not unrolled.
        let ([source, destination, remote], [of_source, of_destination]) = (&self.addresses, leading_of);
        if let Some(map) = source {
            self.scan_address(map, Dimension::Source, of_source, sieve, query, found);
        }
        if let Some(map) = destination {
            self.scan_address(map, Dimension::Destination, of_destination, sieve, query, found);
        }
        if let Some(map) = remote {
            self.scan_address(map, Dimension::Remote, leading(Dimension::Remote), sieve, query, found);
        }
        if let Some(map) = &self.port {
            match query.port() {
                Some(port) => self.scan(self.list(map.get(port)), sieve, query, found),
                None => self.scan_all(PORT, query, found),
            }
        }
        let Patterns { identities, names } = patterns;
        if !self.peer.is_empty() {
            match query.peer {
                PeerQuery::Whole(number) => match self.whole.get(place(number)) {
                    Some(&List::NOT_FORESEEN) => self.scan_patterns(query, sieve, identities, found),
                    list => self.scan(list, sieve, query, found),
                },
                PeerQuery::Resolved(peer) => {
                    if Sieve(peer.sieve).passes(sieve) {
                        for (own, test) in &peer.candidates {
                            self.try_one(Sieve(*own), TestOf::of_bits(*test), sieve, query, found);
                        }
                    }
                }
                PeerQuery::Texts(_) => self.scan_patterns(query, sieve, identities, found),
                PeerQuery::Absent => {}
                PeerQuery::Unknown => self.scan_all(PEER, query, found),
            }
        }
        if !self.sni.is_empty() {
            match query.sni() {
                Some(Some(name)) => {
                    names.matching(name, |number| {
                        self.scan(self.sni.get(place(number)), sieve, query, found);
                    });
                }
                Some(None) => {}
                None => self.scan_all(SNI, query, found),
            }
        }
    }

    /// The lists of all patterns that match the peer's identities.
    #[inline(never)]
    fn scan_patterns<const OPEN: bool>(
        &self,
        query: &Query<'_, OPEN>,
        sieve: Sieve,
        identities: &Identities,
        found: &mut impl Found,
    ) {
        let mut list_of = |number| self.scan(self.peer.get(place(number)), sieve, query, found);
        match (query.peer, query.connection.known_peer()) {
            (PeerQuery::Texts(texts), _) => identities.matching_identities(texts, list_of),
            (_, Some(texts)) => texts.iter().for_each(|identity| identities.matching_identity(identity, &mut list_of)),
            (_, None) => {}
        }
    }

    #[inline(always)]
    fn scan_address<const OPEN: bool>(
        &self,
        (any, map): &(LeadingSet, AddressMap<u32>),
        dimension: Dimension,
        leading: Option<Leading>,
        sieve: Sieve,
        query: &Query<'_, OPEN>,
        found: &mut impl Found,
    ) {
        match (query.address(dimension), leading) {
            (Some(address), Some(leading)) => {
                if any.may_hold(leading) {
                    self.scan(self.list(map.get(address)), sieve, query, found);
                }
            }
            _ => self.scan_all(place_of(Key::Address(dimension)), query, found),
        }
    }

    #[inline]
    fn list(&self, number: Option<&u32>) -> Option<&List> {
        self.lists.get(place(*number?))
    }

    #[inline(always)]
    fn scan<const OPEN: bool>(&self, list: Option<&List>, sieve: Sieve, query: &Query<'_, OPEN>, found: &mut impl Found) {
        let Some(list) = list.filter(|list| list.sieve.passes(sieve)) else { return };
        let start = place(list.start);
        for candidate in self.candidates.get(start..start + place(list.length)).unwrap_or_default() {
            self.try_one(candidate.sieve(), candidate.test, sieve, query, found);
        }
    }

    /// Tries a candidate, of which this is the own sieve.
    #[inline]
    fn try_one<const OPEN: bool>(
        &self,
        own: Sieve,
        test_of: TestOf,
        sieve: Sieve,
        query: &Query<'_, OPEN>,
        found: &mut impl Found,
    ) {
        if own.passes(sieve)
            && found.wants(test_of.segment())
            && let Some(test) = self.tests.get(test_of.place())
            && self.sets.hold(test, query)
        {
            if !OPEN && test_of.is_all() {
                found.matches(test_of.segment(), test);
            } else {
                found.ask(test, test_of.compares());
            }
        }
    }

    /// Every atom whose key is a fact that is not known.
    #[cold]
    fn scan_all<const OPEN: bool>(&self, at: usize, query: &Query<'_, OPEN>, found: &mut impl Found) {
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let tests = self.tests.get(start..self.ends.get(at).copied().unwrap_or_default()).unwrap_or_default();
        for test in tests.iter().filter(|test| self.sets.hold(test, query)) {
            found.ask(test, true);
        }
    }

    /// The candidates of a peer that presents what these patterns match, for later; `holds` compares its
    /// identities with all that an atom asks of them.
    pub(super) fn peer_candidates(&self, matching: &[u32], holds: impl Fn(&Test) -> bool) -> Vec<(u64, u32)> {
        let lists = matching.iter().filter_map(|number| self.peer.get(place(*number)));
        let candidates = lists.flat_map(|list| {
            let start = place(list.start);
            self.candidates.get(start..start + place(list.length)).unwrap_or_default()
        });
        let holds = |test: TestOf| self.tests.get(test.place()).is_some_and(&holds);
        let candidates = candidates.filter(|candidate| holds(candidate.test));
        let mut all: Vec<(u64, u32)> =
            candidates.map(|candidate| (candidate.sieve().0, candidate.test.comparing(false).bits())).collect();
        sort_by_key(&mut all, |(_, test)| *test);
        all.dedup();
        all
    }

    /// How many atoms there are.
    pub(super) fn len(&self) -> usize {
        self.tests.len()
    }

    /// The longest list.
    pub(super) fn longest(&self) -> usize {
        let lists = [&self.lists, &self.whole, &self.peer, &self.sni];
        lists.into_iter().flatten().map(|list| place(list.length)).max().unwrap_or_default()
    }

    pub(super) fn bytes(&self) -> usize {
        let lists = [&self.lists, &self.whole, &self.peer, &self.sni];
        size_of_val(&*self.tests)
            + self.sets.bytes()
            + size_of_val(&*self.candidates)
            + lists.into_iter().map(|lists| size_of_val(&**lists)).sum::<usize>()
            + self.addresses.iter().flatten().map(|(any, map)| any.bytes() + map.bytes()).sum::<usize>()
            + self.port.as_ref().map_or(0, PortMap::bytes)
    }
}
