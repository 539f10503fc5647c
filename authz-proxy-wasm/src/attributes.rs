//! Envoy's properties: where they are, how they are encoded, and what they do not say.
//!
//! | fact | property | what to know |
//! |---|---|---|
//! | remote address | `source.address` | `ip:port`; of a PROXY header, where there is one |
//! | direct peer | `filter_state.KEY` | no property has it; another filter has to leave it |
//! | destination | `destination.address` | `ip:port` |
//! | TLS or not | `connection.*_local_certificate` | see [`is_tls`] |
//! | mutual TLS | `connection.mtls` | one byte; 0 before the handshake |
//! | identity | `connection.uri_san_peer_certificate` | the first URI SAN only; see [`uri_sans`] |
//! | other names | `connection.{dns_san,subject}_peer_certificate` | the first DNS SAN only; see [`other_names`] |
//! | server name | `connection.requested_server_name` | behind a `tls_inspector` alone; empty without one, and where the client sent none |
//! | workload | `xds.node.metadata.{NAMESPACE,LABELS}` | set by Istio |

use std::net::{IpAddr, SocketAddr};

use authz_core::Labels;
use authz_filter::{FilterStateKeys, Node, Reading};

/// The properties of one connection, or of the proxy.
pub trait Properties {
    /// The bytes of a property; nothing where there is none.
    ///
    /// # Errors
    ///
    /// When the proxy has one and cannot hand it out.
    fn get(&self, path: &[&str]) -> Result<Option<Vec<u8>>, Unreadable>;
}

/// A property that the proxy cannot hand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable;

/// A property as text. An empty one counts as none.
fn text(properties: &dyn Properties, path: &[&str]) -> Reading<String> {
    match properties.get(path) {
        Ok(Some(bytes)) if bytes.is_empty() => Reading::Absent,
        Ok(Some(bytes)) => String::from_utf8(bytes).map_or(Reading::Malformed, Reading::Present),
        Ok(None) => Reading::Absent,
        Err(Unreadable) => Reading::Malformed,
    }
}

/// A filter state that another filter set from a format string, which writes `-` for nothing.
fn filter_state(properties: &dyn Properties, key: &str) -> Reading<String> {
    text(properties, &["filter_state", key])
}

/// Whether a property is there, whatever it says.
pub(crate) fn is_there(properties: &dyn Properties, path: &[&str]) -> Result<bool, Unreadable> {
    properties.get(path).map(|bytes| bytes.is_some())
}

/// An address with a port. One that is missing is as unreadable as one that is no address: every connection
/// has two ends.
fn socket_address(reading: Reading<String>) -> Reading<SocketAddr> {
    match reading {
        Reading::Present(text) => text.parse().map_or(Reading::Malformed, Reading::Present),
        Reading::NotYet => Reading::NotYet,
        Reading::Absent | Reading::Malformed => Reading::Malformed,
    }
}

/// An address, with a port behind it or not.
fn address(reading: Reading<String>) -> Reading<IpAddr> {
    if let Reading::Present(text) = &reading
        && let Ok(address) = text.parse()
    {
        return Reading::Present(address);
    }
    match socket_address(reading) {
        Reading::Present(address) => Reading::Present(address.ip()),
        Reading::NotYet => Reading::NotYet,
        Reading::Absent | Reading::Malformed => Reading::Malformed,
    }
}

/// The client's address as Envoy believes it.
pub fn remote_address(properties: &dyn Properties) -> Reading<IpAddr> {
    address(text(properties, &["source", "address"]))
}

/// The direct peer's address, where the configuration says which filter state holds it; nothing where it vouches that
/// the client's is the same. Without either it is unknown, for what Envoy tells may be what a PROXY header says.
pub fn direct_address(properties: &dyn Properties, keys: &FilterStateKeys, is_vouched_for: bool) -> Option<Reading<IpAddr>> {
    match &keys.direct_peer {
        Some(key) => Some(address(filter_state(properties, key))),
        None if is_vouched_for => None,
        None => Some(Reading::Malformed),
    }
}

/// The workload's address and port.
pub fn destination(properties: &dyn Properties) -> Reading<SocketAddr> {
    socket_address(text(properties, &["destination", "address"]))
}

/// Whether Envoy terminates TLS on the connection.
///
/// No property says so. One of the names in Envoy's own certificate does, unless it has none; then
/// `connection.tls_version` is asked, which is the last resort because Envoy remembers its answer, and before
/// the handshake that is `TLSv1.2` for the access log, whatever comes. There is no other property to ask: all the rest
/// of a handshake that is not done is absent, as with plaintext, which has to be decided now. A certificate
/// without any name is one that no client can verify; plaintext has no version to remember.
pub fn is_tls(properties: &dyn Properties) -> Reading<bool> {
    let names = ["uri_san_local_certificate", "subject_local_certificate", "dns_san_local_certificate", "tls_version"];
    for name in names {
        match is_there(properties, &["connection", name]) {
            Ok(true) => return Reading::Present(true),
            Ok(false) => {}
            Err(Unreadable) => return Reading::Malformed,
        }
    }
    Reading::Present(false)
}

/// Whether the peer presented a certificate.
pub fn is_mutual(properties: &dyn Properties) -> Reading<bool> {
    let bytes = properties.get(&["connection", "mtls"]).ok().flatten();
    match bytes.as_deref() {
        Some([0]) => Reading::Present(false),
        Some([1]) => Reading::Present(true),
        Some(_) | None => Reading::Malformed,
    }
}

/// All URI SANs of the peer's certificate.
///
/// The property has the first one only. Filter state can have all of them, separated by commas; a comma may
/// also stand in a SAN, so a list is read only where the first one tells how to divide it.
///
/// | first | in filter state | the SANs are |
/// |---|---|---|
/// | none | nothing | none |
/// | `a` | `a` | `a` |
/// | `a` | `a,b` | `a` and `b` |
/// | `a,b` | `a,b` | `a,b` |
/// | `a` | `a,b,c` | unknown: `b,c` may be one or two |
/// | `a` | nothing | unknown: the other filter did not run |
pub fn uri_sans(properties: &dyn Properties, keys: &FilterStateKeys) -> Reading<Vec<String>> {
    let first = match text(properties, &["connection", "uri_san_peer_certificate"]) {
        Reading::Present(first) => Some(first),
        Reading::Absent => None,
        Reading::Malformed => return Reading::Malformed,
        Reading::NotYet => return Reading::NotYet,
    };
    let Some(key) = &keys.uri_sans else {
        return first.map_or(Reading::Absent, |first| Reading::Present(vec![first]));
    };
    let all = match filter_state(properties, key) {
        Reading::Present(all) if all != "-" => Some(all),
        Reading::Present(_) | Reading::Absent => None,
        Reading::Malformed => return Reading::Malformed,
        Reading::NotYet => return Reading::NotYet,
    };
    match (first, all) {
        (None, None) => Reading::Absent,
        (Some(first), Some(all)) => match all.strip_prefix(&first) {
            Some("") => Reading::Present(vec![first]),
            Some(rest) => match rest.strip_prefix(',') {
                Some(second) if !second.is_empty() && !second.contains(',') => Reading::Present(vec![first, second.to_owned()]),
                Some(_) | None => Reading::Malformed,
            },
            None => Reading::Malformed,
        },
        (Some(_), None) | (None, Some(_)) => Reading::Malformed,
    }
}

/// The names that a peer without a URI SAN has instead.
///
/// Of the DNS SANs the property has the first only, so with one the names are unknown; without one the subject is
/// all there is.
pub fn other_names(properties: &dyn Properties) -> Reading<Vec<String>> {
    match is_there(properties, &["connection", "dns_san_peer_certificate"]) {
        Ok(false) => text(properties, &["connection", "subject_peer_certificate"]).map(|subject| vec![subject]),
        Ok(true) | Err(Unreadable) => Reading::Malformed,
    }
}

/// The server name that the client asked for.
pub fn server_name(properties: &dyn Properties) -> Reading<String> {
    text(properties, &["connection", "requested_server_name"])
}

/// What Istio tells the proxy of the workload.
pub fn node(properties: &dyn Properties) -> Node {
    let namespace = match text(properties, &["xds", "node", "metadata", "NAMESPACE"]) {
        Reading::Present(namespace) => Some(namespace),
        Reading::Absent | Reading::Malformed | Reading::NotYet => None,
    };
    let labels = properties.get(&["xds", "node", "metadata", "LABELS"]).ok().flatten();
    Node { namespace, labels: labels.as_deref().and_then(labels_of) }
}

/// Labels in the encoding that proxy-wasm has for maps: how many pairs, the length of each key and value, then
/// the texts themselves, each with a zero behind it; numbers are 32 bits, little end first.
///
/// ```
/// let bytes = [1, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, b'a', b'p', b'p', 0, b'w', b'e', b'b', 0];
/// assert_eq!(authz_proxy_wasm::attributes::labels_of(&bytes).unwrap().get("app"), Some("web"));
/// assert_eq!(authz_proxy_wasm::attributes::labels_of(&bytes[..19]), None);
/// ```
pub fn labels_of(bytes: &[u8]) -> Option<Labels> {
    let (count, mut sizes) = number(bytes)?;
    let mut texts = sizes.get(count.checked_mul(8)?..)?;
    let mut labels = Labels::default();
    for _ in 0..count {
        let ((key_size, rest), value_size) = (number(sizes)?, number(sizes.get(4..)?)?.0);
        sizes = rest.get(4..)?;
        let mut take = |size: usize| {
            let (text, rest) = texts.split_at_checked(size)?;
            let (end, rest) = rest.split_first()?;
            texts = rest;
            (*end == 0).then_some(text).and_then(|text| std::str::from_utf8(text).ok())
        };
        let (key, value) = (take(key_size)?, take(value_size)?);
        labels.insert(key, value);
    }
    texts.is_empty().then_some(labels)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

#[cfg(test)]
mod tests;
