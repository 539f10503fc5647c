//! Which policies apply to a workload.

use std::sync::Arc;

use crate::policy::{AuthorizationPolicy, EffectiveMtls, PeerAuthentication, Scope};
use crate::resource::Action;
use crate::sort::{sort, sort_stably};
use crate::value::PolicyId;
use crate::workload::{Mesh, Workload};

/// Why a policy applies to a workload, or why it does not.
///
/// ```
/// use authz_core::Applies;
///
/// assert!(Applies::Mesh.yes());
/// assert!(!Applies::OtherNamespace.yes());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "kebab-case"))]
pub enum Applies {
    /// It is in the root namespace and selects every workload of the mesh.
    Mesh,
    /// It is in the root namespace and selects the workload by its labels.
    MeshSelector,
    /// It selects every workload of its namespace.
    Namespace,
    /// It selects the workload by its labels.
    Selector,
    /// It targets the gateway that the workload implements.
    Gateway,
    /// It is in another namespace, which is not the root namespace.
    OtherNamespace,
    /// Its selector asks for labels that the workload has not.
    OtherLabels,
    /// It targets something that the workload is not.
    OtherTarget,
}

impl Applies {
    /// Whether the policy applies.
    pub fn yes(self) -> bool {
        match self {
            Self::Mesh | Self::MeshSelector | Self::Namespace | Self::Selector | Self::Gateway => true,
            Self::OtherNamespace | Self::OtherLabels | Self::OtherTarget => false,
        }
    }

    /// The reason as a phrase.
    ///
    /// ```
    /// use authz_core::Applies;
    ///
    /// assert_eq!(Applies::Namespace.phrase(), "selects every workload of its namespace");
    /// ```
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Mesh => "is in the root namespace and selects every workload of the mesh",
            Self::MeshSelector => "is in the root namespace and selects the workload by its labels",
            Self::Namespace => "selects every workload of its namespace",
            Self::Selector => "selects the workload by its labels",
            Self::Gateway => "targets the gateway that the workload implements",
            Self::OtherNamespace => "is in another namespace",
            Self::OtherLabels => "asks for labels that the workload has not",
            Self::OtherTarget => "targets something that the workload is not",
        }
    }
}

/// A policy that applies to a workload.
///
/// ```
/// use authz_core::{Mesh, PolicySet, Workload};
///
/// let text = "{apiVersion: security.istio.io/v1, kind: PeerAuthentication, metadata: {name: m, namespace: foo}, spec: {mtls: {mode: STRICT}}}";
/// let authorizer = PolicySet::from_yaml(text, &Mesh::default())?.authorizer_for(&Workload::new("foo"));
/// assert_eq!(authorizer.policies().map(|policy| policy.action).collect::<Vec<_>>(), [None]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppliedPolicy<'a> {
    /// Its name and place.
    pub id: &'a PolicyId,
    /// What its rules order; nothing for a `PeerAuthentication`.
    pub action: Option<Action>,
    /// Whether it is only tried out.
    pub is_dry_run: bool,
}

/// The policies that apply to one workload, ready to be compiled or explained.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    /// Those that apply, in the order in which they report: by action, then by name.
    pub(crate) policies: Vec<(Applies, Arc<AuthorizationPolicy>)>,
    /// All policies, of which those were selected.
    all: Arc<[Arc<AuthorizationPolicy>]>,
    workload: Workload,
    pub(crate) mtls: EffectiveMtls,
}

impl Selection {
    pub(crate) fn new(
        all: &Arc<[Arc<AuthorizationPolicy>]>,
        peer_authentications: &[PeerAuthentication],
        workload: &Workload,
        mesh: &Mesh,
    ) -> Self {
        let selected = all.iter().map(|policy| (applies(policy, workload, mesh), Arc::clone(policy)));
        let mut policies: Vec<_> = selected.filter(|(applies, _)| applies.yes()).collect();
        sort_stably(&mut policies, |(_, a), (_, b)| (a.action, a.id.name()).cmp(&(b.action, b.id.name())));
        let mtls = effective_mtls(peer_authentications, workload, mesh);
        Self { policies, all: Arc::clone(all), workload: workload.clone(), mtls }
    }

    /// The policies that do not apply, and why.
    pub(crate) fn passed_over(&self, mesh: &Mesh) -> impl Iterator<Item = (Applies, &PolicyId)> {
        let all = self.all.iter().map(|policy| (applies(policy, &self.workload, mesh), &*policy.id));
        all.filter(|(applies, _)| !applies.yes())
    }

    /// What may be named in a decision: the policies, and those that set the mode of a port.
    pub(crate) fn applied(&self) -> impl Iterator<Item = AppliedPolicy<'_>> {
        let of_rules = self.policies.iter().map(|(_, policy)| AppliedPolicy {
            id: &policy.id,
            action: Some(policy.action),
            is_dry_run: policy.is_dry_run,
        });
        let mut of_ports: Vec<&PolicyId> = self.mtls.each().filter_map(|mtls| mtls.policy.as_deref()).collect();
        sort(&mut of_ports);
        of_ports.dedup();
        of_rules.chain(of_ports.into_iter().map(|id| AppliedPolicy { id, action: None, is_dry_run: false }))
    }

    /// The policies of an action.
    pub(crate) fn of(&self, action: Action) -> impl Iterator<Item = &AuthorizationPolicy> {
        self.policies.iter().map(|(_, policy)| &**policy).filter(move |policy| policy.action == action)
    }
}

fn applies(policy: &AuthorizationPolicy, workload: &Workload, mesh: &Mesh) -> Applies {
    let namespace = policy.id.name().namespace();
    let is_root = namespace == mesh.root_namespace;
    let is_own = namespace == workload.namespace();
    match &policy.scope {
        _ if !is_root && !is_own => Applies::OtherNamespace,
        Scope::Workloads(selector) => {
            let labels = selector.as_ref().filter(|labels| !labels.is_empty());
            match labels {
                Some(labels) if !labels.is_subset_of(workload.labels()) => Applies::OtherLabels,
                Some(_) if is_own => Applies::Selector,
                Some(_) => Applies::MeshSelector,
                None if is_root => Applies::Mesh,
                None => Applies::Namespace,
            }
        }
        // A gateway is attached from its own namespace only.
        Scope::Targets(gateways) => match workload.gateway() {
            Some(own) if is_own && gateways.iter().flatten().any(|gateway| &**gateway == own) => Applies::Gateway,
            Some(_) | None => Applies::OtherTarget,
        },
    }
}

/// The level of a peer authentication and whether it applies.
enum Level {
    Mesh,
    Namespace,
    Workload,
}

fn level(policy: &PeerAuthentication, workload: &Workload, mesh: &Mesh) -> Option<Level> {
    let namespace = policy.id.name().namespace();
    let is_root = namespace == mesh.root_namespace;
    match &policy.selector {
        None if is_root => Some(Level::Mesh),
        None => (namespace == workload.namespace()).then_some(Level::Namespace),
        // Istio ignores a selector in the root namespace, for the workloads there too.
        Some(_) if is_root => None,
        Some(labels) => (namespace == workload.namespace() && labels.is_subset_of(workload.labels())).then_some(Level::Workload),
    }
}

pub(crate) fn effective_mtls<'p>(
    policies: impl IntoIterator<Item = &'p PeerAuthentication>,
    workload: &Workload,
    mesh: &Mesh,
) -> EffectiveMtls {
    let [mut of_mesh, mut of_namespace, mut of_workload]: [Option<&PeerAuthentication>; 3] = [None; 3];
    let mut unreadable = None;
    for policy in policies {
        let best = match level(policy, workload, mesh) {
            Some(Level::Mesh) => &mut of_mesh,
            Some(Level::Namespace) => &mut of_namespace,
            Some(Level::Workload) => &mut of_workload,
            None => continue,
        };
        if policy.is_unreadable {
            unreadable = Some(policy);
        }
        if best.is_none_or(|best| is_older(policy, best)) {
            *best = Some(policy);
        }
    }
    EffectiveMtls::compose([of_mesh, of_namespace, of_workload], unreadable)
}

/// The oldest of a level wins, whatever its mode; a tie goes to the smaller name.
pub(crate) fn is_older(a: &PeerAuthentication, b: &PeerAuthentication) -> bool {
    (a.created, a.id.name().name(), a.id.name().namespace()) < (b.created, b.id.name().name(), b.id.name().namespace())
}
