//! Many rules at once, each looked up by what is rarest about it.
//!
//! Every conjunction is kept with the values of its rarest dimension. A connection finds the lists of its
//! own values, in each a few conjunctions, and these are compared.

use super::DENYING;
use super::block::Shared;
use super::by_pattern::ByPattern;
use super::candidate::{Candidate, FourTimes, Head, Run, TestOf};
use super::identities::Identities;
use super::key::{Entry, Key, PEER, PORT, SNI};

use super::leading::{Leading, LeadingSet};
use super::list::List;
use super::lists::{Lists, Row};
use super::lookup::{AddressMap, PortMap};
use super::numbers::place;
use super::patterns::Patterns;
use super::query::{Dimension, PeerQuery, Query};
use super::sieve::Sieve;
use super::sink::{Found, Sink};
use super::test::{Form, Ports, Test, TestSets};
use crate::IS_SMALL;
use crate::peer::{Packed, Resolved};
use crate::sort::sort_stably;

/// Atoms by what is rarest about them.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    tests: Box<[Test]>,
    /// Behind them, those that ask for a few ports or for nothing, which take less room.
    told: Box<[Ports]>,
    /// By the place of a test: the number of its atom.
    numbers: Box<[u32]>,
    sets: TestSets,
    /// The tests of each dimension stand together: where those of the nth end, and behind these the same of
    /// `told`.
    ends: [usize; 12],
    candidates: Box<[Packed]>,
    /// By the values of addresses and ports; the first is empty.
    lists: Box<[List]>,
    addresses: [Option<(LeadingSet, AddressMap<u32>)>; 3],
    port: Option<PortMap<u32>>,
    /// By class of identities: exactly those that they may match.
    classes: Box<[List]>,
    /// By the number of a pattern over identities; most identities have a class.
    peer: ByPattern<TestOf>,
    /// What those tests take that are not told.
    takes: Box<[Sieve]>,
    /// By the number of a pattern over server names.
    sni: Box<[List]>,
}

impl Keyed {
    /// Arranges atoms, in lists of about `bytes` bytes at most; answers too the places of those that lists would be too long with.
    pub(super) fn new(entries: &mut [Entry<'_>], shared: &Shared<'_>, bytes: usize) -> (Self, Vec<usize>) {
        sort_stably(entries, |a, b| a.key.place().cmp(&b.key.place()));
        let mut sets = TestSets::default();
        let (mut tests, mut told, mut ends) = (Vec::new(), Vec::new(), [0; 12]);
        let (mut rows, mut is_told) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
        for entry in &*entries {
            let test = sets.test(entry, shared.large);
            let (place, end) = match test.form() {
                Form::Tested => (tests.len(), entry.key.place()),
                Form::Sure | Form::Ported(_) => (told.len(), 6 + entry.key.place()),
            };
            rows.push(Row::of(place, entry, &test));
            is_told.push(end >= 6);
            match test.form() {
                Form::Tested => tests.push(test),
                Form::Sure => told.push(Ports::ANY),
                Form::Ported(ports) => told.push(Ports::few(ports)),
            }
            ends.iter_mut().skip(end).for_each(|end| *end += 1);
        }
        sets.finish();
        let mut lists = Lists::new(entries, rows, &is_told, tests.len(), bytes / size_of::<Packed>());
        let of = |at: usize| {
            entries.partition_point(|entry| entry.key.place() < at)..entries.partition_point(|entry| entry.key.place() <= at)
        };
        let mut at = 0..;
        let addresses = Dimension::ALL.map(|dimension| lists.addresses(of(at.next().unwrap_or_default()), dimension));
        let port = lists.ports(of(PORT));
        let [identities, names] = shared.patterns;
        let by_identity = lists.uses(of(PEER), identities);
        let sni = lists.patterns(of(SNI), names);
        let classes = if IS_SMALL { Vec::new() } else { lists.classes(&by_identity, shared.foreseen) };
        let peer = lists.tests_of(&by_identity);
        let takes = lists.takes(tests.len());
        let numbers = lists.entries_by_test().map(|entry| entry.number).collect();
        let (candidates, all, too_many) = (lists.candidates, lists.lists, lists.too_many);
        let this = Self {
            tests: tests.into(),
            told: told.into(),
            numbers,
            sets,
            ends,
            candidates: candidates.into(),
            lists: all.into(),
            addresses,
            port,
            classes: classes.into(),
            peer,
            takes,
            sni: sni.into(),
        };
        (this, too_many)
    }

    /// Hands on each atom that no known fact fails, or enough of them.
    ///
    /// Identities come first: theirs is the shortest list, and a peer that was looked up before has it at hand.
    #[inline(always)]
    pub(super) fn find<const OPEN: bool>(&self, query: &Query<'_, OPEN>, patterns: &Patterns, found: &mut impl Found) {
        let port = query.port();
        let leading = |dimension| query.address(dimension).map(Leading::of);
        let leading_of = [leading(Dimension::Source), leading(Dimension::Destination)];
        let sieve = Sieve::of_query(query, leading_of);
        let search = Search { keyed: self, query, port: port.map(FourTimes::new), sieve };
        let Patterns { identities, names } = patterns;
        if !self.peer.is_empty() {
            match query.peer {
                PeerQuery::Class(class) => match self.classes.get(place(class)) {
                    Some(list) if !IS_SMALL && *list != List::NOT_FORESEEN => search.scan(Some(list), found),
                    _ => search.scan_patterns(identities, found),
                },
                PeerQuery::Resolved(peer) => search.scan_run(head_of(peer), &peer.candidates, 0, found),
                PeerQuery::Texts(_) => search.scan_patterns(identities, found),
                PeerQuery::Absent => {}
                PeerQuery::Unknown => search.scan_all(PEER, found),
            }
            if found.sink().is_done() {
                return;
            }
        }
        // Written out, as a loop over the three is not unrolled.
        let ([source, destination, remote], [of_source, of_destination]) = (&self.addresses, leading_of);
        if let Some(map) = source {
            search.scan_address(map, Dimension::Source, of_source, found);
        }
        if let Some(map) = &self.port {
            match port {
                Some(port) => search.scan(self.list(map.get(port)), found),
                None => search.scan_all(PORT, found),
            }
        }
        if let Some(map) = destination {
            search.scan_address(map, Dimension::Destination, of_destination, found);
        }
        if let Some(map) = remote {
            search.scan_address(map, Dimension::Remote, leading(Dimension::Remote), found);
        }
        if !self.sni.is_empty() {
            match query.sni() {
                Some(Some(name)) => names.matching(name, &mut |number| search.scan(self.sni.get(place(number)), found)),
                Some(None) => {}
                None => search.scan_all(SNI, found),
            }
        }
    }

    #[inline]
    fn list(&self, number: Option<&u32>) -> Option<&List> {
        self.lists.get(place(*number?))
    }

    /// The number of an atom by the place of its test.
    #[inline]
    fn number(&self, place: usize) -> u32 {
        self.numbers.get(place).copied().unwrap_or(u32::MAX)
    }

    /// The candidates of a peer that presents what these patterns match, for later; `holds` compares its
    /// identities with all that the atom of a number asks of them.
    pub(super) fn resolve(&self, matching: &[u32], holds: impl Fn(u32) -> bool, resolved: &mut Resolved) {
        let mut all: Vec<TestOf> = matching.iter().flat_map(|number| self.peer.of(*number)).copied().collect();
        sort_stably(&mut all, |a, b| a.place().cmp(&b.place()));
        all.dedup_by_key(|test_of| test_of.place());
        let mut run = Run::default();
        for test_of in all {
            if holds(self.number(test_of.place())) {
                let form = self.form(test_of.place());
                let takes = self.takes.get(test_of.place()).copied().unwrap_or_else(|| form.takes());
                run.push(takes, form, test_of.comparing(false));
            }
        }
        let head = run.finish(|test| self.number(test.place()));
        resolved.sieve = head.sieve.0;
        resolved.tested = head.tested;
        resolved.ported = head.ported;
        resolved.sure = head.sure;
        let mut candidates = Vec::new();
        run.write(&mut candidates);
        resolved.candidates = candidates.into();
    }

    /// The form of a test.
    fn form(&self, place: usize) -> Form {
        let told = if IS_SMALL { None } else { place.checked_sub(self.tests.len()).and_then(|place| self.told.get(place)) };
        told.map_or(Form::Tested, |ports| ports.form())
    }

    /// Whether no known fact fails a test, and what is said of one that is not there, though all are.
    #[inline]
    fn holds<const OPEN: bool>(&self, place: usize, query: &Query<'_, OPEN>, if_lost: bool) -> bool {
        match self.tests.get(place) {
            Some(test) => self.sets.hold(test, query),
            None => self.told_holds(place, query.port(), if_lost),
        }
    }

    /// The same of one behind them, whose identities are still to be compared.
    #[inline(never)]
    fn told_holds(&self, place: usize, port: Option<u16>, if_lost: bool) -> bool {
        match self.form(place) {
            Form::Ported(ports) => port.is_none_or(|port| ports.contains(&port)),
            Form::Sure => true,
            Form::Tested => if_lost,
        }
    }

    /// How many atoms there are.
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// How many of them ask for no number beside their key, or for a port.
    pub(super) fn told(&self) -> usize {
        self.told.len()
    }

    /// The longest list.
    pub(super) fn longest(&self) -> usize {
        let lists = [&self.lists, &self.classes, &self.sni];
        let longest = lists.into_iter().flatten().map(|list| list.length()).max().unwrap_or_default();
        longest.max(self.peer.iter().map(<[TestOf]>::len).max().unwrap_or_default())
    }

    pub(super) fn bytes(&self) -> usize {
        let lists = [&self.lists, &self.classes, &self.sni];
        size_of_val(&*self.tests)
            + size_of_val(&*self.told)
            + size_of_val(&*self.numbers)
            + size_of_val(&*self.takes)
            + self.peer.bytes()
            + self.sets.bytes()
            + size_of_val(&*self.candidates)
            + lists.into_iter().map(|lists| size_of_val(&**lists)).sum::<usize>()
            + self.addresses.iter().flatten().map(|(any, map)| any.bytes() + map.bytes()).sum::<usize>()
            + self.port.as_ref().map_or(0, PortMap::bytes)
    }
}

/// The run of a peer that was looked up before.
#[inline]
fn head_of(peer: &Resolved) -> Head {
    Head { sieve: Sieve(peer.sieve), tested: peer.tested, ported: peer.ported, sure: peer.sure }
}

/// One connection on its way through the lists.
struct Search<'s, const OPEN: bool> {
    keyed: &'s Keyed,
    query: &'s Query<'s, OPEN>,
    /// The port, if it is known.
    port: Option<FourTimes>,
    sieve: Sieve,
}

impl<const OPEN: bool> Search<'_, OPEN> {
    #[inline(always)]
    fn scan(&self, list: Option<&List>, found: &mut impl Found) {
        if let Some(list) = list.filter(|list| list.may_have(self.sieve)) {
            self.scan_run(list.head(), &self.keyed.candidates, list.start(), found);
        }
    }

    /// The run that starts at a place.
    #[inline(always)]
    fn scan_run(&self, head: Head, all: &[Packed], start: usize, found: &mut impl Found) {
        let Head { tested, ported, sure, .. } = head;
        let candidates = |from: usize, count: usize| {
            let candidates = all.get(from..from + count).unwrap_or_default();
            candidates.iter().map(|candidate| Candidate::unpack(*candidate))
        };
        // With the feature `small` all candidates are tested.
        if !IS_SMALL && sure != 0 && !found.sink().some(|| sure) {
            candidates(start + tested + ported, place(sure.count_ones())).for_each(|candidate| self.take(candidate, found));
        }
        if head.sieve.passes(self.sieve) {
            for candidate in candidates(start + tested, if IS_SMALL { 0 } else { ported }) {
                if self.port.is_none_or(|port| candidate.has(port)) {
                    self.take(candidate, found);
                }
            }
            candidates(start, tested)
                .filter(|candidate| candidate.sieve().passes(self.sieve))
                .for_each(|candidate| self.test(candidate.test, found));
        }
    }

    /// Takes an atom that matches but for facts that are not known.
    #[inline(always)]
    fn take(&self, Candidate { test, .. }: Candidate, found: &mut impl Found) {
        if OPEN {
            found.ask(self.keyed.number(test.place()), false);
        } else if found.sink().wants(test.segment()) {
            found.sink().atom(test.segment(), || self.keyed.number(test.place()));
        }
    }

    /// Takes an atom if its test holds.
    #[inline]
    fn test(&self, test_of: TestOf, found: &mut impl Found) {
        let keyed = self.keyed;
        if found.sink().wants(test_of.segment())
            && found.sink().wants_atom(test_of.segment(), || keyed.number(test_of.place()))
            && keyed.holds(test_of.place(), self.query, test_of.segment() == DENYING)
        {
            let number = || keyed.number(test_of.place());
            if !OPEN && test_of.is_all() {
                found.sink().atom(test_of.segment(), number);
            } else {
                found.ask(number(), test_of.compares());
            }
        }
    }

    /// The lists of all patterns that match the peer's identities.
    #[inline(never)]
    fn scan_patterns(&self, identities: &Identities, found: &mut impl Found) {
        let takes = |test_of: &TestOf| self.keyed.takes.get(test_of.place()).is_none_or(|takes| takes.passes(self.sieve));
        let mut list_of = |number| {
            let tests = self.keyed.peer.of(number).iter().filter(|test_of| takes(test_of));
            tests.for_each(|test_of| self.test(*test_of, found));
        };
        match (self.query.peer, self.query.connection.known_peer()) {
            (PeerQuery::Texts(texts), _) | (_, Some(texts)) => identities.matching_identities(texts, &mut list_of),
            (_, None) => {}
        }
    }

    #[inline(always)]
    fn scan_address(
        &self,
        (any, map): &(LeadingSet, AddressMap<u32>),
        dimension: Dimension,
        leading: Option<Leading>,
        found: &mut impl Found,
    ) {
        match (self.query.address(dimension), leading) {
            (Some(address), Some(leading)) => {
                if any.may_hold(leading) {
                    self.scan(self.keyed.list(map.get(address)), found);
                }
            }
            _ => self.scan_all(Key::Address(dimension).place(), found),
        }
    }

    /// Every atom whose key is a fact that is not known.
    #[cold]
    fn scan_all(&self, at: usize, found: &mut impl Found) {
        let end = |at: usize| self.keyed.ends.get(at).copied().unwrap_or_default();
        for at in [at, at + 6] {
            for place in (at.checked_sub(1).map_or(0, end)..end(at)).filter(|place| self.keyed.holds(*place, self.query, true)) {
                found.ask(self.keyed.number(place), true);
            }
        }
    }
}
