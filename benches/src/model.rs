//! Policies as plain data, before they are text: what a generator makes, and what another engine is given.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use ipnet::IpNet;

/// The namespace in which all policies of a set stand; the root namespace is another.
pub const NAMESPACE: &str = "bench";

/// A named set of policies for one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// What reports call it: `mesh-1000`.
    pub name: String,
    /// What it imitates.
    pub kind: Kind,
    /// The policies, all of [`NAMESPACE`] and without a selector.
    pub policies: Vec<Policy>,
}

/// What a set imitates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Services that know each other by identity.
    Mesh,
    /// Source, destination and port.
    AccessList,
    /// Sources that are refused.
    BlockList,
}

/// What a policy orders; the other two actions are no question of speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `ALLOW`
    Allow,
    /// `DENY`
    Deny,
}

/// An `AuthorizationPolicy`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `metadata.name`
    pub name: String,
    /// `spec.action`
    pub action: Action,
    /// `spec.rules`; any of them
    pub rules: Vec<Rule>,
}

/// A rule: any of the sources, any of the operations, all of the conditions. An empty list asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `from`
    pub from: Vec<Source>,
    /// `to`
    pub to: Vec<Operation>,
    /// `when`
    pub when: Vec<Condition>,
}

/// All of its lists that are not empty; of each any value, of those called `not` none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// `principals`, without the scheme: exact, `prefix*` or `*suffix`
    pub principals: Vec<Arc<str>>,
    /// `notPrincipals`
    pub not_principals: Vec<Arc<str>>,
    /// `namespaces`
    pub namespaces: Vec<Arc<str>>,
    /// `notNamespaces`
    pub not_namespaces: Vec<Arc<str>>,
    /// `ipBlocks`
    pub ip_blocks: Vec<IpNet>,
    /// `notIpBlocks`
    pub not_ip_blocks: Vec<IpNet>,
}

/// Ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operation {
    /// `ports`
    pub ports: Vec<u16>,
    /// `notPorts`
    pub not_ports: Vec<u16>,
}

/// One entry of `when`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// `source.ip` is in none of the blocks.
    NotSourceIp(Vec<IpNet>),
    /// `source.namespace` is none of these.
    NotSourceNamespace(Vec<Arc<str>>),
    /// `destination.ip` is in one of the blocks.
    DestinationIp(Vec<IpNet>),
    /// `destination.ip` is in none of the blocks.
    NotDestinationIp(Vec<IpNet>),
    /// `destination.port` is one of these.
    DestinationPort(Vec<u16>),
    /// `connection.sni` is one of these: exact, `prefix*` or `*suffix`.
    Sni(Vec<Arc<str>>),
}

impl Set {
    /// How many rules it has.
    pub fn rules(&self) -> usize {
        self.policies.iter().map(|policy| policy.rules.len()).sum()
    }

    /// How many address blocks its sources list.
    pub fn source_blocks(&self) -> usize {
        let sources = self.policies.iter().flat_map(|policy| &policy.rules).flat_map(|rule| &rule.from);
        sources.map(|source| source.ip_blocks.len()).sum()
    }

    /// Whether one of its policies allows everything that none denies.
    pub fn allows_all(&self) -> bool {
        let is_open = |rule: &Rule| *rule == Rule::default();
        self.policies.iter().any(|policy| policy.action == Action::Allow && policy.rules.iter().any(is_open))
    }

    /// The policies as YAML documents.
    ///
    /// ```
    /// use authz_benches::mesh;
    /// use authz_core::{Mesh, PolicySet};
    ///
    /// let set = mesh(10, 1);
    /// assert_eq!(PolicySet::from_yaml(&set.to_yaml(), &Mesh::default())?.len(), set.policies.len());
    /// # Ok::<(), authz_core::LoadError>(())
    /// ```
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        for policy in &self.policies {
            // Writing to a string cannot fail.
            let _ = policy.write(&mut text);
        }
        text
    }
}

impl Policy {
    fn write(&self, to: &mut String) -> fmt::Result {
        let action = match self.action {
            Action::Allow => "ALLOW",
            Action::Deny => "DENY",
        };
        writeln!(to, "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata:")?;
        writeln!(to, "  name: {}\n  namespace: {NAMESPACE}\nspec:\n  action: {action}", self.name)?;
        to.push_str(if self.rules.is_empty() { "" } else { "  rules:\n" });
        self.rules.iter().try_for_each(|rule| rule.write(to))
    }
}

impl Rule {
    fn write(&self, to: &mut String) -> fmt::Result {
        // The first line of a rule has its dash.
        let mut lead = "  - ";
        let mut head = |to: &mut String, name: &str| writeln!(to, "{}{name}:", std::mem::replace(&mut lead, "    "));
        if !self.from.is_empty() {
            head(to, "from")?;
        }
        for source in &self.from {
            writeln!(to, "    - source:")?;
            list(to, 8, "principals", &source.principals)?;
            list(to, 8, "notPrincipals", &source.not_principals)?;
            list(to, 8, "namespaces", &source.namespaces)?;
            list(to, 8, "notNamespaces", &source.not_namespaces)?;
            list(to, 8, "ipBlocks", &source.ip_blocks)?;
            list(to, 8, "notIpBlocks", &source.not_ip_blocks)?;
        }
        if !self.to.is_empty() {
            head(to, "to")?;
        }
        for operation in &self.to {
            writeln!(to, "    - operation:")?;
            list(to, 8, "ports", &operation.ports)?;
            list(to, 8, "notPorts", &operation.not_ports)?;
        }
        if !self.when.is_empty() {
            head(to, "when")?;
        }
        self.when.iter().try_for_each(|condition| condition.write(to))?;
        if *self == Self::default() { writeln!(to, "  - {{}}") } else { Ok(()) }
    }
}

impl Condition {
    fn write(&self, to: &mut String) -> fmt::Result {
        let mut entry = |key: &str| writeln!(to, "    - key: {key}");
        match self {
            Self::NotSourceIp(blocks) => entry("source.ip").and_then(|()| list(to, 6, "notValues", blocks)),
            Self::NotSourceNamespace(names) => entry("source.namespace").and_then(|()| list(to, 6, "notValues", names)),
            Self::DestinationIp(blocks) => entry("destination.ip").and_then(|()| list(to, 6, "values", blocks)),
            Self::NotDestinationIp(blocks) => entry("destination.ip").and_then(|()| list(to, 6, "notValues", blocks)),
            Self::DestinationPort(ports) => entry("destination.port").and_then(|()| list(to, 6, "values", ports)),
            Self::Sni(names) => entry("connection.sni").and_then(|()| list(to, 6, "values", names)),
        }
    }
}

/// A list as people write it: a short one on one line, a long one with a line for each value.
fn list<T: fmt::Display>(to: &mut String, indent: usize, name: &str, values: &[T]) -> fmt::Result {
    match values {
        [] => Ok(()),
        [first, rest @ ..] if rest.len() < 16 => {
            write!(to, "{:indent$}{name}: [\"{first}\"", "")?;
            rest.iter().try_for_each(|value| write!(to, ", \"{value}\""))?;
            to.push_str("]\n");
            Ok(())
        }
        values => {
            writeln!(to, "{:indent$}{name}:", "")?;
            values.iter().try_for_each(|value| writeln!(to, "{:indent$}- \"{value}\"", ""))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_as_people_write_policies() {
        let source = Source { principals: vec!["cluster.local/ns/a/*".into()], ..Source::default() };
        let block: IpNet = "10.0.0.0/8".parse().unwrap();
        let rules = vec![
            Rule { from: vec![source], to: Vec::new(), when: vec![Condition::DestinationIp(vec![block])] },
            Rule { to: vec![Operation { ports: vec![80, 443], not_ports: Vec::new() }], ..Rule::default() },
            Rule::default(),
        ];
        let set =
            Set { name: "x".into(), kind: Kind::Mesh, policies: vec![Policy { name: "p".into(), action: Action::Allow, rules }] };
        let text = "---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: p
  namespace: bench
spec:
  action: ALLOW
  rules:
  - from:
    - source:
        principals: [\"cluster.local/ns/a/*\"]
    when:
    - key: destination.ip
      values: [\"10.0.0.0/8\"]
  - to:
    - operation:
        ports: [\"80\", \"443\"]
  - {}
";
        assert_eq!(set.to_yaml(), text);
        assert!(set.allows_all() && set.rules() == 3 && set.source_blocks() == 0);
    }
}
