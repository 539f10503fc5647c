#![deny(unsafe_code)]
//! Decides whether a TCP connection may reach a workload, with the semantics of Istio's
//! `AuthorizationPolicy` and `PeerAuthentication`, and says why.
//!
//! It reads the YAML that users of a service mesh already have. It needs no Kubernetes, no control
//! plane and no sidecar, does no I/O, reads no clock, starts no thread and logs nothing. It does not
//! look into HTTP: what only a request has is ignored exactly as Istio's sidecar ignores it on TCP.
//!
//! ```
//! use authz_core::{Connection, Mesh, PolicySet, Verdict, Workload};
//!
//! let text = "
//! apiVersion: security.istio.io/v1
//! kind: AuthorizationPolicy
//! metadata: {name: tcp-policy, namespace: foo}
//! spec:
//!   selector: {matchLabels: {app: tcp-echo}}
//!   action: ALLOW
//!   rules:
//!   - to:
//!     - operation: {ports: ['9000', '9001']}
//! ";
//! let policies = PolicySet::from_yaml(text, &Mesh::default())?;
//! let authorizer = policies.authorizer_for(&Workload::new("foo").label("app", "tcp-echo"));
//!
//! let connection = Connection::new("10.244.1.46".parse()?, "10.244.2.10:9002".parse()?).plaintext();
//! let decision = authorizer.decide(&connection);
//! assert_eq!(decision.verdict(), Verdict::Deny);
//! assert_eq!(decision.reason().code(), "no-allow-match");
//! assert!(authorizer.explain(&connection).to_string().contains(
//!     "would be allowed if destination.port were 9000 or 9001; it is 9002"
//! ));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The way of a policy
//!
//! ```text
//! YAML text ─parse→ resource ─validate→ policy ─select→ selection ─compile→ authorizer ─decide→ decision
//!            as written        as meant         for a workload      as executed          └explain→ explanation
//! ```
//!
//! [`PolicySet`] goes from text to policies and [`PolicyLoader`] does so with limits, from several
//! texts, or leniently. [`PolicySet::authorizer_for`] selects and compiles. [`Authorizer::decide`]
//! is for the hot path, [`Authorizer::decide_early`] for connections of which not everything is known
//! yet, and [`Authorizer::explain`] for people.
//!
//! # Fail closed
//!
//! A text that cannot be read fails the load; a fact that was not stated denies where it matters; the
//! zero of every type denies. What is worth knowing about a text that does load is in
//! [`PolicySet::findings`].
//!
//! # Untrusted input
//!
//! Texts are bounded by [`Limits`]. Facts of connections are compared in time linear in their length
//! and in the number of patterns, without backtracking and without allocation.
//!
//! # Features
//!
//! `serde` gives [`Decision`], [`Explanation`] and [`Finding`] a `Serialize` with the one JSON shape
//! that every door of the project shares. It is off by default.
//!
//! `small` makes the code smaller, for WebAssembly: the same decisions, but large sets of policies take longer
//! to compile and to decide. It is off by default.
//!
//! `small-sort`, a part of it, sorts in less code and takes a little longer to load and to compile, not to decide. It is off by default.

/// Whether the feature `small` is on; asked where there is more than one way to the same decision.
const IS_SMALL: bool = cfg!(feature = "small");

mod sort;

mod value;

mod fact;
mod fact_set;

mod peer;

mod connection;
mod truth;
mod workload;

mod finding;
mod limits;

mod yaml;

mod resource;

mod policy;

mod select;

mod lint;

mod decision;

mod explain;

mod stats;

mod matcher;

mod decision_cache;

mod ranking;

mod authorizer;

mod samples;

mod policy_set;

pub use authorizer::Authorizer;
pub use connection::{Connection, MetadataEntry};
pub use decision::{Decision, DryRunResults, EarlyDecision, ProviderAnswer, Reason, Shadow, Verdict};
pub use decision_cache::DecisionCache;
pub use explain::{Change, Explanation, FailedTerm, MtlsStep, NearMiss, PassedOver, PolicyStep, RuleOutcome, RuleStep};
pub use fact::{Fact, Transport};
pub use fact_set::FactSet;
pub use finding::{Finding, FindingKind, Fix, Layer, Severity};
pub use limits::Limits;
pub use peer::Peer;
pub use policy::condition_keys;
pub use policy_set::{LoadError, PolicyLoader, PolicySet};
pub use resource::{Action, Mode};
pub use samples::{Sample, Samples};
pub use select::{AppliedPolicy, Applies};
pub use stats::Stats;
pub use value::{
    IpBlock, IpBlockError, Labels, Location, MetadataKey, MetadataMatch, MetadataValue, NamespaceMatch, PolicyId, PolicyName,
    Port, PortError, Position, PrincipalMatch, RuleId, ServiceAccountError, ServiceAccountMatch, SniMatch, Span, StringMatch,
    TrustDomainError, TrustDomainMatch,
};
pub use workload::{Mesh, Profile, ProviderKind, UnknownProfile, UnknownProviderKind, Workload};

// The README's programs are tests too.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}
