//! Conjunctions of a source, a destination and a port, by the thousand: looked up by one of the addresses, and
//! what else they ask for compared four at a time.
//!
//! Beside what it is looked up by, each asks for a range of addresses and one of ports: a box. Those of one
//! address stand together, and all of them are compared without a branch, so that it makes no difference
//! which of them hold.

mod build;

use std::net::IpAddr;

use self::build::{Commonness, Entry, Made};
use super::atom::Atom;
use super::lookup::AddressMap;
use super::numbers::{place, signed};
use super::query::{Dimension, Query};
use super::sink::Sink;
use super::{DENYING, NotSmall};

/// How many boxes are compared at a time.
const LANES: usize = 4;

/// How many low bits of a list tell how many fours there are behind the first.
const COUNT: u32 = 5;

/// The dimensions that boxes are looked up by.
const KEYS: [Dimension; 2] = [Dimension::Source, Dimension::Destination];

/// Four boxes in a cache line.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Four {
    /// The range of the other address, in the order of [`signed`].
    first: [i32; LANES],
    last: [i32; LANES],
    first_port: [u16; LANES],
    last_port: [u16; LANES],
    /// The bit of its segment; none if there is no box.
    segments: [u16; LANES],
    /// All bits if the other address may be any, of IPv6 too.
    any: [u16; LANES],
}

/// Boxes by address.
#[derive(Clone, Debug)]
pub(super) struct Boxes {
    /// For each of [`KEYS`] where its lists start: the number of the first four, and how many are behind it.
    maps: [Option<AddressMap<u32>>; 2],
    fours: Box<[Four]>,
    /// The numbers of the atoms that the boxes are of.
    numbers: Box<[[u32; LANES]]>,
    /// Where the fours of the second of [`KEYS`] start.
    second: usize,
    count: usize,
    longest: usize,
    _not_small: NotSmall,
}

impl Boxes {
    /// Arranges the atoms that can be arranged so, each with its number and segment, if most can be and it takes
    /// no more than about `bytes` bytes; answers too for each atom whether it is.
    pub(super) fn new(atoms: &[(u32, usize, &Atom)], bytes: usize) -> Option<(Self, Vec<bool>)> {
        let not_small = NotSmall::get()?;
        let least = atoms.len() - atoms.len() / 8;
        if atoms.iter().filter(|(_, _, atom)| atom.asks_for_numbers()).count() < least {
            return None;
        }
        let commonness = Commonness::of(atoms);
        let mut entries: [Vec<(usize, Entry<'_>)>; 2] = Default::default();
        for (at, (number, segment, atom)) in atoms.iter().enumerate() {
            if let Some((key, entry)) = Entry::of(*number, *segment, atom, &commonness) {
                entries.get_mut(key)?.push((at, entry));
            }
        }
        let [of_source, of_destination] = &entries;
        if of_source.len() + of_destination.len() < least {
            return None;
        }
        let mut is_boxed = vec![false; atoms.len()];
        let most = bytes / (size_of::<Four>() + size_of::<[u32; LANES]>());
        let mut made = Made { fours: Vec::new(), numbers: Vec::new(), longest: 0, most };
        // Nobody has this one.
        made.push(&[]);
        let [of_source, of_destination] = &mut entries;
        let source = made.map(of_source, &mut is_boxed)?;
        let second = made.fours.len();
        let destination = made.map(of_destination, &mut is_boxed)?;
        let this = Self {
            maps: [source, destination],
            fours: made.fours.into(),
            numbers: made.numbers.into(),
            second,
            count: is_boxed.iter().filter(|is_boxed| **is_boxed).count(),
            longest: made.longest,
            _not_small: not_small,
        };
        Some((this, is_boxed))
    }

    /// What a connection finds of which everything is known that rules ask for.
    #[inline(always)]
    pub(super) fn find<'q>(&'q self, query: &Query<'q, false>) -> Hits<'q> {
        let [source, destination] = KEYS.map(|key| query.address(key));
        let [by_source, by_destination] = &self.maps;
        let lists = [self.list(by_source.as_ref(), source), self.list(by_destination.as_ref(), destination)];
        Hits { boxes: self, lists, others: [destination, source], port: query.port() }
    }

    /// Calls `each` with every atom that no known fact rules out, perhaps more than once.
    #[cold]
    pub(super) fn for_each_open(&self, query: &Query<'_, true>, mut each: impl FnMut(u32)) {
        let [source, destination] = KEYS.map(|key| query.address(key));
        let [by_source, by_destination] = &self.maps;
        let places = [
            (by_source, source, destination, 0..self.second),
            (by_destination, destination, source, self.second..self.fours.len()),
        ];
        for (map, address, other, all) in places {
            let list = if address.is_some() { self.list(map.as_ref(), address) } else { Some(all) };
            let Some(list) = list.filter(|list| self.fours.get(list.clone()).is_some()) else {
                self.each_denying(&mut each);
                continue;
            };
            let found = Hits { boxes: self, lists: [Some(list), Some(0..0)], others: [other, None], port: query.port() };
            found.for_each(|_, number| each(number));
        }
    }

    /// Every atom whose match denies. There is always a list; were there none, these would match, and no others.
    fn each_denying(&self, mut each: impl FnMut(u32)) {
        for (segments, numbers) in self.fours.iter().map(|four| four.segments).zip(&self.numbers) {
            for (segment, number) in segments.iter().zip(numbers) {
                if segment >> DENYING & 1 == 1 {
                    each(*number);
                }
            }
        }
    }

    /// The fours of an address; nothing if it has no list, though every address has one.
    #[inline(always)]
    fn list(&self, map: Option<&AddressMap<u32>>, address: Option<&IpAddr>) -> Option<std::ops::Range<usize>> {
        let Some(map) = map else { return Some(0..0) };
        let list = *map.get(address?)?;
        let start = place(list >> COUNT);
        Some(start..start + place(list & ((1 << COUNT) - 1)) + 1)
    }

    /// How many atoms there are.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The most boxes of one address.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn bytes(&self) -> usize {
        let maps = self.maps.iter().flatten().map(AddressMap::bytes);
        size_of_val(&*self.fours) + size_of_val(&*self.numbers) + maps.sum::<usize>()
    }
}

/// What a connection finds.
pub(super) struct Hits<'q> {
    boxes: &'q Boxes,
    lists: [Option<std::ops::Range<usize>>; 2],
    /// Of each list the address that it is not looked up by.
    others: [Option<&'q IpAddr>; 2],
    port: Option<u16>,
}

impl Hits<'_> {
    /// Hands on each atom that matches, or that some of a segment do if that is enough.
    #[inline(always)]
    pub(super) fn tell(&self, sink: &mut impl Sink) {
        if !sink.some(|| self.segments()) {
            self.for_each(|segment, number| {
                if sink.wants(segment) {
                    sink.atom(segment, || number);
                }
            });
        }
    }

    /// A bit for each segment of which an atom matches.
    #[inline(always)]
    fn segments(&self) -> u16 {
        let [one, two] = &self.lists;
        let [other_of_one, other_of_two] = self.others;
        self.segments_of(one.as_ref(), other_of_one) | self.segments_of(two.as_ref(), other_of_two)
    }

    #[inline(always)]
    fn segments_of(&self, list: Option<&std::ops::Range<usize>>, other: Option<&IpAddr>) -> u16 {
        let fours = list.and_then(|list| self.boxes.fours.get(list.clone()));
        let (Some(fours), Some(IpAddr::V4(other)), Some(port)) = (fours, other, self.port) else {
            return self.segments_otherwise(list, other);
        };
        let (other, port) = (signed(other.to_bits()), i32::from(port));
        let mut all = [0; LANES];
        for four in fours {
            all.iter_mut().zip(four.matching(other, port)).for_each(|(all, own)| *all |= own);
        }
        u16::try_from(all.into_iter().fold(0, |all, own| all | own)).unwrap_or_default()
    }

    #[cold]
    fn segments_otherwise(&self, list: Option<&std::ops::Range<usize>>, other: Option<&IpAddr>) -> u16 {
        let mut segments = 0;
        self.for_each_of(list, other, |segment, _| segments |= 1 << segment);
        segments
    }

    /// Calls `each` with the segment and the number of every atom that matches, perhaps more than once.
    fn for_each(&self, mut each: impl FnMut(usize, u32)) {
        for (list, other) in self.lists.iter().zip(self.others) {
            self.for_each_of(list.as_ref(), other, &mut each);
        }
    }

    fn for_each_of(&self, list: Option<&std::ops::Range<usize>>, other: Option<&IpAddr>, mut each: impl FnMut(usize, u32)) {
        let Some((fours, numbers)) =
            list.and_then(|list| Some((self.boxes.fours.get(list.clone())?, self.boxes.numbers.get(list.clone())?)))
        else {
            return self.boxes.each_denying(|number| each(DENYING, number));
        };
        for (four, numbers) in fours.iter().zip(numbers) {
            for ((one, segments), number) in four.each().zip(four.segments).zip(numbers) {
                if segments != 0 && one.holds(other, self.port) {
                    each(place(segments.trailing_zeros()), *number);
                }
            }
        }
    }
}

impl Four {
    /// No box.
    const NONE: Self = Self {
        first: [i32::MAX; LANES],
        last: [i32::MIN; LANES],
        first_port: [u16::MAX; LANES],
        last_port: [0; LANES],
        segments: [0; LANES],
        any: [0; LANES],
    };

    /// By box the bit of its segment, if it holds an address and a port.
    #[inline(always)]
    fn matching(&self, other: i32, port: i32) -> [i32; LANES] {
        let Self { first, last, first_port, last_port, segments, .. } = self;
        let mut matching = [0; LANES];
        let ranges = first.iter().zip(last).zip(first_port.iter().zip(last_port));
        for ((matching, segment), ((first, last), (first_port, last_port))) in matching.iter_mut().zip(segments).zip(ranges) {
            let holds = (*first <= other) & (other <= *last) & (i32::from(*first_port) <= port) & (port <= i32::from(*last_port));
            *matching = if holds { i32::from(*segment) } else { 0 };
        }
        matching
    }

    /// Each box by itself.
    fn each(&self) -> impl Iterator<Item = Single> {
        let others = self.first.into_iter().zip(self.last).zip(self.any);
        let ports = self.first_port.into_iter().zip(self.last_port);
        others
            .zip(ports)
            .map(|(((first, last), any), ports)| Single { other: if any == 0 { Some((first, last)) } else { None }, ports })
    }
}

/// One box as it stands among four.
struct Single {
    other: Option<(i32, i32)>,
    ports: (u16, u16),
}

impl Single {
    /// Whether no known fact is outside.
    fn holds(&self, other: Option<&IpAddr>, port: Option<u16>) -> bool {
        let (first, last) = self.ports;
        let holds_other = match (self.other, other) {
            (None, _) | (_, None) => true,
            (Some((first, last)), Some(IpAddr::V4(other))) => (first..=last).contains(&signed(other.to_bits())),
            (Some(_), Some(IpAddr::V6(_))) => false,
        };
        holds_other && port.is_none_or(|port| (first..=last).contains(&port))
    }
}

#[cfg(test)]
#[cfg(not(feature = "small"))]
mod tests {
    use super::*;
    use crate::connection::Connection;
    use crate::matcher::query::PeerQuery;

    /// Of these atoms, of which the even ones deny.
    fn boxes_of(atoms: &[Atom], bytes: usize) -> Option<Boxes> {
        let of_segments: Vec<(u32, usize, &Atom)> =
            (0..).zip(atoms).map(|(number, atom)| (number, place(number) % 2, atom)).collect();
        Boxes::new(&of_segments, bytes).map(|(boxes, _)| boxes)
    }

    fn connection() -> Connection<'static> {
        Connection::new([10, 0, 0, 1].into(), ([10, 9, 9, 9], 80).into())
    }

    fn matching(boxes: &Boxes, connection: &Connection<'_>) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        boxes.find(&Query { connection, peer: PeerQuery::Unknown }).for_each(|segment, number| found.push((segment, number)));
        found
    }

    #[test]
    fn boxes_of_the_address_and_the_port_match() {
        let atoms = [
            Atom::of_numbers("10.0.0.0/8", 80),
            Atom::of_numbers("10.0.0.0/24", 80),
            Atom::of_numbers("10.0.0.1", 81),
            Atom::of_numbers("10.0.1.0/24", 80),
        ];
        let boxes = boxes_of(&atoms, 1 << 20).unwrap();
        let mut found = matching(&boxes, &connection());
        found.sort_unstable();
        assert_eq!(found, [(DENYING, 0), (1, 1)]);
    }

    #[test]
    fn there_are_no_more_boxes_than_fit_the_memory() {
        // Each lies in all that come before it.
        let atoms: Vec<Atom> = (0..32).map(|length| Atom::of_numbers(&format!("10.0.0.1/{length}"), 80)).collect();
        assert!(boxes_of(&atoms, 1 << 20).is_some());
        assert!(boxes_of(&atoms, 1 << 12).is_none());
    }

    #[test]
    fn where_a_list_is_lost_what_denies_matches_and_nothing_else() {
        let atoms =
            [Atom::of_numbers("10.0.0.0/8", 80), Atom::of_numbers("10.0.0.0/8", 80), Atom::of_numbers("192.0.2.0/24", 81)];
        let mut boxes = boxes_of(&atoms, 1 << 20).unwrap();
        boxes.maps = [Some(AddressMap::new(&[], Vec::new(), &[], Vec::new())), None];
        assert_eq!(matching(&boxes, &connection()), [(DENYING, 0), (DENYING, 2)]);
        let mut open = Vec::new();
        boxes.for_each_open(&Query { connection: &connection(), peer: PeerQuery::Unknown }, |number| open.push(number));
        open.sort_unstable();
        open.dedup();
        assert_eq!(open, [0, 2]);
    }
}
