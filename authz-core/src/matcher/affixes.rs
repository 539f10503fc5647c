//! Prefixes and suffixes of texts, found without trying each.

use super::text_map::TextMap;
use crate::value::StringMatch;

/// Bits of what is in a table, so that most of what is not need not be looked up in it.
#[derive(Clone, Debug, Default)]
struct Filter {
    /// A power of two of them.
    bits: Box<[u64]>,
    /// Whether some text is too short for a window; nothing tells short ones apart.
    has_short: bool,
}

impl Filter {
    /// A filter of what these windows, or their lack, tell of each text.
    fn new<'t>(windows: impl ExactSizeIterator<Item = (usize, Option<&'t [u8; 8]>)>) -> Self {
        if windows.len() == 0 {
            return Self::default();
        }
        let words = (windows.len() / 4).next_power_of_two();
        let mut filter = Self { bits: vec![0; words].into(), has_short: false };
        for (salt, window) in windows {
            match window {
                Some(window) => {
                    let (word, bit) = filter.place(salt, *window);
                    filter.bits.get_mut(word).into_iter().for_each(|word| *word |= bit);
                }
                None => filter.has_short = true,
            }
        }
        filter
    }

    #[inline]
    fn place(&self, salt: usize, window: [u8; 8]) -> (usize, u64) {
        // The salt tells the same window at another length, or in another place.
        let salt = u64::try_from(salt).unwrap_or_default().wrapping_mul(0xd6e8_feb8_6659_fd93);
        let mixed = (u64::from_le_bytes(window) ^ salt).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let word = usize::try_from(mixed >> 32).unwrap_or_default() & self.bits.len().wrapping_sub(1);
        (word, 1 << (mixed >> 58))
    }

    /// Whether a text with this window may be in the table.
    #[inline]
    fn may_hold(&self, salt: usize, window: Option<&[u8; 8]>) -> bool {
        match window {
            Some(window) => {
                let (word, bit) = self.place(salt, *window);
                self.bits.get(word).is_some_and(|word| word & bit != 0)
            }
            None => self.has_short,
        }
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.bits)
    }
}

/// Prefixes, or suffixes, found by hashing one candidate of each length that occurs.
#[derive(Clone, Debug, Default)]
pub(super) struct Affixes {
    lengths: Vec<usize>,
    table: TextMap,
    /// By length, of the eight bytes at the inner end, which tell affixes of one length best.
    filter: Filter,
}

impl Affixes {
    pub(super) fn insert(&mut self, affix: &str, number: u32) {
        if let Err(at) = self.lengths.binary_search(&affix.len()) {
            self.lengths.insert(at, affix.len());
        }
        self.table.insert(affix.as_bytes(), number);
    }

    /// No more prefixes.
    pub(super) fn finish_prefixes(&mut self) {
        self.finish(|affix| affix.last_chunk());
    }

    /// No more suffixes.
    pub(super) fn finish_suffixes(&mut self) {
        self.finish(|affix| affix.first_chunk());
    }

    fn finish(&mut self, window: fn(&[u8]) -> Option<&[u8; 8]>) {
        self.lengths.shrink_to_fit();
        self.table.shrink();
        let texts: Vec<&[u8]> = self.table.iter().map(|(text, _)| text).collect();
        self.filter = Filter::new(texts.into_iter().map(|text| (text.len(), window(text))));
    }

    #[inline]
    pub(super) fn prefixes_of(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        for length in &self.lengths {
            let Some(prefix) = text.get(..*length) else { return };
            if self.filter.may_hold(*length, prefix.last_chunk())
                && let Some(number) = self.table.get(prefix)
            {
                found(*length, number);
            }
        }
    }

    #[inline]
    pub(super) fn suffixes_of(&self, text: &[u8], mut found: impl FnMut(u32)) {
        for length in &self.lengths {
            let Some(suffix) = text.len().checked_sub(*length).and_then(|start| text.get(start..)) else { return };
            if self.filter.may_hold(*length, suffix.first_chunk())
                && let Some(number) = self.table.get(suffix)
            {
                found(number);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.lengths.as_slice()) + self.table.bytes() + self.filter.bytes()
    }
}

/// Whole texts.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    table: TextMap,
    /// By length, of the last eight bytes.
    filter: Filter,
}

impl Whole {
    pub(super) fn insert(&mut self, text: &str, number: u32) {
        self.table.insert(text.as_bytes(), number);
    }

    /// No more texts.
    fn finish(&mut self) {
        self.table.shrink();
        let texts: Vec<&[u8]> = self.table.iter().map(|(text, _)| text).collect();
        self.filter = Filter::new(texts.into_iter().map(|text| (text.len(), text.last_chunk())));
    }

    /// The number of a text that may be one of them.
    #[inline]
    pub(super) fn get(&self, text: &[u8]) -> Option<u32> {
        if self.filter.may_hold(text.len(), text.last_chunk()) { self.table.get(text) } else { None }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Every text with its number, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.table.iter()
    }

    fn bytes(&self) -> usize {
        self.table.bytes() + self.filter.bytes()
    }
}

/// Strings, prefixes and suffixes of one text.
#[derive(Clone, Debug, Default)]
pub(super) struct Forms {
    pub(super) exact: Whole,
    pub(super) prefixes: Affixes,
    pub(super) suffixes: Affixes,
}

impl Forms {
    pub(super) fn insert(&mut self, pattern: &StringMatch, number: u32) -> bool {
        match pattern {
            StringMatch::Presence => return false,
            StringMatch::Exact(text) => self.exact.insert(text, number),
            StringMatch::Prefix(text) => self.prefixes.insert(text, number),
            StringMatch::Suffix(text) => self.suffixes.insert(text, number),
        }
        true
    }

    #[inline]
    pub(super) fn matches_of(&self, text: &[u8], found: &mut impl FnMut(u32)) {
        if let Some(number) = self.exact.get(text) {
            found(number);
        }
        self.affixes_of(text, found);
    }

    /// The prefixes and suffixes of a text.
    #[inline]
    pub(super) fn affixes_of(&self, text: &[u8], found: &mut impl FnMut(u32)) {
        self.prefixes.prefixes_of(text, |_, number| found(number));
        self.suffixes.suffixes_of(text, &mut *found);
    }

    /// No more patterns.
    pub(super) fn finish(&mut self) {
        self.exact.finish();
        self.prefixes.finish_prefixes();
        self.suffixes.finish_suffixes();
    }

    pub(super) fn bytes(&self) -> usize {
        self.exact.bytes() + self.prefixes.bytes() + self.suffixes.bytes()
    }
}

/// Prefixes that end with a slash, or suffixes that start with one: what is left to ask of a text whose
/// slashes are known is one candidate a slash.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounded {
    table: TextMap,
    filter: Filter,
}

/// The last eight bytes of a prefix.
#[inline]
fn prefix_window(prefix: &[u8]) -> Option<&[u8; 8]> {
    prefix.last_chunk()
}

/// Eight bytes of a suffix that tell it from others: not its start, which is `/ns/` or `/sa/`.
#[inline]
fn suffix_window(suffix: &[u8]) -> Option<&[u8; 8]> {
    suffix.get(4..)?.first_chunk()
}

impl Bounded {
    pub(super) fn insert(&mut self, affix: &str, number: u32) {
        self.table.insert(affix.as_bytes(), number);
    }

    /// No more prefixes.
    pub(super) fn finish_prefixes(&mut self) {
        self.finish(prefix_window);
    }

    /// No more suffixes.
    pub(super) fn finish_suffixes(&mut self) {
        self.finish(suffix_window);
    }

    fn finish(&mut self, window: fn(&[u8]) -> Option<&[u8; 8]>) {
        self.table.shrink();
        let texts: Vec<&[u8]> = self.table.iter().map(|(text, _)| text).collect();
        self.filter = Filter::new(texts.into_iter().map(|text| (0, window(text))));
    }

    /// The number of a text that may be one of the prefixes.
    #[inline]
    pub(super) fn prefix(&self, text: &[u8]) -> Option<u32> {
        if self.filter.may_hold(0, prefix_window(text)) { self.table.get(text) } else { None }
    }

    /// The number of a text that may be one of the suffixes.
    #[inline]
    pub(super) fn suffix(&self, text: &[u8]) -> Option<u32> {
        if self.filter.may_hold(0, suffix_window(text)) { self.table.get(text) } else { None }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.filter.bits.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + self.filter.bytes()
    }
}
