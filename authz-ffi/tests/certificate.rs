//! The names of peers out of certificates, honest and hostile.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]
#![cfg(feature = "der")]

use std::fs;
use std::path::Path;
use std::ptr;

use authz::{
    authz_peer_names, authz_peer_names_data, authz_peer_names_free, authz_peer_names_from_der, authz_peer_names_len,
    authz_status, authz_text,
};

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/der").join(name)).unwrap()
}

fn text(text: &authz_text) -> String {
    // SAFETY: the library lends it from a list that is still there.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn names(der: &[u8]) -> Result<Vec<String>, authz_status> {
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

#[test]
fn the_uris_of_a_certificate_are_read_in_their_order() {
    assert_eq!(names(&file("uri-sans.der")).unwrap(), ["spiffe://cluster.local/ns/foo/sa/sleep", "https://b.example/x"]);
    let many = names(&file("many.der")).unwrap();
    assert_eq!((many.len(), many[599].as_str()), (600, "spiffe://cluster.local/ns/foo/sa/s599"));
}

#[test]
fn a_certificate_without_uris_has_its_dns_names_and_its_subject() {
    assert_eq!(names(&file("dns-sans.der")).unwrap(), ["a.example", "b.example", "CN=client,O=Example"]);
    assert_eq!(names(&file("no-sans.der")).unwrap(), ["CN=spiffe"]);
    assert_eq!(names(&file("empty-extension.der")).unwrap(), ["CN=x"]);
    assert!(names(&file("no-name.der")).unwrap().is_empty());
}

/// As OpenSSL and Envoy write it, but for types that RFC 4514 has no name for.
#[test]
fn a_subject_is_one_line_of_ascii() {
    let expected = r#"2.5.4.97=#0C016E,emailAddress=a@b.example,CN=\#a\ +OU=x,O=A\, \"B\" \C3\A9,C=DE"#;
    assert_eq!(names(&file("subject-signs.der")).unwrap(), [expected]);
}

#[test]
fn what_only_looks_like_an_identity_is_refused() {
    for name in ["dns-spiffe.der", "dns-namespace.der", "subject-namespace.der", "subject-wide.der"] {
        assert_eq!(names(&file(name)), Err(authz_status::Certificate), "{name}");
    }
}

#[test]
fn a_zero_byte_does_not_end_an_identity() {
    assert_eq!(names(&file("zero-byte.der")).unwrap(), ["spiffe://cluster.local/ns/foo/sa/sleep\0.evil"]);
}

#[test]
fn what_readers_could_differ_over_is_refused() {
    for name in ["two-extensions.der", "not-ascii.der"] {
        assert_eq!(names(&file(name)), Err(authz_status::Certificate), "{name}");
    }
    let mut longer = file("uri-sans.der");
    longer.push(0);
    assert_eq!(names(&longer), Err(authz_status::Certificate));
    assert_eq!(names(b"-----BEGIN CERTIFICATE-----"), Err(authz_status::Certificate));
    assert_eq!(names(&[]), Err(authz_status::Certificate));
}

#[test]
fn no_part_of_a_certificate_is_one() {
    let whole = file("uri-sans.der");
    for len in 0..whole.len() {
        assert_eq!(names(&whole[..len]), Err(authz_status::Certificate), "{len}");
    }
}

/// Whatever is broken, the reader answers: never a panic, and never a list where the whole is not well formed.
#[test]
fn broken_certificates_are_read_or_refused() {
    let whole = file("uri-sans.der");
    let (mut read, mut refused) = (0, 0);
    for at in 0..whole.len() {
        for change in [0x00, 0x01, 0x30, 0x7f, 0x80, 0x84, 0xa0, 0xff] {
            let mut broken = whole.clone();
            broken[at] = change;
            match names(&broken) {
                Ok(_) => read += 1,
                Err(status) => {
                    assert_eq!(status, authz_status::Certificate, "{at}: {change:#x}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 100 && refused > 500, "{read} read, {refused} refused");
}
