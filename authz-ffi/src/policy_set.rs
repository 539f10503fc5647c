//! Policies as C loads them.

use std::{fmt, ptr};

use authz_core::{Limits, PolicyLoader, PolicySet};

use crate::boundary::{Caller, Growing, Out, give, guard, guard_or};
use crate::findings::authz_findings;
use crate::mesh::{self, authz_mesh, reserved, switch};
use crate::status::authz_status;
use crate::text::authz_text;

/// The data plane whose meaning policies get.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_profile {
    /// Istio's Envoy sidecar.
    Sidecar = 0,
}

/// A text with policies, and the name that findings and decisions call it by.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_source {
    /// The name, usually a path.
    pub name: authz_text,
    /// YAML, of one or more documents, or JSON. Resources of other kinds are passed over.
    pub text: authz_text,
}

/// How policies are loaded. NULL in its place, and each part that is left zero, means the default.
///
/// Owned by the caller and only read during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_load_options {
    /// `sizeof(authz_load_options)`.
    pub size: usize,
    /// An `authz_profile`.
    pub profile: u32,
    /// 0: anything that cannot be read fails the load. 1: the load goes on without it, in the one direction that
    /// is safe: an unreadable ALLOW rule matches nothing, an unreadable part of a DENY rule counts as not asked for,
    /// an unreadable PeerAuthentication as STRICT. Text that is no YAML fails either way.
    pub lenient: u32,
    /// 1 if texts without any AuthorizationPolicy or PeerAuthentication are meant, so that everything is allowed;
    /// with 0 they are `AUTHZ_STATUS_NO_POLICIES`, because a wrong path must not read as "allowed". An empty
    /// `kind: List` is an answer without it.
    pub allow_empty: u32,
    /// Zero.
    pub reserved: u32,
    /// Most bytes of text; 0: 64 MiB. This bound and those below hold for all texts together.
    pub max_bytes: usize,
    /// Most YAML documents; 0: 100,000.
    pub max_documents: usize,
    /// How deep mappings and lists may stand in each other; 0: 64.
    pub max_nesting: usize,
    /// Most nodes that anchors keep and aliases repeat; 0: 100,000.
    pub max_alias_nodes: usize,
    /// Most scalars, lists and mappings; 0: 16,000,000.
    pub max_nodes: usize,
    /// Most rules; 0: 1,000,000.
    pub max_rules: usize,
    /// Most findings that are kept; 0: 10,000.
    pub max_findings: usize,
    /// Bytes that what is compiled for one workload should take beside the policies, an aim and no bound;
    /// 0: 64 MiB.
    pub index_bytes: usize,
}

// SAFETY: `repr(C)` with the size first; integers, of which the 4-byte ones come in pairs.
unsafe impl Growing for authz_load_options {
    const FIRST: usize = size_of::<usize>() * 9 + size_of::<u32>() * 4;
}

const _: () = assert!(size_of::<authz_load_options>() == authz_load_options::FIRST);

/// Policies that were read and understood.
///
/// Owned by the caller, who frees it with `authz_policy_set_free`; authorizers made from it do not need it any more.
/// It does not change, so threads may share it.
pub struct authz_policy_set(pub(crate) PolicySet);

impl fmt::Debug for authz_policy_set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How C wants its policies loaded.
struct Manner {
    limits: Limits,
    is_lenient: bool,
    allows_empty: bool,
}

fn manner(caller: &Caller, options: *const authz_load_options) -> Result<Manner, authz_status> {
    let mut limits = Limits::default();
    if options.is_null() {
        return Ok(Manner { limits, is_lenient: false, allows_empty: false });
    }
    let given = caller.growing(options)?;
    // One profile, whose number is 0; another number asks for what is not there.
    reserved(given.profile)?;
    reserved(given.reserved)?;
    let stated = [
        (given.max_bytes, &mut limits.bytes),
        (given.max_documents, &mut limits.documents),
        (given.max_nesting, &mut limits.nesting),
        (given.max_alias_nodes, &mut limits.alias_nodes),
        (given.max_nodes, &mut limits.nodes),
        (given.max_rules, &mut limits.rules),
        (given.max_findings, &mut limits.findings),
        (given.index_bytes, &mut limits.index_bytes),
    ];
    for (number, place) in stated {
        if number != 0 {
            *place = number;
        }
    }
    Ok(Manner { limits, is_lenient: switch(given.lenient)?, allows_empty: switch(given.allow_empty)? })
}

fn load(
    caller: &Caller,
    sources: &[authz_source],
    mesh: *const authz_mesh,
    options: *const authz_load_options,
    findings: Option<&Out<'_, *mut authz_findings>>,
) -> Result<PolicySet, authz_status> {
    let mesh = mesh::mesh(caller, mesh)?;
    let manner = manner(caller, options)?;
    let mut loader = PolicyLoader::new(&mesh).limits(manner.limits);
    if manner.is_lenient {
        loader = loader.lenient();
    }
    for source in sources {
        loader = loader.source(caller.text(source.name)?, caller.text(source.text)?);
    }
    let loaded = loader.load();
    let found = loaded.as_ref().map_or_else(|error| error.findings(), PolicySet::findings);
    if let Some(place) = findings {
        place.write(give(authz_findings::new(found)));
    }
    let policies = loaded.map_err(|_| authz_status::Load)?;
    if policies.is_empty() && !policies.has_empty_list() && !manner.allows_empty {
        return Err(authz_status::NoPolicies);
    }
    Ok(policies)
}

/// Loads the policies of some texts.
///
/// `mesh` and `options` may be NULL. `policies` receives a policy set, or NULL for every status but
/// `AUTHZ_STATUS_OK`. `findings` may be NULL; otherwise it receives what is to be said about the texts, to be freed
/// with `authz_findings_free` whatever the status: after `AUTHZ_STATUS_LOAD` at least one error among others, after
/// `AUTHZ_STATUS_OK` warnings and notes (and errors that the `lenient` profile lets pass), or none; after another status
/// possibly NULL. The texts are not needed after the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_set_load(
    sources: *const authz_source,
    sources_len: usize,
    mesh: *const authz_mesh,
    options: *const authz_load_options,
    policies: *mut *mut authz_policy_set,
    findings: *mut *mut authz_findings,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let (policies, findings) = caller.out_beside((policies, ptr::null_mut()), (findings, ptr::null_mut()))?;
        let sources = caller.slice(sources, sources_len)?;
        policies.write(give(authz_policy_set(load(&caller, sources, mesh, options, findings.as_ref())?)));
        Ok(())
    })
}

/// Loads the policies of one text, which findings and decisions call `<text>`.
///
/// As `authz_policy_set_load` with one source and no options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_set_from_yaml(
    text: authz_text,
    mesh: *const authz_mesh,
    policies: *mut *mut authz_policy_set,
    findings: *mut *mut authz_findings,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let (policies, findings) = caller.out_beside((policies, ptr::null_mut()), (findings, ptr::null_mut()))?;
        let source = authz_source { name: authz_text::lend("<text>"), text };
        policies.write(give(authz_policy_set(load(&caller, &[source], mesh, ptr::null(), findings.as_ref())?)));
        Ok(())
    })
}

/// How many AuthorizationPolicies and PeerAuthentications the texts held; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_set_len(policies: *const authz_policy_set) -> usize {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(0, || caller.borrow(policies).map_or(0, |policies| policies.0.len()))
}

/// Frees a policy set; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_policy_set_free(policies: *mut authz_policy_set) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(policies));
}
