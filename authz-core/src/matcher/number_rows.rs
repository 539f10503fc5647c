//! Up to a thousand conjunctions that ask for source, destination and port alone, as rows of bits.
//!
//! Three values lead to three rows, and what these have in common matches. There is no branch on the way
//! that depends on the connection, and to one that hits as to one that misses the same is done.

use std::net::IpAddr;

use super::address_ranges::AddressRanges;
use super::atom::Atom;
use super::lookup::{AddressMap, PortMap};
use super::numbers::place;
use super::query::{Dimension, Query};
use super::ranges::Ranges;
use super::rows::{Row, by_address, cut, set};
use super::sink::Sink;
use super::{DENYING, NO_ATOM, NotSmall, SEGMENTS};

/// How many words a row has while it is made, and how many lanes it is compared by.
const WORDS: usize = 16;
const LANES: usize = 4 * WORDS;

/// How many bits a lane has. All of one are of one segment.
const BITS: usize = 16;

/// How many bytes the rows take at most; more leave the cache, and lists serve better.
const BYTES: usize = 1 << 20;

/// Behind the last lane.
const NO_LANE: i16 = i16::MAX;

/// The conjunctions that a value does not rule out, two cache lines of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(64))]
struct Lanes([u16; LANES]);

/// Conjunctions of numbers.
#[derive(Clone, Debug)]
pub(super) struct NumberRows {
    /// By bit: the number of its atom, or one that is of none.
    atoms: Box<[u32]>,
    count: usize,
    /// By lane: a bit for the segment of its atoms, if there are any.
    segments: Box<Lanes>,
    /// By segment the lane behind its last.
    ends: [i16; SEGMENTS],
    /// What a dimension says that nobody asks for, or that is not known.
    all: Box<Lanes>,
    /// What a port says that is not known: all but the bits that are of no atom.
    used: Box<Lanes>,
    /// The atoms whose match denies.
    denying: Box<Lanes>,
    /// By itself it rules out the bits that are of no atom.
    port: PortMap<Lanes>,
    source: Option<AddressMap<Lanes>>,
    destination: Option<AddressMap<Lanes>>,
    _not_small: NotSmall,
}

impl Lanes {
    fn of(row: &Row<WORDS>) -> Self {
        let mut lanes = [0; LANES];
        let of_words = row.iter().flat_map(|word| (0..64).step_by(BITS).map(move |shift| word >> shift & u64::from(u16::MAX)));
        lanes.iter_mut().zip(of_words).for_each(|(lane, bits)| *lane = u16::try_from(bits).unwrap_or(u16::MAX));
        Self(lanes)
    }
}

/// The rows of one connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Three<'r> {
    rows: [&'r Lanes; 3],
    of: &'r NumberRows,
}

impl NumberRows {
    /// Arranges atoms, each with its number and segment; nothing where they ask for more than these numbers,
    /// are too many, or would take more than `bytes` bytes.
    pub(super) fn new(atoms: &[(u32, usize, &Atom)], bytes: usize) -> Option<Self> {
        let not_small = NotSmall::get()?;
        if atoms.len() > BITS * LANES || !atoms.iter().all(|(_, _, atom)| atom.asks_for_numbers()) {
            return None;
        }
        let stretches: usize = atoms.iter().map(|(_, _, atom)| atom.stretches(|_| false)).sum();
        if stretches.saturating_mul(size_of::<Lanes>()) > bytes.min(BYTES) {
            return None;
        }
        let mut segments = Lanes([0; LANES]);
        let mut ends = [0; SEGMENTS];
        let mut placed: Vec<(u32, Option<&Atom>)> = Vec::with_capacity(BITS * LANES);
        for (segment, end) in ends.iter_mut().enumerate() {
            let from = placed.len() / BITS;
            placed.extend(atoms.iter().filter(|(_, own, _)| *own == segment).map(|(number, _, atom)| (*number, Some(*atom))));
            placed.resize(placed.len().next_multiple_of(BITS), (u32::MAX, None));
            let lanes = segments.0.get_mut(from..placed.len() / BITS)?;
            lanes.iter_mut().for_each(|lane| *lane = 1 << segment);
            *end = i16::try_from(placed.len() / BITS).ok()?;
        }
        // The bits that are left are of no atom either.
        placed.resize(BITS * LANES, (u32::MAX, None));
        let addresses = |dimension: Dimension| {
            let of_bits = placed.iter().enumerate().filter_map(|(bit, (_, atom))| Some((bit, (*atom)?)));
            let asked: Vec<(usize, &AddressRanges)> =
                of_bits.filter_map(|(bit, atom)| Some((bit, &**atom.addresses(dimension)?))).collect();
            (!asked.is_empty()).then(|| by_address(&asked, Lanes::of))
        };
        let mut used = [0; WORDS];
        placed.iter().enumerate().for_each(|(bit, (_, atom))| set(&mut used, bit, atom.is_some()));
        let used = Lanes::of(&used);
        let nothing = Ranges::empty();
        let ports = placed.iter().enumerate().filter_map(|(bit, (_, atom))| {
            let Some(atom) = atom else { return Some((bit, &nothing)) };
            Some((bit, &**atom.port.as_ref()?))
        });
        let (starts, rows) = cut(&ports.collect::<Vec<(usize, &Ranges<u16>)>>());
        let source = addresses(Dimension::Source);
        let destination = addresses(Dimension::Destination);
        Some(Self {
            count: atoms.len(),
            all: Box::new(Lanes([u16::MAX; LANES])),
            denying: Box::new(Lanes(std::array::from_fn(|lane| match (segments.0.get(lane), used.0.get(lane)) {
                (Some(segment), Some(used)) if *segment == 1 << DENYING => *used,
                _ => 0,
            }))),
            used: Box::new(used),
            segments: Box::new(segments),
            ends,
            port: PortMap::new(&starts, &rows.iter().map(Lanes::of).collect::<Vec<Lanes>>()),
            source,
            destination,
            atoms: placed.into_iter().map(|(number, _)| number).collect(),
            _not_small: not_small,
        })
    }

    /// The rows of a connection; what is not known rules nothing out.
    #[inline(always)]
    pub(super) fn find<const OPEN: bool>(&self, query: &Query<'_, OPEN>) -> Three<'_> {
        let source = self.row(self.source.as_ref(), query.address(Dimension::Source));
        let destination = self.row(self.destination.as_ref(), query.address(Dimension::Destination));
        let port = match query.port() {
            Some(port) => self.port.get(port).unwrap_or_else(|| self.denying()),
            None => &self.used,
        };
        Three { rows: [source, destination, port], of: self }
    }

    #[inline(always)]
    fn row<'s>(&'s self, map: Option<&'s AddressMap<Lanes>>, address: Option<&IpAddr>) -> &'s Lanes {
        match (map, address) {
            (Some(map), Some(address)) => map.get(address).unwrap_or_else(|| self.denying()),
            _ => &self.all,
        }
    }

    /// Every value has a row. Were there none, the atoms whose match denies would stay, and no others.
    #[cold]
    fn denying(&self) -> &Lanes {
        &self.denying
    }

    /// The first lane behind a segment that is of one that is wanted.
    #[inline(always)]
    fn behind(&self, mut segment: usize, wants: impl Fn(usize) -> bool) -> Option<i16> {
        loop {
            let end = *self.ends.get(segment)?;
            // Lanes of no segment have no bit.
            segment = place(self.segments.0.get(usize::try_from(end).ok()?)?.trailing_zeros());
            if segment < SEGMENTS && wants(segment) {
                return Some(end);
            }
        }
    }

    /// How many atoms there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        let maps = [&self.source, &self.destination];
        size_of_val(&*self.atoms)
            + 4 * size_of::<Lanes>()
            + self.port.bytes()
            + maps.into_iter().flatten().map(AddressMap::bytes).sum::<usize>()
    }
}

impl Three<'_> {
    /// By lane: the atoms that match.
    #[inline(always)]
    fn lanes(&self) -> impl Iterator<Item = (u16, u16)> {
        let [Lanes(one), Lanes(two), Lanes(three)] = self.rows;
        let matching = one.iter().zip(two).zip(three).map(|((one, two), three)| one & two & three);
        matching.zip(self.of.segments.0)
    }

    /// Hands on the first atom of each segment that matches, or that some do if that is enough.
    #[inline(always)]
    pub(super) fn tell(&self, sink: &mut impl Sink) {
        if sink.some(|| self.segments()) {
            return;
        }
        let mut from = Some(0);
        while let Some((lane, segment)) = from.and_then(|from| self.first_lane(from)) {
            if sink.wants(segment) {
                sink.atom(segment, || self.first_of(lane));
            }
            from = self.of.behind(segment, |segment| sink.wants(segment));
        }
    }

    /// A bit for each segment of which an atom matches.
    #[inline(always)]
    fn segments(&self) -> u16 {
        self.lanes().fold(0, |segments, (lane, segment)| segments | if lane == 0 { 0 } else { segment })
    }

    /// The first lane not before `from` that has an atom that matches, and its segment. It is searched without a
    /// branch, as it is not to be foreseen.
    #[inline(always)]
    fn first_lane(&self, from: i16) -> Option<(usize, usize)> {
        // Eight at a time, each with its place.
        let [one, two, three] = self.rows.map(|Lanes(lanes)| lanes.as_chunks::<8>().0);
        let mut places = [0, 1, 2, 3, 4, 5, 6, 7];
        let mut least = [NO_LANE; 8];
        for ((one, two), three) in one.iter().zip(two).zip(three) {
            let lanes = one.iter().zip(two).zip(three);
            for ((least, place), ((one, two), three)) in least.iter_mut().zip(&mut places).zip(lanes) {
                let matches = (one & two & three != 0) & (*place >= from);
                *least = (*least).min(if matches { *place } else { NO_LANE });
                *place += 8;
            }
        }
        let least = least.into_iter().fold(NO_LANE, i16::min);
        let lane = usize::try_from(least).ok()?;
        Some((lane, place(self.of.segments.0.get(lane)?.trailing_zeros())))
    }

    /// The first atom of a lane that matches.
    #[inline(always)]
    fn first_of(&self, lane: usize) -> u32 {
        let bits = self.rows.iter().fold(u16::MAX, |bits, Lanes(lanes)| bits & lanes.get(lane).copied().unwrap_or_default());
        self.of.atoms.get(lane * BITS + place(bits.trailing_zeros())).copied().unwrap_or(NO_ATOM)
    }

    /// Calls `each` with every atom that matches.
    pub(super) fn for_each(&self, mut each: impl FnMut(u32)) {
        for ((lane, _), atoms) in self.lanes().zip(self.of.atoms.chunks(BITS)) {
            let of_lane = (0..).zip(atoms).filter(|(bit, _): &(u32, _)| lane >> bit & 1 == 1);
            of_lane.for_each(|(_, atom)| each(*atom));
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "small"))]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::matcher::query::PeerQuery;
    use crate::matcher::{Answer, First};

    /// Each with a segment.
    fn rows_of(atoms: &[(usize, Atom)]) -> NumberRows {
        let atoms: Vec<(u32, usize, &Atom)> =
            (0..).zip(atoms).map(|(number, (segment, atom))| (number, *segment, atom)).collect();
        NumberRows::new(&atoms, 1 << 20).unwrap()
    }

    /// By segment the first that matches.
    fn first(rows: &NumberRows) -> Vec<(usize, u32)> {
        let connection = Connection::new([10, 0, 0, 1].into(), ([10, 9, 9, 9], 80).into());
        let mut answer = Answer::NONE;
        rows.find(&Query::<false> { connection: &connection, peer: PeerQuery::Unknown }).tell(&mut answer);
        (0..SEGMENTS).map(|segment| (segment, answer.first_of(segment))).filter(|(_, atom)| *atom != NO_ATOM).collect()
    }

    #[test]
    fn of_each_segment_the_first_atom_that_matches_is_told() {
        let mut atoms: Vec<(usize, Atom)> = Vec::new();
        // So many that a segment has lanes in front of the one that matches.
        for number in 0..900 {
            let segment = number % SEGMENTS;
            let misses = number < 400 || segment == 3;
            atoms.push((segment, Atom::of_numbers("10.0.0.0/8", if misses { 81 } else { 80 })));
        }
        let expected: Vec<(usize, u32)> = (0..).zip(400..410).filter(|(segment, _)| *segment != 3).collect();
        assert_eq!(first(&rows_of(&atoms)), expected);
    }

    #[test]
    fn where_a_row_is_lost_what_denies_matches_and_nothing_else() {
        let atoms = [
            (1, Atom::of_numbers("10.0.0.0/8", 80)),
            (DENYING, Atom::of_numbers("10.0.0.0/8", 80)),
            (2, Atom::of_numbers("10.0.0.0/8", 80)),
        ];
        let mut rows = rows_of(&atoms);
        assert_eq!(first(&rows), [(DENYING, 1), (1, 0), (2, 2)]);
        rows.source = Some(AddressMap::new(&[], Vec::new(), &[], Vec::new()));
        assert_eq!(first(&rows), [(DENYING, 1)]);
    }

    #[test]
    fn what_comes_first_is_told_to_whoever_asks_for_two_segments_alone() {
        for (ports, expected) in
            [([81, 81], None), ([81, 80], Some((1, 299))), ([80, 80], Some((0, 298))), ([80, 81], Some((0, 298)))]
        {
            let atoms: Vec<(usize, Atom)> = (0..300)
                .map(|number: usize| {
                    let port = if number < 298 { 81 } else { ports[number % 2] };
                    (number % 2, Atom::of_numbers("10.0.0.0/8", port))
                })
                .collect();
            let connection = Connection::new([10, 0, 0, 1].into(), ([10, 9, 9, 9], 80).into());
            let mut first = First::new([0, 1]);
            rows_of(&atoms).find(&Query::<false> { connection: &connection, peer: PeerQuery::Unknown }).tell(&mut first);
            assert_eq!(first.found(), expected, "{ports:?}");
        }
    }
}
