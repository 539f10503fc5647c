//! From a resource to a policy: what each field means on the data plane that decides.
//!
//! This is the one place where data planes differ. Here stands Istio's sidecar (reference:
//! `pilot/pkg/security/authz/model/model.go` and `generator.go`): a value that TCP cannot evaluate
//! takes the whole rule with it if the action is ALLOW, and only itself otherwise.

use std::borrow::Cow;
use std::sync::Arc;

use super::condition::{Attribute, KEYS};
use super::principal::{expand_principal, expand_trust_domain};
use super::{AuthorizationPolicy, Clause, Effect, HttpTerm, Patterns, Rule, Scope, Term};
use crate::finding::{FindingKind, Path, Reporter};
use crate::resource::{self, Action, DryRun, Field, FieldName, Rules, Text};
use crate::value::{
    IpBlock, MetadataMatch, NamespaceMatch, PolicyId, Port, RuleId, ServiceAccountMatch, SniMatch, Span, TrustDomainMatch,
};
use crate::workload::{Mesh, ProviderKind};
use crate::yaml::{clip, nearest};

/// Translates a policy for Istio's sidecar. Values that mean nothing are reported.
pub(crate) fn translate(policy: &resource::AuthorizationPolicy<'_>, mesh: &Mesh, reporter: &mut Reporter) -> AuthorizationPolicy {
    let id = Arc::new(PolicyId::new(policy.metadata.name.clone(), reporter.locate(policy.metadata.span)));
    let trust_domains = mesh.trust_domains();
    let mut rules = Translation { policy, trust_domains: &trust_domains, id: &id, rules: Vec::new(), widened: Vec::new() };
    rules.translate(reporter);
    let Translation { rules, widened, .. } = rules;
    let provider = policy.provider.as_ref().and_then(|provider| provider.name.as_ref());
    if let Some(provider) = provider.filter(|name| policy.action == Action::Custom && !name.value.is_empty()) {
        warn_provider(provider, mesh, reporter);
    }
    AuthorizationPolicy {
        scope: scope(policy),
        action: policy.action,
        // Which provider was meant is open where something of the policy was not read.
        provider: provider.filter(|_| !policy.is_broken).map_or("", |name| name.value).into(),
        // Only ALLOW and DENY know a dry run, and only a readable annotation orders one.
        is_dry_run: matches!(policy.metadata.dry_run, DryRun::On(_)) && matches!(policy.action, Action::Allow | Action::Deny),
        rules,
        widened,
        id,
    }
}

/// Warns of providers that TCP cannot ask.
fn warn_provider(name: &Text<'_>, mesh: &Mesh, reporter: &mut Reporter) {
    let path = Path::ROOT.field("spec");
    let path = path.field("provider");
    let path = path.field("name");
    match mesh.extension_providers.get(name.value) {
        Some(ProviderKind::Grpc) => {}
        Some(ProviderKind::Http) => {
            let message = format!("provider `{}` speaks HTTP, so on TCP this policy has no effect", clip(name.value));
            reporter.report(FindingKind::HttpProvider, name.span, &path, message).help("name a gRPC provider");
        }
        None => {
            let message = format!("provider `{}` is not defined, so what the rules match is denied", clip(name.value));
            reporter
                .report(FindingKind::UndefinedProvider, name.span, &path, message)
                .help("define it among the mesh's extension providers");
        }
    }
}

fn scope(policy: &resource::AuthorizationPolicy<'_>) -> Scope {
    if policy.targets_span.is_none() {
        return Scope::Workloads(policy.selector.as_ref().map(resource::Selector::to_labels));
    }
    let gateway = |target: &resource::TargetRef<'_>| {
        let kind = target.kind.as_ref().map(|kind| kind.value);
        let is_gateway = target.group == "gateway.networking.k8s.io" && kind == Some("Gateway");
        target.name.as_ref().filter(|_| is_gateway).map(|name| name.value.into())
    };
    Scope::Targets(policy.targets.iter().map(gateway).collect())
}

struct Translation<'t, 'a> {
    policy: &'t resource::AuthorizationPolicy<'a>,
    /// Those of the mesh.
    trust_domains: &'t [&'t str],
    id: &'t Arc<PolicyId>,
    rules: Vec<Rule>,
    widened: Vec<Rule>,
}

impl Translation<'_, '_> {
    fn translate(&mut self, reporter: &mut Reporter) {
        let path = Path::ROOT.field("spec");
        let path = path.field("rules");
        if let Rules::Written(rules) = &self.policy.rules {
            self.rules.reserve_exact(rules.len());
            for (i, rule) in rules.iter().enumerate() {
                self.rule(i, rule, &path.item(i), reporter);
            }
        }
        self.judge_the_whole();
    }

    /// What an unreadable part of the policy itself does to its rules.
    fn judge_the_whole(&mut self) {
        let unreadable = self.policy.is_broken || matches!(self.policy.rules, Rules::Broken);
        let broken_dry_run = matches!(self.policy.metadata.dry_run, DryRun::Broken(_));
        match self.policy.action {
            // A provider says that the action was to be CUSTOM.
            Action::Allow if unreadable || broken_dry_run || self.policy.metadata.is_broken || self.policy.provider.is_some() => {
                self.void_all();
            }
            Action::Deny | Action::Custom if unreadable => {
                let location = self.id.location().clone();
                self.widened.push(self.everything(location));
            }
            Action::Allow | Action::Deny | Action::Custom | Action::Audit => {}
        }
    }

    /// A rule 0 that matches every connection: what an unreadable DENY denies.
    fn everything(&self, location: crate::value::Location) -> Rule {
        Rule {
            id: RuleId::new(Arc::clone(self.id), 0, location),
            effect: Effect::Enforced,
            from: Vec::new(),
            to: Vec::new(),
            when: Clause::default(),
        }
    }

    fn void_all(&mut self) {
        for rule in &mut self.rules {
            rule.effect = Effect::Unreadable;
        }
    }

    fn rule(&mut self, index: usize, rule: &resource::Rule<'_>, path: &Path<'_>, reporter: &mut Reporter) {
        let namespace = self.policy.metadata.name.namespace();
        let mut reading = Reading { namespace, trust_domains: self.trust_domains, lost: rule.is_broken };
        let clauses =
            |clauses: &[resource::Clause<'_>], list: &str, holder: &str, reading: &mut Reading<'_>, reporter: &mut Reporter| {
                let path = path.field(list);
                let clauses = clauses.iter().enumerate();
                clauses.map(|(i, clause)| reading.clause(clause, &path.item(i).field(holder), reporter)).collect()
            };
        let from = clauses(&rule.from, "from", "source", &mut reading, reporter);
        let to = clauses(&rule.to, "to", "operation", &mut reading, reporter);
        let when = reading.conditions(rule, &path.field("when"), reporter);
        let id = RuleId::new(Arc::clone(self.id), index, reporter.locate(rule.span));
        let mut rule = Rule { id, effect: Effect::Enforced, from, to, when };
        let is_null = self.is_null(index);
        match self.policy.action {
            Action::Allow => {
                let http = rule.clauses().flat_map(|clause| &clause.http).min_by_key(|term| term.span);
                rule.effect = match http {
                    _ if is_null => Effect::Null,
                    _ if reading.lost => Effect::Unreadable,
                    Some(term) => Effect::HttpOnly(term.key.clone(), term.span),
                    None => Effect::Enforced,
                };
            }
            // A null rule matches nothing in Istio; what it should have been nobody knows.
            Action::Deny | Action::Custom if is_null => self.widened.push(rule.clone()),
            Action::Deny | Action::Custom | Action::Audit => {}
        }
        if is_null {
            rule.effect = Effect::Null;
        }
        let narrowed = |term: &Term| term.lost_value && !term.is_negative;
        if matches!(self.policy.action, Action::Deny | Action::Custom) && rule.clauses().flat_map(|c| &c.terms).any(narrowed) {
            let mut wide = rule.clone();
            for clause in wide.from.iter_mut().chain(&mut wide.to).chain(std::iter::once(&mut wide.when)) {
                clause.terms.retain(|term| !narrowed(term));
            }
            self.widened.push(wide);
        }
        self.rules.push(rule);
    }

    fn is_null(&self, index: usize) -> bool {
        matches!(&self.policy.rules, Rules::Written(rules) if rules.get(index).is_some_and(|rule| rule.is_null))
    }
}

/// Reads the values of one rule.
struct Reading<'t> {
    namespace: &'t str,
    trust_domains: &'t [&'t str],
    /// Whether anything of the rule could not be read.
    lost: bool,
}

impl Reading<'_> {
    fn clause(&mut self, clause: &resource::Clause<'_>, path: &Path<'_>, reporter: &mut Reporter) -> Clause {
        self.lost |= clause.is_broken || clause.is_null || clause.fields.is_empty();
        let http = clause.fields.iter().filter(|field| field.name.is_http_only()).count();
        let mut meant = Clause { terms: Vec::with_capacity(clause.fields.len() - http), http: Vec::with_capacity(http) };
        for field in &clause.fields {
            self.field(field, &mut meant, &path.field(field.name.text()), reporter);
        }
        meant
    }

    fn field(&mut self, field: &Field<'_>, clause: &mut Clause, path: &Path<'_>, reporter: &mut Reporter) {
        let (name, is_negative) = (field.name.text(), field.name.is_negative());
        let values = &field.values;
        if field.name.is_http_only() {
            self.lost |= field.is_broken;
            clause.http.push(http_term(name, field.span, is_negative, values));
            return;
        }
        let mut list = List { values, path, reporter, lost: field.is_broken };
        let patterns = match field.name.positive() {
            FieldName::IpBlocks => Patterns::SourceIp(list.ip_blocks()),
            FieldName::RemoteIpBlocks => Patterns::RemoteIp(list.ip_blocks()),
            FieldName::Ports => Patterns::DestinationPort(list.ports()),
            FieldName::Namespaces => Patterns::Namespace(list.each(NamespaceMatch::parse)),
            FieldName::ServiceAccounts => Patterns::ServiceAccount(list.service_accounts(self.namespace)),
            FieldName::TrustDomains => Patterns::TrustDomain(list.trust_domains(self.trust_domains, TrustDomainMatch::parse)),
            // Every other field is one of HTTP's, and those are done with.
            _ => Patterns::Principal(list.principals(self.trust_domains)),
        };
        self.push(Term { key: Cow::Borrowed(name), span: field.span, is_negative, patterns, lost_value: list.lost }, clause);
    }

    /// Adds a term, unless no value of it is left: then it restricts nothing.
    fn push(&mut self, term: Term, clause: &mut Clause) {
        self.lost |= term.lost_value;
        if term.patterns.len() > 0 {
            clause.terms.push(term);
        }
    }

    fn conditions(&mut self, rule: &resource::Rule<'_>, path: &Path<'_>, reporter: &mut Reporter) -> Clause {
        let mut clause = Clause::default();
        for (i, condition) in rule.when.iter().enumerate() {
            self.lost |= condition.is_broken || condition.is_null;
            let Some(key) = &condition.key else { continue };
            self.condition(key, condition, &mut clause, &path.item(i), reporter);
        }
        clause
    }

    fn condition(
        &mut self,
        key: &Text<'_>,
        condition: &resource::Condition<'_>,
        clause: &mut Clause,
        path: &Path<'_>,
        reporter: &mut Reporter,
    ) {
        self.lost |= condition.values.is_empty() && condition.not_values.is_empty();
        let attribute = Attribute::named(key.value);
        if let Attribute::Unknown(help) = &attribute {
            self.lost = true;
            unknown_key(key, help, &path.field("key"), reporter);
            return;
        }
        let lists = [("values", &condition.values, false), ("notValues", &condition.not_values, true)];
        for (name, values, is_negative) in lists {
            if values.is_empty() {
                continue;
            }
            if attribute == Attribute::Http {
                clause.http.push(http_term(key.value, key.span, is_negative, values));
                continue;
            }
            let here = path.field(name);
            let lost = condition.lost_value && !is_negative;
            let mut list = List { values, path: &here, reporter, lost };
            let Some(patterns) = self.patterns(&attribute, &mut list) else { continue };
            self.push(Term { key: written(key.value), span: key.span, is_negative, patterns, lost_value: list.lost }, clause);
        }
    }

    fn patterns(&self, attribute: &Attribute, list: &mut List<'_, '_, '_, '_>) -> Option<Patterns> {
        Some(match attribute {
            Attribute::SourceIp => Patterns::SourceIp(list.ip_blocks()),
            Attribute::RemoteIp => Patterns::RemoteIp(list.ip_blocks()),
            Attribute::DestinationIp => Patterns::DestinationIp(list.ip_blocks()),
            Attribute::DestinationPort => Patterns::DestinationPort(list.ports()),
            Attribute::SourcePrincipal => Patterns::Principal(list.principals(self.trust_domains)),
            Attribute::SourceNamespace => Patterns::Namespace(list.each(NamespaceMatch::parse)),
            Attribute::SourceServiceAccount => Patterns::ServiceAccount(list.service_accounts(self.namespace)),
            Attribute::SourceTrustDomain => {
                Patterns::TrustDomain(list.trust_domains(self.trust_domains, TrustDomainMatch::parse_condition))
            }
            Attribute::ConnectionSni => Patterns::Sni(list.server_names()),
            Attribute::Metadata(key) => Patterns::Metadata(key.clone(), list.each(MetadataMatch::parse)),
            Attribute::Http | Attribute::Unknown(_) => return None,
        })
    }
}

/// A key of a condition, which only metadata has without number.
fn written(key: &str) -> Cow<'static, str> {
    KEYS.iter().find(|known| **known == key).map_or_else(|| Cow::Owned(key.to_owned()), |known| Cow::Borrowed(*known))
}

fn http_term(key: &str, span: Span, is_negative: bool, values: &[Text<'_>]) -> HttpTerm {
    HttpTerm { key: key.into(), span, is_negative, values: values.iter().map(|text| text.value.into()).collect() }
}

fn unknown_key(key: &Text<'_>, help: &'static str, path: &Path<'_>, reporter: &mut Reporter) {
    if key.value.is_empty() {
        reporter.report(FindingKind::UnknownConditionKey, key.span, path, "the key is empty").help("write one such as source.ip");
        return;
    }
    let suggestion = nearest(key.value, KEYS.iter().copied());
    let message = format!("`{}` is not an attribute", clip(key.value));
    let draft = reporter.report(FindingKind::UnknownConditionKey, key.span, path, message);
    match suggestion {
        _ if !help.is_empty() => draft.help(help),
        Some(right) => draft.help(format!("did you mean `{right}`?")).fix(key.span, right),
        None => draft.help("the attributes on TCP are source.ip, remote.ip, source.principal, source.namespace, source.serviceAccount, source.trustDomain, destination.ip, destination.port, connection.sni and experimental.envoy.filters.*"),
    };
}

/// A list of values on its way to patterns; what cannot be read is reported and left out.
struct List<'l, 'a, 'p, 'r> {
    values: &'l [Text<'a>],
    path: &'l Path<'p>,
    reporter: &'r mut Reporter,
    lost: bool,
}

impl List<'_, '_, '_, '_> {
    /// Reads each value with a function that adds the patterns it stands for.
    fn read<T>(&mut self, kind: FindingKind, what: &str, parse: impl Fn(&str, &mut Vec<T>) -> Result<(), String>) -> Box<[T]> {
        let mut patterns = Vec::with_capacity(self.values.len());
        for (i, text) in self.values.iter().enumerate() {
            if text.value.is_empty() {
                self.lost = true;
                self.reporter
                    .report(FindingKind::EmptyValue, text.span, &self.path.item(i), "a value is empty")
                    .help("remove it, or write what it should hold");
            } else if let Err(why) = parse(text.value, &mut patterns) {
                self.lost = true;
                let message = format!("`{}` is not {what}: {why}", clip(text.value));
                self.reporter.report(kind, text.span, &self.path.item(i), message);
            }
        }
        patterns.into_boxed_slice()
    }

    /// Reads each value as one pattern.
    fn read_each<T, E: ToString>(&mut self, kind: FindingKind, what: &str, parse: impl Fn(&str) -> Result<T, E>) -> Box<[T]> {
        self.read(kind, what, |text, patterns| {
            patterns.push(parse(text).map_err(|error| error.to_string())?);
            Ok(())
        })
    }

    fn each<T>(&mut self, parse: impl Fn(&str) -> T) -> Box<[T]> {
        self.read(FindingKind::EmptyValue, "a value", |text, patterns| {
            patterns.push(parse(text));
            Ok(())
        })
    }

    fn ip_blocks(&mut self) -> Box<[IpBlock]> {
        self.read_each(FindingKind::BadIpBlock, "an address or CIDR block", IpBlock::parse)
    }

    fn ports(&mut self) -> Box<[Port]> {
        self.read_each(FindingKind::BadPort, "a port", Port::parse)
    }

    fn principals(&mut self, trust_domains: &[&str]) -> Box<[crate::value::PrincipalMatch]> {
        for (i, text) in self.values.iter().enumerate() {
            warn_principal(text, &self.path.item(i), self.reporter);
        }
        self.read(FindingKind::EmptyValue, "a principal", |text, patterns| {
            expand_principal(text, trust_domains, patterns);
            Ok(())
        })
    }

    fn server_names(&mut self) -> Box<[SniMatch]> {
        for (i, text) in self.values.iter().enumerate() {
            if SniMatch::parse(text.value).has_capitals() {
                let lower = text.value.to_ascii_lowercase();
                let message = format!("`{}` never matches: server names are compared in lower case", clip(text.value));
                self.reporter
                    .report(FindingKind::SniCapitals, text.span, &self.path.item(i), message)
                    .help(format!("write {lower}"))
                    .fix(text.span, format!("\"{lower}\""));
            }
        }
        self.each(SniMatch::parse)
    }

    fn service_accounts(&mut self, namespace: &str) -> Box<[ServiceAccountMatch]> {
        self.lost |= self.values.len() > 16;
        self.read_each(FindingKind::BadServiceAccount, "a service account", |text| ServiceAccountMatch::parse(text, namespace))
    }

    fn trust_domains(
        &mut self,
        ours: &[&str],
        parse: impl Fn(&str) -> Result<TrustDomainMatch, crate::value::TrustDomainError>,
    ) -> Box<[TrustDomainMatch]> {
        self.read(FindingKind::BadTrustDomain, "a trust domain", |text, patterns| {
            let read = parse(text).and_then(|pattern| expand_trust_domain(pattern, text, ours));
            patterns.extend(read.map_err(|error| error.to_string())?);
            Ok(())
        })
    }
}

/// Warns of principals that are accepted and match nothing.
fn warn_principal(text: &Text<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    let value = text.value;
    if let Some(rest) = value.strip_prefix("spiffe://") {
        reporter
            .report(
                FindingKind::PrincipalWithScheme,
                text.span,
                path,
                format!("`{}` never matches: policies leave out `spiffe://`", clip(value)),
            )
            .help(format!("write {rest}"))
            .fix(text.span, format!("\"{rest}\""));
        return;
    }
    if value.is_empty() || value.starts_with('*') || value.ends_with('*') {
        return;
    }
    let mut segments = value.as_bytes().split(|byte| *byte == b'/');
    let [_, ns, _, sa, account, more] = std::array::from_fn(|_| segments.next());
    let is_account = ns == Some(b"ns") && sa == Some(b"sa") && account.is_some() && more.is_none();
    if !is_account || value.contains('*') {
        let message = format!(
            "`{}` is not of the form TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICE_ACCOUNT, which peers of the mesh have",
            clip(value)
        );
        let help = if value.contains('*') {
            "a `*` counts at the start or the end only"
        } else {
            "write all five parts, or a pattern such as */sa/NAME"
        };
        reporter.report(FindingKind::PrincipalForm, text.span, path, message).help(help);
    }
}
