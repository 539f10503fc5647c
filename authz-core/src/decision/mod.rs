//! What a connection may do and why: a verdict, its reason, and what travels beside it.

use std::fmt;

use crate::fact_set::FactSet;
use crate::value::{PolicyId, RuleId};

/// What happens to a connection.
///
/// `Deny` is the default and, in every representation, the zero.
///
/// ```
/// use authz_core::Verdict;
///
/// assert_eq!(Verdict::default(), Verdict::Deny);
/// assert_eq!(Verdict::Allow.to_string(), "allow");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Verdict {
    /// The connection is closed.
    #[default]
    Deny,
    /// The connection passes.
    Allow,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        })
    }
}

/// Why a connection is allowed or denied; the verdict follows from it.
///
/// Where several rules match, the reported one is the one that Envoy reports: the smallest id in byte
/// order, so `rule[10]` comes before `rule[2]`.
///
/// ```
/// use authz_core::{Reason, Verdict};
///
/// assert_eq!(Reason::NoPolicy.verdict(), Verdict::Allow);
/// assert_eq!(Reason::NoAllowMatch.verdict(), Verdict::Deny);
/// assert_eq!(Reason::NoAllowMatch.code(), "no-allow-match");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// The port takes mesh mTLS only, and the connection is not.
    StrictMtls(&'a PolicyId),
    /// The port does not terminate TLS, so a mesh mTLS client cannot talk to it.
    TlsNotTerminated(&'a PolicyId),
    /// A CUSTOM rule matches whose provider is undefined, or one of several.
    CustomMisconfigured(&'a RuleId),
    /// A CUSTOM rule matches: the provider has to be asked, or has not allowed it.
    CustomProvider(&'a RuleId, &'a str),
    /// A DENY rule matches.
    DenyPolicy(&'a RuleId),
    /// An ALLOW rule matches, and no DENY rule.
    AllowPolicy(&'a RuleId),
    /// No ALLOW policy applies, and no DENY rule matches.
    NoPolicy,
    /// ALLOW policies apply, and none of their rules matches.
    NoAllowMatch,
    /// A fact that is not known yet decides.
    UnknownFact(FactSet),
}

impl<'a> Reason<'a> {
    /// What the reason means for the connection.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::AllowPolicy(_) | Self::NoPolicy => Verdict::Allow,
            Self::StrictMtls(_)
            | Self::TlsNotTerminated(_)
            | Self::CustomMisconfigured(_)
            | Self::CustomProvider(..)
            | Self::DenyPolicy(_)
            | Self::NoAllowMatch
            | Self::UnknownFact(_) => Verdict::Deny,
        }
    }

    /// The stable word for the reason, as suites, JSON and logs spell it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::StrictMtls(_) => "strict-mtls",
            Self::TlsNotTerminated(_) => "tls-not-terminated",
            Self::CustomMisconfigured(_) => "custom-misconfigured",
            Self::CustomProvider(..) => "custom-provider",
            Self::DenyPolicy(_) => "deny-policy",
            Self::AllowPolicy(_) => "allow-policy",
            Self::NoPolicy => "no-policy",
            Self::NoAllowMatch => "no-allow-match",
            Self::UnknownFact(_) => "unknown-fact",
        }
    }

    /// The rule that decided, where one did.
    ///
    /// ```
    /// use authz_core::Reason;
    ///
    /// assert!(Reason::NoAllowMatch.rule().is_none());
    /// ```
    pub fn rule(&self) -> Option<&'a RuleId> {
        match self {
            Self::CustomMisconfigured(rule)
            | Self::CustomProvider(rule, _)
            | Self::DenyPolicy(rule)
            | Self::AllowPolicy(rule) => Some(rule),
            Self::StrictMtls(_) | Self::TlsNotTerminated(_) | Self::NoPolicy | Self::NoAllowMatch | Self::UnknownFact(_) => None,
        }
    }

    /// The policy that decided, where one did.
    ///
    /// ```
    /// use authz_core::Reason;
    ///
    /// assert!(Reason::NoPolicy.policy().is_none());
    /// ```
    pub fn policy(&self) -> Option<&'a PolicyId> {
        match self {
            Self::StrictMtls(policy) | Self::TlsNotTerminated(policy) => Some(policy),
            reason => reason.rule().map(RuleId::policy),
        }
    }
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StrictMtls(policy) => {
                write!(f, "PeerAuthentication {policy} takes mesh mTLS only ({})", policy.location())
            }
            Self::TlsNotTerminated(policy) => {
                write!(
                    f,
                    "PeerAuthentication {policy} switches mTLS off, so a mesh mTLS client cannot connect ({})",
                    policy.location()
                )
            }
            Self::CustomMisconfigured(rule) => {
                write!(f, "CUSTOM policy {rule} matches, and its provider is undefined or not the only one ({})", rule.location())
            }
            Self::CustomProvider(rule, provider) => {
                write!(f, "CUSTOM policy {rule} matches: provider `{provider}` has to allow it ({})", rule.location())
            }
            Self::DenyPolicy(rule) => write!(f, "DENY policy {rule} matches ({})", rule.location()),
            Self::AllowPolicy(rule) => write!(f, "ALLOW policy {rule} matches ({})", rule.location()),
            Self::NoPolicy => f.write_str("no ALLOW policy applies and no DENY rule matches"),
            Self::NoAllowMatch => f.write_str("ALLOW policies apply and none of their rules matches"),
            Self::UnknownFact(needs) => write!(f, "not decided without facts that are unknown: {needs}"),
        }
    }
}

/// What a provider says of a connection, as the host heard it.
///
/// ```
/// use authz_core::ProviderAnswer;
///
/// assert_eq!(ProviderAnswer::default(), ProviderAnswer::Deny);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProviderAnswer {
    /// It refuses, or could not be asked and does not fail open.
    #[default]
    Deny,
    /// It allows, or could not be asked and fails open. The other policies still have their say.
    Allow,
}

/// The most providers that one connection can wait for; more count as misconfigured.
pub(crate) const MAX_PROVIDERS: usize = 4;

/// The providers whose rules match, in the order in which they are asked.
pub(crate) type Providers<'a> = [Option<(&'a RuleId, &'a str)>; MAX_PROVIDERS];

/// What dry-run policies of one action say.
///
/// ```
/// use authz_core::Shadow;
///
/// assert!(Shadow::NotConfigured.result().is_none());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shadow<'a> {
    /// No such policy applies.
    #[default]
    NotConfigured,
    /// They would allow it: a dry-run ALLOW rule matches, or no dry-run DENY rule does.
    Allowed(Option<&'a RuleId>),
    /// They would deny it: a dry-run DENY rule matches, or no dry-run ALLOW rule does.
    Denied(Option<&'a RuleId>),
    /// It takes a fact that is unknown.
    Unknown(FactSet),
}

impl<'a> Shadow<'a> {
    /// `allowed` or `denied`, as Envoy names shadow results.
    pub fn result(&self) -> Option<&'static str> {
        match self {
            Self::NotConfigured | Self::Unknown(_) => None,
            Self::Allowed(_) => Some("allowed"),
            Self::Denied(_) => Some("denied"),
        }
    }

    /// The rule that matches.
    ///
    /// ```
    /// use authz_core::Shadow;
    ///
    /// assert!(Shadow::Denied(None).rule().is_none());
    /// ```
    pub fn rule(&self) -> Option<&'a RuleId> {
        match self {
            Self::Allowed(rule) | Self::Denied(rule) => *rule,
            Self::NotConfigured | Self::Unknown(_) => None,
        }
    }
}

/// What the dry-run policies say, beside a decision that they do not change.
///
/// `allow` and `deny` are the two results that Envoy publishes; they are never combined with each
/// other or with enforced policies there. `if_enforced` is: what the decision would be if every
/// dry-run policy were enforced.
///
/// ```
/// use authz_core::{DryRunResults, Shadow};
///
/// let none = DryRunResults { allow: Shadow::NotConfigured, deny: Shadow::NotConfigured, if_enforced: None };
/// assert!(none.is_empty());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DryRunResults<'a> {
    /// The dry-run ALLOW policies.
    pub allow: Shadow<'a>,
    /// The dry-run DENY policies.
    pub deny: Shadow<'a>,
    /// The decision if they were enforced; nothing where there are none.
    pub if_enforced: Option<Reason<'a>>,
}

impl DryRunResults<'_> {
    /// Whether no dry-run policy applies.
    pub fn is_empty(&self) -> bool {
        self.if_enforced.is_none()
    }
}

impl fmt::Display for DryRunResults<'_> {
    /// A line for each action that has dry-run policies, and one for all of them together.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(if_enforced) = self.if_enforced else { return Ok(()) };
        for (action, shadow) in [("DENY", self.deny), ("ALLOW", self.allow)] {
            match shadow {
                Shadow::NotConfigured => {}
                Shadow::Allowed(rule) | Shadow::Denied(rule) => {
                    write!(f, "dry run of {action} policies: {}", shadow.result().unwrap_or_default())?;
                    match rule {
                        Some(rule) => writeln!(f, " by {rule} ({})", rule.location())?,
                        None => writeln!(f, ", no rule matches")?,
                    }
                }
                Shadow::Unknown(needs) => writeln!(f, "dry run of {action} policies: not decided without {needs}")?,
            }
        }
        writeln!(f, "if the dry-run policies were enforced: {}: {if_enforced}", if_enforced.verdict())
    }
}

/// The decision about one connection.
///
/// ```
/// use authz_core::{Connection, Mesh, PolicySet, Verdict, Workload};
///
/// let policies = PolicySet::from_yaml("{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: allow-nothing, namespace: foo}}", &Mesh::default())?;
/// let authorizer = policies.authorizer_for(&Workload::new("foo"));
/// let decision = authorizer.decide(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:80".parse()?));
/// assert_eq!(decision.verdict(), Verdict::Deny);
/// assert_eq!(decision.to_string(), "deny: ALLOW policies apply and none of their rules matches");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a decision that nobody reads protects nothing"]
pub struct Decision<'a> {
    /// What DENY and ALLOW policies say.
    tail: Reason<'a>,
    /// Most workloads have nothing beside them, which then takes no time to write down.
    beside: Option<Beside<'a>>,
}

/// What there may be beside DENY and ALLOW policies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Beside<'a> {
    /// What decides before any policy: mTLS modes, broken CUSTOM policies, facts that are missing.
    pub(crate) head: Option<Reason<'a>>,
    pub(crate) providers: Providers<'a>,
    /// What DENY and ALLOW policies would say if dry-run policies were enforced; nothing where there are none.
    pub(crate) shadow_tail: Option<Reason<'a>>,
    pub(crate) shadow_allow: Shadow<'a>,
    pub(crate) shadow_deny: Shadow<'a>,
    pub(crate) audit: Option<&'a RuleId>,
}

impl<'a> Decision<'a> {
    /// What DENY and ALLOW policies say, and what is beside it.
    pub(crate) fn new(tail: Reason<'a>, beside: Beside<'a>) -> Self {
        Self { tail, beside: Some(beside).filter(|beside| *beside != Beside::default()) }
    }

    /// A decision with nothing beside it.
    #[inline]
    pub(crate) fn only(reason: Reason<'a>) -> Self {
        Self { tail: reason, beside: None }
    }

    /// Whether the connection may pass.
    #[inline]
    pub fn verdict(&self) -> Verdict {
        self.reason().verdict()
    }

    /// Why.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Reason, Workload};
    ///
    /// let authorizer = PolicySet::from_yaml("", &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let decision = authorizer.decide(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:80".parse()?));
    /// assert_eq!(decision.reason(), Reason::NoPolicy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn reason(&self) -> Reason<'a> {
        match &self.beside {
            None => self.tail,
            Some(beside) => beside.reason_with(self.tail),
        }
    }

    /// The provider that has to be asked, and what is decided if it allows.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, ProviderAnswer, ProviderKind, Verdict, Workload};
    ///
    /// let mesh = Mesh { extension_providers: [("opa".into(), ProviderKind::Grpc)].into(), ..Mesh::default() };
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: ask, namespace: foo},
    ///              spec: {action: CUSTOM, provider: {name: opa}, rules: [{}]}}";
    /// let authorizer = PolicySet::from_yaml(text, &mesh)?.authorizer_for(&Workload::new("foo"));
    /// let decision = authorizer.decide(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:80".parse()?));
    /// assert_eq!(decision.verdict(), Verdict::Deny);
    /// assert_eq!(decision.provider(), Some("opa"));
    /// assert_eq!(decision.with_provider(ProviderAnswer::Allow).verdict(), Verdict::Allow);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn provider(&self) -> Option<&'a str> {
        let Beside { head: None, providers: [pending, ..], .. } = self.beside.as_ref()? else { return None };
        pending.map(|(_, provider)| provider)
    }

    /// The decision once the provider has answered.
    ///
    /// A provider that allows hands on to the next one, or to the DENY and ALLOW policies: it never
    /// overrides them. A decision that waits for no provider stays as it is.
    pub fn with_provider(self, answer: ProviderAnswer) -> Self {
        let Some(mut beside) = self.beside.filter(|_| self.provider().is_some()) else { return self };
        match answer {
            ProviderAnswer::Deny => beside.head = Some(self.reason()),
            ProviderAnswer::Allow => {
                beside.providers.rotate_left(1);
                if let Some(last) = beside.providers.last_mut() {
                    *last = None;
                }
            }
        }
        Self::new(self.tail, beside)
    }

    /// The AUDIT rule that matches, if one does. It never changes the verdict.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Workload};
    ///
    /// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: watch, namespace: foo}, spec: {action: AUDIT, rules: [{}]}}";
    /// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let decision = authorizer.decide(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:80".parse()?));
    /// assert_eq!(decision.audit().unwrap().to_string(), "foo/watch rule 0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn audit(&self) -> Option<&'a RuleId> {
        self.beside.as_ref()?.audit
    }

    /// What the dry-run policies say.
    ///
    /// ```
    /// use authz_core::{Connection, Mesh, PolicySet, Verdict, Workload};
    ///
    /// let text = r#"{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy,
    ///   metadata: {name: try, namespace: foo, annotations: {istio.io/dry-run: "true"}}, spec: {action: DENY, rules: [{}]}}"#;
    /// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
    /// let decision = authorizer.decide(&Connection::new("10.0.0.1".parse()?, "10.0.0.2:80".parse()?));
    /// assert_eq!(decision.verdict(), Verdict::Allow);
    /// assert_eq!(decision.dry_run().deny.result(), Some("denied"));
    /// assert_eq!(decision.dry_run().if_enforced.unwrap().verdict(), Verdict::Deny);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn dry_run(&self) -> DryRunResults<'a> {
        let Some(beside) = &self.beside else {
            return DryRunResults { allow: Shadow::NotConfigured, deny: Shadow::NotConfigured, if_enforced: None };
        };
        DryRunResults {
            allow: beside.shadow_allow,
            deny: beside.shadow_deny,
            if_enforced: beside.shadow_tail.map(|tail| beside.reason_with(tail)),
        }
    }
}

impl<'a> Beside<'a> {
    fn reason_with(&self, tail: Reason<'a>) -> Reason<'a> {
        let [provider, ..] = self.providers;
        let pending = provider.map(|(rule, provider)| Reason::CustomProvider(rule, provider));
        self.head.or(pending).unwrap_or(tail)
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.verdict(), self.reason())?;
        match self.provider() {
            Some(_) => write!(f, "; if it does: {}", self.with_provider(ProviderAnswer::Allow)),
            None => Ok(()),
        }
    }
}

/// What can be said before every fact is known.
///
/// ```
/// use authz_core::{Connection, EarlyDecision, FactSet, Mesh, PolicySet, Workload};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {name: p, namespace: foo},
///              spec: {action: DENY, rules: [{from: [{source: {notNamespaces: [foo]}}], to: [{operation: {ports: ['22']}}]}]}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// let to = |port: &str| Connection::new("10.0.0.1".parse().unwrap(), port.parse().unwrap());
/// // Whether the port 22 may be reached depends on the peer; no other port does.
/// assert!(matches!(authorizer.decide_early(&to("10.0.0.2:80")), EarlyDecision::Decided(_)));
/// match authorizer.decide_early(&to("10.0.0.2:22")) {
///     EarlyDecision::Undetermined { needs } => assert!(needs.contains(FactSet::PEER)),
///     EarlyDecision::Decided(_) => unreachable!(),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use = "a decision that nobody reads protects nothing"]
#[expect(clippy::large_enum_variant, reason = "returned by value and looked at at once; a box would allocate")]
pub enum EarlyDecision<'a> {
    /// Not to be decided without some of these facts. Never to be treated as an answer.
    Undetermined {
        /// The facts that rules which may still decide ask for.
        needs: FactSet,
    },
    /// Whatever the unknown facts turn out to be, the verdict is this one. The rule that is reported
    /// in the end may be another with the same verdict.
    Decided(Decision<'a>),
}

impl<'a> EarlyDecision<'a> {
    /// The decision if nothing more will be known: what is undetermined is denied, with [`Reason::UnknownFact`].
    ///
    /// ```
    /// use authz_core::{EarlyDecision, FactSet, Verdict};
    ///
    /// let decision = EarlyDecision::Undetermined { needs: FactSet::PEER }.or_deny();
    /// assert_eq!((decision.verdict(), decision.reason().code()), (Verdict::Deny, "unknown-fact"));
    /// ```
    pub fn or_deny(self) -> Decision<'a> {
        match self {
            Self::Decided(decision) => decision,
            Self::Undetermined { needs } => Decision::only(Reason::UnknownFact(needs)),
        }
    }
}

#[cfg(feature = "serde")]
mod json;
