//! What Istio's webhook and the schema refuse in a resource that can be read, and their two warnings.
//!
//! Values are judged where they are read, in [`super::translate`]; here stands what concerns whole
//! fields, rules and policies (reference: Istio, `pkg/config/validation/validation.go`).

use super::condition::Attribute;
use super::path_template::malformed;
use crate::finding::{FindingKind, Path, Reporter};
use crate::resource::{
    Action, AuthorizationPolicy, Clause, Condition, DryRun, FieldName, PeerAuthentication, Rule, Rules, Selector, TargetRef,
};
use crate::value::{Port, Span};
use crate::yaml::clip;

/// Judges an `AuthorizationPolicy`.
pub(crate) fn validate_authorization_policy(policy: &AuthorizationPolicy<'_>, reporter: &mut Reporter) {
    let path = Path::ROOT.field("spec");
    if let Some(selector) = &policy.selector {
        validate_selector(selector, &path.field("selector"), reporter);
    }
    validate_targets(policy, &path, reporter);
    validate_provider(policy, &path, reporter);
    validate_dry_run(policy, reporter);
    let Rules::Written(rules) = &policy.rules else {
        if matches!(policy.rules, Rules::Absent) && !policy.is_broken {
            validate_absence(policy, &path, reporter);
        }
        return;
    };
    let path = path.field("rules");
    for (i, rule) in rules.iter().enumerate() {
        validate_rule(rule, policy.action, &path.item(i), reporter);
    }
}

/// Judges a `PeerAuthentication`.
pub(crate) fn validate_peer_authentication(policy: &PeerAuthentication<'_>, reporter: &mut Reporter) {
    let path = Path::ROOT.field("spec");
    if let Some(selector) = &policy.selector {
        validate_selector(selector, &path.field("selector"), reporter);
    }
    if let DryRun::On(span) | DryRun::Off(span) | DryRun::Broken(span) = policy.metadata.dry_run {
        let annotations = Path::ROOT.field("metadata");
        let annotations = annotations.field("annotations");
        reporter
            .report(
                FindingKind::BadDryRun,
                span,
                &annotations.key("istio.io/dry-run"),
                "a PeerAuthentication cannot be tried out",
            )
            .help("remove the annotation");
    }
    let Some(ports) = &policy.ports else { return };
    let path = path.field("portLevelMtls");
    if policy.selector.as_ref().is_none_or(|selector| selector.labels.is_empty()) {
        reporter
            .report(
                FindingKind::PortsWithoutSelector,
                policy.ports_span,
                &path,
                "`portLevelMtls` counts only beside a selector with labels",
            )
            .help("add `selector.matchLabels`");
    }
    if ports.is_empty() && !policy.is_broken {
        reporter
            .report(FindingKind::BadPortLevelMtls, policy.ports_span, &path, "`portLevelMtls` names no port")
            .help("remove it, or write a port such as 8080: {mode: STRICT}");
    }
    let mut seen = vec![false; if ports.is_empty() { 0 } else { 1 << 16 }];
    let mut is_seen = |port: Port| seen.get_mut(usize::from(port.number())).is_some_and(|seen| std::mem::replace(seen, true));
    for entry in ports {
        if Port::parse(entry.port.value).is_ok_and(&mut is_seen) {
            let message = format!("`{}` is a port that stands here a second time", clip(entry.port.value));
            reporter
                .report(FindingKind::BadPortLevelMtls, entry.port.span, &path.key(entry.port.value), message)
                .help("keep one");
        }
        if !Port::parse(entry.port.value).is_ok_and(|port| port.number() > 0) {
            let message = format!("`{}` is not a port of 1 to 65535", clip(entry.port.value));
            reporter.report(FindingKind::BadPortLevelMtls, entry.port.span, &path.key(entry.port.value), message);
        }
    }
}

fn validate_selector(selector: &Selector<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    if selector.labels.is_empty() {
        reporter
            .report(
                FindingKind::SelectorWithoutLabels,
                selector.span,
                path,
                "a selector without labels selects every workload of its scope",
            )
            .help("remove `selector` if that is meant, or write `matchLabels`");
    }
    let path = path.field("matchLabels");
    if selector.labels.len() > 4096 {
        reporter.report(
            FindingKind::TooMany,
            selector.span,
            &path,
            format!("`matchLabels` has {} entries and may have 4096", selector.labels.len()),
        );
    }
    let mut is_unusable = false;
    for (key, value) in &selector.labels {
        let here = path.key(key.value);
        let mut bad = |span: Span, message: String| {
            is_unusable = true;
            reporter.report(FindingKind::BadSelector, span, &here, message).help("labels are compared for equality only");
        };
        if key.value.is_empty() {
            bad(key.span, "the key is empty".into());
        }
        if key.value.contains('*') {
            bad(key.span, format!("`{}` has a `*`", clip(key.value)));
        }
        if value.value.contains('*') {
            bad(value.span, format!("`{}` has a `*`", clip(value.value)));
        }
        if value.value.len() > 63 {
            is_unusable = true;
            let message = format!("`{}` has {} characters and may have 63", clip(value.value), value.value.len());
            reporter.report(FindingKind::TooMany, value.span, &here, message);
        }
    }
    if is_unusable {
        // Which workloads were meant nobody can say.
        reporter.fail();
    }
}

fn validate_targets(policy: &AuthorizationPolicy<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    let Some(span) = policy.targets_span else { return };
    if policy.selector.is_some() || policy.has_both_targets {
        reporter
            .report(
                FindingKind::TargetConflict,
                span,
                path,
                "only one of `selector`, `targetRef` and `targetRefs` may stand in a policy",
            )
            .help("keep one");
        reporter.fail();
    }
    for target in &policy.targets {
        validate_target(target, path, reporter);
    }
}

fn validate_target(target: &TargetRef<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    const KINDS: &[(&str, &str)] = &[
        ("", "Service"),
        ("core", "Service"),
        ("networking.istio.io", "ServiceEntry"),
        ("gateway.networking.k8s.io", "Gateway"),
        ("gateway.networking.k8s.io", "GatewayClass"),
    ];
    let path = path.field("targetRefs");
    let mut bad = |span: Span, message: String, help: &'static str| {
        reporter.report(FindingKind::BadTargetRef, span, &path, message).help(help);
        reporter.fail();
    };
    if target.name.as_ref().is_none_or(|name| name.value.is_empty()) {
        bad(target.span, "a target has no `name`".into(), "write the name of the Gateway or Service");
    }
    if let Some(namespace) = target.namespace.as_ref().filter(|namespace| !namespace.value.is_empty()) {
        let message = format!("`{}`: a target is in the namespace of its policy", clip(namespace.value));
        bad(namespace.span, message, "remove `namespace`");
    }
    let kind = target.kind.as_ref().map_or("", |kind| kind.value);
    if !KINDS.contains(&(target.group, kind)) {
        let span = target.kind.as_ref().map_or(target.span, |kind| kind.span);
        let message = format!("`{}` of group `{}` cannot be a target", clip(kind), clip(target.group));
        bad(span, message, "targets are Service, ServiceEntry, Gateway and GatewayClass");
    }
}

fn validate_provider(policy: &AuthorizationPolicy<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    let here = path.field("provider");
    match (policy.action, &policy.provider) {
        (Action::Custom, provider) => {
            let named = provider.as_ref().and_then(|provider| provider.name.as_ref()).is_some_and(|name| !name.value.is_empty());
            if !named {
                let span = provider.as_ref().map_or(policy.action_span, |provider| provider.span);
                reporter
                    .report(FindingKind::CustomWithoutProvider, span, &here, "a CUSTOM policy names no provider")
                    .help("write `provider: {name: NAME}`");
            }
        }
        (Action::Allow | Action::Deny | Action::Audit, Some(provider)) => {
            let message = format!("a provider is for CUSTOM policies; this is {}", policy.action);
            reporter.report(FindingKind::ProviderWithoutCustom, provider.span, &here, message).help("remove `provider`");
        }
        (Action::Allow | Action::Deny | Action::Audit, None) => {}
    }
}

fn validate_dry_run(policy: &AuthorizationPolicy<'_>, reporter: &mut Reporter) {
    let (DryRun::On(span) | DryRun::Off(span)) = policy.metadata.dry_run else { return };
    if matches!(policy.action, Action::Audit | Action::Custom) {
        let path = Path::ROOT.field("metadata");
        let path = path.field("annotations");
        let message = format!("{} policies know no dry run; ALLOW and DENY do", policy.action);
        reporter.report(FindingKind::BadDryRun, span, &path.key("istio.io/dry-run"), message).help("remove the annotation");
    }
}

fn validate_absence(policy: &AuthorizationPolicy<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    let here = path.field("rules");
    match policy.action {
        Action::Deny => {
            reporter
                .report(FindingKind::DenyWithoutRules, policy.action_span, &here, "a DENY policy without rules denies nothing")
                .help("write `rules: [{}]` to deny everything");
        }
        Action::Custom => {
            reporter
                .report(FindingKind::CustomWithoutRules, policy.action_span, &here, "a CUSTOM policy without rules asks nothing")
                .help("write `rules: [{}]` to ask about everything");
        }
        Action::Allow | Action::Audit => {}
    }
}

fn validate_rule(rule: &Rule<'_>, action: Action, path: &Path<'_>, reporter: &mut Reporter) {
    if rule.is_null {
        null_item(rule.span, "rule", path, reporter);
        return;
    }
    for (i, clause) in rule.from.iter().enumerate() {
        let here = path.field("from");
        let here = here.item(i);
        validate_clause(clause, FindingKind::EmptySource, "source", &here, reporter);
        let here = here.field("source");
        validate_source(clause, action, &here, reporter);
        validate_http_values(clause, &here, reporter);
    }
    for (i, clause) in rule.to.iter().enumerate() {
        let here = path.field("to");
        let here = here.item(i);
        validate_clause(clause, FindingKind::EmptyOperation, "operation", &here, reporter);
        validate_http_values(clause, &here.field("operation"), reporter);
    }
    for (i, condition) in rule.when.iter().enumerate() {
        let here = path.field("when");
        validate_condition(condition, action, &here.item(i), reporter);
    }
    if action == Action::Deny {
        warn_http_only(rule, path, reporter);
    }
}

fn validate_clause(clause: &Clause<'_>, empty: FindingKind, holder: &str, path: &Path<'_>, reporter: &mut Reporter) {
    if clause.is_null {
        null_item(clause.span, "entry", path, reporter);
    } else if clause.fields.is_empty() && !clause.is_broken {
        reporter
            .report(empty, clause.span, path, format!("`{holder}` asks for nothing"))
            .help("write a field, or remove the whole entry");
    }
}

fn null_item(span: Span, what: &str, path: &Path<'_>, reporter: &mut Reporter) {
    reporter
        .report(FindingKind::NullItem, span, path, format!("this {what} is null"))
        .help("remove it, or write what it should hold");
}

fn validate_source(source: &Clause<'_>, action: Action, path: &Path<'_>, reporter: &mut Reporter) {
    let span_of = |wanted: &[FieldName]| {
        source.fields.iter().find(|field| wanted.contains(&field.name.positive())).map(|field| (field.name.text(), field.span))
    };
    let accounts = span_of(&[FieldName::ServiceAccounts]);
    if let (Some((name, span)), Some((other, _))) = (accounts, span_of(&[FieldName::Principals, FieldName::Namespaces])) {
        reporter
            .report(
                FindingKind::ServiceAccountConflict,
                span,
                path,
                format!("`{name}` cannot stand beside `{other}` in one source"),
            )
            .help("write them in two entries of `from`, or use `principals` alone");
    }
    for field in &source.fields {
        if field.name.positive() == FieldName::ServiceAccounts && field.values.len() > 16 {
            let message = format!("`{}` has {} values and may have 16", field.name.text(), field.values.len());
            reporter.report(FindingKind::BadServiceAccount, field.span, &path.field(field.name.text()), message);
        }
        let identity = matches!(
            field.name.positive(),
            FieldName::Principals
                | FieldName::RequestPrincipals
                | FieldName::Namespaces
                | FieldName::ServiceAccounts
                | FieldName::TrustDomains
        );
        if action == Action::Custom && identity {
            custom_identity(field.name.text(), field.span, &path.field(field.name.text()), reporter);
        }
    }
}

fn custom_identity(name: &str, span: Span, path: &Path<'_>, reporter: &mut Reporter) {
    reporter
        .report(FindingKind::CustomIdentity, span, path, format!("a CUSTOM rule cannot ask for `{name}`"))
        .help("ask for addresses and ports, and leave identities to the provider");
}

fn validate_condition(condition: &Condition<'_>, action: Action, path: &Path<'_>, reporter: &mut Reporter) {
    if condition.is_null {
        null_item(condition.span, "condition", path, reporter);
        return;
    }
    let Some(key) = &condition.key else { return };
    if condition.values.is_empty() && condition.not_values.is_empty() && !condition.is_broken {
        reporter
            .report(
                FindingKind::EmptyCondition,
                key.span,
                path,
                format!("the condition on `{}` has neither `values` nor `notValues`", clip(key.value)),
            )
            .help("write one of them");
    }
    let attribute = Attribute::named(key.value);
    if action == Action::Custom && attribute.is_identity(key.value) {
        custom_identity(key.value, key.span, &path.field("key"), reporter);
    }
    if attribute == Attribute::Http {
        for (name, values) in [("values", &condition.values), ("notValues", &condition.not_values)] {
            let here = path.field(name);
            for (i, text) in values.iter().enumerate().filter(|(_, text)| text.value.is_empty()) {
                empty_value(text.span, &here.item(i), reporter);
            }
        }
    }
}

/// Judges the values of the HTTP fields of a source or an operation.
fn validate_http_values(clause: &Clause<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    for field in clause.fields.iter().filter(|field| field.name.is_http_only()) {
        let here = path.field(field.name.text());
        for (i, text) in field.values.iter().enumerate() {
            if text.value.is_empty() {
                empty_value(text.span, &here.item(i), reporter);
            } else if field.name.positive() == FieldName::Paths
                && let Some(why) = malformed(text.value)
            {
                let message = format!("`{}` is not a path: {why}", clip(text.value));
                reporter.report(FindingKind::BadPath, text.span, &here.item(i), message);
            }
        }
    }
}

fn empty_value(span: Span, path: &Path<'_>, reporter: &mut Reporter) {
    reporter.report(FindingKind::EmptyValue, span, path, "a value is empty").help("remove it, or write what it should hold");
}

/// Istio's own warning, with its own inaccuracies: it looks at the whole rule, not at its entries, does
/// not know `when`, and does not count `trustDomains` among what TCP has.
fn warn_http_only(rule: &Rule<'_>, path: &Path<'_>, reporter: &mut Reporter) {
    let has = |clauses: &[Clause<'_>], l4: &[FieldName]| {
        clauses.iter().flat_map(|clause| &clause.fields).any(|field| l4.contains(&field.name.positive()))
    };
    let source = [
        FieldName::Principals,
        FieldName::Namespaces,
        FieldName::ServiceAccounts,
        FieldName::IpBlocks,
        FieldName::RemoteIpBlocks,
    ];
    let only_http_from = !rule.from.is_empty() && rule.to.is_empty() && !has(&rule.from, &source);
    let only_http_to = !rule.to.is_empty() && !has(&rule.to, &[FieldName::Ports]);
    if only_http_from || only_http_to {
        reporter
            .report(
                FindingKind::DenyHttpOnly,
                rule.span,
                path,
                "Istio warns that a DENY rule with only HTTP attributes denies all TCP traffic in its scope",
            )
            .help("name the ports in `to.operation.ports`");
    }
}
