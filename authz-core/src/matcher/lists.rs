//! Builds the candidate lists of [`super::keyed`].

use std::ops::Range;

use super::candidate::{Candidate, Run, TestOf};
use super::classes::Classes;
use super::key::Key;
use super::keyed::{Entry, List};
use super::leading::LeadingSet;
use super::lookup::{AddressMap, PortMap, place};
use super::pattern_ref::PatternNumbers;
use super::query::Dimension;
use super::ranges::{AddressRanges, Line, Ranges};
use super::sieve::Sieve;
use super::test::Test;
use crate::peer::Packed;
use crate::sort::{sort, sort_by_key};

/// More candidates than this in one list are better kept as rows.
const LONGEST: usize = 64;

/// How many entries the classes of one line may list in all.
const CLASS_ENTRIES: usize = 1 << 20;

/// How many candidates the lists of classes of identities may hold in all, and one of them.
const CLASS_CANDIDATES: usize = 1 << 20;
const LONGEST_OF_CLASS: usize = List::LONGEST;
const _: () = assert!(LONGEST <= List::LONGEST);

/// Lists in the making.
#[derive(Debug)]
pub(super) struct Lists<'e, 'a> {
    entries: &'e [Entry<'a>],
    tests: &'e [Test],
    sieves: Vec<Sieve>,
    pub(super) candidates: Vec<Packed>,
    /// The first is empty.
    pub(super) lists: Vec<List>,
    /// The places of entries that lists would be too long with. They may be in some, but not in all.
    pub(super) too_many: Vec<usize>,
    is_left_out: Vec<bool>,
    /// How many candidates there may be in all.
    most: usize,
}

impl<'e, 'a> Lists<'e, 'a> {
    /// Of entries and their tests, in one order.
    pub(super) fn new(entries: &'e [Entry<'a>], tests: &'e [Test], most: usize) -> Self {
        Self {
            entries,
            tests,
            sieves: entries.iter().map(|entry| Sieve::of(entry.atom)).collect(),
            candidates: Vec::new(),
            lists: vec![List::default()],
            too_many: Vec::new(),
            is_left_out: vec![false; entries.len()],
            most,
        }
    }

    /// Puts a run behind all others; nothing where it is too long to be a list.
    fn append(&mut self, run: &Run) -> Option<List> {
        let list = List::new(u32::try_from(self.candidates.len()).ok()?, run.head())?;
        self.candidates.extend(run.iter());
        Some(list)
    }

    /// Adds an entry to a run, unless it is left out.
    fn push(&self, run: &mut Run, at: usize, compares: bool) {
        if self.is_left_out.get(at) == Some(&false)
            && let (Some(entry), Some(test), Some(sieve)) = (self.entries.get(at), self.tests.get(at), self.sieves.get(at))
        {
            let asks = entry.atom.verify || !entry.atom.sni.is_empty();
            run.push(*sieve, test.form(), TestOf::new(at, entry.segment, asks).comparing(compares));
        }
    }

    /// How many more candidates there may be.
    fn left(&self) -> usize {
        self.most.saturating_sub(self.candidates.len())
    }

    fn leave_out(&mut self, at: usize) {
        if let Some(is_left_out @ false) = self.is_left_out.get_mut(at) {
            *is_left_out = true;
            self.too_many.push(at);
        }
    }

    /// Leaves out what makes a list too long.
    fn shorten(&mut self, members: impl Iterator<Item = usize>) {
        let mut kept = 0;
        for at in members {
            if kept < LONGEST {
                kept += usize::from(self.is_left_out.get(at) == Some(&false));
            } else {
                self.leave_out(at);
            }
        }
    }

    /// The lists of addresses.
    pub(super) fn addresses(&mut self, range: Range<usize>, dimension: Dimension) -> Option<(LeadingSet, AddressMap<u32>)> {
        let entries = self.entries.get(range.clone()).filter(|entries| !entries.is_empty())?;
        // An entry keyed by an address asks for it.
        let sets: Vec<&AddressRanges> = entries.iter().filter_map(|entry| Some(&**entry.atom.addresses(dimension)?)).collect();
        let v4: Vec<&Ranges<u32>> = sets.iter().map(|set| &set.v4).collect();
        let v6: Vec<&Ranges<u128>> = sets.iter().map(|set| &set.v6).collect();
        let (v4, v4_lists) = self.line(range.start, &v4);
        let (v6, v6_lists) = self.line(range.start, &v6);
        Some((LeadingSet::new(sets.into_iter()), AddressMap::new(&v4, v4_lists, &v6, v6_lists)))
    }

    /// The lists of ports.
    pub(super) fn ports(&mut self, range: Range<usize>) -> Option<PortMap<u32>> {
        let entries = self.entries.get(range.clone()).filter(|entries| !entries.is_empty())?;
        let sets: Vec<&Ranges<u16>> = entries.iter().filter_map(|entry| entry.atom.port.as_deref()).collect();
        let (starts, lists) = self.line(range.start, &sets);
        Some(PortMap::new(&starts, &lists))
    }

    /// Cuts a line by the sets of entries from `start` on: where each stretch starts, and its list.
    fn line<T: Line>(&mut self, start: usize, sets: &[&Ranges<T>]) -> (Vec<T>, Vec<u32>) {
        let mut classes = Classes::new(CLASS_ENTRIES.min(self.left()));
        let Some(stretches) = classes.cut(sets) else {
            // So many values overlap that there is no list worth keeping: all are left out.
            for at in start..start + sets.len() {
                self.leave_out(at);
            }
            return (vec![T::MIN], vec![0]);
        };
        let mut numbers = Vec::new();
        let mut run = Run::default();
        for class in classes.iter() {
            self.shorten(class.iter().map(|number| start + place(*number)));
            run.clear();
            for number in class {
                let at = start + place(*number);
                self.push(&mut run, at, self.entries.get(at).is_some_and(|entry| !entry.atom.peer.is_empty()));
            }
            numbers.push(match self.append(&run) {
                Some(list) if list == List::default() => 0,
                Some(list) => {
                    self.lists.push(list);
                    u32::try_from(self.lists.len() - 1).unwrap_or_default()
                }
                None => {
                    class.iter().for_each(|number| self.leave_out(start + place(*number)));
                    0
                }
            });
        }
        let lists = stretches.classes.iter().map(|class| numbers.get(place(*class)).copied().unwrap_or_default());
        (stretches.starts, lists.collect())
    }

    /// By the number of a pattern: the candidates that are looked up by it.
    pub(super) fn patterns(&mut self, range: Range<usize>, patterns: usize) -> Vec<List> {
        if range.is_empty() {
            return Vec::new();
        }
        let mut uses: Vec<(u32, usize)> = Vec::new();
        for at in range {
            let Some(Entry { atom, key, .. }) = self.entries.get(at) else { continue };
            let numbers = match key {
                Key::Peer(list) => atom.peer.any.get(*list),
                Key::Sni(list) => atom.sni.any.get(*list),
                Key::Address(_) | Key::Port => None,
            };
            uses.extend(numbers.into_iter().flatten().map(|number| (*number, at)));
        }
        sort(&mut uses);
        uses.dedup();
        let mut lists = vec![List::default(); patterns];
        let mut run = Run::default();
        for of_pattern in uses.chunk_by(|(one, _), (two, _)| one == two) {
            self.shorten(of_pattern.iter().map(|(_, at)| *at));
            run.clear();
            for (_, at) in of_pattern {
                self.push(&mut run, *at, self.entries.get(*at).is_some_and(compares));
            }
            let list = self.append(&run);
            if list.is_none() {
                of_pattern.iter().for_each(|(_, at)| self.leave_out(*at));
            }
            let number = of_pattern.first().map_or(usize::MAX, |(number, _)| place(*number));
            if let (Some(place), Some(list)) = (lists.get_mut(number), list) {
                *place = list;
            }
        }
        lists
    }

    /// By class of identities: the candidates among those looked up by identity whose every question to the
    /// identity holds, where the class matches what `foreseen` says.
    ///
    /// Classes that too many patterns match have no such list, so that a thousand identities times a
    /// thousand patterns are not written out.
    pub(super) fn classes(&mut self, peer: &[List], foreseen: &[PatternNumbers]) -> Vec<List> {
        let mut lists = vec![List::NOT_FORESEEN; foreseen.len()];
        let (mut tests, mut run): (Vec<TestOf>, Run) = (Vec::new(), Run::default());
        let mut left = CLASS_CANDIDATES.min(self.left());
        for (matching, place_of) in foreseen.iter().zip(&mut lists) {
            let of_patterns = matching.iter().filter_map(|pattern| peer.get(place(*pattern)));
            let count: usize = of_patterns.clone().map(|list| list.length()).sum();
            if count > LONGEST_OF_CLASS.min(left) {
                continue;
            }
            tests.clear();
            for own in of_patterns {
                let candidates = self.candidates.get(own.range()).unwrap_or_default();
                tests.extend(candidates.iter().map(|candidate| Candidate::unpack(*candidate).test).filter(|test| {
                    !test.compares() || self.entries.get(test.place()).is_some_and(|entry| entry.atom.peer.hold(matching))
                }));
            }
            sort_by_key(&mut tests, |test| test.place());
            tests.dedup_by_key(|test| test.place());
            left -= tests.len();
            run.clear();
            tests.iter().for_each(|test| self.push(&mut run, test.place(), false));
            if let Some(list) = self.append(&run) {
                *place_of = list;
            }
        }
        lists
    }
}

/// Whether an identity that matches one pattern of the key may still fail the atom.
fn compares(entry: &Entry<'_>) -> bool {
    let peer = &entry.atom.peer;
    let is_all = matches!(entry.key, Key::Peer(_)) && peer.any.len() == 1 && peer.none.is_empty();
    !peer.is_empty() && !is_all
}
