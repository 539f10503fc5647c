//! The authorizer in C: compiled once, shared by threads, asked for decisions.

use std::sync::Arc;
use std::{fmt, ptr};

use authz_core::{Authorizer, Decision, ProviderAnswer};

use crate::boundary::{Caller, give_shared, guard, guard_or};
use crate::connection::{self, authz_connection};
use crate::decision::authz_decision;
use crate::facts::{authz_fact_set, set};
use crate::mesh::{reserved, stated};
use crate::policy_set::authz_policy_set;
use crate::status::authz_status;
use crate::text::authz_text;
use crate::workload::{self, authz_workload};

/// The policies of one workload, compiled. It decides connections.
///
/// It does not change, so any number of threads may use it at once, and processes after a `fork`. It has owners:
/// `authz_authorizer_new` gives the first, `authz_authorizer_clone` and `authz_slot_load` another each, and each calls
/// `authz_authorizer_free` once. Decisions point into it. To change policies, make a new one; `authz_slot` puts it in the
/// place of the old one while threads decide.
pub struct authz_authorizer(pub(crate) Authorizer);

impl fmt::Debug for authz_authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Selects the policies that apply to a workload, and compiles them.
///
/// `authorizer` receives an owner, or NULL for every status but `AUTHZ_STATUS_OK`. Neither the policy set nor the
/// workload is needed after the call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_authorizer_new(
    policies: *const authz_policy_set,
    workload: *const authz_workload,
    authorizer: *mut *mut authz_authorizer,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(authorizer, ptr::null_mut())?;
        let policies = caller.borrow(policies)?;
        let workload = workload::workload(&caller, workload)?;
        out.write(give_shared(Arc::new(authz_authorizer(policies.0.authorizer_for(&workload)))));
        Ok(())
    })
}

/// Gives another owner of the same authorizer: the same pointer, to be freed once more. NULL for NULL.
///
/// Allocates nothing and takes no lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_authorizer_clone(authorizer: *const authz_authorizer) -> *mut authz_authorizer {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ptr::null_mut(), || caller.share(authorizer).map_or(ptr::null_mut(), give_shared))
}

/// Ends the ownership of one owner; the last one frees the authorizer. NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_authorizer_free(authorizer: *mut authz_authorizer) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free_shared(authorizer));
}

/// The facts that the policies ask for; no other can change a decision, so a host need not find it out.
///
/// Where `AUTHZ_FACT_SET_PEER` is among them, state the transport too, which says whether there is a peer. Every fact for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_authorizer_reads(authorizer: *const authz_authorizer) -> authz_fact_set {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ALL_FACTS, || caller.borrow(authorizer).map_or(ALL_FACTS, |authorizer| set(authorizer.0.reads())))
}

const ALL_FACTS: authz_fact_set = 0xff;

/// Decides a connection.
///
/// Whatever the status, `decision` holds a decision, which denies unless the status is `AUTHZ_STATUS_OK` and its verdict
/// `AUTHZ_VERDICT_ALLOW`. What is not known and decides denies, with `AUTHZ_REASON_UNKNOWN_FACT`. Allocates nothing
/// and takes no lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_decide(
    authorizer: *const authz_authorizer,
    connection: *const authz_connection,
    decision: *mut authz_decision,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let mut out = caller.out(decision, authz_decision::NONE)?;
        let authorizer = caller.borrow(authorizer)?;
        connection::with(&caller, connection, |connection| {
            out.place().lend(&authorizer.0.decide(connection));
        })
    })
}

/// Decides a connection as soon as what is known suffices.
///
/// A proxy calls it at each stage: with the addresses of a new connection, with the server name, with the peer after the
/// handshake. `decision->needs` is 0 if the decision is final, whatever facts become known later (a provider that it names
/// may still be asked), and after a failure; otherwise it names the facts
/// that rules which may still decide ask for, and the verdict is a denial until then: a host that does not look at `needs`
/// denies. A host to which none of them will ever be known is done. Otherwise as `authz_decide`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_decide_early(
    authorizer: *const authz_authorizer,
    connection: *const authz_connection,
    decision: *mut authz_decision,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let mut out = caller.out(decision, authz_decision::NONE)?;
        let authorizer = caller.borrow(authorizer)?;
        connection::with(&caller, connection, |connection| {
            out.place().lend(&authorizer.0.decide_early(connection).or_deny());
        })
    })
}

/// Whether a connection may pass: the verdict of `authz_decide` alone. False for every mistake and failure. Allocates
/// nothing and takes no lock.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_allows(authorizer: *const authz_authorizer, connection: *const authz_connection) -> bool {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(false, || {
        let Ok(authorizer) = caller.borrow(authorizer) else { return false };
        connection::with(&caller, connection, |connection| authorizer.0.allows(connection)).unwrap_or(false)
    })
}

/// What a provider says of a connection. Zero denies.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_answer {
    /// It refuses, or could not be asked and does not fail open.
    Deny = 0,
    /// It allows, or could not be asked and fails open. The other policies still have their say.
    Allow = 1,
}

/// The answer of one provider of CUSTOM policies.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_provider_answer {
    /// The provider, as `authz_decision.provider` named it.
    pub provider: authz_text,
    /// An `authz_answer`.
    pub answer: u32,
    /// Zero.
    pub reserved: u32,
}

/// Decides a connection for which providers of CUSTOM policies were asked.
///
/// `authz_decide` denies such a connection with `AUTHZ_REASON_CUSTOM_PROVIDER` and names the `provider`. The host asks it
/// and calls this with its answer, and again with one answer more as long as the decision names another provider. A
/// provider that is named and not among the answers has not allowed it; of two answers of one provider a refusal counts;
/// answers of providers that are not named do not:
///
/// ```c
/// authz_decide(authorizer, &connection, &decision);
/// while (decision.provider.len != 0 && answers_len < 4) {
///   answers[answers_len].provider = decision.provider;
///   answers[answers_len++].answer = ask(decision.provider, &connection);
///   authz_decide_answered(authorizer, &connection, answers, answers_len, &decision);
/// }
/// ```
///
/// Otherwise as `authz_decide`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_decide_answered(
    authorizer: *const authz_authorizer,
    connection: *const authz_connection,
    answers: *const authz_provider_answer,
    answers_len: usize,
    decision: *mut authz_decision,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let mut out = caller.out(decision, authz_decision::NONE)?;
        let authorizer = caller.borrow(authorizer)?;
        let answers = caller.slice(answers, answers_len)?;
        for answer in answers {
            reserved(answer.reserved)?;
            stated(&caller, answer.provider)?;
            if answer.answer > 1 {
                return Err(authz_status::Number);
            }
        }
        let mut decided = Err(authz_status::Panic);
        connection::with_any(&caller, connection, &mut |connection| {
            decided = answered(&caller, authorizer.0.decide(connection), answers).map(|decision| out.place().lend(&decision));
        })?;
        decided
    })
}

/// The decision after those answers that it waits for.
fn answered<'a>(
    caller: &Caller,
    mut decision: Decision<'a>,
    answers: &[authz_provider_answer],
) -> Result<Decision<'a>, authz_status> {
    while let Some(provider) = decision.provider() {
        let (mut allows, mut denies) = (false, false);
        for answer in answers {
            if caller.text(answer.provider)? == provider {
                allows |= answer.answer == 1;
                denies |= answer.answer == 0;
            }
        }
        match (allows, denies) {
            (false, false) => break,
            (true, false) => decision = decision.with_provider(ProviderAnswer::Allow),
            (_, true) => return Ok(decision.with_provider(ProviderAnswer::Deny)),
        }
    }
    Ok(decision)
}
