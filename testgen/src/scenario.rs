//! A mesh, a workload, policies and connections.

use authz_core::{Authorizer, Limits, LoadError, Mesh, PolicyLoader, ProviderKind, Workload};

use crate::authorization_policy::{self, Place};
use crate::draw::Draw;
use crate::facts::Facts;
use crate::node::Node;
use crate::{peer_authentication, pool};

/// What the engine is asked: policies that load, a workload that most of them reach, and connections.
///
/// ```
/// use authz_testgen::{Scenario, seeded_bytes};
///
/// let scenario = Scenario::from_bytes(&seeded_bytes(1, 4096));
/// assert!(scenario.load().is_ok(), "{}", scenario.text());
/// ```
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The mesh.
    pub mesh: Mesh,
    /// The workload that connections reach.
    pub workload: Workload,
    /// The connections.
    pub connections: Vec<Facts>,
    pub(crate) resources: Vec<Node>,
    pub(crate) is_lenient: bool,
}

impl Scenario {
    /// The scenario that bytes stand for.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self::draw(&mut Draw::new(bytes))
    }

    /// The scenario that comes next.
    pub fn draw(draw: &mut Draw<'_>) -> Self {
        let mesh = draw_mesh(draw);
        let place = Place {
            namespace: draw.text(pool::NAMESPACES),
            root: mesh.root_namespace.clone(),
            app: draw.text(pool::APPS),
            gateway: draw.maybe(20, |draw| draw.text(pool::GATEWAYS)),
        };
        let mut workload = Workload::new(&place.namespace).label("app", &place.app);
        if draw.percent(30) {
            workload = workload.label("version", "v1");
        }
        if let Some(gateway) = &place.gateway {
            workload = workload.label("gateway.networking.k8s.io/gateway-name", gateway);
        }
        let connections = draw.between(1, 4);
        let connections = (0..connections).map(|_| Facts::draw(draw)).collect();
        let mut resources = Vec::new();
        let modes = [0, 0, 0, 1, 1, 2, 3];
        for index in 0..draw.one(&modes) {
            resources.push(peer_authentication::draw(index, &place, draw));
        }
        for index in 0..draw.between(0, 6) {
            resources.push(authorization_policy::draw(index, &place, draw));
        }
        Self { mesh, workload, connections, resources, is_lenient: false }
    }

    /// The scenario that comes next, with many policies, most of them such that others still matter.
    pub fn draw_large(draw: &mut Draw<'_>, policies: usize) -> Self {
        let mut scenario = Self::draw(draw);
        let place = Place {
            namespace: scenario.workload.namespace().to_owned(),
            root: scenario.mesh.root_namespace.clone(),
            app: scenario.workload.labels().get("app").unwrap_or_default().to_owned(),
            gateway: None,
        };
        let first = scenario.resources.len();
        for index in first..first + policies {
            scenario.resources.push(authorization_policy::draw_weighted(index, &[20, 1, 10, 1], &place, draw));
        }
        scenario
    }

    /// The policies as YAML.
    pub fn text(&self) -> String {
        self.resources.iter().map(Node::to_yaml).collect::<Vec<_>>().join("---\n")
    }

    /// Loads the policies and compiles those that reach the workload.
    ///
    /// # Errors
    ///
    /// When the policies do not load, which those of a drawn scenario do.
    pub fn load(&self) -> Result<Authorizer, LoadError> {
        self.load_within(Limits::default())
    }

    /// The same within limits.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load), and where the policies go beyond the limits.
    pub fn load_within(&self, limits: Limits) -> Result<Authorizer, LoadError> {
        let text = self.text();
        let loader = PolicyLoader::new(&self.mesh).limits(limits).source("policies.yaml", &text);
        let loader = if self.is_lenient { loader.lenient() } else { loader };
        Ok(loader.load()?.authorizer_for(&self.workload))
    }

    /// The same scenario with a lenient load.
    pub(crate) fn lenient(&self) -> Self {
        Self { is_lenient: true, ..self.clone() }
    }
}

fn draw_mesh(draw: &mut Draw<'_>) -> Mesh {
    let trust_domain = draw.text(pool::TRUST_DOMAINS);
    let kinds = [("opa", ProviderKind::Grpc), ("ext", ProviderKind::Grpc), ("http-authz", ProviderKind::Http)];
    Mesh {
        root_namespace: draw.text(pool::ROOT_NAMESPACES),
        trust_domain,
        trust_domain_aliases: if draw.percent(40) { draw.some(2, |draw| draw.text(pool::TRUST_DOMAINS)) } else { Vec::new() },
        extension_providers: kinds.map(|(name, kind)| (name.to_owned(), kind)).into(),
        multiple_custom_providers: draw.percent(50),
    }
}

/// The keys of a suite that say what the scenario says.
pub(crate) fn mesh_node(mesh: &Mesh) -> Node {
    let kind = |kind: &ProviderKind| match kind {
        ProviderKind::Grpc => Node::text("grpc"),
        ProviderKind::Http => Node::text("http"),
    };
    let providers = mesh.extension_providers.iter().map(|(name, of)| (name.as_str(), kind(of)));
    Node::map([
        ("rootNamespace", Node::text(&mesh.root_namespace)),
        ("trustDomain", Node::text(&mesh.trust_domain)),
        ("trustDomainAliases", Node::texts(&mesh.trust_domain_aliases)),
        ("extensionProviders", Node::map(providers)),
        ("multipleCustomProviders", Node::Plain(if mesh.multiple_custom_providers { "true" } else { "false" })),
    ])
}

pub(crate) fn workload_node(workload: &Workload) -> Node {
    let labels = workload.labels().iter().map(|(key, value)| (key, Node::text(value)));
    Node::map([("namespace", Node::text(workload.namespace())), ("labels", Node::map(labels))])
}
