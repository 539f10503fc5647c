//! The name of a policy: its namespace and its name within it.

use std::fmt;

/// A policy's namespace and name, printed as `namespace/name`.
///
/// ```
/// use authz_core::PolicyName;
///
/// let name = PolicyName::new("foo", "tcp-policy");
/// assert_eq!(name.to_string(), "foo/tcp-policy");
/// assert_eq!((name.namespace(), name.name()), ("foo", "tcp-policy"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName {
    namespace: Box<str>,
    name: Box<str>,
}

impl PolicyName {
    /// A policy of a namespace.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The name within the namespace.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that Istio gives a rule in Envoy's configuration and logs.
    ///
    /// ```
    /// use authz_core::PolicyName;
    ///
    /// let id = PolicyName::new("foo", "tcp-policy").rule_id(0);
    /// assert_eq!(id, "ns[foo]-policy[tcp-policy]-rule[0]");
    /// ```
    pub fn rule_id(&self, rule: usize) -> String {
        format!("{}{rule}]", self.rule_id_start())
    }

    /// What the ids of all rules of a policy start with.
    pub(crate) fn rule_id_start(&self) -> String {
        format!("ns[{}]-policy[{}]-rule[", self.namespace, self.name)
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
