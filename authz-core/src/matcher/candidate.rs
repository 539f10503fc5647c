//! An atom that may match, in the twelve bytes that tell whether to look at it, and runs of them.

use super::numbers::place;
use super::sieve::Sieve;
use super::test::Form;
use crate::IS_SMALL;
use crate::peer::Packed;
use crate::sort::sort_by_key;

/// An atom that may match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// What it takes: a sieve, or ports.
    takes: u64,
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

/// A number in each of the four places of a port.
const EACH: u64 = 0x0001_0001_0001_0001;

/// The port of a connection, ready to be compared with four others at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct FourTimes(u64);

impl FourTimes {
    #[inline]
    pub(super) fn new(port: u16) -> Self {
        Self(u64::from(port).wrapping_mul(EACH))
    }

    /// Whether one of four ports is this one.
    #[inline]
    fn is_among(self, ports: u64) -> bool {
        // A place is zero where they are equal; the subtraction borrows into the top bit of the lowest such.
        let differ = self.0 ^ ports;
        differ.wrapping_sub(EACH) & !differ & EACH << 15 != 0
    }
}

fn half(bits: u64) -> u32 {
    u32::try_from(bits & u64::from(u32::MAX)).unwrap_or_default()
}

impl Candidate {
    /// One that asks for one of these ports, and for nothing else.
    fn ported(ports: [u16; 4], test: TestOf) -> Self {
        Self { takes: ports.iter().fold(0, |all, port| all << 16 | u64::from(*port)), test }
    }

    /// So that it takes 12 bytes and not 16: there are more of these than of anything else.
    fn pack(self) -> Packed {
        [half(self.takes), half(self.takes >> 32), self.test.0]
    }

    #[inline]
    pub(super) fn unpack([low, high, test]: Packed) -> Self {
        Self { takes: u64::from(low) | u64::from(high) << 32, test: TestOf(test) }
    }

    /// Of one that is tested.
    #[inline]
    pub(super) fn sieve(self) -> Sieve {
        Sieve(self.takes)
    }

    /// Of one that asks for ports, these.
    fn ports(self) -> [u16; 4] {
        [48, 32, 16, 0].map(|start| u16::try_from(self.takes >> start & 0xffff).unwrap_or_default())
    }

    /// Of one that asks for ports, whether this is one of them.
    #[inline]
    pub(super) fn has(self, port: FourTimes) -> bool {
        port.is_among(self.takes)
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

    /// The same with another number.
    pub(super) fn numbered(self, number: usize) -> Self {
        Self(self.0 & !(ASK - 1) | u32::try_from(number).unwrap_or(u32::MAX) & (ASK - 1))
    }

    /// The same with the identities still to be compared, or not.
    pub(super) fn comparing(self, compares: bool) -> Self {
        Self(if compares { self.0 | COMPARE } else { self.0 & !COMPARE })
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

/// What tells of a run of candidates whether to look at them.
///
/// First stand those that are tested, then those that ask for a port and nothing else, and last those that
/// ask for nothing else at all: whoever finds the run matches them. Of these there is one a segment, as
/// those behind it make no difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// What one of the candidates takes, but for the last ones.
    pub(super) sieve: Sieve,
    pub(super) tested: usize,
    pub(super) ported: usize,
    /// A bit for each segment of which one matches.
    pub(super) sure: u16,
}

impl Head {
    /// How many candidates there are.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.tested + self.ported + place(self.sure.count_ones())
    }
}

/// A run in the making, of atoms that are looked up by one dimension.
#[derive(Debug, Default)]
pub(super) struct Run {
    tested: Vec<Candidate>,
    ported: Vec<Candidate>,
    /// Of each segment the first.
    sure: Vec<Candidate>,
    /// What one of those takes that are not sure.
    sieve: Sieve,
}

impl Run {
    /// Starts anew.
    pub(super) fn clear(&mut self) {
        for kind in [&mut self.tested, &mut self.ported, &mut self.sure] {
            kind.clear();
        }
        self.sieve = Sieve::default();
    }

    /// Adds an atom by what it takes and by the form of its test.
    pub(super) fn push(&mut self, takes: Sieve, form: Form, test: TestOf) {
        match form {
            Form::Sure if !IS_SMALL && test.is_all() => self.push_sure(test),
            Form::Ported(ports) if !IS_SMALL && test.is_all() => {
                self.ported.push(Candidate::ported(ports, test));
                self.sieve = self.sieve.or(takes);
            }
            Form::Sure | Form::Ported(_) | Form::Tested => {
                self.tested.push(Candidate { takes: takes.0, test });
                self.sieve = self.sieve.or(takes);
            }
        }
    }

    fn push_sure(&mut self, test: TestOf) {
        match self.sure.iter_mut().find(|known| known.test.segment() == test.segment()) {
            Some(known) => known.test = known.test.min(test),
            None => self.sure.push(Candidate { takes: 0, test }),
        }
    }

    /// Puts candidates of several runs in order, each once.
    pub(super) fn sort(&mut self) {
        for kind in [&mut self.tested, &mut self.ported] {
            sort_by_key(kind, |candidate| candidate.test.place());
            kind.dedup_by_key(|candidate| candidate.test.place());
        }
    }

    /// What stands in front of the candidates, when all are there, by the order in which they report. Those
    /// that make no difference are dropped: of a segment of which one is sure, all that report behind it.
    pub(super) fn finish(&mut self, order: impl Fn(TestOf) -> u32) -> Head {
        let Self { tested, ported, sure, sieve } = self;
        if !IS_SMALL && !sure.is_empty() {
            let counts = |candidate: &Candidate| {
                let first = sure.iter().find(|sure| sure.test.segment() == candidate.test.segment());
                first.is_none_or(|first| order(candidate.test) < order(first.test))
            };
            tested.retain(counts);
            ported.retain(counts);
            let sieves = tested.iter().map(|candidate| candidate.sieve());
            let sieves = sieves.chain(ported.iter().map(|candidate| Sieve::of_ports(candidate.ports())));
            *sieve = sieves.fold(Sieve::default(), Sieve::or);
        }
        Head {
            sieve: *sieve,
            tested: tested.len(),
            ported: ported.len(),
            sure: if IS_SMALL { 0 } else { sure.iter().fold(0, |sure, candidate| sure | 1 << candidate.test.segment()) },
        }
    }

    /// Writes the candidates behind others.
    pub(super) fn write(&self, all: &mut Vec<Packed>) {
        let of_small = if IS_SMALL { 1 } else { 3 };
        for kind in [&self.tested, &self.ported, &self.sure].into_iter().take(of_small) {
            all.extend(kind.iter().map(|candidate| candidate.pack()));
        }
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
                    }
                }
            }
        }
    }

    #[test]
    fn a_candidate_keeps_what_it_takes() {
        for takes in [0, 1, u64::MAX, 0x1234_5678_9abc_def0] {
            let test = TestOf::new(3, 1, false);
            let candidate = Candidate::unpack(Candidate { takes, test }.pack());
            assert_eq!((candidate.sieve(), candidate.test), (Sieve(takes), test));
        }
    }

    #[test]
    fn a_port_is_one_of_four_or_it_is_not() {
        let test = TestOf::new(0, 0, false);
        for ports in [[0, 0, 0, 0], [1, 2, 3, 0x8000], [0x7fff, 0x8001, u16::MAX, 0x100], [80, 80, 80, 80], [0, 1, 0, 1]] {
            let candidate = Candidate::ported(ports, test);
            for port in 0..=u16::MAX {
                assert_eq!(candidate.has(FourTimes::new(port)), ports.contains(&port), "{port} of {ports:?}");
            }
        }
    }

    #[test]
    fn a_run_has_its_candidates_by_form_and_of_those_that_are_sure_the_first_of_each_segment() {
        let test = |number, segment| TestOf::new(number, segment, false);
        let mut run = Run::default();
        run.push(Sieve(1), Form::Sure, test(7, 1));
        run.push(Sieve(1 << 20), Form::Tested, test(6, 0));
        run.push(Sieve(4), Form::Sure, test(5, 0));
        run.push(Sieve::of_ports([80, 81, 80, 80]), Form::Ported([80, 81, 80, 80]), test(4, 0));
        run.push(Sieve(16), Form::Sure, test(3, 1));
        // There is more to these.
        run.push(Sieve(32), Form::Sure, TestOf::new(2, 0, true));
        run.push(Sieve(64), Form::Ported([80; 4]), test(1, 0).comparing(true));
        let order = |test: TestOf| u32::try_from(test.place()).unwrap();
        let head = run.finish(order);
        // With the feature `small` all are tested. Else the one of place 6 stands behind one of its segment that is sure.
        let (counts, expected): (_, &[usize]) =
            if IS_SMALL { ((7, 0, 0, 7), &[7, 6, 5, 4, 3, 2, 1]) } else { ((2, 1, 0b11, 5), &[2, 1, 4, 3, 5]) };
        assert_eq!((head.tested, head.ported, head.sure, head.length()), counts);
        let places = |run: &Run| -> Vec<usize> {
            let mut all = Vec::new();
            run.write(&mut all);
            all.into_iter().map(|packed| Candidate::unpack(packed).test.place()).collect()
        };
        assert_eq!(places(&run), expected);
        assert!([Sieve(32), Sieve(64)].into_iter().all(|sieve| head.sieve.passes(sieve)));
        if !IS_SMALL {
            let of = |port| Sieve::of_ports([port; 4]);
            assert!([of(80), of(81)].into_iter().all(|sieve| head.sieve.passes(sieve)));
            assert!(!head.sieve.passes(of(9000)) && !head.sieve.passes(Sieve(1 << 20)));
        }
        // What several runs have in common is in order, and there once.
        for (number, segment) in [(4, 0), (7, 1), (1, 0), (4, 0)] {
            run.push(Sieve(8), Form::Ported([80, 81, 80, 80]), test(number, segment));
        }
        run.sort();
        let expected: &[usize] = if IS_SMALL { &[1, 2, 3, 4, 5, 6, 7] } else { &[1, 2, 1, 4, 3, 5] };
        assert_eq!((run.finish(order).length(), &*places(&run)), (expected.len(), expected));
        run.clear();
        assert_eq!((run.finish(order), places(&run).len()), (Head::default(), 0));
    }
}
