//! What is known in advance of identities: their classes, each with the patterns that match it.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use super::{Home, Identities, PatternNumbers, PatternRef, SCHEME, Standard, StringMatch};
use crate::IS_SMALL;
use crate::sort::sort;

/// How many times patterns may be tried one by one.
const MOST_TRIED: usize = 1_000_000;

/// Classes in the making.
#[derive(Default)]
struct Classes {
    matching: Vec<PatternNumbers>,
    known: HashMap<PatternNumbers, u32, foldhash::fast::RandomState>,
}

impl Classes {
    /// The class of identities that these patterns match.
    fn class(&mut self, matching: PatternNumbers) -> Option<u32> {
        if let Some(known) = self.known.get(&matching) {
            return Some(*known);
        }
        let class = self.own_class(matching.clone())?;
        self.known.insert(matching, class);
        Some(class)
    }

    /// The class of one identity alone.
    fn own_class(&mut self, matching: PatternNumbers) -> Option<u32> {
        let class = u32::try_from(self.matching.len()).ok()?;
        self.matching.push(matching);
        Some(class)
    }
}

/// The patterns for which `all` calls what it is given.
fn numbers(all: impl FnOnce(&mut dyn FnMut(u32))) -> PatternNumbers {
    let mut numbers = PatternNumbers::new();
    all(&mut |number| numbers.push(number));
    sort(&mut numbers);
    numbers.dedup();
    numbers
}

impl Identities {
    /// Gives classes to identities; answers by class which patterns match. With the feature `small` none has one.
    pub(super) fn foresee(&mut self, all: &[PatternRef<'_>]) -> Vec<PatternNumbers> {
        if IS_SMALL {
            return Vec::new();
        }
        let mut classes = Classes::default();
        let mut home = self.home_of(all);
        let elsewhere = numbers(|found| {
            if let Some(home) = &home {
                self.any_namespace.into_iter().for_each(&mut *found);
                home.with_any_account(b"*", |standard| self.matching_trust_domain_of(standard, found));
            }
        });
        // The first is `ELSEWHERE`.
        classes.class(elsewhere.clone());
        if let Some(home) = &mut home {
            home.finish();
            let shut: HashSet<&str> = all.iter().filter_map(|pattern| shut_namespace(home, pattern)).collect();
            home.classify(|namespace, standard| {
                if std::str::from_utf8(namespace).is_ok_and(|namespace| shut.contains(namespace)) {
                    return None;
                }
                classes.class(numbers(|found| {
                    self.matching_trust_domain_of(standard, found);
                    self.matching_namespace_of(standard, found);
                }))
            });
            for (number, pattern) in (0..).zip(all) {
                if !asks_for_part(home, pattern) {
                    continue;
                }
                let class = classes.class(numbers(|found| elsewhere.iter().copied().chain([number]).for_each(found)));
                home.by_affix.extend(class.map(|class| (number, class)));
            }
        }
        self.home = home;
        self.named.finish();
        // Patterns that take trying one by one would make it quadratic; then what they match is looked up
        // when it comes.
        if self.named.len().saturating_mul(self.others.len()) <= MOST_TRIED {
            let (mut named, mut identity) = (std::mem::take(&mut self.named), String::new());
            named.classify(|text, exact| {
                identity.clear();
                identity.extend([SCHEME, std::str::from_utf8(text).ok()?]);
                let matching = numbers(|found| {
                    exact.into_iter().for_each(&mut *found);
                    self.matching_identity(&identity, found);
                });
                // No other identity matches a pattern that names this one.
                if exact.is_some() { classes.own_class(matching) } else { classes.class(matching) }
            });
            self.named = named;
        }
        classes.matching
    }

    /// The trust domain that most principals name, with the namespaces that patterns ask for; nothing where
    /// there are patterns that have to be tried one by one.
    ///
    /// Pairs of a namespace and a service account that patterns ask for become identities with a name.
    fn home_of(&mut self, all: &[PatternRef<'_>]) -> Option<Home> {
        if !self.others.is_empty() {
            return None;
        }
        let mut counts: HashMap<&str, usize, foldhash::fast::RandomState> = HashMap::default();
        for pattern in all {
            if let PatternRef::Principal(pattern) = pattern
                && let StringMatch::Exact(text) | StringMatch::Prefix(text) = pattern.pattern()
                && let Some((trust_domain, _)) = text.split_once("/ns/")
            {
                *counts.entry(trust_domain).or_default() += 1;
            }
        }
        let most = counts.into_iter().max_by_key(|(trust_domain, count)| (*count, Reverse(*trust_domain)));
        let mut home = Home::new(most.map_or("cluster.local", |(trust_domain, _)| trust_domain))?;
        let fits = all.iter().all(|pattern| self.is_added(&mut home, pattern));
        fits.then_some(home)
    }

    /// Adds what a pattern asks for, if that is a namespace or a pair; answers whether there is room for it.
    fn is_added(&mut self, home: &mut Home, pattern: &PatternRef<'_>) -> bool {
        match pattern {
            PatternRef::Principal(principal) => match principal.pattern() {
                StringMatch::Exact(text) => self.is_pair_added(home, &[SCHEME, text].concat()),
                StringMatch::Suffix(text) => {
                    let trust_domain = home.start().strip_suffix("/ns/").unwrap_or_default();
                    let whole = [trust_domain, text].concat();
                    let of_rest = [home.start(), text.strip_prefix('/').unwrap_or_default()].concat();
                    self.is_pair_added(home, &whole) && self.is_pair_added(home, &of_rest)
                }
                StringMatch::Prefix(_) => match behind_start(home, pattern).and_then(|rest| rest.split_once('/')) {
                    Some((namespace, _)) => home.add(namespace),
                    None => true,
                },
                StringMatch::Presence => true,
            },
            PatternRef::Namespace(pattern) => home.add(pattern.pattern()),
            PatternRef::ServiceAccount(account) => {
                let identity = [home.start(), account.namespace(), "/sa/", account.name()].concat();
                self.is_pair_added(home, &identity)
            }
            PatternRef::TrustDomain(_) | PatternRef::Sni(_) => true,
        }
    }

    /// Adds an identity, and its namespace, if it is at home.
    fn is_pair_added(&mut self, home: &mut Home, identity: &str) -> bool {
        let Some(local) = home.parse(identity.as_bytes()) else { return true };
        self.named.add(identity.strip_prefix(SCHEME).unwrap_or_default().as_bytes(), None);
        home.add_local(&local)
    }

    /// Patterns that ask for no more than a trust domain.
    fn matching_trust_domain_of(&self, standard: Standard<'_>, found: &mut dyn FnMut(u32)) {
        self.presence.into_iter().chain(self.any_trust_domain).for_each(&mut *found);
        for slash in 0..2 {
            self.principals_up_to.prefix(standard.up_to_slash(slash)).into_iter().for_each(&mut *found);
        }
        self.principals.prefixes.prefixes_of(standard.up_to_slash(1), |_, number| found(number));
        self.trust_domains.matches_of(standard.trust_domain(), &mut |number| found(number));
    }

    /// Patterns that ask for no more than a trust domain and a namespace, unless for the trust domain alone.
    fn matching_namespace_of(&self, standard: Standard<'_>, found: &mut dyn FnMut(u32)) {
        for slash in 2..Standard::SLASHES {
            self.principals_up_to.prefix(standard.up_to_slash(slash)).into_iter().for_each(&mut *found);
        }
        self.principals.prefixes.prefixes_of(standard.up_to_slash(3), |_, number| found(number));
        self.namespaces.exact.get(standard.namespace()).into_iter().for_each(&mut *found);
        self.matching_namespace_affixes(standard, &mut |number| found(number));
    }

    /// Whether a pattern asks for the service account, of those that do not ask for a namespace too.
    #[inline]
    pub(super) fn asks_for_account(&self, standard: Standard<'_>) -> bool {
        let mut is_asked_for = self.principals_from.suffix(standard.behind_slash(2)).is_some()
            || self.principals_from.suffix(standard.behind_slash(3)).is_some();
        self.principals.suffixes.suffixes_of(standard.behind_scheme(), |_| is_asked_for = true);
        is_asked_for
    }

    /// The patterns that ask for a part of the namespace, of those that do not ask for all of it.
    #[inline]
    pub(super) fn asking_for_namespace(&self, standard: Standard<'_>) -> Asking {
        let mut asking = Asking::None;
        let in_front = standard.up_to_slash(1).len();
        self.principals.prefixes.prefixes_of(standard.up_to_slash(2), |length, number| {
            if length > in_front {
                asking.add(number);
            }
        });
        self.matching_namespace_affixes(standard, &mut |number| {
            if Some(number) != self.any_namespace {
                asking.add(number);
            }
        });
        asking
    }
}

/// Patterns that ask for a part of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    None,
    /// That of a number.
    One(u32),
    Several,
}

impl Asking {
    fn add(&mut self, number: u32) {
        *self = match *self {
            Self::None => Self::One(number),
            Self::One(known) if known == number => Self::One(known),
            Self::One(_) | Self::Several => Self::Several,
        };
    }
}

/// What follows in a pattern that starts with a trust domain that is at home.
fn behind_start<'p>(home: &Home, pattern: &PatternRef<'p>) -> Option<&'p str> {
    let PatternRef::Principal(pattern) = pattern else { return None };
    let StringMatch::Prefix(text) = pattern.pattern() else { return None };
    text.strip_prefix(home.start().strip_prefix(SCHEME)?)
}

/// Whether a pattern asks for a part of a namespace.
fn asks_for_part(home: &Home, pattern: &PatternRef<'_>) -> bool {
    match pattern {
        PatternRef::Namespace(pattern) => pattern.pattern() != "*" && pattern.pattern().contains('*'),
        PatternRef::Principal(_) => behind_start(home, pattern).is_some_and(|rest| !rest.is_empty() && !rest.contains('/')),
        PatternRef::ServiceAccount(_) | PatternRef::TrustDomain(_) | PatternRef::Sni(_) => false,
    }
}

/// A namespace of which identities match a pattern or not by a part of the service account: it has no class.
fn shut_namespace<'p>(home: &Home, pattern: &PatternRef<'p>) -> Option<&'p str> {
    let (namespace, account) = behind_start(home, pattern)?.split_once("/sa/")?;
    (!account.is_empty()).then_some(namespace)
}

#[cfg(test)]
mod tests;
