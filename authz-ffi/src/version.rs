//! Which library this is, and whether a header fits it.

use std::ffi::c_char;

use crate::boundary::guard;
use crate::status::authz_status;

/// The binary interface that this header describes. It is the number in the name of the shared library, and grows
/// when a program that was compiled before would misunderstand the library.
pub const AUTHZ_ABI: u32 = 0;

/// The first part of the version that this header came with.
pub const AUTHZ_VERSION_MAJOR: u32 = 0;

/// The second part.
pub const AUTHZ_VERSION_MINOR: u32 = 1;

/// The third part.
pub const AUTHZ_VERSION_PATCH: u32 = 0;

/// The version of the library that runs, such as `0.1.0`; it may be another than that of the header.
///
/// Ends with a zero byte and lives as long as the program.
#[unsafe(no_mangle)]
pub extern "C" fn authz_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast::<c_char>()
}

/// Whether the library that runs has the binary interface of the header: pass `AUTHZ_ABI`.
///
/// `AUTHZ_STATUS_OK` if so, else `AUTHZ_STATUS_ABI`, and the program must not call anything else. Worth a line at
/// the start of a program that loads the library by itself (`dlopen`); the linker compares the number in the
/// library's name for all others.
#[unsafe(no_mangle)]
pub extern "C" fn authz_check_abi(abi: u32) -> authz_status {
    guard(|| if abi == AUTHZ_ABI { Ok(()) } else { Err(authz_status::Abi) })
}
