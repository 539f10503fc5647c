//! Terms that no connection can meet together.

use crate::policy::{Clause, Patterns, Rule, Term};
use crate::value::{IpBlock, Port, PrincipalMatch, SniMatch, StringMatch};

/// Each value of one list is compared with each of the other; longer lists are block lists, and those
/// are not contradicted by accident.
const MOST_PAIRS: usize = 10_000;

/// Why a rule can never match, and the term that makes it so.
///
/// What it finds is certain; what it does not find may still contradict itself.
pub(crate) fn contradiction(rule: &Rule) -> Option<(&Term, String)> {
    let when = rule.when.terms.iter();
    if let Some(found) = among(when.clone()) {
        return Some(found);
    }
    for clauses in [&rule.from, &rule.to] {
        // Alternatives are dead only if every one of them is.
        let mut first = None;
        let all_dead = !clauses.is_empty()
            && clauses.iter().all(|clause: &Clause| {
                let found = among(clause.terms.iter().chain(when.clone()));
                let is_dead = found.is_some();
                if first.is_none() {
                    first = found;
                }
                is_dead
            });
        if all_dead {
            return first;
        }
    }
    None
}

fn among<'r>(terms: impl Iterator<Item = &'r Term> + Clone) -> Option<(&'r Term, String)> {
    let count = terms.clone().count();
    if count.saturating_mul(count) > MOST_PAIRS {
        return None;
    }
    for (i, term) in terms.clone().enumerate() {
        if term.is_negative {
            continue;
        }
        for (j, other) in terms.clone().enumerate() {
            let exclusive = match other.is_negative {
                true => excludes(other, term),
                false => j > i && disjoint(term, other),
            };
            if exclusive {
                let why = match other.is_negative {
                    true => {
                        format!("every value of `{}` is kept out by `{}` on line {}", term.key, other.key, other.span.start.line)
                    }
                    false => {
                        format!("`{}` and `{}` on line {} have no value in common", term.key, other.key, other.span.start.line)
                    }
                };
                return Some((term, why));
            }
        }
    }
    None
}

/// Whether a negative term keeps out every value of a positive one.
fn excludes(negative: &Term, positive: &Term) -> bool {
    if negative.patterns.len().saturating_mul(positive.patterns.len()) > MOST_PAIRS {
        return false;
    }
    match (&negative.patterns, &positive.patterns) {
        (Patterns::SourceIp(out), Patterns::SourceIp(of))
        | (Patterns::RemoteIp(out), Patterns::RemoteIp(of))
        | (Patterns::DestinationIp(out), Patterns::DestinationIp(of)) => {
            of.iter().all(|block| out.iter().any(|wide: &IpBlock| wide.covers(block)))
        }
        (Patterns::DestinationPort(out), Patterns::DestinationPort(of)) => of.iter().all(|port: &Port| out.contains(port)),
        (Patterns::Principal(out), _) if positive.patterns.is_identity() && out.iter().any(is_presence) => true,
        (Patterns::Principal(out), Patterns::Principal(of)) => {
            of.iter().all(|value| out.iter().any(|wide| covers(wide.pattern(), value.pattern())))
        }
        (Patterns::Namespace(out), Patterns::Namespace(of)) => of.iter().all(|value| out.contains(value)),
        (Patterns::ServiceAccount(out), Patterns::ServiceAccount(of)) => of.iter().all(|value| out.contains(value)),
        (Patterns::TrustDomain(out), Patterns::TrustDomain(of)) => of.iter().all(|value| out.contains(value)),
        (Patterns::Sni(out), Patterns::Sni(of)) => {
            let covered =
                |value: &SniMatch| out.iter().any(|wide| !wide.has_capitals() && covers(wide.pattern(), value.pattern()));
            of.iter().all(covered)
        }
        _ => false,
    }
}

fn is_presence(pattern: &PrincipalMatch) -> bool {
    *pattern.pattern() == StringMatch::Presence
}

/// Whether everything that `narrow` matches is matched by `wide`.
fn covers(wide: &StringMatch, narrow: &StringMatch) -> bool {
    use StringMatch::{Exact, Prefix, Presence, Suffix};
    match (wide, narrow) {
        (Presence, Exact(text) | Prefix(text) | Suffix(text)) => !text.is_empty(),
        (Prefix(start), Exact(text) | Prefix(text)) => text.starts_with(&**start),
        (Suffix(end), Exact(text) | Suffix(text)) => text.ends_with(&**end),
        (wide, narrow) => wide == narrow,
    }
}

/// Whether two positive terms about the same address or port have nothing in common.
fn disjoint(a: &Term, b: &Term) -> bool {
    if a.patterns.len().saturating_mul(b.patterns.len()) > MOST_PAIRS {
        return false;
    }
    match (&a.patterns, &b.patterns) {
        (Patterns::SourceIp(a), Patterns::SourceIp(b))
        | (Patterns::RemoteIp(a), Patterns::RemoteIp(b))
        | (Patterns::DestinationIp(a), Patterns::DestinationIp(b)) => {
            a.iter().all(|one| b.iter().all(|other: &IpBlock| !one.covers(other) && !other.covers(one)))
        }
        (Patterns::DestinationPort(a), Patterns::DestinationPort(b)) => a.iter().all(|port| !b.contains(port)),
        _ => false,
    }
}
