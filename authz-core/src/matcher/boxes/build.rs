//! Boxes in the making: what each conjunction is looked up by, and the lists of addresses.

use std::collections::HashMap;

use super::{COUNT, Four, KEYS, LANES};
use crate::matcher::SEGMENTS;
use crate::matcher::address_ranges::AddressRanges;
use crate::matcher::atom::Atom;
use crate::matcher::classes::Classes;
use crate::matcher::lookup::AddressMap;
use crate::matcher::numbers::{place, signed};
use crate::matcher::ranges::{Line, Ranges};
use crate::sort::sort_by_key;

/// The most boxes of one address; those that would be more are left to others.
const LONGEST: usize = 64;
const _: () = assert!(LONGEST / LANES <= 1 << COUNT);

/// The most boxes that one conjunction comes to.
const MOST_BOXES: usize = 8;

/// The most ranges that a conjunction may be looked up by.
const MOST_RANGES: usize = 256;

/// How many entries the classes of one line may list in all.
const CLASS_ENTRIES: usize = 1 << 20;

/// One box.
#[derive(Clone, Copy, Debug)]
pub(super) struct OneBox {
    number: u32,
    segment: u8,
    /// Nothing if the other address may be any.
    other: Option<(u32, u32)>,
    ports: (u16, u16),
}

/// A conjunction with its boxes.
pub(super) struct Entry<'a> {
    pub(super) set: &'a AddressRanges,
    span: u64,
    boxes: Vec<OneBox>,
}

/// The lists in the making.
pub(super) struct Made {
    pub(super) fours: Vec<Four>,
    pub(super) numbers: Vec<[u32; LANES]>,
    pub(super) longest: usize,
    /// How many fours there may be.
    pub(super) most: usize,
}

impl Made {
    /// Appends boxes; answers the list of them, or nothing if there are too many.
    pub(super) fn push(&mut self, boxes: &[OneBox]) -> Option<u32> {
        let (start, count) = (u32::try_from(self.fours.len()).ok()?, u32::try_from(boxes.len().div_ceil(LANES).max(1)).ok()?);
        if self.fours.len() + place(count) > self.most {
            return None;
        }
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
    pub(super) fn map(&mut self, entries: &mut [(usize, Entry<'_>)], is_boxed: &mut [bool]) -> Option<Option<AddressMap<u32>>> {
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
    pub(super) fn of(number: u32, segment: usize, atom: &'a Atom, commonness: &Commonness) -> Option<(usize, Self)> {
        if !atom.asks_for_numbers() {
            return None;
        }
        let ports = atom.port.as_ref().map_or(&[(u16::MIN, u16::MAX)][..], |ports| ports.as_slice());
        let segment = u8::try_from(segment).ok().filter(|segment| usize::from(*segment) < SEGMENTS)?;
        let entry = |key: usize| {
            let set = &**KEYS.get(key).and_then(|key| atom.addresses(*key))?;
            let others: Vec<Option<(u32, u32)>> = match KEYS.get(1 - key).and_then(|other| atom.addresses(*other)) {
                None => vec![None],
                Some(other) if other.v6.at_most() == 0 && other.v4.as_slice().len() <= MOST_BOXES => {
                    other.v4.as_slice().iter().copied().map(Some).collect()
                }
                Some(_) => return None,
            };
            if others.len() * ports.len() > MOST_BOXES || set.at_most() > MOST_RANGES {
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
pub(super) struct Commonness(HashMap<(usize, Option<u128>), u32, foldhash::fast::RandomState>);

impl Commonness {
    pub(super) fn of(atoms: &[(u32, usize, &Atom)]) -> Self {
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

    pub(super) fn count(&self, key: usize, set: &AddressRanges) -> u32 {
        self.0.get(&(key, start(set))).copied().unwrap_or_default()
    }
}

fn start(set: &AddressRanges) -> Option<u128> {
    let v4 = set.v4.bounds().map(|(first, _)| u128::from(first));
    v4.or_else(|| set.v6.bounds().map(|(first, _)| first))
}
