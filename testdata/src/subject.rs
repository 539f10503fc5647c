//! Whom a case is about, as users write it: the mesh, the workload and the connection.

use std::net::IpAddr;

use authz_core::{Labels, Mesh, ProviderKind, Workload};
use serde::{Deserialize, Serialize};

use crate::entries::Entries;

/// The mesh; what is left out is as Istio has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MeshFile {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_domain: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    trust_domain_aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    extension_providers: Entries<KindFile>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    multiple_custom_providers: bool,
    /// Concerns the ambient data plane only.
    #[serde(rename = "ambientDryRun", skip_serializing)]
    _ambient_dry_run: Option<bool>,
}

impl MeshFile {
    /// The mesh that is meant.
    pub fn to_mesh(&self) -> Mesh {
        let default = Mesh::default();
        Mesh {
            root_namespace: self.root_namespace.clone().unwrap_or(default.root_namespace),
            trust_domain: self.trust_domain.clone().unwrap_or(default.trust_domain),
            trust_domain_aliases: self.trust_domain_aliases.clone(),
            extension_providers: self.extension_providers.iter().map(|(name, kind)| (name.to_owned(), (*kind).into())).collect(),
            multiple_custom_providers: self.multiple_custom_providers,
        }
    }
}

/// The workload that connections reach.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadFile {
    #[serde(default = "default_namespace")]
    namespace: String,
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    labels: Entries<String>,
}

fn default_namespace() -> String {
    "default".into()
}

impl WorkloadFile {
    /// The workload that is meant.
    pub fn to_workload(&self) -> Workload {
        Workload::new(&self.namespace)
            .with_labels(self.labels.iter().map(|(key, value)| (key, value.as_str())).collect::<Labels>())
    }
}

impl From<&Workload> for WorkloadFile {
    fn from(workload: &Workload) -> Self {
        let labels = workload.labels().iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self { namespace: workload.namespace().to_owned(), labels: labels.collect() }
    }
}

/// A connection. A fact that is left out is known to be absent, except for addresses and the port, which every
/// connection has: one of these is stated or named in `unknown`.
///
/// ```
/// use authz_testdata::{ConnectionFile, OwnedConnection, from_yaml};
///
/// let text = "{sourceIp: 10.0.0.1, destinationIp: 10.0.0.2, destinationPort: 80, unknown: [peer]}";
/// let file: ConnectionFile = from_yaml(text)?;
/// let connection = OwnedConnection::new(&file)?;
/// assert!(connection.with(|connection| connection.peer_is_unknown()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConnectionFile {
    /// The address of the direct peer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<IpAddr>,
    /// The address of the original client; that of the direct peer where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_ip: Option<IpAddr>,
    /// The address of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_ip: Option<IpAddr>,
    /// The port of the workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_port: Option<u16>,
    /// The URI SANs of the peer. Stated, the connection is mesh mTLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<OneOrMany>,
    /// Whether it is TLS that is not the mesh's. Left out, it is such TLS if it has an `sni` and no `principal`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tls: bool,
    /// The server name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// What other filters know, by `NAMESPACE|KEY`.
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub metadata: Entries<OneOrMany>,
    /// Facts that are not known yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

/// A text or a list of them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// A text.
    One(String),
    /// A list.
    Many(Vec<String>),
}

/// How a provider is asked.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
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

impl From<&Mesh> for MeshFile {
    fn from(mesh: &Mesh) -> Self {
        let default = Mesh::default();
        let unless = |value: &String, usual: String| Some(value.clone()).filter(|value| *value != usual);
        let kind = |kind: &ProviderKind| match kind {
            ProviderKind::Grpc => KindFile::Grpc,
            ProviderKind::Http => KindFile::Http,
        };
        Self {
            root_namespace: unless(&mesh.root_namespace, default.root_namespace),
            trust_domain: unless(&mesh.trust_domain, default.trust_domain),
            trust_domain_aliases: mesh.trust_domain_aliases.clone(),
            extension_providers: mesh.extension_providers.iter().map(|(name, of)| (name.clone(), kind(of))).collect(),
            multiple_custom_providers: mesh.multiple_custom_providers,
            _ambient_dry_run: None,
        }
    }
}
