//! Policies as meant: what a resource says once its words are read and its data plane is known.
//!
//! Everything behind this stage works on these types, and everything that depends on the data plane
//! happens before it, in [`translate`].

mod condition;
mod mtls;
mod path_template;
mod principal;
mod rule;
mod translate;
mod validate;

pub use condition::condition_keys;
pub(crate) use mtls::{EffectiveMtls, PeerAuthentication, PortMtls};
pub(crate) use rule::{Clause, Effect, HttpTerm, Patterns, Rule, Term};
pub(crate) use translate::translate;
pub(crate) use validate::{validate_authorization_policy, validate_peer_authentication};

use std::sync::Arc;

use crate::resource::Action;
use crate::value::{Labels, PolicyId};

/// An `AuthorizationPolicy`, ready to be selected and compiled.
#[derive(Clone, Debug)]
pub(crate) struct AuthorizationPolicy {
    pub(crate) id: Arc<PolicyId>,
    pub(crate) scope: Scope,
    pub(crate) action: Action,
    /// The provider of a CUSTOM policy; empty where it names none.
    pub(crate) provider: Box<str>,
    pub(crate) is_dry_run: bool,
    pub(crate) rules: Vec<Rule>,
    /// What rules that lost a value would match without the field that held it. A lenient load denies
    /// it too, after every rule that was read whole.
    pub(crate) widened: Vec<Rule>,
}

/// Which workloads of its namespace, or of the mesh, a policy asks for.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    /// All, or those with these labels.
    Workloads(Option<Labels>),
    /// Gateways, by name; nothing where a target is of another kind.
    Targets(Vec<Option<Box<str>>>),
}
