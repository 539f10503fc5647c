//! Identities that policies name whole, found before anything is taken apart.

use std::hash::BuildHasher;

use super::filter::Filter;
use super::spots::{Spot, Spots, hash_of, words};

/// Identities, without their scheme.
#[derive(Clone, Debug)]
pub(super) struct Named {
    spots: Spots,
    /// By length, of the last eight bytes.
    filter: Filter,
    seeds: [u64; 8],
    hasher: foldhash::fast::RandomState,
}

/// So many random words.
pub(super) fn seeds<const N: usize>() -> [u64; N] {
    let random = foldhash::fast::RandomState::default();
    std::array::from_fn(|number| random.hash_one(number))
}

impl Default for Named {
    fn default() -> Self {
        Self {
            spots: Spots::default(),
            filter: Filter::default(),
            seeds: seeds(),
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl Named {
    /// Of 16 to 64 bytes, as almost all have, four pieces are hashed whatever the length, so that no branch
    /// depends on it.
    #[inline]
    fn hash(&self, text: &[u8]) -> u32 {
        self.hash_pieces(text).unwrap_or_else(|| self.hash_any(text))
    }

    #[inline]
    fn hash_pieces(&self, text: &[u8]) -> Option<u32> {
        let last = text.len().checked_sub(16).filter(|last| *last <= 48)?;
        let piece = |start: usize| Some(words(text.get(last.min(start)..)?.first_chunk()?));
        let [[a, b], [c, d], [e, f], [g, h]] = [piece(0)?, piece(16)?, piece(32)?, piece(48)?];
        // Pieces may be the same, so that each has seeds of its own.
        let [i, j, k, l, m, n, o, p] = self.seeds;
        let length = u64::try_from(last).unwrap_or_default();
        Some(hash_of(&[[a ^ i, b ^ j], [c ^ k, d ^ l], [e ^ m, f ^ n], [g ^ o, h ^ length ^ p]]))
    }

    #[cold]
    fn hash_any(&self, text: &[u8]) -> u32 {
        u32::try_from(self.hasher.hash_one(text) >> 32).unwrap_or_default()
    }

    /// What is known of an identity, once all are there.
    #[inline]
    pub(super) fn get(&self, text: &[u8]) -> Option<&Spot> {
        if self.filter.may_hold(text.len(), text.last_chunk()) { self.spots.get(self.hash(text), text) } else { None }
    }

    /// Adds an identity, with the number of the pattern that names it whole, if one does.
    pub(super) fn add(&mut self, text: &[u8], exact: Option<u32>) {
        self.spots.add(self.hash(text), text, exact);
    }

    /// No more identities.
    pub(super) fn finish(&mut self) {
        self.spots.finish();
        let texts: Vec<&[u8]> = self.spots.texts().collect();
        self.filter = Filter::new(texts.into_iter().map(|text| (text.len(), text.last_chunk())));
    }

    /// Gives each identity its class, or none, by the number of the pattern that names it whole.
    pub(super) fn classify(&mut self, class: impl FnMut(&[u8], Option<u32>) -> Option<u32>) {
        self.spots.classify(class);
    }

    pub(super) fn len(&self) -> usize {
        self.spots.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.spots.bytes() + self.filter.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_of_any_length_are_found_again_and_no_others() {
        let mut named = Named::default();
        let text = |length: usize, last: char| format!("{}{last}", "x".repeat(length));
        for length in 0..200 {
            named.add(text(length, 'a').as_bytes(), u32::try_from(length).ok());
        }
        named.add(text(7, 'a').as_bytes(), None);
        named.finish();
        named.classify(|text, _| u32::try_from(text.len()).ok());
        assert_eq!(named.len(), 200);
        for length in 0..200 {
            let spot = named.get(text(length, 'a').as_bytes()).unwrap();
            let number = u32::try_from(length).unwrap();
            assert_eq!((spot.exact(), spot.class()), (Some(number), Some(number + 1)));
            assert!(named.get(text(length, 'b').as_bytes()).is_none());
            assert!(named.get(format!("{}y", text(length, 'a')).as_bytes()).is_none());
        }
    }

    #[test]
    fn every_byte_counts() {
        let named = Named::default();
        for length in 16..=64 {
            let text = vec![b'x'; length];
            let hashes: std::collections::HashSet<u32> = (0..length)
                .map(|at| {
                    let mut other = text.clone();
                    other[at] = b'y';
                    named.hash(&other)
                })
                .chain([named.hash(&text)])
                .collect();
            assert!(hashes.len() >= length, "{} hashes for {length} bytes", hashes.len());
        }
    }
}
