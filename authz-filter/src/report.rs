//! What becomes known of a decision: counters, fields for access logs, termination details, a line in the log.

use std::borrow::Cow;

use authz_core::{Decision, Reason, RuleId, Verdict};

use crate::config::{Config, Fields};
use crate::facts::{Facts, addresses};
use crate::host::Host;
use crate::log;

/// Tells the host of a decision.
pub(crate) fn report(config: &Config, decision: &Decision<'_>, facts: &mut Facts, secured: bool, host: &mut dyn Host) {
    config.counters.of(decision, |counter| host.count(counter));
    if config.fields == Fields::All || is_remarkable(decision) {
        let fields = fields(config, decision);
        host.publish(&fields.iter().map(|(field, value)| (*field, value.as_ref())).collect::<Vec<_>>());
    }
    if decision.verdict() == Verdict::Deny
        && let now = host.now()
        && let Some(suppressed) = config.log.take(now)
    {
        // A line without addresses would not be worth its place.
        facts.read(host, addresses(), secured);
        let identities = facts.identities();
        host.log(&log::line(&config.name, config.mode, decision, &facts.connection(&identities), suppressed));
    }
}

/// Whether there is more to say of a connection than that it passed.
fn is_remarkable(decision: &Decision<'_>) -> bool {
    decision.verdict() == Verdict::Deny || decision.audit().is_some() || !decision.dry_run().is_empty()
}

/// What access logs and later filters may want to know.
fn fields(config: &Config, decision: &Decision<'_>) -> Vec<(&'static str, Cow<'static, str>)> {
    let reason = decision.reason();
    let mut fields: Vec<(&'static str, Cow<'static, str>)> =
        vec![("verdict", word(decision.verdict()).into()), ("reason", reason.code().into()), ("mode", config.mode.word().into())];
    if let Some(policy) = reason.policy() {
        fields.push(("policy", policy.to_string().into()));
    }
    if let Some(rule) = reason.rule() {
        fields.push(("rule", rule.index().to_string().into()));
    }
    if let Some(rule) = decision.audit() {
        fields.push(("audit", id(rule).into()));
    }
    let dry_run = decision.dry_run();
    if let Some(if_enforced) = dry_run.if_enforced {
        fields.push(("dry_run", word(if_enforced.verdict()).into()));
        if let Some(rule) = dry_run.deny.rule().or(dry_run.allow.rule()) {
            fields.push(("dry_run_rule", id(rule).into()));
        }
    }
    fields
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
    }
}

/// A rule as one word: `NAMESPACE/NAME#RULE`.
fn id(rule: &RuleId) -> String {
    format!("{}#{}", rule.policy(), rule.index())
}

/// Why a connection is closed, as one word, in the manner of Envoy's RBAC filter.
pub(crate) fn details(name: &str, reason: &Reason<'_>) -> String {
    let code = reason.code();
    match reason {
        Reason::StrictMtls(policy) | Reason::TlsNotTerminated(policy) => format!("{name}_denied[{code}:{policy}]"),
        Reason::CustomMisconfigured(rule)
        | Reason::CustomProvider(rule, _)
        | Reason::DenyPolicy(rule)
        | Reason::AllowPolicy(rule) => {
            format!("{name}_denied[{code}:{}]", id(rule))
        }
        Reason::UnknownFact(needs) => format!("{name}_denied[{code}:{}]", needs.names().collect::<Vec<_>>().join("+")),
        Reason::NoPolicy | Reason::NoAllowMatch => format!("{name}_denied[{code}]"),
    }
}

/// Why a connection is closed of which a hook failed.
///
/// ```
/// assert_eq!(authz_filter::details_of_panic("authz"), "authz_denied[internal-error]");
/// ```
pub fn details_of_panic(name: &str) -> String {
    format!("{name}_denied[internal-error]")
}
