//! The names that the library reads out of a certificate, beside those that another reader sees.
//!
//! Both `tests/certificate.rs` and the fuzz target `names` ask this.

use std::ptr;

use authz::{
    authz_peer_names, authz_peer_names_data, authz_peer_names_free, authz_peer_names_from_der, authz_peer_names_len,
    authz_status, authz_text,
};
use x509_parser::extensions::{GeneralName, ParsedExtension};

fn text(text: &authz_text) -> String {
    // SAFETY: the library lends it from a list that is still there.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The names in a certificate, or why there are none.
pub(crate) fn names(der: &[u8]) -> Result<Vec<String>, authz_status> {
    let mut list: *mut authz_peer_names = ptr::null_mut();
    // SAFETY: the certificate is readable and the output writable.
    match unsafe { authz_peer_names_from_der(der.as_ptr(), der.len(), &mut list) } {
        authz_status::Ok => {
            // SAFETY: the list is there until it is freed below.
            let len = unsafe { authz_peer_names_len(list) };
            // SAFETY: as above.
            let data = unsafe { authz_peer_names_data(list) };
            // SAFETY: the library lends that many texts.
            let found = unsafe { std::slice::from_raw_parts(data, len) }.iter().map(text).collect();
            // SAFETY: it is freed once, here.
            unsafe { authz_peer_names_free(list) };
            Ok(found)
        }
        status => {
            assert!(list.is_null());
            Err(status)
        }
    }
}

/// What the other reader sees: the URI SANs and the DNS SANs; nothing where it refuses the certificate or its SANs.
pub(crate) fn seen(der: &[u8]) -> Option<(Vec<String>, Vec<String>)> {
    let (rest, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let (mut uris, mut dns_names) = (Vec::new(), Vec::new());
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(sans) => {
                for name in &sans.general_names {
                    match name {
                        GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                        GeneralName::DNSName(name) if !name.is_empty() => dns_names.push((*name).to_owned()),
                        GeneralName::Invalid(..) => return None,
                        _ => {}
                    }
                }
            }
            ParsedExtension::ParseError { .. } | ParsedExtension::Unparsed => return None,
            _ => {}
        }
    }
    rest.is_empty().then_some((uris, dns_names))
}

fn looks_like_an_identity(name: &str) -> bool {
    name.starts_with("spiffe://") || name.contains("/ns/")
}

/// Whether the names of some bytes are names that they have; says what does not hold.
pub(crate) fn check(der: &[u8]) -> Result<(), String> {
    let found = match names(der) {
        Ok(found) => found,
        Err(authz_status::Certificate) => return Ok(()),
        Err(status) => return Err(format!("{status:?}")),
    };
    for cut in [der.len() / 2, der.len() - 1] {
        if names(&der[..cut]).is_ok() {
            return Err(format!("the first {cut} of {} bytes are a certificate, too", der.len()));
        }
    }
    if names(&[der, &[0]].concat()).is_ok() {
        return Err("so is it with a byte behind it".into());
    }
    for name in found.iter().filter(|name| looks_like_an_identity(name)) {
        if !der.windows(name.len()).any(|window| window == name.as_bytes()) {
            return Err(format!("{name:?} is not in the certificate"));
        }
    }
    let Some((uris, dns_names)) = seen(der) else { return Ok(()) };
    if uris.iter().any(|uri| !uri.is_empty()) {
        return if found == uris { Ok(()) } else { Err(format!("{found:?}, and the other reader sees {uris:?}")) };
    }
    // The subject is the only name behind them.
    let is_as_seen = found.starts_with(&dns_names) && found.len() <= dns_names.len() + 1;
    if is_as_seen && !found.iter().any(|name| name.is_empty() || looks_like_an_identity(name)) {
        return Ok(());
    }
    Err(format!("{found:?}, and the other reader sees no URI, and {dns_names:?}"))
}
