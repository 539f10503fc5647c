//! Snapshots of what is said about broken and surprising texts, with the words that each finding points at.
//!
//! Every `diagnostics/*.yaml` has a `.txt` beside it; `UPDATE=1 cargo test` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use authz_core::{Finding, Mesh, PolicyLoader, ProviderKind, Severity, Span};

fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics");
    let mut inputs: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inputs.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    inputs.sort();
    inputs
}

fn findings(text: &str) -> Vec<Finding> {
    let providers = [("opa".to_owned(), ProviderKind::Grpc), ("http-authz".to_owned(), ProviderKind::Http)];
    let mesh = Mesh { extension_providers: providers.into(), ..Mesh::default() };
    match PolicyLoader::new(&mesh).source("policies.yaml", text).load() {
        Ok(policies) => policies.findings().to_vec(),
        Err(error) => error.findings().to_vec(),
    }
}

/// The words that a span covers, on its first line.
fn words(text: &str, span: Span) -> String {
    let line = text.lines().nth(usize::try_from(span.start.line).unwrap() - 1).unwrap_or_default();
    let start = usize::try_from(span.start.column).unwrap() - 1;
    let end = if span.end.line == span.start.line { usize::try_from(span.end.column).unwrap() - 1 } else { usize::MAX };
    line.chars().skip(start).take(end.saturating_sub(start)).collect()
}

fn snapshot(text: &str) -> String {
    let mut out = String::new();
    for finding in findings(text) {
        writeln!(out, "{finding}").unwrap();
        writeln!(out, "    at: {}", words(text, finding.location().span())).unwrap();
        if let Some(fix) = finding.fix() {
            writeln!(out, "    fix: {} -> {}", words(text, fix.span), fix.replacement).unwrap();
        }
    }
    out
}

#[test]
fn every_finding_says_where_what_and_what_instead() {
    let inputs = inputs();
    assert!(inputs.len() >= 40, "{}", inputs.len());
    let mut wrong = Vec::new();
    for path in inputs {
        let found = snapshot(&fs::read_to_string(&path).unwrap());
        assert!(!found.is_empty(), "{}: no finding", path.display());
        let expected_path = path.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&expected_path, &found).unwrap();
        }
        let expected = fs::read_to_string(&expected_path).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}\n--- expected\n{expected}--- found\n{found}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_finding_points_at_the_words_that_it_quotes() {
    for path in inputs() {
        let text = fs::read_to_string(&path).unwrap();
        for finding in findings(&text) {
            let span = finding.location().span();
            let quoted = finding.message().strip_prefix('`').and_then(|rest| rest.split_once('`')).map(|(words, _)| words);
            if let (Some(quoted), Severity::Error) = (quoted, finding.severity()) {
                let found = words(&text, span);
                // A list that is empty, or null, has nothing to point at but its key.
                assert!(
                    found.contains(quoted) || finding.message().contains("stands at"),
                    "{}: {finding}\npoints at: {found}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn every_kind_of_finding_is_shown_by_some_input() {
    let mut seen: Vec<&str> =
        inputs().iter().flat_map(|path| findings(&fs::read_to_string(path).unwrap())).map(|f| f.code()).collect();
    seen.sort_unstable();
    seen.dedup();
    let missing: Vec<&str> =
        authz_core::FindingKind::ALL.iter().map(|kind| kind.code()).filter(|code| !seen.contains(code)).collect();
    // Limits have a test of their own.
    assert_eq!(missing, ["limit-exceeded"]);
}
