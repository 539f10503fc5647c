//! What is counted, under which names.

use std::collections::HashMap;

use authz_core::{Action, Authorizer, Decision, DryRunResults, PolicyId, Reason, Verdict};

use crate::config::Mode;

/// Reasons that have a counter, by the words that core gives them.
const REASONS: [&str; 9] = [
    "strict-mtls",
    "tls-not-terminated",
    "custom-misconfigured",
    "custom-provider",
    "deny-policy",
    "allow-policy",
    "no-policy",
    "no-allow-match",
    "unknown-fact",
];

/// The counters before those of reasons.
const PLAIN: [&str; 8] =
    ["allowed", "denied", "undecided", "audited", "dry_run_allowed", "dry_run_denied", "policy_other", "internal_error"];
const ALLOWED: usize = 0;
const DENIED: usize = 1;
pub(crate) const UNDECIDED: usize = 2;
const AUDITED: usize = 3;
const DRY_RUN_ALLOWED: usize = 4;
const DRY_RUN_DENIED: usize = 5;
const POLICY_OTHER: usize = 6;
pub(crate) const INTERNAL_ERROR: usize = 7;

/// The counters of a configuration. How many there are is bounded: policies past the bound share one.
#[derive(Debug)]
pub(crate) struct Counters {
    names: Vec<String>,
    policies: HashMap<PolicyId, usize, foldhash::fast::RandomState>,
}

impl Counters {
    pub(crate) fn new(name: &str, mode: Mode, authorizer: &Authorizer, most: usize) -> Self {
        let prefix = match mode {
            Mode::Enforce => name.to_owned(),
            Mode::Shadow => format!("{name}_shadow"),
        };
        let plain = PLAIN.iter().map(|plain| format!("{prefix}_{plain}"));
        let mut names: Vec<String> = plain.chain(REASONS.iter().map(|code| format!("{prefix}_reason.{code}"))).collect();
        let mut policies = HashMap::default();
        let mut places: HashMap<String, usize> = HashMap::new();
        for policy in authorizer.policies().filter(|policy| policy.action != Some(Action::Audit)) {
            let kind = if policy.is_dry_run { "dry_run_policy" } else { "policy" };
            let own = format!("{prefix}_{kind}.{}", policy.id);
            // An AuthorizationPolicy and a PeerAuthentication may have one name, and share its counter.
            let place = match places.get(&own) {
                Some(place) => *place,
                None if places.len() < most => {
                    places.insert(own.clone(), names.len());
                    names.push(own);
                    names.len() - 1
                }
                None => continue,
            };
            policies.insert(policy.id.clone(), place);
        }
        Self { names, policies }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Names every counter that a decision adds to.
    pub(crate) fn of(&self, decision: &Decision<'_>, mut count: impl FnMut(usize)) {
        let reason = decision.reason();
        count(match decision.verdict() {
            Verdict::Allow => ALLOWED,
            Verdict::Deny => DENIED,
        });
        if let Some(place) = REASONS.iter().position(|code| *code == reason.code()) {
            count(PLAIN.len() + place);
        }
        if let Some(policy) = reason.policy() {
            count(self.of_policy(policy));
        }
        if decision.audit().is_some() {
            count(AUDITED);
        }
        let DryRunResults { allow, deny, if_enforced } = decision.dry_run();
        match if_enforced.as_ref().map(Reason::verdict) {
            Some(Verdict::Allow) => count(DRY_RUN_ALLOWED),
            Some(Verdict::Deny) => count(DRY_RUN_DENIED),
            None => {}
        }
        for rule in [deny.rule(), allow.rule()].into_iter().flatten() {
            count(self.of_policy(rule.policy()));
        }
    }

    fn of_policy(&self, policy: &PolicyId) -> usize {
        self.policies.get(policy).copied().unwrap_or(POLICY_OTHER)
    }
}

#[cfg(test)]
mod tests {
    use authz_core::{FactSet, Location, Mesh, PolicyName, PolicySet, RuleId, Span, Workload};

    use super::*;

    fn policies(count: usize) -> Authorizer {
        let policy = |n| {
            format!(
                "---\n{{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy, metadata: {{name: p{n}, namespace: foo}}}}\n"
            )
        };
        let text: String = (0..count).map(policy).collect();
        PolicySet::from_yaml(&text, &Mesh::default()).unwrap().authorizer_for(&Workload::new("foo"))
    }

    #[test]
    fn there_are_no_more_counters_than_the_bound_says() {
        for (policies_of, most, expected) in [(3, 100, 3), (3, 3, 3), (5, 3, 3), (5, 0, 0)] {
            let authorizer = policies(policies_of);
            let counters = Counters::new("authz", Mode::Enforce, &authorizer, most);
            assert_eq!(counters.names().len(), PLAIN.len() + REASONS.len() + expected);
            let others = authorizer.policies().filter(|policy| counters.of_policy(policy.id) == POLICY_OTHER).count();
            assert_eq!(others, policies_of - expected);
        }
    }

    #[test]
    fn every_reason_has_a_counter() {
        let location = Location::new("policies", Span::default());
        let policy = PolicyId::new(PolicyName::new("foo", "p"), location.clone());
        let rule = RuleId::new(policy.clone().into(), 0, location);
        let reasons = [
            Reason::StrictMtls(&policy),
            Reason::TlsNotTerminated(&policy),
            Reason::CustomMisconfigured(&rule),
            Reason::CustomProvider(&rule, "opa"),
            Reason::DenyPolicy(&rule),
            Reason::AllowPolicy(&rule),
            Reason::NoPolicy,
            Reason::NoAllowMatch,
            Reason::UnknownFact(FactSet::PEER),
        ];
        assert_eq!(reasons.map(|reason| reason.code()), REASONS);
    }

    #[test]
    fn the_counters_of_a_shadow_are_apart() {
        let authorizer = policies(1);
        let enforced = Counters::new("authz", Mode::Enforce, &authorizer, 10);
        let shadow = Counters::new("authz", Mode::Shadow, &authorizer, 10);
        assert!(shadow.names().iter().all(|name| name.starts_with("authz_shadow_") && !enforced.names().contains(name)));
        assert_eq!(enforced.names()[ALLOWED], "authz_allowed");
        assert_eq!(enforced.names().last().unwrap(), "authz_policy.foo/p0");
    }
}
