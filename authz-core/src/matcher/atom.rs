//! Rules split into conjunctions: one entry of `from`, one of `to`, and all of `when`, by dimension.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::address_ranges::AddressRanges;
use super::pattern_ref::{Numbers, PatternNumbers, PatternRef};
use super::query::Dimension;
use super::ranges::{Ranges, Set, of_ports};
use crate::IS_SMALL;
use crate::fact_set::FactSet;
use crate::policy::{Clause, Patterns, Rule, Term};
use crate::sort::sort;
use crate::value::{IpBlock, Port};

/// More combinations of entries than this are not written out; the rule itself is asked instead.
const MOST_COMBINATIONS: usize = 64;

/// Of two sets that both have to hold an address, neither may have more ranges than this if what both hold
/// were written down for each of many conjunctions; the rule itself is asked instead.
const MOST_SHARED_RANGES: usize = 1024;

/// What one conjunction asks of each dimension; nothing where it asks nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Atom {
    pub(super) source: Option<Arc<AddressRanges>>,
    pub(super) remote: Option<Arc<AddressRanges>>,
    pub(super) destination: Option<Arc<AddressRanges>>,
    pub(super) port: Option<Arc<Ranges<u16>>>,
    pub(super) peer: Words,
    pub(super) sni: Words,
    /// The facts that it asks for.
    pub(super) asks: FactSet,
    /// Whether the dimensions do not say all, so that the rule has to be asked too.
    pub(super) verify: bool,
    /// The place of the entry of `from` that it is made of; nothing where it is made of all or none.
    pub(super) from: Option<u8>,
}

/// What a conjunction asks of a text, by the numbers of patterns: of each list in `any` one, and none of `none`.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) any: SmallVec<[PatternNumbers; 1]>,
    pub(super) none: PatternNumbers,
}

impl Words {
    pub(super) fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }

    /// Whether they hold for a text that these patterns match, and no others. All lists are sorted, and
    /// few patterns match a text however many are asked for.
    pub(super) fn hold(&self, matching: &[u32]) -> bool {
        let meets = |list: &[u32]| matching.iter().any(|number| list.binary_search(number).is_ok());
        self.any.iter().all(|list| meets(list)) && !meets(&self.none)
    }
}

/// The patterns that rules ask for, numbered.
#[derive(Debug, Default)]
pub(super) struct Texts<'p> {
    pub(super) peer: Numbers<'p>,
    pub(super) sni: Numbers<'p>,
    /// The sets of a few ports that rules ask for, by these: most rules ask for one that others ask for too.
    ports: HashMap<[u16; 4], Arc<Ranges<u16>>, foldhash::fast::RandomState>,
}

impl Texts<'_> {
    /// The set of the ports that a term asks for.
    fn set_of(&mut self, ports: &[Port], term: &Term) -> Arc<Ranges<u16>> {
        if term.is_negative {
            return Arc::new(of_ports(ports).complement());
        }
        let (false, ..=4, Some(first)) = (IS_SMALL, ports.len(), ports.first()) else { return Arc::new(of_ports(ports)) };
        let mut few = [first.number(); 4];
        few.iter_mut().zip(ports).for_each(|(few, port)| *few = port.number());
        let set = self.ports.entry(few).or_insert_with(|| Arc::new(of_ports(ports)));
        Arc::clone(set)
    }
}

/// Adds the conjunctions of a rule that can match.
pub(super) fn add_atoms<'p>(rule: &'p Rule, texts: &mut Texts<'p>, mut add: impl FnMut(Atom)) {
    // An entry that asks for nothing makes its list ask for nothing.
    let mut entries = |clauses: &'p [Clause]| -> SmallVec<[Atom; 1]> {
        let asks_nothing = clauses.is_empty() || clauses.iter().any(|clause| clause.terms.is_empty());
        if asks_nothing {
            return smallvec![Atom::default()];
        }
        // Only of a list that is written out does it matter which of its entries one is.
        let places = (0..u8::MAX).map(Some).chain(std::iter::repeat(None));
        places.zip(clauses).map(|(from, clause)| Atom { from, ..Atom::of(clause, texts) }).collect()
    };
    if !IS_SMALL && rule.from.len() <= 1 && rule.to.len() <= 1 {
        // Most rules are one conjunction, and it takes no putting together.
        let from = rule.from.first().filter(|clause| !clause.terms.is_empty()).map(|_| 0);
        let mut atom = Atom { from, ..Atom::default() };
        rule.clauses().for_each(|clause| atom.ask(clause, texts));
        return add(atom);
    }
    let (from, to) = (entries(&rule.from), entries(&rule.to));
    let when = Atom::of(&rule.when, texts);
    if from.len().saturating_mul(to.len()) > MOST_COMBINATIONS {
        // The list with fewer entries is still written out.
        let few = if from.len() <= to.len() { from } else { to };
        let few = if few.len() > MOST_COMBINATIONS { smallvec![Atom::default()] } else { few };
        // What the other list asks for is for the rule to say.
        let asks = rule.clauses().flat_map(|clause| &clause.terms).fold(FactSet::EMPTY, |asks, term| asks | term.patterns.fact());
        let is_one = few.len() == 1;
        for entry in few {
            add(Atom { verify: true, asks, from: None, ..entry.and(&when, is_one) });
        }
        return;
    }
    match (from.as_slice(), to.as_slice()) {
        ([_], [one]) => from.into_iter().for_each(|source| add(source.and(one, true).and(&when, true))),
        (_, [one]) => from.into_iter().for_each(|source| add(source.and(one, false).and(&when, false))),
        _ => {
            for source in &from {
                for operation in &to {
                    add(source.clone().and(operation, false).and(&when, false));
                }
            }
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "small"))]
impl Atom {
    /// One for tests that asks for a source and a port.
    pub(super) fn of_numbers(block: &str, port: u16) -> Self {
        Self {
            source: Some(Arc::new(AddressRanges::of_blocks(&[crate::value::IpBlock::parse(block).unwrap()]))),
            port: Some(Arc::new(of_ports(&[crate::value::Port::from(port)]))),
            ..Self::default()
        }
    }
}

impl Atom {
    /// Whether it asks for no more than source, destination and port.
    pub(super) fn asks_for_numbers(&self) -> bool {
        !self.verify && self.remote.is_none() && self.peer.is_empty() && self.sni.is_empty()
    }

    /// The set of addresses that it asks for in a dimension.
    pub(super) fn addresses(&self, dimension: Dimension) -> Option<&Arc<AddressRanges>> {
        match dimension {
            Dimension::Source => self.source.as_ref(),
            Dimension::Destination => self.destination.as_ref(),
            Dimension::Remote => self.remote.as_ref(),
        }
    }

    /// How many stretches of addresses and of ports its sets may cut lines into, but for those that
    /// `is_apart` says are no part of lines.
    pub(super) fn stretches(&self, is_apart: impl Fn(&AddressRanges) -> bool) -> usize {
        let sets = Dimension::ALL.into_iter().filter_map(|dimension| self.addresses(dimension)).filter(|set| !is_apart(set));
        let ports = self.port.as_ref().map_or(0, |ports| ports.as_slice().len());
        2 * (sets.map(|set| set.at_most()).sum::<usize>() + ports)
    }

    fn of<'p>(clause: &'p Clause, texts: &mut Texts<'p>) -> Self {
        let mut atom = Self::default();
        atom.ask(clause, texts);
        atom
    }

    /// Asks for what a clause asks for too.
    fn ask<'p>(&mut self, clause: &'p Clause, texts: &mut Texts<'p>) {
        for term in &clause.terms {
            self.asks |= term.patterns.fact();
            match &term.patterns {
                Patterns::SourceIp(blocks) => restrict(&mut self.source, addresses(blocks, term)),
                Patterns::RemoteIp(blocks) => restrict(&mut self.remote, addresses(blocks, term)),
                Patterns::DestinationIp(blocks) => restrict(&mut self.destination, addresses(blocks, term)),
                Patterns::DestinationPort(ports) => restrict(&mut self.port, texts.set_of(ports, term)),
                Patterns::Principal(values) => self.peer.add(term, &mut texts.peer, values, PatternRef::Principal),
                Patterns::Namespace(values) => self.peer.add(term, &mut texts.peer, values, PatternRef::Namespace),
                Patterns::ServiceAccount(values) => self.peer.add(term, &mut texts.peer, values, PatternRef::ServiceAccount),
                Patterns::TrustDomain(values) => self.peer.add(term, &mut texts.peer, values, PatternRef::TrustDomain),
                Patterns::Sni(values) => self.sni.add(term, &mut texts.sni, values, PatternRef::Sni),
                Patterns::Metadata(..) => self.verify = true,
            }
        }
    }

    /// What asks for both; whether it is the only one of its rule.
    fn and(mut self, other: &Self, is_one: bool) -> Self {
        let most = if is_one { usize::MAX } else { MOST_SHARED_RANGES };
        let is_told = both(&mut self.source, other.source.as_ref(), most)
            & both(&mut self.remote, other.remote.as_ref(), most)
            & both(&mut self.destination, other.destination.as_ref(), most)
            & both(&mut self.port, other.port.as_ref(), usize::MAX);
        self.verify |= !is_told;
        for (own, others) in [(&mut self.peer, &other.peer), (&mut self.sni, &other.sni)] {
            own.any.extend(others.any.iter().cloned());
            if !others.none.is_empty() {
                own.none.extend_from_slice(&others.none);
                sort(&mut own.none);
            }
        }
        self.asks |= other.asks;
        self.verify |= other.verify;
        self
    }
}

fn addresses(blocks: &[IpBlock], term: &Term) -> Arc<AddressRanges> {
    let set = AddressRanges::of_blocks(blocks);
    Arc::new(if term.is_negative { set.complement() } else { set })
}

fn restrict<S: Set>(known: &mut Option<Arc<S>>, set: Arc<S>) {
    *known = Some(match known.take() {
        Some(known) => Arc::new(known.intersection(&set)),
        None => set,
    });
}

/// Asks for what both hold; answers whether it does, or left that to the rule as one has too many ranges.
fn both<S: Set>(own: &mut Option<Arc<S>>, other: Option<&Arc<S>>, most: usize) -> bool {
    match (&own, other) {
        (Some(one), Some(other)) if one.size().max(other.size()) > most => return false,
        (Some(one), Some(other)) => *own = Some(Arc::new(one.intersection(other))),
        (None, other) => *own = other.cloned(),
        (Some(_), None) => {}
    }
    true
}

impl Words {
    fn add<'p, T>(&mut self, term: &Term, numbers: &mut Numbers<'p>, values: &'p [T], pattern: fn(&'p T) -> PatternRef<'p>) {
        let found = values.iter().map(|value| numbers.number(pattern(value)));
        if term.is_negative {
            self.none.extend(found);
            sort(&mut self.none);
        } else {
            let mut list: PatternNumbers = found.collect();
            sort(&mut list);
            self.any.push(list);
        }
    }
}
