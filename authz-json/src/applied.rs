//! A policy that applies to a workload.

use authz_core::{AppliedPolicy, Authorizer, Location};
use serde::Serialize;

/// A policy that applies.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied<'a> {
    /// `namespace/name`.
    pub policy: String,
    /// `AuthorizationPolicy` or `PeerAuthentication`.
    pub kind: &'static str,
    /// What its rules order; nothing for a `PeerAuthentication`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Whether it is only tried out.
    pub dry_run: bool,
    /// Where it stands.
    pub location: &'a Location,
}

impl<'a> Applied<'a> {
    /// The policies that apply to the workload of an authorizer.
    pub fn to(authorizer: &'a Authorizer) -> Vec<Self> {
        let applied = |policy: AppliedPolicy<'a>| Self {
            policy: policy.id.to_string(),
            kind: if policy.action.is_some() { "AuthorizationPolicy" } else { "PeerAuthentication" },
            action: policy.action.map(|action| action.to_string()),
            dry_run: policy.is_dry_run,
            location: policy.id.location(),
        };
        authorizer.policies().map(applied).collect()
    }
}
