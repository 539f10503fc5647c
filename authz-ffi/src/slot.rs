//! A place for an authorizer that threads read while another replaces it.

use std::sync::Arc;
use std::{fmt, ptr};

use arc_swap::ArcSwap;
use authz_core::{Authorizer, Connection, Decision};

use crate::authorizer::authz_authorizer;
use crate::boundary::{Caller, give, give_shared, guard, guard_or};
use crate::connection::{self, authz_connection};
use crate::decision::authz_decision;
use crate::status::authz_status;

/// A place that always holds an authorizer: any number of threads may decide with it and put new ones in its place at
/// once. Every call sees either the old one or the new one, whole.
///
/// Owned by the caller, who frees it with `authz_slot_free` when no thread uses it any more. Reading takes no lock and waits
/// for nobody; the first read of a thread allocates a few hundred bytes, and no other does. They are used again by threads
/// that start after it ended, and kept until the process ends: leak checkers call them still reachable.
/// An authorizer that was replaced is freed by whoever is the last to use it, which can be a thread that reads.
pub struct authz_slot(ArcSwap<authz_authorizer>);

impl fmt::Debug for authz_slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes a slot that holds an authorizer. The slot becomes an owner of its own; the caller stays one.
///
/// `slot` receives it, or NULL for every status but `AUTHZ_STATUS_OK`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_new(authorizer: *const authz_authorizer, slot: *mut *mut authz_slot) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(slot, ptr::null_mut())?;
        out.write(give(authz_slot(ArcSwap::new(caller.share(authorizer)?))));
        Ok(())
    })
}

/// Puts an authorizer in the place of the one that the slot holds. The slot becomes an owner of its own; the caller stays
/// one. Calls that begin afterwards see the new one. After any other status than `AUTHZ_STATUS_OK` the old one stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_replace(slot: *const authz_slot, authorizer: *const authz_authorizer) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let slot = caller.borrow(slot)?;
        slot.0.store(caller.share(authorizer)?);
        Ok(())
    })
}

/// Gives an owner of the authorizer that the slot holds now, to be freed with `authz_authorizer_free`; NULL for NULL.
///
/// For several calls that have to see the same policies. Takes no lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_load(slot: *const authz_slot) -> *mut authz_authorizer {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ptr::null_mut(), || caller.borrow(slot).map_or(ptr::null_mut(), |slot| give_shared(slot.0.load_full())))
}

fn decide(
    caller: &Caller,
    slot: *const authz_slot,
    connection: *const authz_connection,
    decision: *mut authz_decision,
    owner: *mut *mut authz_authorizer,
    with: impl for<'a> FnOnce(&'a Authorizer, &Connection<'_>) -> Decision<'a>,
) -> Result<(), authz_status> {
    let (mut out, owner) = caller.out_beside((decision, authz_decision::NONE), (owner, ptr::null_mut()))?;
    let authorizer = caller.borrow(slot)?.0.load();
    connection::with(caller, connection, |connection| out.place().lend(&with(&authorizer.0, connection)))?;
    match owner {
        Some(owner) => owner.write(give_shared(Arc::clone(&authorizer))),
        None => out.place().drop_names(),
    }
    Ok(())
}

/// Decides a connection with the authorizer that the slot holds now, as `authz_decide`.
///
/// With NULL for `owner` the decision has the verdict, the reason and the facts that it needs, and no pointers and texts:
/// the authorizer that they would lie in may be replaced and freed at any time. Otherwise `owner` receives an owner of
/// that authorizer, which keeps them good until `authz_authorizer_free`; NULL for every status but `AUTHZ_STATUS_OK`. It
/// is also what a host hands to `authz_decide_answered` and `authz_explain` to ask the same policies again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_decide(
    slot: *const authz_slot,
    connection: *const authz_connection,
    decision: *mut authz_decision,
    owner: *mut *mut authz_authorizer,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| decide(&caller, slot, connection, decision, owner, |authorizer, connection| authorizer.decide(connection)))
}

/// Decides a connection as soon as what is known suffices, as `authz_decide_early`; `owner` as for `authz_slot_decide`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_decide_early(
    slot: *const authz_slot,
    connection: *const authz_connection,
    decision: *mut authz_decision,
    owner: *mut *mut authz_authorizer,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        decide(&caller, slot, connection, decision, owner, |authorizer, connection| authorizer.decide_early(connection).or_deny())
    })
}

/// Whether a connection may pass by the authorizer that the slot holds now. False for every mistake and failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_allows(slot: *const authz_slot, connection: *const authz_connection) -> bool {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(false, || {
        let Ok(slot) = caller.borrow(slot) else { return false };
        let authorizer = slot.0.load();
        connection::with(&caller, connection, |connection| authorizer.0.allows(connection)).unwrap_or(false)
    })
}

/// Frees a slot and ends its ownership of what it holds; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_slot_free(slot: *mut authz_slot) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(slot));
}
