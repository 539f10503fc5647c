//! What ranges of addresses say of first halves: stretches that are inside, and halves of which a part is.

use super::super::numbers::{halves, place};
use super::HOSTS;

/// A stretch of halves that are inside, or one half of which some are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) first: u64,
    pub(super) last: u64,
    /// Where its ranges of second halves start, and how many there are; none of a stretch.
    pub(super) hosts: (u32, u32),
}

/// Ranges of second halves.
pub(super) type HostRanges = [(u64, u64)];

/// Ranges of addresses by first halves, with the ranges of second halves where those are not all inside.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) all: Vec<Piece>,
    pub(super) hosts: Vec<(u64, u64)>,
}

impl Pieces {
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.hosts.clear();
    }

    /// Adds a range, which comes after the others.
    #[inline(always)]
    pub(super) fn add(&mut self, first: u128, last: u128) {
        let ([mut from, low], [mut to, high]) = (halves(first), halves(last));
        if from == to && (low, high) != (0, u64::MAX) {
            return self.add_hosts(from, (low, high));
        }
        if low != 0 {
            self.add_hosts(from, (low, u64::MAX));
            from += 1;
        }
        let is_cut = high != u64::MAX;
        if from < to || !is_cut {
            to -= u64::from(is_cut);
            self.all.push(Piece { first: from, last: to, hosts: (0, 0) });
            to += u64::from(is_cut);
        }
        if is_cut {
            self.add_hosts(to, (0, high));
        }
    }

    fn add_hosts(&mut self, half: u64, range: (u64, u64)) {
        match self.all.last_mut() {
            Some(last) if last.first == half && last.hosts.1 != 0 => last.hosts.1 += 1,
            _ => self.all.push(Piece { first: half, last: half, hosts: (to_u32(self.hosts.len()), 1) }),
        }
        self.hosts.push(range);
    }
}

/// The ranges of a half of which some are inside.
pub(super) fn hosts_of<'h>(piece: &Piece, hosts: &'h HostRanges) -> &'h HostRanges {
    let (start, count) = piece.hosts;
    hosts.get(place(start)..).and_then(|hosts| hosts.get(..place(count))).unwrap_or_default()
}

/// Whether a line has a place for each.
pub(super) fn are_few(hosts: &HostRanges) -> bool {
    hosts.len() <= HOSTS && hosts.iter().all(|(first, last)| first == last)
}

/// A number of what a tree holds, of which there are far fewer.
pub(super) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
