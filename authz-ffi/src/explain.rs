//! Explanations for people and for machines, as texts that C owns.

use std::ptr;

use authz_core::Explanation;

use crate::authorizer::authz_authorizer;
use crate::boundary::{Caller, guard};
use crate::connection::{self, authz_connection};
use crate::status::authz_status;
use crate::text::authz_string;

fn explain(
    caller: &Caller,
    authorizer: *const authz_authorizer,
    connection: *const authz_connection,
    explanation: *mut *mut authz_string,
    write: fn(&Explanation<'_>) -> Result<String, authz_status>,
) -> Result<(), authz_status> {
    let out = caller.out(explanation, ptr::null_mut())?;
    let authorizer = caller.borrow(authorizer)?;
    let mut text = Err(authz_status::Panic);
    connection::with_any(caller, connection, &mut |connection| text = write(&authorizer.0.explain(connection)))?;
    out.write(authz_string::give(text?));
    Ok(())
}

/// Explains what becomes of a connection, for people: every policy and rule that was asked, where each rule failed, and
/// what would have to differ.
///
/// `explanation` receives a text of several lines, or NULL for every status but `AUTHZ_STATUS_OK`. It walks the policies
/// one by one and allocates: not for every connection. It explains what `authz_decide` answers: what is unknown denies, and
/// no provider was asked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_explain(
    authorizer: *const authz_authorizer,
    connection: *const authz_connection,
    explanation: *mut *mut authz_string,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| explain(&caller, authorizer, connection, explanation, |explanation| Ok(explanation.to_string())))
}

/// The same for machines: JSON, of the shape that every door of the project has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_explain_json(
    authorizer: *const authz_authorizer,
    connection: *const authz_connection,
    explanation: *mut *mut authz_string,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    let write = |explanation: &Explanation<'_>| serde_json::to_string(explanation).map_err(|_| authz_status::Panic);
    guard(|| explain(&caller, authorizer, connection, explanation, write))
}
