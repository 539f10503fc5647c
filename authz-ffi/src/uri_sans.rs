//! The URI SANs of a certificate, for hosts that have no more than its DER.

use std::{fmt, ptr};

use crate::boundary::{Caller, give, guard, guard_or};
use crate::status::authz_status;
use crate::text::authz_text;

/// The URI SANs of a certificate.
///
/// Owned by the caller, who frees it with `authz_uri_sans_free`; it holds copies and does not need the certificate. It does
/// not change, so threads may share it.
pub struct authz_uri_sans {
    /// Where the texts lie.
    texts: Box<[authz_text]>,
    /// What they borrow from.
    _sans: Box<[Box<str>]>,
}

impl fmt::Debug for authz_uri_sans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self._sans.fmt(f)
    }
}

// Pointers into boxes of its own, which never change.
impl authz_uri_sans {
    fn new(sans: Vec<Box<str>>) -> Self {
        let sans = sans.into_boxed_slice();
        Self { texts: sans.iter().map(|san| authz_text::lend(san)).collect(), _sans: sans }
    }
}

/// The URI SANs of the certificate, in its order.
#[cfg(feature = "der")]
fn read(der: &[u8]) -> Result<Vec<Box<str>>, authz_status> {
    use x509_cert::der::Decode;
    use x509_cert::der::oid::db::rfc5280::ID_CE_SUBJECT_ALT_NAME;
    use x509_cert::ext::pkix::SubjectAltName;
    use x509_cert::ext::pkix::name::GeneralName;

    let certificate = x509_cert::Certificate::from_der(der).map_err(|_| authz_status::Certificate)?;
    let extensions = certificate.tbs_certificate().extensions().into_iter().flatten();
    let mut names = extensions.filter(|extension| extension.extn_id == ID_CE_SUBJECT_ALT_NAME);
    let Some(first) = names.next() else { return Ok(Vec::new()) };
    // RFC 5280, 4.2: no more than one of a kind. Which of two counts would depend on who reads.
    if names.next().is_some() {
        return Err(authz_status::Certificate);
    }
    let names = SubjectAltName::from_der(first.extn_value.as_bytes()).map_err(|_| authz_status::Certificate)?;
    let uri = |name: &GeneralName| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str().into()),
        _ => None,
    };
    Ok(names.0.iter().filter_map(uri).collect())
}

#[cfg(not(feature = "der"))]
fn read(_: &[u8]) -> Result<Vec<Box<str>>, authz_status> {
    Err(authz_status::Unsupported)
}

/// Reads the URI SANs out of an X.509 certificate in DER.
///
/// It checks nothing else: the host has verified the certificate before. `uri_sans` receives the list, which is empty for a
/// certificate without any, or NULL for every status but `AUTHZ_STATUS_OK`. What is not one well-formed certificate, or
/// has bytes behind it, is `AUTHZ_STATUS_CERTIFICATE`; leave the identity of such a peer unknown.
/// `AUTHZ_STATUS_UNSUPPORTED` if the library was built without this part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_uri_sans_from_der(
    der: *const u8,
    der_len: usize,
    uri_sans: *mut *mut authz_uri_sans,
) -> authz_status {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard(|| {
        let out = caller.out(uri_sans, ptr::null_mut())?;
        out.write(give(authz_uri_sans::new(read(caller.slice(der, der_len)?)?)));
        Ok(())
    })
}

/// The URI SANs as an array, as `authz_connection.uri_sans` and `authz_peer_new` take it. Borrowed from the list; NULL for
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_uri_sans_data(uri_sans: *const authz_uri_sans) -> *const authz_text {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(ptr::null(), || caller.borrow(uri_sans).map_or(ptr::null(), |uri_sans| uri_sans.texts.as_ptr()))
}

/// How many there are; 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_uri_sans_len(uri_sans: *const authz_uri_sans) -> usize {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or(0, || caller.borrow(uri_sans).map_or(0, |uri_sans| uri_sans.texts.len()))
}

/// Frees the list; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn authz_uri_sans_free(uri_sans: *mut authz_uri_sans) {
    // SAFETY: the caller keeps the rules at the head of the header.
    let caller = unsafe { Caller::new() };
    guard_or((), || caller.free(uri_sans));
}
