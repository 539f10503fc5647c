//! Equivalence classes: stretches of a line on which the same sets hold every value.

use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::numbers::place;
use super::ranges::{Line, Ranges};
use crate::sort::sort;

/// A line cut into stretches, each with the class of its values.
#[derive(Clone, Debug)]
pub(super) struct Stretches<T> {
    /// Where each stretch starts, in order; the first starts at the smallest value.
    pub(super) starts: Vec<T>,
    /// The class of each stretch.
    pub(super) classes: Vec<u32>,
}

/// The classes of a line: which sets hold the values of each.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// The sets that hold the values of each class, class by class.
    holding: Vec<u32>,
    /// Where each class ends in it.
    ends: Vec<usize>,
    /// Each class with its hash.
    known: HashTable<(u64, u32)>,
    hasher: foldhash::fast::RandomState,
    /// How many entries `holding` may have.
    limit: usize,
    /// How many sets were looked at.
    work: usize,
}

impl Classes {
    /// No class but that of no set, whose number is 0. Beyond `limit` entries a line is given up.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            holding: Vec::new(),
            ends: vec![0],
            known: HashTable::new(),
            hasher: foldhash::fast::RandomState::default(),
            limit,
            work: 0,
        }
    }

    /// For each class, in order, the sets that hold its values.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.holding.get(start..*end).unwrap_or_default())
    }

    /// The sets that hold the values of a class, in order.
    fn of(&self, class: u32) -> &[u32] {
        let start = place(class).checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(place(class)).copied().unwrap_or_default();
        self.holding.get(start..end).unwrap_or_default()
    }

    /// The class of some sets, in order; nothing where there are too many of them.
    fn class(&mut self, holding: &[u32]) -> Option<u32> {
        if holding.is_empty() {
            return Some(0);
        }
        self.work += holding.len();
        if self.work > self.limit.saturating_mul(16) {
            return None;
        }
        let hash = self.hasher.hash_one(holding);
        if let Some((_, class)) = self.known.find(hash, |(others, class)| *others == hash && self.of(*class) == holding) {
            return Some(*class);
        }
        self.holding.extend_from_slice(holding);
        if self.holding.len() > self.limit {
            return None;
        }
        let class = u32::try_from(self.ends.len()).ok()?;
        self.ends.push(self.holding.len());
        self.known.insert_unique(hash, (hash, class), |(hash, _)| *hash);
        Some(class)
    }

    /// Cuts a line by sets; nothing beyond the limit.
    #[inline(never)]
    pub(super) fn cut<T: Line>(&mut self, sets: &[&Ranges<T>]) -> Option<Stretches<T>> {
        let mut events: Vec<T::Event> = Vec::with_capacity(sets.iter().map(|set| 2 * set.as_slice().len()).sum());
        for (number, set) in (0..).zip(sets) {
            for (first, last) in set.as_slice() {
                events.push(first.event(number));
                events.extend(last.next().map(|behind| behind.event(number)));
            }
        }
        sort(&mut events);
        let mut stretches = Stretches { starts: vec![T::MIN], classes: vec![0] };
        let (mut active, mut next): (Vec<u32>, Vec<u32>) = (Vec::new(), Vec::new());
        for same in events.chunk_by(|one, two| T::of_event(*one).0 == T::of_event(*two).0) {
            let Some((at, _)) = same.first().map(|event| T::of_event(*event)) else { continue };
            // A set starts where it was not active, and ends where it was. All that do so here are taken in
            // one pass, as there may be as many as there are sets.
            next.clear();
            let mut before = active.iter().copied().peekable();
            for (_, number) in same.iter().map(|event| T::of_event(*event)) {
                next.extend(std::iter::from_fn(|| before.next_if(|known| *known < number)));
                if before.next_if_eq(&number).is_none() {
                    next.push(number);
                }
            }
            next.extend(before);
            std::mem::swap(&mut active, &mut next);
            let class = self.class(&active)?;
            if at == T::MIN {
                stretches.classes = vec![class];
            } else if stretches.classes.last() != Some(&class) {
                stretches.starts.push(at);
                stretches.classes.push(class);
            }
        }
        Some(stretches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_class_are_held_by_the_same_sets() {
        let sets = [
            Ranges::<u16>::union(vec![(10, 20), (30, 40)]),
            Ranges::union(vec![(0, 14), (16, u16::MAX)]),
            Ranges::union(vec![(0, 0), (20, 30), (u16::MAX, u16::MAX)]),
        ];
        let mut classes = Classes::new(1000);
        let stretches = classes.cut(&sets.each_ref()).unwrap();
        let holding: Vec<&[u32]> = classes.iter().collect();
        for value in 0..=u16::MAX {
            let stretch = stretches.starts.partition_point(|start| *start <= value) - 1;
            let class = usize::try_from(stretches.classes[stretch]).unwrap();
            for (number, set) in sets.iter().enumerate() {
                let expected = holding[class].contains(&u32::try_from(number).unwrap());
                assert_eq!(set.contains(value), expected, "{value} in set {number}");
            }
        }
    }

    #[test]
    fn a_line_beyond_its_limit_is_given_up() {
        let sets: Vec<Ranges<u16>> = (0..100).map(|n| Ranges::union(vec![(n * 10, n * 10 + 500)])).collect();
        let refs: Vec<&Ranges<u16>> = sets.iter().collect();
        assert!(Classes::new(100).cut(&refs).is_none());
        assert!(Classes::new(100_000).cut(&refs).is_some());
    }
}
