//! Rules, taken apart for translation: all of several groups, any clause of each.

use std::sync::Arc;

use authz_benches::{Action, Condition, Operation, Rule, Set, Source};
use ipnet::IpNet;

/// How a string is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Anything but nothing.
    Present,
    Exact(Arc<str>),
    Prefix(Arc<str>),
    Suffix(Arc<str>),
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Self {
        match (text.strip_prefix('*'), text.strip_suffix('*')) {
            (Some(""), _) => Self::Present,
            (Some(rest), _) => Self::Suffix(rest.into()),
            (None, Some(rest)) => Self::Prefix(rest.into()),
            (None, None) => Self::Exact(text.into()),
        }
    }

    /// A principal is written without the scheme of its URI.
    fn principal(text: &str) -> Self {
        match Self::parse(text) {
            Self::Exact(name) => Self::Exact(format!("spiffe://{name}").into()),
            Self::Prefix(start) => Self::Prefix(format!("spiffe://{start}").into()),
            pattern @ (Self::Present | Self::Suffix(_)) => pattern,
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Present => !text.is_empty(),
            Self::Exact(name) => **name == *text,
            Self::Prefix(start) => text.starts_with(&**start),
            Self::Suffix(end) => text.ends_with(&**end),
        }
    }
}

/// What a field may be and what it may not be. An empty list asks nothing.
#[derive(Clone, Debug)]
pub(crate) struct Field<T> {
    pub(crate) any: Vec<T>,
    pub(crate) none: Vec<T>,
}

impl<T> Field<T> {
    /// OR of the values.
    pub(crate) fn admits(&self, mut is_met: impl FnMut(&T) -> bool) -> bool {
        (self.any.is_empty() || self.any.iter().any(&mut is_met)) && !self.none.iter().any(is_met)
    }

    pub(crate) fn asks_nothing(&self) -> bool {
        self.any.is_empty() && self.none.is_empty()
    }
}

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self { any: Vec::new(), none: Vec::new() }
    }
}

/// A source, an operation or a condition: all of its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clause {
    pub(crate) principals: Field<Pattern>,
    pub(crate) namespaces: Field<Pattern>,
    pub(crate) sources: Field<IpNet>,
    pub(crate) destinations: Field<IpNet>,
    pub(crate) ports: Field<u16>,
    pub(crate) names: Field<Pattern>,
}

impl Clause {
    fn source(source: &Source) -> Self {
        let principals = |list: &[Arc<str>]| list.iter().map(|text| Pattern::principal(text)).collect();
        Self {
            principals: Field { any: principals(&source.principals), none: principals(&source.not_principals) },
            namespaces: Field { any: patterns(&source.namespaces), none: patterns(&source.not_namespaces) },
            sources: Field { any: source.ip_blocks.clone(), none: source.not_ip_blocks.clone() },
            ..Self::default()
        }
    }

    fn operation(operation: &Operation) -> Self {
        Self { ports: Field { any: operation.ports.clone(), none: operation.not_ports.clone() }, ..Self::default() }
    }

    fn condition(condition: &Condition) -> Self {
        let mut clause = Self::default();
        match condition {
            Condition::NotSourceIp(blocks) => clause.sources.none.clone_from(blocks),
            Condition::NotSourceNamespace(names) => clause.namespaces.none = patterns(names),
            Condition::DestinationIp(blocks) => clause.destinations.any.clone_from(blocks),
            Condition::NotDestinationIp(blocks) => clause.destinations.none.clone_from(blocks),
            Condition::DestinationPort(ports) => clause.ports.any.clone_from(ports),
            Condition::Sni(names) => clause.names.any = patterns(names),
        }
        clause
    }
}

fn patterns(list: &[Arc<str>]) -> Vec<Pattern> {
    list.iter().map(|text| Pattern::parse(text)).collect()
}

/// A rule as a conjunction of disjunctions: its `to`, its `from`, and each condition. Ports come first, which
/// are the cheapest to compare in every engine.
pub(crate) fn groups(rule: &Rule) -> Vec<Vec<Clause>> {
    let to = rule.to.iter().map(Clause::operation).collect();
    let from = rule.from.iter().map(Clause::source).collect();
    let when = rule.when.iter().map(|condition| vec![Clause::condition(condition)]);
    [to, from].into_iter().chain(when).filter(|group: &Vec<Clause>| !group.is_empty()).collect()
}

/// A rule as a disjunction of conjunctions.
pub(crate) fn alternatives(rule: &Rule) -> Vec<Vec<Clause>> {
    groups(rule).into_iter().fold(vec![Vec::new()], |all, group| {
        let with =
            |clause: &Clause| all.iter().map(|one| [one.as_slice(), std::slice::from_ref(clause)].concat()).collect::<Vec<_>>();
        group.iter().flat_map(with).collect()
    })
}

/// Every rule of a set with its action, DENY before ALLOW.
pub(crate) fn rules(set: &Set) -> impl Iterator<Item = (Action, &Rule)> {
    [Action::Deny, Action::Allow].into_iter().flat_map(|action| {
        let policies = set.policies.iter().filter(move |policy| policy.action == action);
        policies.flat_map(move |policy| policy.rules.iter().map(move |rule| (action, rule)))
    })
}

/// Whether what no policy speaks of is denied: there is an ALLOW policy.
pub(crate) fn denies_by_default(set: &Set) -> bool {
    set.policies.iter().any(|policy| policy.action == Action::Allow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read_as_policies_mean_them() {
        let table = [("a*", "ab", "ba"), ("*a", "ba", "ab"), ("a", "a", "aa"), ("*", "a", "")];
        for (pattern, yes, no) in table {
            let pattern = Pattern::parse(pattern);
            assert!(pattern.matches(yes) && !pattern.matches(no), "{pattern:?}");
        }
        assert_eq!(Pattern::principal("td/*"), Pattern::Prefix("spiffe://td/".into()));
        assert_eq!(Pattern::principal("*/sa/a"), Pattern::Suffix("/sa/a".into()));
    }

    #[test]
    fn alternatives_are_the_product_of_the_groups() {
        let source = Source { principals: vec!["a".into()], ..Source::default() };
        let operation = Operation { ports: vec![80], not_ports: Vec::new() };
        let rule = Rule { from: vec![source; 2], to: vec![operation; 3], when: vec![Condition::DestinationPort(vec![80])] };
        assert_eq!(groups(&rule).len(), 3);
        assert_eq!(alternatives(&rule).len(), 6);
        assert!(alternatives(&rule).iter().all(|clauses| clauses.len() == 3));
        // A rule that asks nothing has one alternative, which is met.
        assert_eq!(alternatives(&Rule::default()).len(), 1);
    }
}
