//! From identities, or a server name, to the row of atoms that they do not rule out.

use std::collections::HashMap;

use super::atom::Words;
use super::lookup::place;
use super::patterns::{Pattern, Patterns};
use super::rows::{Rows, rule_out, set};

/// The most positive lists of one atom that are told apart; more are left to the rule.
const LISTS: usize = 3;

/// What a pattern that matches does to an atom.
#[derive(Clone, Copy, Debug)]
struct Use {
    atom: u32,
    /// The positive list that it meets; nothing where the atom keeps it out.
    list: Option<u8>,
}

/// The atoms of a dimension of text.
#[derive(Clone, Debug)]
pub(super) struct TextIndex {
    words: usize,
    patterns: Patterns,
    /// By pattern: where it is used.
    uses: Vec<Vec<Use>>,
    /// By positive list: the atoms that have none of that number.
    free: Vec<Box<[u64]>>,
    /// Atoms that ask nothing of the dimension.
    pub(super) unconstrained: Box<[u64]>,
    rows: Rows,
    /// What is absent has the row of no match.
    absent: u32,
    /// Whole identities that patterns name, and their rows.
    known: HashMap<Box<str>, u32, foldhash::fast::RandomState>,
}

impl TextIndex {
    /// Arranges what each atom asks for; answers too the atoms of which it could not keep all.
    pub(super) fn new(atoms: &[(usize, &Words)], words: usize) -> (Self, Vec<usize>) {
        let lists = atoms.iter().map(|(_, asked)| asked.any.len().min(LISTS)).max().unwrap_or_default();
        let full: Box<[u64]> = vec![u64::MAX; words].into();
        let mut this = Self {
            words,
            patterns: Patterns::default(),
            uses: Vec::new(),
            free: vec![full.clone(); lists],
            unconstrained: full,
            rows: Rows::new(words),
            absent: 0,
            known: HashMap::default(),
        };
        let mut incomplete = Vec::new();
        for (atom, asked) in atoms {
            if !asked.is_empty() {
                set(&mut this.unconstrained, *atom, false);
            }
            for (list, patterns) in asked.any.iter().take(LISTS).enumerate() {
                if let Some(free) = this.free.get_mut(list) {
                    set(free, *atom, false);
                }
                for pattern in patterns {
                    this.add(pattern, *atom, u8::try_from(list).ok());
                }
            }
            for pattern in &asked.none {
                this.add(pattern, *atom, None);
            }
            if asked.any.len() > LISTS {
                incomplete.push(*atom);
            }
        }
        this.absent = this.number(|this, row| this.build_any(|_| (), row));
        for identity in this.patterns.whole_identities() {
            let number = this.number(|this, row| this.build_any(|found| this.patterns.matching_identity(&identity, found), row));
            this.known.insert(identity.into(), number);
        }
        this.rows.finish();
        (this, incomplete)
    }

    fn add(&mut self, pattern: &Pattern, atom: usize, list: Option<u8>) {
        let number = place(self.patterns.number(pattern.clone()));
        if self.uses.len() <= number {
            self.uses.resize(number + 1, Vec::new());
        }
        if let (Some(uses), Ok(atom)) = (self.uses.get_mut(number), u32::try_from(atom)) {
            uses.push(Use { atom, list });
        }
    }

    fn number(&mut self, build: impl FnOnce(&Self, &mut [u64])) -> u32 {
        let mut row = vec![0; self.words];
        build(self, &mut row);
        self.rows.number(&row)
    }

    /// Writes a row when policies are compiled, for any width.
    fn build_any(&self, matching: impl FnOnce(&mut dyn FnMut(u32)), row: &mut [u64]) {
        let mut lists = vec![vec![0; self.words]; LISTS];
        let mut kept_out = vec![0; self.words];
        let mut lists: Vec<&mut [u64]> = lists.iter_mut().map(Vec::as_mut_slice).collect();
        self.build(matching, &mut lists, &mut kept_out, row);
    }

    /// The row of a text whose patterns `matching` reports.
    fn built<const W: usize>(&self, matching: impl FnOnce(&mut dyn FnMut(u32))) -> [u64; W] {
        let (mut one, mut two, mut three) = ([0; W], [0; W], [0; W]);
        let (mut kept_out, mut row) = ([0; W], [0; W]);
        self.build(matching, &mut [&mut one, &mut two, &mut three], &mut kept_out, &mut row);
        row
    }

    fn build(&self, matching: impl FnOnce(&mut dyn FnMut(u32)), lists: &mut [&mut [u64]], kept_out: &mut [u64], row: &mut [u64]) {
        for (list, free) in lists.iter_mut().zip(&self.free) {
            for (word, free) in list.iter_mut().zip(free.iter()) {
                *word = *free;
            }
        }
        matching(&mut |number| {
            for used in self.uses.get(place(number)).into_iter().flatten() {
                match used.list.and_then(|list| lists.get_mut(usize::from(list))) {
                    Some(list) => set(list, place(used.atom), true),
                    None => set(kept_out, place(used.atom), true),
                }
            }
        });
        for (word, out) in row.iter_mut().zip(&*kept_out) {
            *word = !out;
        }
        for list in lists.iter().take(self.free.len()) {
            for (word, met) in row.iter_mut().zip(list.iter()) {
                *word &= met;
            }
        }
    }

    /// The row of a peer without identity, or of a client that asked for no name.
    pub(super) fn absent(&self) -> &[u64] {
        self.rows.row(self.absent)
    }

    /// Rules out what the identities of a peer rule out.
    pub(super) fn rule_out_identities<const W: usize>(&self, identities: &[&str], left: &mut [u64; W]) {
        match identities {
            [] => rule_out(left, self.absent()),
            [one] => match self.known.get(*one) {
                Some(number) => rule_out(left, self.rows.row(*number)),
                None => rule_out(left, &self.built::<W>(|found| self.patterns.matching_identity(one, found))),
            },
            many => {
                let row = self.built::<W>(|found| {
                    for identity in many {
                        self.patterns.matching_identity(identity, &mut *found);
                    }
                });
                rule_out(left, &row);
            }
        }
    }

    /// Rules out what a server name rules out.
    pub(super) fn rule_out_server_name<const W: usize>(&self, name: &str, left: &mut [u64; W]) {
        rule_out(left, &self.built::<W>(|found| self.patterns.matching_server_name(name, found)));
    }

    pub(super) fn bytes(&self) -> usize {
        let uses: usize = self.uses.iter().map(|uses| size_of_val(uses.as_slice()) + size_of::<Vec<Use>>()).sum();
        let known: usize = self.known.keys().map(|key| key.len() + 24).sum();
        uses + known + self.rows.bytes() + self.free.len() * self.words * 8
    }
}
