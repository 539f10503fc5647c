//! Texts of which a hash is at hand, and the class of each.

use hashbrown::HashTable;

use super::numbers::place;

/// Texts, one behind the other, and what is known of each.
///
/// Once all are there, those of one part of all hashes stand side by side, and there are as many parts as texts: a
/// look takes two lines, and no place is left free.
#[derive(Clone, Debug, Default)]
pub(super) struct Spots {
    text: Vec<u8>,
    spots: Vec<Spot>,
    /// Where the texts of each part start, and those of the last one end.
    starts: Box<[u32]>,
    /// How many parts there are.
    parts: u32,
    /// While texts are added: by hash, the place of each.
    known: HashTable<(u32, u32)>,
}

/// One text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    start: u32,
    /// How long it is, and in the highest bit whether a piece in front of it is left out.
    length: u32,
    class: u32,
    /// The number of the pattern that is this text.
    exact: u32,
}

/// A text, perhaps without a piece in front of it that many have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut<'t> {
    pub(super) rest: &'t [u8],
    /// Whether the piece is left out.
    pub(super) is_cut: bool,
}

const IS_CUT: u32 = 1 << 31;

impl<'t> Cut<'t> {
    /// All of a text.
    #[inline]
    pub(super) fn whole(rest: &'t [u8]) -> Self {
        Self { rest, is_cut: false }
    }

    /// The length as spots have it.
    #[inline]
    fn length(self) -> Option<u32> {
        let length = u32::try_from(self.rest.len()).ok().filter(|length| length & IS_CUT == 0)?;
        Some(if self.is_cut { length | IS_CUT } else { length })
    }
}

/// There is no such number.
const NONE: u32 = u32::MAX;

impl Spots {
    /// What is known of a text, once all are there.
    #[inline]
    pub(super) fn get(&self, hash: u32, text: Cut<'_>) -> Option<&Spot> {
        let [start, end] = *self.starts.get(place(part(hash, self.parts))..)?.first_chunk()?;
        self.spots.get(place(start)..place(end))?.iter().find(|spot| spot.is(text, &self.text))
    }

    /// Adds a text, with the number of the pattern that it is, if it is one; answers whether there was room for it, of
    /// so many texts with one hash.
    pub(super) fn add(&mut self, hash: u32, text: Cut<'_>, exact: Option<u32>, most_alike: usize) -> bool {
        let Self { text: all, spots, known, .. } = self;
        let is_same = |at: u32| spots.get(place(at)).is_some_and(|spot| spot.is(text, all));
        let same = known.find(long(hash), |(other, at)| *other == hash && is_same(*at)).map(|(_, at)| place(*at));
        if let Some(spot) = same.and_then(|at| spots.get_mut(at)) {
            spot.exact = exact.unwrap_or(spot.exact);
            return true;
        }
        if most_alike < usize::MAX && known.iter_hash(long(hash)).filter(|(other, _)| *other == hash).count() >= most_alike {
            return false;
        }
        // Policies are bounded far below two gigabytes; a text that did not fit would be one that no
        // fact equals.
        let number = |number: usize| u32::try_from(number).ok();
        let numbers = (number(all.len()), text.length(), number(spots.len()));
        let (Some(start), Some(length), Some(at)) = numbers else { return true };
        all.extend_from_slice(text.rest);
        spots.push(Spot { start, length, class: NONE, exact: exact.unwrap_or(NONE) });
        known.insert_unique(long(hash), (hash, at), |(hash, _)| long(*hash));
        true
    }

    /// No more texts.
    pub(super) fn finish(&mut self) {
        self.text.shrink_to_fit();
        self.parts = u32::try_from(self.spots.len()).unwrap_or(u32::MAX);
        if self.parts == 0 {
            return;
        }
        let parts = self.parts;
        // Counted first, so that none has to be sorted.
        let mut starts = vec![0; place(parts) + 1];
        for (hash, _) in &self.known {
            starts.get_mut(place(part(*hash, parts))).into_iter().for_each(|count| *count += 1);
        }
        let mut end = 0;
        for start in &mut starts {
            end += *start;
            *start = end;
        }
        let mut spots = vec![Spot { start: 0, length: 0, class: NONE, exact: NONE }; self.spots.len()];
        for (hash, at) in std::mem::take(&mut self.known) {
            // From its end to its start a part fills up.
            if let Some(next) = starts.get_mut(place(part(hash, parts))) {
                *next -= 1;
                let found = spots.get_mut(place(*next)).zip(self.spots.get(place(at)));
                found.into_iter().for_each(|(spot, known)| *spot = *known);
            }
        }
        self.spots = spots;
        self.starts = starts.into();
    }

    /// Every text.
    pub(super) fn texts(&self) -> impl Iterator<Item = Cut<'_>> {
        self.spots.iter().map(|spot| spot.text(&self.text))
    }

    /// Gives each text its class, or none, by the number of the pattern that it is.
    pub(super) fn classify(&mut self, mut class: impl FnMut(Cut<'_>, Option<u32>) -> Option<u32>) {
        for spot in &mut self.spots {
            spot.class = class(spot.text(&self.text), spot.exact()).unwrap_or(NONE);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.spots.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + size_of_val(self.spots.as_slice()) + size_of_val(&*self.starts)
    }
}

/// The part that a hash is of, of so many.
#[inline]
fn part(hash: u32, parts: u32) -> u32 {
    u32::try_from((u64::from(hash) * u64::from(parts)) >> 32).unwrap_or_default()
}

impl Spot {
    #[inline]
    fn text<'t>(&self, all: &'t [u8]) -> Cut<'t> {
        let (start, length) = (place(self.start), place(self.length & !IS_CUT));
        Cut { rest: all.get(start..start + length).unwrap_or_default(), is_cut: self.length & IS_CUT != 0 }
    }

    #[inline]
    fn is(&self, text: Cut<'_>, all: &[u8]) -> bool {
        text.length() == Some(self.length) && self.text(all).rest == text.rest
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_their_hash_and_are_there_once() {
        for count in [0, 1, 2, 7, 100, 3000] {
            let text = |number: u32| number.to_string().into_bytes();
            // Some have one hash, and some parts are empty.
            let hash = |number: u32| (number / 3).wrapping_mul(0x9e37_79b1);
            let mut spots = Spots::default();
            for number in (0..count).chain(0..count) {
                for (is_cut, exact) in [(false, Some(number)), (false, None), (true, None)] {
                    assert!(spots.add(hash(number), Cut { rest: &text(number), is_cut }, exact, usize::MAX));
                }
            }
            spots.finish();
            spots.classify(|text, exact| exact.map(|number| number + u32::from(!text.is_cut)));
            for number in 0..count {
                let spot = spots.get(hash(number), Cut::whole(&text(number))).unwrap();
                assert_eq!((spot.exact(), spot.class()), (Some(number), Some(number + 1)), "{number} of {count}");
                let cut = spots.get(hash(number), Cut { rest: &text(number), is_cut: true }).unwrap();
                assert_eq!((cut.exact(), cut.class()), (None, None), "{number} of {count}");
            }
            for number in count..count + 100 {
                assert!(spots.get(hash(number), Cut::whole(&text(number))).is_none(), "{number} of {count}");
            }
            assert_eq!((spots.len(), spots.texts().count()), (2 * place(count), 2 * place(count)));
        }
    }

    #[test]
    fn so_many_texts_may_have_one_hash() {
        let mut spots = Spots::default();
        let added: Vec<bool> = [b"a", b"b", b"a", b"c", b"b"].map(|text| spots.add(7, Cut::whole(text), None, 2)).into();
        assert_eq!(added, [true, true, true, false, true]);
        spots.finish();
        assert_eq!(spots.len(), 2);
    }
}
