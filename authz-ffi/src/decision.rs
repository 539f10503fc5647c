//! A decision as C reads it: verdict, reason, and what travels beside them.

use std::ffi::c_char;
use std::ptr;

use authz_core::{Decision, Location, PolicyId, Reason, RuleId, Shadow, Verdict};

use crate::boundary::{Caller, guard_or};
use crate::facts::{authz_fact_set, set};
use crate::status::{named, number};
use crate::text::authz_text;

/// What happens to a connection. Zero denies.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_verdict {
    /// It is closed.
    Deny = 0,
    /// It passes.
    Allow = 1,
}

/// Why. The verdict follows from it: only `AUTHZ_REASON_ALLOW_POLICY` and `AUTHZ_REASON_NO_POLICY` allow.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_reason {
    /// Nothing was decided: the call failed, and its status says why.
    None = 0,
    /// The port takes mesh mTLS only, and the connection is not.
    StrictMtls = 1,
    /// The port does not terminate TLS, so a mesh mTLS client cannot talk to it.
    TlsNotTerminated = 2,
    /// A CUSTOM rule matches whose provider is undefined, or one of several.
    CustomMisconfigured = 3,
    /// A CUSTOM rule matches. If `provider` is not empty, it has to be asked: see `authz_decide_answered`. If it is empty,
    /// a provider has refused, or `authz_slot_decide` was called without `owner`.
    CustomProvider = 4,
    /// A DENY rule matches.
    DenyPolicy = 5,
    /// An ALLOW rule matches, and no DENY rule.
    AllowPolicy = 6,
    /// No ALLOW policy applies, and no DENY rule matches.
    NoPolicy = 7,
    /// ALLOW policies apply, and none of their rules matches.
    NoAllowMatch = 8,
    /// It depends on facts that are not known: those in `needs`.
    UnknownFact = 9,
}

/// What dry-run policies say, which never changes a verdict.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_shadow {
    /// There are no such policies.
    NotConfigured = 0,
    /// They would allow it.
    Allowed = 1,
    /// They would deny it.
    Denied = 2,
    /// It depends on facts that are not known.
    Unknown = 3,
}

number!(authz_verdict, authz_reason, authz_shadow);

/// The name of an `authz_verdict`: `deny` or `allow`; `?` for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn authz_verdict_name(verdict: u32) -> *const c_char {
    named(verdict, &[(authz_verdict::Deny.number(), c"deny"), (authz_verdict::Allow.number(), c"allow")])
}

/// The name of an `authz_reason`, such as `no-allow-match`, as test suites, JSON and logs spell it; `?` for a number
/// that is none.
#[unsafe(no_mangle)]
pub extern "C" fn authz_reason_name(reason: u32) -> *const c_char {
    let names = [
        (authz_reason::None.number(), c"none"),
        (authz_reason::StrictMtls.number(), c"strict-mtls"),
        (authz_reason::TlsNotTerminated.number(), c"tls-not-terminated"),
        (authz_reason::CustomMisconfigured.number(), c"custom-misconfigured"),
        (authz_reason::CustomProvider.number(), c"custom-provider"),
        (authz_reason::DenyPolicy.number(), c"deny-policy"),
        (authz_reason::AllowPolicy.number(), c"allow-policy"),
        (authz_reason::NoPolicy.number(), c"no-policy"),
        (authz_reason::NoAllowMatch.number(), c"no-allow-match"),
        (authz_reason::UnknownFact.number(), c"unknown-fact"),
    ];
    named(reason, &names)
}

/// The name of an `authz_shadow`: `not-configured`, `allowed`, `denied` or `unknown`; `?` for a number that is none.
#[unsafe(no_mangle)]
pub extern "C" fn authz_shadow_name(shadow: u32) -> *const c_char {
    let names = [
        (authz_shadow::NotConfigured.number(), c"not-configured"),
        (authz_shadow::Allowed.number(), c"allowed"),
        (authz_shadow::Denied.number(), c"denied"),
        (authz_shadow::Unknown.number(), c"unknown"),
    ];
    named(shadow, &names)
}

/// A policy that a decision names.
///
/// Borrowed from the authorizer that decided: good until its last owner frees it. Threads may share it.
#[derive(Debug)]
pub struct authz_policy(());

/// A rule that a decision names.
///
/// Borrowed from the authorizer that decided: good until its last owner frees it. Threads may share it.
#[derive(Debug)]
pub struct authz_rule(());

/// Where something stands in the texts that were loaded.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_location {
    /// The name of the source, borrowed from the authorizer.
    pub source: authz_text,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl authz_location {
    const NOWHERE: Self = Self { source: authz_text::EMPTY, line: 0, column: 0 };

    fn lend(location: &Location) -> Self {
        Self { source: authz_text::lend(location.source()), line: location.line(), column: location.column() }
    }
}

/// What becomes of a connection, and why. Zeroed it denies.
///
/// Filled by the library, which never reads what stood in it. What it points to is borrowed from the authorizer that
/// decided, and must not be read after that authorizer's last owner freed it. Does not grow within one `AUTHZ_ABI`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_decision {
    /// Whether the connection may pass. Compare it with `AUTHZ_VERDICT_ALLOW`; anything else denies.
    pub verdict: authz_verdict,
    /// Why.
    pub reason: authz_reason,
    /// With `AUTHZ_REASON_UNKNOWN_FACT` the facts that it takes, else 0.
    pub needs: authz_fact_set,
    /// What the dry-run DENY policies say.
    pub shadow_deny: authz_shadow,
    /// What the dry-run ALLOW policies say.
    pub shadow_allow: authz_shadow,
    /// What would become of the connection if every dry-run policy were enforced: not configured if there is none.
    pub if_enforced: authz_shadow,
    /// The rule that decided; NULL where none did, as with `AUTHZ_REASON_NO_ALLOW_MATCH` and `AUTHZ_REASON_UNKNOWN_FACT`.
    /// `authz_rule_location` says where it stands.
    pub rule: *const authz_rule,
    /// The PeerAuthentication that decided; NULL where none did. `authz_policy_location` says where it stands;
    /// `authz_decision_policy` answers it, or the policy of `rule`.
    pub peer_authentication: *const authz_policy,
    /// The provider that has to be asked; empty where none has, or none has any more. A host asks as long as there is one,
    /// whatever the reason.
    pub provider: authz_text,
    /// The AUDIT rule that matches; NULL where none does.
    pub audit: *const authz_rule,
    /// The dry-run DENY rule that matches; NULL where none does.
    pub shadow_deny_rule: *const authz_rule,
    /// The dry-run ALLOW rule that matches; NULL where none does.
    pub shadow_allow_rule: *const authz_rule,
    /// The rule that would decide if every dry-run policy were enforced; NULL where none would.
    pub if_enforced_rule: *const authz_rule,
}

impl authz_decision {
    /// Nothing was decided, which denies.
    pub(crate) const NONE: Self = Self {
        verdict: authz_verdict::Deny,
        reason: authz_reason::None,
        needs: 0,
        shadow_deny: authz_shadow::NotConfigured,
        shadow_allow: authz_shadow::NotConfigured,
        if_enforced: authz_shadow::NotConfigured,
        rule: ptr::null(),
        peer_authentication: ptr::null(),
        provider: authz_text::EMPTY,
        audit: ptr::null(),
        shadow_deny_rule: ptr::null(),
        shadow_allow_rule: ptr::null(),
        if_enforced_rule: ptr::null(),
    };

    /// Becomes the decision, with everything that it points to, which the authorizer owns. It has to be
    /// [`NONE`](Self::NONE) before: most decisions change few of the fields.
    #[inline(always)]
    pub(crate) fn lend(&mut self, decision: &Decision<'_>) {
        let reason = decision.reason();
        match reason {
            Reason::StrictMtls(policy) => self.because_of_policy(authz_reason::StrictMtls, policy),
            Reason::TlsNotTerminated(policy) => self.because_of_policy(authz_reason::TlsNotTerminated, policy),
            Reason::CustomMisconfigured(rule) => self.because_of_rule(authz_reason::CustomMisconfigured, rule),
            Reason::CustomProvider(rule, provider) => {
                self.because_of_rule(authz_reason::CustomProvider, rule);
                // One that has refused is not to be asked again.
                if decision.provider().is_some() {
                    self.provider = authz_text::lend(provider);
                }
            }
            Reason::DenyPolicy(rule) => self.because_of_rule(authz_reason::DenyPolicy, rule),
            Reason::AllowPolicy(rule) => self.because_of_rule(authz_reason::AllowPolicy, rule),
            Reason::NoPolicy => self.reason = authz_reason::NoPolicy,
            Reason::NoAllowMatch => self.reason = authz_reason::NoAllowMatch,
            Reason::UnknownFact(needs) => {
                self.reason = authz_reason::UnknownFact;
                self.needs = set(needs);
            }
        }
        if let Some(audit) = decision.audit() {
            self.audit = rule(Some(audit));
        }
        let dry_run = decision.dry_run();
        if let Some(reason) = dry_run.if_enforced {
            (self.shadow_deny, self.shadow_deny_rule) = shadow(&dry_run.deny);
            (self.shadow_allow, self.shadow_allow_rule) = shadow(&dry_run.allow);
            self.if_enforced = match (reason, reason.verdict()) {
                (Reason::UnknownFact(_), _) => authz_shadow::Unknown,
                (_, Verdict::Allow) => authz_shadow::Allowed,
                (_, Verdict::Deny) => authz_shadow::Denied,
            };
            self.if_enforced_rule = rule(reason.rule());
        }
        // Last, so that nothing that happens before can leave an allowance behind.
        self.verdict = verdict(reason.verdict());
    }

    fn because_of_rule(&mut self, reason: authz_reason, deciding: &RuleId) {
        self.reason = reason;
        self.rule = rule(Some(deciding));
    }

    fn because_of_policy(&mut self, reason: authz_reason, policy: &PolicyId) {
        self.reason = reason;
        self.peer_authentication = ptr::from_ref(policy).cast::<authz_policy>();
    }

    /// Drops what only the authorizer keeps alive.
    pub(crate) fn drop_names(&mut self) {
        *self = Self {
            rule: ptr::null(),
            peer_authentication: ptr::null(),
            provider: authz_text::EMPTY,
            audit: ptr::null(),
            shadow_deny_rule: ptr::null(),
            shadow_allow_rule: ptr::null(),
            if_enforced_rule: ptr::null(),
            ..*self
        };
    }
}

fn verdict(verdict: Verdict) -> authz_verdict {
    match verdict {
        Verdict::Deny => authz_verdict::Deny,
        Verdict::Allow => authz_verdict::Allow,
    }
}

fn rule(rule: Option<&RuleId>) -> *const authz_rule {
    rule.map_or(ptr::null(), |rule| ptr::from_ref(rule).cast::<authz_rule>())
}

fn shadow(result: &Shadow<'_>) -> (authz_shadow, *const authz_rule) {
    let what = match result {
        Shadow::NotConfigured => authz_shadow::NotConfigured,
        Shadow::Allowed(_) => authz_shadow::Allowed,
        Shadow::Denied(_) => authz_shadow::Denied,
        Shadow::Unknown(_) => authz_shadow::Unknown,
    };
    (what, rule(result.rule()))
}

/// The policy that decided, whether by a rule or as a PeerAuthentication; NULL where none did.
///
/// Borrowed from the authorizer that decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_decision_policy(decision: *const authz_decision) -> *const authz_policy {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ptr::null(), || match caller.borrow(decision) {
        Ok(decision) => match caller.rule(decision.rule) {
            Ok(rule) => ptr::from_ref(rule.policy()).cast::<authz_policy>(),
            Err(_) => decision.peer_authentication,
        },
        Err(_) => ptr::null(),
    })
}

/// The policy that a rule belongs to; NULL for NULL. Borrowed from the authorizer that decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_rule_policy(rule: *const authz_rule) -> *const authz_policy {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ptr::null(), || match caller.rule(rule) {
        Ok(rule) => ptr::from_ref(rule.policy()).cast::<authz_policy>(),
        Err(_) => ptr::null(),
    })
}

/// The place of a rule in the `rules` of its policy, from 0; `UINT32_MAX` for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_rule_index(rule: *const authz_rule) -> u32 {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(u32::MAX, || match caller.rule(rule) {
        Ok(rule) => u32::try_from(rule.index()).unwrap_or(u32::MAX),
        Err(_) => u32::MAX,
    })
}

/// Where a rule starts; nowhere, with line 0, for NULL. Its text is borrowed from the authorizer that decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_rule_location(rule: *const authz_rule) -> authz_location {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(authz_location::NOWHERE, || match caller.rule(rule) {
        Ok(rule) => authz_location::lend(rule.location()),
        Err(_) => authz_location::NOWHERE,
    })
}

/// The namespace of a policy; empty for NULL. Borrowed from the authorizer that decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_namespace(policy: *const authz_policy) -> authz_text {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(authz_text::EMPTY, || match caller.policy(policy) {
        Ok(policy) => authz_text::lend(policy.name().namespace()),
        Err(_) => authz_text::EMPTY,
    })
}

/// The name of a policy; empty for NULL. Borrowed from the authorizer that decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_name(policy: *const authz_policy) -> authz_text {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(authz_text::EMPTY, || match caller.policy(policy) {
        Ok(policy) => authz_text::lend(policy.name().name()),
        Err(_) => authz_text::EMPTY,
    })
}

/// Where a policy's name is written; nowhere, with line 0, for NULL. Its text is borrowed from the authorizer that
/// decided.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_location(policy: *const authz_policy) -> authz_location {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(authz_location::NOWHERE, || match caller.policy(policy) {
        Ok(policy) => authz_location::lend(policy.location()),
        Err(_) => authz_location::NOWHERE,
    })
}
