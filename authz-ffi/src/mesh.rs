//! What all policies of a mesh share, as C states it.

use authz_core::{Mesh, ProviderKind};

use crate::boundary::{Caller, Growing};
use crate::status::authz_status;
use crate::text::authz_text;

/// How an extension provider is asked. Zero is no kind, and an error.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_provider_kind {
    /// Envoy's gRPC external authorization, which can judge a TCP connection.
    Grpc = 1,
    /// HTTP external authorization, which has no form for TCP: its policies have no effect there.
    Http = 2,
}

/// An extension provider that CUSTOM policies may name.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_provider {
    /// The name, as policies spell it.
    pub name: authz_text,
    /// An `authz_provider_kind`.
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
}

/// What all policies of a mesh share. NULL in its place, and each part that is left zero, means Istio's default.
///
/// Owned by the caller and only read during the call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_mesh {
    /// `sizeof(authz_mesh)`.
    pub size: usize,
    /// Policies in this namespace hold for the whole mesh; empty: `istio-system`.
    pub root_namespace: authz_text,
    /// The trust domain of the mesh; empty: `cluster.local`.
    pub trust_domain: authz_text,
    /// Further trust domains whose identities count as the mesh's own.
    pub trust_domain_aliases: *const authz_text,
    /// How many they are.
    pub trust_domain_aliases_len: usize,
    /// The extension providers; what a CUSTOM policy asks of any other is denied.
    pub providers: *const authz_provider,
    /// How many they are.
    pub providers_len: usize,
    /// 1 if a workload may have several providers (Istio's `PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS`), else 0.
    pub multiple_custom_providers: u32,
    /// Zero.
    pub reserved: u32,
}

// SAFETY: `repr(C)` with the size first; integers and pointers, of which the 4-byte ones come in pairs.
unsafe impl Growing for authz_mesh {
    const FIRST: usize = size_of::<usize>() * 9 + size_of::<u32>() * 2;
}

const _: () = assert!(size_of::<authz_mesh>() == authz_mesh::FIRST && align_of::<authz_mesh>() == align_of::<usize>());

/// A switch of C's.
pub(crate) fn switch(number: u32) -> Result<bool, authz_status> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(authz_status::Number),
    }
}

/// Refuses what a later version may give a meaning.
pub(crate) fn reserved(number: u32) -> Result<(), authz_status> {
    if number == 0 { Ok(()) } else { Err(authz_status::Number) }
}

/// A text that has to say something.
pub(crate) fn stated(caller: &Caller, text: authz_text) -> Result<&str, authz_status> {
    match caller.text(text)? {
        "" => Err(authz_status::Empty),
        text => Ok(text),
    }
}

/// The mesh that C states.
pub(crate) fn mesh(caller: &Caller, mesh: *const authz_mesh) -> Result<Mesh, authz_status> {
    let mut meant = Mesh::default();
    if mesh.is_null() {
        return Ok(meant);
    }
    let given = caller.growing(mesh)?;
    for (text, place) in [(given.root_namespace, &mut meant.root_namespace), (given.trust_domain, &mut meant.trust_domain)] {
        match caller.text(text)? {
            "" => {}
            text => text.clone_into(place),
        }
    }
    for alias in caller.slice(given.trust_domain_aliases, given.trust_domain_aliases_len)? {
        meant.trust_domain_aliases.push(stated(caller, *alias)?.to_owned());
    }
    for provider in caller.slice(given.providers, given.providers_len)? {
        reserved(provider.reserved)?;
        let kind = match provider.kind {
            1 => ProviderKind::Grpc,
            2 => ProviderKind::Http,
            _ => return Err(authz_status::Number),
        };
        if meant.extension_providers.insert(stated(caller, provider.name)?.to_owned(), kind).is_some() {
            return Err(authz_status::Contradiction);
        }
    }
    meant.multiple_custom_providers = switch(given.multiple_custom_providers)?;
    reserved(given.reserved)?;
    Ok(meant)
}
