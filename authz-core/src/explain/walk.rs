//! The whole walk: every policy that applies, every rule, and where each rule failed.

use super::evaluate::{Identities, MtlsOutcome, mtls};
use super::found::found;
use super::nearest::{NearMiss, nearest};
use crate::connection::Connection;
use crate::decision::{Decision, Reason};
use crate::fact::Fact;
use crate::policy::{Clause, Effect, Rule, Term};
use crate::resource::{Action, Mode};
use crate::select::{Applies, Selection};
use crate::truth::Truth;
use crate::value::{Location, PolicyId, RuleId};
use crate::workload::Mesh;

/// A decision with the way to it. Printed, it is text for people; serialized, it is for machines.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload};
///
/// let text = "
/// apiVersion: security.istio.io/v1
/// kind: AuthorizationPolicy
/// metadata: {name: tcp-policy, namespace: foo}
/// spec:
///   rules:
///   - to:
///     - operation: {ports: ['9000', '9001']}
/// ";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:9002".parse()?).plaintext());
/// assert_eq!(
///     explanation.nearest[0].to_string(),
///     "would be allowed if destination.port were 9000 or 9001; it is 9002 (foo/tcp-policy rule 0, <text>:7:5)",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct Explanation<'a> {
    /// The decision, found by walking.
    pub decision: Decision<'a>,
    /// What the port's mTLS mode said.
    pub mtls: MtlsStep<'a>,
    /// The policies that apply, in the order in which they are asked: CUSTOM, AUDIT, DENY, ALLOW.
    pub policies: Vec<PolicyStep<'a>>,
    /// The policies that do not apply to the workload.
    pub passed_over: Vec<PassedOver<'a>>,
    /// For a connection that no ALLOW rule matches: what would have to differ, fewest facts first.
    pub nearest: Vec<NearMiss<'a>>,
}

/// The mTLS mode of the connection's port.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload, Mode};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// assert_eq!(explanation.mtls.mode, Some(Mode::Permissive));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct MtlsStep<'a> {
    /// `STRICT`, `PERMISSIVE` or `DISABLE`; nothing where the port is unknown and its modes differ.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub mode: Option<Mode>,
    /// The PeerAuthentication that set it; nothing where it is the default.
    #[cfg_attr(feature = "serde", serde(serialize_with = "policy_name"))]
    pub policy: Option<&'a PolicyId>,
    /// Whether the connection gets past it; nothing where that is not known yet.
    pub passes: Option<bool>,
}

/// A policy that applies.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload, Applies};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// assert_eq!(explanation.policies[0].applies, Applies::Namespace);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct PolicyStep<'a> {
    /// Which policy.
    #[cfg_attr(feature = "serde", serde(serialize_with = "policy_name"))]
    pub policy: Option<&'a PolicyId>,
    /// What it orders.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub action: Option<Action>,
    /// Why it applies.
    pub applies: Applies,
    /// Whether it is only tried out.
    pub dry_run: bool,
    /// Its rules. An empty list never matches.
    pub rules: Vec<RuleStep<'a>>,
}

/// A rule of a policy that applies.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// assert_eq!(explanation.policies[0].rules[0].rule.to_string(), "foo/a rule 0");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct RuleStep<'a> {
    /// Which rule.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub rule: &'a RuleId,
    /// What became of it.
    pub outcome: RuleOutcome,
    /// HTTP attributes that TCP has not, and that were therefore dropped from the rule.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub dropped: Vec<String>,
}

/// What became of a rule.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload, RuleOutcome};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// assert!(matches!(explanation.policies[0].rules[0].outcome, RuleOutcome::Fails { part: "to", .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase", tag = "result"))]
pub enum RuleOutcome {
    /// It matches.
    Matches,
    /// It does not: for each alternative of the first part that failed, its first term that does not
    /// hold.
    Fails {
        /// The part: `from`, `to` or `when`.
        part: &'static str,
        /// The terms, one for each entry of the part.
        terms: Vec<FailedTerm>,
    },
    /// It takes facts that are unknown.
    Undecided {
        /// Their names.
        needs: Vec<&'static str>,
    },
    /// It can match nothing on this data plane.
    Void {
        /// Why.
        why: String,
        /// What makes it so.
        location: Location,
    },
}

/// A term that a connection does not meet.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload, RuleOutcome};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// let RuleOutcome::Fails { terms, .. } = &explanation.policies[0].rules[0].outcome else { panic!() };
/// assert_eq!((terms[0].key.as_str(), terms[0].found.as_str()), ("ports", "81"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct FailedTerm {
    /// The field or key, as written.
    pub key: String,
    /// Where it is written.
    pub location: Location,
    /// Whether the values are those to be kept out.
    pub negative: bool,
    /// The values of the policy.
    pub values: Vec<String>,
    /// The value of the connection.
    pub found: String,
}

/// A policy that does not apply to the workload.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Workload, Applies};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: a, namespace: foo},
///              spec: {rules: [{to: [{operation: {ports: ['80']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("bar"));
/// let explanation = authorizer.explain(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:81".parse()?));
/// assert_eq!(explanation.passed_over[0].applies, Applies::OtherNamespace);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "camelCase"))]
pub struct PassedOver<'a> {
    /// Which policy.
    #[cfg_attr(feature = "serde", serde(serialize_with = "policy_name"))]
    pub policy: Option<&'a PolicyId>,
    /// Why it does not apply.
    pub applies: Applies,
}

#[cfg(feature = "serde")]
fn policy_name<S: serde::Serializer>(policy: &Option<&PolicyId>, serializer: S) -> Result<S::Ok, S::Error> {
    as_text(policy, serializer)
}

#[cfg(feature = "serde")]
fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_none(),
    }
}

/// Walks everything.
pub(crate) fn explain<'a>(
    selection: &'a Selection,
    mesh: &'a Mesh,
    connection: &Connection<'_>,
    decision: Decision<'a>,
) -> Explanation<'a> {
    let peer = Identities::of(connection);
    let policies = selection.policies.iter().map(|(applies, policy)| PolicyStep {
        policy: Some(&*policy.id),
        action: Some(policy.action),
        applies: *applies,
        dry_run: policy.is_dry_run,
        rules: policy.rules.iter().chain(&policy.widened).map(|rule| rule_step(rule, connection, peer)).collect(),
    });
    let nearest = match decision.reason() {
        Reason::NoAllowMatch => nearest(selection, mesh, connection),
        _ => Vec::new(),
    };
    Explanation {
        mtls: mtls_step(selection, connection),
        policies: policies.collect(),
        passed_over: selection.passed_over(mesh).map(|(applies, policy)| PassedOver { policy: Some(policy), applies }).collect(),
        nearest,
        decision,
    }
}

fn mtls_step<'a>(selection: &'a Selection, connection: &Connection<'_>) -> MtlsStep<'a> {
    let of_port = match connection.port() {
        Fact::Known(port) => Some(selection.mtls.of_port(port)),
        Fact::Unknown | Fact::Absent => selection.mtls.of_all_ports(),
    };
    MtlsStep {
        mode: of_port.map(|mtls| mtls.mode),
        policy: of_port.and_then(|mtls| mtls.policy.as_deref()),
        passes: match mtls(selection, connection) {
            MtlsOutcome::Passes => Some(true),
            MtlsOutcome::Denies(_) => Some(false),
            MtlsOutcome::Undecided(_) => None,
        },
    }
}

fn rule_step<'a>(rule: &'a Rule, connection: &Connection<'_>, peer: Identities<'_>) -> RuleStep<'a> {
    let dropped = if rule.effect.is_enforced() {
        rule.clauses().flat_map(|clause| &clause.http).map(|term| term.key.to_string()).collect()
    } else {
        Vec::new()
    };
    let outcome = match (&rule.effect, rule.matches(connection, peer)) {
        (Effect::HttpOnly(key, span), _) => RuleOutcome::Void {
            why: format!("`{key}` exists in HTTP requests only, so on TCP this ALLOW rule matches nothing"),
            location: rule.id.location().at(*span),
        },
        (Effect::Unreadable, _) => RuleOutcome::Void {
            why: "something in this ALLOW rule could not be read, so it matches nothing".into(),
            location: rule.id.location().clone(),
        },
        (Effect::Null, _) => RuleOutcome::Void { why: "the rule is null".into(), location: rule.id.location().clone() },
        (Effect::Enforced, Truth::True) => RuleOutcome::Matches,
        (Effect::Enforced, Truth::Unknown(needs)) => RuleOutcome::Undecided { needs: needs.names().collect() },
        (Effect::Enforced, Truth::False) => failure(rule, connection, peer),
    };
    RuleStep { rule: &rule.id, outcome, dropped }
}

/// The first part of a rule that fails, and in each of its entries the first term that does not hold.
fn failure(rule: &Rule, connection: &Connection<'_>, peer: Identities<'_>) -> RuleOutcome {
    let first_failed = |clause: &Clause| {
        clause
            .terms
            .iter()
            .find(|term| term.holds(connection, peer) == Truth::False)
            .map(|term| failed_term(term, rule, connection))
    };
    let fails =
        |clauses: &[Clause]| !clauses.is_empty() && clauses.iter().all(|clause| clause.holds(connection, peer) == Truth::False);
    for (part, clauses) in [("from", &*rule.from), ("to", &*rule.to), ("when", std::slice::from_ref(&rule.when))] {
        if fails(clauses) {
            return RuleOutcome::Fails { part, terms: clauses.iter().filter_map(first_failed).collect() };
        }
    }
    // No part fails for itself where the unknown facts of two of them contradict each other.
    RuleOutcome::Fails { part: "when", terms: Vec::new() }
}

fn failed_term(term: &Term, rule: &Rule, connection: &Connection<'_>) -> FailedTerm {
    FailedTerm {
        key: term.key.to_string(),
        location: rule.id.location().at(term.span),
        negative: term.is_negative,
        values: term.patterns.texts(),
        found: found(&term.patterns, connection),
    }
}
