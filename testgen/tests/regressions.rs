//! Inputs that once failed, and the seeds of the fuzz targets, through what the targets do.

#![allow(clippy::expect_used, clippy::panic, reason = "a test that panics has failed, as it should")]

use std::fs;
use std::path::Path;

use authz_testgen::Failure;

/// Runs every file of a folder of `fuzz/regressions`.
fn replay(target: &str, check: fn(&[u8]) -> Result<(), Failure>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/regressions").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder that can be listed").path();
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        check(&bytes).unwrap_or_else(|failure| panic!("{}: {failure}", path.display()));
    }
}

#[test]
fn inputs_of_the_target_load_pass() {
    replay("load", authz_testgen::load::check);
}

#[test]
fn inputs_of_the_target_decide_pass() {
    replay("decide", authz_testgen::decide);
}
