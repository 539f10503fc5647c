//! Builds the candidate lists of [`super::keyed`].

use std::ops::Range;

use super::candidate::{Candidate, TestOf};
use super::classes::Classes;
use super::key::Key;
use super::keyed::{Entry, List};
use super::leading::LeadingSet;
use super::lookup::{AddressMap, PortMap, place};
use super::pattern_ref::PatternNumbers;
use super::query::Dimension;
use super::ranges::{AddressRanges, Line, Ranges};
use super::sieve::Sieve;
use crate::sort::{sort, sort_by_key};

/// More candidates than this in one list are better kept as rows.
const LONGEST: usize = 64;

/// How many entries the classes of one line may list in all.
const CLASS_ENTRIES: usize = 1 << 20;

/// How many candidates the lists of whole identities may hold in all, and one of them.
const WHOLE_CANDIDATES: usize = 1 << 20;
const LONGEST_WHOLE: usize = 4 * LONGEST;

/// Lists in the making.
#[derive(Debug)]
pub(super) struct Lists<'e, 'a> {
    entries: &'e [Entry<'a>],
    sieves: Vec<Sieve>,
    pub(super) candidates: Vec<Candidate>,
    /// The first is empty.
    pub(super) lists: Vec<List>,
    /// The places of entries that lists would be too long with. They may be in some, but not in all.
    pub(super) too_many: Vec<usize>,
    is_left_out: Vec<bool>,
    /// How many candidates there may be in all.
    most: usize,
}

impl<'e, 'a> Lists<'e, 'a> {
    pub(super) fn new(entries: &'e [Entry<'a>], most: usize) -> Self {
        Self {
            entries,
            sieves: entries.iter().map(|entry| Sieve::of(entry.atom)).collect(),
            candidates: Vec::new(),
            lists: vec![List::default()],
            too_many: Vec::new(),
            is_left_out: vec![false; entries.len()],
            most,
        }
    }

    /// Puts a list behind all others.
    fn append(all: &mut Vec<Candidate>, list: &[Candidate]) -> List {
        let start = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.extend_from_slice(list);
        let sieve = list.iter().fold(Sieve::default(), |all, candidate| all.or(candidate.sieve()));
        List { sieve, start, length: u32::try_from(list.len()).unwrap_or_default() }
    }

    /// The candidate of an entry; nothing where it is left out.
    fn candidate(&self, at: usize, compares: bool) -> Option<Candidate> {
        if self.is_left_out.get(at) != Some(&false) {
            return None;
        }
        let Entry { segment, atom, .. } = self.entries.get(at)?;
        let test = TestOf::new(at, *segment, atom.verify || !atom.sni.is_empty());
        let sieve = self.sieves.get(at).copied().unwrap_or_default();
        Some(Candidate::new(sieve, test.comparing(compares)))
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
        let mut list: Vec<Candidate> = Vec::new();
        for class in classes.iter() {
            self.shorten(class.iter().map(|number| start + place(*number)));
            list.clear();
            for number in class {
                let at = start + place(*number);
                let compares = self.entries.get(at).is_some_and(|entry| !entry.atom.peer.is_empty());
                list.extend(self.candidate(at, compares));
            }
            if list.is_empty() {
                numbers.push(0);
            } else {
                let list = Self::append(&mut self.candidates, &list);
                numbers.push(u32::try_from(self.lists.len()).unwrap_or_default());
                self.lists.push(list);
            }
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
        let mut list: Vec<Candidate> = Vec::new();
        for of_pattern in uses.chunk_by(|(one, _), (two, _)| one == two) {
            self.shorten(of_pattern.iter().map(|(_, at)| *at));
            list.clear();
            for (_, at) in of_pattern {
                list.extend(self.candidate(*at, self.entries.get(*at).is_some_and(compares)));
            }
            let number = of_pattern.first().map_or(usize::MAX, |(number, _)| place(*number));
            if let Some(place) = lists.get_mut(number) {
                *place = Self::append(&mut self.candidates, &list);
            }
        }
        lists
    }

    /// By the number of a pattern that names an identity whole: the candidates among those looked up by
    /// identity whose every question to the identity holds.
    ///
    /// Identities that too many patterns match have no such list, so that a thousand identities times a
    /// thousand patterns are not written out.
    pub(super) fn whole(&mut self, peer: &[List], foreseen: &[(u32, PatternNumbers)]) -> Vec<List> {
        let mut lists = vec![List::NOT_FORESEEN; peer.len()];
        let mut list: Vec<Candidate> = Vec::new();
        let mut left = WHOLE_CANDIDATES.min(self.left());
        for (number, matching) in foreseen {
            let Some(place_of) = lists.get_mut(place(*number)) else { continue };
            let of_patterns = matching.iter().filter_map(|pattern| peer.get(place(*pattern)));
            let count: usize = of_patterns.clone().map(|list| place(list.length)).sum();
            if count > LONGEST_WHOLE.min(left) {
                continue;
            }
            list.clear();
            for own in of_patterns {
                let start = place(own.start);
                let candidates = self.candidates.get(start..start + place(own.length)).unwrap_or_default();
                for candidate in candidates {
                    let test = candidate.test;
                    let holds =
                        !test.compares() || self.entries.get(test.place()).is_some_and(|entry| entry.atom.peer.hold(matching));
                    if holds {
                        list.push(Candidate::new(candidate.sieve(), test.comparing(false)));
                    }
                }
            }
            sort_by_key(&mut list, |candidate| candidate.test);
            list.dedup_by_key(|candidate| candidate.test);
            left -= list.len();
            *place_of = if list.is_empty() { List::default() } else { Self::append(&mut self.candidates, &list) };
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
