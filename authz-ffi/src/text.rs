//! Text as it crosses the boundary: a pointer and a length.

use std::ffi::c_char;
use std::fmt;

use crate::boundary::{Caller, give, guard_or};

/// A stretch of text: where it starts and how many bytes it has. It is UTF-8 and does not end with a zero byte.
///
/// Printed with `printf("%.*s", (int)text.len, text.data)`. Length 0 is the empty text, whatever `data` is.
///
/// As an input it is only read during the call. As an output it is borrowed: the comment of the function or field
/// says from what, and it must not be read after its owner was freed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_text {
    /// The first byte; may be NULL in an input if `len` is 0, and never is in what the library hands out.
    pub data: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

impl authz_text {
    /// The empty text.
    pub(crate) const EMPTY: Self = Self { data: c"".as_ptr(), len: 0 };

    /// A text that C borrows; what owns it has to say so to C.
    pub(crate) fn lend(text: &str) -> Self {
        Self { data: text.as_ptr().cast::<c_char>(), len: text.len() }
    }

    /// The same, empty where there is none.
    pub(crate) fn lend_optional(text: Option<&str>) -> Self {
        text.map_or(Self::EMPTY, Self::lend)
    }
}

/// The text of a string that ends with a zero byte; NULL gives the empty text.
///
/// Borrows the string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_text_of(string: *const c_char) -> authz_text {
    if string.is_null() {
        return authz_text::EMPTY;
    }
    // SAFETY: the caller passes a string that ends with a zero byte.
    let len = unsafe { std::ffi::CStr::from_ptr(string) }.count_bytes();
    authz_text { data: string, len }
}

/// A text that the library made, such as an explanation.
///
/// Owned by the caller, who frees it with `authz_string_free`. It does not change, so threads may share it.
pub struct authz_string(pub(crate) String);

impl fmt::Debug for authz_string {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl authz_string {
    /// Hands a text to C.
    pub(crate) fn give(text: String) -> *mut Self {
        give(Self(text))
    }
}

/// The text of a string, borrowed from it. The empty text for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_string_text(string: *const authz_string) -> authz_text {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(authz_text::EMPTY, || caller.borrow(string).map_or(authz_text::EMPTY, |string| authz_text::lend(&string.0)))
}

/// Frees a string; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_string_free(string: *mut authz_string) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(string));
}
