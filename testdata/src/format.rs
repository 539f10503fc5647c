//! The keys of a suite, as users write them.

use std::fmt;

use authz_core::Verdict;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::entries::Entries;
use crate::subject::{ConnectionFile, KindFile, MeshFile, WorkloadFile};
use crate::yaml::Item;

/// A whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SuiteFile {
    pub(crate) mesh: Option<MeshFile>,
    pub(crate) workload: Option<WorkloadFile>,
    pub(crate) profile: Option<String>,
    pub(crate) policies: Option<Policies>,
    #[serde(default)]
    pub(crate) cases: Vec<CaseFile>,
    #[serde(default)]
    pub(crate) resources: Vec<ResourceFile>,
}

/// One connection and what must become of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct CaseFile {
    pub(crate) name: String,
    pub(crate) mesh: Option<MeshFile>,
    pub(crate) workload: Option<WorkloadFile>,
    pub(crate) profile: Option<String>,
    pub(crate) policies: Option<Policies>,
    pub(crate) connection: ConnectionFile,
    /// Facts that are not known yet. May stand in `connection` too.
    #[serde(default)]
    pub(crate) unknown: Vec<String>,
    pub(crate) expect: Expected,
    #[serde(default)]
    pub(crate) because: Because,
    /// Left out: not asserted; null: known not to be marked.
    #[serde(default, deserialize_with = "present")]
    pub(crate) audit: Option<Option<Audit>>,
    pub(crate) dry_run: Option<DryRunFile>,
    #[serde(default)]
    pub(crate) custom_providers: Entries<ProviderFile>,
    #[serde(default)]
    pub(crate) lenient: bool,
    pub(crate) skip: Option<String>,
    #[serde(rename = "note")]
    pub(crate) _note: Option<String>,
    #[serde(default, rename = "tags")]
    pub(crate) _tags: Vec<String>,
    #[serde(rename = "expectAmbient")]
    pub(crate) _expect_ambient: Option<Expected>,
    #[serde(rename = "expectKmesh")]
    pub(crate) _expect_kmesh: Option<Expected>,
}

/// One resource and whether a cluster would accept it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResourceFile {
    pub(crate) name: String,
    #[serde(rename = "note")]
    pub(crate) _note: Option<String>,
    pub(crate) resource: Item,
    pub(crate) expect: Acceptance,
    pub(crate) layer: Option<String>,
    #[serde(default)]
    pub(crate) warnings: Vec<String>,
    pub(crate) skip: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Acceptance {
    Accept,
    Reject,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Expected {
    Allow,
    Deny,
}

impl From<Expected> for Verdict {
    fn from(expected: Expected) -> Self {
        match expected {
            Expected::Allow => Self::Allow,
            Expected::Deny => Self::Deny,
        }
    }
}

/// YAML text, or a list of paths or of resources.
#[derive(Clone, Debug)]
pub(crate) enum Policies {
    Text(String),
    List(Vec<Item>),
}

impl<'de> Deserialize<'de> for Policies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PoliciesVisitor)
    }
}

struct PoliciesVisitor;

impl<'de> Visitor<'de> for PoliciesVisitor {
    type Value = Policies;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("policies as YAML text, or a list of paths or of resources")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Policies, E> {
        Ok(Policies::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Policies, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Policies::List(list))
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Because {
    pub(crate) reason: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) rule: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audit {
    Marked(bool),
    Rule(RuleFile),
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RuleFile {
    pub(crate) policy: String,
    pub(crate) rule: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DryRunFile {
    pub(crate) allow: Option<ShadowFile>,
    pub(crate) deny: Option<ShadowFile>,
    pub(crate) if_enforced: Option<Expected>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ShadowFile {
    pub(crate) result: String,
    #[serde(rename = "match")]
    pub(crate) rule: Option<RuleFile>,
}

/// A stand-in for a provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ProviderFile {
    pub(crate) kind: KindFile,
    #[serde(default)]
    pub(crate) decision: ProviderDecision,
    #[serde(default)]
    pub(crate) fail_open: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProviderDecision {
    Allow,
    #[default]
    Deny,
    Error,
}

/// Tells a key that is null from one that was left out.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
