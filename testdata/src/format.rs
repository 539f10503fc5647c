//! The keys of a suite, as users write them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use authz_core::{Labels, Mesh, ProviderKind, Verdict, Workload};
use serde::{Deserialize, Deserializer};

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
    pub(crate) custom_providers: BTreeMap<String, ProviderFile>,
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
    pub(crate) resource: serde_yaml::Value,
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
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Policies {
    Text(String),
    List(Vec<serde_yaml::Value>),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct MeshFile {
    root_namespace: Option<String>,
    trust_domain: Option<String>,
    #[serde(default)]
    trust_domain_aliases: Vec<String>,
    #[serde(default)]
    extension_providers: BTreeMap<String, KindFile>,
    #[serde(default)]
    multiple_custom_providers: bool,
    /// Concerns the ambient data plane only.
    #[serde(rename = "ambientDryRun")]
    _ambient_dry_run: Option<bool>,
}

impl MeshFile {
    pub(crate) fn to_mesh(&self) -> Mesh {
        let default = Mesh::default();
        Mesh {
            root_namespace: self.root_namespace.clone().unwrap_or(default.root_namespace),
            trust_domain: self.trust_domain.clone().unwrap_or(default.trust_domain),
            trust_domain_aliases: self.trust_domain_aliases.clone(),
            extension_providers: self.extension_providers.iter().map(|(name, kind)| (name.clone(), (*kind).into())).collect(),
            multiple_custom_providers: self.multiple_custom_providers,
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WorkloadFile {
    #[serde(default = "default_namespace")]
    namespace: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

fn default_namespace() -> String {
    "default".into()
}

impl WorkloadFile {
    pub(crate) fn to_workload(&self) -> Workload {
        Workload::new(&self.namespace).with_labels(Labels::from_iter(self.labels.clone()))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ConnectionFile {
    pub(crate) source_ip: Option<IpAddr>,
    pub(crate) remote_ip: Option<IpAddr>,
    pub(crate) destination_ip: Option<IpAddr>,
    pub(crate) destination_port: Option<u16>,
    pub(crate) principal: Option<OneOrMany>,
    pub(crate) sni: Option<String>,
    #[serde(default)]
    pub(crate) metadata: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(crate) unknown: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
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

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum KindFile {
    Grpc,
    Http,
}

impl From<KindFile> for ProviderKind {
    fn from(kind: KindFile) -> Self {
        match kind {
            KindFile::Grpc => Self::Grpc,
            KindFile::Http => Self::Http,
        }
    }
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
