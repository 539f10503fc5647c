//! Whether a workload's port takes plaintext, mTLS or both: `PeerAuthentication` as meant.

use std::sync::Arc;

use crate::fact_set::FactSet;
use crate::finding::Reporter;
use crate::resource::{self, Mode};
use crate::sort::sort_stably;
use crate::value::{Labels, PolicyId, Port};

/// A `PeerAuthentication`.
#[derive(Clone, Debug)]
pub(crate) struct PeerAuthentication {
    pub(crate) id: Arc<PolicyId>,
    /// The labels of its selector; nothing where it holds for its whole scope.
    pub(crate) selector: Option<Labels>,
    pub(crate) mode: Mode,
    pub(crate) ports: Vec<(u16, Mode)>,
    /// Seconds since 1970; nothing counts as oldest.
    pub(crate) created: Option<i64>,
    /// Whether something in it could not be read. It is then strict wherever it applies.
    pub(crate) is_unreadable: bool,
}

impl PeerAuthentication {
    pub(crate) fn new(resource: &resource::PeerAuthentication<'_>, reporter: &Reporter) -> Self {
        let ports = resource.ports.iter().flatten();
        let ports = ports.map(|entry| Port::parse(entry.port.value).map(|port| (port.number(), entry.mode)));
        let read: Result<Vec<_>, _> = ports.collect();
        let is_unreadable = resource.is_broken || resource.metadata.is_broken || read.is_err();
        // An empty selector selects everything, as none does.
        let selector = resource.selector.as_ref().map(resource::Selector::to_labels).filter(|labels| !labels.is_empty());
        Self {
            id: Arc::new(PolicyId::new(resource.metadata.name.clone(), reporter.locate(resource.metadata.span))),
            selector,
            mode: resource.mode,
            ports: read.unwrap_or_default(),
            created: resource.metadata.created,
            is_unreadable,
        }
    }
}

/// The mode of a port and the policy that set it; none did where it is Istio's default.
#[derive(Clone, Debug)]
pub(crate) struct PortMtls {
    pub(crate) mode: Mode,
    pub(crate) policy: Option<Arc<PolicyId>>,
}

/// The modes of a workload's ports, none of them [`Mode::Unset`].
#[derive(Clone, Debug)]
pub(crate) struct EffectiveMtls {
    /// Ports with a mode of their own, in order.
    pub(crate) ports: Vec<(u16, PortMtls)>,
    /// Every other port.
    pub(crate) other: PortMtls,
}

impl EffectiveMtls {
    /// Composes the modes from the policy that won on each level: the mesh's, the namespace's, the
    /// workload's (reference: Istio, `pilot/pkg/security/authn/policy_applier.go`).
    pub(crate) fn compose(levels: [Option<&PeerAuthentication>; 3], unreadable: Option<&PeerAuthentication>) -> Self {
        if let Some(policy) = unreadable {
            let other = PortMtls { mode: Mode::Strict, policy: Some(Arc::clone(&policy.id)) };
            return Self { ports: Vec::new(), other };
        }
        let mut other = PortMtls { mode: Mode::Permissive, policy: None };
        for policy in levels.into_iter().flatten().filter(|policy| policy.mode != Mode::Unset) {
            other = PortMtls { mode: policy.mode, policy: Some(Arc::clone(&policy.id)) };
        }
        let [_, _, workload] = levels;
        // Only the winning workload policy's ports count; those of the losers are not merged.
        let mut ports: Vec<(u16, PortMtls)> = workload
            .into_iter()
            .flat_map(|policy| policy.ports.iter().map(move |(port, mode)| (policy, *port, *mode)))
            .filter(|(_, _, mode)| *mode != Mode::Unset)
            .map(|(policy, port, mode)| (port, PortMtls { mode, policy: Some(Arc::clone(&policy.id)) }))
            .collect();
        sort_stably(&mut ports, |(a, _), (b, _)| a.cmp(b));
        Self { ports, other }
    }

    /// The mode of a port.
    pub(crate) fn of_port(&self, port: u16) -> &PortMtls {
        match self.ports.binary_search_by_key(&port, |(port, _)| *port) {
            Ok(at) => self.ports.get(at).map_or(&self.other, |(_, mtls)| mtls),
            Err(_) => &self.other,
        }
    }

    /// Every mode, each with the policy that set it.
    pub(crate) fn each(&self) -> impl Iterator<Item = &PortMtls> {
        self.ports.iter().map(|(_, mtls)| mtls).chain([&self.other])
    }

    /// The facts that the modes ask for.
    pub(crate) fn reads(&self) -> FactSet {
        let asks = self.each().any(|mtls| matches!(mtls.mode, Mode::Strict | Mode::Disable));
        match self.of_all_ports() {
            _ if !asks => FactSet::EMPTY,
            Some(_) => FactSet::TRANSPORT,
            None => FactSet::TRANSPORT | FactSet::DESTINATION_PORT,
        }
    }

    /// The mode that every port has, if they agree.
    pub(crate) fn of_all_ports(&self) -> Option<&PortMtls> {
        self.ports.iter().all(|(_, mtls)| mtls.mode == self.other.mode).then_some(&self.other)
    }
}
