//! Sorting, in one place, so that the feature `small-sort` can have it in little code.
//!
//! The standard library brings about five kilobytes for every type that is sorted. With the feature there is
//! one merge sort for all types, which sees nothing but places; each type adds a comparison and a swap.

use std::cmp::Ordering;

const IS_SMALL: bool = cfg!(feature = "small-sort");

/// Sorts; of equal values it does not matter which comes first.
#[inline]
pub(crate) fn sort<T: Ord>(values: &mut [T]) {
    if IS_SMALL { sort_places(values, T::cmp) } else { values.sort_unstable() }
}

/// The same where there may be a million values: only the feature `small` has it in little code.
#[inline]
pub(crate) fn sort_many<T: Ord>(values: &mut [T]) {
    if crate::IS_SMALL { sort_places(values, T::cmp) } else { values.sort_unstable() }
}

/// Sorts by a key; which comes first of values with one key is left open.
#[inline]
pub(crate) fn sort_by_key<T, K: Ord>(values: &mut [T], key: impl Fn(&T) -> K) {
    if IS_SMALL { sort_places(values, |a, b| key(a).cmp(&key(b))) } else { values.sort_unstable_by_key(key) }
}

/// Sorts; equal values stay in their order.
#[inline]
pub(crate) fn sort_stably<T>(values: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if IS_SMALL { sort_places(values, compare) } else { values.sort_by(compare) }
}

fn sort_places<T>(values: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    if values.len() < 2 {
        return;
    }
    let mut places = order(values.len(), &|a, b| match (values.get(a), values.get(b)) {
        (Some(a), Some(b)) => compare(a, b) == Ordering::Greater,
        _ => false,
    });
    rearrange(&mut places, &mut |a, b| values.swap(a, b));
}

/// The places of so many values in their order, by merging ever longer runs. It must not depend on a type.
#[inline(never)]
fn order(count: usize, is_greater: &dyn Fn(usize, usize) -> bool) -> Vec<usize> {
    let mut places: Vec<usize> = (0..count).collect();
    let mut merged = Vec::with_capacity(count);
    let mut width = 1;
    while width < count {
        merged.clear();
        for run in places.chunks(2 * width) {
            let (mut left, mut right) = run.split_at(width.min(run.len()));
            while let ([first, behind_first @ ..], [second, behind_second @ ..]) = (left, right) {
                // Of equal values the left one stays in front.
                if is_greater(*first, *second) {
                    merged.push(*second);
                    right = behind_second;
                } else {
                    merged.push(*first);
                    left = behind_first;
                }
            }
            merged.extend_from_slice(left);
            merged.extend_from_slice(right);
        }
        std::mem::swap(&mut places, &mut merged);
        width *= 2;
    }
    places
}

/// Swaps values until each place has the one that was at the place named for it.
#[inline(never)]
fn rearrange(places: &mut [usize], swap: &mut dyn FnMut(usize, usize)) {
    for start in 0..places.len() {
        let mut at = start;
        // Around each circle of places once; those done name themselves.
        while let Some(place) = places.get_mut(at) {
            let from = std::mem::replace(place, at);
            if from == start || from == at {
                break;
            }
            swap(at, from);
            at = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_small_sort_is_that_of_the_standard_library() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for count in (0..40).chain([63, 64, 65, 1000]) {
            for range in [1, 3, 50, 5000] {
                let mut values: Vec<(u32, usize)> = (0..count).map(|at| (next() % range, at)).collect();
                let mut expected = values.clone();
                expected.sort_by_key(|(key, _)| *key);
                sort_places(&mut values, |(a, _), (b, _)| a.cmp(b));
                assert_eq!(values, expected, "{count} values below {range}");
            }
        }
    }
}
