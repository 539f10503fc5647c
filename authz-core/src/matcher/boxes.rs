//! Conjunctions of a source, a destination and a port, by the thousand: looked up by one of the addresses, and
//! what else they ask for compared four at a time.
//!
//! Beside what it is looked up by, each asks for a range of addresses and one of ports: a box. Those of one
//! address stand together, and all of them are compared without a branch, so that it makes no difference
//! which of them hold.

use std::collections::HashMap;
use std::net::IpAddr;

use super::atom::Atom;
use super::classes::Classes;
use super::index::Sink;
use super::lookup::{AddressMap, place, signed};
use super::query::{Dimension, Query};
use super::ranges::{AddressRanges, Line, Ranges};
use super::{DENYING, NotSmall, SEGMENTS};
use crate::sort::sort_by_key;

/// How many boxes are compared at a time.
const LANES: usize = 4;

/// The most boxes of one address; those that would be more are left to others.
const LONGEST: usize = 64;

/// The most boxes that one conjunction comes to.
const MOST_BOXES: usize = 8;

/// The most ranges that a conjunction may be looked up by.
const MOST_RANGES: usize = 256;

/// How many entries the classes of one line may list in all.
const CLASS_ENTRIES: usize = 1 << 20;

/// How many low bits of a list tell how many fours there are behind the first.
const COUNT: u32 = 5;
const _: () = assert!(LONGEST / LANES <= 1 << COUNT);

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

/// One box.
#[derive(Clone, Copy, Debug)]
struct OneBox {
    number: u32,
    segment: u8,
    /// Nothing if the other address may be any.
    other: Option<(u32, u32)>,
    ports: (u16, u16),
}

/// A conjunction with its boxes.
struct Entry<'a> {
    set: &'a AddressRanges,
    span: u64,
    boxes: Vec<OneBox>,
}

/// The lists in the making.
#[derive(Default)]
struct Made {
    fours: Vec<Four>,
    numbers: Vec<[u32; LANES]>,
    longest: usize,
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
        let stretches: usize = entries.iter().flatten().map(|(_, entry)| 2 * entry.set.ranges()).sum();
        if stretches.saturating_mul(2 * (size_of::<Four>() + size_of::<[u32; LANES]>())) > bytes {
            return None;
        }
        let mut is_boxed = vec![false; atoms.len()];
        let mut made = Made::default();
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
    pub(super) fn find<'q>(&'q self, query: &Query<'q, false>) -> Found<'q> {
        let [source, destination] = KEYS.map(|key| query.address(key));
        let [by_source, by_destination] = &self.maps;
        let lists = [self.list(by_source.as_ref(), source), self.list(by_destination.as_ref(), destination)];
        Found { boxes: self, lists, others: [destination, source], port: query.port() }
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
            let found = Found { boxes: self, lists: [Some(list), Some(0..0)], others: [other, None], port: query.port() };
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
pub(super) struct Found<'q> {
    boxes: &'q Boxes,
    lists: [Option<std::ops::Range<usize>>; 2],
    /// Of each list the address that it is not looked up by.
    others: [Option<&'q IpAddr>; 2],
    port: Option<u16>,
}

impl Found<'_> {
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
            // There is always one. Were there none, a rule that denies would match.
            return each(DENYING, 0);
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

impl Made {
    /// Appends boxes; answers the list of them.
    fn push(&mut self, boxes: &[OneBox]) -> Option<u32> {
        let (start, count) = (u32::try_from(self.fours.len()).ok()?, u32::try_from(boxes.len().div_ceil(LANES).max(1)).ok()?);
        let mut chunks = boxes.chunks(LANES);
        for _ in 0..count {
            let (mut four, mut numbers) = (Four::NONE, [u32::MAX; LANES]);
            for (lane, one) in chunks.next().unwrap_or_default().iter().enumerate() {
                let (first, last) = one.other.unwrap_or((u32::MIN, u32::MAX));
                *four.first.get_mut(lane)? = signed(first);
                *four.last.get_mut(lane)? = signed(last);
                (*four.first_port.get_mut(lane)?, *four.last_port.get_mut(lane)?) = one.ports;
                *four.segments.get_mut(lane)? = 1 << one.segment;
                *four.any.get_mut(lane)? = if one.other.is_none() { u16::MAX } else { 0 };
                *numbers.get_mut(lane)? = one.number;
            }
            self.fours.push(four);
            self.numbers.push(numbers);
        }
        self.longest = self.longest.max(boxes.len());
        let is_told = start < 1 << (32 - COUNT) && count <= 1 << COUNT;
        is_told.then_some(start << COUNT | (count - 1))
    }

    /// The lists of entries by what they are looked up by; nothing if there are none.
    fn map(&mut self, entries: &mut [(usize, Entry<'_>)], is_boxed: &mut [bool]) -> Option<Option<AddressMap<u32>>> {
        if entries.is_empty() {
            return Some(None);
        }
        // The widest come last, and are left out first.
        sort_by_key(entries, |(_, entry)| entry.span);
        let v4: Vec<&Ranges<u32>> = entries.iter().map(|(_, entry)| &entry.set.v4).collect();
        let v6: Vec<&Ranges<u128>> = entries.iter().map(|(_, entry)| &entry.set.v6).collect();
        let mut is_left_out = vec![false; entries.len()];
        let (v4, v4_lists) = self.line(&v4, entries, &mut is_left_out)?;
        let (v6, v6_lists) = self.line(&v6, entries, &mut is_left_out)?;
        for ((at, _), is_left_out) in entries.iter().zip(is_left_out) {
            *is_boxed.get_mut(*at)? = !is_left_out;
        }
        Some(Some(AddressMap::new(&v4, v4_lists, &v6, v6_lists)))
    }

    /// Cuts a line by sets: where each stretch starts, and its list.
    fn line<T: Line>(
        &mut self,
        sets: &[&Ranges<T>],
        entries: &[(usize, Entry<'_>)],
        is_left_out: &mut [bool],
    ) -> Option<(Vec<T>, Vec<u32>)> {
        let mut classes = Classes::new(CLASS_ENTRIES);
        let stretches = classes.cut(sets)?;
        let (mut lists, mut boxes): (Vec<u32>, Vec<OneBox>) = (Vec::new(), Vec::new());
        for class in classes.iter() {
            boxes.clear();
            for number in class {
                let (_, entry) = entries.get(place(*number))?;
                if boxes.len() + entry.boxes.len() <= LONGEST {
                    boxes.extend_from_slice(&entry.boxes);
                } else {
                    *is_left_out.get_mut(place(*number))? = true;
                }
            }
            // The list of nothing is the first of all.
            lists.push(if boxes.is_empty() { 0 } else { self.push(&boxes)? });
        }
        let lists = stretches.classes.iter().map(|class| lists.get(place(*class)).copied());
        Some((stretches.starts, lists.collect::<Option<Vec<u32>>>()?))
    }
}

impl<'a> Entry<'a> {
    /// What an atom is looked up by, and the boxes of the rest; nothing if it cannot be arranged so.
    fn of(number: u32, segment: usize, atom: &'a Atom, commonness: &Commonness) -> Option<(usize, Self)> {
        if !atom.asks_for_numbers() {
            return None;
        }
        let ports = atom.port.as_ref().map_or(&[(u16::MIN, u16::MAX)][..], |ports| ports.as_slice());
        let segment = u8::try_from(segment).ok().filter(|segment| usize::from(*segment) < SEGMENTS)?;
        let entry = |key: usize| {
            let set = &**KEYS.get(key).and_then(|key| atom.addresses(*key))?;
            let others: Vec<Option<(u32, u32)>> = match KEYS.get(1 - key).and_then(|other| atom.addresses(*other)) {
                None => vec![None],
                Some(other) if other.v6.as_slice().is_empty() && other.v4.as_slice().len() <= MOST_BOXES => {
                    other.v4.as_slice().iter().copied().map(Some).collect()
                }
                Some(_) => return None,
            };
            if others.len() * ports.len() > MOST_BOXES || set.ranges() > MOST_RANGES {
                return None;
            }
            let boxes = others.iter().flat_map(|other| {
                let other = *other;
                ports.iter().map(move |ports| OneBox { number, segment, other, ports: *ports })
            });
            let span = span(set);
            Some(((span, commonness.count(key, set)), key, Self { set, boxes: boxes.collect(), span }))
        };
        let best = (0..KEYS.len()).filter_map(entry).min_by_key(|(rank, ..)| *rank);
        best.map(|(_, key, entry)| (key, entry))
    }
}

/// How much of the lines a set takes.
fn span(set: &AddressRanges) -> u64 {
    let v4 = set.v4.as_slice().iter().map(|(first, last)| u64::from(last - first) + 1);
    let v6 =
        set.v6.as_slice().iter().map(|(first, last)| u64::try_from((last - first) >> 72).unwrap_or(u64::MAX).saturating_add(1));
    v4.chain(v6).fold(0, u64::saturating_add)
}

/// How many atoms ask for a set, by where it starts.
struct Commonness(HashMap<(usize, Option<u128>), u32, foldhash::fast::RandomState>);

impl Commonness {
    fn of(atoms: &[(u32, usize, &Atom)]) -> Self {
        let mut this = Self(HashMap::default());
        for (_, _, atom) in atoms {
            for (key, dimension) in KEYS.into_iter().enumerate() {
                if let Some(set) = atom.addresses(dimension) {
                    *this.0.entry((key, start(set))).or_default() += 1;
                }
            }
        }
        this
    }

    fn count(&self, key: usize, set: &AddressRanges) -> u32 {
        self.0.get(&(key, start(set))).copied().unwrap_or_default()
    }
}

fn start(set: &AddressRanges) -> Option<u128> {
    let v4 = set.v4.as_slice().first().map(|(first, _)| u128::from(*first));
    v4.or_else(|| set.v6.as_slice().first().map(|(first, _)| *first))
}
