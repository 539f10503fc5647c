//! In which order rules report: by the ids that Envoy keeps them under.

use std::cmp::Ordering;

use crate::IS_SMALL;
use crate::matcher::RulePlace;
use crate::policy::{AuthorizationPolicy, Rule};
use crate::select::Selection;
use crate::sort::sort_stably;

/// A rule by its place, and what puts it in order.
#[derive(Debug)]
struct Ranked<'s> {
    is_dry_run: bool,
    place: RulePlace,
    rule: &'s Rule,
    /// What the ids of all rules of its policy start with.
    start: &'s str,
}

/// Rules that can match, in the order in which they report: whole ones before widened ones, then by id
/// in byte order, as Envoy keeps them. With each, whether it is only tried out.
pub(crate) fn ranked(selection: &Selection, of: impl Fn(&AuthorizationPolicy) -> bool) -> Vec<(bool, RulePlace)> {
    let policies = (0..).zip(&selection.policies).filter(|(_, (_, policy))| of(policy));
    let mut policies: Vec<(u32, &AuthorizationPolicy, String)> = policies
        .filter_map(|(number, (_, policy))| {
            let rule = policy.rules.iter().chain(&policy.widened).next()?;
            Some((number, &**policy, rule.id.policy().name().rule_id_start()))
        })
        .collect();
    // Where no id of a policy starts as those of another do, the order of policies is that of their rules.
    let is_told = !IS_SMALL && {
        sort_stably(&mut policies, |(.., one), (.., other)| one.cmp(other));
        let starts = policies.iter().map(|(.., start)| start);
        starts.clone().zip(starts.skip(1)).all(|(start, next)| !next.starts_with(&**start))
    };
    let count = policies.iter().map(|(_, policy, _)| policy.rules.len() + policy.widened.len()).sum();
    let mut rules: Vec<Ranked<'_>> = Vec::with_capacity(count);
    for is_widened in [false, true] {
        for (policy, written, start) in &policies {
            let from = rules.len();
            let places = (0..).map(|rule| RulePlace { policy: *policy, rule, is_widened });
            let enforced = places
                .zip(if is_widened { &written.widened } else { &written.rules })
                .filter(|(_, rule)| rule.effect.is_enforced());
            rules.extend(enforced.map(|(place, rule)| Ranked { is_dry_run: written.is_dry_run, place, rule, start }));
            if is_told {
                sort_stably(rules.get_mut(from..).unwrap_or_default(), Ranked::order);
            }
        }
    }
    if !is_told {
        sort_stably(&mut rules, Ranked::order);
    }
    rules.into_iter().map(|ranked| (ranked.is_dry_run, ranked.place)).collect()
}

impl Ranked<'_> {
    fn order(&self, other: &Self) -> Ordering {
        let id = |ranked: &Self| (ranked.start, ranked.rule.id.index());
        self.place.is_widened.cmp(&other.place.is_widened).then_with(|| order_of_ids(id(self), id(other)))
    }
}

/// The order of two ids, each of what it starts with and the number of its rule, as that of their texts:
/// rule 10 stands before rule 2.
fn order_of_ids((start, rule): (&str, usize), (other, others_rule): (&str, usize)) -> Ordering {
    // Most are told apart by what stands in front of the number, which is put together once a policy.
    match start.cmp(other) {
        Ordering::Equal if rule < 10 && others_rule < 10 => rule.cmp(&others_rule),
        Ordering::Equal => format!("{rule}]").cmp(&format!("{others_rule}]")),
        order if !start.starts_with(other) && !other.starts_with(start) => order,
        _ => format!("{start}{rule}]").cmp(&format!("{other}{others_rule}]")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::PolicyName;

    #[test]
    fn ids_stand_in_the_order_of_their_texts() {
        // Of two of these, one starts as the other does.
        let names = ["a", "a-b", "a0", "b", "b-1", "b-10", "b]-rule[1", "b]-policy[b]-rule[", ""];
        let names = names.map(|name| PolicyName::new("foo", name));
        let ids: Vec<(&PolicyName, usize)> =
            names.iter().flat_map(|name| [0, 1, 2, 9, 10, 19, 100].map(|rule| (name, rule))).collect();
        for (name, rule) in &ids {
            for (other, others_rule) in &ids {
                let found = order_of_ids((&name.rule_id_start(), *rule), (&other.rule_id_start(), *others_rule));
                let expected = name.rule_id(*rule).cmp(&other.rule_id(*others_rule));
                assert_eq!(found, expected, "{} and {}", name.rule_id(*rule), other.rule_id(*others_rule));
            }
        }
    }
}
