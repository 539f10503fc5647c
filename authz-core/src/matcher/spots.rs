//! Texts of which a hash is at hand, and the class of each.

use hashbrown::HashTable;

use super::lookup::place;

/// Texts, one behind the other, and what is known of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Spots {
    text: Vec<u8>,
    table: HashTable<Spot>,
}

/// One text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    hash: u32,
    start: u32,
    length: u32,
    class: u32,
    /// The number of the pattern that is this text.
    exact: u32,
}

/// There is no such number.
const NONE: u32 = u32::MAX;

impl Spots {
    #[inline]
    pub(super) fn get(&self, hash: u32, text: &[u8]) -> Option<&Spot> {
        self.table.find(long(hash), |spot| spot.is(hash, text, &self.text))
    }

    /// Adds a text, with the number of the pattern that it is, if it is one.
    pub(super) fn add(&mut self, hash: u32, text: &[u8], exact: Option<u32>) {
        if let Some(spot) = self.table.find_mut(long(hash), |spot| spot.is(hash, text, &self.text)) {
            spot.exact = exact.unwrap_or(spot.exact);
            return;
        }
        // Policies are bounded far below four gigabytes; a text that did not fit would be one that no
        // fact equals.
        let (Ok(start), Ok(length)) = (u32::try_from(self.text.len()), u32::try_from(text.len())) else { return };
        self.text.extend_from_slice(text);
        let spot = Spot { hash, start, length, class: NONE, exact: exact.unwrap_or(NONE) };
        self.table.insert_unique(long(hash), spot, |spot| long(spot.hash));
    }

    /// How many texts have a hash.
    pub(super) fn alike(&self, hash: u32) -> usize {
        self.table.iter_hash(long(hash)).filter(|known| known.hash == hash).count()
    }

    /// No more texts.
    pub(super) fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.table.shrink_to_fit(|spot| long(spot.hash));
    }

    /// Every text, in no order.
    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.table.iter().map(|spot| spot.text(&self.text))
    }

    /// Gives each text its class, or none, by the number of the pattern that it is.
    pub(super) fn classify(&mut self, mut class: impl FnMut(&[u8], Option<u32>) -> Option<u32>) {
        for spot in &mut self.table {
            spot.class = class(spot.text(&self.text), spot.exact()).unwrap_or(NONE);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.table.allocation_size()
    }
}

impl Spot {
    #[inline]
    fn text<'t>(&self, all: &'t [u8]) -> &'t [u8] {
        let start = place(self.start);
        all.get(start..start + place(self.length)).unwrap_or_default()
    }

    #[inline]
    fn is(&self, hash: u32, text: &[u8], all: &[u8]) -> bool {
        self.hash == hash && self.text(all) == text
    }

    /// The class of whatever has this text; nothing where there is none.
    #[inline]
    pub(super) fn class(&self) -> Option<u32> {
        (self.class != NONE).then_some(self.class)
    }

    /// The number of the pattern that is this text.
    #[inline]
    pub(super) fn exact(&self) -> Option<u32> {
        (self.exact != NONE).then_some(self.exact)
    }
}

/// What a table takes for a hash: its top bits count as well as the lowest.
#[inline]
fn long(hash: u32) -> u64 {
    u64::from(hash) << 32 | u64::from(hash)
}

/// Mixes words into a hash.
#[inline]
pub(super) fn hash_of(pairs: &[[u64; 2]]) -> u32 {
    let mixed = pairs.iter().fold(0, |all: u64, [one, other]| {
        let product = u128::from(*one) * u128::from(*other);
        all.rotate_left(32) ^ lower(product) ^ lower(product >> 64)
    });
    u32::try_from(mixed >> 32).unwrap_or_default()
}

#[inline]
fn lower(bits: u128) -> u64 {
    u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default()
}

/// Two words of sixteen bytes.
#[inline]
pub(super) fn words(bytes: &[u8; 16]) -> [u64; 2] {
    let both = u128::from_le_bytes(*bytes);
    [lower(both), lower(both >> 64)]
}
