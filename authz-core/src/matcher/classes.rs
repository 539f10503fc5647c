//! Equivalence classes: stretches of a line on which the same sets hold every value.

use std::collections::HashMap;

use super::ranges::{Line, Ranges};

/// A line cut into stretches, each with the class of its values.
#[derive(Clone, Debug)]
pub(super) struct Stretches<T> {
    /// Where each stretch starts, in order; the first starts at the smallest value.
    pub(super) starts: Vec<T>,
    /// The class of each stretch.
    pub(super) classes: Vec<u32>,
}

/// The classes of a dimension: which sets hold the values of each.
///
/// A set that holds most of its line is kept as what it leaves out, so that a list of exceptions costs
/// what it says and not what it spares.
#[derive(Clone, Debug)]
pub(super) struct Classes {
    /// For each class, in order, the sets whose answer differs from their usual one.
    differing: Vec<Box<[u32]>>,
    known: HashMap<Box<[u32]>, u32>,
    /// How many entries `differing` holds in all, and may hold.
    size: usize,
    limit: usize,
}

impl Classes {
    /// No class but the usual one, whose number is 0. Beyond `limit` entries a dimension is given up.
    pub(super) fn new(limit: usize) -> Self {
        let usual: Box<[u32]> = Box::new([]);
        Self { differing: vec![usual.clone()], known: HashMap::from([(usual, 0)]), size: 0, limit }
    }

    /// For each class, in order, the sets whose answer differs from their usual one.
    pub(super) fn differing(&self) -> &[Box<[u32]>] {
        &self.differing
    }

    /// The class of some differing sets, in order; nothing where there are too many of them.
    pub(super) fn class(&mut self, differing: &[u32]) -> Option<u32> {
        if let Some(class) = self.known.get(differing) {
            return Some(*class);
        }
        self.size += differing.len() + 1;
        if self.size > self.limit {
            return None;
        }
        let class = u32::try_from(self.differing.len()).ok()?;
        let differing: Box<[u32]> = differing.into();
        self.differing.push(differing.clone());
        self.known.insert(differing, class);
        Some(class)
    }

    /// Cuts a line by sets; `usual` says of each whether it usually holds a value.
    pub(super) fn cut<T: Line>(&mut self, sets: &[&Ranges<T>], usual: &[bool]) -> Option<Stretches<T>> {
        let mut events: Vec<(T, u32)> = Vec::new();
        for (number, (set, usually)) in sets.iter().zip(usual).enumerate() {
            let number = u32::try_from(number).ok()?;
            let exceptions = if *usually { &set.complement() } else { *set };
            for (first, last) in exceptions.as_slice() {
                events.push((*first, number));
                events.extend(last.next().map(|behind| (behind, number)));
            }
        }
        events.sort_unstable();
        let mut stretches = Stretches { starts: vec![T::MIN], classes: vec![0] };
        let mut active: Vec<u32> = Vec::new();
        let mut events = events.into_iter().peekable();
        while let Some((at, number)) = events.next() {
            // A set starts where it was not active, and ends where it was.
            match active.binary_search(&number) {
                Ok(place) => drop(active.remove(place)),
                Err(place) => active.insert(place, number),
            }
            if events.peek().is_some_and(|(next, _)| *next == at) {
                continue;
            }
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
            Ranges::union(vec![(0, u16::MAX)]).intersection(&Ranges::union(vec![(15, 15)]).complement()),
            Ranges::union(vec![(0, 0), (20, 30), (u16::MAX, u16::MAX)]),
        ];
        let usual = [false, true, false];
        let mut classes = Classes::new(1000);
        let stretches = classes.cut(&sets.each_ref(), &usual).unwrap();
        for value in 0..=u16::MAX {
            let stretch = stretches.starts.partition_point(|start| *start <= value) - 1;
            let class = usize::try_from(stretches.classes[stretch]).unwrap();
            for (number, set) in sets.iter().enumerate() {
                let holds = set.as_slice().iter().any(|(first, last)| (*first..=*last).contains(&value));
                let differs = classes.differing()[class].contains(&u32::try_from(number).unwrap());
                assert_eq!(holds, usual[number] != differs, "{value} in set {number}");
            }
        }
    }

    #[test]
    fn a_dimension_beyond_its_limit_is_given_up() {
        let sets: Vec<Ranges<u16>> = (0..100).map(|n| Ranges::union(vec![(n * 10, n * 10 + 500)])).collect();
        let refs: Vec<&Ranges<u16>> = sets.iter().collect();
        assert!(Classes::new(100).cut(&refs, &[false; 100]).is_none());
        assert!(Classes::new(100_000).cut(&refs, &[false; 100]).is_some());
    }
}
