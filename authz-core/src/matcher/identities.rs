//! All patterns over identities at once: which of them match, without trying each.

mod foreseen;

use std::collections::HashMap;

use self::foreseen::Asking;
use super::affixes::{Bounded, Forms};
use super::home::Home;
use super::identity::{SCHEME, Standard};
use super::named::Named;
use super::pattern_ref::{Kinds, PatternNumbers, PatternRef};
use super::text_map::TextMap;
use crate::IS_SMALL;
use crate::sort::sort;
use crate::value::{NamespaceMatch, StringMatch, TrustDomainMatch};

/// A pattern of no form that hashing finds.
#[derive(Clone, Debug)]
enum Pattern {
    Namespace(NamespaceMatch),
    TrustDomain(TrustDomainMatch),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Namespace(pattern) => pattern.matches(text),
            Self::TrustDomain(pattern) => pattern.matches(text),
        }
    }
}

/// Patterns by number, arranged so that those that match an identity are found by hashing its parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Identities {
    /// `*`: any text but the empty one.
    presence: Option<u32>,
    /// Identities that patterns name whole; with the feature `small` they stand among the principals.
    named: Named,
    /// Others that are known by their namespace.
    home: Option<Home>,
    /// Other principals.
    principals: Forms,
    /// Prefixes of principals that end with a slash.
    principals_up_to: Bounded,
    /// Suffixes of principals that start with a slash.
    principals_from: Bounded,
    namespaces: Forms,
    /// `*` among them.
    any_namespace: Option<u32>,
    /// Whether a suffix of namespaces takes in what stands behind a namespace: `/sa`.
    suffix_meets_sa: bool,
    accounts: HashMap<Box<[u8]>, TextMap, foldhash::fast::RandomState>,
    any_trust_domain: Option<u32>,
    trust_domains: Forms,
    /// Those of no such form; they are tried one by one.
    others: Vec<(Pattern, u32)>,
    /// The kinds of patterns that there are.
    kinds: Kinds,
}

/// The identity that a pattern names whole, without its scheme; with the feature `small` none is known so.
fn named_by<'p>(pattern: &PatternRef<'p>) -> Option<&'p [u8]> {
    let PatternRef::Principal(principal) = pattern else { return None };
    match principal.pattern() {
        StringMatch::Exact(text) if !IS_SMALL => Some(text.as_bytes()),
        _ => None,
    }
}

/// The class of identities of the home trust domain whose namespace no pattern asks for.
const ELSEWHERE: u32 = 0;

impl Identities {
    /// Arranges patterns by number; answers too, by class of identities, which patterns match them.
    pub(super) fn new(all: &[PatternRef<'_>]) -> (Self, Vec<PatternNumbers>) {
        let mut this = Self { named: Named::that_start_as(all.iter().filter_map(named_by)), ..Self::default() };
        for (number, pattern) in (0..).zip(all) {
            this.arrange(*pattern, number);
        }
        for words in [&mut this.principals, &mut this.namespaces, &mut this.trust_domains] {
            words.finish();
        }
        this.principals_up_to.finish_prefixes();
        this.principals_from.finish_suffixes();
        this.kinds = this.kinds();
        let foreseen = this.foresee(all);
        (this, foreseen)
    }

    fn kinds(&self) -> Kinds {
        let all = [
            (self.presence.is_some() || self.any_trust_domain.is_some(), Kinds::ANY),
            (!self.principals_up_to.is_empty() || !self.principals_from.is_empty(), Kinds::BOUNDED),
            (!self.principals.is_empty(), Kinds::PRINCIPALS),
            (
                !self.principals.suffixes.is_empty() || self.principals_from.has(1) || self.principals_from.has(2),
                Kinds::ACCOUNT_SUFFIXES,
            ),
            (!self.trust_domains.is_empty(), Kinds::TRUST_DOMAINS),
            (self.namespaces.exact.len() != 0, Kinds::NAMESPACES),
            (!self.namespaces.has_no_affixes(), Kinds::NAMESPACE_AFFIXES),
            (!self.accounts.is_empty(), Kinds::ACCOUNTS),
        ];
        Kinds(all.into_iter().filter(|(is_there, _)| *is_there).fold(0, |kinds, (_, kind)| kinds | kind))
    }

    fn arrange(&mut self, pattern: PatternRef<'_>, number: u32) {
        match pattern {
            PatternRef::Principal(pattern) => match pattern.pattern() {
                StringMatch::Prefix(text) if text.ends_with('/') => self.principals_up_to.insert(text, number),
                StringMatch::Suffix(text) if text.starts_with('/') => self.principals_from.insert(text, number),
                StringMatch::Presence => self.presence = Some(number),
                StringMatch::Exact(text) if !IS_SMALL => self.named.add(text.as_bytes(), Some(number)),
                pattern => drop(self.principals.insert(pattern, number)),
            },
            PatternRef::Namespace(pattern) => {
                let text = pattern.pattern();
                let form = if text == "*" {
                    self.any_namespace = Some(number);
                    StringMatch::Suffix("".into())
                } else {
                    StringMatch::parse(text)
                };
                let is_plain = match &form {
                    // A slash in the middle, or a further star, takes the whole comparison.
                    StringMatch::Exact(rest) => !rest.contains(['*', '/']),
                    StringMatch::Prefix(rest) | StringMatch::Suffix(rest) => !rest.contains('*'),
                    StringMatch::Presence => true,
                };
                if let StringMatch::Suffix(text) = &form {
                    self.suffix_meets_sa |= "/sa".ends_with(&**text) || text.ends_with("/sa");
                }
                if !(is_plain && self.namespaces.insert(&form, number)) {
                    self.others.push((Pattern::Namespace(pattern.clone()), number));
                }
            }
            PatternRef::ServiceAccount(account) => {
                self.accounts.entry(account.namespace().as_bytes().into()).or_default().insert(account.name().as_bytes(), number);
            }
            PatternRef::TrustDomain(pattern) => {
                let form = match pattern {
                    TrustDomainMatch::Any => return self.any_trust_domain = Some(number),
                    TrustDomainMatch::Exact(text) => StringMatch::Exact(text.clone()),
                    TrustDomainMatch::Prefix(text) => StringMatch::Prefix(text.clone()),
                    TrustDomainMatch::Suffix(text) => StringMatch::Suffix(text.clone()),
                };
                if pattern.to_string().contains('/') || !self.trust_domains.insert(&form, number) {
                    self.others.push((Pattern::TrustDomain(pattern.clone()), number));
                }
            }
            PatternRef::Sni(_) => {}
        }
    }

    /// The class of an identity, if it is of one.
    #[inline]
    pub(super) fn class_of(&self, identity: &str) -> Option<u32> {
        if IS_SMALL {
            return None;
        }
        if let Some(named) = self.named.get(identity.strip_prefix(SCHEME)?.as_bytes()) {
            return named.class();
        }
        let home = self.home.as_ref()?;
        let local = home.parse(identity.as_bytes())?;
        if self.kinds.has(Kinds::ACCOUNT_SUFFIXES) && self.asks_for_account(local.standard()) {
            return None;
        }
        if let Some(namespace) = home.namespace(&local) {
            return namespace.class();
        }
        if !self.kinds.has(Kinds::PRINCIPALS | Kinds::NAMESPACE_AFFIXES) {
            return Some(ELSEWHERE);
        }
        match self.asking_for_namespace(local.standard()) {
            Asking::None => Some(ELSEWHERE),
            Asking::One(number) => home.class_by_affix(number),
            Asking::Several => None,
        }
    }

    /// The number of the pattern that names an identity whole.
    #[inline]
    fn exact(&self, identity: &str) -> Option<u32> {
        let text = identity.strip_prefix(SCHEME)?.as_bytes();
        if IS_SMALL { self.principals.exact.get(text) } else { self.named.get(text)?.exact() }
    }

    pub(super) fn bytes(&self) -> usize {
        let words = [&self.principals, &self.namespaces, &self.trust_domains];
        let accounts: usize = self.accounts.iter().map(|(namespace, names)| namespace.len() + names.bytes() + 64).sum();
        words.map(Forms::bytes).into_iter().sum::<usize>()
            + self.home.as_ref().map_or(0, Home::bytes)
            + self.named.bytes()
            + self.principals_up_to.bytes()
            + self.principals_from.bytes()
            + accounts
            + size_of_val(self.others.as_slice())
    }

    /// The patterns that match one of these identities, in order.
    pub(super) fn matching<'i>(&self, identities: impl IntoIterator<Item = &'i str>) -> PatternNumbers {
        let mut all = PatternNumbers::new();
        for identity in identities {
            self.matching_identity(identity, &mut |number| all.push(number));
        }
        sort(&mut all);
        all.dedup();
        all
    }

    /// Calls `found` with the number of each pattern that matches an identity, perhaps more than once.
    ///
    /// Most identities have a class, so that this is one piece of code for all who ask.
    #[inline(never)]
    pub(super) fn matching_identity(&self, identity: &str, mut found: &mut dyn FnMut(u32)) {
        self.exact(identity).into_iter().for_each(&mut *found);
        match Standard::parse(identity) {
            Some(standard) if !IS_SMALL => self.matching_standard(standard, &mut found),
            _ => self.matching_any(identity, found),
        }
        for (pattern, number) in &self.others {
            if pattern.matches(identity) {
                found(*number);
            }
        }
    }

    /// All but exact principals and those patterns that are tried one by one.
    #[inline]
    fn matching_standard(&self, standard: Standard<'_>, found: &mut impl FnMut(u32)) {
        let namespace = standard.namespace();
        if self.kinds.has(Kinds::ANY) {
            self.presence.into_iter().chain(self.any_trust_domain).for_each(&mut *found);
        }
        if self.kinds.has(Kinds::BOUNDED) {
            self.matching_bounded(standard, found);
        }
        if self.kinds.has(Kinds::PRINCIPALS) {
            self.principals.affixes_of(standard.behind_scheme(), found);
        }
        if self.kinds.has(Kinds::TRUST_DOMAINS) {
            self.trust_domains.matches_of(standard.trust_domain(), found);
        }
        if self.kinds.has(Kinds::NAMESPACES)
            && let Some(number) = self.namespaces.exact.get(namespace)
        {
            found(number);
        }
        if self.kinds.has(Kinds::NAMESPACE_AFFIXES) {
            self.matching_namespace_affixes(standard, found);
        }
        if self.kinds.has(Kinds::ACCOUNTS)
            && let Some(number) = self.accounts.get(namespace).and_then(|names| names.get(standard.service_account()))
        {
            found(number);
        }
    }

    /// Prefixes that end at a slash, and suffixes that start at one.
    #[inline]
    fn matching_bounded(&self, standard: Standard<'_>, found: &mut impl FnMut(u32)) {
        for slash in 0..Standard::SLASHES {
            if self.principals_up_to.has(slash + 1)
                && let Some(number) = self.principals_up_to.prefix(standard.up_to_slash(slash))
            {
                found(number);
            }
            if self.principals_from.has(Standard::SLASHES - slash)
                && let Some(number) = self.principals_from.suffix(standard.behind_slash(slash))
            {
                found(number);
            }
        }
    }

    #[inline(never)]
    fn matching_namespace_affixes(&self, standard: Standard<'_>, found: &mut dyn FnMut(u32)) {
        let namespace = standard.namespace();
        // A slash has to follow, and the last stands in front of the service account.
        self.namespaces.prefixes.prefixes_of(standard.behind_ns(), |length, number| {
            if length <= namespace.len() + "/sa".len() {
                found(number);
            }
        });
        self.namespaces.suffixes.suffixes_of(namespace, &mut *found);
        if self.suffix_meets_sa {
            let behind = standard.behind_ns();
            let before = behind.get(..namespace.len() + "/sa".len()).unwrap_or_default();
            self.namespaces.suffixes.suffixes_of(before, &mut *found);
        }
    }

    /// The same for an identity of any form, but for patterns that name it whole.
    #[cold]
    fn matching_any(&self, identity: &str, mut found: &mut dyn FnMut(u32)) {
        if let Some(number) = self.presence.filter(|_| !identity.is_empty()) {
            found(number);
        }
        if let Some(rest) = identity.strip_prefix(SCHEME) {
            let bytes = rest.as_bytes();
            self.principals.affixes_of(bytes, &mut found);
            for (slash, _) in rest.match_indices('/') {
                let (up_to, from) = (bytes.get(..=slash).unwrap_or_default(), bytes.get(slash..).unwrap_or_default());
                self.principals_up_to.prefix(up_to).into_iter().for_each(&mut found);
                self.principals_from.suffix(from).into_iter().for_each(&mut found);
            }
            if let Some(number) = self.any_trust_domain {
                found(number);
            }
            if let Some((trust_domain, _)) = rest.split_once('/') {
                self.trust_domains.matches_of(trust_domain.as_bytes(), &mut found);
            }
        }
        let mut from = 0;
        // Namespaces whose accounts were looked for: behind a later place there is no more to find.
        let mut seen = [""; 8];
        let last_slash = identity.rfind('/').unwrap_or_default();
        while let Some(at) = identity.get(from..).and_then(|text| text.find("/ns/")) {
            let at = from + at;
            let start = at + "/ns/".len();
            if let Some(rest) = identity.get(start..) {
                // A leading star takes in whatever follows, so a later place has no more to offer.
                let is_first = from == 0;
                self.matching_namespace(rest, last_slash.saturating_sub(start), is_first, &mut found);
                // Some trust domain stands between the scheme and this.
                if at > SCHEME.len() && identity.starts_with(SCHEME) {
                    let namespace = rest.split('/').next().unwrap_or_default();
                    if !seen.contains(&namespace) {
                        seen.rotate_right(1);
                        if let Some(newest) = seen.first_mut() {
                            *newest = namespace;
                        }
                        self.matching_account(rest, &mut found);
                    }
                }
            }
            from = at + 1;
        }
    }

    /// Namespaces, in what stands behind `/ns/`: the pattern, and a slash right behind it.
    fn matching_namespace(&self, rest: &str, last_slash: usize, is_first: bool, found: &mut impl FnMut(u32)) {
        let Some((segment, _)) = rest.split_once('/') else { return };
        if let Some(number) = self.namespaces.exact.get(segment.as_bytes()) {
            found(number);
        }
        self.namespaces.prefixes.prefixes_of(rest.as_bytes(), |length, number| {
            if length <= last_slash {
                found(number);
            }
        });
        if is_first && !self.namespaces.suffixes.is_empty() {
            for (slash, _) in rest.match_indices('/') {
                let before = rest.as_bytes().get(..slash).unwrap_or_default();
                self.namespaces.suffixes.suffixes_of(before, &mut *found);
            }
        }
    }

    /// Service accounts, in what stands behind `/ns/`: `NS/(.+/|)sa/SA(/.+)?`.
    fn matching_account(&self, rest: &str, found: &mut impl FnMut(u32)) {
        let Some((namespace, rest)) = rest.split_once('/') else { return };
        let Some(accounts) = self.accounts.get(namespace.as_bytes()) else { return };
        let mut account = |rest: &str| {
            let Some(rest) = rest.strip_prefix("sa/") else { return };
            let (name, behind) = rest.split_once('/').map_or((rest, None), |(name, behind)| (name, Some(behind)));
            if behind != Some("")
                && let Some(number) = accounts.get(name.as_bytes())
            {
                found(number);
            }
        };
        account(rest);
        for (slash, _) in rest.match_indices('/').filter(|(slash, _)| *slash > 0) {
            account(rest.get(slash + 1..).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests;
