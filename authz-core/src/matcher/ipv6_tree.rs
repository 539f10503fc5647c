//! Whether a large set of IPv6 addresses holds an address: one line of memory behind a few small tables.
//!
//! Where the ranges lie decides how they are cut, as lists crowd under few networks. A [`Page`] cuts what
//! it spans into equal cells, and says of each by a bit whether anything starts or ends in it; so a cell
//! costs three bits, and there can be many. A cell where something does leads to a finer page, or to the
//! [`Line`]s of the starts in it, of which its [`Target`] says roughly which one to look at: so what is far away
//! in memory is a group, a target and a line.

mod build;
mod pieces;
mod pouring;

use super::numbers::{halves, place, signed};

/// A set of IPv6 addresses.
#[derive(Clone, Debug)]
pub(super) struct Ipv6Tree {
    /// The stretch of first halves of addresses outside of which nothing is inside, as its start and how far it reaches.
    base: u64,
    span: u64,
    /// How many low bits do not choose among the roots.
    shift: u8,
    /// The page of each part of the stretch.
    roots: Vec<u32>,
    /// Those of the roots are asked about the first half of an address; others about the second, or are finer.
    pages: Vec<Page>,
    groups: Vec<Group>,
    targets: Vec<Target>,
    /// Of cells in which all starts and ends are within 32 bits, as nearly all are.
    narrow: Vec<Line<i32, 8>>,
    wide: Vec<Line<u64, 4>>,
    /// Whether nothing was lost while it was made; if something was, no address has an answer.
    is_complete: bool,
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
    /// How many low bits of a key do not choose among lines.
    fine: u8,
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
#[repr(align(32))]
struct Target {
    /// The first of its lines, or a page; which one is said by the bits below.
    at: u32,
    /// What keys are counted from: a place in the cell, without the bits above 32 that it may have. Of lines that are
    /// searched, how many they are.
    base: u32,
    /// Where each line but the first starts, roughly: the first bits of its first key, four to a number.
    starts: [u64; STARTS / 4],
}

impl Target {
    /// How many starts are not above the first bits of a key. Four are subtracted at once, and a bit is left of each.
    #[inline(always)]
    fn starts_not_above(&self, first: u32) -> u32 {
        let first = (u64::from(first) * ONE_EACH) | NO_STARTS;
        let [one, two, three] = self.starts.map(|four| first.wrapping_sub(four) >> START_BITS & ONE_EACH);
        u32::try_from((one + two + three).wrapping_mul(ONE_EACH) >> 48).unwrap_or(0)
    }
}

/// It is a page.
const PAGE: u32 = 1 << 31;
/// It is lines that are searched, as they are too many.
const SEARCHED: u32 = 1 << 30;
/// It is lines of wide keys, which are searched.
const WIDE: u32 = 1 << 29;

/// How many lines are found by their starts, but one.
const STARTS: usize = 12;

/// The number of bits of a key that starts are told apart by: all but one that a start has.
const START_BITS: u8 = 15;

/// Four starts that are above all.
const NO_STARTS: u64 = ONE_EACH << START_BITS;

/// One in each of the four numbers that are one.
const ONE_EACH: u64 = 0x0001_0001_0001_0001;

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

const _: () = assert!(size_of::<Line<i32, 8>>() == 64 && size_of::<Line<u64, 4>>() == 64 && size_of::<Target>() == 32);

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

impl Ipv6Tree {
    /// Whether an address is in the set; nothing if that is not to be found, as what is built is complete.
    #[inline(never)]
    pub(super) fn contains(&self, address: u128) -> Option<bool> {
        let [network, host] = halves(address);
        let offset = network.wrapping_sub(self.base);
        if offset > self.span {
            return Some(false);
        }
        let root = *self.roots.get(usize::try_from(offset >> (self.shift & 63)).ok()?)?;
        self.page_holds(root, network, host)
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
            if target.at < WIDE {
                let base = u64::from(target.base) << (page.shift.saturating_sub(32) & 63);
                if rest < base {
                    return Some(inside);
                }
                // All that starts does so within 32 bits of the base, and ends there or not at all.
                let key = u32::try_from(rest - base).unwrap_or(u32::MAX);
                return self.narrow_holds(target, key, page.fine, inside, host);
            }
            if target.at < PAGE {
                return self.many_hold(target, rest, inside, host);
            }
            page = self.pages.get(place(target.at & !PAGE))?;
        }
    }

    #[inline(always)]
    fn narrow_holds(&self, target: &Target, key: u32, fine: u8, inside: bool, host: u64) -> Option<bool> {
        let first = key >> (fine & 31);
        let at = place(target.at) + place(target.starts_not_above(first));
        let line = self.narrow.get(at)?;
        let rank = not_above(&line.keys, signed(key));
        if rank == 0 {
            return self.line_before_holds(target, at, key, inside, host);
        }
        self.narrow_line_holds(line, key, rank, inside, host)
    }

    #[inline(always)]
    fn narrow_line_holds(&self, line: &Line<i32, 8>, key: u32, rank: u32, inside: bool, host: u64) -> Option<bool> {
        let start = *line.keys.get(place(rank.wrapping_sub(1) & 7))?;
        self.line_holds(signed(key).wrapping_sub(start).cast_unsigned().into(), rank, inside, line, host)
    }

    /// The same if a line only starts nearly where it was looked for.
    #[inline(never)]
    fn line_before_holds(&self, target: &Target, mut at: usize, key: u32, inside: bool, host: u64) -> Option<bool> {
        while at > place(target.at) {
            at -= 1;
            let line = self.narrow.get(at)?;
            let rank = not_above(&line.keys, signed(key));
            if rank != 0 {
                return self.narrow_line_holds(line, key, rank, inside, host);
            }
        }
        Some(inside)
    }

    /// The same of lines that have to be searched.
    #[inline(never)]
    fn many_hold(&self, target: &Target, rest: u64, inside: bool, host: u64) -> Option<bool> {
        let (at, count) = (place(target.at & !(SEARCHED | WIDE)), place(target.base));
        if target.at & WIDE == 0 {
            let key = signed(u32::try_from(rest).unwrap_or(u32::MAX));
            let line = last_from(self.narrow.get(at..at + count)?, key)?;
            let rank = not_above(&line.keys, key);
            let start = *line.keys.get(place(rank.wrapping_sub(1) & 7))?;
            return self.line_holds(key.wrapping_sub(start).cast_unsigned().into(), rank, inside, line, host);
        }
        let line = last_from(self.wide.get(at..at + count)?, rest)?;
        let rank = not_above(&line.keys, rest);
        let start = *line.keys.get(place(rank.wrapping_sub(1) & 3))?;
        self.line_holds(rest - start.min(rest), rank, inside, line, host)
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
        size_of_val(&*self.roots)
            + size_of_val(&*self.pages)
            + size_of_val(&*self.groups)
            + size_of_val(&*self.targets)
            + size_of_val(&*self.narrow)
            + size_of_val(&*self.wide)
    }
}

/// How many of some keys in order are not above another.
#[inline(always)]
fn not_above<K: Copy + Ord, const N: usize>(keys: &[K; N], key: K) -> u32 {
    keys.iter().map(|other| u32::from(*other <= key)).sum()
}

/// The line that holds the last start which is not above another; if there is none, the first.
#[inline(always)]
fn last_from<K: Copy + Ord, const N: usize>(lines: &[Line<K, N>], key: K) -> Option<&Line<K, N>> {
    let passed = lines.partition_point(|line| line.keys.first().is_some_and(|first| *first <= key));
    lines.get(passed.saturating_sub(1))
}

#[cfg(test)]
mod tests;
