//! Where pointers of C become references and panics become statuses: nearly all unsafe code of the crate.
//!
//! An exported function makes one [`Caller`], which stands for what the head of the header asks of every call, and
//! does everything else through it. References that it hands out end with the call.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{ptr, slice};

use authz_core::{PolicyId, RuleId};

use crate::authorizer::authz_authorizer;
use crate::decision::{authz_policy, authz_rule};
use crate::status::authz_status;
use crate::text::authz_text;

/// Runs the work of an exported function; a panic ends here.
pub(crate) fn guard(work: impl FnOnce() -> Result<(), authz_status>) -> authz_status {
    guard_or(authz_status::Panic, || match work() {
        Ok(()) => authz_status::Ok,
        Err(status) => status,
    })
}

/// Runs the work of an exported function that answers something else than a status after a panic.
pub(crate) fn guard_or<T>(after_panic: T, work: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(answer) => answer,
        Err(payload) => {
            // Dropping what it carries could panic again.
            if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                std::mem::forget(another);
            }
            after_panic
        }
    }
}

/// A struct that starts with its own size, so that callers of an older or newer header can pass theirs.
///
/// # Safety
///
/// The type is `repr(C)`, starts with a `usize`, is aligned like one, and otherwise holds integers and raw pointers
/// without padding between or behind them, so that any initialised bytes are a value.
pub(crate) unsafe trait Growing: Copy {
    /// Its size in the first release.
    const FIRST: usize;
}

/// The size past which a struct is nonsense and not news.
const LARGEST: usize = 4096;

/// A struct of the caller's, as this library knows it.
pub(crate) enum Grown<'c, T> {
    /// Of the size that it has here.
    Same(&'c T),
    /// Of another size: what both sides know, the rest zero.
    Copied(T),
}

impl<T> Deref for Grown<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Same(value) => value,
            Self::Copied(value) => value,
        }
    }
}

/// The caller of an exported function, who keeps the rules of the header for as long as the call runs.
#[derive(Debug)]
pub(crate) struct Caller(());

/// A place for an answer. It holds a denial, or nothing, from the moment it is made.
#[derive(Debug)]
pub(crate) struct Out<'c, T> {
    pointer: *mut T,
    caller: PhantomData<&'c Caller>,
}

impl<T> Out<'_, T> {
    /// Writes the answer. What stood there is not read.
    #[inline]
    pub(crate) fn write(&self, answer: T) {
        // SAFETY: `Caller::out` found it neither NULL nor misaligned, and the caller gives it for writing.
        unsafe { ptr::write(self.pointer, answer) }
    }

    /// The answer as it stands there, to be changed in place.
    #[inline]
    pub(crate) fn place(&mut self) -> &mut T {
        // SAFETY: as above, and `Caller::out` has written a value there.
        unsafe { &mut *self.pointer }
    }
}

impl Caller {
    /// The caller of an exported function.
    ///
    /// # Safety
    ///
    /// Until the value is gone, every pointer handed to its methods, directly or within a struct, is NULL or keeps
    /// what the header says: inputs are readable for their whole length and not written to, handles came from this
    /// library as the type they are handed in as and were not freed, outputs are writable and overlap nothing else.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }

    /// What a pointer points to.
    #[inline]
    pub(crate) fn borrow<T>(&self, pointer: *const T) -> Result<&T, authz_status> {
        if pointer.is_null() || !pointer.is_aligned() {
            return Err(authz_status::Pointer);
        }
        // SAFETY: neither NULL nor misaligned, and the caller keeps it readable while `self` is borrowed.
        Ok(unsafe { &*pointer })
    }

    /// An array. One of length 0 may be NULL.
    #[inline]
    pub(crate) fn slice<T>(&self, data: *const T, len: usize) -> Result<&[T], authz_status> {
        if len == 0 {
            return Ok(&[]);
        }
        if data.is_null() || !data.is_aligned() {
            return Err(authz_status::Pointer);
        }
        if len.checked_mul(size_of::<T>().max(1)).is_none_or(|bytes| isize::try_from(bytes).is_err()) {
            return Err(authz_status::TooMany);
        }
        // SAFETY: neither NULL nor misaligned, of a possible length, and the caller keeps all of it readable.
        Ok(unsafe { slice::from_raw_parts(data, len) })
    }

    /// The bytes of a text.
    #[inline]
    pub(crate) fn bytes(&self, text: authz_text) -> Result<&[u8], authz_status> {
        self.slice(text.data.cast::<u8>(), text.len)
    }

    /// A text that has to be UTF-8.
    pub(crate) fn text(&self, text: authz_text) -> Result<&str, authz_status> {
        self.text_or_unknown(text)?.ok_or(authz_status::Utf8)
    }

    /// A text, or nothing if it is not UTF-8.
    #[inline(always)]
    pub(crate) fn text_or_unknown(&self, text: authz_text) -> Result<Option<&str>, authz_status> {
        let bytes = self.bytes(text)?;
        if is_ascii(bytes) {
            // SAFETY: ASCII is UTF-8.
            return Ok(Some(unsafe { str::from_utf8_unchecked(bytes) }));
        }
        Ok(str::from_utf8(bytes).ok())
    }

    /// A struct that starts with its own size.
    #[inline]
    pub(crate) fn growing<T: Growing>(&self, pointer: *const T) -> Result<Grown<'_, T>, authz_status> {
        let size = *self.borrow(pointer.cast::<usize>())?;
        if size == size_of::<T>() { self.borrow(pointer).map(Grown::Same) } else { self.of_size(pointer, size) }
    }

    /// A struct of another size than it has here. A part that is not known here has to be zero: what it says
    /// could be what denies.
    #[cold]
    fn of_size<T: Growing>(&self, pointer: *const T, size: usize) -> Result<Grown<'_, T>, authz_status> {
        if size < T::FIRST || size > LARGEST {
            return Err(authz_status::Size);
        }
        let bytes = self.slice(pointer.cast::<u8>(), size)?;
        let (known, news) = bytes.split_at_checked(size_of::<T>()).unwrap_or((bytes, &[]));
        if news.iter().any(|byte| *byte != 0) {
            return Err(authz_status::Size);
        }
        let mut copy = MaybeUninit::<T>::zeroed();
        // SAFETY: `known` is no longer than `T`, and a local variable overlaps nothing of the caller's.
        unsafe { ptr::copy_nonoverlapping(known.as_ptr(), copy.as_mut_ptr().cast::<u8>(), known.len()) };
        // SAFETY: any bytes are a value of a `Growing` type, and all were zeroed first.
        Ok(Grown::Copied(unsafe { copy.assume_init() }))
    }

    /// A place for an answer, with what stands there until there is one.
    #[inline]
    pub(crate) fn out<T>(&self, pointer: *mut T, first: T) -> Result<Out<'_, T>, authz_status> {
        let out = self.place(pointer, first)?;
        #[cfg(feature = "inject-panics")]
        crate::injected::panic_if_asked();
        Ok(out)
    }

    /// The same, and a place for what the caller may not want. Each is written whatever is wrong with the other.
    pub(crate) fn out_beside<T, U>(
        &self,
        (pointer, first): (*mut T, T),
        (beside, empty): (*mut U, U),
    ) -> Result<(Out<'_, T>, Option<Out<'_, U>>), authz_status> {
        let beside = if beside.is_null() { Ok(None) } else { self.place(beside, empty).map(Some) };
        let out = self.out(pointer, first)?;
        Ok((out, beside?))
    }

    #[inline]
    fn place<T>(&self, pointer: *mut T, first: T) -> Result<Out<'_, T>, authz_status> {
        if pointer.is_null() || !pointer.is_aligned() {
            return Err(authz_status::Pointer);
        }
        let out = Out { pointer, caller: PhantomData };
        out.write(first);
        Ok(out)
    }

    /// Frees what [`give`] gave. NULL is nothing to free.
    pub(crate) fn free<T>(&self, pointer: *mut T) {
        if !pointer.is_null() {
            // SAFETY: it came from `give` as this type, and the caller hands it back once.
            drop(unsafe { Box::from_raw(pointer) });
        }
    }

    /// Another owner of an authorizer.
    pub(crate) fn share(&self, pointer: *const authz_authorizer) -> Result<Arc<authz_authorizer>, authz_status> {
        self.borrow(pointer)?;
        // SAFETY: it came from `give_shared` and the caller owns it, so its count is not zero.
        unsafe { Arc::increment_strong_count(pointer) };
        // SAFETY: it came from `give_shared`, and the count that this takes over was added above.
        Ok(unsafe { Arc::from_raw(pointer) })
    }

    /// Ends one ownership of an authorizer. NULL is nothing to free.
    pub(crate) fn free_shared(&self, pointer: *mut authz_authorizer) {
        if !pointer.is_null() {
            // SAFETY: it came from `give_shared`, and the caller hands this ownership back once.
            drop(unsafe { Arc::from_raw(pointer.cast_const()) });
        }
    }

    /// The rule behind a pointer of a decision.
    pub(crate) fn rule(&self, pointer: *const authz_rule) -> Result<&RuleId, authz_status> {
        self.borrow(pointer.cast::<RuleId>())
    }

    /// The policy behind a pointer of a decision.
    pub(crate) fn policy(&self, pointer: *const authz_policy) -> Result<&PolicyId, authz_status> {
        self.borrow(pointer.cast::<PolicyId>())
    }
}

/// Whether all bytes are ASCII, as those of nearly every name are. It takes a third of the time that UTF-8 takes, which
/// counts where a name is stated with each connection.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u128 = 0x8080_8080_8080_8080_8080_8080_8080_8080;
    let Some(last) = bytes.last_chunk::<16>() else { return bytes.is_ascii() };
    // The last one overlaps the one before it.
    let bits = u128::from_ne_bytes(*last);
    let (chunks, _) = bytes.as_chunks::<16>();
    chunks.iter().fold(bits, |bits, chunk| bits | u128::from_ne_bytes(*chunk)) & HIGH == 0
}

/// Hands a value to C, which shares it between threads, and frees it in any of them with the `_free` function of its type.
pub(crate) fn give<T: Send + Sync>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Hands one ownership of an authorizer to C, with the same liberties.
pub(crate) fn give_shared<T: Send + Sync>(shared: Arc<T>) -> *mut T {
    Arc::into_raw(shared).cast_mut()
}
