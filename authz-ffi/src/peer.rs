//! A peer in C: the identity of a TLS session, looked up once for all its connections.

use std::{fmt, ptr};

use authz_core::Peer;

use crate::authorizer::authz_authorizer;
use crate::boundary::{Caller, give, guard, guard_or};
use crate::status::authz_status;
use crate::text::authz_text;

/// The identity of a peer, looked up once for the connections of a TLS session: `authz_connection.peer`.
///
/// Owned by the caller, who frees it with `authz_peer_free` after the last call that reads it. It keeps copies of what it
/// was made from and outlives the authorizer: for another authorizer, such as the next one of an `authz_slot`, it says
/// the same and saves less. It does not change, so threads may share it.
pub struct authz_peer(pub(crate) Peer);

impl fmt::Debug for authz_peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Looks up a peer by its names, as `authz_connection.uri_sans` has them, here in any number. NULL is no list, also
/// for length 0.
///
/// `peer` receives a peer, or NULL for every status but `AUTHZ_STATUS_OK`. A name that is not UTF-8 is
/// `AUTHZ_STATUS_UTF8`; leave the identity of such a peer unknown. Allocates.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_peer_new(
    authorizer: *const authz_authorizer,
    uri_sans: *const authz_text,
    uri_sans_len: usize,
    peer: *mut *mut authz_peer,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(peer, ptr::null_mut())?;
        let authorizer = caller.borrow(authorizer)?;
        // What a failed call has left must not read as a peer without a name.
        if uri_sans.is_null() {
            return Err(authz_status::Pointer);
        }
        let mut sans = Vec::new();
        for san in caller.slice(uri_sans, uri_sans_len)? {
            sans.push(caller.text(*san)?);
        }
        out.write(give(authz_peer(authorizer.0.peer(&sans))));
        Ok(())
    })
}

/// Frees a peer; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_peer_free(peer: *mut authz_peer) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(peer));
}
