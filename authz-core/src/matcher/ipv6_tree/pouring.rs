//! Lines as they are filled, with a start behind the one before.

use super::{BETWEEN, BY_PAGE, HOSTS, Line, OFF, START_BITS, STARTS};

/// The line of a cell that is filled, and where those before it start.
#[derive(Debug)]
pub(super) struct Pouring<K, const N: usize> {
    line: Line<K, N>,
    used: usize,
    used_hosts: usize,
    /// Where the cell's lines start, roughly; how many they are, counted as far as a target has places for them.
    starts: [u32; STARTS + 1],
    lines: usize,
}

impl<K: Copy + Default, const N: usize> Pouring<K, N> {
    pub(super) fn new() -> Self {
        let line = Line { keys: [K::default(); N], codes: [0; 8], hosts: [0; HOSTS] };
        Self { line, used: 0, used_hosts: 0, starts: [0; STARTS + 1], lines: 0 }
    }

    #[inline(always)]
    pub(super) fn add(&mut self, all: &mut Vec<Line<K, N>>, key: K, code: u8, hosts: &[u64], rough: u32) {
        if self.used == N || self.used_hosts + hosts.len() > HOSTS {
            self.pour(all);
        }
        if self.used == 0 {
            self.starts.get_mut(self.lines).into_iter().for_each(|start| *start = rough);
        }
        let place = u8::try_from(self.used_hosts).unwrap_or_default();
        let code = match code {
            OFF => OFF | ((1 << hosts.len()) - 1) << place,
            BETWEEN | BY_PAGE => code + place,
            code => code,
        };
        for host in hosts {
            self.line.hosts.get_mut(self.used_hosts).into_iter().for_each(|place| *place = *host);
            self.used_hosts += 1;
        }
        if let (Some(of_key), Some(of_code)) = (self.line.keys.get_mut(self.used), self.line.codes.get_mut(self.used)) {
            (*of_key, *of_code) = (key, code);
        }
        self.used += 1;
    }

    fn pour(&mut self, all: &mut Vec<Line<K, N>>) {
        // What is repeated behind the last start changes nothing.
        if let Some(last) = self.used.checked_sub(1)
            && let (Some(key), Some(code)) = (self.line.keys.get(last).copied(), self.line.codes.get(last).copied())
        {
            self.line.keys.iter_mut().skip(self.used).for_each(|place| *place = key);
            self.line.codes.iter_mut().skip(self.used).for_each(|place| *place = code);
        }
        all.push(self.line);
        (self.used, self.used_hosts) = (0, 0);
        self.lines += 1;
    }

    /// Adds the last line, and says where lines start; answers whether they are found by that.
    pub(super) fn end(mut self, all: &mut Vec<Line<K, N>>, starts: &mut [u64; STARTS / 4]) -> bool {
        self.pour(all);
        let known = self.starts.get(1..self.lines).unwrap_or_default();
        for (four, known) in starts.iter_mut().zip(known.chunks(4)) {
            for (start, at) in known.iter().zip([0, 16, 32, 48]) {
                *four ^= (1 << START_BITS | u64::from(*start)) << at;
            }
        }
        // More than three that start alike would have to be looked at one by one.
        let is_told =
            self.starts.windows(TOLD).take((self.lines + 1).saturating_sub(TOLD)).all(|some| some.first() != some.last());
        self.lines <= STARTS + 1 && is_told
    }
}

/// Of so many lines in a row the first and the last must start differently, as far as a target says it.
const TOLD: usize = 4;
