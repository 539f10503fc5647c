//! Builds an [`Ipv6Tree`] from ranges.

use super::{BETWEEN, BY_PAGE, Group, HOSTS, Ipv6Tree, Line, Lines, OFF, ON, Page, Target, WIDE, WINDOW};

/// How many starts a cell should have that leads to lines, and one that leads to a page.
const CELL: usize = 32;
const CELL_OF_ROOT: usize = 512;

/// More than that are told apart by a page of their own.
const CROWD: usize = 128;

/// What takes no page to find other pages.
const FEW: usize = 64;

/// How many cells a start is worth where ranges crowd, and where that makes keys short.
const CELLS: usize = 4;
const CELLS_OF_SHORT: usize = 16;

/// How many starts must share a cell for it to be worth its lines.
const SHARE: usize = 6;

/// How many pages an address leads through; behind them lines are searched however many there are.
const DEEPEST: usize = 6;

/// A stretch of halves that are inside, or one half of which some are.
#[derive(Clone, Copy, Debug)]
struct Piece {
    first: u64,
    last: u64,
    /// Where its ranges of second halves start, and how many there are; none of a stretch.
    hosts: (u32, u32),
}

type HostRanges = [(u64, u64)];

impl Ipv6Tree {
    /// Arranges ranges, which are sorted and do not touch.
    pub(in super::super) fn new(ranges: &[(u128, u128)]) -> Self {
        let mut tree = Self {
            pages: Vec::new(),
            groups: Vec::new(),
            targets: Vec::new(),
            narrow: Lines { firsts: Vec::with_capacity(ranges.len() / 7), lines: Vec::with_capacity(ranges.len() / 7) },
            wide: Lines { firsts: Vec::new(), lines: Vec::new() },
        };
        let (pieces, hosts) = pieces(ranges);
        tree.add_root(&pieces, &hosts);
        // Windows reach behind the last.
        tree.narrow.firsts.extend([u32::MAX; WINDOW]);
        tree.wide.firsts.extend([u64::MAX; WINDOW]);
        tree.pages.shrink_to_fit();
        tree.groups.shrink_to_fit();
        tree.targets.shrink_to_fit();
        tree.narrow.shrink();
        tree.wide.shrink();
        tree
    }

    /// Adds the page that all pieces are found by.
    fn add_root(&mut self, pieces: &[Piece], hosts: &HostRanges) -> u32 {
        let first = pieces.first().map_or(u64::MAX, |piece| piece.first);
        let last = pieces.last().map_or(u64::MAX, |piece| piece.last);
        self.add_page(pieces, [first, last], [false; 2], hosts, usize::from(pieces.len() <= FEW))
    }

    /// Adds the page of the stretch between two halves, which pieces may reach beyond.
    fn add_page(&mut self, pieces: &[Piece], [base, end]: [u64; 2], around: [bool; 2], hosts: &HostRanges, depth: usize) -> u32 {
        let span = end - base;
        let shift = if depth == 0 { even_shift(span, pieces.len(), CELL_OF_ROOT) } else { shift(base, span, pieces) };
        // Cells start where networks do, which then are whole ones or in one.
        let base = base >> shift << shift;
        let span = end - base;
        let cells = to_usize(span >> shift) + 1;
        let number = to_u32(self.pages.len());
        let of_page = self.groups.len();
        self.pages.push(Page { base, span, groups: to_u32(of_page), shift, around });
        // Targets of a page stand together, and finer pages add theirs.
        let mut groups = vec![Group::default(); cells.div_ceil(64)];
        let mut targets: Vec<Target> = Vec::new();
        self.groups.extend_from_slice(&groups);
        let cell_of = |half: u64| to_usize((half.clamp(base, end) - base) >> shift);
        let (mut at, mut next) = (0, 0);
        while let Some(piece) = pieces.get(at) {
            let cell = cell_of(piece.first).max(next);
            let start = base + (to_u64(cell) << shift);
            let stop = start.saturating_add((1 << shift) - 1).min(end);
            let own = pieces.get(at..).unwrap_or_default();
            let own = own.get(..own.iter().take_while(|piece| piece.first <= stop).count()).unwrap_or_default();
            let (Some(first), Some(last)) = (own.first(), own.last()) else { break };
            let Some(group) = groups.get_mut(cell / 64) else { break };
            if group.used == 0 {
                group.targets = to_u32(targets.len());
            }
            let bit = 1 << (cell % 64);
            let is_whole = own.len() == 1 && first.hosts.1 == 0 && first.first <= start && stop <= first.last;
            if is_whole || first.first < start {
                group.inside |= bit;
            }
            if !is_whole {
                group.used |= bit;
                targets.push(self.add_cell(own, [start, stop], shift, hosts, depth));
            }
            (at, next) = (at + own.len(), cell + 1);
            if last.last > stop && stop < end {
                // The cells up to the one where it ends are inside.
                let ends = cell_of(last.last);
                for cell in next..ends {
                    groups.get_mut(cell / 64).into_iter().for_each(|group| group.inside |= 1 << (cell % 64));
                }
                (at, next) = (at - 1, ends);
            }
            if stop == end {
                break;
            }
        }
        let first_target = to_u32(self.targets.len());
        self.targets.extend_from_slice(&targets);
        for (own, group) in self.groups.iter_mut().skip(of_page).zip(groups) {
            *own = Group { targets: group.targets + first_target, ..group };
        }
        number
    }

    /// Adds what a cell leads to.
    fn add_cell(
        &mut self,
        pieces: &[Piece],
        [start, stop]: [u64; 2],
        shift_of_page: u8,
        hosts: &HostRanges,
        depth: usize,
    ) -> Target {
        let ([first, ..], [.., last]) = (pieces, pieces) else { return Target { at: 0, lines: 0, base: 0 } };
        // From the first change within the cell to the last.
        let (before, behind) = (first.first < start, last.last > stop);
        let base = if before { first.last.saturating_add(1) } else { first.first };
        let end = if behind { last.first } else { last.last }.max(base);
        let unit = shift_of_page.saturating_sub(32);
        let cut_base = (base - start) >> unit << unit;
        let is_narrow = shift_of_page <= 32 || end - start - cut_base < u64::from(u32::MAX) - 1;
        let is_crowd = pieces.len() > if is_narrow { CROWD } else { 4 };
        if depth < DEEPEST && (depth == 0 || is_crowd) {
            let at = self.add_page(pieces, [base, end], [before, behind], hosts, depth + 1);
            return Target { at, lines: 0, base: 0 };
        }
        let base = if is_narrow && shift_of_page > 32 { cut_base } else { 0 };
        let start = start + base;
        let mut lines = Starts::default();
        for piece in pieces {
            let behind = piece.last.saturating_add(1).saturating_sub(start);
            if piece.first < start {
                lines.push(behind, OFF, &[]);
                continue;
            }
            let from = piece.first - start;
            if piece.hosts.1 != 0 {
                let own = place_of(piece.hosts).and_then(|range| hosts.get(range)).unwrap_or_default();
                self.push_hosts(&mut lines, from, own);
            } else if piece.last >= stop {
                lines.push(from, ON, &[]);
            } else {
                let count = piece.last - piece.first + 1;
                if count.is_power_of_two() {
                    lines.push(from, u8::try_from(count.trailing_zeros()).unwrap_or_default(), &[]);
                } else {
                    lines.push(from, ON, &[]);
                    lines.push(behind, OFF, &[]);
                }
            }
        }
        let base = u32::try_from(base >> unit).unwrap_or_default();
        if is_narrow { lines.pour(&mut self.narrow, base, 0) } else { lines.pour(&mut self.wide, base, WIDE) }
    }

    /// Adds a half of which only these ranges of second halves are inside.
    fn push_hosts(&mut self, lines: &mut Starts, from: u64, ranges: &HostRanges) {
        let few = ranges.len() <= HOSTS && ranges.iter().all(|(first, last)| first == last);
        match ranges {
            _ if few => {
                let hosts: Vec<u64> = ranges.iter().map(|(first, _)| *first).collect();
                lines.push(from, OFF, &hosts);
            }
            [(first, last)] => lines.push(from, BETWEEN, &[*first, *last]),
            _ => {
                let piece = |(first, last): &(u64, u64)| Piece { first: *first, last: *last, hosts: (0, 0) };
                let pieces: Vec<Piece> = ranges.iter().map(piece).collect();
                let page = self.add_root(&pieces, &[]);
                lines.push(from, BY_PAGE, &[page.into()]);
            }
        }
    }
}

/// The starts of a cell before they are put into lines.
#[derive(Debug, Default)]
struct Starts {
    starts: Vec<(u64, u8, u8)>,
    hosts: Vec<u64>,
}

impl Starts {
    fn push(&mut self, key: u64, code: u8, hosts: &[u64]) {
        self.starts.push((key, code, u8::try_from(hosts.len()).unwrap_or(u8::MAX)));
        self.hosts.extend_from_slice(hosts);
    }

    fn pour<K: TryFrom<u64> + Copy + Default, const N: usize>(self, all: &mut Lines<K, N>, base: u32, kind: u32) -> Target {
        let at = to_u32(all.lines.len());
        let mut hosts = self.hosts.as_slice();
        let mut line: Line<K, N> = Line { keys: [K::default(); N], codes: [0; 8], hosts: [0; HOSTS] };
        let (mut used, mut used_hosts) = (0, 0);
        for (key, code, count) in self.starts {
            let count = usize::from(count);
            let (own, rest) = hosts.split_at_checked(count).unwrap_or_default();
            hosts = rest;
            // Nothing starts behind the cell that could be asked for.
            let Ok(key) = K::try_from(key) else { continue };
            if used == N || used_hosts + count > HOSTS {
                all.lines.push(line);
                (used, used_hosts) = (0, 0);
            }
            if used == 0 {
                all.firsts.push(key);
            }
            line.hosts.iter_mut().skip(used_hosts).zip(own).for_each(|(place, host)| *place = *host);
            let place = u8::try_from(used_hosts).unwrap_or_default();
            let code = match code {
                OFF => OFF | ((1 << count) - 1) << place,
                BETWEEN | BY_PAGE => code + place,
                code => code,
            };
            // What is repeated behind the last start changes nothing.
            line.keys.iter_mut().skip(used).for_each(|place| *place = key);
            line.codes.iter_mut().skip(used).for_each(|place| *place = code);
            (used, used_hosts) = (used + 1, used_hosts + count);
        }
        all.lines.push(line);
        if used == 0 {
            all.firsts.push(K::default());
        }
        Target { at, lines: (to_u32(all.lines.len()) - at) | kind, base }
    }
}

impl<K, const N: usize> Lines<K, N> {
    fn shrink(&mut self) {
        self.firsts.shrink_to_fit();
        self.lines.shrink_to_fit();
    }
}

/// How many low bits do not choose among cells that would have so many starts, were these spread evenly.
fn even_shift(span: u64, starts: usize, share: usize) -> u8 {
    let cells = (starts / share).max(2).ilog2();
    u8::try_from((64 - span.leading_zeros()).saturating_sub(cells)).unwrap_or_default().min(63)
}

/// How many low bits do not choose among the cells of a page.
///
/// Cells are cheap beside lines that are not full, so that where ranges crowd there are more of them, until
/// each crowd has its own.
fn shift(base: u64, span: u64, pieces: &[Piece]) -> u8 {
    let coarse = even_shift(span, pieces.len(), CELL);
    if coarse <= 32 {
        return coarse;
    }
    let is_short = span >> 32 < to_u64(pieces.len().saturating_mul(CELLS_OF_SHORT));
    let finest = if is_short { 32 } else { even_shift(span, pieces.len().saturating_mul(CELLS), 1).max(32) };
    let used = |shift: &u8| {
        // Cells that are inside as a whole have no lines.
        let cut = pieces.iter().filter(|piece| piece.last - piece.first < (1 << shift) - 1);
        let cells = cut.map(|piece| piece.first.saturating_sub(base) >> shift);
        let mut last = None;
        cells.filter(|cell| last.replace(*cell) != Some(*cell)).count()
    };
    (finest..coarse).find(|shift| used(shift) <= pieces.len() / SHARE).unwrap_or(coarse)
}

/// Ranges of addresses by first halves, with the ranges of second halves where those are not all inside.
fn pieces(ranges: &[(u128, u128)]) -> (Vec<Piece>, Vec<(u64, u64)>) {
    let (mut pieces, mut hosts): (Vec<Piece>, Vec<(u64, u64)>) = (Vec::with_capacity(ranges.len()), Vec::new());
    let halves = |address: u128| {
        let half = |half: u128| u64::try_from(half).unwrap_or(u64::MAX);
        (half(address >> 64), half(address & u128::from(u64::MAX)))
    };
    let mut add_hosts = |pieces: &mut Vec<Piece>, half: u64, range: (u64, u64)| {
        match pieces.last_mut() {
            Some(last) if last.first == half && last.hosts.1 != 0 => last.hosts.1 += 1,
            _ => pieces.push(Piece { first: half, last: half, hosts: (to_u32(hosts.len()), 1) }),
        }
        hosts.push(range);
    };
    for (first, last) in ranges {
        let ((mut from, low), (mut to, high)) = (halves(*first), halves(*last));
        if from == to && (low, high) != (0, u64::MAX) {
            add_hosts(&mut pieces, from, (low, high));
            continue;
        }
        if low != 0 {
            add_hosts(&mut pieces, from, (low, u64::MAX));
            from += 1;
        }
        let is_cut = high != u64::MAX;
        if from < to || !is_cut {
            to -= u64::from(is_cut);
            pieces.push(Piece { first: from, last: to, hosts: (0, 0) });
            to += u64::from(is_cut);
        }
        if is_cut {
            add_hosts(&mut pieces, to, (0, high));
        }
    }
    (pieces, hosts)
}

fn place_of((start, count): (u32, u32)) -> Option<std::ops::Range<usize>> {
    let start = usize::try_from(start).ok()?;
    Some(start..start + usize::try_from(count).ok()?)
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
