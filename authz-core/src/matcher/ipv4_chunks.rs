//! Whether a large set of IPv4 addresses holds an address: a comparison with one window of boundaries.
//!
//! Behind an odd number of boundaries one is inside. Those that share their first two bytes are a chunk, which
//! is cut into cells with at most a window of boundaries each. So a look is the same few steps for every
//! address, and none of them waits for a guess about the one before: looks at several addresses overlap.

use super::numbers::place;

/// A set of IPv4 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv4Chunks {
    /// By the first two bytes of an address; nothing where there are no boundaries, as in a set of IPv6 addresses alone.
    chunks: Option<Box<[Chunk; CHUNKS]>>,
    /// Of each chunk: where the boundaries of each cell start, counted from here on; then the second halves of the
    /// boundaries.
    words: Box<[u16]>,
    /// Whether the smallest address is in the set.
    starts_inside: bool,
}

/// The boundaries that share their first two bytes.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    /// Where its words start.
    start: u32,
    /// Where they end, counted from their start; of a crowd, how many boundaries there are but one.
    end: u16,
    /// How it is cut, see below.
    cut: u16,
}

const CHUNKS: usize = 1 << 16;

/// How many boundaries are compared, one and all.
const WINDOW: usize = 16;

/// How many low bits do not choose among the cells of a chunk.
const SHIFT: u16 = 15;
/// Whether what is before its first boundary is inside.
const INSIDE: u16 = 1 << 8;
/// There are no cells, as the boundaries are too many or too close.
const CROWD: u16 = 1 << 9;

/// How many boundaries are a crowd wherever they are: the others are counted by signed numbers.
const MANY: usize = 1 << 15;

/// How many boundaries a cell should be worth that is cut off from others.
const CELL: usize = 2;

impl Ipv4Chunks {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u32], starts_inside: bool) -> Self {
        if boundaries.is_empty() {
            return Self { chunks: None, words: Box::default(), starts_inside };
        }
        let mut chunks = Box::new([Chunk { start: 0, end: 0, cut: 0 }; CHUNKS]);
        let mut words = Vec::with_capacity(boundaries.len() + boundaries.len() / 4 + CHUNKS);
        let (mut inside, mut empty) = (starts_inside, [None; 2]);
        let (mut rest, mut halves) = (boundaries, Vec::new());
        for (number, chunk) in (0..).zip(chunks.iter_mut()) {
            halves.clear();
            while let [first, behind @ ..] = rest
                && first >> 16 == number
            {
                let [_, _, three, four] = first.to_be_bytes();
                halves.push(u16::from_be_bytes([three, four]));
                rest = behind;
            }
            let [outer, inner] = &mut empty;
            let known = if inside { inner } else { outer };
            *chunk = match known {
                // Those without boundaries are kept once.
                Some(known) if halves.is_empty() => *known,
                _ => Chunk::add(&mut words, &halves, inside),
            };
            if halves.is_empty() {
                *known = Some(*chunk);
            }
            inside ^= !halves.len().is_multiple_of(2);
        }
        // The last window may reach behind the last chunk.
        words.extend([u16::MAX; WINDOW]);
        Self { chunks: Some(chunks), words: words.into(), starts_inside }
    }

    /// Whether an address is in the set; nothing if that is not to be found, as what is built is complete.
    #[inline(always)]
    pub(super) fn contains(&self, address: u32) -> Option<bool> {
        self.contains_at_once(address).or_else(|| self.contains_at_length(address))
    }

    /// The same, if there are boundaries and it is not in a crowd.
    #[inline(always)]
    pub(super) fn contains_at_once(&self, address: u32) -> Option<bool> {
        let (Chunk { start, end, cut }, half) = self.chunk(address)?;
        let words = self.words.get(place(start)..)?;
        if cut & CROWD != 0 {
            return None;
        }
        let cell = *words.get(usize::from(half >> (cut & SHIFT)))?;
        let window = words.get(usize::from(cell)..)?.first_chunk::<WINDOW>()?;
        // Boundaries of other cells of the chunk are on the right side of the address; those of others do not count.
        let count = end.wrapping_sub(cell).cast_signed();
        let passed = window.iter().zip(0_i16..).fold(false, |odd, (other, at)| odd ^ ((*other <= half) & (at < count)));
        // The number of cells is even, so that the place of a boundary among the words says what its number would.
        Some(passed ^ ((cell ^ cut >> 8) & 1 == 1))
    }

    #[cold]
    fn contains_at_length(&self, address: u32) -> Option<bool> {
        if self.chunks.is_none() {
            return Some(self.starts_inside);
        }
        let (Chunk { start, end, cut }, half) = self.chunk(address)?;
        if cut & CROWD == 0 {
            return None;
        }
        let passed = self.words.get(place(start)..)?.get(..=usize::from(end))?.partition_point(|other| *other <= half);
        Some((passed % 2 == 1) != (cut & INSIDE != 0))
    }

    /// The chunk of an address, and the half that is looked for in it.
    #[inline(always)]
    fn chunk(&self, address: u32) -> Option<(Chunk, u16)> {
        let [one, two, three, four] = address.to_be_bytes();
        let chunk = self.chunks.as_ref()?.get(usize::from(u16::from_be_bytes([one, two])))?;
        Some((*chunk, u16::from_be_bytes([three, four])))
    }

    pub(super) fn bytes(&self) -> usize {
        self.chunks.as_ref().map_or(0, |chunks| size_of_val(&**chunks)) + size_of_val(&*self.words)
    }
}

const _: () = assert!(INSIDE >> 8 == 1);

impl Chunk {
    /// Adds the words of these second halves.
    fn add(words: &mut Vec<u16>, halves: &[u16], inside: bool) -> Self {
        let number = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        let start = u32::try_from(words.len()).unwrap_or(u32::MAX);
        let inside = if inside { INSIDE } else { 0 };
        let Some(shift) = shift(halves) else {
            words.extend_from_slice(halves);
            return Self { start, end: number(halves.len() - 1), cut: inside | CROWD };
        };
        let cells = 1_usize << (16 - shift);
        let mut below = 0;
        for cell in 0..cells {
            below += halves.iter().skip(below).take_while(|half| usize::from(**half >> shift) < cell).count();
            words.push(number(cells + below));
        }
        words.extend_from_slice(halves);
        Self { start, end: number(cells + halves.len()), cut: inside | shift }
    }
}

/// How many low bits do not choose among cells, so that none has more boundaries than a window; nothing for a crowd.
fn shift(halves: &[u16]) -> Option<u16> {
    let fewest = (halves.len() / WINDOW).max(1).ilog2().max(1);
    let most = (halves.len() / CELL).max(2).ilog2();
    let shifts = (fewest..=most).filter_map(|bits| u16::try_from(16 - bits).ok());
    shifts.filter(|_| halves.len() < MANY).find(|shift| {
        halves.windows(WINDOW + 1).all(|run| match run {
            [first, .., last] => first >> shift != last >> shift,
            _ => true,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::lookup::spread;

    /// How many chunks are crowds, and how many cells there are at most.
    fn shapes(set: &Ipv4Chunks) -> (usize, u32) {
        let cuts = || set.chunks.iter().flat_map(|chunks| chunks.iter()).map(|chunk| chunk.cut);
        let cells = cuts().filter(|cut| cut & CROWD == 0).map(|cut| 1 << (16 - (cut & SHIFT)));
        (cuts().filter(|cut| cut & CROWD != 0).count(), cells.max().unwrap_or(0))
    }

    fn check(boundaries: &[u32], expected: (usize, u32)) {
        for starts_inside in [false, true] {
            let set = Ipv4Chunks::new(boundaries, starts_inside);
            assert_eq!(shapes(&set), expected);
            for boundary in boundaries.iter().copied().chain([0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX]) {
                for address in
                    [boundary.wrapping_sub(1), boundary, boundary.wrapping_add(1), boundary ^ 0xffff, boundary ^ 0xff_ffff]
                {
                    let inside = (boundaries.partition_point(|boundary| *boundary <= address) % 2 == 1) != starts_inside;
                    assert_eq!(set.contains(address), Some(inside), "{address:#x} among {}", boundaries.len());
                }
            }
        }
    }

    #[test]
    fn an_address_behind_an_odd_number_of_boundaries_is_inside() {
        check(&[], (0, 0));
        check(&[1, u32::MAX], (0, 2));
        check(&spread(500, 1 << 16), (0, 64));
        check(&spread(5000, 1 << 24), (0, 2));
        check(&spread(100_000, 1 << 22), (0, 128));
    }

    #[test]
    fn boundaries_that_are_too_many_or_too_close_for_cells_are_searched() {
        check(&(0x0a00_00f0..0x0a00_0110).collect::<Vec<_>>(), (1, 2));
        check(&(1..0x8000).collect::<Vec<_>>(), (0, 4096));
        check(&(1..=0x8000).collect::<Vec<_>>(), (1, 2));
        check(&(1..0x1_0000).collect::<Vec<_>>(), (1, 2));
        check(&(0x000a_0000..0x000d_0000).collect::<Vec<_>>(), (3, 2));
    }
}
