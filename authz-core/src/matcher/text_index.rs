//! From identities, or a server name, to the row of atoms that they do not rule out.

use std::collections::HashMap;

use super::atom::Words;
use super::lookup::place;
use super::patterns::{Pattern, Patterns};
use super::rows::{Rows, set};

/// The most positive lists of one atom that are told apart; more are left to the rule.
const LISTS: usize = 3;

/// The most words of a row that fit on the stack of a decision.
pub(super) const MAX_WORDS: usize = 64;

/// A row on the stack.
type Buffer = [u64; MAX_WORDS];

/// The atoms that one fact does not rule out.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "it lives on the stack of one decision, where a box would allocate")]
pub(super) enum Row<'r> {
    /// One that was written when the policies were compiled.
    Known(&'r [u64]),
    /// One that no policy names, put together for this connection.
    Built(Buffer),
    /// A dimension that rules out nothing.
    All,
}

impl Row<'_> {
    pub(super) const ALL: Self = Self::All;

    /// The 64 atoms of a word.
    pub(super) fn word(&self, at: usize) -> u64 {
        match self {
            Self::Known(row) => row.get(at).copied().unwrap_or_default(),
            Self::Built(row) => row.get(at).copied().unwrap_or_default(),
            Self::All => u64::MAX,
        }
    }
}

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
        let mut buffer = [0; MAX_WORDS];
        this.absent = this.number(&mut buffer, |this, buffer| this.build(|_| (), buffer));
        for identity in this.patterns.whole_identities() {
            let number = this.number(&mut buffer, |this, buffer| {
                this.build(|found| this.patterns.matching_identity(&identity, found), buffer);
            });
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

    fn number(&mut self, buffer: &mut Buffer, build: impl FnOnce(&Self, &mut Buffer)) -> u32 {
        build(self, buffer);
        self.rows.number(buffer.get(..self.words).unwrap_or_default())
    }

    /// Writes the row of a text whose patterns `matching` reports.
    fn build(&self, matching: impl FnOnce(&mut dyn FnMut(u32)), row: &mut Buffer) {
        let mut lists = [[0; MAX_WORDS]; LISTS];
        for (list, free) in lists.iter_mut().zip(&self.free) {
            for (word, free) in list.iter_mut().zip(free.iter()) {
                *word = *free;
            }
        }
        let mut kept_out = [0; MAX_WORDS];
        matching(&mut |number| {
            for used in self.uses.get(place(number)).into_iter().flatten() {
                let target = used.list.and_then(|list| lists.get_mut(usize::from(list))).unwrap_or(&mut kept_out);
                set(target, place(used.atom), true);
            }
        });
        for (at, (word, out)) in row.iter_mut().zip(kept_out).take(self.words).enumerate() {
            *word = !out;
            for list in lists.iter().take(self.free.len()) {
                *word &= list.get(at).copied().unwrap_or_default();
            }
        }
    }

    /// The row of a peer without identity, or of a client that asked for no name.
    pub(super) fn absent(&self) -> &[u64] {
        self.rows.row(self.absent)
    }

    /// The row of the identities of a peer.
    pub(super) fn of_identities(&self, identities: &[&str]) -> Row<'_> {
        match identities {
            [] => Row::Known(self.absent()),
            [one] => match self.known.get(*one) {
                Some(number) => Row::Known(self.rows.row(*number)),
                None => self.built(|found| self.patterns.matching_identity(one, found)),
            },
            many => self.built(|found| {
                for identity in many {
                    self.patterns.matching_identity(identity, &mut *found);
                }
            }),
        }
    }

    /// The row of a server name.
    pub(super) fn of_server_name(&self, name: &str) -> Row<'_> {
        self.built(|found| self.patterns.matching_server_name(name, found))
    }

    fn built(&self, matching: impl FnOnce(&mut dyn FnMut(u32))) -> Row<'_> {
        let mut row = [0; MAX_WORDS];
        self.build(matching, &mut row);
        Row::Built(row)
    }

    pub(super) fn bytes(&self) -> usize {
        let uses: usize = self.uses.iter().map(|uses| size_of_val(uses.as_slice()) + size_of::<Vec<Use>>()).sum();
        let known: usize = self.known.keys().map(|key| key.len() + 24).sum();
        uses + known + self.rows.bytes() + self.free.len() * self.words * 8
    }
}
