//! The subject of a certificate as one line of text, the way Envoy writes it (RFC 4514, all of it in ASCII).
//!
//! The certificate reader's own way to write it brings a table of 1,500 object identifiers, which is 100 kilobytes.

use std::fmt::Write;

use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::der::oid::db::{rfc3280, rfc4519};
use x509_cert::der::{Encode, Tag, Tagged};
use x509_cert::name::Name;

use crate::status::authz_status;

/// The names of RFC 4514 and what else stands in subjects; others are written in numbers.
const TYPES: [(ObjectIdentifier, &str); 11] = [
    (rfc4519::CN, "CN"),
    (rfc4519::L, "L"),
    (rfc4519::ST, "ST"),
    (rfc4519::O, "O"),
    (rfc4519::OU, "OU"),
    (rfc4519::C, "C"),
    (rfc4519::STREET, "street"),
    (rfc4519::DC, "DC"),
    (rfc4519::UID, "UID"),
    (rfc4519::SERIAL_NUMBER, "serialNumber"),
    (rfc3280::EMAIL_ADDRESS, "emailAddress"),
];

/// The subject, its last part first; empty if there is none. An error if a rule could take it for a SPIFFE identity.
pub(super) fn text(subject: &Name) -> Result<String, authz_status> {
    let mut text = String::new();
    let parts: Vec<_> = subject.iter_rdn().collect();
    for part in parts.into_iter().rev() {
        let attributes: Vec<_> = part.iter().collect();
        for (at, attribute) in attributes.into_iter().rev().enumerate() {
            if !text.is_empty() {
                text.push(if at == 0 { ',' } else { '+' });
            }
            write(&mut text, attribute)?;
        }
    }
    Ok(text)
}

fn write(text: &mut String, attribute: &AttributeTypeAndValue) -> Result<(), authz_status> {
    let value = attribute.value.value();
    // In strings of two and four bytes a character the other bytes of these are zero.
    let ascii: Vec<u8> = value.iter().copied().filter(|byte| *byte != 0).collect();
    if ascii.windows(4).any(|window| window == b"/ns/") {
        return Err(authz_status::Certificate);
    }
    let known = TYPES.iter().find(|(oid, _)| *oid == attribute.oid);
    let is_text = matches!(attribute.value.tag(), Tag::Utf8String | Tag::PrintableString | Tag::Ia5String);
    let written = match known {
        Some((_, name)) => write!(text, "{name}="),
        None => write!(text, "{}=", attribute.oid),
    };
    written.map_err(|_| authz_status::Certificate)?;
    if !is_text || known.is_none() {
        text.push('#');
        let der = attribute.value.to_der().map_err(|_| authz_status::Certificate)?;
        return der.iter().try_for_each(|byte| write!(text, "{byte:02X}")).map_err(|_| authz_status::Certificate);
    }
    let last = value.len().saturating_sub(1);
    for (at, byte) in value.iter().enumerate() {
        let written = match byte {
            b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' => write!(text, "\\{}", char::from(*byte)),
            b'#' if at == 0 => write!(text, "\\#"),
            b' ' if at == 0 || at == last => write!(text, "\\ "),
            b' '..=b'~' => write!(text, "{}", char::from(*byte)),
            _ => write!(text, "\\{byte:02X}"),
        };
        written.map_err(|_| authz_status::Certificate)?;
    }
    Ok(())
}
