//! What belongs to each pattern, one behind the other.

use super::numbers::{place, starts_of};

/// Values by the number of a pattern.
#[derive(Clone, Debug)]
pub(super) struct ByPattern<T> {
    /// Pattern by pattern.
    all: Box<[T]>,
    /// By the number of a pattern: where its own start, and those of the one before end.
    starts: Box<[u32]>,
}

impl<T: Copy + Default> ByPattern<T> {
    /// Of so many patterns, of which `each` adds what belongs to one, and does the same when it is asked again: all are
    /// counted first, so that none has to be sorted. Those of one stay in the order in which they come.
    pub(super) fn counted(patterns: usize, each: impl Fn(&mut dyn FnMut(u32, T))) -> Self {
        let mut next = vec![0; patterns];
        each(&mut |pattern, _| next.get_mut(place(pattern)).into_iter().for_each(|count| *count += 1));
        let count = starts_of(&mut next);
        let starts = next.iter().copied().chain([count]).collect();
        let mut all = vec![T::default(); place(count)];
        each(&mut |pattern, value| {
            if let Some(next) = next.get_mut(place(pattern)) {
                all.get_mut(place(*next)).into_iter().for_each(|place| *place = value);
                *next += 1;
            }
        });
        Self { all: all.into(), starts }
    }
}

impl<T> ByPattern<T> {
    /// Of patterns in the order of their numbers; there are no more values than `most`.
    pub(super) fn in_order<I: Iterator<Item = T>>(of_patterns: impl Iterator<Item = I>, most: usize) -> Self {
        let mut all = Vec::with_capacity(most);
        let end_of = |of_pattern: I| {
            all.extend(of_pattern);
            u32::try_from(all.len()).unwrap_or(u32::MAX)
        };
        let starts = std::iter::once(0).chain(of_patterns.map(end_of)).collect();
        Self { all: all.into(), starts }
    }

    /// Those of a pattern.
    #[inline]
    pub(super) fn of(&self, pattern: u32) -> &[T] {
        let own = self.starts.get(place(pattern)..).and_then(|starts| starts.first_chunk());
        own.and_then(|[start, end]| self.all.get(place(*start)..place(*end))).unwrap_or_default()
    }

    /// Those of each pattern, in the order of the numbers of patterns.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[T]> {
        (0..).take(self.starts.len().saturating_sub(1)).map(|pattern| self.of(pattern))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.all) + size_of_val(&*self.starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_and_what_comes_in_order_is_the_same() {
        let of_patterns: [&[u8]; 5] = [&[], &[7, 3], &[], &[1], &[]];
        let counted = ByPattern::counted(of_patterns.len(), |add| {
            // Pattern by pattern, but not in the order of their numbers.
            for (pattern, values) in (0..).zip(of_patterns).collect::<Vec<_>>().into_iter().rev() {
                values.iter().for_each(|value| add(pattern, *value));
            }
        });
        let in_order = ByPattern::in_order(of_patterns.iter().map(|values| values.iter().copied()), 3);
        for by_pattern in [counted, in_order] {
            assert_eq!(by_pattern.iter().collect::<Vec<_>>(), of_patterns);
            assert_eq!((by_pattern.of(1), by_pattern.of(5), by_pattern.of(u32::MAX)), (of_patterns[1], &[][..], &[][..]));
            assert_eq!((by_pattern.len(), by_pattern.is_empty()), (3, false));
        }
        // Of no pattern that there is.
        assert!(ByPattern::counted(2, |add| add(2, 7)).is_empty());
    }
}
