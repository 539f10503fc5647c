//! What is said of speed names the newest report.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

#[test]
fn the_readme_shows_the_newest_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let reports = fs::read_dir(root.join("benches/results")).unwrap();
    let names = reports.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let newest = names.filter(|name| !name.ends_with("-envoy")).max().unwrap();
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    assert!(readme.contains(&format!("(benches/results/{newest}/README.md)")), "{newest}");
}
