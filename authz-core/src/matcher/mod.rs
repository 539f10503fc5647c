//! The compiled form: rules flattened to tests over sets, in the order in which they report.
//!
//! Nothing here knows about actions or their order; a [`RuleSet`] answers which of its rules matches
//! first. Evaluation allocates nothing.

mod ip_set;
mod port_set;
mod rule;

use std::net::IpAddr;

use crate::connection::{Connection, Fact, Transport};
use crate::fact_set::FactSet;
use crate::policy;
use crate::value::RuleId;

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

/// Rules of one action, in the order in which they report.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleSet {
    rules: Vec<(usize, CompiledRule)>,
    /// Whether a policy stands behind the set, even one without rules that can match.
    pub(crate) has_policy: bool,
}

impl RuleSet {
    /// Adds a rule; ranks must rise.
    pub(crate) fn push(&mut self, rank: usize, rule: &policy::Rule) {
        self.rules.push((rank, CompiledRule::new(rule)));
    }

    /// The first rule that matches.
    pub(crate) fn first_match(&self, facts: &Facts<'_>) -> Match<'_> {
        let mut needs = FactSet::EMPTY;
        for (rank, rule) in &self.rules {
            match rule.matches(facts) {
                crate::truth::Truth::True => return Match { rule: Some((*rank, rule.id())), needs: FactSet::EMPTY },
                crate::truth::Truth::Unknown(more) => needs |= more,
                crate::truth::Truth::False => {}
            }
        }
        Match { rule: None, needs }
    }
}
