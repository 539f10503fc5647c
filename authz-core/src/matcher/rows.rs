//! Rows of bits, one bit an atom: for each class of a dimension, the atoms that it does not rule out.

use std::collections::HashMap;

/// Rows of equal length, by number.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    words: usize,
    bits: Vec<u64>,
    known: HashMap<Box<[u64]>, u32>,
}

impl Rows {
    pub(super) fn new(words: usize) -> Self {
        Self { words, bits: Vec::new(), known: HashMap::new() }
    }

    /// The number of a row; equal rows have one.
    pub(super) fn number(&mut self, row: &[u64]) -> u32 {
        if let Some(number) = self.known.get(row) {
            return *number;
        }
        let number = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.known.insert(row.into(), number);
        self.bits.extend_from_slice(row);
        number
    }

    /// The row of a number.
    pub(super) fn row(&self, number: u32) -> &[u64] {
        let start = super::lookup::place(number).saturating_mul(self.words);
        self.bits.get(start..start.saturating_add(self.words)).unwrap_or_default()
    }

    /// No more rows: forgets what it takes to tell equal ones.
    pub(super) fn finish(&mut self) {
        self.known = HashMap::new();
        self.bits.shrink_to_fit();
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.bits.as_slice())
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

/// Keeps of `left` the atoms that a row does not rule out.
pub(super) fn rule_out<const W: usize>(left: &mut [u64; W], row: &[u64]) {
    match row.first_chunk::<W>() {
        Some(row) => left.iter_mut().zip(row).for_each(|(left, row)| *left &= row),
        // No row is shorter; were one, it would rule out everything.
        None => *left = [0; W],
    }
}

/// The bits of a row in order.
pub(super) fn ones(word: u64) -> impl Iterator<Item = usize> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let bit = usize::try_from(rest.trailing_zeros()).ok().filter(|bit| *bit < 64)?;
        rest &= rest - 1;
        Some(bit)
    })
}
