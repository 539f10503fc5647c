//! Where an IPv4 address stands among boundaries: how many of them are not above it.

use super::numbers::place;

/// Boundaries on the line of IPv4 addresses, arranged by how many there are.
#[derive(Clone, Debug)]
pub(super) enum Ipv4Line {
    /// At most [`FEW`]: all of them are compared, without a branch.
    Few { boundaries: [u32; FEW] },
    /// A table over the first byte leads to one over the following bits, as many as the boundaries
    /// below that byte are worth, and that to the few which share all these bits.
    Cells { first: Box<[Page; 256]>, cells: Box<[u32]>, boundaries: Box<[u32]> },
    /// A table over the first two bytes leads to the halves of the boundaries that share them.
    Halves { first: Box<[u32]>, halves: Box<[u16]> },
}

/// The most boundaries that are compared one and all.
const FEW: usize = 16;

/// How many places behind the last one [`Ipv4Line::roughly`] may answer.
pub(super) const SLACK: usize = FEW;

/// From this many on, a table over two bytes costs little beside what it leads to.
const MANY: usize = 1 << 15;

/// How many boundaries of a cell are compared, one and all.
const WINDOW: usize = 4;

/// How many halves are compared, one and all, at the end of a search.
const HALVES: usize = 16;

/// The cells of one first byte.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page {
    /// Where they start.
    start: u32,
    /// How many low bits of an address do not choose among them.
    shift: u32,
}

impl Ipv4Line {
    /// Arranges boundaries, which are sorted, without 0 and without duplicates.
    pub(super) fn new(boundaries: &[u32]) -> Self {
        if boundaries.len() <= FEW {
            let mut all = [u32::MAX; FEW];
            all.iter_mut().zip(boundaries).for_each(|(place, boundary)| *place = *boundary);
            Self::Few { boundaries: all }
        } else if boundaries.len() < MANY {
            Self::cells(boundaries)
        } else {
            Self::halves(boundaries)
        }
    }

    fn cells(boundaries: &[u32]) -> Self {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (mut first, mut cells) = ([Page { start: 0, shift: 24 }; 256], Vec::new());
        let mut below = 0;
        for (byte, page) in (0..).zip(&mut first) {
            let rest = boundaries.get(below..).unwrap_or_default();
            let own = rest.get(..rest.partition_point(|boundary| boundary >> 24 == byte)).unwrap_or_default();
            let shift = 24 - bits_worth(own);
            *page = Page { start: number(cells.len()), shift };
            let mut at = 0;
            for cell in 0..1_u32 << (24 - shift) {
                while own.get(at).is_some_and(|boundary| (boundary & 0xff_ffff) >> shift < cell) {
                    at += 1;
                }
                cells.push(number(below + at));
            }
            below += own.len();
        }
        // The last cell ends where all end; windows may reach behind that.
        cells.push(number(boundaries.len()));
        let mut padded = boundaries.to_vec();
        padded.extend([u32::MAX; WINDOW]);
        Self::Cells { first: Box::new(first), cells: cells.into(), boundaries: padded.into() }
    }

    fn halves(boundaries: &[u32]) -> Self {
        let mut first = Vec::with_capacity((1 << 16) + 1);
        let mut halves = Vec::with_capacity(boundaries.len() + HALVES);
        for boundary in boundaries {
            let [one, two, three, four] = boundary.to_be_bytes();
            let table = usize::from(u16::from_be_bytes([one, two]));
            if first.len() <= table {
                first.resize(table + 1, u32::try_from(halves.len()).unwrap_or(u32::MAX));
            }
            halves.push(u16::from_be_bytes([three, four]));
        }
        first.resize((1 << 16) + 1, u32::try_from(halves.len()).unwrap_or(u32::MAX));
        halves.extend([u16::MAX; HALVES]);
        Self::Halves { first: first.into(), halves: halves.into() }
    }

    /// How many boundaries are not above an address, or up to [`SLACK`] more for the largest address.
    pub(super) fn roughly(&self, address: u32) -> Option<usize> {
        match self {
            Self::Few { boundaries } => Some(place(not_above(boundaries, address))),
            Self::Cells { first, cells, boundaries } => in_cells(first, cells, boundaries, address),
            Self::Halves { first, halves } => in_halves(first, halves, address),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Few { .. } => 0,
            Self::Cells { first, cells, boundaries } => {
                size_of_val(&**first) + size_of_val(&**cells) + size_of_val(&**boundaries)
            }
            Self::Halves { first, halves } => size_of_val(&**first) + size_of_val(&**halves),
        }
    }

    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Few { .. } => "few",
            Self::Cells { .. } => "cells",
            Self::Halves { .. } => "halves",
        }
    }
}

/// How many bits to cut a first byte's boundaries by: until no cell holds more than are compared at
/// once, or there would be many more cells than boundaries.
fn bits_worth(boundaries: &[u32]) -> u32 {
    if boundaries.is_empty() {
        return 0;
    }
    let most = (boundaries.len() * 4).next_power_of_two().trailing_zeros().min(16);
    (0..most)
        .find(|bits| {
            let shift = 24 - bits;
            boundaries.windows(WINDOW + 1).all(|run| match run {
                [first, .., last] => first >> shift != last >> shift,
                _ => true,
            })
        })
        .unwrap_or(most)
}

#[inline(always)]
fn not_above<const N: usize>(boundaries: &[u32; N], address: u32) -> u32 {
    boundaries.iter().map(|boundary| u32::from(*boundary <= address)).sum()
}

#[inline(always)]
fn in_cells(first: &[Page; 256], cells: &[u32], boundaries: &[u32], address: u32) -> Option<usize> {
    let [byte, ..] = address.to_be_bytes();
    let page = first.get(usize::from(byte))?;
    let cell = place(page.start) + place((address & 0xff_ffff) >> page.shift);
    let [from, to] = *cells.get(cell..)?.first_chunk::<2>()?;
    let (from, to) = (place(from), place(to));
    // Boundaries behind the cell are above every address in it, so a window does no harm.
    if to <= from + WINDOW {
        return Some(from + place(not_above(boundaries.get(from..)?.first_chunk::<WINDOW>()?, address)));
    }
    Some(from + boundaries.get(from..to)?.partition_point(|boundary| *boundary <= address))
}

#[inline(never)]
fn in_halves(first: &[u32], halves: &[u16], address: u32) -> Option<usize> {
    let [one, two, three, four] = address.to_be_bytes();
    let (table, low) = (usize::from(u16::from_be_bytes([one, two])), u16::from_be_bytes([three, four]));
    let [from, to] = *first.get(table..)?.first_chunk::<2>()?;
    let (mut from, mut count) = (place(from), place(to).checked_sub(place(from))?);
    while count > HALVES {
        let middle = count / 2;
        from += if *halves.get(from + middle)? <= low { middle } else { 0 };
        count -= middle;
    }
    let window = halves.get(from..)?.first_chunk::<HALVES>()?;
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    let inside: u16 = window.iter().zip(0..).map(|(half, at): (&u16, u16)| u16::from(*half <= low) & u16::from(at < count)).sum();
    Some(from + usize::from(inside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matcher::lookup::spread;

    fn check(boundaries: &[u32], arrangement: &str) {
        let line = Ipv4Line::new(boundaries);
        assert_eq!(line.name(), arrangement);
        for boundary in boundaries.iter().copied().chain([0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX]) {
            for address in [boundary.wrapping_sub(1), boundary, boundary.wrapping_add(1), boundary ^ 0xffff, boundary ^ 0xff_ffff]
            {
                let expected = boundaries.partition_point(|boundary| *boundary <= address);
                assert_eq!(
                    line.roughly(address).map(|position| position.min(boundaries.len())),
                    Some(expected),
                    "{address:#x} among {} in {arrangement}",
                    boundaries.len()
                );
            }
        }
    }

    #[test]
    fn an_address_stands_behind_the_boundaries_that_are_not_above_it() {
        check(&[], "few");
        check(&[1, u32::MAX], "few");
        check(&(1..=16).map(|n| n << 27).collect::<Vec<_>>(), "few");
        check(&spread(13, 1 << 8), "cells");
        check(&spread(500, 1 << 12), "cells");
        check(&spread(5000, 1 << 24), "cells");
        check(&spread(5000, 1 << 13), "cells");
        check(&(1..1000).collect::<Vec<_>>(), "cells");
        check(&spread(100_000, 1 << 30), "halves");
        check(&(1..70_000).collect::<Vec<_>>(), "halves");
    }
}
