//! URI SANs out of certificates, honest and hostile.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]
#![cfg(feature = "der")]

use std::fs;
use std::path::Path;
use std::ptr;

use authz::{
    authz_status, authz_text, authz_uri_sans, authz_uri_sans_data, authz_uri_sans_free, authz_uri_sans_from_der,
    authz_uri_sans_len,
};

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/der").join(name)).unwrap()
}

fn text(text: &authz_text) -> String {
    // SAFETY: the library lends it from a list that is still there.
    let bytes = unsafe { std::slice::from_raw_parts(text.data.cast::<u8>(), text.len) };
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn sans(der: &[u8]) -> Result<Vec<String>, authz_status> {
    let mut list: *mut authz_uri_sans = ptr::null_mut();
    // SAFETY: the certificate is readable and the output writable.
    match unsafe { authz_uri_sans_from_der(der.as_ptr(), der.len(), &mut list) } {
        authz_status::Ok => {
            // SAFETY: the list is there until it is freed below.
            let len = unsafe { authz_uri_sans_len(list) };
            // SAFETY: as above.
            let data = unsafe { authz_uri_sans_data(list) };
            // SAFETY: the library lends that many texts.
            let found = unsafe { std::slice::from_raw_parts(data, len) }.iter().map(text).collect();
            // SAFETY: it is freed once, here.
            unsafe { authz_uri_sans_free(list) };
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
    assert_eq!(sans(&file("uri-sans.der")).unwrap(), ["spiffe://cluster.local/ns/foo/sa/sleep", "https://b.example/x"]);
    let many = sans(&file("many.der")).unwrap();
    assert_eq!((many.len(), many[599].as_str()), (600, "spiffe://cluster.local/ns/foo/sa/s599"));
}

#[test]
fn a_certificate_without_uris_has_none() {
    assert!(sans(&file("no-sans.der")).unwrap().is_empty());
}

#[test]
fn a_zero_byte_does_not_end_an_identity() {
    assert_eq!(sans(&file("zero-byte.der")).unwrap(), ["spiffe://cluster.local/ns/foo/sa/sleep\0.evil"]);
}

#[test]
fn what_readers_could_differ_over_is_refused() {
    for name in ["two-extensions.der", "not-ascii.der"] {
        assert_eq!(sans(&file(name)), Err(authz_status::Certificate), "{name}");
    }
    let mut longer = file("uri-sans.der");
    longer.push(0);
    assert_eq!(sans(&longer), Err(authz_status::Certificate));
    assert_eq!(sans(b"-----BEGIN CERTIFICATE-----"), Err(authz_status::Certificate));
    assert_eq!(sans(&[]), Err(authz_status::Certificate));
}

#[test]
fn no_part_of_a_certificate_is_one() {
    let whole = file("uri-sans.der");
    for len in 0..whole.len() {
        assert_eq!(sans(&whole[..len]), Err(authz_status::Certificate), "{len}");
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
            match sans(&broken) {
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
