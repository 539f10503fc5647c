//! The index: all rules of a workload at once, as rows of bits that are combined for each connection.
//!
//! Every conjunction of every rule is one bit, in the order in which rules report. Each dimension turns
//! its fact into a row: the conjunctions that this fact does not rule out. What is left when all rows
//! are combined matches.

use std::ops::Range;

use super::address_index::{AddressIndex, rows_of};
use super::atom::{Atom, Words, atoms};
use super::lookup::{PortLookup, place};
use super::ranges::{AddressRanges, Ranges};
use super::rows::{ones, rule_out, set};
use super::rule::CompiledRule;
use super::text_index::TextIndex;
use super::{Facts, Match};
use crate::connection::Fact;
use crate::fact_set::FactSet;
use crate::policy;
use crate::truth::Truth;

/// How many dimensions a connection has.
const DIMENSIONS: usize = 6;

/// Rules by segment, such as all enforced DENY rules, and what it takes to find the first that matches.
#[derive(Clone, Debug)]
pub(super) struct Index {
    segments: Vec<Range<usize>>,
    /// By bit: the place of its rule among `rules`.
    rule_of_bit: Box<[u32]>,
    rules: Vec<(usize, CompiledRule)>,
    /// The bits that stand for a conjunction.
    used: Box<[u64]>,
    /// The bits whose rule has to be asked too.
    verify: Box<[u64]>,
    source: Option<AddressIndex>,
    remote: Option<AddressIndex>,
    destination: Option<AddressIndex>,
    port: Option<PortIndex>,
    peer: Option<TextIndex>,
    sni: Option<TextIndex>,
}

/// Ports to rows.
#[derive(Clone, Debug)]
struct PortIndex {
    lookup: PortLookup,
    words: usize,
    rows: Box<[u64]>,
    unconstrained: Box<[u64]>,
}

/// The most atoms that rows can hold.
const MAX_ATOMS: usize = 64 * 64;

/// How many words a row can have; a row is as wide as the next of these.
const WIDTHS: [usize; 4] = [1, 4, 16, 64];

/// What the facts of one connection leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolved<'r> {
    /// The atoms that no known fact rules out.
    left: &'r [u64],
    /// For each dimension whose fact is unknown, the atoms that do not ask for it.
    unknown: [Option<&'r [u64]>; DIMENSIONS],
    /// The facts that are unknown and that some atom asks for.
    open: FactSet,
}

impl Resolved<'_> {
    /// Whether an atom asks for no fact that is unknown.
    fn is_certain(&self, at: usize, bit: usize) -> bool {
        let asks_nothing = |unconstrained: &&[u64]| unconstrained.get(at).copied().unwrap_or_default() >> bit & 1 == 1;
        self.unknown.iter().flatten().all(asks_nothing)
    }
}

impl Index {
    /// Compiles rules, given by segment and within it in the order in which they report.
    ///
    /// Nothing where they are more than rows are good for, or ask for more than `budget` bytes.
    pub(super) fn new(segments: &[Vec<(usize, &policy::Rule)>], budget: usize) -> Option<Self> {
        let mut builder = Builder::default();
        for rules in segments {
            builder.segment(rules)?;
        }
        builder.finish(budget)
    }

    /// Looks up the facts of a connection and hands on what they leave.
    pub(super) fn resolve<R>(&self, facts: &Facts<'_>, work: impl FnOnce(Resolved<'_>) -> R) -> R {
        match self.used.len() {
            1 => self.resolve_rows::<1, R>(facts, work),
            4 => self.resolve_rows::<4, R>(facts, work),
            16 => self.resolve_rows::<16, R>(facts, work),
            _ => self.resolve_rows::<64, R>(facts, work),
        }
    }

    fn resolve_rows<const W: usize, R>(&self, facts: &Facts<'_>, work: impl FnOnce(Resolved<'_>) -> R) -> R {
        let mut left = self.used.first_chunk::<W>().copied().unwrap_or([0; W]);
        let mut unknown = [None; DIMENSIONS];
        let mut open = FactSet::EMPTY;
        let mut places = unknown.iter_mut();
        let mut is_open = |unconstrained, fact| {
            open |= fact;
            if let Some(place) = places.next() {
                *place = Some(unconstrained);
            }
        };
        if let Some(index) = &self.port {
            match facts.port {
                Fact::Known(port) => rule_out(&mut left, index.row(port)),
                Fact::Unknown | Fact::Absent => is_open(&*index.unconstrained, FactSet::DESTINATION_PORT),
            }
        }
        let addresses = [
            (&self.source, facts.source, FactSet::SOURCE_IP),
            (&self.destination, facts.destination, FactSet::DESTINATION_IP),
            (&self.remote, facts.remote, FactSet::REMOTE_IP),
        ];
        for (index, fact, name) in addresses {
            let Some(index) = index else { continue };
            match fact {
                Fact::Known(address) => rule_out(&mut left, index.row(address)),
                Fact::Unknown | Fact::Absent => is_open(index.unconstrained(), name),
            }
        }
        if let Some(index) = &self.peer {
            match facts.peer {
                Fact::Known(identities) => index.rule_out_identities(identities, &mut left),
                Fact::Absent => rule_out(&mut left, index.absent()),
                Fact::Unknown => is_open(&*index.unconstrained, FactSet::PEER),
            }
        }
        if let Some(index) = &self.sni {
            match facts.sni {
                Fact::Known(name) => index.rule_out_server_name(name, &mut left),
                Fact::Absent => rule_out(&mut left, index.absent()),
                Fact::Unknown => is_open(&*index.unconstrained, FactSet::SNI),
            }
        }
        work(Resolved { left: &left, unknown, open })
    }

    /// The first rule of a segment that matches.
    pub(super) fn first_match(&self, segment: usize, resolved: Resolved<'_>, facts: &Facts<'_>) -> Match<'_> {
        let Some(range) = self.segments.get(segment) else { return Match::NONE };
        let mut needs = FactSet::EMPTY;
        for at in range.clone() {
            let left = resolved.left.get(at).copied().unwrap_or_default();
            if left == 0 {
                continue;
            }
            let verify = self.verify.get(at).copied().unwrap_or_default();
            if resolved.open.is_empty() && verify == 0 {
                return self.found(at * 64 + place(left.trailing_zeros()));
            }
            for bit in ones(left) {
                let truth = match (verify >> bit & 1 == 1, resolved.is_certain(at, bit)) {
                    (false, true) => Truth::True,
                    // A further rule can tell of no fact that is not known to be needed already.
                    (false, false) if needs.contains(resolved.open) => continue,
                    (true, _) | (false, false) => self.ask(at * 64 + bit, facts),
                };
                match truth {
                    Truth::True => return self.found(at * 64 + bit),
                    Truth::Unknown(more) => needs |= more,
                    Truth::False => {}
                }
            }
        }
        Match { rule: None, needs }
    }

    /// Asks the rule of a conjunction itself.
    fn ask(&self, bit: usize, facts: &Facts<'_>) -> Truth {
        self.rule(bit).map_or(Truth::False, |(_, rule)| rule.matches(facts))
    }

    fn rule(&self, bit: usize) -> Option<&(usize, CompiledRule)> {
        self.rule_of_bit.get(bit).and_then(|rule| self.rules.get(place(*rule)))
    }

    fn found(&self, bit: usize) -> Match<'_> {
        Match { rule: self.rule(bit).map(|(rank, rule)| (*rank, rule.id())), needs: FactSet::EMPTY }
    }

    fn bytes(&self) -> usize {
        let addresses = [&self.source, &self.remote, &self.destination];
        let addresses: usize = addresses.into_iter().flatten().map(AddressIndex::bytes).sum();
        let texts: usize = [&self.peer, &self.sni].into_iter().flatten().map(TextIndex::bytes).sum();
        addresses + texts + self.port.as_ref().map_or(0, PortIndex::bytes)
    }
}

impl PortIndex {
    fn row(&self, port: u16) -> &[u64] {
        let start = place(self.lookup.class(port)) * self.words;
        self.rows.get(start..start + self.words).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.lookup.bytes() + size_of_val(&*self.rows)
    }
}

/// Collects atoms by dimension.
#[derive(Debug, Default)]
struct Builder {
    segments: Vec<Range<usize>>,
    rule_of_bit: Vec<u32>,
    rules: Vec<(usize, CompiledRule)>,
    atoms: Vec<(usize, Atom)>,
}

impl Builder {
    fn segment(&mut self, rules: &[(usize, &policy::Rule)]) -> Option<()> {
        let start = self.rule_of_bit.len() / 64;
        for (rank, rule) in rules {
            let number = u32::try_from(self.rules.len()).ok()?;
            for atom in atoms(rule) {
                self.atoms.push((self.rule_of_bit.len(), atom));
                self.rule_of_bit.push(number);
            }
            self.rules.push((*rank, CompiledRule::new(rule)));
            if self.rule_of_bit.len() > MAX_ATOMS {
                return None;
            }
        }
        // A segment ends with its word.
        self.rule_of_bit.resize(self.rule_of_bit.len().next_multiple_of(64), u32::MAX);
        self.segments.push(start..self.rule_of_bit.len() / 64);
        (self.rule_of_bit.len() <= MAX_ATOMS).then_some(())
    }

    fn finish(self, budget: usize) -> Option<Index> {
        let words = WIDTHS.into_iter().find(|words| *words >= self.rule_of_bit.len() / 64)?;
        let (mut used, mut verify) = (vec![0; words], vec![0; words]);
        for (bit, atom) in &self.atoms {
            set(&mut used, *bit, true);
            set(&mut verify, *bit, atom.verify);
        }
        let mut text = |of: fn(&Atom) -> &Words| {
            let asked: Vec<(usize, &Words)> =
                self.atoms.iter().map(|(bit, atom)| (*bit, of(atom))).filter(|(_, words)| !words.is_empty()).collect();
            if asked.is_empty() {
                return None;
            }
            let (index, incomplete) = TextIndex::new(&asked, words);
            for bit in incomplete {
                set(&mut verify, bit, true);
            }
            Some(index)
        };
        let (peer, sni) = (text(|atom| &atom.peer), text(|atom| &atom.sni));
        let addresses = |of: fn(&Atom) -> Option<&AddressRanges>| {
            let sets: Vec<(usize, &AddressRanges)> =
                self.atoms.iter().filter_map(|(bit, atom)| Some((*bit, of(atom)?))).collect();
            if sets.is_empty() { Some(None) } else { AddressIndex::new(&sets, words).map(Some) }
        };
        let source = addresses(|atom| atom.source.as_ref())?;
        let remote = addresses(|atom| atom.remote.as_ref())?;
        let destination = addresses(|atom| atom.destination.as_ref())?;
        let ports: Vec<(usize, &Ranges<u16>)> =
            self.atoms.iter().filter_map(|(bit, atom)| Some((*bit, atom.port.as_ref()?))).collect();
        let port = if ports.is_empty() { None } else { Some(port_index(&ports, words)?) };
        let index = Index {
            segments: self.segments,
            rule_of_bit: self.rule_of_bit.into(),
            rules: self.rules,
            used: used.into(),
            verify: verify.into(),
            source,
            remote,
            destination,
            port,
            peer,
            sni,
        };
        (index.bytes() <= budget).then_some(index)
    }
}

fn port_index(sets: &[(usize, &Ranges<u16>)], words: usize) -> Option<PortIndex> {
    let line = rows_of(sets, words)?;
    Some(PortIndex { lookup: PortLookup::new(&line.stretches), words, rows: line.rows, unconstrained: line.unconstrained })
}
