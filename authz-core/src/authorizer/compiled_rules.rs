//! The rules of the policies that apply to a workload, compiled, with what the order of decisions asks about them.

use std::sync::Arc;

use crate::decision::MAX_PROVIDERS;
use crate::matcher::{DENYING, Matcher, Rules, SEGMENTS};
use crate::policy::AuthorizationPolicy;
use crate::ranking::ranked;
use crate::resource::Action;
use crate::select::Selection;
use crate::sort::sort;
use crate::workload::{Mesh, ProviderKind};

/// What workloads share to which the same policies apply.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub(super) struct CompiledRules {
    pub(super) matcher: Matcher,
    pub(super) has: Has,
    /// The gRPC providers that can be asked, in order; the rules of the nth are segment [`PROVIDERS`] + n.
    pub(super) providers: Vec<Box<str>>,
}

/// The segments of the matcher, one for each question that the order below asks.
pub(super) const DENY: usize = DENYING;
pub(super) const ALLOW: usize = 1;
pub(super) const AUDIT: usize = 2;
pub(super) const SHADOW_DENY: usize = 3;
pub(super) const SHADOW_ALLOW: usize = 4;
/// CUSTOM rules that nobody can be asked about.
pub(super) const MISCONFIGURED: usize = 5;
pub(super) const PROVIDERS: usize = 6;
const _: () = assert!(PROVIDERS + MAX_PROVIDERS <= SEGMENTS);

/// Which policies apply at all, even without a rule that can match.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Has {
    pub(super) allow: bool,
    pub(super) audit: bool,
    pub(super) custom: bool,
    pub(super) shadow_deny: bool,
    pub(super) shadow_allow: bool,
}

impl CompiledRules {
    pub(super) fn new(selection: &Selection, mesh: &Mesh, index_bytes: usize) -> Self {
        let mut rules = Rules::of(selection.policies.iter().map(|(_, policy)| Arc::clone(policy)).collect());
        let mut has = Has::default();
        for action in [Action::Deny, Action::Allow, Action::Audit] {
            for (_, policy) in selection.policies.iter().filter(|(_, policy)| policy.action == action) {
                match (action, policy.is_dry_run) {
                    (Action::Allow, false) => has.allow = true,
                    (Action::Allow, true) => has.shadow_allow = true,
                    (Action::Deny, true) => has.shadow_deny = true,
                    (Action::Audit, _) => has.audit = true,
                    (Action::Deny, false) | (Action::Custom, _) => {}
                }
            }
            for (rank, (is_dry_run, rule)) in ranked(selection, |policy| policy.action == action).into_iter().enumerate() {
                let segment = match (action, is_dry_run) {
                    (Action::Deny, false) => DENY,
                    (Action::Deny, true) => SHADOW_DENY,
                    (Action::Allow, false) => ALLOW,
                    (Action::Allow, true) => SHADOW_ALLOW,
                    (Action::Audit | Action::Custom, _) => AUDIT,
                };
                rules.push(rule, segment, rank);
            }
        }
        let providers = custom(selection, mesh, &mut rules);
        has.custom = rules.has_segment_from(MISCONFIGURED);
        Self { matcher: Matcher::new(rules, index_bytes), has, providers }
    }
}

/// Adds the rules of CUSTOM policies: those that nobody can be asked about, and a segment a provider.
/// Answers the providers in the order in which they are asked.
fn custom(selection: &Selection, mesh: &Mesh, rules: &mut Rules) -> Vec<Box<str>> {
    let mut names: Vec<&str> = selection.of(Action::Custom).map(|policy| &*policy.provider).collect();
    sort(&mut names);
    names.dedup();
    let most = if mesh.multiple_custom_providers { MAX_PROVIDERS } else { 1 };
    let several = names.len() > most;
    let mut providers: Vec<Box<str>> = Vec::new();
    for name in names {
        let segment = match mesh.extension_providers.get(name) {
            Some(ProviderKind::Http) if !several => continue,
            Some(ProviderKind::Grpc) if !several => {
                providers.push(name.into());
                PROVIDERS + providers.len() - 1
            }
            Some(_) | None => MISCONFIGURED,
        };
        let of_provider = |policy: &AuthorizationPolicy| policy.action == Action::Custom && &*policy.provider == name;
        for (rank, (_, rule)) in ranked(selection, of_provider).into_iter().enumerate() {
            rules.push(rule, segment, rank);
        }
    }
    providers
}
