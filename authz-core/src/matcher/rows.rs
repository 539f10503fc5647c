//! Rows of bits, one bit an atom: for each class of a dimension, the atoms that it does not rule out.

use std::collections::HashMap;
use std::hash::Hash;

use super::address_ranges::AddressRanges;
use super::lookup::AddressMap;
use super::numbers::place;
use super::ranges::{Line, Ranges};
use crate::sort::sort;

/// A bit for each atom of a block.
pub(super) type Row<const W: usize> = [u64; W];

/// Rows by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows<const W: usize> {
    rows: Vec<Row<W>>,
    known: HashMap<Row<W>, u32, foldhash::fast::RandomState>,
}

impl<const W: usize> Rows<W> {
    /// The number of a row; equal rows have one.
    pub(super) fn number(&mut self, row: Row<W>) -> u32
    where
        Row<W>: Hash + Eq,
    {
        *self.known.entry(row).or_insert_with(|| {
            self.rows.push(row);
            u32::try_from(self.rows.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// No more rows: forgets what it takes to tell equal ones.
    pub(super) fn finish(self) -> Box<[Row<W>]> {
        self.rows.into()
    }
}

/// Sets or clears the bit of an atom.
pub(super) fn set(row: &mut [u64], atom: usize, value: bool) {
    if let Some(word) = row.get_mut(atom / 64) {
        let bit = 1 << (atom % 64);
        if value {
            *word |= bit;
        } else {
            *word &= !bit;
        }
    }
}

/// The atoms of both rows.
#[inline]
pub(super) fn keep<const W: usize>(left: &mut Row<W>, row: &Row<W>) {
    left.iter_mut().zip(row).for_each(|(left, row)| *left &= row);
}

/// Whether some atom is in both rows.
#[inline(always)]
pub(super) fn meet<const W: usize>(one: &Row<W>, other: &Row<W>) -> bool {
    one.iter().zip(other).fold(0, |any, (one, other)| any | one & other) != 0
}

/// The first atom of both rows.
#[inline]
pub(super) fn first_of_both<const W: usize>(left: &Row<W>, mask: &Row<W>) -> Option<usize> {
    let mut words = left.iter().zip(mask).map(|(left, mask)| left & mask).enumerate();
    words.find(|(_, word)| *word != 0).map(|(at, word)| at * 64 + place(word.trailing_zeros()))
}

/// The atoms of a row in order.
pub(super) fn ones<const W: usize>(row: &Row<W>) -> impl Iterator<Item = usize> {
    row.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            let bit = Some(place(rest.trailing_zeros())).filter(|bit| *bit < 64)?;
            rest &= rest - 1;
            Some(at * 64 + bit)
        })
    })
}

/// A line cut by the sets of atoms: where each stretch starts, and its row. Atoms without a set are in
/// every row.
#[inline(never)]
pub(super) fn cut<T: Line, const W: usize>(sets: &[(usize, &Ranges<T>)]) -> (Vec<T>, Vec<Row<W>>) {
    let (starts, words) = cut_wide(W, sets);
    (starts, words.as_chunks().0.to_vec())
}

/// The same with rows of so many words, one behind the other, so that there is one copy of it for all widths.
#[inline(never)]
fn cut_wide<T: Line>(width: usize, sets: &[(usize, &Ranges<T>)]) -> (Vec<T>, Vec<u64>) {
    let mut row = vec![u64::MAX; width];
    let mut edges: Vec<(T, usize)> = Vec::with_capacity(sets.iter().map(|(_, set)| 2 * set.as_slice().len()).sum());
    for (atom, ranges) in sets {
        set(&mut row, *atom, false);
        for (first, last) in ranges.as_slice() {
            if *first == T::MIN {
                set(&mut row, *atom, true);
            } else {
                edges.push((*first, *atom));
            }
            edges.extend(last.next().map(|behind| (behind, *atom)));
        }
    }
    sort(&mut edges);
    let (mut starts, mut rows) = (vec![T::MIN], row.clone());
    for same in edges.chunk_by(|(one, _), (two, _)| one == two) {
        same.iter().for_each(|(_, atom)| flip(&mut row, *atom));
        if let (Some((at, _)), false) = (same.first(), rows.ends_with(&row)) {
            starts.push(*at);
            rows.extend_from_slice(&row);
        }
    }
    (starts, rows)
}

/// For every address the row of the atoms whose sets hold it, as a value.
#[inline(never)]
pub(super) fn by_address<const W: usize, V: Copy>(sets: &[(usize, &AddressRanges)], value: fn(&Row<W>) -> V) -> AddressMap<V> {
    let v4: Vec<(usize, &Ranges<u32>)> = sets.iter().map(|(atom, set)| (*atom, &set.v4)).collect();
    let v6: Vec<(usize, &Ranges<u128>)> = sets.iter().map(|(atom, set)| (*atom, &set.v6)).collect();
    let ((v4, v4_rows), (v6, v6_rows)) = (cut(&v4), cut(&v6));
    AddressMap::new(&v4, v4_rows.iter().map(value).collect(), &v6, v6_rows.iter().map(value).collect())
}

fn flip(row: &mut [u64], atom: usize) {
    if let Some(word) = row.get_mut(atom / 64) {
        *word ^= 1 << (atom % 64);
    }
}
