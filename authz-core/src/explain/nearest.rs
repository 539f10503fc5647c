//! What would have to differ for a connection to be allowed: the answer to "nothing allowed it".

use std::fmt;
use std::net::IpAddr;

use super::evaluate::{Identities, decide};
use super::found::found;
use crate::connection::Connection;
use crate::decision::{Reason, Verdict};
use crate::fact::Fact;
use crate::fact_set::FactSet;
use crate::lint::contradiction;
use crate::policy::{Clause, Patterns, Rule, Term};
use crate::resource::Action;
use crate::select::Selection;
use crate::sort::sort_stably;
use crate::truth::Truth;
use crate::value::{NamespaceMatch, RuleId, StringMatch, TrustDomainMatch};
use crate::workload::Mesh;

/// How many near misses an explanation holds at most.
const MOST: usize = 5;

/// In how many terms a rule may differ and still be near.
const MOST_TERMS: usize = 16;

/// How many pieces of each kind, and how many values in all, are tried as examples.
const MOST_PIECES: usize = 8;
const MOST_EXAMPLES: usize = 512;

/// An ALLOW rule that does not match, and what would make it.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload, Verdict};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// assert_eq!(explanation.nearest[0].then, Some(Verdict::Allow));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct NearMiss<'a> {
    /// The rule.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub rule: &'a RuleId,
    /// What would have to differ: all of it.
    pub changes: Vec<Change>,
    /// What would be decided then: tried with the examples of the changes, where each has one.
    pub then: Option<Verdict>,
    /// The sentence.
    pub message: String,
}

/// One attribute that would have to differ.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// let change = &explanation.nearest[0].changes[0];
/// assert_eq!((change.attribute.as_str(), change.example.as_deref()), ("destination.port", Some("80")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Change {
    /// The fact, as connections name it: `destinationPort`, `peer`.
    pub fact: &'static str,
    /// The attribute, as conditions name it: `destination.port`.
    pub attribute: String,
    /// Whether the attribute must be none of the values.
    pub negative: bool,
    /// The values that would do, or those that must not be.
    pub values: Vec<String>,
    /// What the attribute is.
    pub found: String,
    /// A value of the fact that would do.
    pub example: Option<String>,
}

impl fmt::Display for NearMiss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let not = if self.negative { "not " } else { "" };
        write!(f, "{} were {not}{}", self.attribute, alternatives(&self.values))
    }
}

fn alternatives(values: &[String]) -> String {
    const SHOWN: usize = 5;
    match values {
        [] => "something else".into(),
        [one] => one.clone(),
        [first @ .., last] if values.len() <= SHOWN => format!("{} or {last}", first.join(", ")),
        many => {
            format!("{} or {} more", many.iter().take(SHOWN - 1).cloned().collect::<Vec<_>>().join(", "), many.len() + 1 - SHOWN)
        }
    }
}

/// The rules that miss the connection by the fewest facts.
pub(super) fn nearest<'a>(selection: &'a Selection, mesh: &'a Mesh, connection: &Connection<'_>) -> Vec<NearMiss<'a>> {
    let peer = Identities::of(connection);
    let rules = selection.of(Action::Allow).filter(|policy| !policy.is_dry_run).flat_map(|policy| &policy.rules);
    let mut misses: Vec<(usize, &Rule, Vec<&Term>, Vec<&Term>)> = rules
        .filter(|rule| rule.effect.is_enforced() && contradiction(rule).is_none())
        .filter_map(|rule| {
            let chosen = chosen_terms(rule, connection, peer);
            let failing: Vec<&Term> =
                chosen.iter().copied().filter(|term| term.holds(connection, peer) == Truth::False).collect();
            let facts = failing.iter().fold(FactSet::EMPTY, |facts, term| facts | term.patterns.fact());
            // A rule that differs in more than this is not near.
            let is_near = !failing.is_empty() && failing.len() <= MOST_TERMS && chosen.len() <= 4 * MOST_TERMS;
            is_near.then(|| (facts.names().count(), rule, chosen, failing))
        })
        .collect();
    sort_stably(&mut misses, |(a, ..), (b, ..)| a.cmp(b));
    misses
        .into_iter()
        .filter_map(|(_, rule, chosen, failing)| near_miss(rule, &chosen, &failing, selection, mesh, connection))
        .take(MOST)
        .collect()
}

/// The terms of the entries of `from` and `to` that come nearest, and those of `when`.
fn chosen_terms<'r>(rule: &'r Rule, connection: &Connection<'_>, peer: Identities<'_>) -> Vec<&'r Term> {
    let distance = |clause: &&Clause| {
        let failing = clause.terms.iter().filter(|term| term.holds(connection, peer) == Truth::False);
        failing.fold(FactSet::EMPTY, |facts, term| facts | term.patterns.fact()).names().count()
    };
    let nearest = |clauses: &'r [Clause]| clauses.iter().min_by_key(distance);
    let clauses = [nearest(&rule.from), nearest(&rule.to), Some(&rule.when)];
    clauses.into_iter().flatten().flat_map(|clause| &clause.terms).collect()
}

fn near_miss<'a>(
    rule: &'a Rule,
    chosen: &[&Term],
    failing: &[&Term],
    selection: &'a Selection,
    mesh: &'a Mesh,
    connection: &Connection<'_>,
) -> Option<NearMiss<'a>> {
    let mut changes: Vec<Change> = Vec::new();
    for term in failing {
        let own: Vec<&Term> = chosen.iter().copied().filter(|other| other.patterns.fact() == term.patterns.fact()).collect();
        let examples = examples(term, &own, connection);
        let attribute = term.patterns.attribute();
        // A value that another term of the rule keeps out is no way in.
        let values = match (&term.patterns, term.is_negative) {
            (Patterns::DestinationPort(_), false) => {
                let possible: Vec<String> = examples.iter().map(Example::to_string).collect();
                if possible.is_empty() {
                    return None;
                }
                possible
            }
            (patterns, _) => patterns.texts(),
        };
        let fact = term.patterns.fact().names().next().unwrap_or_default();
        let example = examples.first().map(Example::to_string);
        changes.push(Change {
            fact,
            attribute,
            negative: term.is_negative,
            values,
            found: found(&term.patterns, connection),
            example,
        });
    }
    changes.dedup();
    let then = outcome(&changes, rule, selection, mesh, connection);
    let message = sentence(&changes, then.as_ref(), &rule.id);
    Some(NearMiss { rule: &rule.id, changes, then: then.map(|reason| reason.verdict()), message })
}

fn sentence(changes: &[Change], then: Option<&Reason<'_>>, rule: &RuleId) -> String {
    let wanted: Vec<String> = changes.iter().map(Change::to_string).collect();
    let mut found: Vec<(&str, &str)> = Vec::new();
    for change in changes {
        let fact = if change.fact == "peer" { "the peer's identity" } else { change.attribute.as_str() };
        if !found.contains(&(fact, change.found.as_str())) {
            found.push((fact, &change.found));
        }
    }
    let is = match found.as_slice() {
        [(_, one)] if changes.len() == 1 => format!("it is {one}"),
        many => many.iter().map(|(fact, value)| format!("{fact} is {value}")).collect::<Vec<_>>().join(", "),
    };
    let place = format!("({rule}, {})", rule.location());
    match then {
        Some(reason) if reason.verdict() == Verdict::Deny => {
            format!("would match if {}; {is} {place}; but then: {reason}", wanted.join(" and "))
        }
        Some(_) => format!("would be allowed if {}; {is} {place}", wanted.join(" and ")),
        None => format!("might be allowed if {}; {is} {place}", wanted.join(" and ")),
    }
}

/// What is decided once every change is made, where each has an example.
fn outcome<'a>(
    changes: &[Change],
    rule: &Rule,
    selection: &'a Selection,
    mesh: &'a Mesh,
    connection: &Connection<'_>,
) -> Option<Reason<'a>> {
    let mut changed = *connection;
    for change in changes {
        let example = change.example.as_deref()?;
        let ip = || example.parse::<IpAddr>().ok().map(Fact::Known);
        changed = match FactSet::named(change.fact)? {
            FactSet::SOURCE_IP => changed.source_ip(ip()?),
            FactSet::REMOTE_IP => changed.remote_ip(ip()?),
            FactSet::DESTINATION_IP => changed.destination_ip(ip()?),
            FactSet::DESTINATION_PORT => changed.destination_port(Fact::Known(example.parse().ok()?)),
            FactSet::PEER if example.is_empty() => changed.principals(&[]),
            FactSet::PEER => changed.principal(example),
            FactSet::SNI if example.is_empty() => changed.without_sni(),
            FactSet::SNI => changed.sni(example),
            _ => return None,
        };
    }
    if rule.matches(&changed, Identities::of(&changed)) != Truth::True {
        return None;
    }
    decide(selection, mesh, &changed).ok().map(|decision| decision.reason())
}

/// A value that a fact could have.
#[derive(Clone, Debug)]
enum Example {
    Ip(IpAddr),
    Port(u16),
    Text(String),
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Port(port) => port.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// Values of a term's fact that meet every term in `own`, those about the same fact.
fn examples(term: &Term, own: &[&Term], connection: &Connection<'_>) -> Vec<Example> {
    let candidates: Vec<Example> = match &term.patterns {
        Patterns::SourceIp(_) | Patterns::RemoteIp(_) | Patterns::DestinationIp(_) => addresses(own),
        Patterns::DestinationPort(_) => ports(own),
        Patterns::Principal(_) | Patterns::Namespace(_) | Patterns::ServiceAccount(_) | Patterns::TrustDomain(_) => {
            identities(own)
        }
        Patterns::Sni(patterns) => {
            let texts = patterns.iter().map(|pattern| Example::Text(sample(pattern.pattern())));
            texts.chain([Example::Text(String::new())]).collect()
        }
        Patterns::Metadata(..) => Vec::new(),
    };
    let fits = |example: &Example| {
        let text = example.to_string();
        let changed = match (example, &term.patterns) {
            (Example::Ip(ip), Patterns::RemoteIp(_)) => connection.remote_ip(Fact::Known(*ip)),
            (Example::Ip(ip), Patterns::DestinationIp(_)) => connection.destination_ip(Fact::Known(*ip)),
            (Example::Ip(ip), _) => connection.source_ip(Fact::Known(*ip)),
            (Example::Port(port), _) => connection.destination_port(Fact::Known(*port)),
            (Example::Text(_), Patterns::Sni(_)) => connection.sni(&text),
            (Example::Text(_), _) if text.is_empty() => connection.principals(&[]),
            (Example::Text(_), _) => connection.principal(&text),
        };
        own.iter().all(|term| term.holds(&changed, Identities::of(&changed)) == Truth::True)
    };
    candidates.into_iter().take(MOST_EXAMPLES).filter(fits).collect()
}

/// The edges of all blocks, inside and out: a set that has an address has one of these.
fn addresses(own: &[&Term]) -> Vec<Example> {
    let mut all = Vec::new();
    let blocks = own.iter().flat_map(|term| match &term.patterns {
        Patterns::SourceIp(blocks) | Patterns::RemoteIp(blocks) | Patterns::DestinationIp(blocks) => &**blocks,
        _ => &[],
    });
    for block in blocks.take(256) {
        let (first, last) = block.range();
        all.extend([Some(first), Some(last), step(first, false), step(last, true)].into_iter().flatten().map(Example::Ip));
    }
    all
}

fn step(address: IpAddr, up: bool) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(ip) => IpAddr::V4(if up { ip.to_bits().checked_add(1)? } else { ip.to_bits().checked_sub(1)? }.into()),
        IpAddr::V6(ip) => IpAddr::V6(if up { ip.to_bits().checked_add(1)? } else { ip.to_bits().checked_sub(1)? }.into()),
    })
}

fn ports(own: &[&Term]) -> Vec<Example> {
    let (mut wanted, mut others) = (Vec::new(), Vec::new());
    for term in own {
        if let Patterns::DestinationPort(ports) = &term.patterns {
            for port in ports.iter().take(MOST_EXAMPLES) {
                let number = port.number();
                if !term.is_negative && !wanted.contains(&number) {
                    wanted.push(number);
                }
                others.extend([number.checked_add(1), number.checked_sub(1)].into_iter().flatten());
            }
        }
    }
    let numbers = if wanted.is_empty() { others } else { wanted };
    numbers.into_iter().map(Example::Port).collect()
}

/// Identities put together from the pieces that the terms name.
fn identities(own: &[&Term]) -> Vec<Example> {
    let (mut whole, mut domains, mut namespaces, mut accounts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for term in own {
        match &term.patterns {
            Patterns::Principal(patterns) => {
                for pattern in patterns.iter().take(64) {
                    whole.push(format!("spiffe://{}", sample(pattern.pattern())));
                    if let StringMatch::Suffix(suffix) = pattern.pattern() {
                        accounts.extend(suffix.rsplit_once("/sa/").map(|(_, account)| account.to_owned()));
                    }
                    if let StringMatch::Prefix(prefix) = pattern.pattern() {
                        domains.extend(prefix.split_once('/').map(|(domain, _)| domain.to_owned()));
                    }
                }
            }
            Patterns::Namespace(patterns) => namespaces.extend(patterns.iter().take(8).map(sample_namespace)),
            Patterns::ServiceAccount(patterns) => {
                for account in patterns.iter().take(8) {
                    namespaces.push(account.namespace().to_owned());
                    accounts.push(account.name().to_owned());
                }
            }
            Patterns::TrustDomain(patterns) => domains.extend(patterns.iter().take(8).map(sample_trust_domain)),
            _ => {}
        }
    }
    for pieces in [&mut domains, &mut namespaces, &mut accounts] {
        pieces.truncate(MOST_PIECES - 1);
    }
    whole.truncate(MOST_EXAMPLES / 2);
    domains.push("cluster.local".into());
    namespaces.push("default".into());
    accounts.push("default".into());
    for domain in &domains {
        for namespace in &namespaces {
            for account in &accounts {
                whole.push(format!("spiffe://{domain}/ns/{namespace}/sa/{account}"));
            }
        }
    }
    whole.into_iter().chain([String::new()]).map(Example::Text).collect()
}

/// A text that a pattern matches.
pub(crate) fn sample(pattern: &StringMatch) -> String {
    match pattern {
        StringMatch::Presence => "any".into(),
        StringMatch::Exact(text) => text.to_string(),
        StringMatch::Prefix(text) => format!("{text}x"),
        StringMatch::Suffix(text) if text.starts_with("/ns/") => format!("cluster.local{text}"),
        StringMatch::Suffix(text) if text.starts_with("/sa/") => format!("cluster.local/ns/default{text}"),
        StringMatch::Suffix(text) => format!("x{text}"),
    }
}

pub(crate) fn sample_namespace(pattern: &NamespaceMatch) -> String {
    match pattern.pattern() {
        "*" => "default".into(),
        text => text.replace('*', "x"),
    }
}

pub(crate) fn sample_trust_domain(pattern: &TrustDomainMatch) -> String {
    match pattern {
        TrustDomainMatch::Any => "cluster.local".into(),
        TrustDomainMatch::Exact(text) => text.to_string(),
        TrustDomainMatch::Prefix(text) => format!("{text}x"),
        TrustDomainMatch::Suffix(text) => format!("x{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::IpBlock;

    #[test]
    fn long_lists_are_cut_short_in_sentences() {
        let values: Vec<String> = (1..=9).map(|n| n.to_string()).collect();
        assert_eq!(alternatives(&values), "1, 2, 3, 4 or 5 more");
        assert_eq!(alternatives(&values[..2]), "1 or 2");
    }

    #[test]
    fn the_neighbours_of_a_block_are_found() {
        let block = IpBlock::parse("0.0.0.0/0").unwrap();
        let (first, last) = block.range();
        assert_eq!((step(first, false), step(last, true)), (None, None));
    }
}
