//! Facts of connections by number: whether one is known, and sets of them.

use std::ffi::c_char;

use authz_core::{Fact, FactSet};

use crate::status::{authz_status, named};

/// What a host knows of one thing. Zero is `AUTHZ_FACT_UNKNOWN`: what nobody stated is not known, and a connection
/// that depends on it is denied.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_fact {
    /// Not known, or not known yet.
    Unknown = 0,
    /// Known not to be there, such as the server name of a client that sent none.
    Absent = 1,
    /// Known; the value stands beside it.
    Known = 2,
}

/// What a host knows, without the value.
#[inline]
pub(crate) fn fact(number: u32) -> Result<Fact<()>, authz_status> {
    match number {
        0 => Ok(Fact::Unknown),
        1 => Ok(Fact::Absent),
        2 => Ok(Fact::Known(())),
        _ => Err(authz_status::Number),
    }
}

/// A set of facts, one bit each: `AUTHZ_FACT_SET_SOURCE_IP` and the others.
pub type authz_fact_set = u32;

/// The direct peer's address.
pub const AUTHZ_FACT_SET_SOURCE_IP: authz_fact_set = 1;

/// The original client's address.
pub const AUTHZ_FACT_SET_REMOTE_IP: authz_fact_set = 2;

/// The workload's address.
pub const AUTHZ_FACT_SET_DESTINATION_IP: authz_fact_set = 4;

/// The workload's port.
pub const AUTHZ_FACT_SET_DESTINATION_PORT: authz_fact_set = 8;

/// Whether the connection is plaintext, TLS or mesh mTLS.
pub const AUTHZ_FACT_SET_TRANSPORT: authz_fact_set = 16;

/// The peer's identity.
pub const AUTHZ_FACT_SET_PEER: authz_fact_set = 32;

/// The server name.
pub const AUTHZ_FACT_SET_SNI: authz_fact_set = 64;

/// Metadata of the host.
pub const AUTHZ_FACT_SET_METADATA: authz_fact_set = 128;

/// A set as a number of C.
pub(crate) fn set(facts: FactSet) -> authz_fact_set {
    u32::from(facts.bits())
}

/// The name of one fact of a set, such as `peer` for `AUTHZ_FACT_SET_PEER`; `?` for any number that is not one fact.
#[unsafe(no_mangle)]
pub extern "C" fn authz_fact_set_name(fact: authz_fact_set) -> *const c_char {
    let names = [
        (AUTHZ_FACT_SET_SOURCE_IP, c"sourceIp"),
        (AUTHZ_FACT_SET_REMOTE_IP, c"remoteIp"),
        (AUTHZ_FACT_SET_DESTINATION_IP, c"destinationIp"),
        (AUTHZ_FACT_SET_DESTINATION_PORT, c"destinationPort"),
        (AUTHZ_FACT_SET_TRANSPORT, c"transport"),
        (AUTHZ_FACT_SET_PEER, c"peer"),
        (AUTHZ_FACT_SET_SNI, c"sni"),
        (AUTHZ_FACT_SET_METADATA, c"metadata"),
    ];
    named(fact, &names)
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;

    #[test]
    fn sets_have_the_bits_and_names_of_the_core() {
        for (fact, name) in FactSet::NAMES {
            // SAFETY: names end with a zero byte and live as long as the program.
            let named = unsafe { CStr::from_ptr(authz_fact_set_name(set(fact))) };
            assert_eq!(named.to_str(), Ok(name));
        }
        assert_eq!(set(FactSet::METADATA), AUTHZ_FACT_SET_METADATA);
        // SAFETY: as above.
        assert_eq!(unsafe { CStr::from_ptr(authz_fact_set_name(3)) }, c"?");
    }
}
