//! What became of a call.

use std::ffi::{CStr, c_char};

/// What became of a call. Every status but `AUTHZ_STATUS_OK` leaves a denial, NULL, or zeroes in the output. The findings of
/// a load are the exception: they are there, and to be freed, after any status.
///
/// Numbers are never used again for something else; new ones are added at the end.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_status {
    /// It was done, and the output holds the answer.
    Ok = 0,
    /// A pointer is NULL, or not aligned for its type, where it has to point to something.
    Pointer = 1,
    /// A struct says that it is smaller than in the first release, larger than 4096 bytes, or says something in a
    /// part that this version of the library does not know.
    Size = 2,
    /// A number has no meaning where it stands: an unknown enumerator, a switch other than 0 and 1, a port past
    /// 65535, a `reserved` other than 0.
    Number = 3,
    /// A text of the configuration is not UTF-8. (Facts of a connection that are not UTF-8 count as unknown.)
    Utf8 = 4,
    /// An address is neither 4 nor 16 bytes long, or a text is no address.
    Address = 5,
    /// More than a call takes: see `authz_connection` for its bounds.
    TooMany = 6,
    /// Two statements that do not go together, such as the identity of a peer that came in plaintext, a value of
    /// a fact that is not stated to be known, or the same label or metadata twice.
    Contradiction = 7,
    /// A text that says something is empty: the namespace of a workload, the key of a label, a provider's name.
    Empty = 8,
    /// The policies do not load; the findings say why.
    Load = 9,
    /// The texts load and hold no policy; `authz_load_options.allow_empty` takes that for an answer.
    NoPolicies = 10,
    /// An index past the end.
    Range = 11,
    /// The certificate cannot be read, or has no URI SAN and another name that a rule could take for an identity.
    Certificate = 12,
    /// The library was built without this part.
    Unsupported = 13,
    /// The library has another binary interface than the header that the program was compiled with.
    Abi = 14,
    /// The library has a bug: this call panicked and has no effect beyond the denial in its output. A line on
    /// standard error says where. Other calls and handles are not affected.
    Panic = 15,
}

impl authz_status {
    /// Every status.
    const ALL: [Self; 16] = [
        Self::Ok,
        Self::Pointer,
        Self::Size,
        Self::Number,
        Self::Utf8,
        Self::Address,
        Self::TooMany,
        Self::Contradiction,
        Self::Empty,
        Self::Load,
        Self::NoPolicies,
        Self::Range,
        Self::Certificate,
        Self::Unsupported,
        Self::Abi,
        Self::Panic,
    ];

    fn name(self) -> &'static CStr {
        match self {
            Self::Ok => c"ok",
            Self::Pointer => c"pointer",
            Self::Size => c"size",
            Self::Number => c"number",
            Self::Utf8 => c"utf8",
            Self::Address => c"address",
            Self::TooMany => c"too-many",
            Self::Contradiction => c"contradiction",
            Self::Empty => c"empty",
            Self::Load => c"load",
            Self::NoPolicies => c"no-policies",
            Self::Range => c"range",
            Self::Certificate => c"certificate",
            Self::Unsupported => c"unsupported",
            Self::Abi => c"abi",
            Self::Panic => c"panic",
        }
    }
}

/// The name of an `authz_status` for logs, such as `contradiction`; `?` for a number that is none.
///
/// Ends with a zero byte and lives as long as the program. So do the names of the functions below.
#[unsafe(no_mangle)]
pub extern "C" fn authz_status_name(status: u32) -> *const c_char {
    named(status, &authz_status::ALL.map(|status| (status.number(), status.name())))
}

/// The name of a number in a table.
pub(crate) fn named(number: u32, names: &[(u32, &'static CStr)]) -> *const c_char {
    names.iter().find(|(known, _)| *known == number).map_or(c"?", |(_, name)| name).as_ptr()
}

/// The number of an enumerator in C.
macro_rules! number {
    ($($name:ident),+) => {$(
        impl $name {
            /// The number that stands for it in C.
            #[expect(clippy::as_conversions, reason = "the enumeration is `repr(u32)`, so the conversion is exact")]
            pub const fn number(self) -> u32 {
                self as u32
            }
        }
    )+};
}

number!(authz_status);
pub(crate) use number;
