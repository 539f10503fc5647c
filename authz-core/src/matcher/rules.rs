//! The rules of a workload in the order in which they report, and the plain way to ask one of them.

use std::sync::Arc;

use super::SEGMENTS;
use super::numbers::place;
use crate::connection::Connection;
use crate::explain::Identities;
use crate::policy::{AuthorizationPolicy, Clause, Patterns, Rule};
use crate::truth::Truth;

/// Rules by number.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    policies: Vec<Arc<AuthorizationPolicy>>,
    places: Vec<Place>,
    /// Rules whose ranks follow one another, as almost all do: the number of the first, and its rank.
    ranks: Vec<(u32, u32)>,
}

/// Where a rule stands, in the eight bytes that each rule takes here.
#[derive(Clone, Copy, Debug)]
struct Place {
    policy: u32,
    /// From the lowest bits on: the segment, whether it is among the rules that a lenient load widened, and its
    /// number among these or the others.
    rest: u32,
}

const SEGMENT_BITS: u32 = 4;
const _: () = assert!(SEGMENTS <= 1 << SEGMENT_BITS);

impl Place {
    fn new(RulePlace { policy, rule, is_widened }: RulePlace, segment: usize) -> Self {
        let segment = u32::try_from(segment).unwrap_or(u32::MAX).min((1 << SEGMENT_BITS) - 1);
        // One policy of so many rules that the number did not fit would take tens of gigabytes.
        let rule = rule.min(u32::MAX >> (SEGMENT_BITS + 1));
        Self { policy, rest: (rule << 1 | u32::from(is_widened)) << SEGMENT_BITS | segment }
    }

    fn segment(self) -> u8 {
        u8::try_from(self.rest & ((1 << SEGMENT_BITS) - 1)).unwrap_or(u8::MAX)
    }

    fn is_widened(self) -> bool {
        self.rest >> SEGMENT_BITS & 1 == 1
    }

    /// Its number among the rules of its policy.
    fn rule(self) -> usize {
        place(self.rest >> (SEGMENT_BITS + 1))
    }
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
        // Most often all of them apply, each once.
        let count = policies.iter().map(|policy| policy.rules.len() + policy.widened.len()).sum();
        Self { policies, places: Vec::with_capacity(count), ranks: Vec::new() }
    }

    /// Adds a rule behind all others of its segment; `rank` is its place among all rules of its action.
    pub(crate) fn push(&mut self, place_of: RulePlace, segment: usize, rank: usize) {
        if rank != self.rank(self.places.len()) {
            let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
            self.ranks.push((number(self.places.len()), number(rank)));
        }
        self.places.push(Place::new(place_of, segment));
    }

    /// No more rules.
    pub(super) fn finish(&mut self) {
        self.places.shrink_to_fit();
        self.ranks.shrink_to_fit();
    }

    /// The rank of a rule by number, if it follows those before it.
    fn rank(&self, number: usize) -> usize {
        let behind = self.ranks.partition_point(|(first, _)| place(*first) <= number);
        let (first, rank) = behind.checked_sub(1).and_then(|at| self.ranks.get(at)).copied().unwrap_or_default();
        place(rank) + (number - place(first))
    }

    /// Whether there are rules of this segment or a later one.
    pub(crate) fn has_segment_from(&self, segment: usize) -> bool {
        self.places.iter().any(|place_of| usize::from(place_of.segment()) >= segment)
    }

    fn at(&self, place_of: Place) -> Option<&Rule> {
        let policy = self.policies.get(place(place_of.policy))?;
        let rules = if place_of.is_widened() { &policy.widened } else { &policy.rules };
        rules.get(place_of.rule())
    }

    /// A rule by number.
    #[inline]
    pub(super) fn rule(&self, number: usize) -> Option<&Rule> {
        self.at(*self.places.get(number)?)
    }

    /// A rule by number, and its rank.
    pub(super) fn get(&self, number: usize) -> Option<(usize, &Rule)> {
        Some((self.rank(number), self.rule(number)?))
    }

    /// The rules in order, each with its segment.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u8, &Rule)> {
        self.places.iter().filter_map(|place_of| Some((place_of.segment(), self.at(*place_of)?)))
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether a rule matches, the plain way.
    #[cold]
    pub(super) fn ask(&self, number: usize, connection: &Connection<'_>) -> Truth {
        self.rule(number).map_or(Truth::False, |rule| rule.matches(connection, Identities::of(connection)))
    }

    /// Whether what one conjunction of a rule asks of identities and server name holds; `from` is its
    /// entry of `from`. An entry of `to` asks for neither.
    pub(super) fn texts_hold(&self, number: usize, from: Option<usize>, connection: &Connection<'_>) -> Truth {
        let Some(rule) = self.rule(number) else { return Truth::False };
        let identities = Identities::of(connection);
        let holds = |clause: &Clause| {
            let texts =
                clause.terms.iter().filter(|term| term.patterns.is_identity() || matches!(term.patterns, Patterns::Sni(_)));
            Truth::all(texts.map(|term| term.holds(connection, identities)))
        };
        from.and_then(|from| rule.from.get(from)).map_or(Truth::True, holds).and(|| holds(&rule.when))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.policies.as_slice()) + size_of_val(self.places.as_slice()) + size_of_val(self.ranks.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_keeps_what_it_is_made_of() {
        for policy in [0, 1, u32::MAX] {
            for rule in [0, 1, 77, u32::MAX >> 5] {
                for is_widened in [false, true] {
                    for segment in 0..SEGMENTS {
                        let made = Place::new(RulePlace { policy, rule, is_widened }, segment);
                        let kept = (made.policy, made.rule(), made.is_widened(), usize::from(made.segment()));
                        assert_eq!(kept, (policy, place(rule), is_widened, segment));
                    }
                }
            }
        }
    }

    #[test]
    fn ranks_may_start_anew_or_leave_some_out() {
        let ranks = [0, 1, 2, 0, 0, 1, 5, 6, 7, 7];
        let mut rules = Rules::default();
        for rank in ranks {
            rules.push(RulePlace { policy: 0, rule: 0, is_widened: false }, 0, rank);
        }
        rules.finish();
        for (number, rank) in ranks.into_iter().enumerate() {
            assert_eq!(rules.rank(number), rank, "rule {number}");
        }
        assert_eq!(rules.ranks.len(), 4);
    }
}
