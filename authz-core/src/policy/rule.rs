//! A rule as meant: clauses of typed terms, and the HTTP parts that TCP cannot evaluate, kept as written.

use std::borrow::Cow;
use std::fmt;

use crate::fact_set::FactSet;
use crate::value::{
    IpBlock, MetadataKey, MetadataMatch, NamespaceMatch, Port, PrincipalMatch, RuleId, ServiceAccountMatch, SniMatch, Span,
    TrustDomainMatch,
};

/// One of a policy's `rules`.
///
/// It matches when one of `from` and one of `to` match (an empty list matches anything), and all of
/// `when` (reference: Istio, `pilot/pkg/security/authz/model/model.go`).
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) effect: Effect,
    pub(crate) from: Vec<Clause>,
    pub(crate) to: Vec<Clause>,
    pub(crate) when: Clause,
}

/// Whether the data plane can evaluate a rule at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Enforced,
    /// An ALLOW rule with an HTTP attribute: on TCP it matches nothing. Which attribute, and where.
    HttpOnly(Box<str>, Span),
    /// An ALLOW rule of which something could not be read.
    Unreadable,
    /// A null among the rules.
    Null,
}

impl Effect {
    pub(crate) fn is_enforced(&self) -> bool {
        *self == Self::Enforced
    }
}

/// Terms that must all hold: a `source`, an `operation`, or all of `when`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clause {
    pub(crate) terms: Vec<Term>,
    /// What only HTTP has, for an evaluator of HTTP to come.
    pub(crate) http: Vec<HttpTerm>,
}

/// One list of values for one attribute.
#[derive(Clone, Debug)]
pub(crate) struct Term {
    /// The field or key as written: `notIpBlocks`, `source.ip`.
    pub(crate) key: Cow<'static, str>,
    pub(crate) span: Span,
    /// Whether the attribute must match none of the values, instead of one.
    pub(crate) is_negative: bool,
    pub(crate) patterns: Patterns,
    /// Whether a value of the list could not be read.
    pub(crate) lost_value: bool,
}

/// The values of a term, by the attribute they are compared with.
#[derive(Clone, Debug)]
pub(crate) enum Patterns {
    SourceIp(Box<[IpBlock]>),
    RemoteIp(Box<[IpBlock]>),
    DestinationIp(Box<[IpBlock]>),
    DestinationPort(Box<[Port]>),
    Principal(Box<[PrincipalMatch]>),
    Namespace(Box<[NamespaceMatch]>),
    ServiceAccount(Box<[ServiceAccountMatch]>),
    TrustDomain(Box<[TrustDomainMatch]>),
    Sni(Box<[SniMatch]>),
    Metadata(MetadataKey, Box<[MetadataMatch]>),
}

impl Patterns {
    /// The attribute, as a `when` key names it.
    pub(crate) fn attribute(&self) -> String {
        match self {
            Self::SourceIp(_) => "source.ip".into(),
            Self::RemoteIp(_) => "remote.ip".into(),
            Self::DestinationIp(_) => "destination.ip".into(),
            Self::DestinationPort(_) => "destination.port".into(),
            Self::Principal(_) => "source.principal".into(),
            Self::Namespace(_) => "source.namespace".into(),
            Self::ServiceAccount(_) => "source.serviceAccount".into(),
            Self::TrustDomain(_) => "source.trustDomain".into(),
            Self::Sni(_) => "connection.sni".into(),
            Self::Metadata(key, _) => key.to_string(),
        }
    }

    /// The fact that the attribute belongs to.
    pub(crate) fn fact(&self) -> FactSet {
        match self {
            Self::SourceIp(_) => FactSet::SOURCE_IP,
            Self::RemoteIp(_) => FactSet::REMOTE_IP,
            Self::DestinationIp(_) => FactSet::DESTINATION_IP,
            Self::DestinationPort(_) => FactSet::DESTINATION_PORT,
            Self::Principal(_) | Self::Namespace(_) | Self::ServiceAccount(_) | Self::TrustDomain(_) => FactSet::PEER,
            Self::Sni(_) => FactSet::SNI,
            Self::Metadata(..) => FactSet::METADATA,
        }
    }

    /// Whether the attribute belongs to the peer's identity.
    pub(crate) fn is_identity(&self) -> bool {
        match self {
            Self::Principal(_) | Self::Namespace(_) | Self::ServiceAccount(_) | Self::TrustDomain(_) => true,
            Self::SourceIp(_)
            | Self::RemoteIp(_)
            | Self::DestinationIp(_)
            | Self::DestinationPort(_)
            | Self::Sni(_)
            | Self::Metadata(..) => false,
        }
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::SourceIp(values) | Self::RemoteIp(values) | Self::DestinationIp(values) => values.len(),
            Self::DestinationPort(values) => values.len(),
            Self::Principal(values) => values.len(),
            Self::Namespace(values) => values.len(),
            Self::ServiceAccount(values) => values.len(),
            Self::TrustDomain(values) => values.len(),
            Self::Sni(values) => values.len(),
            Self::Metadata(_, values) => values.len(),
        }
    }

    /// The values as text, in the order in which they were written.
    pub(crate) fn texts(&self) -> Vec<String> {
        fn texts<T: fmt::Display>(values: &[T]) -> Vec<String> {
            values.iter().map(T::to_string).collect()
        }
        match self {
            Self::SourceIp(values) | Self::RemoteIp(values) | Self::DestinationIp(values) => texts(values),
            Self::DestinationPort(values) => texts(values),
            Self::Principal(values) => texts(values),
            Self::Namespace(values) => texts(values),
            Self::ServiceAccount(values) => texts(values),
            Self::TrustDomain(values) => texts(values),
            Self::Sni(values) => texts(values),
            Self::Metadata(_, values) => texts(values),
        }
    }
}

/// A list of values for an attribute that only HTTP requests have, as written.
#[derive(Clone, Debug)]
pub(crate) struct HttpTerm {
    pub(crate) key: Box<str>,
    pub(crate) span: Span,
    #[expect(dead_code, reason = "kept as written for an evaluator of HTTP requests")]
    pub(crate) is_negative: bool,
    #[expect(dead_code, reason = "kept as written for an evaluator of HTTP requests")]
    pub(crate) values: Box<[Box<str>]>,
}

impl Rule {
    /// Every clause: of `from`, of `to`, and `when`.
    pub(crate) fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.from.iter().chain(&self.to).chain(std::iter::once(&self.when))
    }

    /// Whether the rule asks for nothing, so that it matches every connection.
    pub(crate) fn matches_everything(&self) -> bool {
        let any = |clauses: &[Clause]| clauses.is_empty() || clauses.iter().any(|clause| clause.terms.is_empty());
        any(&self.from) && any(&self.to) && self.when.terms.is_empty()
    }
}
