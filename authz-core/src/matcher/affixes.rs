//! Prefixes and suffixes of texts, found without trying each.

use super::filter::Filter;
use super::text_map::TextMap;
use crate::value::StringMatch;

/// Prefixes, or suffixes, found by hashing one candidate of each length that may be one.
///
/// Which lengths those are is told by the [`ANCHOR`] bytes at the outer end of a text.
#[derive(Clone, Debug, Default)]
pub(super) struct Affixes {
    /// By anchor, of which there is a power of two of places: a bit for each length that occurs behind it.
    anchors: Box<[u64]>,
    /// The lengths without an anchor.
    short: Vec<usize>,
    /// The lengths that share the last bit.
    long: Vec<usize>,
    table: TextMap,
    /// By length, of the eight bytes at the inner end, which tell affixes of one length best.
    filter: Filter,
}

/// How many bytes an anchor has.
const ANCHOR: usize = 4;

/// From this length on lengths share a bit.
const LONG: usize = 63;

/// The most places for anchors.
const ANCHORS: usize = 1 << 12;

impl Affixes {
    pub(super) fn insert(&mut self, affix: &str, number: u32) {
        let lengths = match affix.len() {
            ..ANCHOR => Some(&mut self.short),
            ANCHOR..LONG => None,
            LONG.. => Some(&mut self.long),
        };
        if let Some(lengths) = lengths
            && let Err(at) = lengths.binary_search(&affix.len())
        {
            lengths.insert(at, affix.len());
        }
        self.table.insert(affix.as_bytes(), number);
    }

    /// No more prefixes.
    pub(super) fn finish_prefixes(&mut self) {
        self.finish(|affix| affix.first_chunk(), |affix| affix.last_chunk());
    }

    /// No more suffixes.
    pub(super) fn finish_suffixes(&mut self) {
        self.finish(|affix| affix.last_chunk(), |affix| affix.first_chunk());
    }

    fn finish(&mut self, anchor: fn(&[u8]) -> Option<&[u8; ANCHOR]>, window: fn(&[u8]) -> Option<&[u8; 8]>) {
        self.short.shrink_to_fit();
        self.long.shrink_to_fit();
        self.table.shrink();
        let texts: Vec<&[u8]> = self.table.iter().map(|(text, _)| text).collect();
        if texts.iter().any(|text| text.len() >= ANCHOR) {
            let mut anchors = vec![0; (2 * texts.len()).next_power_of_two().min(ANCHORS)];
            for text in &texts {
                let place = anchor(text).and_then(|anchor| {
                    let at = place_of(*anchor, anchors.len());
                    anchors.get_mut(at)
                });
                place.into_iter().for_each(|lengths| *lengths |= 1_u64 << text.len().min(LONG));
            }
            self.anchors = anchors.into();
        }
        self.filter = Filter::new(texts.into_iter().map(|text| (text.len(), window(text))));
    }

    /// The lengths that may occur behind an anchor, as bits.
    #[inline]
    fn lengths(&self, anchor: Option<&[u8; ANCHOR]>) -> u64 {
        let place = anchor.and_then(|anchor| self.anchors.get(place_of(*anchor, self.anchors.len())));
        place.copied().unwrap_or_default()
    }

    /// Calls `each` with every length that may occur.
    #[inline]
    fn each_length(&self, anchor: Option<&[u8; ANCHOR]>, mut each: impl FnMut(usize)) {
        self.short.iter().for_each(|length| each(*length));
        let mut lengths = self.lengths(anchor);
        while lengths != 0 {
            match super::numbers::place(lengths.trailing_zeros()) {
                LONG => self.long.iter().for_each(|length| each(*length)),
                length => each(length),
            }
            lengths &= lengths - 1;
        }
    }

    /// Calls `found` with the length and the number of each that a text starts with.
    #[inline]
    pub(super) fn prefixes_of(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        if self.is_empty() {
            return;
        }
        self.each_length(text.first_chunk(), |length| {
            if let Some(prefix) = text.get(..length)
                && self.filter.may_hold(length, prefix.last_chunk())
                && let Some(number) = self.table.get(prefix)
            {
                found(length, number);
            }
        });
    }

    /// Calls `found` with the number of each that a text ends with.
    #[inline]
    pub(super) fn suffixes_of(&self, text: &[u8], mut found: impl FnMut(u32)) {
        if self.is_empty() {
            return;
        }
        self.each_length(text.last_chunk(), |length| {
            if let Some(suffix) = text.len().checked_sub(length).and_then(|start| text.get(start..))
                && self.filter.may_hold(length, suffix.first_chunk())
                && let Some(number) = self.table.get(suffix)
            {
                found(number);
            }
        });
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.anchors)
            + size_of_val(self.short.as_slice())
            + size_of_val(self.long.as_slice())
            + self.table.bytes()
            + self.filter.bytes()
    }
}

/// The place of an anchor among a power of two of them.
#[inline]
fn place_of(anchor: [u8; ANCHOR], places: usize) -> usize {
    let mixed = u32::from_le_bytes(anchor).wrapping_mul(0x9e37_79b1) >> 16;
    super::numbers::place(mixed) & places.wrapping_sub(1)
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
    pub(super) fn finish(&mut self) {
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

    pub(super) fn bytes(&self) -> usize {
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

    pub(super) fn is_empty(&self) -> bool {
        self.exact.len() == 0 && self.has_no_affixes()
    }

    /// How many lengths are tried whatever a text starts or ends with.
    pub(super) fn long(&self) -> usize {
        self.prefixes.long.len() + self.suffixes.long.len()
    }

    pub(super) fn has_no_affixes(&self) -> bool {
        self.prefixes.is_empty() && self.suffixes.is_empty()
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
    /// A bit for each number of slashes that occurs in one.
    slashes: u8,
    longest: usize,
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
        let slashes = affix.bytes().filter(|byte| *byte == b'/').count();
        // Those of more are looked for without asking.
        self.slashes |= 1_u8.checked_shl(u32::try_from(slashes).unwrap_or(u32::MAX)).unwrap_or_default();
        self.longest = self.longest.max(affix.len());
        self.table.insert(affix.as_bytes(), number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// Whether a text may be one. A peer chooses how long its identity is and how many slashes it has, and
    /// hashing what stands before each would take the square of that.
    #[inline]
    fn may_hold(&self, text: &[u8], window: Option<&[u8; 8]>) -> bool {
        text.len() <= self.longest && self.filter.may_hold(0, window)
    }

    /// Whether some have this many slashes, of which it takes fewer than eight.
    #[inline]
    pub(super) fn has(&self, slashes: u32) -> bool {
        self.slashes >> slashes & 1 == 1
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
        if self.may_hold(text, prefix_window(text)) { self.table.get(text) } else { None }
    }

    /// The number of a text that may be one of the suffixes.
    #[inline]
    pub(super) fn suffix(&self, text: &[u8]) -> Option<u32> {
        if self.may_hold(text, suffix_window(text)) { self.table.get(text) } else { None }
    }

    pub(super) fn bytes(&self) -> usize {
        self.table.bytes() + self.filter.bytes()
    }
}
