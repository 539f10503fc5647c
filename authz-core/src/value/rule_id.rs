//! Which policy, and which of its rules: the names that decisions carry.

use std::fmt;
use std::sync::Arc;

use super::{Location, PolicyName};

/// A policy and where it is written.
///
/// ```
/// use authz_core::{Location, PolicyId, PolicyName, Span};
///
/// let id = PolicyId::new(PolicyName::new("foo", "default"), Location::new("mtls.yaml", Span::default()));
/// assert_eq!(id.to_string(), "foo/default");
/// assert_eq!(id.name().namespace(), "foo");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId {
    name: PolicyName,
    location: Location,
}

impl PolicyId {
    /// A policy at a place.
    pub fn new(name: PolicyName, location: Location) -> Self {
        Self { name, location }
    }

    /// The namespace and name.
    pub fn name(&self) -> &PolicyName {
        &self.name
    }

    /// Where the policy's name is written.
    pub fn location(&self) -> &Location {
        &self.location
    }
}

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

/// A rule of a policy and where it is written.
///
/// ```
/// use std::sync::Arc;
/// use authz_core::{Location, PolicyId, PolicyName, RuleId, Span};
///
/// let location = Location::new("policies.yaml", Span::default());
/// let policy = Arc::new(PolicyId::new(PolicyName::new("foo", "tcp-policy"), location.clone()));
/// let rule = RuleId::new(policy, 1, location);
/// assert_eq!(rule.to_string(), "foo/tcp-policy rule 1");
/// assert_eq!(rule.index(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    policy: Arc<PolicyId>,
    index: usize,
    location: Location,
}

impl RuleId {
    /// The rule at `index` of a policy.
    pub fn new(policy: Arc<PolicyId>, index: usize, location: Location) -> Self {
        Self { policy, index, location }
    }

    /// The policy.
    pub fn policy(&self) -> &PolicyId {
        &self.policy
    }

    /// The place of the rule in `rules`, from 0.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Where the rule starts.
    pub fn location(&self) -> &Location {
        &self.location
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rule {}", self.policy, self.index)
    }
}
