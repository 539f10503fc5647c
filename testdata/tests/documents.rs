//! The cases that `docs/semantics.md` names exist.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test that panics has failed, as it should")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use authz_testdata::Suite;

/// Names in backticks, where parentheses hold nothing else.
fn cited(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in text.match_indices("(`") {
        let Some(group) = text[at + 1..].split(')').next() else { continue };
        let joined = group.split_whitespace().collect::<Vec<_>>().join(" ");
        let parts: Vec<&str> = joined.split('`').collect();
        // Between the names stand commas only.
        if parts.iter().step_by(2).all(|between| matches!(*between, "" | ", ")) {
            names.extend(parts.iter().skip(1).step_by(2).map(|name| (*name).to_owned()));
        }
    }
    names
}

#[test]
fn every_case_that_the_semantics_name_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut known = BTreeSet::new();
    for folder in ["conformance", "cases"] {
        for entry in fs::read_dir(here.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_string_lossy().into_owned();
            if name.ends_with(".yaml") || name.ends_with(".jsonl") {
                let suite = Suite::read(&name, &fs::read_to_string(&path).unwrap(), &|path| Err(path.to_owned())).unwrap();
                known.extend(suite.cases().iter().map(|case| case.name().to_owned()));
            }
        }
    }
    for entry in fs::read_dir(here.join("../authz-core/tests/diagnostics")).unwrap() {
        known.insert(entry.unwrap().file_name().to_string_lossy().into_owned());
    }
    let cited = cited(&fs::read_to_string(here.join("../docs/semantics.md")).unwrap());
    let missing: Vec<&String> = cited.difference(&known).collect();
    assert!(cited.len() > 350, "{}", cited.len());
    assert!(missing.is_empty(), "{missing:?}");
}
