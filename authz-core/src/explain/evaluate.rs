//! The algorithm of the reference, step by step, over policies as meant.

use crate::connection::Connection;
use crate::decision::{Beside, Decision, MAX_PROVIDERS, Providers, Reason, Shadow, Verdict};
use crate::fact::{Fact, Transport};
use crate::fact_set::FactSet;
use crate::peer::Principals;
use crate::policy::{AuthorizationPolicy, Clause, Patterns, PortMtls, Rule, Term};
use crate::resource::{Action, Mode};
use crate::select::Selection;
use crate::sort::sort;
use crate::truth::Truth;
use crate::value::RuleId;
use crate::workload::{Mesh, ProviderKind};

/// The peer's identities as policies may see them: none on a transport that is not mesh mTLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identities<'c>(Fact<Principals<'c>>);

impl<'c> Identities<'c> {
    pub(crate) fn of(connection: &Connection<'c>) -> Self {
        Self(match connection.transport_fact() {
            Fact::Unknown => Fact::Unknown,
            Fact::Absent | Fact::Known(Transport::Plaintext | Transport::Tls) => Fact::Absent,
            Fact::Known(Transport::MeshMtls) => connection.principals_fact(),
        })
    }

    /// Whether one of them matches.
    fn any(self, matches: impl Fn(&str) -> bool) -> Truth {
        Truth::of(self.0, FactSet::PEER, |identities| identities.iter().any(matches))
    }
}

impl Term {
    /// Whether a connection has what the term asks for.
    pub(crate) fn holds(&self, connection: &Connection<'_>, peer: Identities<'_>) -> Truth {
        let matches = match &self.patterns {
            Patterns::SourceIp(blocks) => {
                Truth::of(connection.source(), FactSet::SOURCE_IP, |ip| blocks.iter().any(|block| block.contains(ip)))
            }
            Patterns::RemoteIp(blocks) => {
                Truth::of(connection.remote(), FactSet::REMOTE_IP, |ip| blocks.iter().any(|block| block.contains(ip)))
            }
            Patterns::DestinationIp(blocks) => {
                Truth::of(connection.destination(), FactSet::DESTINATION_IP, |ip| blocks.iter().any(|block| block.contains(ip)))
            }
            Patterns::DestinationPort(ports) => {
                Truth::of(connection.port(), FactSet::DESTINATION_PORT, |port| ports.contains(&port.into()))
            }
            Patterns::Principal(patterns) => peer.any(|identity| patterns.iter().any(|p| p.matches(identity))),
            Patterns::Namespace(patterns) => peer.any(|identity| patterns.iter().any(|p| p.matches(identity))),
            Patterns::ServiceAccount(patterns) => peer.any(|identity| patterns.iter().any(|p| p.matches(identity))),
            Patterns::TrustDomain(patterns) => peer.any(|identity| patterns.iter().any(|p| p.matches(identity))),
            Patterns::Sni(patterns) => {
                Truth::of(connection.server_name(), FactSet::SNI, |sni| patterns.iter().any(|p| p.matches(sni)))
            }
            Patterns::Metadata(key, patterns) => {
                Truth::of(connection.metadata_value(key), FactSet::METADATA, |value| patterns.iter().any(|p| p.matches(&value)))
            }
        };
        if self.is_negative { !matches } else { matches }
    }
}

impl Clause {
    /// Whether all terms hold.
    pub(crate) fn holds(&self, connection: &Connection<'_>, peer: Identities<'_>) -> Truth {
        Truth::all(self.terms.iter().map(|term| term.holds(connection, peer)))
    }
}

impl Rule {
    /// Whether the rule matches: one of `from`, one of `to`, and all of `when`.
    pub(crate) fn matches(&self, connection: &Connection<'_>, peer: Identities<'_>) -> Truth {
        if !self.effect.is_enforced() {
            return Truth::False;
        }
        let one_of = |clauses: &[Clause]| {
            if clauses.is_empty() { Truth::True } else { Truth::any(clauses.iter().map(|clause| clause.holds(connection, peer))) }
        };
        one_of(&self.from).and(|| one_of(&self.to)).and(|| self.when.holds(connection, peer))
    }
}

/// Whether a rule of these policies matches, and of those that do the one with the smallest id.
#[derive(Clone, Copy, Debug)]
struct Matched<'a> {
    truth: Truth,
    rule: Option<&'a RuleId>,
}

fn matched<'a>(
    policies: impl Iterator<Item = &'a AuthorizationPolicy>,
    connection: &Connection<'_>,
    peer: Identities<'_>,
) -> Matched<'a> {
    let policies: Vec<&AuthorizationPolicy> = policies.collect();
    let whole = first(policies.iter().flat_map(|policy| &policy.rules), connection, peer);
    if whole.truth == Truth::True {
        return whole;
    }
    // What rules match that lost a value counts only where no rule that is whole does.
    let widened = first(policies.iter().flat_map(|policy| &policy.widened), connection, peer);
    Matched { truth: whole.truth.or(|| widened.truth), rule: widened.rule }
}

fn first<'a>(rules: impl Iterator<Item = &'a Rule>, connection: &Connection<'_>, peer: Identities<'_>) -> Matched<'a> {
    let mut truth = Truth::False;
    let mut best: Option<(String, &RuleId)> = None;
    for rule in rules {
        let matches = rule.matches(connection, peer);
        truth = truth.or(|| matches);
        if matches == Truth::True {
            let id = rule.id.policy().name().rule_id(rule.id.index());
            if best.as_ref().is_none_or(|(smallest, _)| id < *smallest) {
                best = Some((id, &rule.id));
            }
        }
    }
    Matched { truth, rule: best.map(|(_, rule)| rule) }
}

/// What the mTLS mode of the port says, before any policy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum MtlsOutcome<'a> {
    Passes,
    Denies(Reason<'a>),
    Undecided(FactSet),
}

pub(crate) fn mtls<'a>(selection: &'a Selection, connection: &Connection<'_>) -> MtlsOutcome<'a> {
    let of_mode = |mtls: &'a PortMtls| match (mtls.mode, &mtls.policy, connection.transport_fact()) {
        (Mode::Strict | Mode::Disable, _, Fact::Unknown) => MtlsOutcome::Undecided(FactSet::TRANSPORT),
        (Mode::Strict, Some(policy), Fact::Absent | Fact::Known(Transport::Plaintext | Transport::Tls)) => {
            MtlsOutcome::Denies(Reason::StrictMtls(policy))
        }
        (Mode::Disable, Some(policy), Fact::Known(Transport::MeshMtls)) => MtlsOutcome::Denies(Reason::TlsNotTerminated(policy)),
        _ => MtlsOutcome::Passes,
    };
    match connection.port() {
        Fact::Known(port) => of_mode(selection.mtls.of_port(port)),
        Fact::Unknown | Fact::Absent => match selection.mtls.of_all_ports() {
            Some(mtls) => of_mode(mtls),
            None => MtlsOutcome::Undecided(FactSet::DESTINATION_PORT),
        },
    }
}

/// The outcome of the whole algorithm: a decision, or the facts that it still takes.
pub(crate) fn decide<'a>(selection: &'a Selection, mesh: &'a Mesh, connection: &Connection<'_>) -> Result<Decision<'a>, FactSet> {
    let peer = Identities::of(connection);
    let enforced = |action| selection.of(action).filter(|policy| !policy.is_dry_run);
    let shadow = |action| selection.of(action).filter(|policy| policy.is_dry_run);

    // 1. The transport, before any policy.
    let mtls = mtls(selection, connection);
    if let MtlsOutcome::Denies(reason) = mtls {
        return Ok(Decision::only(reason));
    }
    // 2. CUSTOM: whom to ask, or that nobody can be asked.
    let (misconfigured, providers, custom) = custom(selection, mesh, connection, peer);
    // 3. AUDIT: for the record.
    let audit = matched(enforced(Action::Audit), connection, peer);
    // 4. DENY, and 5. ALLOW.
    let deny = matched(enforced(Action::Deny), connection, peer);
    let allow = matched(enforced(Action::Allow), connection, peer);
    let tail = tail(deny, allow, enforced(Action::Allow).count() > 0);

    let shadow_deny = matched(shadow(Action::Deny), connection, peer);
    let shadow_allow = matched(shadow(Action::Allow), connection, peer);
    let has_shadow_allow = shadow(Action::Allow).count() > 0;
    let has_shadow_deny = shadow(Action::Deny).count() > 0;
    let shadow_tail = (has_shadow_allow || has_shadow_deny).then(|| {
        let deny = matched(selection.of(Action::Deny), connection, peer);
        let allow = matched(selection.of(Action::Allow), connection, peer);
        match self::tail(deny, allow, selection.of(Action::Allow).count() > 0) {
            Ok(reason) => reason,
            Err(needs) => Reason::UnknownFact(needs),
        }
    });

    let beside = Beside {
        head: None,
        providers,
        shadow_tail,
        shadow_allow: match shadow_allow.truth {
            _ if !has_shadow_allow => Shadow::NotConfigured,
            Truth::True => Shadow::Allowed(shadow_allow.rule),
            Truth::False => Shadow::Denied(None),
            Truth::Unknown(needs) => Shadow::Unknown(needs),
        },
        shadow_deny: match shadow_deny.truth {
            _ if !has_shadow_deny => Shadow::NotConfigured,
            Truth::True => Shadow::Denied(shadow_deny.rule),
            Truth::False => Shadow::Allowed(None),
            Truth::Unknown(needs) => Shadow::Unknown(needs),
        },
        audit: audit.rule,
    };

    // A certain denial decides, whatever is still unknown before it.
    if let Some(rule) = misconfigured.rule.filter(|_| misconfigured.truth == Truth::True) {
        let head = Some(Reason::CustomMisconfigured(rule));
        return Ok(Decision::new(Reason::NoPolicy, Beside { head, providers: Providers::default(), ..beside }));
    }
    let mut needs = custom;
    if let MtlsOutcome::Undecided(more) = mtls {
        needs |= more;
    }
    if let Truth::Unknown(more) = misconfigured.truth {
        needs |= more;
    }
    // What the mode or a provider may still deny, dry-run policies cannot promise.
    let shadow_tail = shadow_tail
        .map(|tail| if tail.verdict() == Verdict::Allow && !needs.is_empty() { Reason::UnknownFact(needs) } else { tail });
    let beside = Beside { shadow_tail, ..beside };
    match tail {
        Ok(reason) if needs.is_empty() => Ok(Decision::new(reason, beside)),
        Ok(reason @ (Reason::DenyPolicy(_) | Reason::NoAllowMatch)) => {
            Ok(Decision::new(reason, Beside { providers: Providers::default(), ..beside }))
        }
        Ok(_) => Err(needs),
        Err(more) => Err(needs | more),
    }
}

/// What DENY and ALLOW policies say, DENY first.
fn tail<'a>(deny: Matched<'a>, allow: Matched<'a>, has_allow: bool) -> Result<Reason<'a>, FactSet> {
    match (deny.truth, deny.rule) {
        (Truth::True, Some(rule)) => return Ok(Reason::DenyPolicy(rule)),
        (Truth::True | Truth::False, _) => {}
        // Without an ALLOW rule that matches it is a denial either way.
        (Truth::Unknown(_), _) if has_allow && allow.truth == Truth::False => {}
        (Truth::Unknown(needs), _) => {
            let more = match allow.truth {
                Truth::Unknown(more) if has_allow => more,
                _ => FactSet::EMPTY,
            };
            return Err(needs | more);
        }
    }
    match (allow.truth, allow.rule) {
        _ if !has_allow => Ok(Reason::NoPolicy),
        (Truth::True, Some(rule)) => Ok(Reason::AllowPolicy(rule)),
        (Truth::True | Truth::False, _) => Ok(Reason::NoAllowMatch),
        (Truth::Unknown(needs), _) => Err(needs),
    }
}

/// CUSTOM policies: whether a broken one matches, whom to ask, and what it takes to be certain of that.
fn custom<'a>(
    selection: &'a Selection,
    mesh: &'a Mesh,
    connection: &Connection<'_>,
    peer: Identities<'_>,
) -> (Matched<'a>, Providers<'a>, FactSet) {
    let mut names: Vec<&str> = selection.of(Action::Custom).map(|policy| &*policy.provider).collect();
    sort(&mut names);
    names.dedup();
    let several = names.len() > if mesh.multiple_custom_providers { MAX_PROVIDERS } else { 1 };
    let mut misconfigured = Matched { truth: Truth::False, rule: None };
    let mut providers = Providers::default();
    let mut unknown = FactSet::EMPTY;
    let mut free = providers.iter_mut();
    for name in names {
        let of_provider = selection.of(Action::Custom).filter(move |policy| &*policy.provider == name);
        let matched = matched(of_provider, connection, peer);
        match mesh.extension_providers.get(name) {
            Some(ProviderKind::Grpc) if !several => {
                if let (Truth::True, Some(rule)) = (matched.truth, matched.rule)
                    && let Some(slot) = free.next()
                {
                    *slot = Some((rule, name));
                }
                if let Truth::Unknown(needs) = matched.truth {
                    unknown |= needs;
                }
            }
            Some(ProviderKind::Http) if !several => {}
            Some(_) | None => {
                misconfigured.truth = misconfigured.truth.or(|| matched.truth);
                misconfigured.rule = misconfigured.rule.or(matched.rule);
            }
        }
    }
    (misconfigured, providers, unknown)
}
