//! What is accepted everywhere and probably not meant: dead rules, rules that grew, gaps that plaintext slips through.

mod contradiction;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

pub(crate) use self::contradiction::contradiction;
use crate::finding::{Finding, FindingKind, Reporter};
use crate::policy::{
    AuthorizationPolicy, Clause, Effect, EffectiveMtls, Patterns, PeerAuthentication, PortMtls, Rule, Scope, Term,
};
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
    let mut lint = Lint {
        plaintext_denied: policies.iter().filter(|policy| denies_plaintext(policy)).map(scope_of).collect(),
        providers: providers(policies),
        mtls: MtlsByScope::new(peer_authentications),
        mesh,
        reporter,
    };
    for policy in policies {
        lint.policy(policy);
    }
    lint.peer_authentications(peer_authentications);
}

/// Every namespace at once; no namespace has this name.
const ANY: &str = "";

/// A namespace, and the labels that are selected in it.
type ScopeKey<'l> = (&'l str, Option<&'l Labels>);

struct Lint<'l> {
    /// The scopes in which a DENY policy keeps out peers without identity.
    plaintext_denied: HashSet<ScopeKey<'l>>,
    /// By namespace, the CUSTOM policies of different providers: two of them are enough.
    providers: HashMap<&'l str, Vec<&'l AuthorizationPolicy>>,
    mtls: MtlsByScope<'l>,
    mesh: &'l Mesh,
    reporter: &'l mut Reporter,
}

impl<'l> Lint<'l> {
    fn policy(&mut self, policy: &'l AuthorizationPolicy) {
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

    fn report(&mut self, kind: FindingKind, policy: &PolicyId, location: &Location, message: String, help: Option<&'static str>) {
        self.reporter.add(Finding {
            kind,
            location: location.clone(),
            resource: Some(policy.to_string()),
            path: String::new(),
            message,
            help: help.map(Cow::Borrowed),
            fix: None,
        });
    }

    fn report_rule(&mut self, kind: FindingKind, rule: &Rule, location: Location, message: String, help: &'static str) {
        self.reporter.add(Finding {
            kind,
            location,
            resource: Some(rule.id.policy().to_string()),
            path: format!("spec.rules[{}]", rule.id.index()),
            message,
            help: Some(Cow::Borrowed(help)),
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
        let (namespace, labels) = scope_of(policy);
        [namespace, self.mesh.root_namespace.as_str()].into_iter().any(|namespace| {
            self.plaintext_denied.contains(&(namespace, None)) || self.plaintext_denied.contains(&(namespace, labels))
        })
    }

    /// The modes of a workload that has what the policy selects, and nothing else.
    fn mtls_of_scope(&self, policy: &AuthorizationPolicy) -> EffectiveMtls {
        let (namespace, labels) = scope_of(policy);
        // A policy of the root namespace reaches namespaces of which only the mesh's mode is known.
        let namespace = if namespace == self.mesh.root_namespace { "" } else { namespace };
        let workload = Workload::new(namespace).with_labels(labels.cloned().unwrap_or_default());
        effective_mtls(self.mtls.candidates(&workload, self.mesh), &workload, self.mesh)
    }

    fn several_providers(&mut self, policy: &AuthorizationPolicy) {
        if self.mesh.multiple_custom_providers {
            return;
        }
        let namespace = policy.id.name().namespace();
        let root = self.mesh.root_namespace.as_str();
        // A policy of the root namespace meets those of all.
        let places = if namespace == root { [ANY, ANY] } else { [namespace, root] };
        let others = places.iter().filter_map(|place| self.providers.get(place)).flatten();
        if let Some(other) = others.copied().find(|other| other.provider != policy.provider) {
            let message = format!(
                "`{}` asks provider `{}`, and this policy `{}`: where both apply, what the rules of either match is denied",
                other.id, other.provider, policy.provider
            );
            self.report(FindingKind::SeveralProviders, &policy.id, policy.id.location(), message, Some("use one provider"));
        }
    }

    fn peer_authentications(&mut self, policies: &[PeerAuthentication]) {
        let mut oldest: HashMap<(&str, Option<&Labels>), &PeerAuthentication> = HashMap::new();
        for policy in policies {
            let first = oldest.entry((policy.id.name().namespace(), policy.selector.as_ref())).or_insert(policy);
            if is_older(policy, first) {
                *first = policy;
            }
        }
        for policy in policies {
            let namespace = policy.id.name().namespace();
            if policy.selector.is_some() && namespace == self.mesh.root_namespace {
                self.report(
                    FindingKind::IgnoredPeerAuthentication,
                    &policy.id,
                    policy.id.location(),
                    "Istio ignores a PeerAuthentication with a selector in the root namespace".into(),
                    Some("move it to the namespace of the workloads, or remove the selector"),
                );
                continue;
            }
            let older = oldest.get(&(namespace, policy.selector.as_ref())).filter(|older| older.id != policy.id);
            if let Some(older) = older {
                let message =
                    format!("`{}` ({}) has the same scope, is older and wins, whatever its mode", older.id, older.id.location());
                self.report(FindingKind::ShadowedPeerAuthentication, &policy.id, policy.id.location(), message, Some("keep one"));
            }
        }
    }
}

fn scope_of(policy: &AuthorizationPolicy) -> ScopeKey<'_> {
    let labels = match &policy.scope {
        Scope::Workloads(labels) => labels.as_ref().filter(|labels| !labels.is_empty()),
        Scope::Targets(_) => None,
    };
    (policy.id.name().namespace(), labels)
}

/// Whether a policy keeps out every peer without identity.
fn denies_plaintext(policy: &AuthorizationPolicy) -> bool {
    let only = |clause: &Clause| matches!(clause.terms.as_slice(), [term] if term.is_negative && excludes_every_identity(term));
    let denies =
        |rule: &Rule| rule.effect.is_enforced() && rule.from.iter().any(only) && rule.to.is_empty() && rule.when.terms.is_empty();
    let is_enforced = policy.action == Action::Deny && !policy.is_dry_run && matches!(policy.scope, Scope::Workloads(_));
    is_enforced && policy.rules.iter().any(denies)
}

fn providers(policies: &[AuthorizationPolicy]) -> HashMap<&str, Vec<&AuthorizationPolicy>> {
    let mut by_namespace: HashMap<&str, Vec<&AuthorizationPolicy>> = HashMap::new();
    for policy in policies.iter().filter(|policy| policy.action == Action::Custom) {
        for namespace in [policy.id.name().namespace(), ANY] {
            let known = by_namespace.entry(namespace).or_default();
            if known.len() < 2 && known.iter().all(|other| other.provider != policy.provider) {
                known.push(policy);
            }
        }
    }
    by_namespace
}

/// PeerAuthentications, found by the namespace and one of the labels that they ask for.
struct MtlsByScope<'l> {
    whole: HashMap<&'l str, Vec<&'l PeerAuthentication>>,
    labelled: HashMap<(&'l str, &'l str, &'l str), Vec<&'l PeerAuthentication>>,
}

impl<'l> MtlsByScope<'l> {
    fn new(policies: &'l [PeerAuthentication]) -> Self {
        let mut this = Self { whole: HashMap::new(), labelled: HashMap::new() };
        for policy in policies {
            let namespace = policy.id.name().namespace();
            match policy.selector.as_ref().and_then(|labels| labels.iter().next()) {
                Some((key, value)) => this.labelled.entry((namespace, key, value)).or_default().push(policy),
                None => this.whole.entry(namespace).or_default().push(policy),
            }
        }
        this
    }

    /// Those that may concern a workload.
    fn candidates(&self, workload: &'l Workload, mesh: &'l Mesh) -> impl Iterator<Item = &'l PeerAuthentication> {
        let own = workload.namespace();
        let whole = [mesh.root_namespace.as_str(), own].into_iter().filter_map(|namespace| self.whole.get(namespace));
        let labelled = workload.labels().iter().filter_map(move |(key, value)| self.labelled.get(&(own, key, value)));
        whole.chain(labelled).flatten().copied()
    }
}

fn excludes_every_identity(term: &Term) -> bool {
    matches!(&term.patterns, Patterns::Principal(patterns) if patterns.iter().any(|pattern| *pattern.pattern() == StringMatch::Presence))
}

/// Whether plaintext gets past the mTLS mode to a port that the rule concerns.
fn plaintext_reaches<'r>(mtls: &EffectiveMtls, rule: &'r Rule) -> bool {
    let ports = |clause: &'r Clause| {
        clause.terms.iter().find_map(|term| match &term.patterns {
            Patterns::DestinationPort(ports) if !term.is_negative => Some(ports),
            _ => None,
        })
    };
    let lets_in = |mtls: &PortMtls| mtls.mode != Mode::Strict;
    if !rule.to.is_empty() && rule.to.iter().all(|clause| ports(clause).is_some()) {
        rule.to.iter().filter_map(ports).flatten().any(|port| lets_in(mtls.of_port(port.number())))
    } else {
        lets_in(&mtls.other) || mtls.ports.iter().any(|(_, mtls)| lets_in(mtls))
    }
}
