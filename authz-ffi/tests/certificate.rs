//! The names of peers out of certificates, honest and hostile.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that panics has failed, as it should")]
#![cfg(feature = "der")]

use std::fs;
use std::path::Path;

use authz::authz_status;
use names::names;

mod names;

fn file(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/der").join(name)).unwrap()
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
                Ok(_) => {
                    names::check(&broken).unwrap();
                    read += 1;
                }
                Err(status) => {
                    assert_eq!(status, authz_status::Certificate, "{at}: {change:#x}");
                    refused += 1;
                }
            }
        }
    }
    assert!(read > 100 && refused > 500, "{read} read, {refused} refused");
}

/// The other reader sees these names, too. So it does in what the fuzz target `names` once failed on.
#[test]
fn the_names_are_those_that_another_reader_sees() {
    let (mut checked, mut seen) = (0, 0);
    for folder in ["tests/der", "../fuzz/regressions/names"] {
        let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap();
        let paths = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_none_or(|end| end != "md"));
        for path in paths {
            let der = fs::read(&path).unwrap();
            names::check(&der).unwrap_or_else(|failure| panic!("{}: {failure}", path.display()));
            seen += usize::from(names::seen(&der).is_some());
            checked += 1;
        }
    }
    assert!(checked > 14 && seen > 12, "{seen} of {checked}");
}
