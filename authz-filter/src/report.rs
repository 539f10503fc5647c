//! What becomes known of a decision: counters, fields for access logs, termination details, a line in the log.

use authz_core::{Decision, Reason, RuleId, Verdict};

use crate::config::Config;
use crate::facts::{Facts, addresses};
use crate::host::Host;
use crate::log;

/// Tells the host of a decision.
pub(crate) fn report(config: &Config, decision: &Decision<'_>, facts: &mut Facts, secured: bool, host: &mut dyn Host) {
    config.counters.of(decision, |counter| host.count(counter));
    let reason = decision.reason();
    host.publish("verdict", word(decision.verdict()));
    host.publish("reason", reason.code());
    host.publish("mode", config.mode.word());
    if let Some(policy) = reason.policy() {
        host.publish("policy", &policy.to_string());
    }
    if let Some(rule) = reason.rule() {
        host.publish("rule", &rule.index().to_string());
    }
    if let Some(rule) = decision.audit() {
        host.publish("audit", &id(rule));
    }
    let dry_run = decision.dry_run();
    if let Some(if_enforced) = dry_run.if_enforced {
        host.publish("dry_run", word(if_enforced.verdict()));
        if let Some(rule) = dry_run.deny.rule().or(dry_run.allow.rule()) {
            host.publish("dry_run_rule", &id(rule));
        }
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
