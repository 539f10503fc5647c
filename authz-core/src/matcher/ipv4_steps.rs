//! Where an IPv4 address stands among boundaries that lie close together in few networks.
//!
//! A table over the first byte leads to one over the following bits, that to one over those behind, each of as
//! many bits as the boundaries there are worth, and the last to a few boundaries that are compared one and all.
//! There is no search, whose branches nobody could foresee, but where a network is fuller than its tables may be large.

use super::numbers::{place, signed};

/// Boundaries on the line of IPv4 addresses.
#[derive(Clone, Debug)]
pub(super) enum Ipv4Line {
    /// At most [`FEW`]: all of them are compared.
    Few([u32; FEW]),
    Tables(Tables),
}

#[derive(Clone, Debug)]
pub(super) struct Tables {
    first: Box<[Page; 256]>,
    nodes: Box<[Page]>,
    /// The number of a window, or [`FULL`] and that of more boundaries than fit into one.
    cells: Box<[u32]>,
    windows: Box<[Window]>,
    full: Box<[Full]>,
}

/// The most boundaries that are compared one and all without a table.
const FEW: usize = 16;

/// How many boundaries of a cell are compared, one and all.
const WINDOW: usize = 4;

/// How many places behind the last one [`Ipv4Line::roughly`] may answer.
pub(super) const SLACK: usize = FEW;

/// How many entries a table has at most for each boundary it tells apart: of the second level, and of the third.
const NODES_EACH: usize = 4;
const CELLS_EACH: usize = 8;

/// Marks a cell with more boundaries than are compared one and all.
const FULL: u32 = 1 << 31;

/// A part of a table: that of the addresses which one entry of the table before it stands for.
///
/// The lowest bits are how many low bits of an address do not choose among its entries, those above where it would
/// start if it started with the smallest address of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page(u32);

/// How many bits tell how many do not choose.
const SHIFT: u32 = 5;

impl Page {
    /// The part that starts at a place for the addresses from `base` on.
    fn new(start: usize, base: u32, shift: u32) -> Self {
        let start = u32::try_from(start).unwrap_or(u32::MAX);
        Self(start.wrapping_sub(base >> shift) << SHIFT | shift)
    }

    #[inline(always)]
    fn place(self, address: u32) -> usize {
        let Self(bits) = self;
        let from_start = address >> (bits & ((1 << SHIFT) - 1));
        place((bits >> SHIFT).wrapping_add(from_start) & (u32::MAX >> SHIFT))
    }
}

/// The boundaries of a cell, in order and filled up with the largest.
#[derive(Clone, Copy, Debug)]
struct Window {
    boundaries: [i32; WINDOW],
    /// How many boundaries are below the cell.
    below: u32,
}

/// The boundaries of a cell that has more of them.
#[derive(Clone, Debug)]
struct Full {
    boundaries: Box<[u32]>,
    below: u32,
}

impl Ipv4Line {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u32]) -> Self {
        if boundaries.len() <= FEW {
            let mut all = [u32::MAX; FEW];
            all.iter_mut().zip(boundaries).for_each(|(place, boundary)| *place = *boundary);
            return Self::Few(all);
        }
        Self::Tables(Tables::new(boundaries))
    }

    /// How many boundaries are not above an address, or up to [`SLACK`] more for the largest address.
    #[inline(always)]
    pub(super) fn roughly(&self, address: u32) -> Option<usize> {
        match self {
            Self::Few(boundaries) => Some(place(boundaries.iter().map(|boundary| u32::from(*boundary <= address)).sum())),
            Self::Tables(tables) => tables.roughly(address),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Few(_) => 0,
            Self::Tables(Tables { first, nodes, cells, windows, full }) => {
                let full_of: usize = full.iter().map(|full| size_of_val(&*full.boundaries)).sum();
                size_of_val(&**first)
                    + size_of_val(&**nodes)
                    + size_of_val(&**cells)
                    + size_of_val(&**windows)
                    + size_of_val(&**full)
                    + full_of
            }
        }
    }
}

impl Tables {
    fn new(boundaries: &[u32]) -> Self {
        let mut first = [Page(0); 256];
        let (mut nodes, mut cells, mut windows, mut full) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        // Their places are told by as many bits as a page has for them.
        let cells_each = match boundaries.len().checked_ilog2() {
            None | Some(..20) => CELLS_EACH,
            Some(20..24) => 1,
            Some(24..) => 0,
        };
        let mut below = 0;
        for (byte, page) in (0_u32..).zip(&mut first) {
            let rest = boundaries.get(below..).unwrap_or_default();
            let mut own = rest.get(..rest.partition_point(|boundary| boundary >> 24 == byte)).unwrap_or_default();
            let shift = 24 - bits_worth(own, 24, 8, NODES_EACH);
            *page = Page::new(nodes.len(), byte << 24, shift);
            for node in 0..1 << (24 - shift) {
                let base = byte << 24 | node << shift;
                let count = own.partition_point(|boundary| boundary >> shift == base >> shift);
                let (mut inside, behind) = own.split_at_checked(count).unwrap_or((own, &[]));
                let narrow = shift - bits_worth(inside, shift, shift, cells_each);
                nodes.push(Page::new(cells.len(), base, narrow));
                for cell in 0..1 << (shift - narrow) {
                    let base = base | cell << narrow;
                    let count = inside.partition_point(|boundary| boundary >> narrow == base >> narrow);
                    let (of_cell, others) = inside.split_at_checked(count).unwrap_or((inside, &[]));
                    cells.push(cell_of(of_cell, below, &mut windows, &mut full));
                    inside = others;
                    below += count;
                }
                own = behind;
            }
        }
        Self { first: Box::new(first), nodes: nodes.into(), cells: cells.into(), windows: windows.into(), full: full.into() }
    }

    #[inline(always)]
    fn roughly(&self, address: u32) -> Option<usize> {
        let [byte, ..] = address.to_be_bytes();
        let node = self.nodes.get(self.first.get(usize::from(byte))?.place(address))?;
        let cell = *self.cells.get(node.place(address))?;
        let Some(window) = self.windows.get(place(cell)) else { return self.search(cell, address) };
        let address = signed(address);
        let not_above: u32 = window.boundaries.iter().map(|boundary| u32::from(*boundary <= address)).sum();
        Some(place(window.below + not_above))
    }

    #[cold]
    fn search(&self, cell: u32, address: u32) -> Option<usize> {
        let full = self.full.get(place(cell.checked_sub(FULL)?))?;
        Some(place(full.below) + full.boundaries.partition_point(|boundary| *boundary <= address))
    }
}

/// An entry for the boundaries of one cell, of which so many are below. Cells of none share windows with their neighbours.
fn cell_of(boundaries: &[u32], below: usize, windows: &mut Vec<Window>, full: &mut Vec<Full>) -> u32 {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let below = number(below);
    if boundaries.len() > WINDOW {
        full.push(Full { boundaries: boundaries.into(), below });
        return number(full.len() - 1) | FULL;
    }
    let mut window = Window { boundaries: [i32::MAX; WINDOW], below };
    window.boundaries.iter_mut().zip(boundaries).for_each(|(place, boundary)| *place = signed(*boundary));
    let is_shared =
        boundaries.is_empty() && windows.last().is_some_and(|last| last.below == below && last.boundaries == [i32::MAX; WINDOW]);
    if !is_shared {
        windows.push(window);
    }
    number(windows.len() - 1)
}

/// How many of the lowest `bits` bits, from the top and at most `most`, to cut boundaries by that have all others
/// in common: until no part holds more than are compared at once, or there would be `each` times as many parts as
/// boundaries.
fn bits_worth(boundaries: &[u32], bits: u32, most: u32, each: usize) -> u32 {
    if boundaries.is_empty() {
        return 0;
    }
    let most = (boundaries.len().saturating_mul(each)).next_power_of_two().trailing_zeros().min(most);
    let is_fine = |cut: &u32| {
        let shift = bits - cut;
        boundaries.windows(WINDOW + 1).all(|run| match run {
            [first, .., last] => first >> shift != last >> shift,
            _ => true,
        })
    };
    (0..most).find(is_fine).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::lookup::spread;

    fn check(boundaries: &[u32]) {
        let steps = Ipv4Line::new(boundaries);
        assert_eq!(matches!(steps, Ipv4Line::Few(_)), boundaries.len() <= FEW);
        for boundary in boundaries.iter().copied().chain([0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX]) {
            for address in [boundary.wrapping_sub(1), boundary, boundary.wrapping_add(1), boundary ^ 0xffff, boundary ^ 0xff_ffff]
            {
                let expected = boundaries.partition_point(|boundary| *boundary <= address);
                let position = steps.roughly(address).unwrap();
                if address == u32::MAX {
                    assert!((expected..=boundaries.len() + SLACK).contains(&position), "{position} of {}", boundaries.len());
                } else {
                    assert_eq!(position, expected, "{address:#x} among {}", boundaries.len());
                }
            }
        }
        assert!(steps.bytes() <= 4096 + 100 * boundaries.len(), "{} of {}", steps.bytes(), boundaries.len());
    }

    #[test]
    fn an_address_stands_behind_the_boundaries_that_are_not_above_it() {
        check(&[]);
        check(&[1, u32::MAX]);
        check(&(1..=16).map(|n| n << 27).collect::<Vec<_>>());
        check(&(1..=256).map(|n| n << 23).collect::<Vec<_>>());
        check(&spread(13, 1 << 8));
        check(&spread(500, 1 << 12));
        check(&spread(5000, 1 << 24));
        check(&spread(5000, 1 << 13));
        check(&(1..40).collect::<Vec<_>>());
        check(&(1..1000).collect::<Vec<_>>());
        check(&spread(100_000, 1 << 30));
        check(&(1..70_000).collect::<Vec<_>>());
        let Ipv4Line::Tables(tables) = Ipv4Line::new(&(1..40).collect::<Vec<_>>()) else { panic!("tables") };
        assert_ne!(tables.full.len(), 0);
    }
}
