//! Builds an [`Ipv6Tree`] from ranges.

use super::super::numbers::{halves, long_place, signed};
use super::super::ranges::Ranges;
use super::pieces::{HostRanges, Piece, Pieces, are_few, hosts_of, to_u32};
use super::pouring::Pouring;
use super::{
    BETWEEN, BY_PAGE, Group, HOSTS, Ipv6Tree, NO_STARTS, OFF, ON, PAGE, Page, SEARCHED, START_BITS, STARTS, Target, WIDE,
};

/// How many starts a cell should have that leads to lines, and one of the roots.
const CELL: usize = 32;
const CELL_OF_ROOT: usize = 512;

/// More than that are told apart by a page of their own.
const CROWD: usize = 96;

/// How many cells a start is worth where ranges crowd, and where that makes keys short.
const CELLS: usize = 4;
const CELLS_OF_SHORT: usize = 16;

/// How many starts must share a cell for it to be worth its lines.
const SHARE: usize = 6;

/// How many pages an address leads through; behind them lines are searched however many there are.
const DEEPEST: usize = 6;

impl Ipv6Tree {
    /// Arranges ranges, which do not touch.
    pub(in super::super) fn new(ranges: &Ranges<u128>) -> Self {
        let mut roots;
        if let Some(blocks) = ranges.source() {
            roots = Roots::new(blocks.bounds(), blocks.len());
            // What is lost is known to the roots.
            let _ = blocks.each_range(&mut |first, last| roots.add(first, last));
        } else {
            let ranges = ranges.as_slice();
            let bounds = (ranges.first().map_or(0, |(first, _)| *first), ranges.last().map_or(0, |(_, last)| *last));
            roots = Roots::new(bounds, ranges.len());
            let _ = ranges.iter().try_for_each(|(first, last)| roots.add(*first, *last));
        }
        roots.end()
    }

    /// Adds a page of which all is inside, or nothing.
    fn add_page_of_one(&mut self, inside: bool) -> u32 {
        let number = to_u32(self.pages.len());
        self.pages.push(Page {
            base: 0,
            span: u64::MAX,
            groups: to_u32(self.groups.len()),
            shift: 63,
            fine: 0,
            around: [inside; 2],
        });
        self.groups.push(Group { used: 0, inside: if inside { u64::MAX } else { 0 }, targets: 0 });
        number
    }

    /// Adds the page that all of these are found by.
    fn add_page_of(&mut self, pieces: &Pieces) -> u32 {
        let first = pieces.all.first().map_or(u64::MAX, |piece| piece.first);
        let last = pieces.all.last().map_or(u64::MAX, |piece| piece.last);
        self.add_page(&pieces.all, [first, last], [false; 2], &pieces.hosts, 1)
    }

    /// Adds the page of the stretch between two halves, which pieces may reach beyond.
    fn add_page(&mut self, pieces: &[Piece], [base, end]: [u64; 2], around: [bool; 2], hosts: &HostRanges, depth: usize) -> u32 {
        let shift = shift(end - base, pieces);
        // Cells start where networks do, which then are whole ones or in one.
        let base = base >> shift << shift;
        let span = end - base;
        let cells = long_place(span >> shift) + 1;
        let number = to_u32(self.pages.len());
        let of_page = self.groups.len();
        let fine = shift.min(32).saturating_sub(START_BITS);
        self.pages.push(Page { base, span, groups: to_u32(of_page), shift, fine, around });
        // Targets of a page stand together, and finer pages add theirs.
        let mut groups = vec![Group::default(); cells.div_ceil(64)];
        let mut targets: Vec<Target> = Vec::new();
        self.groups.extend_from_slice(&groups);
        let cell_of = |half: u64| long_place((half.clamp(base, end) - base) >> shift);
        let (mut at, mut next) = (0, 0);
        while let Some(piece) = pieces.get(at) {
            let cell = cell_of(piece.first).max(next);
            let start = base + (to_u64(cell) << shift);
            let stop = start.saturating_add((1 << shift) - 1).min(end);
            let own = pieces.get(at..).unwrap_or_default();
            let own = own.get(..own.iter().take_while(|piece| piece.first <= stop).count()).unwrap_or_default();
            let (Some(first), Some(last), Some(group)) = (own.first(), own.last(), groups.get_mut(cell / 64)) else {
                self.is_complete = false;
                break;
            };
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
        let mut target = Target { at: 0, base: 0, starts: [NO_STARTS; STARTS / 4] };
        let ([first, ..], [.., last]) = (pieces, pieces) else { return target };
        // From the first change within the cell to the last.
        let (before, behind) = (first.first < start, last.last > stop);
        let base = if before { first.last.saturating_add(1) } else { first.first };
        let end = if behind { last.first } else { last.last }.max(base);
        let unit = shift_of_page.saturating_sub(32);
        let cut_base = (base - start) >> unit << unit;
        let is_narrow = shift_of_page <= 32 || end - start - cut_base < u64::from(u32::MAX) - 1;
        if depth >= DEEPEST || pieces.len() <= if is_narrow { CROWD } else { 4 } {
            let known = self.lengths();
            let pages = self.add_pages_of_hosts(pieces, hosts);
            if is_narrow {
                let at = self.narrow.len();
                let mut lines = Pouring::new();
                let from = start + cut_base;
                let fine = shift_of_page.min(32).saturating_sub(START_BITS);
                each_start(pieces, [from, stop], hosts, &pages, |key, code, hosts| {
                    // Nothing starts behind the cell that could be asked for.
                    if let Ok(key) = u32::try_from(key) {
                        lines.add(&mut self.narrow, signed(key), code, hosts, key >> fine);
                    }
                });
                let is_found = lines.end(&mut self.narrow, &mut target.starts);
                let count = self.narrow.len() - at;
                if is_found {
                    let base = u32::try_from(cut_base >> unit).unwrap_or_default();
                    return Target { at: to_u32(at), base, ..target };
                }
                if depth >= DEEPEST && cut_base == 0 && shift_of_page <= 32 {
                    return Target { at: to_u32(at) | SEARCHED, base: to_u32(count), ..target };
                }
                if depth < DEEPEST {
                    self.cut_to(known);
                } else {
                    self.narrow.truncate(at);
                }
            }
            if !is_narrow || depth >= DEEPEST {
                let at = self.wide.len();
                let mut lines = Pouring::new();
                each_start(pieces, [start, stop], hosts, &pages, |key, code, hosts| {
                    lines.add(&mut self.wide, key, code, hosts, 0);
                });
                lines.end(&mut self.wide, &mut target.starts);
                return Target { at: to_u32(at) | SEARCHED | WIDE, base: to_u32(self.wide.len() - at), ..target };
            }
        }
        let at = self.add_page(pieces, [base, end], [before, behind], hosts, depth + 1);
        Target { at: at | PAGE, ..target }
    }

    fn lengths(&self) -> [usize; 5] {
        [self.pages.len(), self.groups.len(), self.targets.len(), self.narrow.len(), self.wide.len()]
    }

    /// Takes back what was added since it had these lengths.
    fn cut_to(&mut self, [pages, groups, targets, narrow, wide]: [usize; 5]) {
        self.pages.truncate(pages);
        self.groups.truncate(groups);
        self.targets.truncate(targets);
        self.narrow.truncate(narrow);
        self.wide.truncate(wide);
    }

    /// Adds the pages of those halves of which more ranges are inside than a line holds.
    fn add_pages_of_hosts(&mut self, pieces: &[Piece], hosts: &HostRanges) -> Vec<u32> {
        let mut pages = Vec::new();
        for own in pieces.iter().filter(|piece| piece.hosts.1 > 1).map(|piece| hosts_of(piece, hosts)) {
            if !are_few(own) {
                let piece = |(first, last): &(u64, u64)| Piece { first: *first, last: *last, hosts: (0, 0) };
                pages.push(self.add_page_of(&Pieces { all: own.iter().map(piece).collect(), hosts: Vec::new() }));
            }
        }
        pages
    }
}

/// Tells what starts and ends from one half to another, counted from the first: with which code, and which hosts.
#[inline(always)]
fn each_start(
    pieces: &[Piece],
    [start, stop]: [u64; 2],
    hosts: &HostRanges,
    pages: &[u32],
    mut add: impl FnMut(u64, u8, &[u64]),
) {
    let mut pages = pages.iter();
    for piece in pieces {
        let behind = piece.last.saturating_add(1).saturating_sub(start);
        if piece.first < start {
            add(behind, OFF, &[]);
            continue;
        }
        let from = piece.first - start;
        if piece.hosts.1 != 0 {
            match hosts_of(piece, hosts) {
                own if are_few(own) => {
                    let mut few = [0; HOSTS];
                    few.iter_mut().zip(own).for_each(|(place, (host, _))| *place = *host);
                    add(from, OFF, few.get(..own.len()).unwrap_or_default());
                }
                [(first, last)] => add(from, BETWEEN, &[*first, *last]),
                _ => add(from, BY_PAGE, &[pages.next().map_or(u64::MAX, |page| u64::from(*page))]),
            }
        } else if piece.last >= stop {
            add(from, ON, &[]);
        } else {
            let count = piece.last - piece.first + 1;
            if count.is_power_of_two() {
                add(from, u8::try_from(count.trailing_zeros()).unwrap_or_default(), &[]);
            } else {
                add(from, ON, &[]);
                add(behind, OFF, &[]);
            }
        }
    }
}

/// A tree whose roots are added one after the other.
#[derive(Debug)]
pub(super) struct Roots {
    tree: Ipv6Tree,
    /// The pages of roots outside of which, and inside of which, nothing starts or ends.
    whole: [u32; 2],
    /// What is in the next root.
    pieces: Pieces,
    /// Its first address and its last.
    bounds: (u128, u128),
    /// The last address of all.
    end: u128,
}

impl Roots {
    /// Of so many ranges from the first address to the last.
    pub(super) fn new((first, last): (u128, u128), count: usize) -> Self {
        let ([base, _], [end, _]) = (halves(first), halves(last));
        let shift = even_shift(end - base, count, CELL_OF_ROOT);
        let base = base >> shift << shift;
        let mut tree = Ipv6Tree {
            base,
            span: end - base,
            shift,
            roots: Vec::with_capacity(long_place((end - base) >> shift) + 1),
            pages: Vec::new(),
            groups: Vec::new(),
            targets: Vec::new(),
            narrow: Vec::with_capacity(count / 8),
            wide: Vec::new(),
            is_complete: true,
        };
        let whole = [false, true].map(|inside| tree.add_page_of_one(inside));
        let bounds = bounds(base, shift, end);
        Self { tree, whole, pieces: Pieces::default(), bounds, end: last }
    }

    /// Adds the next range, which has to lie between the two addresses; nothing if it is lost.
    #[inline(always)]
    pub(super) fn add(&mut self, mut first: u128, last: u128) -> Option<()> {
        if first < self.bounds.0 || last > self.end {
            self.tree.is_complete = false;
            return None;
        }
        while first > self.bounds.1 {
            self.add_root();
        }
        while last > self.bounds.1 {
            self.pieces.add(first, self.bounds.1);
            self.add_root();
            first = self.bounds.0;
        }
        self.pieces.add(first, last);
        Some(())
    }

    #[inline(never)]
    fn add_root(&mut self) {
        let ((start, stop), [outside, inside]) = (self.bounds, self.whole);
        let ([start, _], [stop, _], [end, _]) = (halves(start), halves(stop), halves(self.end));
        let root = match self.pieces.all.as_slice() {
            [] => outside,
            [piece] if piece.hosts.1 == 0 && piece.first == start && piece.last == stop => inside,
            _ => self.tree.add_page_of(&self.pieces),
        };
        self.tree.roots.push(root);
        self.pieces.clear();
        self.bounds = bounds(stop.saturating_add(1), self.tree.shift, end);
    }

    pub(super) fn end(mut self) -> Ipv6Tree {
        self.add_root();
        let mut tree = self.tree;
        if !tree.is_complete {
            // No address has a root, and so none an answer.
            (tree.base, tree.span, tree.roots) = (0, u64::MAX, Vec::new());
        }
        tree.pages.shrink_to_fit();
        tree.groups.shrink_to_fit();
        tree.targets.shrink_to_fit();
        tree.narrow.shrink_to_fit();
        tree.wide.shrink_to_fit();
        tree
    }
}

/// The first address of a root and the last.
fn bounds(start: u64, shift: u8, end: u64) -> (u128, u128) {
    let stop = start.saturating_add((1 << shift) - 1).min(end);
    (u128::from(start) << 64, u128::from(stop) << 64 | u128::from(u64::MAX))
}

/// How many low bits do not choose among cells that would have so many starts, were these spread evenly.
fn even_shift(span: u64, starts: usize, share: usize) -> u8 {
    let bits = 64 - span.leading_zeros();
    // Where keys would be wide, there are at least two.
    let cells = (starts / share).max(1).ilog2().max(u32::from(bits > 32));
    u8::try_from(bits.saturating_sub(cells)).unwrap_or_default().min(63)
}

/// How many low bits do not choose among the cells of a page.
///
/// Cells are cheap beside lines that are not full, so that where ranges crowd there are more of them, until
/// each crowd has its own.
fn shift(span: u64, pieces: &[Piece]) -> u8 {
    let coarse = even_shift(span, pieces.len(), CELL);
    if coarse <= 32 {
        return coarse;
    }
    let is_short = span >> 32 < to_u64(pieces.len().saturating_mul(CELLS_OF_SHORT));
    let finest = if is_short { 32 } else { even_shift(span, pieces.len().saturating_mul(CELLS), 1).max(32) };
    // How many start at how many bits from the one before. Cells that are inside as a whole have no lines.
    let mut apart = [0_usize; 65];
    let mut last = None;
    for piece in pieces.iter().filter(|piece| piece.last - piece.first < (1 << finest) - 1) {
        let bits = last.replace(piece.first).map_or(64, |last: u64| 64 - (last ^ piece.first).leading_zeros());
        apart.get_mut(long_place(bits.into())).into_iter().for_each(|count| *count += 1);
    }
    let used = |shift: &u8| apart.iter().skip(usize::from(*shift) + 1).sum::<usize>();
    (finest..coarse).find(|shift| used(shift) <= pieces.len() / SHARE).unwrap_or(coarse)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
