//! The compiled form: rules flattened to tests over sets, in the order in which they report.
//!
//! Nothing here knows about actions or their order; a [`Matcher`] answers which rule of a segment
//! matches first. Evaluation allocates nothing.

mod address_index;
mod atom;
mod classes;
mod index;
mod lookup;
mod patterns;
mod ranges;
mod rows;
mod rule;
mod text_index;

use std::net::IpAddr;

use crate::connection::{Connection, Fact, Transport};
use crate::fact_set::FactSet;
use crate::policy;
use crate::truth::Truth;
use crate::value::RuleId;

use self::index::{Index, Resolved};
use self::rule::CompiledRule;

/// The facts of a connection as rules may see them: no identity on a transport that is not mesh mTLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'c> {
    source: Fact<IpAddr>,
    remote: Fact<IpAddr>,
    destination: Fact<IpAddr>,
    port: Fact<u16>,
    peer: Fact<&'c [&'c str]>,
    sni: Fact<&'c str>,
    connection: &'c Connection<'c>,
}

impl<'c> Facts<'c> {
    pub(crate) fn of(connection: &'c Connection<'c>) -> Self {
        Self {
            source: connection.source(),
            remote: connection.remote(),
            destination: connection.destination(),
            port: connection.port(),
            peer: match connection.transport_fact() {
                Fact::Known(Transport::MeshMtls) if connection.peer_is_unknown() => Fact::Unknown,
                Fact::Known(Transport::MeshMtls) => Fact::Known(connection.identities()),
                Fact::Known(Transport::Plaintext | Transport::Tls) | Fact::Absent => Fact::Absent,
                Fact::Unknown => Fact::Unknown,
            },
            sni: connection.server_name(),
            connection,
        }
    }
}

/// What a rule set says of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Match<'a> {
    /// The first rule that matches, and its rank among all rules of its action.
    pub(crate) rule: Option<(usize, &'a RuleId)>,
    /// If none does: the facts without which that is not certain.
    pub(crate) needs: FactSet,
}

impl<'a> Match<'a> {
    pub(crate) const NONE: Self = Self { rule: None, needs: FactSet::EMPTY };

    /// Of two sets of one action, what they say together.
    pub(crate) fn merge(self, other: Self) -> Self {
        let rule = match (self.rule, other.rule) {
            (Some(own), Some(others)) => Some(if own.0 <= others.0 { own } else { others }),
            (own, others) => own.or(others),
        };
        Self { rule, needs: if rule.is_some() { FactSet::EMPTY } else { self.needs | other.needs } }
    }

    /// Whether it is certain that no rule matches.
    pub(crate) fn is_certain_miss(&self) -> bool {
        self.rule.is_none() && self.needs.is_empty()
    }

    /// The rule that matches.
    pub(crate) fn id(&self) -> Option<&'a RuleId> {
        self.rule.map(|(_, id)| id)
    }
}

/// Rules by segment: those of one action, enforced or tried out, or of one provider.
///
/// Small sets and large ones are indexed; what no index can hold is asked rule by rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matcher {
    segments: Vec<Vec<(usize, CompiledRule)>>,
    index: Option<Index>,
}

/// The most bytes that the index of one workload may take.
const BUDGET: usize = 64 << 20;

/// A connection, looked up, to be asked about segment by segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Question<'a, 'q> {
    matcher: &'a Matcher,
    resolved: Option<Resolved<'q>>,
    facts: &'q Facts<'q>,
}

impl Matcher {
    /// Compiles rules by segment; within one in the order in which they report, with their ranks.
    pub(crate) fn new(segments: &[Vec<(usize, &policy::Rule)>]) -> Self {
        match Index::new(segments, BUDGET) {
            Some(index) => Self { segments: Vec::new(), index: Some(index) },
            None => {
                let compiled = |rules: &Vec<(usize, &policy::Rule)>| {
                    rules.iter().map(|(rank, rule)| (*rank, CompiledRule::new(rule))).collect()
                };
                Self { segments: segments.iter().map(compiled).collect(), index: None }
            }
        }
    }

    /// Looks up the facts of a connection and hands on what can be asked about it.
    pub(crate) fn resolve<'a, R>(&'a self, facts: &Facts<'_>, work: impl FnOnce(Question<'a, '_>) -> R) -> R {
        match &self.index {
            Some(index) => index.resolve(facts, |resolved| work(Question { matcher: self, resolved: Some(resolved), facts })),
            None => work(Question { matcher: self, resolved: None, facts }),
        }
    }
}

impl<'a> Question<'a, '_> {
    /// The first rule of a segment that matches.
    pub(crate) fn first_match(self, segment: usize) -> Match<'a> {
        if let (Some(index), Some(resolved)) = (&self.matcher.index, self.resolved) {
            return index.first_match(segment, resolved, self.facts);
        }
        let mut needs = FactSet::EMPTY;
        for (rank, rule) in self.matcher.segments.get(segment).into_iter().flatten() {
            match rule.matches(self.facts) {
                Truth::True => return Match { rule: Some((*rank, rule.id())), needs: FactSet::EMPTY },
                Truth::Unknown(more) => needs |= more,
                Truth::False => {}
            }
        }
        Match { rule: None, needs }
    }
}
