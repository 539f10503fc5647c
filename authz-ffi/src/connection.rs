//! The facts of a connection, as C states them; read without allocating.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use authz_core::{Connection, Fact, MetadataEntry, MetadataValue, Transport};

use crate::boundary::{Caller, Growing, Grown, guard};
use crate::facts::fact;
use crate::mesh::reserved;
use crate::peer::authz_peer;
use crate::status::authz_status;
use crate::text::authz_text;

/// How the bytes of a connection are protected on the way to the workload.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_transport {
    /// Not known yet, such as before the first bytes of the client.
    Unknown = 0,
    /// No TLS.
    Plaintext = 1,
    /// TLS that is not the mesh's: passed through, or terminated without a verified certificate of a client of
    /// the mesh. There is no identity.
    Tls = 2,
    /// Mutual TLS with a verified client certificate of the mesh, terminated in front of the workload.
    MeshMtls = 3,
}

/// An address: 4 bytes of IPv4 or 16 bytes of IPv6, in network order, as `sin_addr` and `sin6_addr` hold them.
///
/// Zeroed it is unknown. An IPv4-mapped IPv6 address counts as the IPv4 address that it maps.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_address {
    /// The bytes, the first `len` of which count.
    pub bytes: [u8; 16],
    /// 4 or 16; 0 if the address is not known.
    pub len: u32,
}

impl authz_address {
    const UNKNOWN: Self = Self { bytes: [0; 16], len: 0 };

    /// Has `state` state the address unless it is not known, from one place for each kind: what is done with it is then
    /// compiled for that kind.
    #[inline(always)]
    fn state<'c>(
        &self,
        connection: &mut Connection<'c>,
        state: fn(Connection<'c>, Fact<IpAddr>) -> Connection<'c>,
    ) -> Result<(), authz_status> {
        match self.len {
            4 => {
                let [a, b, c, d, ..] = self.bytes;
                *connection = state(*connection, Fact::Known(IpAddr::V4(Ipv4Addr::new(a, b, c, d))));
            }
            16 => *connection = state(*connection, Fact::Known(IpAddr::V6(Ipv6Addr::from(self.bytes)))),
            0 => {}
            _ => return Err(authz_status::Address),
        }
        Ok(())
    }
}

/// Reads an address from text, such as `10.0.0.7` or `2001:db8::7`: no port, no brackets, no zone.
///
/// Anything else is `AUTHZ_STATUS_ADDRESS` (`AUTHZ_STATUS_UTF8` if it is not UTF-8), and `address` is unknown. Allocates nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_address_parse(text: authz_text, address: *mut authz_address) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(address, authz_address::UNKNOWN)?;
        let mut address = authz_address::UNKNOWN;
        match caller.text(text)?.parse::<IpAddr>().map_err(|_| authz_status::Address)? {
            IpAddr::V4(v4) => {
                let (first, _) = address.bytes.split_at_mut(4);
                first.copy_from_slice(&v4.octets());
                address.len = 4;
            }
            IpAddr::V6(v6) => {
                address.bytes = v6.octets();
                address.len = 16;
            }
        }
        out.write(address);
        Ok(())
    })
}

/// What form the value of a piece of metadata has. Zero is none, and an error.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum authz_metadata_kind {
    /// A string: exactly one value.
    Text = 1,
    /// A list of strings: any number of values.
    List = 2,
}

/// One value that the host knows, as `experimental.envoy.filters.FILTER[KEY]` conditions read it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_metadata {
    /// The metadata namespace: `envoy.filters.network.mysql_proxy`.
    pub filter: authz_text,
    /// The key.
    pub key: authz_text,
    /// The value or values.
    pub values: *const authz_text,
    /// How many they are.
    pub values_len: usize,
    /// An `authz_metadata_kind`.
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
}

/// What is known of a connection.
///
/// Start with zeroes and the size, `authz_connection connection = {.size = sizeof connection};`, then state what is
/// known.
///
/// What is left zero is unknown, and a connection is denied if a rule that may decide reads an unknown fact. A
/// struct without its size is an error that denies. A value whose fact does not say `AUTHZ_FACT_KNOWN` is an error
/// too: `AUTHZ_STATUS_CONTRADICTION`. Text that is not UTF-8 makes its fact unknown.
///
/// Owned by the caller and only read during the call; pointers in it have to be good for no longer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct authz_connection {
    /// `sizeof(authz_connection)`.
    pub size: usize,
    /// The direct peer of the TCP connection: `source.ip`, `ipBlocks`.
    pub source: authz_address,
    /// The workload's own address, not that of a Service in front of it: `destination.ip`.
    pub destination: authz_address,
    /// The original client as a trusted proxy states it, for instance with the PROXY protocol: `remote.ip`,
    /// `remoteIpBlocks`.
    pub remote: authz_address,
    /// An `authz_fact` about `remote`. Absent, as for most hosts: no proxy stated one, so the original client is the direct
    /// peer. The zero, unknown, denies wherever a rule reads `remote.ip`.
    pub remote_fact: u32,
    /// An `authz_fact` about `destination_port`. Absent counts as unknown.
    pub destination_port_fact: u32,
    /// The workload's port, in host order.
    pub destination_port: u32,
    /// An `authz_transport`.
    pub transport: u32,
    /// An `authz_fact` about the identity of the peer, which only mesh mTLS gives. Absent with `AUTHZ_TRANSPORT_MESH_MTLS`:
    /// its certificate has no name at all. Known, which goes with `AUTHZ_TRANSPORT_MESH_MTLS` alone: `uri_sans` or `peer`
    /// says which. For plaintext and other TLS leave it unknown or absent: there is none. While the transport is unknown, so
    /// is the peer.
    pub peer_fact: u32,
    /// An `authz_fact` about `sni`. Absent for plaintext, which the transport alone does not say.
    pub sni_fact: u32,
    /// An `authz_fact` about `metadata`. Absent: the host has none.
    pub metadata_fact: u32,
    /// The names of the peer, a rule that matches any of which matches: all URI SANs of its certificate, as they stand
    /// there (`spiffe://cluster.local/ns/foo/sa/sleep`; policies leave the `spiffe://` out). At most 512; a `peer` may have
    /// any number.
    ///
    /// If it has none: its DNS SANs and its subject, such as `CN=client,O=Example`, so that a DENY rule for the
    /// principal `*` meets it. If one of those starts with `spiffe://` or contains `/ns/`, a rule could take it for an
    /// identity: leave the peer unknown. `authz_peer_names_from_der` does all of this. An empty list says that there
    /// is no name whatever, and such a peer passes a DENY rule for the principal `*`; NULL, with NULL for `peer`, says
    /// nothing and is `AUTHZ_STATUS_POINTER`.
    pub uri_sans: *const authz_text,
    /// How many they are.
    pub uri_sans_len: usize,
    /// The identity, looked up before for all connections of a TLS session; instead of `uri_sans`.
    pub peer: *const authz_peer,
    /// The server name that the client asked for, in any case; an empty one is none.
    pub sni: authz_text,
    /// All metadata, each key of a filter once. At most 128 pieces with 512 values together.
    pub metadata: *const authz_metadata,
    /// How many pieces there are.
    pub metadata_len: usize,
}

// SAFETY: `repr(C)` with the size first; bytes, integers and pointers: 3 × 20 bytes of addresses and 7 × 4 bytes of
// numbers make whole words, as do the pointers and lengths behind them.
unsafe impl Growing for authz_connection {
    const FIRST: usize = size_of::<[usize; 8]>() + 88;
}

const _: () = assert!(size_of::<authz_connection>() == authz_connection::FIRST && authz_connection::FIRST % 8 == 0);

/// The most URI SANs and pieces of metadata that a connection may have.
const MANY_SANS: usize = 512;
const MANY_PIECES: usize = 128;
const MANY_VALUES: usize = 512;
/// The most URI SANs for which little of the stack is taken.
const FEW_SANS: usize = 4;

/// Hands the connection that C states to `work`.
///
/// A connection is many bytes, which are written once if all of this becomes one function. So it does for most
/// connections: of the size known here, with few URI SANs, and without metadata.
#[inline(always)]
pub(crate) fn with<R>(
    caller: &Caller,
    connection: *const authz_connection,
    work: impl FnOnce(&Connection<'_>) -> R,
) -> Result<R, authz_status> {
    if let Grown::Same(given) = caller.growing(connection)?
        && given.uri_sans_len <= FEW_SANS
        && given.metadata_fact <= 1
        && given.metadata_len == 0
    {
        let mut room;
        let mut connection = Connection::unknown();
        match state(&mut connection, caller, given)? {
            None => {}
            Some([]) => connection = connection.principals(&[]),
            // One takes no room. An empty name is another thing than none.
            Some([san]) if san.len != 0 => {
                if let Some(san) = caller.text_or_unknown(*san)? {
                    connection = connection.principal(san);
                }
            }
            Some(sans) => {
                room = [""; FEW_SANS];
                if let Some((sans, _)) = texts(caller, sans, &mut room)? {
                    connection = connection.principals(sans);
                }
            }
        }
        if given.metadata_fact == 1 {
            connection = connection.without_metadata();
        }
        return Ok(work(&connection));
    }
    let (mut work, mut answer) = (Some(work), None);
    with_any(caller, connection, &mut |connection| answer = work.take().map(|work| work(connection)))?;
    answer.ok_or(authz_status::Panic)
}

/// The same for any connection.
#[inline(never)]
pub(crate) fn with_any(
    caller: &Caller,
    connection: *const authz_connection,
    work: &mut dyn FnMut(&Connection<'_>),
) -> Result<(), authz_status> {
    let given = caller.growing(connection)?;
    match (fact(given.metadata_fact)?, given.metadata_len) {
        (Fact::Absent, 0) if given.uri_sans_len <= FEW_SANS => {
            work(&with_sans(caller, &given, &mut [""; FEW_SANS])?.without_metadata());
        }
        (Fact::Unknown, 0) if given.uri_sans_len <= FEW_SANS => work(&with_sans(caller, &given, &mut [""; FEW_SANS])?),
        (Fact::Unknown | Fact::Absent, 0) | (Fact::Known(()), _) => with_many(caller, &given, work)?,
        (Fact::Unknown | Fact::Absent, _) => return Err(authz_status::Contradiction),
    }
    Ok(())
}

/// The same with many names or with metadata. It takes much of the stack.
#[inline(never)]
fn with_many(caller: &Caller, given: &authz_connection, work: &mut dyn FnMut(&Connection<'_>)) -> Result<(), authz_status> {
    let mut sans = [""; MANY_SANS];
    let connection = with_sans(caller, given, &mut sans)?;
    let mut pieces = [MetadataEntry { filter: "", key: "", value: MetadataValue::List(&[]) }; MANY_PIECES];
    let mut values = [""; MANY_VALUES];
    work(&metadata(caller, given, connection, &mut pieces, &mut values)?);
    Ok(())
}

/// All facts but metadata, with the names of the peer in `room`.
#[inline(never)]
fn with_sans<'c>(caller: &'c Caller, given: &authz_connection, room: &'c mut [&'c str]) -> Result<Connection<'c>, authz_status> {
    let mut connection = Connection::unknown();
    if let Some(sans) = state(&mut connection, caller, given)?
        // A name that cannot be read is not known.
        && let Some((sans, _)) = texts(caller, sans, room)?
    {
        connection = connection.principals(sans);
    }
    Ok(connection)
}

/// States all facts but metadata and the names of the peer, which it answers where they are stated. Each is stated in
/// its place: a connection is many bytes, and hardly anything costs more here than to move them.
#[inline(always)]
fn state<'c>(
    connection: &mut Connection<'c>,
    caller: &'c Caller,
    given: &authz_connection,
) -> Result<Option<&'c [authz_text]>, authz_status> {
    given.source.state(connection, Connection::source_ip)?;
    given.destination.state(connection, Connection::destination_ip)?;
    match (fact(given.remote_fact)?, given.remote.len) {
        (Fact::Unknown, 0) => *connection = connection.remote_ip(Fact::Unknown),
        // It is that of the source then.
        (Fact::Absent, 0) => {}
        (Fact::Known(()), 4 | 16) => given.remote.state(connection, Connection::remote_ip)?,
        (_, 0 | 4 | 16) => return Err(authz_status::Contradiction),
        (..) => return Err(authz_status::Address),
    }
    let port = u16::try_from(given.destination_port).map_err(|_| authz_status::Number)?;
    match (fact(given.destination_port_fact)?, port) {
        (Fact::Known(()), port) => *connection = connection.destination_port(Fact::Known(port)),
        (Fact::Unknown | Fact::Absent, 0) => {}
        (Fact::Unknown | Fact::Absent, _) => return Err(authz_status::Contradiction),
    }
    match (fact(given.sni_fact)?, given.sni.len) {
        (Fact::Unknown, 0) => {}
        (Fact::Absent, 0) => *connection = connection.without_sni(),
        (Fact::Known(()), _) => {
            // A name that cannot be read is not known.
            if let Some(name) = caller.text_or_unknown(given.sni)? {
                *connection = connection.sni(name);
            }
        }
        (Fact::Unknown | Fact::Absent, _) => return Err(authz_status::Contradiction),
    }
    let is_stated = !given.peer.is_null() || given.uri_sans_len != 0;
    let transport = match given.transport {
        0 => Fact::Unknown,
        1 => Fact::Known(Transport::Plaintext),
        2 => Fact::Known(Transport::Tls),
        3 => Fact::Known(Transport::MeshMtls),
        _ => return Err(authz_status::Number),
    };
    let is_mesh = transport == Fact::Known(Transport::MeshMtls);
    *connection = connection.transport(transport);
    match fact(given.peer_fact)? {
        Fact::Unknown if !is_stated => {}
        Fact::Absent if !is_stated => {
            if is_mesh {
                *connection = connection.principals(&[]);
            }
        }
        Fact::Known(()) if is_mesh && given.peer.is_null() => {
            // Neither the one nor the other is no statement, and must not read as a peer without a name.
            if given.uri_sans.is_null() {
                return Err(authz_status::Pointer);
            }
            return caller.slice(given.uri_sans, given.uri_sans_len).map(Some);
        }
        Fact::Known(()) if is_mesh && given.uri_sans_len == 0 => {
            *connection = connection.peer(&caller.borrow(given.peer)?.0);
        }
        Fact::Unknown | Fact::Absent | Fact::Known(()) => return Err(authz_status::Contradiction),
    }
    Ok(None)
}

/// The texts of a list, in the first places of `room`, and the places left; nothing if one is not UTF-8, which makes what
/// they say unknown.
fn texts<'c>(caller: &'c Caller, list: &[authz_text], room: &'c mut [&'c str]) -> Result<Texts<'c>, authz_status> {
    let (places, rest) = room.split_at_mut_checked(list.len()).ok_or(authz_status::TooMany)?;
    for (place, text) in places.iter_mut().zip(list) {
        match caller.text_or_unknown(*text)? {
            Some(text) => *place = text,
            None => return Ok(None),
        }
    }
    Ok(Some((places, rest)))
}

type Texts<'c> = Option<(&'c [&'c str], &'c mut [&'c str])>;

/// Adds the metadata.
fn metadata<'c>(
    caller: &'c Caller,
    given: &authz_connection,
    connection: Connection<'c>,
    pieces: &'c mut [MetadataEntry<'c>],
    mut values: &'c mut [&'c str],
) -> Result<Connection<'c>, authz_status> {
    match fact(given.metadata_fact)? {
        Fact::Unknown => return Ok(connection),
        Fact::Absent => return Ok(connection.without_metadata()),
        Fact::Known(()) => {}
    }
    let stated = caller.slice(given.metadata, given.metadata_len)?;
    let pieces = pieces.get_mut(..stated.len()).ok_or(authz_status::TooMany)?;
    for (at, piece) in stated.iter().enumerate() {
        reserved(piece.reserved)?;
        let list = caller.slice(piece.values, piece.values_len)?;
        let (Some(filter), Some(key), Some((list, rest))) =
            (caller.text_or_unknown(piece.filter)?, caller.text_or_unknown(piece.key)?, texts(caller, list, values)?)
        else {
            // Metadata that cannot be read is not known.
            return Ok(connection);
        };
        values = rest;
        let value = match (piece.kind, list) {
            (1, [text]) => MetadataValue::Text(text),
            (1, _) => return Err(authz_status::Contradiction),
            (2, list) => MetadataValue::List(list),
            _ => return Err(authz_status::Number),
        };
        let Some((before, [place, ..])) = pieces.split_at_mut_checked(at) else { return Err(authz_status::TooMany) };
        // Of two the second would be overlooked.
        if before.iter().any(|other| other.filter == filter && other.key == key) {
            return Err(authz_status::Contradiction);
        }
        *place = MetadataEntry { filter, key, value };
    }
    Ok(connection.metadata(pieces))
}
