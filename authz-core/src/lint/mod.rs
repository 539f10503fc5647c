//! What is accepted everywhere and probably not meant: dead rules, rules that grew, gaps that plaintext slips through.

mod contradiction;

use self::contradiction::contradiction;
use crate::finding::{Finding, FindingKind, Reporter};
use crate::policy::{AuthorizationPolicy, Clause, Effect, EffectiveMtls, Patterns, PeerAuthentication, Rule, Scope, Term};
use crate::resource::{Action, Mode};
use crate::select::{effective_mtls, is_older};
use crate::value::{Labels, Location, PolicyId, StringMatch};
use crate::workload::{Mesh, Workload};

/// Reports what stands out in a whole set of policies.
pub(crate) fn lint(
    policies: &[AuthorizationPolicy],
    peer_authentications: &[PeerAuthentication],
    mesh: &Mesh,
    reporter: &mut Reporter,
) {
    let mut lint = Lint { policies, peer_authentications, mesh, reporter };
    for policy in policies {
        lint.policy(policy);
    }
    lint.peer_authentications();
}

struct Lint<'l> {
    policies: &'l [AuthorizationPolicy],
    peer_authentications: &'l [PeerAuthentication],
    mesh: &'l Mesh,
    reporter: &'l mut Reporter,
}

impl Lint<'_> {
    fn policy(&mut self, policy: &AuthorizationPolicy) {
        if let Scope::Targets(_) = &policy.scope {
            self.report(
                FindingKind::TargetsGateway,
                &policy.id,
                policy.id.location(),
                "the policy holds for the gateway that it targets, and for no other workload".into(),
                None,
            );
        }
        if policy.action == Action::Custom {
            self.several_providers(policy);
        }
        let mtls = self.mtls_of_scope(policy);
        for rule in &policy.rules {
            self.http(policy, rule);
            self.never_matches(policy, rule);
            if rule.effect.is_enforced() && plaintext_reaches(&mtls, rule) {
                self.plaintext(policy, rule);
            }
        }
    }

    fn report(&mut self, kind: FindingKind, policy: &PolicyId, location: &Location, message: String, help: Option<&str>) {
        self.reporter.add(Finding {
            kind,
            location: location.clone(),
            resource: Some(policy.to_string()),
            path: String::new(),
            message,
            help: help.map(str::to_owned),
            fix: None,
        });
    }

    fn report_rule(&mut self, kind: FindingKind, rule: &Rule, location: Location, message: String, help: &str) {
        self.reporter.add(Finding {
            kind,
            location,
            resource: Some(rule.id.policy().to_string()),
            path: format!("spec.rules[{}]", rule.id.index()),
            message,
            help: Some(help.to_owned()),
            fix: None,
        });
    }

    fn http(&mut self, policy: &AuthorizationPolicy, rule: &Rule) {
        if let Effect::HttpOnly(key, span) = &rule.effect {
            self.report_rule(
                FindingKind::HttpFieldInAllow,
                rule,
                rule.id.location().at(*span),
                format!("`{key}` exists in HTTP requests only; on TCP this ALLOW rule matches nothing"),
                "write a rule for TCP with `ports`, or remove the HTTP field",
            );
        }
        let dropped = rule.clauses().flat_map(|clause| &clause.http).min_by_key(|term| term.span);
        if let (true, Some(term)) = (rule.effect.is_enforced(), dropped) {
            let rest = if rule.matches_everything() { "every connection" } else { "what its other fields match" };
            self.report_rule(
                FindingKind::RuleWidened,
                rule,
                rule.id.location().at(term.span),
                format!("`{}` exists in HTTP requests only; on TCP this {} rule matches {rest}", term.key, policy.action),
                "name the ports that speak HTTP in `to.operation.ports`",
            );
        }
    }

    fn never_matches(&mut self, policy: &AuthorizationPolicy, rule: &Rule) {
        if !rule.effect.is_enforced() {
            return;
        }
        if let Some((term, why)) = contradiction(rule) {
            let message = format!("this {} rule never matches: {why}", policy.action);
            let location = rule.id.location().at(term.span);
            self.report_rule(FindingKind::RuleNeverMatches, rule, location, message, "remove one of the two");
        }
    }

    /// What a peer without identity makes of a rule that asks for one.
    fn plaintext(&mut self, policy: &AuthorizationPolicy, rule: &Rule) {
        let terms = || rule.clauses().flat_map(|clause| &clause.terms);
        let wanted = terms().find(|term| !term.is_negative && term.patterns.is_identity());
        match (policy.action, wanted) {
            (Action::Deny, Some(term)) if !self.denies_plaintext(policy) => self.report_rule(
                FindingKind::DenyMissesPlaintext,
                rule,
                rule.id.location().at(term.span),
                format!(
                    "`{}` needs an identity, and a peer that comes in plaintext has none and slips past this DENY rule",
                    term.key
                ),
                "add a rule with `notPrincipals: [\"*\"]`, or a STRICT PeerAuthentication",
            ),
            (Action::Allow, Some(term)) => self.report_rule(
                FindingKind::IdentityNeedsMtls,
                rule,
                rule.id.location().at(term.span),
                format!(
                    "`{}` needs an identity; peers that come in plaintext have none and are not allowed by this rule",
                    term.key
                ),
                "nothing to do if that is meant; a STRICT PeerAuthentication says so",
            ),
            (Action::Allow, None) => {
                // `notPrincipals: ["*"]` asks for plaintext on purpose.
                let excluding =
                    terms().find(|term| term.is_negative && term.patterns.is_identity() && !excludes_every_identity(term));
                if let Some(term) = excluding {
                    self.report_rule(
                        FindingKind::AllowAdmitsPlaintext,
                        rule,
                        rule.id.location().at(term.span),
                        format!("`{}` excludes identities, and a peer that comes in plaintext has none: it is allowed", term.key),
                        "add `principals: [\"*\"]` beside it, or a STRICT PeerAuthentication",
                    );
                }
            }
            (Action::Deny | Action::Audit | Action::Custom, _) => {}
        }
    }

    /// Whether a DENY policy of the same scope, or a wider one, keeps out peers without identity.
    fn denies_plaintext(&self, policy: &AuthorizationPolicy) -> bool {
        let namespace = policy.id.name().namespace();
        let denies = |rule: &Rule| {
            let only =
                |clause: &Clause| matches!(clause.terms.as_slice(), [term] if term.is_negative && excludes_every_identity(term));
            rule.effect.is_enforced() && rule.from.iter().any(only) && rule.to.is_empty() && rule.when.terms.is_empty()
        };
        let covers = |other: &AuthorizationPolicy| {
            let own = other.id.name().namespace();
            let labels = |scope: &Scope| match scope {
                Scope::Workloads(labels) => labels.clone(),
                Scope::Targets(_) => Some(Labels::from_iter([("", "")])),
            };
            let wanted = labels(&other.scope).filter(|labels| !labels.is_empty());
            (own == namespace || own == self.mesh.root_namespace) && (wanted.is_none() || wanted == labels(&policy.scope))
        };
        self.policies
            .iter()
            .any(|other| other.action == Action::Deny && !other.is_dry_run && covers(other) && other.rules.iter().any(denies))
    }

    /// The modes of a workload that has what the policy selects, and nothing else.
    fn mtls_of_scope(&self, policy: &AuthorizationPolicy) -> EffectiveMtls {
        let namespace = policy.id.name().namespace();
        // A policy of the root namespace reaches namespaces of which only the mesh's mode is known.
        let namespace = if namespace == self.mesh.root_namespace { "" } else { namespace };
        let labels = match &policy.scope {
            Scope::Workloads(Some(labels)) => labels.clone(),
            Scope::Workloads(None) | Scope::Targets(_) => Labels::default(),
        };
        effective_mtls(self.peer_authentications, &Workload::new(namespace).with_labels(labels), self.mesh)
    }

    fn several_providers(&mut self, policy: &AuthorizationPolicy) {
        if self.mesh.multiple_custom_providers {
            return;
        }
        let namespace = policy.id.name().namespace();
        let root = self.mesh.root_namespace.as_str();
        let other = self.policies.iter().find(|other| {
            let own = other.id.name().namespace();
            other.action == Action::Custom
                && other.provider != policy.provider
                && (own == namespace || own == root || namespace == root)
        });
        if let Some(other) = other {
            let message = format!(
                "`{}` asks provider `{}`, and this policy `{}`: where both apply, what the rules of either match is denied",
                other.id, other.provider, policy.provider
            );
            self.report(FindingKind::SeveralProviders, &policy.id, policy.id.location(), message, Some("use one provider"));
        }
    }

    fn peer_authentications(&mut self) {
        for policy in self.peer_authentications {
            let name = policy.id.name();
            if policy.selector.is_some() && name.namespace() == self.mesh.root_namespace {
                self.report(
                    FindingKind::IgnoredPeerAuthentication,
                    &policy.id,
                    policy.id.location(),
                    "Istio ignores a PeerAuthentication with a selector in the root namespace".into(),
                    Some("move it to the namespace of the workloads, or remove the selector"),
                );
                continue;
            }
            let same_scope = |other: &&PeerAuthentication| {
                other.id != policy.id && other.id.name().namespace() == name.namespace() && other.selector == policy.selector
            };
            if let Some(older) = self.peer_authentications.iter().filter(same_scope).find(|other| is_older(other, policy)) {
                let message =
                    format!("`{}` ({}) has the same scope, is older and wins, whatever its mode", older.id, older.id.location());
                self.report(FindingKind::ShadowedPeerAuthentication, &policy.id, policy.id.location(), message, Some("keep one"));
            }
        }
    }
}

fn excludes_every_identity(term: &Term) -> bool {
    matches!(&term.patterns, Patterns::Principal(patterns) if patterns.iter().any(|pattern| *pattern.pattern() == StringMatch::Presence))
}

/// Whether plaintext gets past the mTLS mode to a port that the rule concerns.
fn plaintext_reaches(mtls: &EffectiveMtls, rule: &Rule) -> bool {
    let ports: Option<Vec<u16>> = if rule.to.is_empty() {
        None
    } else {
        let of_clause = |clause: &Clause| {
            clause.terms.iter().find_map(|term| match &term.patterns {
                Patterns::DestinationPort(ports) if !term.is_negative => {
                    Some(ports.iter().map(|port| port.number()).collect::<Vec<_>>())
                }
                _ => None,
            })
        };
        rule.to.iter().map(of_clause).collect::<Option<Vec<_>>>().map(|ports| ports.concat())
    };
    match ports {
        Some(ports) => ports.into_iter().any(|port| mtls.of_port(port).mode != Mode::Strict),
        None => mtls.other.mode != Mode::Strict || mtls.ports.iter().any(|(_, mtls)| mtls.mode != Mode::Strict),
    }
}
