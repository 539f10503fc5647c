//! From texts to numbers: one table, one run of text.

use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;

/// Texts and their numbers.
///
/// The texts stand behind one another, so that an entry takes 12 bytes beside its text, and a look takes
/// the entry and the text.
#[derive(Clone, Debug, Default)]
pub(super) struct TextMap {
    text: Vec<u8>,
    entries: HashTable<Entry>,
    hasher: foldhash::fast::RandomState,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u32,
    length: u32,
    number: u32,
}

impl Entry {
    #[inline]
    fn text(self, all: &[u8]) -> &[u8] {
        let start = super::numbers::place(self.start);
        all.get(start..start + super::numbers::place(self.length)).unwrap_or_default()
    }
}

#[inline]
fn hash(hasher: &foldhash::fast::RandomState, text: &[u8]) -> u64 {
    let mut state = hasher.build_hasher();
    state.write(text);
    state.finish()
}

impl TextMap {
    /// Gives a text a number, or another one.
    pub(super) fn insert(&mut self, text: &[u8], number: u32) {
        let hashed = hash(&self.hasher, text);
        if let Some(entry) = self.entries.find_mut(hashed, |entry| entry.text(&self.text) == text) {
            entry.number = number;
            return;
        }
        // Policies are bounded far below four gigabytes; a text that did not fit would be one that no
        // fact equals.
        let (Ok(start), Ok(length)) = (u32::try_from(self.text.len()), u32::try_from(text.len())) else { return };
        self.text.extend_from_slice(text);
        let entry = Entry { start, length, number };
        self.entries.insert_unique(hashed, entry, |entry| hash(&self.hasher, entry.text(&self.text)));
    }

    /// The number of a text.
    #[inline(never)]
    pub(super) fn get(&self, text: &[u8]) -> Option<u32> {
        let hashed = hash(&self.hasher, text);
        self.entries.find(hashed, |entry| entry.text(&self.text) == text).map(|entry| entry.number)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Every text with its number, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.entries.iter().map(|entry| (entry.text(&self.text), entry.number))
    }

    pub(super) fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.entries.shrink_to_fit(|entry| hash(&self.hasher, entry.text(&self.text)));
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.entries.allocation_size()
    }
}
