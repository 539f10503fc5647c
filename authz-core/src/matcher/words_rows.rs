//! From identities, or a server name, to the row of atoms that they do not rule out.

use std::hash::Hash;

use super::atom::Words;
use super::numbers::place;
use super::pattern_ref::PatternNumbers;
use super::rows::{Row, Rows, keep, set};
use crate::IS_SMALL;
use crate::sort::sort;

/// The most positive lists of one atom that are told apart; more are left to the rule.
pub(super) const LISTS: usize = 3;

/// The atoms of a block that ask for a text.
#[derive(Clone, Debug)]
pub(super) struct WordsRows<const W: usize> {
    places: Places,
    uses: Box<[Use<W>]>,
    /// By positive list: the atoms that have none of that number.
    free: [Row<W>; LISTS],
    /// What is absent has the row of no match.
    pub(super) absent: Row<W>,
    /// By class of texts: the number of its row.
    classes: Box<[u32]>,
    rows: Box<[Row<W>]>,
}

/// From the number of a pattern to its place in `uses`.
#[derive(Clone, Debug)]
enum Places {
    /// By number: the place from 1, and 0 where the block does not ask for it.
    Dense(Box<[u32]>),
    /// Where there are so many that most are of other blocks: the numbers in order.
    Sparse(Box<[u32]>),
}

/// The most patterns that are listed whether a block asks for them or not, for each word of a row.
const DENSE: usize = 512;

impl Places {
    #[inline]
    fn get(&self, pattern: u32) -> Option<usize> {
        match self {
            Self::Dense(places) => place(*places.get(place(pattern))?).checked_sub(1),
            Self::Sparse(numbers) => numbers.binary_search(&pattern).ok(),
        }
    }

    fn bytes(&self) -> usize {
        let (Self::Dense(numbers) | Self::Sparse(numbers)) = self;
        size_of_val(&**numbers)
    }
}

/// What a pattern that matches does to atoms.
#[derive(Clone, Copy, Debug)]
struct Use<const W: usize> {
    /// The atoms whose positive list of a number it meets.
    meets: [Row<W>; LISTS],
    /// The atoms that it keeps out.
    keeps_out: Row<W>,
}

/// What the patterns seen so far leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<const W: usize>(Use<W>);

impl<const W: usize> WordsRows<W>
where
    Row<W>: Hash + Eq,
{
    /// Arranges what each atom asks for, of `patterns` patterns.
    #[inline(never)]
    pub(super) fn new(atoms: &[(usize, &Words)], patterns: usize) -> Self {
        let none = Use { meets: [[0; W]; LISTS], keeps_out: [0; W] };
        let mut free = [[u64::MAX; W]; LISTS];
        let asked = atoms.iter().flat_map(|(_, words)| words.any.iter().flatten().chain(&words.none));
        let mut numbers: Vec<u32> = asked.copied().collect();
        sort(&mut numbers);
        numbers.dedup();
        let mut uses = vec![none; numbers.len()];
        let places = if patterns <= DENSE * W {
            let mut places = vec![0; patterns];
            for (number, at) in numbers.iter().zip(1..) {
                places.get_mut(place(*number)).into_iter().for_each(|place| *place = at);
            }
            Places::Dense(places.into())
        } else {
            Places::Sparse(numbers.into())
        };
        let mut used = |number: u32, change: &dyn Fn(&mut Use<W>)| {
            places.get(number).and_then(|at| uses.get_mut(at)).into_iter().for_each(change);
        };
        for (atom, asked) in atoms {
            for (list, (patterns, free)) in asked.any.iter().zip(&mut free).enumerate() {
                set(free, *atom, false);
                for number in patterns {
                    used(*number, &|used| used.meets.get_mut(list).into_iter().for_each(|row| set(row, *atom, true)));
                }
            }
            for number in &asked.none {
                used(*number, &|used| set(&mut used.keeps_out, *atom, true));
            }
        }
        let mut this = Self { places, uses: uses.into(), free, absent: [0; W], classes: Box::default(), rows: Box::default() };
        this.absent = this.row(&this.nothing());
        this
    }

    /// Works out the rows of texts that are foreseen: of each class what patterns match it.
    #[inline(never)]
    pub(super) fn foresee(&mut self, classes: &[PatternNumbers]) {
        let mut rows = Rows::default();
        let row_of = |matching: &PatternNumbers| {
            let mut seen = self.nothing();
            matching.iter().for_each(|pattern| self.see(&mut seen, *pattern));
            rows.number(self.row(&seen))
        };
        self.classes = classes.iter().map(row_of).collect();
        self.rows = rows.finish();
    }

    /// The row of a class of texts; nothing where none was worked out.
    #[inline]
    pub(super) fn class(&self, class: u32) -> Option<&Row<W>> {
        if IS_SMALL {
            return None;
        }
        self.rows.get(place(*self.classes.get(place(class))?))
    }

    /// No pattern seen.
    #[inline]
    pub(super) fn nothing(&self) -> Seen<W> {
        Seen(Use { meets: self.free, keeps_out: [0; W] })
    }

    /// One more pattern matches.
    #[inline]
    pub(super) fn see(&self, seen: &mut Seen<W>, pattern: u32) {
        let Some(used) = self.places.get(pattern).and_then(|at| self.uses.get(at)) else { return };
        let Seen(all) = seen;
        let rows = all.meets.iter_mut().chain([&mut all.keeps_out]);
        for (row, more) in rows.zip(used.meets.iter().chain([&used.keeps_out])) {
            row.iter_mut().zip(more).for_each(|(word, more)| *word |= more);
        }
    }

    /// What all patterns seen leave.
    #[inline]
    pub(super) fn row(&self, Seen(seen): &Seen<W>) -> Row<W> {
        let mut row = seen.keeps_out.map(|word| !word);
        seen.meets.iter().for_each(|met| keep(&mut row, met));
        row
    }

    pub(super) fn bytes(&self) -> usize {
        self.places.bytes() + size_of_val(&*self.uses) + size_of_val(&*self.classes) + size_of_val(&*self.rows)
    }
}
