//! From an address to the row of atoms that it does not rule out.

use std::collections::HashMap;
use std::net::IpAddr;

use super::classes::{Classes, Stretches};
use super::lookup::{Ipv4Lookup, Ipv6Lookup, place};
use super::ranges::{AddressRanges, Line, Ranges};
use super::rows::set;

/// How many differing sets the classes of one dimension may list in all.
const CLASS_ENTRIES: usize = 4 << 20;

/// The most bytes that the rows of one dimension may take.
const ROW_BYTES: usize = 64 << 20;

/// Addresses of both families.
#[derive(Clone, Debug)]
pub(super) struct AddressIndex {
    words: usize,
    v4: Ipv4Lookup,
    v4_rows: Box<[u64]>,
    v6: Ipv6Lookup,
    v6_rows: Box<[u64]>,
    unconstrained: Box<[u64]>,
}

impl AddressIndex {
    /// Arranges the sets of the atoms that ask for the address.
    pub(super) fn new(sets: &[(usize, &AddressRanges)], words: usize) -> Option<Self> {
        let v4: Vec<(usize, &Ranges<u32>)> = sets.iter().map(|(bit, set)| (*bit, &set.v4)).collect();
        let v6: Vec<(usize, &Ranges<u128>)> = sets.iter().map(|(bit, set)| (*bit, &set.v6)).collect();
        let (v4, v6) = (rows_of(&v4, words)?, rows_of(&v6, words)?);
        Some(Self {
            words,
            v4: Ipv4Lookup::new(v4.stretches)?,
            v4_rows: v4.rows,
            v6: Ipv6Lookup::new(v6.stretches),
            v6_rows: v6.rows,
            unconstrained: v4.unconstrained,
        })
    }

    /// The row of an address.
    pub(super) fn row(&self, address: IpAddr) -> &[u64] {
        let (rows, class) = match address {
            IpAddr::V4(address) => (&self.v4_rows, self.v4.class(address.to_bits())),
            IpAddr::V6(address) => (&self.v6_rows, self.v6.class(address.to_bits())),
        };
        let start = place(class) * self.words;
        rows.get(start..start + self.words).unwrap_or_default()
    }

    /// The atoms that do not ask for the address.
    pub(super) fn unconstrained(&self) -> &[u64] {
        &self.unconstrained
    }

    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes() + size_of_val(&*self.v4_rows) + size_of_val(&*self.v6_rows)
    }
}

/// A line cut by the sets of atoms.
#[derive(Clone, Debug)]
pub(super) struct LineRows<T> {
    pub(super) stretches: Stretches<T>,
    /// A row for each class.
    pub(super) rows: Box<[u64]>,
    /// The row of the atoms that have no set.
    pub(super) unconstrained: Box<[u64]>,
}

/// Cuts a line by the sets of atoms, and writes a row for each class of it.
pub(super) fn rows_of<T: Line>(sets: &[(usize, &Ranges<T>)], words: usize) -> Option<LineRows<T>> {
    // Atoms share sets: a block list is written once and meant many times.
    let mut numbers: HashMap<&Ranges<T>, usize> = HashMap::new();
    let (mut distinct, mut atoms_of): (Vec<&Ranges<T>>, Vec<Vec<usize>>) = (Vec::new(), Vec::new());
    let mut unconstrained = vec![u64::MAX; words];
    for (bit, ranges) in sets {
        set(&mut unconstrained, *bit, false);
        let number = *numbers.entry(ranges).or_insert_with(|| {
            distinct.push(ranges);
            atoms_of.push(Vec::new());
            distinct.len() - 1
        });
        if let Some(atoms) = atoms_of.get_mut(number) {
            atoms.push(*bit);
        }
    }
    let usual: Vec<bool> = distinct.iter().map(|ranges| ranges.complement().as_slice().len() < ranges.as_slice().len()).collect();
    let mut classes = Classes::new(CLASS_ENTRIES);
    let stretches = classes.cut(&distinct, &usual)?;
    let mut base = unconstrained.clone();
    for (usual, atoms) in usual.iter().zip(&atoms_of) {
        for bit in atoms {
            set(&mut base, *bit, *usual);
        }
    }
    if classes.differing().len().saturating_mul(words * 8) > ROW_BYTES {
        return None;
    }
    let mut rows = Vec::with_capacity(classes.differing().len() * words);
    for differing in classes.differing() {
        let mut row = base.clone();
        for number in differing.iter().map(|number| place(*number)) {
            let usually = usual.get(number).copied().unwrap_or_default();
            for bit in atoms_of.get(number).into_iter().flatten() {
                set(&mut row, *bit, !usually);
            }
        }
        rows.extend_from_slice(&row);
    }
    Some(LineRows { stretches, rows: rows.into(), unconstrained: unconstrained.into() })
}
