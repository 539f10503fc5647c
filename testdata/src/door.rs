//! What a case asks and what an engine answers, for doors that do not hand out a [`Decision`], such as that of C.

use authz_core::{Decision, Mesh, ProviderAnswer, RuleId, Shadow, Verdict, Workload};

use crate::entries::Entries;
use crate::facts::OwnedConnection;
use crate::format::{ProviderDecision, ProviderFile};
use crate::subject::ConnectionFile;

/// What a case about a connection asks.
#[derive(Clone, Copy, Debug)]
pub struct Question<'c> {
    /// The mesh that the policies are loaded for.
    pub mesh: &'c Mesh,
    /// The workload that the connection reaches.
    pub workload: &'c Workload,
    /// Name and text of each source of policies.
    pub sources: &'c [(String, String)],
    /// Whether they are loaded leniently.
    pub is_lenient: bool,
    /// The connection.
    pub connection: &'c OwnedConnection,
    /// The same as the suite has it.
    pub written: &'c ConnectionFile,
    /// What has to become of it.
    pub expect: Verdict,
    pub(crate) providers: &'c Entries<ProviderFile>,
}

impl Question<'_> {
    /// What the case's stand-in for a provider says.
    pub fn answer_of(&self, provider: &str) -> ProviderAnswer {
        match self.providers.get(provider) {
            Some(ProviderFile { decision: ProviderDecision::Allow, .. }) => ProviderAnswer::Allow,
            Some(ProviderFile { decision: ProviderDecision::Error, fail_open: true, .. }) => ProviderAnswer::Allow,
            Some(_) | None => ProviderAnswer::Deny,
        }
    }
}

/// What an engine answers, once the providers have been asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Whether the connection may pass.
    pub verdict: Verdict,
    /// The word for the reason.
    pub reason: String,
    /// The deciding policy, as `namespace/name`.
    pub policy: Option<String>,
    /// The place of the deciding rule in its policy.
    pub rule: Option<usize>,
    /// The AUDIT rule that matches.
    pub audit: Option<FoundRule>,
    /// The result of the dry-run ALLOW policies, `allowed` or `denied`, and the rule that matches.
    pub shadow_allow: (Option<String>, Option<FoundRule>),
    /// The same of the dry-run DENY policies.
    pub shadow_deny: (Option<String>, Option<FoundRule>),
    /// The verdict if dry-run policies were enforced; that of now if there are none.
    pub if_enforced: Verdict,
}

/// A rule that an answer names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRule {
    /// The policy, as `namespace/name`.
    pub policy: String,
    /// The place of the rule in its policy.
    pub rule: usize,
}

impl From<&RuleId> for FoundRule {
    fn from(rule: &RuleId) -> Self {
        Self { policy: rule.policy().to_string(), rule: rule.index() }
    }
}

impl From<&Decision<'_>> for Found {
    fn from(decision: &Decision<'_>) -> Self {
        let (reason, dry_run) = (decision.reason(), decision.dry_run());
        let shadow = |shadow: &Shadow<'_>| (shadow.result().map(str::to_owned), shadow.rule().map(FoundRule::from));
        Self {
            verdict: decision.verdict(),
            reason: reason.code().to_owned(),
            policy: reason.policy().map(ToString::to_string),
            rule: reason.rule().map(RuleId::index),
            audit: decision.audit().map(FoundRule::from),
            shadow_allow: shadow(&dry_run.allow),
            shadow_deny: shadow(&dry_run.deny),
            if_enforced: dry_run.if_enforced.map_or_else(|| decision.verdict(), |reason| reason.verdict()),
        }
    }
}
