//! All patterns over identities, or over server names, at once: which of them match, without trying each.

use std::collections::HashMap;

use crate::value::{NamespaceMatch, PrincipalMatch, ServiceAccountMatch, SniMatch, StringMatch, TrustDomainMatch};

type Map<K> = HashMap<K, u32, foldhash::fast::RandomState>;

/// A pattern over identities or server names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    Principal(PrincipalMatch),
    Namespace(NamespaceMatch),
    ServiceAccount(ServiceAccountMatch),
    TrustDomain(TrustDomainMatch),
    Sni(SniMatch),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Principal(pattern) => pattern.matches(text),
            Self::Namespace(pattern) => pattern.matches(text),
            Self::ServiceAccount(pattern) => pattern.matches(text),
            Self::TrustDomain(pattern) => pattern.matches(text),
            Self::Sni(pattern) => pattern.matches(text),
        }
    }
}

/// Prefixes, or suffixes, found by hashing one candidate of each length that occurs.
#[derive(Clone, Debug, Default)]
struct Affixes {
    lengths: Vec<usize>,
    table: Map<Box<[u8]>>,
}

impl Affixes {
    fn insert(&mut self, affix: &str, number: u32) {
        if let Err(place) = self.lengths.binary_search(&affix.len()) {
            self.lengths.insert(place, affix.len());
        }
        self.table.insert(affix.as_bytes().into(), number);
    }

    fn prefixes_of(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        for length in &self.lengths {
            let Some(prefix) = text.get(..*length) else { return };
            if let Some(number) = self.table.get(prefix) {
                found(*length, *number);
            }
        }
    }

    fn suffixes_of(&self, text: &[u8], mut found: impl FnMut(u32)) {
        for length in &self.lengths {
            let Some(suffix) = text.len().checked_sub(*length).and_then(|start| text.get(start..)) else { return };
            if let Some(number) = self.table.get(suffix) {
                found(*number);
            }
        }
    }
}

/// Strings, prefixes and suffixes of one text.
#[derive(Clone, Debug, Default)]
struct Words {
    exact: Map<Box<[u8]>>,
    prefixes: Affixes,
    suffixes: Affixes,
}

impl Words {
    fn insert(&mut self, pattern: &StringMatch, number: u32) -> bool {
        match pattern {
            StringMatch::Presence => return false,
            StringMatch::Exact(text) => drop(self.exact.insert(text.as_bytes().into(), number)),
            StringMatch::Prefix(text) => self.prefixes.insert(text, number),
            StringMatch::Suffix(text) => self.suffixes.insert(text, number),
        }
        true
    }

    fn matches_of(&self, text: &[u8], found: &mut impl FnMut(u32)) {
        if let Some(number) = self.exact.get(text) {
            found(*number);
        }
        self.prefixes.prefixes_of(text, |_, number| found(number));
        self.suffixes.suffixes_of(text, &mut *found);
    }
}

/// Patterns by number, arranged so that those that match a text are found by hashing its parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    numbers: HashMap<Pattern, u32>,
    /// `*`: any text but the empty one.
    presence: Option<u32>,
    principals: Words,
    namespaces: Words,
    accounts: HashMap<Box<str>, Map<Box<str>>, foldhash::fast::RandomState>,
    any_trust_domain: Option<u32>,
    trust_domains: Words,
    server_names: Words,
    /// Those of no such form; they are tried one by one.
    others: Vec<(Pattern, u32)>,
}

impl Patterns {
    /// The number of a pattern, from 0 in the order of insertion.
    pub(super) fn number(&mut self, pattern: Pattern) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        if let Some(number) = self.numbers.get(&pattern) {
            return *number;
        }
        if !self.arrange(&pattern, next) {
            self.others.push((pattern.clone(), next));
        }
        self.numbers.insert(pattern, next);
        next
    }

    /// Whether the pattern has a form that hashing finds.
    fn arrange(&mut self, pattern: &Pattern, number: u32) -> bool {
        match pattern {
            Pattern::Principal(pattern) => self.principals.insert(pattern.pattern(), number) || self.present(number),
            Pattern::Sni(pattern) => self.server_names.insert(pattern.pattern(), number) || self.present(number),
            Pattern::Namespace(pattern) => {
                let text = pattern.pattern();
                let form = if text == "*" { StringMatch::Suffix("".into()) } else { StringMatch::parse(text) };
                match &form {
                    // A slash in the middle, or a further star, takes the whole comparison.
                    StringMatch::Exact(rest) if rest.contains(['*', '/']) => false,
                    StringMatch::Prefix(rest) | StringMatch::Suffix(rest) if rest.contains('*') => false,
                    form => self.namespaces.insert(form, number),
                }
            }
            Pattern::ServiceAccount(account) => {
                self.accounts.entry(account.namespace().into()).or_default().insert(account.name().into(), number);
                true
            }
            Pattern::TrustDomain(pattern) => {
                let form = match pattern {
                    TrustDomainMatch::Any => {
                        self.any_trust_domain = Some(number);
                        return true;
                    }
                    TrustDomainMatch::Exact(text) => StringMatch::Exact(text.clone()),
                    TrustDomainMatch::Prefix(text) => StringMatch::Prefix(text.clone()),
                    TrustDomainMatch::Suffix(text) => StringMatch::Suffix(text.clone()),
                };
                !pattern.to_string().contains('/') && self.trust_domains.insert(&form, number)
            }
        }
    }

    fn present(&mut self, number: u32) -> bool {
        self.presence = Some(number);
        true
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.numbers.len()
    }

    /// The exact principals: each whole identity, and nothing else, is known in advance.
    pub(super) fn whole_identities(&self) -> Vec<String> {
        // Patterns that take trying one by one would make this quadratic; what is not known in advance
        // is looked up when it comes.
        if self.principals.exact.len().saturating_mul(self.others.len()) > 1_000_000 {
            return Vec::new();
        }
        let known = self.principals.exact.keys();
        known.filter_map(|rest| std::str::from_utf8(rest).ok()).map(|rest| format!("spiffe://{rest}")).collect()
    }

    /// Calls `found` with the number of each pattern that matches an identity, perhaps more than once.
    pub(super) fn matching_identity(&self, identity: &str, mut found: impl FnMut(u32)) {
        if let Some(number) = self.presence.filter(|_| !identity.is_empty()) {
            found(number);
        }
        if let Some(rest) = identity.strip_prefix("spiffe://") {
            self.principals.matches_of(rest.as_bytes(), &mut found);
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
                if at > "spiffe://".len() && identity.starts_with("spiffe://") {
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
        for (pattern, number) in &self.others {
            if pattern.matches(identity) {
                found(*number);
            }
        }
    }

    /// Namespaces, in what stands behind `/ns/`: the pattern, and a slash right behind it.
    fn matching_namespace(&self, rest: &str, last_slash: usize, is_first: bool, found: &mut impl FnMut(u32)) {
        let Some((segment, _)) = rest.split_once('/') else { return };
        if let Some(number) = self.namespaces.exact.get(segment.as_bytes()) {
            found(*number);
        }
        self.namespaces.prefixes.prefixes_of(rest.as_bytes(), |length, number| {
            if length <= last_slash {
                found(number);
            }
        });
        if is_first && !self.namespaces.suffixes.lengths.is_empty() {
            for (slash, _) in rest.match_indices('/') {
                let before = rest.as_bytes().get(..slash).unwrap_or_default();
                self.namespaces.suffixes.suffixes_of(before, &mut *found);
            }
        }
    }

    /// Service accounts, in what stands behind `/ns/`: `NS/(.+/|)sa/SA(/.+)?`.
    fn matching_account(&self, rest: &str, found: &mut impl FnMut(u32)) {
        let Some((namespace, rest)) = rest.split_once('/') else { return };
        let Some(accounts) = self.accounts.get(namespace) else { return };
        let mut account = |rest: &str| {
            let Some(rest) = rest.strip_prefix("sa/") else { return };
            let (name, behind) = rest.split_once('/').map_or((rest, None), |(name, behind)| (name, Some(behind)));
            if behind != Some("")
                && let Some(number) = accounts.get(name)
            {
                found(*number);
            }
        };
        account(rest);
        for (slash, _) in rest.match_indices('/').filter(|(slash, _)| *slash > 0) {
            account(rest.get(slash + 1..).unwrap_or_default());
        }
    }

    /// Calls `found` with the number of each pattern that matches a server name.
    pub(super) fn matching_server_name(&self, name: &str, mut found: impl FnMut(u32)) {
        if let Some(number) = self.presence.filter(|_| !name.is_empty()) {
            found(number);
        }
        // Names of TLS are 255 bytes at most.
        let mut lower = [0; 256];
        match lower.get_mut(..name.len()) {
            Some(lower) => {
                lower.copy_from_slice(name.as_bytes());
                lower.make_ascii_lowercase();
                self.server_names.matches_of(lower, &mut found);
            }
            None => {
                for (pattern, number) in &self.numbers {
                    if pattern.matches(name) {
                        found(*number);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text over a small alphabet of parts, so that corners meet.
    fn texts() -> Vec<String> {
        let parts = ["", "a", "b", "ab", "ns", "sa", "td", "a.b"];
        let mut texts = vec![String::new(), "a".into(), "spiffe://".into(), "spiffe:///ns/a/sa/b".into()];
        for scheme in ["spiffe://", "https://", "SPIFFE://"] {
            for one in parts {
                for two in parts {
                    for three in parts {
                        texts.push(format!("{scheme}{one}/ns/{two}/sa/{three}"));
                        texts.push(format!("{scheme}{one}/{two}/ns/{three}"));
                        texts.push(format!("{scheme}td/ns/{one}/{two}/sa/{three}/"));
                        texts.push(format!("{scheme}td/ns/{one}/sa/{two}/{three}"));
                        texts.push(format!("{scheme}td/ns/ns/{one}/ns/{two}/sa/{three}"));
                        texts.push(format!("{scheme}{one}{two}/{three}"));
                    }
                }
            }
        }
        texts
    }

    fn patterns() -> Vec<Pattern> {
        let words = [
            "*",
            "a",
            "b",
            "a*",
            "*b",
            "*a*",
            "a*b",
            "**",
            "ab*",
            "*ab",
            "",
            "ns",
            "sa",
            "*sa",
            "a/sa",
            "a/*",
            "*/a",
            "td",
            "td/ns/a/sa/b",
            "*/sa/b",
            "td/ns/*",
            "a.b",
            "*s*",
        ];
        let mut all = Vec::new();
        for word in words {
            all.push(Pattern::Principal(PrincipalMatch::parse(word)));
            all.push(Pattern::Namespace(NamespaceMatch::parse(word)));
            all.extend(ServiceAccountMatch::parse(word, "ns").ok().map(Pattern::ServiceAccount));
            all.extend(TrustDomainMatch::parse_condition(word).ok().map(Pattern::TrustDomain));
        }
        all
    }

    #[test]
    fn the_patterns_that_match_are_those_that_match_one_by_one() {
        let all = patterns();
        let mut index = Patterns::default();
        let numbers: Vec<u32> = all.iter().map(|pattern| index.number(pattern.clone())).collect();
        for text in texts() {
            let mut found = vec![false; index.len()];
            index.matching_identity(&text, |number| found[usize::try_from(number).unwrap()] = true);
            for (pattern, number) in all.iter().zip(&numbers) {
                assert_eq!(found[usize::try_from(*number).unwrap()], pattern.matches(&text), "{pattern:?} against {text:?}");
            }
        }
    }

    #[test]
    fn server_names_are_found_in_any_case_and_length() {
        let mut index = Patterns::default();
        let all: Vec<Pattern> =
            ["*", "a.example", "*.example", "a.*", "A.b", "é"].map(|word| Pattern::Sni(SniMatch::parse(word))).to_vec();
        let numbers: Vec<u32> = all.iter().map(|pattern| index.number(pattern.clone())).collect();
        let long = format!("{}.example", "x".repeat(300));
        for name in ["", "a.example", "A.EXAMPLE", "b.example", "a.b", "é", "É", &long] {
            let mut found = vec![false; index.len()];
            index.matching_server_name(name, |number| found[usize::try_from(number).unwrap()] = true);
            for (pattern, number) in all.iter().zip(&numbers) {
                assert_eq!(found[usize::try_from(*number).unwrap()], pattern.matches(name), "{pattern:?} against {name:?}");
            }
        }
    }
}
