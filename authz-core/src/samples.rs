//! Values that the rules of workloads tell apart: the rows and columns of a map of who may reach what.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::authorizer::Authorizer;
use crate::connection::Connection;
use crate::explain::{Identities, sample, sample_namespace, sample_trust_domain};
use crate::fact_set::FactSet;
use crate::policy::{Patterns, Rule, Term};
use crate::sort::sort;
use crate::truth::Truth;
use crate::value::{IpBlock, StringMatch};

/// A value of an attribute, standing for all that the rules treat alike.
///
/// ```
/// use authz_core::Sample;
///
/// let sample = Sample { value: 80, written: Some("80".into()) };
/// assert!(!sample.is_rest());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample<T> {
    /// The value.
    pub value: T,
    /// What the rules write that the value stands for; nothing where it stands for all that they do not write.
    pub written: Option<String>,
}

impl<T> Sample<T> {
    /// Whether it stands for what no rule writes.
    pub fn is_rest(&self) -> bool {
        self.written.is_none()
    }
}

/// One value of each kind that the rules of some workloads tell apart.
///
/// Of ports and addresses they are complete: a connection is decided as one with the sample in place of its
/// own value, where that is the sample of the port, of the smallest block that holds the address, or of the
/// rest. Of identities and server names, which rules compare by patterns, they are examples: one for each
/// pattern, and one that no pattern matches.
///
/// An attribute that no rule asks for has no samples, except for ports, of which the rest is always there.
///
/// ```
/// use authz_core::{Mesh, PolicySet, Samples, Workload};
///
/// let text = "
/// apiVersion: security.istio.io/v1
/// kind: AuthorizationPolicy
/// metadata: {name: a, namespace: foo}
/// spec:
///   rules:
///   - from: [{source: {ipBlocks: [10.0.0.0/8], notIpBlocks: [10.0.0.0/16]}}]
///     to: [{operation: {ports: ['9000']}}]
/// ";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let samples = Samples::of(&[&authorizer], 50);
/// assert_eq!(samples.ports.iter().map(|sample| sample.written.as_deref()).collect::<Vec<_>>(), [Some("9000"), None]);
/// let sources: Vec<String> = samples.sources.iter().map(|sample| sample.value.to_string()).collect();
/// assert_eq!(sources, ["10.1.0.0", "10.0.0.1", "192.0.2.1"]);
/// assert!(samples.identities.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Samples {
    /// Ports of the workload, in order.
    pub ports: Vec<Sample<u16>>,
    /// Addresses of the direct peer, each block before those inside it.
    pub sources: Vec<Sample<IpAddr>>,
    /// Addresses of the original client.
    pub remotes: Vec<Sample<IpAddr>>,
    /// Addresses of the workload.
    pub destinations: Vec<Sample<IpAddr>>,
    /// Identities, as certificates carry them, in the order of the rules.
    pub identities: Vec<Sample<String>>,
    /// Server names, in the order of the rules.
    pub server_names: Vec<Sample<String>>,
    /// How many there are beyond the most that were asked for.
    pub left_out: usize,
}

impl Samples {
    /// The values that the rules of any of these authorizers tell apart: at most so many of each kind that
    /// rules write, and one for the rest.
    pub fn of(authorizers: &[&Authorizer], most: usize) -> Self {
        let selections = authorizers.iter().map(|authorizer| authorizer.selection());
        let policies = selections.clone().flat_map(|selection| &selection.policies);
        let rules = policies.flat_map(|(_, policy)| policy.rules.iter().chain(&policy.widened));
        let rules: Vec<&Rule> = rules.filter(|rule| rule.effect.is_enforced()).collect();
        let terms: Vec<&Term> = rules.iter().flat_map(|rule| rule.clauses()).flat_map(|clause| &clause.terms).collect();
        let mut samples = Self::default();
        let mut keep = Keep { most, left_out: 0 };
        let mtls = selections.flat_map(|selection| &selection.mtls.ports).map(|(port, _)| *port);
        samples.ports = keep.within(ports(&terms, mtls));
        samples.sources = keep.within(addresses(&terms, FactSet::SOURCE_IP));
        samples.remotes = keep.within(addresses(&terms, FactSet::REMOTE_IP));
        samples.destinations = keep.within(addresses(&terms, FactSet::DESTINATION_IP));
        let trust_domain = authorizers.first().map_or("cluster.local", |authorizer| authorizer.mesh().trust_domain.as_str());
        samples.identities = keep.within(identities(&terms, trust_domain));
        samples.server_names = keep.within(server_names(&terms));
        samples.left_out = keep.left_out;
        samples
    }
}

/// Holds lists to a length, and counts what goes beyond it.
struct Keep {
    most: usize,
    left_out: usize,
}

impl Keep {
    /// The first of those that are written, and the rest behind them.
    fn within<T>(&mut self, samples: Vec<Sample<T>>) -> Vec<Sample<T>> {
        let (mut written, rest): (Vec<_>, Vec<_>) = samples.into_iter().partition(|sample| !sample.is_rest());
        self.left_out += written.len().saturating_sub(self.most);
        written.truncate(self.most);
        written.extend(rest);
        written
    }
}

fn written<T: fmt::Display>(value: T) -> Sample<T> {
    Sample { written: Some(value.to_string()), value }
}

fn ports(terms: &[&Term], mtls: impl Iterator<Item = u16>) -> Vec<Sample<u16>> {
    let of_term = |term: &&Term| match &term.patterns {
        Patterns::DestinationPort(ports) => ports.iter().map(|port| port.number()).collect(),
        _ => Vec::new(),
    };
    let mut ports: Vec<u16> = terms.iter().flat_map(of_term).chain(mtls).collect();
    sort(&mut ports);
    ports.dedup();
    // Any port that is not among them; a familiar one, if there is one.
    let rest = [80, 443, 8080].into_iter().chain(1..=u16::MAX).find(|port| ports.binary_search(port).is_err());
    let rest = rest.map(|value| Sample { value, written: None });
    ports.into_iter().map(written).chain(rest).collect()
}

/// Blocks lie inside each other or apart, so that the smallest block that holds an address says all about it.
fn addresses(terms: &[&Term], fact: FactSet) -> Vec<Sample<IpAddr>> {
    let of_term = |term: &&Term| match &term.patterns {
        Patterns::SourceIp(blocks) | Patterns::RemoteIp(blocks) | Patterns::DestinationIp(blocks) => blocks.to_vec(),
        _ => Vec::new(),
    };
    let mut blocks: Vec<IpBlock> = terms.iter().filter(|term| term.patterns.fact() == fact).flat_map(of_term).collect();
    if blocks.is_empty() {
        return Vec::new();
    }
    // By the first address, the larger block first: those inside a block follow it.
    sort(&mut blocks);
    blocks.dedup();
    let mut samples = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let inner = blocks.get(at + 1..).unwrap_or_default().iter().take_while(|other| block.covers(other));
        if let Some(value) = outside(block.range(), inner) {
            samples.push(Sample { value, written: Some(block.to_string()) });
        }
    }
    let of_family = |is_ipv4: bool| blocks.iter().filter(move |block| block.range().0.is_ipv4() == is_ipv4);
    let all_ipv4 = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::BROADCAST));
    let all_ipv6 = (IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::from_bits(u128::MAX)));
    let rest = outside(all_ipv4, of_family(true)).or_else(|| outside(all_ipv6, of_family(false)));
    samples.extend(rest.map(|value| Sample { value, written: None }));
    samples
}

/// An address of a range that lies in none of some blocks inside it, which are in order; nothing where they
/// leave no room, or only such as no connection has.
fn outside<'b>((first, last): (IpAddr, IpAddr), inner: impl Iterator<Item = &'b IpBlock> + Clone) -> Option<IpAddr> {
    // Addresses for documentation, which mean nothing to anyone; else, as the first of a network is seldom that
    // of a host, the second.
    let documented = [Ipv4Addr::new(192, 0, 2, 1).into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()];
    let is_free = |address: &IpAddr| first <= *address && *address < last && !inner.clone().any(|block| block.contains(*address));
    let familiar = documented.into_iter().chain(next(first)).find(is_free);
    let mut free = first;
    for block in inner {
        let (start, end) = block.range();
        if start > free {
            break;
        }
        if end >= free {
            free = next(end)?;
        }
    }
    familiar.or((free <= last).then_some(free)).filter(|address| address.to_canonical() == *address)
}

fn next(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4(address.to_bits().checked_add(1)?.into()),
        IpAddr::V6(address) => IpAddr::V6(address.to_bits().checked_add(1)?.into()),
    })
}

fn identities(terms: &[&Term], trust_domain: &str) -> Vec<Sample<String>> {
    let mut samples = Distinct::default();
    for term in terms {
        of_identity_term(term, trust_domain, &mut samples);
    }
    if samples.list.is_empty() {
        return Vec::new();
    }
    let strangers = ["default", "elsewhere", "nowhere"].map(|namespace| identity(trust_domain, namespace, "default"));
    let stranger = strangers.into_iter().chain([identity("elsewhere.example", "elsewhere", "anyone")]);
    let rest =
        stranger.into_iter().find(|identity| matches_none(terms, FactSet::PEER, &Connection::unknown().principal(identity)));
    samples.list.extend(rest.map(|value| Sample { value, written: None }));
    samples.list
}

fn of_identity_term(term: &Term, trust_domain: &str, samples: &mut Distinct) {
    match &term.patterns {
        Patterns::Principal(patterns) => {
            for pattern in patterns {
                let value = match pattern.pattern() {
                    StringMatch::Presence => identity(trust_domain, "default", "anyone"),
                    pattern => format!("spiffe://{}", sample(pattern)),
                };
                samples.add(value, pattern.to_string());
            }
        }
        Patterns::Namespace(patterns) => {
            for pattern in patterns {
                samples.add(identity(trust_domain, &sample_namespace(pattern), "default"), format!("namespace {pattern}"));
            }
        }
        Patterns::ServiceAccount(patterns) => {
            for account in patterns {
                let value = identity(trust_domain, account.namespace(), account.name());
                samples.add(value, format!("service account {account}"));
            }
        }
        Patterns::TrustDomain(patterns) => {
            for pattern in patterns {
                samples.add(identity(&sample_trust_domain(pattern), "default", "default"), format!("trust domain {pattern}"));
            }
        }
        Patterns::SourceIp(_)
        | Patterns::RemoteIp(_)
        | Patterns::DestinationIp(_)
        | Patterns::DestinationPort(_)
        | Patterns::Sni(_)
        | Patterns::Metadata(..) => {}
    }
}

fn identity(trust_domain: &str, namespace: &str, account: &str) -> String {
    format!("spiffe://{trust_domain}/ns/{namespace}/sa/{account}")
}

fn server_names(terms: &[&Term]) -> Vec<Sample<String>> {
    let mut samples = Distinct::default();
    for term in terms {
        if let Patterns::Sni(patterns) = &term.patterns {
            patterns.iter().for_each(|pattern| samples.add(sample(pattern.pattern()), pattern.to_string()));
        }
    }
    if samples.list.is_empty() {
        return Vec::new();
    }
    let rest = ["other.example", "elsewhere.invalid"]
        .into_iter()
        .find(|name| matches_none(terms, FactSet::SNI, &Connection::unknown().sni(name)));
    samples.list.extend(rest.map(|value| Sample { value: value.into(), written: None }));
    samples.list
}

/// Whether no pattern about a fact matches a connection.
fn matches_none(terms: &[&Term], fact: FactSet, connection: &Connection<'_>) -> bool {
    let peer = Identities::of(connection);
    // A term that keeps values out holds where none of them matches.
    let missed = |term: &Term| if term.is_negative { Truth::True } else { Truth::False };
    terms.iter().filter(|term| term.patterns.fact() == fact).all(|term| term.holds(connection, peer) == missed(term))
}

/// Samples of which no two have the same value.
#[derive(Default)]
struct Distinct {
    list: Vec<Sample<String>>,
    known: HashSet<String>,
}

impl Distinct {
    fn add(&mut self, value: String, written: String) {
        if self.known.insert(value.clone()) {
            self.list.push(Sample { value, written: Some(written) });
        }
    }
}
