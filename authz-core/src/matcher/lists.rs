//! Builds the candidate lists of [`super::keyed`].

use std::ops::Range;

use smallvec::SmallVec;

use super::address_ranges::AddressRanges;
use super::by_pattern::ByPattern;
use super::candidate::{Run, TestOf};
use super::classes::Classes;
use super::key::{Entry, Key};
use super::leading::LeadingSet;
use super::list::List;
use super::lookup::{AddressMap, PortMap};
use super::numbers::place;
use super::pattern_ref::PatternNumbers;
use super::query::Dimension;
use super::ranges::{Line, Ranges};
use super::sieve::Sieve;
use super::test::{Form, Test};
use crate::peer::Packed;

/// More candidates than this in one list are better kept as rows.
const LONGEST: usize = 64;

/// How many entries the classes of one line may list in all.
const CLASS_ENTRIES: usize = 1 << 20;

/// How many candidates there are about for each entry, so that they need not be moved often.
const FORESEEN_OF_ENTRY: usize = 4;

/// How many candidates the lists of classes of identities may hold in all, and one of them.
const CLASS_CANDIDATES: usize = 1 << 20;
const LONGEST_OF_CLASS: usize = List::LONGEST;
const _: () = assert!(LONGEST <= List::LONGEST);

/// What lists need of an entry, side by side: they ask for it once for each value that it is looked up by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    takes: Sieve,
    form: Form,
    test: TestOf,
}

impl Row {
    /// Of an entry and its test, which has this place among those that are told, or among those that are not.
    pub(super) fn of(at: usize, entry: &Entry<'_>, test: &Test) -> Self {
        let asks = entry.atom.verify || !entry.atom.sni.is_empty();
        let test_of = TestOf::new(at, entry.segment, asks).comparing(compares(entry));
        Self { takes: Sieve::of(entry.atom), form: test.form(), test: test_of }
    }
}

/// Lists in the making.
#[derive(Debug)]
pub(super) struct Lists<'e, 'a> {
    entries: &'e [Entry<'a>],
    rows: Vec<Row>,
    /// By the place of a test: that of its entry.
    by_test: Vec<u32>,
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
    /// Of entries and what is needed of them, in one order. Of those that are told the tests stand behind
    /// the others, of which there are `tests`.
    pub(super) fn new(entries: &'e [Entry<'a>], mut rows: Vec<Row>, is_told: &[bool], tests: usize, most: usize) -> Self {
        let mut by_test = vec![0; entries.len()];
        for ((at, row), is_told) in (0..).zip(&mut rows).zip(is_told) {
            if *is_told {
                row.test = row.test.numbered(tests + row.test.place());
            }
            by_test.get_mut(row.test.place()).into_iter().for_each(|entry| *entry = at);
        }
        Self {
            entries,
            rows,
            by_test,
            candidates: Vec::with_capacity(most.min(FORESEEN_OF_ENTRY * entries.len())),
            lists: vec![List::default()],
            too_many: Vec::new(),
            is_left_out: vec![false; entries.len()],
            most,
        }
    }

    /// The entries in the order of their tests.
    pub(super) fn entries_by_test(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.by_test.iter().filter_map(|at| self.entries.get(place(*at)))
    }

    /// Puts a run behind all others; nothing where it is too long to be a list.
    #[inline(never)]
    fn append(&mut self, run: &mut Run) -> Option<List> {
        let order = |test: TestOf| self.by_test.get(test.place()).copied().unwrap_or_default();
        let list = List::new(u32::try_from(self.candidates.len()).ok()?, run.finish(order))?;
        run.write(&mut self.candidates);
        Some(list)
    }

    /// Adds an entry to a run, unless it is left out.
    fn push(&self, run: &mut Run, at: usize) {
        if self.is_left_out.get(at) == Some(&false)
            && let Some(row) = self.rows.get(at)
        {
            run.push(row.takes, row.form, row.test);
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
    #[inline(never)]
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
    #[inline(never)]
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
                self.push(&mut run, start + place(*number));
            }
            numbers.push(match self.append(&mut run) {
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
    #[inline(never)]
    pub(super) fn patterns(&mut self, range: Range<usize>, patterns: usize) -> Vec<List> {
        if range.is_empty() {
            return Vec::new();
        }
        let uses = uses_of(self.entries, range, patterns);
        let mut run = Run::default();
        let list_of = |of_pattern: &[usize]| {
            self.shorten(of_pattern.iter().copied());
            run.clear();
            of_pattern.iter().for_each(|at| self.push(&mut run, *at));
            let list = self.append(&mut run);
            if list.is_none() {
                of_pattern.iter().for_each(|at| self.leave_out(*at));
            }
            list.unwrap_or_default()
        };
        uses.iter().map(list_of).collect()
    }

    /// By the number of a pattern over identities: the places of entries that are looked up by it.
    #[inline(never)]
    pub(super) fn uses(&mut self, range: Range<usize>, patterns: usize) -> ByPattern<usize> {
        let uses = uses_of(self.entries, range, patterns);
        uses.iter().for_each(|of_pattern| self.shorten(of_pattern.iter().copied()));
        uses
    }

    /// The same as tests.
    pub(super) fn tests_of(&self, uses: &ByPattern<usize>) -> ByPattern<TestOf> {
        ByPattern::in_order(uses.iter().map(|of_pattern| self.kept(of_pattern).map(|row| row.test)), uses.len())
    }

    /// What is needed of those entries that are not left out.
    fn kept(&self, places: &[usize]) -> impl Iterator<Item = &Row> {
        places.iter().filter(|at| self.is_left_out.get(**at) == Some(&false)).filter_map(|at| self.rows.get(*at))
    }

    /// What so many tests take, by their places; those behind them are told.
    pub(super) fn takes(&self, tests: usize) -> Box<[Sieve]> {
        let rows = self.by_test.iter().take(tests).filter_map(|at| self.rows.get(place(*at)));
        rows.map(|row| row.takes).collect()
    }

    /// By class of identities: the candidates among those looked up by identity whose every question to the
    /// identity holds, where the class matches what `foreseen` says.
    ///
    /// Classes that too many patterns match have no such list, so that a thousand identities times a
    /// thousand patterns are not written out.
    #[inline(never)]
    pub(super) fn classes(&mut self, peer: &ByPattern<usize>, foreseen: &[PatternNumbers]) -> Vec<List> {
        let mut lists = vec![List::NOT_FORESEEN; foreseen.len()];
        let mut run = Run::default();
        let mut of_patterns: SmallVec<[&[usize]; 16]> = SmallVec::new();
        let mut left = CLASS_CANDIDATES.min(self.left());
        for (matching, place_of) in foreseen.iter().zip(&mut lists) {
            of_patterns.clear();
            of_patterns.extend(matching.iter().map(|pattern| peer.of(*pattern)).filter(|of_pattern| !of_pattern.is_empty()));
            let count: usize = of_patterns.iter().map(|of_pattern| of_pattern.len()).sum();
            if count > LONGEST_OF_CLASS.min(left) {
                continue;
            }
            // Those that are compared and left out count too, for the time that it takes.
            left -= count;
            run.clear();
            for at in of_patterns.iter().copied().flatten() {
                if let (Some(row), Some(false)) = (self.rows.get(*at), self.is_left_out.get(*at))
                    && (!row.test.compares() || self.entries.get(*at).is_some_and(|entry| entry.atom.peer.hold(matching)))
                {
                    run.push(row.takes, row.form, row.test.comparing(false));
                }
            }
            if of_patterns.len() > 1 {
                run.sort();
            }
            if let Some(list) = self.append(&mut run) {
                *place_of = list;
            }
        }
        lists
    }
}

/// The patterns that an entry is looked up by.
fn patterns_of<'e>(entries: &'e [Entry<'_>], at: usize) -> &'e [u32] {
    entries.get(at).map_or(&[], |Entry { atom, key, .. }| match key {
        Key::Peer(list) => atom.peer.any.get(*list).map_or(&[], |numbers| numbers),
        Key::Sni(list) => atom.sni.any.get(*list).map_or(&[], |numbers| numbers),
        Key::Address(_) | Key::Port => &[],
    })
}

/// Of a range of entries the places of those that are looked up by each of so many patterns.
fn uses_of(entries: &[Entry<'_>], range: Range<usize>, patterns: usize) -> ByPattern<usize> {
    ByPattern::counted(patterns, |add| {
        for at in range.clone() {
            // Numbers are in order, and a policy may name one value twice.
            let mut before = None;
            let patterns = patterns_of(entries, at).iter().filter(|pattern| before.replace(**pattern) != Some(**pattern));
            patterns.for_each(|pattern| add(*pattern, at));
        }
    })
}

/// Whether an identity that matches one pattern of the key may still fail the atom.
fn compares(entry: &Entry<'_>) -> bool {
    let peer = &entry.atom.peer;
    let is_all = matches!(entry.key, Key::Peer(_)) && peer.any.len() == 1 && peer.none.is_empty();
    !peer.is_empty() && !is_all
}
