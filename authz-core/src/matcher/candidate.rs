//! An atom that may match, in the twelve bytes that tell whether to look at it.

use super::lookup::place;
use super::sieve::Sieve;

/// An atom that may match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Its sieve in two halves, so that it takes 12 bytes and not 16: there are more of these than of
    /// anything else.
    sieve: [u32; 2],
    /// Its test.
    pub(super) test: TestOf,
}

/// Which test an atom has, and what else is to be known of the atom: in four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TestOf(u32);

/// The identities are still to be compared.
const COMPARE: u32 = 1 << 31;

/// Where the segment starts, which takes four bits.
const SEGMENT: u32 = 27;

/// There is more to the atom than numbers and identities.
const ASK: u32 = 1 << 26;

impl Candidate {
    pub(super) fn new(Sieve(sieve): Sieve, test: TestOf) -> Self {
        let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default();
        Self { sieve: [half(sieve), half(sieve >> 32)], test }
    }

    #[inline]
    pub(super) fn sieve(self) -> Sieve {
        let [low, high] = self.sieve.map(u64::from);
        Sieve(low | high << 32)
    }
}

impl TestOf {
    /// How many tests can be told apart: those below [`ASK`].
    pub(super) const MOST: usize = 1 << 26;

    /// A test by its number, of an atom of a segment; `asks` if there is more to the atom than numbers and
    /// identities.
    pub(super) fn new(number: usize, segment: u8, asks: bool) -> Self {
        let number = u32::try_from(number).unwrap_or(u32::MAX) & (ASK - 1);
        Self(number | if asks { ASK } else { 0 } | u32::from(segment) << SEGMENT)
    }

    /// The same with the identities still to be compared, or not.
    pub(super) fn comparing(self, compares: bool) -> Self {
        Self(if compares { self.0 | COMPARE } else { self.0 & !COMPARE })
    }

    /// What was kept as a number with a peer.
    #[inline]
    pub(super) fn of_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u32 {
        self.0
    }

    /// The place of the test among all.
    #[inline]
    pub(super) fn place(self) -> usize {
        place(self.0 & (ASK - 1))
    }

    #[inline]
    pub(super) fn segment(self) -> usize {
        place(self.0 >> SEGMENT & 0xf)
    }

    /// Whether the identities are still to be compared.
    #[inline]
    pub(super) fn compares(self) -> bool {
        self.0 & COMPARE != 0
    }

    /// Whether the test is all there is to the atom.
    #[inline]
    pub(super) fn is_all(self) -> bool {
        self.0 & (COMPARE | ASK) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_test_does_not_spoil_its_number() {
        for number in [0, 1, 77, TestOf::MOST - 1] {
            for segment in [0, 1, 9] {
                for asks in [false, true] {
                    let test = TestOf::new(number, segment, asks);
                    for (test, compares) in
                        [(test, false), (test.comparing(true), true), (test.comparing(true).comparing(false), false)]
                    {
                        assert_eq!((test.place(), test.segment(), test.compares()), (number, usize::from(segment), compares));
                        assert_eq!(test.is_all(), !asks && !compares);
                        assert_eq!(TestOf::of_bits(test.bits()), test);
                    }
                }
            }
        }
    }

    #[test]
    fn a_candidate_takes_twelve_bytes_and_keeps_its_sieve() {
        assert_eq!(size_of::<Candidate>(), 12);
        for bits in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            assert_eq!(Candidate::new(Sieve(bits), TestOf::new(3, 1, false)).sieve(), Sieve(bits));
        }
    }
}
