//! `cargo xtask playground`: the page that shows what a policy does, built and served; and its tests.

use std::fs;
use std::path::Path;

use crate::build::show;
use crate::command::Command;
use crate::need::Need;
use crate::web::{self, OUT};

/// Where the page is written.
const PAGE: &str = "authz-wasm-web/www";

/// What is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// Files for any static host, served here.
    #[default]
    Files,
    /// One file that is opened as it is.
    SingleFile,
}

/// Builds the page, and serves it or says where it is.
pub(crate) fn run(root: &Path, form: Form) -> Result<(), String> {
    prepare(root)?;
    match form {
        Form::Files => {
            show(root, &npm("run build"))?;
            println!("the page is in {OUT}/playground, for any static host; it is served here until it is interrupted");
            show(root, &npm("run preview"))
        }
        Form::SingleFile => {
            show(root, &npm("run build -- --mode single"))?;
            println!("the page is {}", root.join(OUT).join("single/index.html").display());
            Ok(())
        }
    }
}

/// Tests the package in Node and the page in Chromium.
pub(crate) fn test(root: &Path) -> Result<(), String> {
    // Its fonts too, without which screenshots show no words.
    Need::Debian(&["chromium", "fonts-dejavu-core"]).provide(root)?;
    prepare(root)?;
    show(root, &npm("run types"))?;
    // Node imports modules of WebAssembly, as bundlers do, on demand only.
    show(root, &Command::new("node --experimental-wasm-modules --no-warnings --test authz-wasm-web/tests/package.test.mjs"))?;
    show(root, &npm("run build"))?;
    show(root, &npm("run build -- --mode single"))?;
    let outcome = show(root, &npm("test"));
    println!("screenshots are in {OUT}/screenshots");
    outcome
}

/// Builds the package, and installs what builds the page.
fn prepare(root: &Path) -> Result<(), String> {
    if Command::new("npm --version").output(root).is_none() {
        return Err("npm is missing; install Node.js 20.19 or newer".into());
    }
    web::package(root)?;
    let lock =
        fs::read(root.join(PAGE).join("package-lock.json")).map_err(|error| format!("{PAGE}/package-lock.json: {error}"))?;
    let stamp = root.join(PAGE).join("node_modules/.installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("the tools that build and test the page are not those of its lock file, so they are installed in {PAGE}");
    show(root, &npm("ci --no-audit --no-fund"))?;
    fs::write(&stamp, lock).map_err(|error| format!("{}: {error}", stamp.display()))
}

fn npm(arguments: &str) -> Command {
    Command::new(&format!("npm --prefix {PAGE} {arguments}"))
}
