//! Every suite of the project, through the Rust API: `decide` and `explain` both.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::fs;
use std::path::{Path, PathBuf};

use authz_testdata::{Outcome, Suite};

fn read_beside(suite: &Path) -> impl Fn(&str) -> Result<String, String> {
    let folder = suite.parent().unwrap_or(Path::new(".")).to_owned();
    move |path| fs::read_to_string(folder.join(path)).map_err(|error| format!("`{path}`: {error}"))
}

/// Runs a suite; answers how many cases passed and how many were skipped.
fn run(path: &Path) -> (usize, usize) {
    let text = fs::read_to_string(path).unwrap();
    let suite = Suite::read(&path.to_string_lossy(), &text, &read_beside(path)).unwrap();
    let (mut passed, mut skipped, mut failures) = (0, 0, Vec::new());
    for case in suite.cases() {
        match case.run() {
            Outcome::Passed => passed += 1,
            Outcome::Skipped(_) => skipped += 1,
            Outcome::Failed(why) => failures.push(format!("{}: {why}", case.name())),
        }
    }
    let shown = failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{}: {passed} passed, {} failed:\n{shown}", path.display(), failures.len());
    (passed, skipped)
}

fn in_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn every_connection_that_envoy_decided_is_decided_alike() {
    let (passed, skipped) = run(&in_project("conformance/envoy.jsonl"));
    assert_eq!(passed + skipped, 6018);
}

#[test]
fn every_rule_case_holds() {
    let (passed, skipped) = run(&in_project("conformance/rules.yaml"));
    assert_eq!(passed + skipped, 411);
}

#[test]
fn every_resource_is_accepted_or_rejected_as_a_cluster_would() {
    let (passed, skipped) = run(&in_project("conformance/validation.yaml"));
    assert_eq!(passed + skipped, 144);
}

#[test]
fn every_walkthrough_mistake_and_own_case_holds() {
    let mut suites = 0;
    for folder in ["walkthroughs", "mistakes", "cases", "../examples/tcp-echo"] {
        for entry in fs::read_dir(in_project(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".yaml") && (folder != "../examples/tcp-echo" || name == "suite.yaml") {
                let (passed, _) = run(&path);
                assert!(passed > 0, "{}", path.display());
                suites += 1;
            }
        }
    }
    assert!(suites > 25, "{suites}");
}
