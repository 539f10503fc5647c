//! Sets of values as sorted, disjoint ranges, with the operations that terms need.

#[cfg(not(feature = "small"))]
use std::sync::OnceLock;

#[cfg(not(feature = "small"))]
use smallvec::SmallVec;

#[cfg(not(feature = "small"))]
use super::ipv6_blocks::Ipv6Blocks;
use crate::sort::sort;
#[cfg(test)]
use crate::sort::sort_many;
use crate::value::Port;

/// A value on a line: what has a smallest, a largest and neighbours.
pub(super) trait Line: Copy + Ord {
    const MIN: Self;
    const MAX: Self;

    /// What ranges may be made from only when they are asked for.
    type Source: RangeSource<Self> + Clone + std::fmt::Debug;

    /// A value and the number of a set, which sort as one: by value first.
    type Event: Copy + Ord;

    /// So many ranges that they take no more room than the place where they stood otherwise, or one.
    #[cfg(not(feature = "small"))]
    type Inline: smallvec::Array<Item = (Self, Self)>;

    fn event(self, set: u32) -> Self::Event;
    fn of_event(event: Self::Event) -> (Self, u32);

    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

/// What knows ranges without having them written down.
pub(super) trait RangeSource<T>: PartialEq {
    /// How many ranges there are at most.
    fn len(&self) -> usize;

    /// The first value and the last; of nothing there is no source.
    fn bounds(&self) -> (T, T);

    #[cfg(not(feature = "small"))]
    fn ranges(&self) -> Vec<(T, T)>;
}

/// There is none.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NoSource {}

impl<T> RangeSource<T> for NoSource {
    fn len(&self) -> usize {
        match *self {}
    }

    fn bounds(&self) -> (T, T) {
        match *self {}
    }

    #[cfg(not(feature = "small"))]
    fn ranges(&self) -> Vec<(T, T)> {
        match *self {}
    }
}

#[cfg(not(feature = "small"))]
impl RangeSource<u128> for Box<Ipv6Blocks> {
    fn len(&self) -> usize {
        Ipv6Blocks::len(self)
    }

    fn bounds(&self) -> (u128, u128) {
        Ipv6Blocks::bounds(self)
    }

    fn ranges(&self) -> Vec<(u128, u128)> {
        let mut all = Vec::with_capacity(Ipv6Blocks::len(self));
        let add = &mut |first, last| {
            all.push((first, last));
            Some(())
        };
        // Whoever adds always goes on.
        let _ = self.each_range(add);
        all.shrink_to_fit();
        all
    }
}

/// Many IPv6 blocks wait to be written down, as the index of a large set does not need them to be.
#[cfg(not(feature = "small"))]
type Ipv6Source = Box<Ipv6Blocks>;
#[cfg(feature = "small")]
type Ipv6Source = NoSource;

macro_rules! line {
    ($($number:ty, $source:ty, $inline:literal, $event:ty, $join:expr, $split:expr;)+) => {
        $(impl Line for $number {
            const MIN: Self = 0;
            const MAX: Self = Self::MAX;

            type Source = $source;
            type Event = $event;
            #[cfg(not(feature = "small"))]
            type Inline = [(Self, Self); $inline];

            #[inline]
            fn event(self, set: u32) -> $event {
                $join(self, set)
            }

            #[inline]
            fn of_event(event: $event) -> (Self, u32) {
                $split(event)
            }

            fn next(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn previous(self) -> Option<Self> {
                self.checked_sub(1)
            }
        })+
    };
}

line! {
    u16, NoSource, 4, u64, |value: u16, set| u64::from(value) << 32 | u64::from(set), |event| (u16::try_from(event >> 32).unwrap_or(u16::MAX), low(event));
    u32, NoSource, 2, u64, |value: u32, set| u64::from(value) << 32 | u64::from(set), |event| (low(event >> 32), low(event));
    u128, Ipv6Source, 1, (u128, u32), |value, set| (value, set), |event| event;
}

/// The lower half.
#[inline]
pub(super) fn low(both: u64) -> u32 {
    u32::try_from(both & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

/// What is put in order on the stack as long as it is little; with the feature `small` it never is.
#[cfg(not(feature = "small"))]
pub(super) type Few<T> = SmallVec<[T; 8]>;
#[cfg(feature = "small")]
pub(super) type Few<T> = Vec<T>;

/// Ranges as they are kept: most sets are of one or two, and there are thousands of sets.
#[cfg(not(feature = "small"))]
type Kept<T> = SmallVec<<T as Line>::Inline>;
#[cfg(feature = "small")]
type Kept<T> = Box<[(T, T)]>;

#[cfg(not(feature = "small"))]
fn kept<T: Line>(few: Few<(T, T)>) -> Kept<T> {
    if !few.spilled() {
        return SmallVec::from_slice(&few);
    }
    let mut many = few.into_vec();
    many.shrink_to_fit();
    SmallVec::from_vec(many)
}

#[cfg(feature = "small")]
fn kept<T: Line>(few: Few<(T, T)>) -> Kept<T> {
    few.into()
}

/// Ranges that may yet have to be written down.
#[cfg(not(feature = "small"))]
type Written<T> = OnceLock<Kept<T>>;
#[cfg(feature = "small")]
type Written<T> = Kept<T>;

/// Sorted ranges, ends included, that neither overlap nor touch.
///
/// Those of many IPv6 blocks are written down when they are first looked at, and stay so beside the blocks. That takes
/// memory and a lock, so connections are decided by what is arranged from ranges, and never by ranges.
#[derive(Clone, Debug)]
pub(super) struct Ranges<T: Line> {
    all: Written<T>,
    source: Option<T::Source>,
}

#[cfg(test)]
impl<T: Line> PartialEq for Ranges<T> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl<T: Line> Ranges<T> {
    /// The set of nothing.
    pub(super) fn empty() -> Self {
        Self::of(Kept::<T>::default())
    }

    #[cfg(not(feature = "small"))]
    fn of(all: Kept<T>) -> Self {
        Self { all: OnceLock::from(all), source: None }
    }

    #[cfg(feature = "small")]
    fn of(all: Kept<T>) -> Self {
        Self { all, source: None }
    }

    /// Those that are to be written down when they are looked at.
    #[cfg(not(feature = "small"))]
    pub(super) fn waiting(source: T::Source) -> Self {
        Self { all: OnceLock::new(), source: Some(source) }
    }

    /// What they are made from, if that has not been written down from the start.
    #[cfg(any(test, not(feature = "small")))]
    pub(super) fn source(&self) -> Option<&T::Source> {
        self.source.as_ref()
    }

    /// How many there are, without writing them down; of those that are not, which are thousands, how many at most.
    pub(super) fn at_most(&self) -> usize {
        self.source.as_ref().map_or_else(|| self.as_slice().len(), RangeSource::len)
    }

    /// Whether these are the same ranges, made from the same, without writing them down.
    pub(super) fn are_same(&self, other: &Self) -> bool {
        match (&self.source, &other.source) {
            (Some(own), Some(others)) => own == others,
            (None, None) => self.as_slice() == other.as_slice(),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// The first value and the last, without writing them down.
    pub(super) fn bounds(&self) -> Option<(T, T)> {
        match &self.source {
            Some(source) => Some(source.bounds()),
            None => Some((self.as_slice().first()?.0, self.as_slice().last()?.1)),
        }
    }

    /// Whether they are written down.
    #[cfg(all(test, not(feature = "small")))]
    pub(super) fn is_written(&self) -> bool {
        self.all.get().is_some()
    }

    /// The union of ranges in any order.
    #[cfg(test)]
    pub(super) fn union(mut ranges: Vec<(T, T)>) -> Self {
        sort_many(&mut ranges);
        let count = ranges.len();
        Self::of_sorted(ranges.into_iter(), count)
    }

    /// The union of so many ranges in order. Few are put together where nothing is allocated.
    pub(super) fn of_sorted(ranges: impl Iterator<Item = (T, T)>, count: usize) -> Self {
        let mut merged: Few<(T, T)> = Few::with_capacity(count);
        for (first, last) in ranges {
            match merged.last_mut() {
                Some((_, end)) if end.next().is_none_or(|next| first <= next) => *end = (*end).max(last),
                _ => merged.push((first, last)),
            }
        }
        Self::of(kept(merged))
    }

    /// What is not in the set.
    pub(super) fn complement(&self) -> Self {
        let mut out: Few<(T, T)> = Few::with_capacity(self.as_slice().len() + 1);
        let mut free = Some(T::MIN);
        for (first, last) in self.as_slice() {
            if let (Some(from), Some(to)) = (free, first.previous())
                && from <= to
            {
                out.push((from, to));
            }
            free = last.next();
        }
        if let Some(from) = free {
            out.push((from, T::MAX));
        }
        Self::of(kept(out))
    }

    /// What is in both sets.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (mut own, mut others) = (self.as_slice().iter().copied().peekable(), other.as_slice().iter().copied().peekable());
        let mut out: Few<(T, T)> = Few::new();
        while let (Some(&(a, b)), Some(&(c, d))) = (own.peek(), others.peek()) {
            let (first, last) = (a.max(c), b.min(d));
            if first <= last {
                out.push((first, last));
            }
            if b <= d {
                own.next();
            } else {
                others.next();
            }
        }
        Self::of(kept(out))
    }

    /// Whether a range holds the value.
    pub(super) fn contains(&self, value: T) -> bool {
        hold(self.as_slice(), value)
    }

    #[cfg(not(feature = "small"))]
    pub(super) fn as_slice(&self) -> &[(T, T)] {
        self.all.get_or_init(|| self.source.as_ref().map_or_else(Kept::<T>::default, |source| source.ranges().into()))
    }

    #[cfg(feature = "small")]
    pub(super) fn as_slice(&self) -> &[(T, T)] {
        &self.all
    }
}

/// Whether one of some ranges in order holds a value.
pub(super) fn hold<T: Line>(ranges: &[(T, T)], value: T) -> bool {
    let behind = ranges.partition_point(|(first, _)| *first <= value);
    behind.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| value <= *last)
}

/// What sets of addresses and of ports have in common.
pub(super) trait Set: Sized {
    /// How many ranges there are; where they are thousands, how many at most.
    fn size(&self) -> usize;
    fn complement(&self) -> Self;
    fn intersection(&self, other: &Self) -> Self;
}

impl Set for Ranges<u16> {
    fn size(&self) -> usize {
        self.as_slice().len()
    }

    fn complement(&self) -> Self {
        Ranges::complement(self)
    }

    fn intersection(&self, other: &Self) -> Self {
        Ranges::intersection(self, other)
    }
}

pub(super) fn of_ports(ports: &[Port]) -> Ranges<u16> {
    let mut ports: Few<u16> = ports.iter().map(|port| port.number()).collect();
    sort(&mut ports);
    Ranges::of_sorted(ports.iter().map(|port| (*port, *port)), ports.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_and_its_complement_share_nothing_and_hold_everything() {
        let sets = [vec![], vec![(0, u16::MAX)], vec![(0, 0)], vec![(5, 9), (7, 20), (21, 21), (40, u16::MAX)]];
        for ranges in sets {
            let set = Ranges::<u16>::union(ranges);
            let rest = set.complement();
            assert!(set.intersection(&rest).as_slice().is_empty(), "{set:?}");
            let both: Vec<(u16, u16)> = set.as_slice().iter().chain(rest.as_slice()).copied().collect();
            assert_eq!(Ranges::union(both).as_slice(), [(0, u16::MAX)], "{set:?}");
        }
    }

    #[test]
    fn neighbouring_ports_become_one_range() {
        let set = of_ports(&[9001, 9000, 80, 65535, 0, 9000].map(Port::from));
        assert_eq!(set.as_slice().len(), 4);
        for (port, expected) in [(0, true), (1, false), (80, true), (9000, true), (9001, true), (9002, false), (65535, true)] {
            assert_eq!(set.contains(port), expected, "{port}");
        }
    }

    #[test]
    fn an_intersection_keeps_what_both_have() {
        let a = Ranges::<u32>::union(vec![(0, 10), (20, 30), (40, 50)]);
        let b = Ranges::<u32>::union(vec![(5, 25), (30, 41)]);
        assert_eq!(a.intersection(&b).as_slice(), [(5, 10), (20, 25), (30, 30), (40, 41)]);
    }
}
