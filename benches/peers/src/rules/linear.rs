//! A scan through all rules, by the algorithm of ztunnel's evaluator.
//!
//! DENY policies come before ALLOW policies. A policy matches if any of its rules does, a rule if all of its
//! groups do, a group if any of its clauses does, a clause if all of its fields do, and a field if any of its
//! values does and none that is excluded. ztunnel formats the identity anew for every comparison, and knows
//! no server name; this one has the identity as a string, and allocates nothing.

use authz_benches::{Action, BenchError, Input, Query, Set};

use crate::clause::{Clause, Pattern, denies_by_default, groups};
use crate::engine::Engine;
use crate::facts::Facts;

/// A rule: all of its groups, any clause of each.
type Rule = Vec<Vec<Clause>>;

pub(crate) struct Linear {
    /// Policies, each with its rules.
    deny: Vec<Vec<Rule>>,
    allow: Vec<Vec<Rule>>,
    denies_by_default: bool,
}

impl Engine for Linear {
    type Source = Set;
    type Request<'q> = Facts<'q>;

    fn source(input: &Input) -> Result<Self::Source, BenchError> {
        input.set.clone().ok_or_else(|| BenchError::new("the input is text alone"))
    }

    fn build(source: &Self::Source) -> Result<Self, BenchError> {
        let policies = |action| {
            let policies = source.policies.iter().filter(move |policy| policy.action == action);
            policies.map(|policy| policy.rules.iter().map(groups).collect()).collect()
        };
        let (deny, allow) = (policies(Action::Deny), policies(Action::Allow));
        Ok(Self { deny, allow, denies_by_default: denies_by_default(source) })
    }

    fn request<'q>(&self, query: &'q Query) -> Result<Self::Request<'q>, BenchError> {
        Ok(Facts::new(query))
    }

    fn allows(&mut self, request: &Self::Request<'_>) -> bool {
        let is_any = |policies: &[Vec<Rule>]| policies.iter().any(|policy| is_met(policy, request));
        !is_any(&self.deny) && (!self.denies_by_default || is_any(&self.allow))
    }
}

fn is_met(policy: &[Rule], facts: &Facts<'_>) -> bool {
    policy.iter().any(|rule| rule.iter().all(|group| group.iter().any(|clause| matches(clause, facts))))
}

fn matches(clause: &Clause, facts: &Facts<'_>) -> bool {
    let of = |text| move |pattern: &Pattern| pattern.matches(text);
    clause.namespaces.admits(of(facts.namespace))
        && clause.principals.admits(of(facts.principal))
        && clause.sources.admits(|block| block.contains(&facts.source))
        && clause.destinations.admits(|block| block.contains(&facts.destination))
        && clause.ports.admits(|port| *port == facts.port)
        && clause.names.admits(of(facts.sni))
}
