//! The names that policies know a peer by, for hosts that have no more than the DER of its certificate.

use std::{fmt, ptr};

use crate::boundary::{Caller, give, guard, guard_or};
use crate::status::authz_status;
use crate::text::authz_text;

#[cfg(feature = "der")]
mod subject;

/// The names that policies know the owner of a certificate by.
///
/// Owned by the caller, who frees it with `authz_peer_names_free`; it holds copies and does not need the certificate. It does
/// not change, so threads may share it.
pub struct authz_peer_names {
    /// Where the texts lie.
    texts: Box<[authz_text]>,
    /// What they borrow from.
    _names: Box<[Box<str>]>,
}

impl fmt::Debug for authz_peer_names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self._names.fmt(f)
    }
}

// SAFETY: what the pointers lead to is the value's own, and as long as it lives nobody changes it.
unsafe impl Send for authz_peer_names {}

// SAFETY: as above.
unsafe impl Sync for authz_peer_names {}

impl authz_peer_names {
    fn new(names: Vec<Box<str>>) -> Self {
        let names = names.into_boxed_slice();
        Self { texts: names.iter().map(|name| authz_text::lend(name)).collect(), _names: names }
    }
}

/// The names in the certificate, those of a kind in its order.
#[cfg(feature = "der")]
fn read(der: &[u8]) -> Result<Vec<Box<str>>, authz_status> {
    use x509_cert::der::Decode;
    use x509_cert::der::oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
    use x509_cert::ext::pkix::SubjectAltName;
    use x509_cert::ext::pkix::name::GeneralName;

    let certificate = x509_cert::Certificate::from_der(der).map_err(|_| authz_status::Certificate)?;
    let certificate = certificate.tbs_certificate();
    let mut extensions =
        certificate.extensions().into_iter().flatten().filter(|extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME);
    let sans = match (extensions.next(), extensions.next()) {
        (None, _) => Vec::new(),
        (Some(sans), None) => SubjectAltName::from_der(sans.extn_value.as_bytes()).map_err(|_| authz_status::Certificate)?.0,
        // RFC 5280, 4.2: no more than one of a kind. Which of two counts would depend on who reads.
        (Some(_), Some(_)) => return Err(authz_status::Certificate),
    };
    let mut uris: Vec<Box<str>> = Vec::new();
    let mut others: Vec<Box<str>> = Vec::new();
    for san in &sans {
        match san {
            GeneralName::UniformResourceIdentifier(uri) => uris.push(uri.as_str().into()),
            GeneralName::DnsName(name) if !name.as_str().is_empty() => others.push(name.as_str().into()),
            _ => {}
        }
    }
    if uris.iter().any(|uri| !uri.is_empty()) {
        return Ok(uris);
    }
    // Neither is a SPIFFE identity, whatever it looks like. One that a rule could take for such an identity says
    // nothing reliable in either direction.
    if others.iter().any(|name| name.starts_with("spiffe://") || name.contains("/ns/")) {
        return Err(authz_status::Certificate);
    }
    let subject = subject::text(certificate.subject())?;
    if !subject.is_empty() {
        others.push(subject.into_boxed_str());
    }
    Ok(others)
}

#[cfg(not(feature = "der"))]
fn read(_: &[u8]) -> Result<Vec<Box<str>>, authz_status> {
    Err(authz_status::Unsupported)
}

/// Reads the names that policies know a peer by out of its X.509 certificate in DER: its URI SANs; if it has none, its
/// DNS SANs and its subject, written as in RFC 4514.
///
/// It checks nothing else: the host has verified the certificate before. `names` receives the list, which is empty for a
/// certificate without any name, or NULL for every status but `AUTHZ_STATUS_OK`. What is not one well-formed certificate,
/// or has bytes behind it, is `AUTHZ_STATUS_CERTIFICATE`, and so is a DNS SAN or a subject that a rule could take for a
/// SPIFFE identity; leave the identity of such a peer unknown. `AUTHZ_STATUS_UNSUPPORTED` if the library was built
/// without this part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_peer_names_from_der(
    der: *const u8,
    der_len: usize,
    names: *mut *mut authz_peer_names,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(names, ptr::null_mut())?;
        out.write(give(authz_peer_names::new(read(caller.slice(der, der_len)?)?)));
        Ok(())
    })
}

/// The names as an array, as `authz_connection.uri_sans` and `authz_peer_new` take it. Borrowed from the list; never NULL,
/// also for an empty one, but for NULL: what reads it refuses that, so that a failed call does not read as "no name".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_peer_names_data(names: *const authz_peer_names) -> *const authz_text {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ptr::null(), || caller.borrow(names).map_or(ptr::null(), |names| names.texts.as_ptr()))
}

/// How many there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_peer_names_len(names: *const authz_peer_names) -> usize {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(0, || caller.borrow(names).map_or(0, |names| names.texts.len()))
}

/// Frees the list; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_peer_names_free(names: *mut authz_peer_names) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(names));
}
