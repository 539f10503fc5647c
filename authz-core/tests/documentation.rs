//! Every public item is shown in an example that runs: its own, or that of the type it belongs to.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that panics has failed, as it should"
)]

use std::fs;
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The code of all examples of a file.
fn examples(text: &str) -> String {
    let mut inside = false;
    let mut code = String::new();
    for line in text.lines() {
        let Some(doc) = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!")) else {
            inside = false;
            continue;
        };
        if doc.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            code.push_str(doc);
            code.push('\n');
        }
    }
    code
}

/// Whether the lines above an item document it, and whether they hold an example.
fn documentation(lines: &[&str]) -> (bool, bool) {
    let above = lines.iter().rev().take_while(|line| line.trim_start().starts_with("///") || line.trim_start().starts_with("#["));
    let docs: Vec<&&str> = above.filter(|line| line.trim_start().starts_with("///")).collect();
    (!docs.is_empty(), docs.iter().any(|line| line.contains("```")))
}

#[test]
fn every_public_item_is_shown_in_an_example() {
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    let (mut items, mut missing) = (0, Vec::new());
    for path in all {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        let (shown, lines) = (examples(text), text.lines().collect::<Vec<_>>());
        for (i, line) in lines.iter().enumerate() {
            let Some(rest) = line.trim_start().strip_prefix("pub ") else { continue };
            let mut words = rest
                .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                .filter(|word| *word != "const" || !rest.starts_with("const fn"));
            let (Some(kind), Some(name)) = (words.next(), words.next()) else { continue };
            if !["fn", "struct", "enum", "trait", "const"].contains(&kind) {
                continue;
            }
            items += 1;
            let (documented, has_example) = documentation(&lines[..i]);
            let used = shown.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
            if !documented || !(has_example || used) {
                missing.push(format!("{}:{}: {name}", path.display(), i + 1));
            }
        }
    }
    assert!(items > 150, "{items}");
    assert!(missing.is_empty(), "{} items without an example:\n{}", missing.len(), missing.join("\n"));
}
