//! Whether the packages say which compiler they take.

use std::fs;
use std::path::Path;

/// Checks that the workspace states `rust-version` and that every member takes it from there.
///
/// Whether that version builds the project is for a machine that has it.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let workspace = read(&root.join("Cargo.toml"))?;
    let version = workspace.lines().find_map(|line| line.strip_prefix("rust-version = "));
    let version = version.ok_or("Cargo.toml: `[workspace.package]` has no `rust-version`")?;
    let entries = fs::read_dir(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let manifests = entries.flatten().map(|entry| entry.path().join("Cargo.toml")).filter(|path| path.is_file());
    for path in manifests {
        let manifest = read(&path)?;
        // A package with a workspace of its own builds with nightly.
        let is_member = !manifest.lines().any(|line| line == "[workspace]");
        if is_member && !manifest.lines().any(|line| line == "rust-version.workspace = true") {
            return Err(format!("{}: write `rust-version.workspace = true`", path.display()));
        }
    }
    println!("every package takes Rust {} and later", version.trim_matches('"'));
    Ok(())
}

/// A file as text; an error names it.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
