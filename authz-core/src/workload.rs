//! Who is asked: the workload that a connection reaches, and the mesh it lives in.

use std::collections::BTreeMap;

use crate::value::Labels;

/// The workload that connections reach: its namespace and its labels.
///
/// ```
/// use authz_core::Workload;
///
/// let workload = Workload::new("foo").label("app", "tcp-echo");
/// assert_eq!(workload.namespace(), "foo");
/// assert_eq!(workload.labels().get("app"), Some("tcp-echo"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Workload {
    namespace: Box<str>,
    labels: Labels,
}

impl Workload {
    /// A workload of a namespace, without labels.
    pub fn new(namespace: &str) -> Self {
        Self { namespace: namespace.into(), labels: Labels::default() }
    }

    /// Adds a label.
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key, value);
        self
    }

    /// Sets all labels.
    ///
    /// ```
    /// use authz_core::Workload;
    ///
    /// let workload = Workload::new("foo").with_labels([("app", "web")].into_iter().collect());
    /// assert_eq!(workload, Workload::new("foo").label("app", "web"));
    /// ```
    pub fn with_labels(mut self, labels: Labels) -> Self {
        self.labels = labels;
        self
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The labels.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }

    /// The Gateway that the workload implements, if it is one.
    ///
    /// `targetRefs` attach to such a workload and to no other (reference: Istio, policy attachment).
    ///
    /// ```
    /// use authz_core::Workload;
    ///
    /// let gateway = Workload::new("foo").label("gateway.networking.k8s.io/gateway-name", "gw");
    /// assert_eq!(gateway.gateway(), Some("gw"));
    /// ```
    pub fn gateway(&self) -> Option<&str> {
        self.labels.get("gateway.networking.k8s.io/gateway-name")
    }
}

/// What the policies of a mesh share: its root namespace, its trust domains, its authorizers.
///
/// The defaults are Istio's: root namespace `istio-system`, trust domain `cluster.local`, no aliases,
/// no extension providers.
///
/// ```
/// use authz_core::Mesh;
///
/// let mesh = Mesh { trust_domain: "prod.example".into(), ..Mesh::default() };
/// assert_eq!(mesh.root_namespace, "istio-system");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// Policies in this namespace hold for the whole mesh.
    pub root_namespace: String,
    /// The trust domain of the mesh.
    pub trust_domain: String,
    /// Further trust domains whose identities count as the mesh's own.
    pub trust_domain_aliases: Vec<String>,
    /// The extension providers that `CUSTOM` policies may name. One that is missing here is
    /// undefined, and what asks for it is denied.
    pub extension_providers: BTreeMap<String, ProviderKind>,
    /// Whether a workload may have several providers (Istio's
    /// `PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS`), up to 4 of them. If not, or past that, what asks
    /// for any of several is denied.
    pub multiple_custom_providers: bool,
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            root_namespace: "istio-system".into(),
            trust_domain: "cluster.local".into(),
            trust_domain_aliases: Vec::new(),
            extension_providers: BTreeMap::new(),
            multiple_custom_providers: false,
        }
    }
}

impl Mesh {
    /// The trust domain and its aliases, each once.
    ///
    /// ```
    /// use authz_core::Mesh;
    ///
    /// let mesh = Mesh { trust_domain_aliases: vec!["old-td".into()], ..Mesh::default() };
    /// assert_eq!(mesh.trust_domains(), ["cluster.local", "old-td"]);
    /// ```
    pub fn trust_domains(&self) -> Vec<&str> {
        let mut all = vec![self.trust_domain.as_str()];
        for alias in &self.trust_domain_aliases {
            if !all.contains(&alias.as_str()) {
                all.push(alias);
            }
        }
        all
    }
}

/// How an extension provider is asked.
///
/// ```
/// use authz_core::ProviderKind;
///
/// assert_eq!("grpc".parse(), Ok(ProviderKind::Grpc));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Envoy's gRPC external authorization: it can judge a TCP connection.
    Grpc,
    /// HTTP external authorization: it has no form for TCP, so its policies are ignored there.
    Http,
}

impl std::str::FromStr for ProviderKind {
    type Err = UnknownProviderKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "grpc" => Ok(Self::Grpc),
            "http" => Ok(Self::Http),
            _ => Err(UnknownProviderKind),
        }
    }
}

/// A text is no [`ProviderKind`].
///
/// ```
/// use authz_core::{ProviderKind, UnknownProviderKind};
///
/// assert_eq!("tcp".parse::<ProviderKind>(), Err(UnknownProviderKind));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a provider is `grpc` or `http`")]
pub struct UnknownProviderKind;

/// The data plane whose rules decide.
///
/// The data planes that read Istio's policies differ in what they make of one resource. The
/// difference lies in the translation from resource to policy; everything after it is shared.
///
/// ```
/// use authz_core::Profile;
///
/// assert_eq!("sidecar".parse(), Ok(Profile::Sidecar));
/// assert!("ambient".parse::<Profile>().is_err());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// Istio's Envoy sidecar.
    #[default]
    Sidecar,
}

impl std::str::FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sidecar" => Ok(Self::Sidecar),
            "ambient" | "kmesh" => Err(UnknownProfile::NotYet),
            _ => Err(UnknownProfile::Unknown),
        }
    }
}

/// A text names no data plane that is implemented.
///
/// ```
/// use authz_core::{Profile, UnknownProfile};
///
/// assert_eq!("kmesh".parse::<Profile>(), Err(UnknownProfile::NotYet));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownProfile {
    /// A data plane that is known and not implemented.
    #[error("this profile is not implemented; only `sidecar` is")]
    NotYet,
    /// No data plane.
    #[error("the profile is `sidecar`")]
    Unknown,
}
