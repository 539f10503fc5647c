//! The rules of a workload in the order in which they report, and the plain way to ask one of them.

use std::sync::Arc;

use super::lookup::place;
use crate::connection::Connection;
use crate::explain::Identities;
use crate::policy::{AuthorizationPolicy, Clause, Patterns, Rule};
use crate::truth::Truth;

/// Rules by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    policies: Vec<Arc<AuthorizationPolicy>>,
    places: Vec<Place>,
}

/// Where a rule stands.
#[derive(Clone, Copy, Debug)]
struct Place {
    policy: u32,
    rule: u32,
    /// Whether it is among those that a lenient load widened.
    is_widened: bool,
    segment: u8,
    rank: u32,
}

/// One rule to be added: of which policy, which one, and whether it is one that a lenient load widened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RulePlace {
    pub(crate) policy: u32,
    pub(crate) rule: u32,
    pub(crate) is_widened: bool,
}

impl Rules {
    /// No rules yet, of these policies.
    pub(crate) fn of(policies: Vec<Arc<AuthorizationPolicy>>) -> Self {
        Self { policies, places: Vec::new() }
    }

    /// Adds a rule behind all others of its segment; `rank` is its place among all rules of its action.
    pub(crate) fn push(&mut self, RulePlace { policy, rule, is_widened }: RulePlace, segment: usize, rank: usize) {
        let (segment, rank) = (u8::try_from(segment).unwrap_or(u8::MAX), u32::try_from(rank).unwrap_or(u32::MAX));
        self.places.push(Place { policy, rule, is_widened, segment, rank });
    }

    /// Whether there are rules of this segment or a later one.
    pub(crate) fn has_segment_from(&self, segment: usize) -> bool {
        self.places.iter().any(|place_of| usize::from(place_of.segment) >= segment)
    }

    fn at(&self, place_of: &Place) -> Option<&Rule> {
        let policy = self.policies.get(place(place_of.policy))?;
        let rules = if place_of.is_widened { &policy.widened } else { &policy.rules };
        rules.get(place(place_of.rule))
    }

    /// A rule by number, and its rank.
    pub(super) fn get(&self, number: usize) -> Option<(usize, &Rule)> {
        let place_of = self.places.get(number)?;
        Some((place(place_of.rank), self.at(place_of)?))
    }

    /// The rules in order, each with its segment.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &Rule)> {
        self.places.iter().filter_map(|place_of| Some((place_of.segment, self.at(place_of)?)))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether a rule matches, the plain way.
    #[cold]
    pub(super) fn ask(&self, number: usize, connection: &Connection<'_>) -> Truth {
        self.get(number).map_or(Truth::False, |(_, rule)| rule.matches(connection, Identities::of(connection)))
    }

    /// Whether what one conjunction of a rule asks of identities and server name holds; `from` is its
    /// entry of `from`. An entry of `to` asks for neither.
    pub(super) fn texts_hold(&self, number: usize, from: Option<usize>, connection: &Connection<'_>) -> Truth {
        let Some((_, rule)) = self.get(number) else { return Truth::False };
        let identities = Identities::of(connection);
        let holds = |clause: &Clause| {
            let texts =
                clause.terms.iter().filter(|term| term.patterns.is_identity() || matches!(term.patterns, Patterns::Sni(_)));
            Truth::all(texts.map(|term| term.holds(connection, identities)))
        };
        from.and_then(|from| rule.from.get(from)).map_or(Truth::True, holds).and(|| holds(&rule.when))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.policies.as_slice()) + size_of_val(self.places.as_slice())
    }
}
