//! One compiled rule: alternatives of tests for the source side, for the destination side, and for both.

use super::Facts;
use super::ranges::{AddressRanges, Ranges, of_ports};
use crate::fact_set::FactSet;
use crate::policy::{Clause, Patterns, Rule, Term};
use crate::truth::Truth;
use crate::value::{
    MetadataKey, MetadataMatch, NamespaceMatch, PrincipalMatch, RuleId, ServiceAccountMatch, SniMatch, TrustDomainMatch,
};

/// A rule that can match.
#[derive(Clone, Debug)]
pub(super) struct CompiledRule {
    id: RuleId,
    /// Tests that must all hold; the cheapest to fail come first.
    all: Box<[Test]>,
    /// One alternative of each must hold; an entry that is always true has none.
    any_of: Box<[Alternatives]>,
}

/// Entries of a `from` or a `to`.
type Alternatives = Box<[Box<[Test]>]>;

/// A question to one fact.
#[derive(Clone, Debug)]
struct Test {
    set: Set,
    is_negative: bool,
}

#[derive(Clone, Debug)]
enum Set {
    Port(Ranges<u16>),
    Source(AddressRanges),
    Remote(AddressRanges),
    Destination(AddressRanges),
    Principal(Box<[PrincipalMatch]>),
    Namespace(Box<[NamespaceMatch]>),
    ServiceAccount(Box<[ServiceAccountMatch]>),
    TrustDomain(Box<[TrustDomainMatch]>),
    Sni(Box<[SniMatch]>),
    Metadata(Box<MetadataKey>, Box<[MetadataMatch]>),
}

impl CompiledRule {
    /// Compiles an enforced rule.
    pub(super) fn new(rule: &Rule) -> Self {
        let mut all: Vec<Test> = rule.when.terms.iter().map(Test::new).collect();
        let mut any_of = Vec::new();
        for clauses in [&rule.to, &rule.from] {
            match clauses.as_slice() {
                [] => {}
                // A single entry needs no alternatives.
                [only] => all.extend(only.terms.iter().map(Test::new)),
                many if many.iter().any(|clause| clause.terms.is_empty()) => {}
                many => any_of.push(many.iter().map(tests).collect()),
            }
        }
        all.sort_by_key(Test::cost);
        Self { id: rule.id.clone(), all: all.into(), any_of: any_of.into() }
    }

    pub(super) fn id(&self) -> &RuleId {
        &self.id
    }

    pub(super) fn matches(&self, facts: &Facts<'_>) -> Truth {
        let all = |tests: &[Test]| Truth::all(tests.iter().map(|test| test.holds(facts)));
        let one_of = |alternatives: &[Box<[Test]>]| Truth::any(alternatives.iter().map(|tests| all(tests)));
        all(&self.all).and(|| Truth::all(self.any_of.iter().map(|alternatives| one_of(alternatives))))
    }
}

fn tests(clause: &Clause) -> Box<[Test]> {
    let mut tests: Vec<Test> = clause.terms.iter().map(Test::new).collect();
    tests.sort_by_key(Test::cost);
    tests.into()
}

impl Test {
    fn new(term: &Term) -> Self {
        let set = match &term.patterns {
            Patterns::SourceIp(blocks) => Set::Source(AddressRanges::of_blocks(blocks)),
            Patterns::RemoteIp(blocks) => Set::Remote(AddressRanges::of_blocks(blocks)),
            Patterns::DestinationIp(blocks) => Set::Destination(AddressRanges::of_blocks(blocks)),
            Patterns::DestinationPort(ports) => Set::Port(of_ports(ports)),
            Patterns::Principal(patterns) => Set::Principal(patterns.clone()),
            Patterns::Namespace(patterns) => Set::Namespace(patterns.clone()),
            Patterns::ServiceAccount(patterns) => Set::ServiceAccount(patterns.clone()),
            Patterns::TrustDomain(patterns) => Set::TrustDomain(patterns.clone()),
            Patterns::Sni(patterns) => Set::Sni(patterns.clone()),
            Patterns::Metadata(key, patterns) => Set::Metadata(Box::new(key.clone()), patterns.clone()),
        };
        Self { set, is_negative: term.is_negative }
    }

    /// Cheap and selective tests first.
    fn cost(&self) -> u8 {
        match self.set {
            Set::Port(_) => 0,
            Set::Source(_) | Set::Remote(_) | Set::Destination(_) => 1,
            Set::Principal(_) | Set::TrustDomain(_) | Set::Sni(_) => 2,
            Set::Namespace(_) | Set::ServiceAccount(_) | Set::Metadata(..) => 3,
        }
    }

    fn holds(&self, facts: &Facts<'_>) -> Truth {
        let identity = |matches: &dyn Fn(&str) -> bool| {
            Truth::of(facts.peer, FactSet::PEER, |identities| identities.iter().any(|identity| matches(identity)))
        };
        let matches = match &self.set {
            Set::Port(set) => Truth::of(facts.port, FactSet::DESTINATION_PORT, |port| set.contains(port)),
            Set::Source(set) => Truth::of(facts.source, FactSet::SOURCE_IP, |ip| set.contains(ip)),
            Set::Remote(set) => Truth::of(facts.remote, FactSet::REMOTE_IP, |ip| set.contains(ip)),
            Set::Destination(set) => Truth::of(facts.destination, FactSet::DESTINATION_IP, |ip| set.contains(ip)),
            Set::Principal(patterns) => identity(&|text| patterns.iter().any(|pattern| pattern.matches(text))),
            Set::Namespace(patterns) => identity(&|text| patterns.iter().any(|pattern| pattern.matches(text))),
            Set::ServiceAccount(patterns) => identity(&|text| patterns.iter().any(|pattern| pattern.matches(text))),
            Set::TrustDomain(patterns) => identity(&|text| patterns.iter().any(|pattern| pattern.matches(text))),
            Set::Sni(patterns) => Truth::of(facts.sni, FactSet::SNI, |sni| patterns.iter().any(|pattern| pattern.matches(sni))),
            Set::Metadata(key, patterns) => Truth::of(facts.connection.metadata_value(key), FactSet::METADATA, |value| {
                patterns.iter().any(|pattern| pattern.matches(&value))
            }),
        };
        if self.is_negative { !matches } else { matches }
    }
}
