//! Holds the modules to the direction of the data: a module names only those to its left.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the crate, from text to decision.
const ORDER: &[&str] = &[
    "sort",
    "value",
    "fact",
    "fact_set",
    "peer",
    "connection",
    "truth",
    "workload",
    "finding",
    "limits",
    "yaml",
    "resource",
    "policy",
    "select",
    "lint",
    "decision",
    "explain",
    "stats",
    "matcher",
    "decision_cache",
    "ranking",
    "authorizer",
    "samples",
    "policy_set",
];

fn sources(module: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let file = root.join(format!("{module}.rs"));
    if file.exists() {
        return vec![(file.display().to_string(), fs::read_to_string(file).unwrap())];
    }
    files(&root.join(module)).into_iter().map(|path| (path.display().to_string(), fs::read_to_string(path).unwrap())).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn place(module: &str) -> usize {
    ORDER.iter().position(|known| *known == module).unwrap_or_else(|| panic!("`{module}` is missing in the order"))
}

#[test]
fn a_module_names_only_modules_to_its_left() {
    for module in ORDER {
        for (file, text) in sources(module) {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code {
                assert!(
                    !line.contains("use crate::{"),
                    "{file}: name the module in front of the braces, so that this test can read it"
                );
                for (at, _) in line.match_indices("crate::") {
                    let rest = &line[at + "crate::".len()..];
                    let named: String = rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    if named.is_empty() || line.contains("pub(in crate::") {
                        continue;
                    }
                    assert!(place(&named) <= place(module), "{file}: `{module}` names `{named}`, which comes after it:\n{line}");
                }
            }
        }
    }
}

#[test]
fn every_module_is_in_the_order() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let declared: Vec<&str> = lib.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')).collect();
    assert_eq!(declared, ORDER);
}

#[test]
fn no_file_is_longer_than_a_room() {
    for module in ORDER {
        for (file, text) in sources(module) {
            assert!(text.lines().count() <= 520, "{file} has {} lines", text.lines().count());
        }
    }
}

#[test]
fn the_core_does_no_io_and_asks_no_clock() {
    for module in ORDER {
        for (file, text) in sources(module) {
            let outside = [
                "std::fs",
                "std::io",
                "std::env",
                "std::time",
                "std::thread",
                "std::process",
                "println!",
                "eprintln!",
                "static mut",
            ];
            for word in outside {
                let found = text.lines().find(|line| line.contains(word) && !line.trim_start().starts_with("//"));
                assert!(found.is_none(), "{file}: {found:?}");
            }
        }
    }
}
