//! `include/authz.h` is what the Rust sources say, and fits this version of the library.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that panics has failed, as it should")]

use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn generated() -> String {
    let config = cbindgen::Config::from_file(here("cbindgen.toml")).unwrap();
    let header = cbindgen::Builder::new().with_crate(here("")).with_config(config).generate().unwrap();
    let mut text = Vec::new();
    header.write(&mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_header_is_what_the_sources_say() {
    let (path, text) = (here("../include/authz.h"), generated());
    if std::env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap();
    assert!(checked_in == text, "include/authz.h differs from the sources; `UPDATE_HEADER=1 cargo test -p authz-ffi` writes it");
}

/// The lines of a header that are no comments, and whether one stands above each.
fn declarations(header: &str) -> Vec<(String, bool)> {
    let (mut found, mut is_comment, mut above) = (Vec::new(), false, false);
    for line in header.lines().map(str::trim) {
        is_comment |= line.starts_with("/*");
        if is_comment {
            is_comment = !line.ends_with("*/");
            above = true;
        } else if !line.is_empty() {
            found.push((line.to_owned(), above));
            above = false;
        }
    }
    found
}

#[test]
fn everything_that_the_header_declares_has_a_comment() {
    let header = fs::read_to_string(here("../include/authz.h")).unwrap();
    let mut documented = 0;
    for (line, has_comment) in declarations(&header) {
        let is_enumerator = line.starts_with("AUTHZ_");
        let is_define = line.starts_with("#define AUTHZ_") && line != "#define AUTHZ_H";
        let is_function = line.contains(" authz_") && line.contains('(') && !line.starts_with("typedef");
        let is_function = is_function || line.contains(" *authz_") && line.contains('(');
        let is_type = line.starts_with("typedef struct") || line.starts_with("enum authz_");
        if is_enumerator || is_define || is_function || is_type {
            assert!(has_comment, "`{line}` has no comment");
            documented += 1;
        }
    }
    assert!(documented > 120, "{documented}");
}

#[test]
fn handles_say_who_owns_them_and_which_threads_may_share_them() {
    let header = fs::read_to_string(here("../include/authz.h")).unwrap();
    let mut handles = 0;
    for (at, line) in header.match_indices("\ntypedef struct authz_") {
        let rest = header.get(at + 1..).unwrap();
        let declaration = rest.lines().next().unwrap();
        if declaration.ends_with(';') {
            let comment = header.get(..at).unwrap().rsplit("/**").next().unwrap();
            assert!(comment.contains("hread"), "{declaration} ({line})");
            assert!(comment.contains("wner") || comment.contains("Owned") || comment.contains("Borrowed"), "{declaration}");
            handles += 1;
        }
    }
    assert_eq!(handles, 9);
}

#[test]
fn the_version_of_the_header_is_that_of_the_package() {
    let parts = [authz::AUTHZ_VERSION_MAJOR, authz::AUTHZ_VERSION_MINOR, authz::AUTHZ_VERSION_PATCH];
    assert_eq!(parts.map(|part| part.to_string()).join("."), env!("CARGO_PKG_VERSION"));
    // SAFETY: it ends with a zero byte and lives as long as the program.
    let running = unsafe { CStr::from_ptr(authz::authz_version()) };
    assert_eq!(running.to_str(), Ok(env!("CARGO_PKG_VERSION")));
    let soname = format!("libauthz.so.{}\"", authz::AUTHZ_ABI);
    assert!(fs::read_to_string(here("build.rs")).unwrap().contains(&soname), "build.rs names another interface");
    // cargo-c takes the first part of the package's version, unless it is told of another.
    let manifest = fs::read_to_string(here("Cargo.toml")).unwrap();
    assert!(manifest.contains("\nversion_suffix_components = 1\n"), "cargo-c gives the library another name than build.rs");
    assert_eq!(
        authz::AUTHZ_ABI,
        authz::AUTHZ_VERSION_MAJOR,
        "`package.metadata.capi.library` needs a `version` of the interface's"
    );
}
