//! Whether a large set of IPv6 addresses holds an address: one line of memory behind a few small tables.
//!
//! Where the ranges lie decides how they are cut, as lists crowd under few networks. A [`Page`] cuts what
//! it spans into equal cells, and says of each by a bit whether anything starts or ends in it; so a cell
//! costs three bits, and there can be many. A cell where something does leads to a finer page, or to
//! [`Line`]s of the starts in it, found by the first start of each.

mod build;

use super::lookup::place;

/// A set of IPv6 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Tree {
    /// The first is asked about the first half of an address; others about the second, or are finer.
    pages: Vec<Page>,
    groups: Vec<Group>,
    targets: Vec<Target>,
    /// Of cells in which all starts and ends are within 32 bits, as nearly all are.
    narrow: Lines<u32, 8>,
    wide: Lines<u64, 4>,
}

/// What cuts a stretch of halves of addresses into cells.
#[derive(Clone, Copy, Debug)]
struct Page {
    base: u64,
    /// How far behind the base the stretch reaches.
    span: u64,
    /// The first of its groups.
    groups: u32,
    /// How many low bits do not choose among its cells.
    shift: u8,
    /// Whether what is before the stretch is inside, and what is behind it.
    around: [bool; 2],
}

/// 64 cells of a page.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    /// Those that have a target, as something starts or ends in them.
    used: u64,
    /// Those whose start is inside.
    inside: u64,
    /// The target of the first that has one; those of the others follow.
    targets: u32,
}

/// Where a cell leads.
#[derive(Clone, Copy, Debug)]
struct Target {
    /// A page if there are no lines, or else the first of them.
    at: u32,
    /// How many lines; those of wide keys have a bit added.
    lines: u32,
    /// What keys are counted from: a place in the cell, without the bits above 32 that it may have.
    base: u32,
}

/// Added to the number of lines of wide keys.
const WIDE: u32 = 1 << 31;

/// Lines of the cells, with what tells them apart.
#[derive(Clone, Debug)]
struct Lines<K, const N: usize> {
    /// The first key of each line.
    firsts: Vec<K>,
    lines: Vec<Line<K, N>>,
}

/// Up to `N` starts, each with how far what starts there reaches, in one line of memory.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line<K, const N: usize> {
    /// Starts, counted from the base of the target; the last is repeated.
    keys: [K; N],
    /// What starts there, see below.
    codes: [u8; 8],
    /// Second halves of the addresses that codes speak of.
    hosts: [u64; HOSTS],
}

const _: () = assert!(size_of::<Line<u32, 8>>() == 64 && size_of::<Line<u64, 4>>() == 64);

/// Codes below are the logarithm of how many halves are inside; of the largest, all up to the next start.
const ON: u8 = 63;
/// From here on nothing is inside but, of this one half, the hosts at the places whose bits are added.
const OFF: u8 = 64;
/// Of this one half those from the first of two hosts to the second are inside.
const BETWEEN: u8 = 72;
/// Of this one half those are inside that the page says whose number is at a place, which is added.
const BY_PAGE: u8 = 80;

/// How many second halves a line holds.
const HOSTS: usize = 3;

/// How many firsts are compared, one and all.
const WINDOW: usize = 16;

impl Ipv6Tree {
    /// Whether an address is in the set; nothing if that is not to be found, as what is built is complete.
    #[inline(never)]
    pub(super) fn contains(&self, address: u128) -> Option<bool> {
        let half = |half: u128| u64::try_from(half).unwrap_or(u64::MAX);
        self.page_holds(0, half(address >> 64), half(address & u128::from(u64::MAX)))
    }

    #[inline(always)]
    fn page_holds(&self, page: u32, half: u64, host: u64) -> Option<bool> {
        let mut page = self.pages.get(place(page))?;
        loop {
            let offset = half.wrapping_sub(page.base);
            if offset > page.span {
                let [before, behind] = page.around;
                return Some(if half < page.base { before } else { behind });
            }
            let cell = offset >> (page.shift & 63);
            let group = self.groups.get(place(page.groups) + usize::try_from(cell >> 6).ok()?)?;
            let bit = 1 << (cell & 63);
            let inside = group.inside & bit != 0;
            if group.used & bit == 0 {
                return Some(inside);
            }
            let target = self.targets.get(place(group.targets) + place((group.used & (bit - 1)).count_ones()))?;
            let rest = offset & ((1 << (page.shift & 63)) - 1);
            if target.lines == 0 {
                page = self.pages.get(place(target.at))?;
                continue;
            }
            let base = u64::from(target.base) << (page.shift.saturating_sub(32) & 63);
            let key = rest.saturating_sub(base);
            let is_before = rest < base;
            if target.lines & WIDE != 0 {
                let line = self.wide.find(target, key)?;
                let rank: u32 = line.keys.iter().map(|start| u32::from(*start <= key)).sum();
                let start = *line.keys.get(place(rank.wrapping_sub(1) & 3))?;
                return self.line_holds(key - start.min(key), rank, inside, line, host);
            }
            // All that starts does so within 32 bits of the base, and ends there or not at all.
            let key = u32::try_from(key).unwrap_or(u32::MAX);
            let line = self.narrow.find(target, key)?;
            let rank: u32 = line.keys.iter().map(|start| u32::from(*start <= key)).sum();
            let start = *line.keys.get(place(rank.wrapping_sub(1) & 7))?;
            return self.line_holds(key.wrapping_sub(start).into(), if is_before { 0 } else { rank }, inside, line, host);
        }
    }

    /// Whether a start of a line reaches as far behind it as is asked for: the last of those that are not
    /// above, of which there are `rank`. Without a branch, as what comes is not to be foreseen.
    #[inline(always)]
    fn line_holds<K, const N: usize>(&self, behind: u64, rank: u32, inside: bool, line: &Line<K, N>, host: u64) -> Option<bool> {
        let code = line.codes.get(place(rank.wrapping_sub(1) & 7)).copied()?;
        let [one, two, three] = line.hosts.map(|other| u8::from(other == host));
        let is_stretch = code < OFF;
        let (bits, hosts) = if is_stretch { (code, 8) } else { (0, code & 7) };
        let reaches = behind >> (bits & 63) == 0;
        let holds = reaches & (hosts & (one | two << 1 | three << 2 | 8) != 0);
        if code >= BETWEEN && rank != 0 {
            return if reaches { self.hosts_hold(code, &line.hosts, host) } else { Some(false) };
        }
        Some(if rank == 0 { inside } else { holds })
    }

    #[cold]
    fn hosts_hold(&self, code: u8, hosts: &[u64; HOSTS], host: u64) -> Option<bool> {
        if code < BY_PAGE {
            let &[first, last] = hosts.get(usize::from(code - BETWEEN)..)?.first_chunk::<2>()?;
            return Some(first <= host && host <= last);
        }
        let page = u32::try_from(*hosts.get(usize::from(code - BY_PAGE))?).ok()?;
        self.page_holds(page, host, 0)
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.pages)
            + size_of_val(&*self.groups)
            + size_of_val(&*self.targets)
            + self.narrow.bytes()
            + self.wide.bytes()
    }
}

impl<K: Copy + Ord, const N: usize> Lines<K, N> {
    /// The line that holds the last start of a cell which is not above another; if there is none, the first.
    #[inline(always)]
    fn find(&self, target: &Target, key: K) -> Option<&Line<K, N>> {
        let (mut at, mut count) = (place(target.at), target.lines & !WIDE);
        while place(count) > WINDOW {
            let middle = count / 2;
            at += if *self.firsts.get(at + place(middle))? <= key { place(middle) } else { 0 };
            count -= middle;
        }
        let window = self.firsts.get(at..)?.first_chunk::<WINDOW>()?;
        let passed: u32 = window.iter().zip(0..).map(|(first, at)| u32::from(*first <= key) & u32::from(at < count)).sum();
        self.lines.get(at + place(passed.saturating_sub(1)))
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.firsts) + size_of_val(&*self.lines)
    }
}

#[cfg(test)]
mod tests;
