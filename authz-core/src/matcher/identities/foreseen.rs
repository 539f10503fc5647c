//! What is known in advance of identities: their classes, each with the patterns that match it.

use std::collections::HashMap;

use super::super::numbers::place;
use super::{ELSEWHERE, Forms, Home, Identities, PatternNumbers, PatternRef, SCHEME, Standard, StringMatch};
use crate::IS_SMALL;
use crate::sort::sort;

/// How many times patterns may be tried one by one, or long prefixes and suffixes by their length.
const MOST_TRIED: usize = 1_000_000;

/// How many numbers of patterns classes may come to for each pattern that there is, and where there are few. A
/// thousand patterns that match a thousand namespaces each are not to be written out.
const MOST_OF_EACH: usize = 32;
const LEAST_FORESEEN: usize = 1 << 12;

/// How many bytes the identities may come to that no pattern names whole.
const MOST_PAIRED: usize = 1 << 24;

/// Classes in the making.
#[derive(Default)]
struct Classes {
    matching: Vec<PatternNumbers>,
    /// How many more numbers there may be in all.
    left: usize,
    known: HashMap<PatternNumbers, u32, foldhash::fast::RandomState>,
}

impl Classes {
    /// The class of identities that these patterns match; nothing where there is no room for it.
    fn class(&mut self, matching: PatternNumbers) -> Option<u32> {
        if let Some(known) = self.known.get(&matching) {
            return Some(*known);
        }
        let class = self.own_class(matching.clone())?;
        self.known.insert(matching, class);
        Some(class)
    }

    /// Whether there is no room for more.
    fn is_full(&self) -> bool {
        self.left == 0
    }

    /// The class of one identity alone; nothing where there is no room for it.
    fn own_class(&mut self, matching: PatternNumbers) -> Option<u32> {
        let class = u32::try_from(self.matching.len()).ok()?;
        let left = self.left.checked_sub(matching.len());
        self.left = left.unwrap_or_default();
        left?;
        self.matching.push(matching);
        Some(class)
    }

    /// The patterns that match the identities of a class.
    fn matching(&self, class: u32) -> &[u32] {
        self.matching.get(place(class)).map_or(&[], |matching| matching)
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
        let mut classes = Classes { left: MOST_OF_EACH * all.len() + LEAST_FORESEEN, ..Classes::default() };
        let mut home = self.home_of(all);
        let elsewhere = numbers(|found| {
            if let Some(home) = &home {
                self.any_namespace.into_iter().for_each(&mut *found);
                home.with_any_account(b"*", |standard| self.matching_trust_domain_of(standard, found));
            }
        });
        // The first is `ELSEWHERE`, for which there has to be room.
        if classes.class(elsewhere.clone()) != Some(ELSEWHERE) {
            home = None;
        }
        if let Some(home) = &mut home {
            home.finish();
            let mut shut: Vec<&str> = all.iter().filter_map(|pattern| shut_namespace(home, pattern)).collect();
            sort(&mut shut);
            home.classify(|namespace, standard| {
                if classes.is_full() || shut.binary_search_by(|shut| shut.as_bytes().cmp(namespace)).is_ok() {
                    return None;
                }
                classes.class(numbers(|found| {
                    self.matching_trust_domain_of(standard, found);
                    self.matching_namespace_of(standard, found);
                }))
            });
            for (number, pattern) in (0..).zip(all) {
                if classes.is_full() || !asks_for_part(home, pattern) {
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
        let long: usize = [&self.principals, &self.namespaces, &self.trust_domains].into_iter().map(Forms::long).sum();
        if self.named.len().saturating_mul(self.others.len() + long) <= MOST_TRIED {
            let mut named = std::mem::take(&mut self.named);
            named.classify(|identity, exact| {
                if classes.is_full() {
                    return None;
                }
                let at_home = self.home.as_ref().and_then(|home| {
                    let local = home.parse(identity)?;
                    Some((local, home.namespace(&local)?.class()?))
                });
                let text = if at_home.is_none() { std::str::from_utf8(identity).ok()? } else { "" };
                let matching = numbers(|found| {
                    exact.into_iter().for_each(&mut *found);
                    match at_home {
                        Some((local, base)) => {
                            classes.matching(base).iter().copied().for_each(&mut *found);
                            self.matching_account_of(local.standard(), found);
                        }
                        None => self.matching_identity(text, found),
                    }
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
    #[inline(never)]
    fn home_of(&mut self, all: &[PatternRef<'_>]) -> Option<Home> {
        if !self.others.is_empty() {
            return None;
        }
        // Most stand beside others of the same, and are not sorted.
        let mut trust_domains: Vec<&str> = all.iter().filter_map(trust_domain_of).collect();
        trust_domains.dedup();
        sort(&mut trust_domains);
        trust_domains.dedup();
        let (mut counts, mut last) = (vec![0_usize; trust_domains.len()], 0);
        for trust_domain in all.iter().filter_map(trust_domain_of) {
            if trust_domains.get(last) != Some(&trust_domain) {
                last = trust_domains.partition_point(|other| *other < trust_domain);
            }
            counts.get_mut(last).into_iter().for_each(|count| *count += 1);
        }
        let most = trust_domains.iter().zip(counts).max_by_key(|(_, count)| *count);
        let mut home = Home::new(most.map_or("cluster.local", |(trust_domain, _)| trust_domain))?;
        let (mut left, mut identity) = (MOST_PAIRED, Vec::new());
        let fits = all.iter().all(|pattern| self.is_added(&mut home, pattern, &mut left, &mut identity));
        fits.then_some(home)
    }

    /// Adds what a pattern asks for, if that is a namespace or a pair; answers whether there is room for it.
    /// Identities are written to `identity`.
    fn is_added(&mut self, home: &mut Home, pattern: &PatternRef<'_>, left: &mut usize, identity: &mut Vec<u8>) -> bool {
        match pattern {
            PatternRef::Principal(principal) => match principal.pattern() {
                StringMatch::Exact(text) => {
                    identity.clear();
                    [SCHEME, text].into_iter().for_each(|part| identity.extend_from_slice(part.as_bytes()));
                    home.parse(identity).is_none_or(|local| home.add_local(&local))
                }
                StringMatch::Suffix(text) => {
                    let trust_domain = home.start().strip_suffix("/ns/").unwrap_or_default();
                    let whole = [trust_domain, text].concat();
                    let of_rest = [home.start(), text.strip_prefix('/').unwrap_or_default()].concat();
                    self.is_pair_added(home, &whole, left) && self.is_pair_added(home, &of_rest, left)
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
                self.is_pair_added(home, &identity, left)
            }
            PatternRef::TrustDomain(_) | PatternRef::Sni(_) => true,
        }
    }

    /// Adds an identity that no pattern names whole, and its namespace, if it is at home; answers whether there
    /// are bytes left for it.
    #[inline(never)]
    fn is_pair_added(&mut self, home: &mut Home, identity: &str, left: &mut usize) -> bool {
        let Some(local) = home.parse(identity.as_bytes()) else { return true };
        let Some(rest) = left.checked_sub(identity.len()) else { return false };
        *left = rest;
        self.named.add(identity.strip_prefix(SCHEME).unwrap_or_default().as_bytes(), None);
        home.add_local(&local)
    }

    /// Patterns that ask for no more than a trust domain.
    #[inline(never)]
    fn matching_trust_domain_of(&self, standard: Standard<'_>, found: &mut dyn FnMut(u32)) {
        self.presence.into_iter().chain(self.any_trust_domain).for_each(&mut *found);
        for slash in 0..2 {
            self.principals_up_to.prefix(standard.up_to_slash(slash)).into_iter().for_each(&mut *found);
        }
        self.principals.prefixes.prefixes_of(standard.up_to_slash(1), |_, number| found(number));
        self.trust_domains.matches_of(standard.trust_domain(), &mut |number| found(number));
    }

    /// Patterns that ask for no more than a trust domain and a namespace, unless for the trust domain alone.
    #[inline(never)]
    fn matching_namespace_of(&self, standard: Standard<'_>, found: &mut dyn FnMut(u32)) {
        for slash in 2..Standard::SLASHES {
            self.principals_up_to.prefix(standard.up_to_slash(slash)).into_iter().for_each(&mut *found);
        }
        self.principals.prefixes.prefixes_of(standard.up_to_slash(3), |_, number| found(number));
        self.namespaces.exact.get(standard.namespace()).into_iter().for_each(&mut *found);
        self.matching_namespace_affixes(standard, &mut |number| found(number));
    }

    /// Patterns that ask for a service account of any namespace or of one, but for those that name the identity
    /// whole, and those that start as it does.
    #[inline(never)]
    fn matching_account_of(&self, standard: Standard<'_>, found: &mut dyn FnMut(u32)) {
        for slash in 0..Standard::SLASHES {
            if self.principals_from.has(Standard::SLASHES - slash) {
                self.principals_from.suffix(standard.behind_slash(slash)).into_iter().for_each(&mut *found);
            }
        }
        self.principals.suffixes.suffixes_of(standard.behind_scheme(), &mut *found);
        let of_namespace = self.accounts.get(standard.namespace());
        of_namespace.and_then(|names| names.get(standard.service_account())).into_iter().for_each(&mut *found);
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

/// The trust domain that a principal names.
fn trust_domain_of<'p>(pattern: &PatternRef<'p>) -> Option<&'p str> {
    let PatternRef::Principal(pattern) = pattern else { return None };
    let (StringMatch::Exact(text) | StringMatch::Prefix(text)) = pattern.pattern() else { return None };
    let (trust_domain, rest) = text.split_at_checked(text.bytes().position(|byte| byte == b'/')?)?;
    rest.starts_with("/ns/").then_some(trust_domain)
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
