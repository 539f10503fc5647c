//! A run of candidates among all, in sixteen bytes.

use super::candidate::Head;
use super::numbers::place;
use super::sieve::Sieve;

/// A run of candidates among all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct List {
    sieve: Sieve,
    start: u32,
    tested: u8,
    ported: u8,
    sure: u16,
}

impl List {
    /// Of a class of identities that are looked up by their patterns after all.
    pub(super) const NOT_FORESEEN: Self = Self { sieve: Sieve(0), start: u32::MAX, tested: 0, ported: 0, sure: 0 };

    /// The most candidates of one kind.
    pub(super) const LONGEST: usize = 255;

    /// The run that starts at a place; nothing where it is too long.
    pub(super) fn new(start: u32, head: Head) -> Option<Self> {
        if head == Head::default() {
            return Some(Self::default());
        }
        let count = |count: usize| u8::try_from(count).ok();
        Some(Self { sieve: head.sieve, start, tested: count(head.tested)?, ported: count(head.ported)?, sure: head.sure })
    }

    #[inline]
    pub(super) fn head(&self) -> Head {
        Head { sieve: self.sieve, tested: self.tested.into(), ported: self.ported.into(), sure: self.sure }
    }

    /// Where its candidates start among all.
    #[inline]
    pub(super) fn start(&self) -> usize {
        place(self.start)
    }

    /// Whether it may have something for a connection; most lists have not, and one branch tells.
    #[inline(always)]
    pub(super) fn may_have(&self, sieve: Sieve) -> bool {
        self.sure != 0 || self.sieve.passes(sieve)
    }

    /// How many candidates there are.
    pub(super) fn length(&self) -> usize {
        self.head().length()
    }
}
