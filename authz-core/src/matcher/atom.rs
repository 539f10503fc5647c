//! Rules split into conjunctions: one entry of `from`, one of `to`, and all of `when`, by dimension.

use super::patterns::Pattern;
use super::ranges::{AddressRanges, Ranges, Set, of_ports};
use crate::policy::{Clause, Patterns, Rule, Term};

/// More combinations of entries than this are not written out; the rule itself is asked instead.
const MOST: usize = 64;

/// What one conjunction asks of each dimension; nothing where it asks nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Atom {
    pub(super) source: Option<AddressRanges>,
    pub(super) remote: Option<AddressRanges>,
    pub(super) destination: Option<AddressRanges>,
    pub(super) port: Option<Ranges<u16>>,
    pub(super) peer: Words,
    pub(super) sni: Words,
    /// Whether these dimensions do not say all, so that the rule has to be asked too.
    pub(super) verify: bool,
}

/// What a conjunction asks of a text: of each list in `any` one pattern, and none of `none`.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    pub(super) any: Vec<Vec<Pattern>>,
    pub(super) none: Vec<Pattern>,
}

impl Words {
    pub(super) fn is_empty(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }
}

/// The conjunctions of a rule that can match.
pub(super) fn atoms(rule: &Rule) -> Vec<Atom> {
    fn all(clause: &Clause) -> Vec<&Term> {
        clause.terms.iter().collect()
    }
    // An entry that asks for nothing makes its list ask for nothing.
    fn entries(clauses: &[Clause]) -> Vec<Vec<&Term>> {
        let asks_nothing = clauses.is_empty() || clauses.iter().any(|clause| clause.terms.is_empty());
        if asks_nothing { vec![Vec::new()] } else { clauses.iter().map(all).collect() }
    }
    let (from, to, when) = (entries(&rule.from), entries(&rule.to), all(&rule.when));
    if from.len().saturating_mul(to.len()) > MOST {
        // The list with fewer entries is still written out.
        let (few, _) = if from.len() <= to.len() { (&from, &to) } else { (&to, &from) };
        let few = if few.len() > MOST { &vec![Vec::new()] } else { few };
        let atom = |terms: &Vec<&Term>| Atom { verify: true, ..Atom::of(terms.iter().chain(&when).copied()) };
        return few.iter().map(atom).collect();
    }
    let pairs = from.iter().flat_map(|source| to.iter().map(move |operation| (source, operation)));
    pairs.map(|(source, operation)| Atom::of(source.iter().chain(operation).chain(&when).copied())).collect()
}

impl Atom {
    fn of<'t>(terms: impl Iterator<Item = &'t Term>) -> Self {
        let mut atom = Self::default();
        for term in terms {
            atom.add(term);
        }
        atom
    }

    fn add(&mut self, term: &Term) {
        match &term.patterns {
            Patterns::SourceIp(blocks) => restrict(&mut self.source, AddressRanges::of_blocks(blocks), term),
            Patterns::RemoteIp(blocks) => restrict(&mut self.remote, AddressRanges::of_blocks(blocks), term),
            Patterns::DestinationIp(blocks) => restrict(&mut self.destination, AddressRanges::of_blocks(blocks), term),
            Patterns::DestinationPort(ports) => restrict(&mut self.port, of_ports(ports), term),
            Patterns::Principal(values) => self.peer.add(term, values, Pattern::Principal),
            Patterns::Namespace(values) => self.peer.add(term, values, Pattern::Namespace),
            Patterns::ServiceAccount(values) => self.peer.add(term, values, Pattern::ServiceAccount),
            Patterns::TrustDomain(values) => self.peer.add(term, values, Pattern::TrustDomain),
            Patterns::Sni(values) => self.sni.add(term, values, Pattern::Sni),
            Patterns::Metadata(..) => self.verify = true,
        }
    }
}

fn restrict<S: Set>(known: &mut Option<S>, set: S, term: &Term) {
    let set = if term.is_negative { set.complement() } else { set };
    *known = Some(match known.take() {
        Some(known) => known.intersection(&set),
        None => set,
    });
}

impl Words {
    fn add<T: Clone>(&mut self, term: &Term, values: &[T], pattern: impl Fn(T) -> Pattern) {
        let patterns = values.iter().cloned().map(pattern);
        if term.is_negative {
            self.none.extend(patterns);
        } else {
            self.any.push(patterns.collect());
        }
    }
}
