//! Identities that policies name whole, found before anything is taken apart.

use std::hash::BuildHasher;

use super::filter::Filter;
use super::identity::SCHEME;
use super::spots::{Cut, Spot, Spots, hash_of, words};

/// Identities, without their scheme.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// What most start with, such as `cluster.local/ns`, which is kept once.
    start: [u8; START],
    spots: Spots,
    /// By length, of the last eight bytes.
    filter: Filter,
    seeds: [u64; 8],
    hasher: foldhash::fast::RandomState,
}

/// How many bytes of a start are kept once: to compare sixteen is one instruction.
const START: usize = 16;

/// Of what is shorter than this the start is kept too, so that eight bytes stand behind it.
const SHORTEST_CUT: usize = START + 8;

/// So many random words.
pub(super) fn seeds<const N: usize>() -> [u64; N] {
    let random = foldhash::fast::RandomState::default();
    std::array::from_fn(|number| random.hash_one(number))
}

impl Default for Named {
    fn default() -> Self {
        Self {
            start: [0; START],
            spots: Spots::default(),
            filter: Filter::default(),
            seeds: seeds(),
            hasher: foldhash::fast::RandomState::default(),
        }
    }
}

impl Named {
    /// None yet, of which many will start as most of these do.
    pub(super) fn that_start_as<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Self {
        let mut this = Self::default();
        // If more than half start alike, theirs is left when all others have been set off against them.
        let mut lead = 0_usize;
        for start in texts.filter_map(|text| text.first_chunk::<START>()) {
            if *start == this.start {
                lead += 1;
            } else if let Some(less) = lead.checked_sub(1) {
                lead = less;
            } else {
                (this.start, lead) = (*start, 1);
            }
        }
        this
    }

    #[inline]
    fn cut<'t>(&self, text: &'t [u8]) -> Cut<'t> {
        match text.split_first_chunk() {
            Some((start, rest)) if *start == self.start && text.len() >= SHORTEST_CUT => Cut { rest, is_cut: true },
            _ => Cut::whole(text),
        }
    }

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
        if self.filter.may_hold(text.len(), text.last_chunk()) { self.spots.get(self.hash(text), self.cut(text)) } else { None }
    }

    /// Adds an identity, with the number of the pattern that names it whole, if one does.
    pub(super) fn add(&mut self, text: &[u8], exact: Option<u32>) {
        self.spots.add(self.hash(text), self.cut(text), exact, usize::MAX);
    }

    /// No more identities.
    pub(super) fn finish(&mut self) {
        self.spots.finish();
        let texts: Vec<Cut<'_>> = self.spots.texts().collect();
        let length = |text: &Cut<'_>| text.rest.len() + if text.is_cut { START } else { 0 };
        self.filter = Filter::new(texts.into_iter().map(|text| (length(&text), text.rest.last_chunk())));
    }

    /// Gives each identity, with its scheme, its class, or none, by the number of the pattern that names it whole.
    pub(super) fn classify(&mut self, mut class: impl FnMut(&[u8], Option<u32>) -> Option<u32>) {
        let (start, mut identity) = (&self.start, Vec::new());
        self.spots.classify(|Cut { rest, is_cut }, exact| {
            identity.clear();
            let start: &[u8] = if is_cut { start } else { &[] };
            [SCHEME.as_bytes(), start, rest].into_iter().for_each(|part| identity.extend_from_slice(part));
            class(&identity, exact)
        });
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
        let starts = ["a different one", "xxxxxxxxxxxxxxxxxxxx", "xxxxxxxxxxxxxxxx", "", "xxxxxxxxxxxxxxxxy"];
        let mut named = Named::that_start_as(starts.iter().map(|start| start.as_bytes()));
        assert_eq!(named.start, [b'x'; START]);
        let text = |length: usize, last: char| format!("{}{last}", "x".repeat(length));
        for length in 0..200 {
            named.add(text(length, 'a').as_bytes(), u32::try_from(length).ok());
        }
        named.add(text(7, 'a').as_bytes(), None);
        named.finish();
        named.classify(|identity, _| u32::try_from(identity.strip_prefix(SCHEME.as_bytes())?.len()).ok());
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
