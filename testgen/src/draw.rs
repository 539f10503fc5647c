//! Choices, made from bytes.

use arbitrary::Unstructured;

/// Makes choices from bytes. Once they are used up every choice is the first one, and every chance is
/// missed, so that any input comes to an end.
#[derive(Debug)]
pub struct Draw<'b>(Unstructured<'b>);

impl<'b> Draw<'b> {
    /// Choices from these bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// A number below `count`, which is not zero.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0.int_in_range(0..=count.saturating_sub(1)).unwrap_or(0)
    }

    /// A number between two.
    pub(crate) fn between(&mut self, least: usize, most: usize) -> usize {
        self.0.int_in_range(least..=most).unwrap_or(least)
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, chance: usize) -> bool {
        self.below(100) >= 100_usize.saturating_sub(chance)
    }

    /// One of a pool.
    pub(crate) fn one<T: Copy + Default>(&mut self, pool: &[T]) -> T {
        let at = self.below(pool.len());
        pool.get(at).copied().unwrap_or_default()
    }

    /// One of a pool, as owned text.
    pub(crate) fn text(&mut self, pool: &[&str]) -> String {
        self.one(pool).into()
    }

    /// The place of a weight, each as likely as it is heavy.
    pub(crate) fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut at = self.below(weights.iter().sum());
        for (place, weight) in weights.iter().enumerate() {
            if at < *weight {
                return place;
            }
            at -= weight;
        }
        0
    }

    /// One to `most` values, fewer being likelier.
    pub(crate) fn some<T>(&mut self, most: usize, mut value: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut values = vec![value(self)];
        while values.len() < most && self.percent(40) {
            values.push(value(self));
        }
        values
    }

    /// A value, so many times in a hundred.
    pub(crate) fn maybe<T>(&mut self, chance: usize, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.percent(chance).then(|| value(self))
    }
}

/// Bytes that a seed stands for, the same on every machine (SplitMix64).
///
/// ```
/// use authz_testgen::seeded_bytes;
///
/// assert_eq!(seeded_bytes(7, 64), seeded_bytes(7, 64));
/// assert_ne!(seeded_bytes(7, 64), seeded_bytes(8, 64));
/// ```
pub fn seeded_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
